# SPDX-License-Identifier: Apache-2.0
"""Opening hours through the whole: the first notice and what is said when the office is closed, each once; the place in the queue; call-backs; and that
every timer fires once, also when the clock jumps."""
import asyncio
import datetime
import json
import os
import secrets
import struct
import subprocess
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
        doc["channels"].append({"id": "webclosed", "connector": "webchat", "area": "tr/izmir"})
        doc["areas"][1]["hours"] = span(60, 240)
        next(a for a in doc["agents"] if a["login"] == "farid").update(capacity={"chat": 3}, languages={"fa": 5})
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
        """The newest of that person; of sealed ones no name is shown: they are known by having come last."""
        found = threads(self.d, self.tokens["integrator"])
        return next((t for t in found if t["contact"]["name"] == who[-5:]), None) if who != "sealed" else next((t for t in found if t["clearance"] == 2), None)

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
    await asyncio.sleep(1.5)
    assert [s[0] for s in w.said(who)] == [first[0], "away"], w.said(who)
    out = await w.receiver.wait(4)
    assert sum("Test" in json.dumps(o["json"]) for o in out) >= 1


async def nobody_is_said_where_it_is_open(w):
    who = await w.say("Hello, I would like to register my family")
    first, nobody = await w.hears(who, 2)
    assert first[0].startswith("first-") and nobody[0] == "nobody" and "112" not in nobody[1], (first, nobody)


async def hours_are_told(w):
    status, got, _ = await w.call("GET", "hours", "supervisor")
    assert status == 200, got
    by = {i["area"]: i for i in got["items"]}
    assert set(by) == {None, "tr", "tr/izmir"}, by  # Germany is not theirs
    assert by[None]["always"] and by[None]["open"] and by[None]["next"] is None and by[None]["timezone"] == "Europe/Istanbul"
    one = by["tr/izmir"]
    assert not one["open"] and one["offset"] == 10800, one
    opens = datetime.datetime.fromisoformat(one["next"].replace("Z", "+00:00")) - datetime.datetime.now(datetime.timezone.utc)
    assert 57 * 60 < opens.total_seconds() <= 60 * 60, one
    status, got, _ = await w.call("GET", "hours", "integrator")
    assert [i["open"] for i in got["items"] if i["area"] == "de"] == [True], got


async def the_chat_page_says_it_before_somebody_writes(w):
    opens = [(datetime.datetime.now(ZONE) + datetime.timedelta(minutes=m)).strftime("%H:") for m in (60, 61)]
    line = '<p class="closed" data-t="closed_now">%s</p>'
    for lang, words in (("tr", "kapalı"), ("en", "closed"), ("ar", "المكتب")):
        _, _, page = w.d.get(f"/chat/demo/webclosed?lang={lang}")
        said = page.decode().split(line.split("%s")[0])[1].split("</p>")[0]
        assert words in said and (lang == "ar" or any(o in said for o in opens)), (lang, said)
        _, _, texts = w.d.get(f"/chat/demo/webclosed/texts/{lang}")
        assert json.loads(texts)["texts"]["closed_now"] in said, texts
    assert line % "" in w.d.get("/chat/demo/web?lang=tr")[2].decode()


async def how_long(w):
    """Turkish: who speaks it has room for one, and is not there."""
    first = await w.say("Merhaba, kayıt olmak istiyorum, lütfen bana yardım edin")
    await w.hears(first, 2)
    second = await w.say("Merhaba, ben de kayıt olmak istiyorum, teşekkür ederim")
    await w.hears(second, 2)
    await w.say("Ne kadar sürer?", who=second)
    said = await w.hears(second, 3)
    assert said[2][0] == "place" and "2" in said[2][1] and "söyleyemiyoruz" in said[2][1], said
    await w.say("ne kadar surer", who=second)  # folded alike, and soon after: nothing more is said
    # Who reports misconduct is not told how many others do.
    sealed = await w.say("I want to report misconduct by a staff member")
    await eventually(lambda: w.thread("sealed"))
    await w.say("how long", who=sealed)
    said = await eventually(lambda: (lambda s: s if any(x[0] == "answer" for x in s) else None)(w.said("sealed")))
    answer = [s for s in said if s[0] == "answer"]
    assert answer and not any(c.isdigit() for c in answer[0][1]), said
    assert not any("Test" in s[1] for s in said), said  # nothing that tells the provider whose service it is
    await asyncio.sleep(1)
    assert len(w.said(second)) == 3


