# SPDX-License-Identifier: Apache-2.0
"""How long things are kept: links that end, channels that forget after days, what could not be sent and what could not be understood. Days pass by a
preloaded clock."""
import base64
import json
import os
import secrets
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers"))

import parley as p  # noqa: E402
from daemon import Daemon  # noqa: E402
from look import download, entries, eventually, files_below, redis_of, texts, threads, upload, wait  # noqa: E402
from telegram_double import TelegramDouble  # noqa: E402

HOUR, DAY = 3600, 86400


class Past(Daemon):
    """A daemon whose wall clock can be somewhere else."""
    shift = 0

    def at(self, seconds):
        """Goes on, started anew, at that time from now."""
        lib = os.path.join(self.dir, "clock.so")
        if not os.path.exists(lib):
            subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", lib, os.path.join(p.TOP, "tests/lib/clock.c")], check=True)
        if self.process:
            assert self.stop() == 0
        self.shift = seconds
        return self.start(env={"LD_PRELOAD": lib, "CLOCK_SHIFT_S": str(int(seconds)), "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"})

    def say(self, who, text, channel="app", **more):
        message = {"id": secrets.token_hex(8), "from": {"address": who}, "text": text, **more}
        status, said = self.hook({"messages": [message]}, channel=channel, at=time.time() + self.shift)
        assert status == 200, said

    def one(self, token, who):
        _, found = self.api("GET", "contacts?address=" + who.replace("+", "%2B"), token=token)
        return found["items"][0] if found["items"] else None


