# SPDX-License-Identifier: Apache-2.0
"""Opening hours through the whole: the first notice and what is said when the office is closed, each once; the place in the queue; call-backs; and that
every timer fires once, also when the clock jumps."""
import asyncio
import datetime
import json
import secrets
import time

import parley as p
from look import entries, eventually, run_shared, threads
from openapi import Api

OPS = "/api/v1/ops/{op}/"
ZONE = datetime.timezone(datetime.timedelta(hours=3))  # Europe/Istanbul


def span(begin, end):
    """A week in which the office is open each day from so many minutes from now to so many."""
    now = datetime.datetime.now(ZONE)
    day = [(now + datetime.timedelta(minutes=m)).strftime("%H:%M") for m in (begin, end)]
    return {"week": {d: ["-".join(day)] for d in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}}


class World:
    async def open(self):
        self.d = d = p.Parley().start()
        self.receiver = await p.Receiver().start()
        self.doc = doc = p.operation(d, emergency={"en": "112", "ar": "112"}, privacy="https://example.org/privacy")
        doc["channels"][1]["settings"]["url"] = self.receiver.url
        doc["areas"] += [{"id": "de", "name": {"en": "Germany"}, "timezone": "Europe/Berlin", "hours": {"always": True}}]
        doc["channels"].append({"id": "closed", "connector": "http", "area": "tr/izmir", "settings": doc["channels"][1]["settings"]})
        doc["areas"][1]["hours"] = span(60, 240)
        d.apply(doc)
        self.api = Api(d)
        self.tokens = {"integrator": d.token(role="integrator", clearance=2)}
        for role, agent in (("agent", "amal"), ("supervisor", "selin"), ("focal", "nadia")):
            self.tokens[role] = d.token(role=role, agent=agent, clearance=2 if role == "focal" else 0)
        return self

    async def close(self, failed):
        if failed:
            print(self.d.tail(4000))
        self.d.close()
        await self.receiver.stop()

    async def call(self, method, path, role, args=None, body=None, **more):
        return await asyncio.to_thread(self.api.call, method, OPS + path, args, body, self.tokens[role], **more)

    async def say(self, text, channel="app", who=None, **more):
        """A message of a person; their address."""
        who = who or f"tel:+90531{secrets.randbelow(9 * 10**6) + 10**6}"
        message = {"id": secrets.token_hex(8), "from": {"address": who, "name": who[-5:]}, "text": text, **more}
        status, answer = await asyncio.to_thread(self.d.hook, {"messages": [message]}, channel=channel)
        assert status == 200, answer
        return who

    def thread(self, who):
        return next((t for t in threads(self.d, self.tokens["integrator"]) if t["contact"]["name"] == who[-5:]), None)

    def said(self, who):
        """What Parley said, as (what it is, text)."""
        t = self.thread(who)
        return [(e["notice"], e["text"]) for e in entries(self.d, self.tokens["integrator"], t["id"]) if e.get("notice")] if t else []

    async def hears(self, who, n, seconds=8):
        return await eventually(lambda: (lambda s: s if len(s) >= n else None)(self.said(who)), seconds)


async def closed_is_said_once(w):
    who = await w.say("Hello, I want to ask about registration", channel="closed")
    first, away = await w.hears(who, 2)
    assert first[0].startswith("first-") and "112" in first[1] and "example.org/privacy" in first[1] and "Test" in first[1], first
    assert away[0] == "away" and "112" not in away[1], away  # the number was said with the first notice
    opens = datetime.datetime.now(ZONE) + datetime.timedelta(minutes=60)
    assert opens.strftime("%H:") in away[1] or (opens + datetime.timedelta(minutes=1)).strftime("%H:") in away[1], away
    await w.say("Are you there? I need an answer please", channel="closed", who=who)
    ar = await w.say("مرحبا أريد أن أسأل عن التسجيل والموعد من فضلكم", channel="closed")
    said = await w.hears(ar, 2)
    assert any("٠" <= c <= "٩" for c in said[1][1]) and "المكتب" in said[1][1], said
    await asyncio.sleep(2.5)
    assert [s[0] for s in w.said(who)] == [first[0], "away"], w.said(who)
    out = await w.receiver.wait(4)
    assert sum("Test" in json.dumps(o["json"]) for o in out) >= 1


async def nobody_is_said_where_it_is_open(w):
    who = await w.say("Hello, I would like to register my family")
    first, nobody = await w.hears(who, 2)
    assert first[0].startswith("first-") and nobody[0] == "nobody" and "112" not in nobody[1], (first, nobody)


TESTS = [closed_is_said_once, nobody_is_said_where_it_is_open]

if __name__ == "__main__":
    run_shared(World, TESTS)