async def call_backs(w):
    who = await w.say("Hello, please help me with the registration of my son")
    t = await eventually(lambda: w.thread(who))
    tid = {"thread": t["id"]}
    status, _, _ = await w.call("POST", "threads/{thread}/assign", "supervisor", tid, {"agent": "amal"})
    assert status == 200
    await w.say("please call me", who=who)
    one = await eventually(lambda: (lambda r: r[1] if r[0] == 200 else None)(w.api.call("GET", OPS + "threads/{thread}/callback", tid, None, w.tokens["agent"])))
    assert one["state"] == "due" and one["person"] and one["channel"] == "app" and one["agent"] is None, one
    status, listed, _ = await w.call("GET", "callbacks", "agent")
    assert status == 200 and [i["thread"]["id"] for i in listed["items"]] == [t["id"]], listed
    status, wrong, _ = await w.call("POST", "threads/{thread}/callback", "agent", tid, {"asked": "agent"})
    assert status == 409, wrong
    act = {**tid, "act": "take"}
    status, one, _ = await w.call("POST", "threads/{thread}/callback/{act}", "agent", act, {"version": one["version"]})
    assert status == 200 and one["state"] == "taken" and one["agent"] == "amal", one
    status, wrong, _ = await w.call("POST", "threads/{thread}/callback/{act}", "agent", act, {"version": 1})
    assert status == 409, wrong
    for n, state in ((1, "waiting"), (2, "waiting"), (3, "expired")):
        status, one, _ = await w.call("POST", "threads/{thread}/callback/{act}", "agent", {**tid, "act": "no_answer"}, {"version": one["version"]})
        assert status == 200 and (one["state"], one["tries"]) == (state, n), one
        if n < 3:
            status, one, _ = await w.call("POST", "threads/{thread}/callback/{act}", "agent", act, {"version": one["version"]})
    status, listed, _ = await w.call("GET", "callbacks", "agent")
    assert not listed["items"], listed
    what = [e["event"]["detail"] for e in entries(w.d, w.tokens["integrator"], t["id"], kind="event") if e["event"]["what"] == "callback"]
    assert what == ["due", "taken", "no_answer", "taken", "no_answer", "taken", "expired"], what
    # What they wish: only in the evening.
    status, got, _ = await w.call("PATCH", "contacts/{contact}", "agent", {"contact": t["contact"]["id"]}, {"safe": {"words": "not at home", "from": "18:00", "to": "20:00"}})
    assert status == 200 and got["safe"]["words"] == "not at home", got
    status, wrong, _ = await w.call("PATCH", "contacts/{contact}", "agent", {"contact": t["contact"]["id"]}, {"safe": {"from": "18:00"}})
    assert status == 400, wrong
    status, wrong, _ = await w.call("POST", "threads/{thread}/callback", "agent", tid, {"asked": "agent"})
    assert status == 409 and wrong["code"] == "unsafe", wrong
    # What is not safe holds for all, also for who writes from there in their name.
    status, wrong, _ = await w.call("POST", "threads/{thread}/safety", "agent", tid, {"unsafe": ["app"]})
    assert status == 200, wrong
    status, wrong, _ = await w.call("POST", "threads/{thread}/callback", "agent", tid, {"asked": "person"})
    assert status == 409 and wrong["code"] == "unsafe", wrong
    before = w.said(who)
    for text in ("how long", "please call me"):
        await w.say(text, who=who)
    day = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).strftime("%Y-%m-%d")
    body = {"asked": "agent", "channel": "web", "from": day + "T16:00:00Z", "note": "after work"}
    status, one, _ = await w.call("POST", "threads/{thread}/callback", "agent", tid, body)
    assert status == 201 and one["state"] == "waiting", one
    assert w.said(who) == before, w.said(who)
    # What becomes unsafe afterwards is not taken, and dropped where nobody answered.
    status, wrong, _ = await w.call("POST", "threads/{thread}/safety", "agent", tid, {"unsafe": ["*"]})
    assert status == 200, wrong
    status, wrong, _ = await w.call("POST", "threads/{thread}/callback/{act}", "agent", act, {"version": one["version"]})
    assert status == 409 and wrong["code"] == "unsafe", wrong
    status, wrong, _ = await w.call("POST", "threads/{thread}/safety", "agent", tid, {"unsafe": ["app"]})
    assert status == 200, wrong
    # Somebody else's threads do not exist.
    status, wrong, _ = await w.call("GET", "threads/{thread}/callback", "supervisor", {"thread": "a" * 26})
    assert status == 404, wrong
    sealed = w.thread("sealed")
    status, wrong, _ = await w.call("POST", "threads/{thread}/callback", "focal", {"thread": sealed["id"]}, {"asked": "agent"})
    assert status == 409 and wrong["code"] == "unsafe", wrong
    status, wrong, _ = await w.call("POST", "threads/{thread}/callback", "agent", {"thread": sealed["id"]}, {"asked": "person"})
    assert status == 404, wrong
    status, one, _ = await w.call("POST", "threads/{thread}/callback", "focal", {"thread": sealed["id"]}, {"asked": "person"})
    assert status == 201, one
    status, listed, _ = await w.call("GET", "callbacks", "agent")
    assert [i["thread"]["id"] for i in listed["items"]] == [t["id"]], listed