async def links_to_files_end_after_a_day():
    r = await p.Receiver().start()
    d = Past()
    d.settings_write(public_url=d.base)
    try:
        d.at(-25 * HOUR)
        doc = p.operation(d)
        doc["channels"][1]["settings"]["url"] = r.url
        d.apply(doc)
        token = d.token(role="integrator")
        d.say("tel:+905552000001", "I want to register")
        (t,) = threads(d, token)
        blob = upload(d, token, b"zqlinkedqz" * 50, "text/plain", "letter.txt")
        status, e = d.api("POST", f"threads/{t['id']}/entries", {"kind": "message", "attachments": [blob["id"]]}, token)
        assert status == 201, e
        sent = next(g for g in await r.wait(1, 20) if g["json"]["data"].get("attachments"))
        url = sent["json"]["data"]["attachments"][0]["url"]
        assert url.startswith(d.base + "/files/"), url
        path = url[len(d.base):]
        ask = lambda what=path: wait(lambda: (d.get(what).status + 1) % 504, 10) - 1  # 503 while it is being opened
        assert d.get(path).body == b"zqlinkedqz" * 50
        for i in (len("/files/"), len(path) // 2, len(path) - 3):  # each letter counts
            other = path[:i] + ("A" if path[i] != "A" else "B") + path[i + 1:]
            assert ask(other) in (403, 404, 410), other
        d.at(-1.5 * HOUR)  # a day is not over, and a restart changes nothing
        assert ask() == 200
        d.at(-0.5 * HOUR)
        assert ask() in (403, 404, 410)
        assert download(d, token, next(a["url"] for x in entries(d, token, t["id"], "message") for a in x["attachments"]))[1].startswith(b"zqlinked")
    finally:
        d.close()
        await r.stop()


async def channels_forget_after_their_days():
    d = Past()
    try:
        d.at(-2.5 * DAY)
        doc = p.operation(d)
        doc["channels"][1]["retention_days"] = 2
        doc["channels"].append({"id": "kept", "connector": "http", "settings": dict(doc["channels"][1]["settings"])})
        d.apply(doc)
        token, boss = d.token(role="integrator"), d.token(role="supervisor", agent="selin")
        gone, stays, other = "tel:+905552000011", "tel:+905552000012", "tel:+905552000013"
        file = {"data": base64.b64encode(secrets.token_bytes(3000)).decode(), "name": "a.bin", "type": "application/octet-stream"}
        d.say(gone, "zqoldqz register", attachments=[file])
        d.say(stays, "zqolderqz register")
        d.say(other, "zqkeptqz register", channel="kept")
        was = d.one(token, gone)
        for who in (gone, other):
            status, said = d.api("POST", f"threads/{d.one(token, who)['threads'][0]['id']}/resolve", {"outcome": "answered", "reason": "answered_in_person"}, boss)
            assert status == 200, said
        blobs = os.path.join(d.data, "blobs", "demo")
        assert len(list(files_below(blobs))) == 1
        keys = lambda: {v for k in redis_of(d, "keys").scan_iter("p:{demo}:k:*") for v in redis_of(d, "keys").hvals(k)}
        d.at(-1 * DAY)
        d.say(stays, "zqnewerqz register")
        await eventually(lambda: d.one(token, stays), 5)
        time.sleep(3)  # housekeeping has looked: nothing was old enough
        assert d.one(token, gone) and len(list(files_below(blobs))) == 1
        before = keys()
        d.at(0)
        await eventually(lambda: d.one(token, gone) is None, 30, 0.2)
        await eventually(lambda: not list(files_below(blobs)), 10)
        assert d.api("GET", f"threads/{was['threads'][0]['id']}", token=token)[0] == 404
        assert threads(d, token, q="zqoldqz") == []
        await eventually(lambda: len(before - keys()) == 1, 10)  # and with the person their key
        (t,) = d.one(token, stays)["threads"]
        await eventually(lambda: texts(d, token, t["id"], "in") == ["zqnewerqz register"], 10)
        (t,) = d.one(token, other)["threads"]
        assert texts(d, token, t["id"], "in") == ["zqkeptqz register"]
        verdict = d.cli_json("audit", "verify", "demo")
        assert verdict["intact"] is True, verdict
        done = wait(lambda: d.logged("retention"), 10)
        assert (done[0]["contacts"], done[0]["entries"]) == (1, 2), done
    finally:
        d.close()


async def what_could_not_be_sent_is_seen_and_replayed():
    r = await p.Receiver().start()
    d = p.Parley()
    try:
        d.start()
        doc = p.operation(d)
        doc["channels"][1]["settings"]["url"] = r.url
        d.apply(doc)
        token, root, agent = d.token(role="integrator"), d.token(role="administrator"), d.token(role="agent", agent="amal")

        async def never(request, item, web):
            return web.json_response({"error": "no such person"}, status=400)
        assert d.write("tel:+905552000021", "I want to register") == 200
        (t,) = threads(d, token)
        said = lambda: [e for e in entries(d, token, t["id"], "message") if e["status"] == "sent"]
        await eventually(lambda: len(said()) == 2, 20)  # what Parley itself says first
        r.answer = never
        sent = []
        for i in range(3):
            status, e = d.api("POST", f"threads/{t['id']}/entries", {"kind": "message", "text": f"dead {i}", "ref": f"d{i}"}, token)
            assert status == 201
            sent.append(e["id"])
        dead = lambda: d.api("GET", "channels/app/dead", token=root)[1]["items"]
        await eventually(lambda: len(dead()) == 3, 20)
        assert {e["status"] for e in entries(d, token, t["id"], "message") if e["id"] in sent} == {"failed"}
        assert "failed for good 3" in d.tool("status")
        assert d.api("GET", "channels/app/dead", token=agent)[0] in (403, 404)
        d.stop()  # it is kept over a restart
        d.start()
        items = dead()
        assert len(items) == 3
        r.answer, before = None, len(r.got)
        # A list that is longer than an answer: it is read in pages, and the oldest is found.
        data = redis_of(d, "data")
        one = data.xrange("p:{demo}:dead:app", count=1)[0][1][b"i"]
        later = [data.xadd("p:{demo}:dead:app", {"i": one}) for i in range(250)]
        seen, cursor = [], ""
        while True:
            status, page = d.api("GET", f"channels/app/dead?limit=100&before={cursor}", token=root)
            assert status == 200 and (len(page["items"]) > 0) == (page["next"] is not None), page
            if not page["items"]:
                break
            seen += [x["id"] for x in page["items"]]
            cursor = page["next"]
        assert len(seen) == len(set(seen)) == 253 and seen[250:] == [x["id"] for x in items], seen
        for bad in ("x", "1", "1-", "-1", "(1-1"):
            assert d.api("GET", f"channels/app/dead?before={bad}", token=root)[0] == 400, bad
            assert d.api("POST", f"channels/app/dead/{bad}/replay", token=root)[0] == 404, bad
        assert d.api("POST", f"channels/app/dead/{items[1]['id']}/replay", token=agent)[0] in (403, 404)
        assert d.api("POST", f"channels/app/dead/{items[1]['id']}/replay", token=root)[0] == 202
        data.xdel("p:{demo}:dead:app", *later)
        await eventually(lambda: len(r.got) == before + 1, 15)
        again = r.got[-1]
        assert again["headers"]["Webhook-Id"] in sent and again["json"]["data"]["text"].startswith("dead ")
        await eventually(lambda: len(dead()) == 2, 10)
        status, said = d.api("POST", f"channels/app/dead/{items[1]['id']}/replay", token=root)  # once only
        assert status in (404, 409), (status, said)
        await eventually(lambda: [e["status"] for e in entries(d, token, t["id"], "message") if e["id"] == again["headers"]["Webhook-Id"]] == ["sent"], 10)
        assert len(r.got) == before + 1 and "failed for good 2" in d.tool("status")
    finally:
        d.close()
        await r.stop()


async def what_could_not_be_understood_is_kept_and_the_rest_is_taken():
    tg = TelegramDouble().start()
    d = p.Parley().start()
    try:
        doc = p.operation(d)
        doc["channels"].append({"id": "tg", "connector": "telegram", "settings": {"token": tg.token, "mode": "poll", "api": tg.url}})
        d.apply(doc)
        token, root, agent = d.token(role="integrator"), d.token(role="administrator"), d.token(role="agent", agent="amal")
        batch = [tg.message(6001, "Ali", text=f"good {i}") for i in range(20)]
        bad = (7, 9, 15)
        for i in bad:
            batch[i] = tg.message(6001, "Ali", something_new={"value": f"zqbadqz {i}"})
        tg.write_all(batch)
        (t,) = await eventually(lambda: threads(d, token), 20)
        good = [f"good {i}" for i in range(20) if i not in bad]
        await eventually(lambda: [x for x in texts(d, token, t["id"], "in") if x.startswith("good")] == good, 20)
        kept = lambda more="": d.api("GET", "quarantine" + more, token=root)[1]
        await eventually(lambda: len(kept()["items"]) == len(bad), 10)
        items, page = [], kept("?limit=1")
        while page["items"]:
            items += page["items"]
            page = kept(f"?limit=1&before={page['next']}")
        assert page["next"] is None and items == kept()["items"], page
        for i, item in zip(reversed(bad), items):
            assert f"zqbadqz {i}" in json.dumps(item, ensure_ascii=False), item
        assert d.api("GET", "quarantine?before=x", token=root)[0] == 400
        assert d.api("GET", "quarantine", token=agent)[0] in (403, 404)
        assert "in quarantine 3" in d.tool("status")
        assert b"zqbadqz" not in b"".join(v for _, f in redis_of(d, "data").xrange("p:{demo}:quarantine") for v in f.values())
    finally:
        d.close()
        tg.stop()


TESTS = [links_to_files_end_after_a_day, channels_forget_after_their_days, what_could_not_be_sent_is_seen_and_replayed,
         what_could_not_be_understood_is_kept_and_the_rest_is_taken]

if __name__ == "__main__":
    p.run(TESTS)