async def hours_end_while_somebody_waits(w):
    """And what is new in the document holds at once."""
    who = await w.say("Merhaba, bir sorum var, kayıt hakkında bilgi almak istiyorum")
    await w.hears(who, 2)
    w.doc["hours"] = span(-120, -1)
    await asyncio.to_thread(w.d.apply, w.doc)
    said = await w.hears(who, 3)
    assert [s[0] for s in said[1:]] == ["nobody", "away"] and "112" in said[2][1], said
    del w.doc["hours"]
    w.doc["hours"] = {"always": True}
    await asyncio.to_thread(w.d.apply, w.doc)


async def wording_and_versions(w):
    """The channel's words before the area's, these before those of the areas above and the operation's; the first notice with the opening."""
    doc = json.loads(json.dumps(w.doc))
    said = lambda text: {"en": {"notice.first": text}}
    doc["texts"] = said("ours")
    doc["areas"][0]["texts"], doc["areas"][2]["texts"] = said("of the country"), {"en": {"notice.privacy": "see {privacy}"}}
    http = doc["channels"][1]["settings"]
    doc["channels"] += [{"id": "a", "connector": "http", "area": "tr/izmir", "settings": http, "texts": said("of the channel")},
                        {"id": "b", "connector": "http", "area": "tr/izmir", "settings": http}, {"id": "c", "connector": "http", "area": "de", "settings": http}]
    doc["notice"] = {"version": "2026-11", "send": "opening"}
    await asyncio.to_thread(w.d.apply, doc)
    for channel, first in (("a", "of the channel"), ("b", "of the country"), ("c", "ours")):
        who = await w.say("Hello, I want to ask about the registration", channel=channel)
        got = (await w.hears(who, 1))[0]
        assert got[0] == "first-2026-11-en" and got[1].startswith(first) and "112" in got[1], (channel, got)
        assert ("see https" in got[1]) == (channel == "c"), got
    await w.say("And what about the school?", channel="c", who=who)
    doc["notice"]["version"] = "2026-12"  # told anew where somebody is told something again
    await asyncio.to_thread(w.d.apply, doc)
    await w.say("how long", channel="c", who=who)
    told = await w.hears(who, 3)
    assert [s[0] for s in told if s[0].startswith("first")] == ["first-2026-11-en", "first-2026-12-en"], told


async def an_honest_wait(w):
    """Whoever has the language takes three; the fourth is told its place, and a time from how fast it went."""
    farid = await p.AgentSocket(w.d, w.d.token(role="agent", agent="farid")).open()
    try:
        people = [await w.say(f"سلام، من برای {n} کمک می‌خواهم، لطفا به من بگویید چه کار کنم") for n in ("برادرم", "مادرم", "خواهرم")]
        for _ in people:
            t = (await farid.frame("thread.offered", 8))["thread"]
            ok = await farid.ask("accept", thread=t["id"])
            assert ok["type"] == "ok", ok
        who = await w.say("سلام، من هم برای پدرم کمک می‌خواهم، لطفا به من بگویید چه کار کنم")
        await eventually(lambda: w.thread(who))
        await w.say("چقدر طول می‌کشد؟", who=who)
        told = await eventually(lambda: next((s for s in w.said(who) if s[0] == "place"), None))
        assert "صف: ۱" in told[1] and "۲۰ دقیقه" in told[1], told  # three within the hour
    finally:
        await farid.close()


async def timers_fire_once_whatever_the_clock_does(w):
    """Call-backs with a window, while the wall clock of Redis and of the daemon is set forward, back, and over a restart."""
    d = p.Parley()
    lib, clock = os.path.join(d.dir, "clock.so"), os.path.join(d.dir, "clock")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", lib, os.path.join(p.TOP, "tests/lib/clock.c")], check=True)
    env = {"LD_PRELOAD": lib, "CLOCK_FILE": clock, "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"}
    shift = [0]

    def jump(seconds):
        shift[0] += seconds
        with open(clock, "r+b" if os.path.exists(clock) else "wb") as f:
            f.write(struct.pack("<q", shift[0]))

    def later(seconds):
        return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=shift[0] + seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    jump(0)
    await asyncio.to_thread(d.start, env=env)
    try:
        d.apply(p.operation(d))
        token = d.token(role="integrator")
        tids = []
        for n in range(3):
            body = json.dumps({"messages": [{"id": str(n), "from": {"address": f"tel:+9053100000{n}0"}, "text": "Hello, please help me"}]}).encode()
            assert d.request("POST", "/hooks/demo/app", body, d.signed(body))[0] == 200
        tids = [t["id"] for t in await eventually(lambda: (lambda f: f if len(f) == 3 else None)(threads(d, token)))]
        for tid, after in zip(tids, (7200, 10800, 14400)):
            status, one = d.api("POST", f"threads/{tid}/callback", {"asked": "person", "from": later(after), "to": later(after + 36000)}, token)
            assert status == 201 and one["state"] == "waiting", one

        def due(n):
            return [e["event"]["detail"] for e in entries(d, token, tids[n], kind="event") if e["event"]["what"] == "callback"].count("due")

        async def within_a_second(n):
            began = time.monotonic()
            await eventually(lambda: due(n), 3)
            assert time.monotonic() - began < 1.5, time.monotonic() - began  # a second, and what the looking takes

        jump(-3600)  # an hour back: nothing is due
        await asyncio.sleep(0.8)
        assert [due(n) for n in range(3)] == [0, 0, 0]
        jump(3600 + 7200 + 1)  # forward, over the first
        await within_a_second(0)
        assert (due(1), due(2)) == (0, 0)
        jump(-7200)  # and back again: it has fired
        await asyncio.sleep(0.8)
        d.stop()
        jump(7200 + 3600)  # the second comes while nobody is there
        await asyncio.to_thread(d.start, env=env)
        await eventually(lambda: due(1), 8)
        jump(3600)
        await within_a_second(2)
        jump(120)  # over the minute after which what was not finished comes again
        await asyncio.sleep(1.2)
        assert [due(n) for n in range(3)] == [1, 1, 1], [due(n) for n in range(3)]
    except Exception:
        print(d.tail(3000))
        raise
    finally:
        d.close()


async def what_people_are_told(w):
    """Each of them waits for seconds: all at once."""
    await asyncio.gather(closed_is_said_once(w), nobody_is_said_where_it_is_open(w), how_long(w), timers_fire_once_whatever_the_clock_does(w))


TESTS = [what_people_are_told, hours_are_told, the_chat_page_says_it_before_somebody_writes, call_backs, hours_end_while_somebody_waits, wording_and_versions, an_honest_wait]

if __name__ == "__main__":
    run_shared(World, TESTS)
