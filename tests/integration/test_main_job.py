#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The main job, end to end: a person writes in Arabic, the right agent is offered it, answers, and the person has the answer."""
import asyncio
import json
import time

import parley as p

ARABIC = "السلام عليكم، أريد أن أعرف متى موعد التسجيل الجديد لعائلتي في إزمير"
PERSIAN = "سلام، من برای دیدن دکتر به بیمارستان می‌روم، چه مدارکی لازم است؟"


async def office(receiver=None, **settings):
    d = p.Parley(settings).start()
    doc = p.operation(d)
    if receiver:
        doc["channels"][1]["settings"]["url"] = receiver.url
    d.apply(doc)
    return d


async def arabic_goes_to_the_agent_who_speaks_it_and_back():
    r = await p.Receiver().start()
    d = await office(r)
    try:
        amal = await p.AgentSocket(d, d.token(agent="amal", role="agent")).open()
        farid = await p.AgentSocket(d, d.token(agent="farid", role="agent")).open()
        assert d.write("tel:+905551234567", ARABIC, id="m1") == 200
        offer = await amal.frame("thread.offered")
        t = offer["thread"]
        assert t["language"] == {"tag": "ar", "how": "guessed"}, t["language"]
        assert t["topic"] == "registration", t["topic"]
        ok = await amal.ask("accept", thread=t["id"])
        assert ok["type"] == "ok" and ok["thread"]["state"] == "assigned", ok
        status, entries = d.api("GET", f"threads/{t['id']}/entries", token=amal.token)
        assert status == 200
        texts = [e["text"] for e in entries["items"] if e["kind"] == "message"]
        assert texts == [ARABIC], texts
        answer = "وعليكم السلام، التسجيل يبدأ يوم الاثنين"
        ok = await amal.ask("send", thread=t["id"], text=answer)
        assert ok["type"] == "ok", ok
        got = (await r.wait(1))[0]["json"]["data"]
        assert got["text"] == answer and got["to"].endswith("tel:+905551234567"), got
        sent = await amal.frame("entry.status", where=lambda f: f["entry"] == ok["entry"]["id"] and f["status"] == "sent")
        assert sent
        assert not [f for f in farid.frames if f["type"] in ("thread.offered", "entry.added", "thread.changed", "thread.assigned")], farid.frames
        await amal.close()
        await farid.close()
    finally:
        d.close()
        await r.stop()


async def persian_goes_to_another():
    d = await office()
    try:
        amal = await p.AgentSocket(d, d.token(agent="amal", role="agent")).open()
        farid = await p.AgentSocket(d, d.token(agent="farid", role="agent")).open()
        assert d.write("tel:+989121234567", PERSIAN) == 200
        t = (await farid.frame("thread.offered"))["thread"]
        assert t["language"]["tag"] in ("fa", "prs") and t["topic"] == "health", t
        assert not [f for f in amal.frames if f["type"].startswith("thread")]
        await amal.close()
        await farid.close()
    finally:
        d.close()


async def the_same_id_again_changes_nothing():
    d = await office()
    try:
        token = d.token(role="integrator")
        for _ in range(5):
            assert d.write("tel:+905551234567", ARABIC, id="same") == 200
        status, threads = d.api("GET", "threads", token=token)
        assert status == 200 and len(threads["items"]) == 1, threads
        assert threads["items"][0]["contact"]["id"]
        status, entries = d.api("GET", f"threads/{threads['items'][0]['id']}/entries", token=token)
        assert len([e for e in entries["items"] if e["kind"] == "message"]) == 1
    finally:
        d.close()


async def a_declined_offer_goes_to_the_next_and_nobody_is_told_once():
    r = await p.Receiver().start()
    d = await office(r)
    try:
        assert d.write("tel:+905551234567", ARABIC) == 200
        notice, nobody = [g["json"]["data"] for g in await r.wait(2, seconds=20)]  # who we are; nobody is there: each said once
        assert "Test" in notice["text"] and nobody["text"] and "Test" not in nobody["text"]
        assert d.write("tel:+905551234567", "هل هناك أحد؟") == 200
        await asyncio.sleep(2)
        assert len(r.got) == 2, [g["json"] for g in r.got]
        amal = await p.AgentSocket(d, d.token(agent="amal", role="agent")).open()
        t = (await amal.frame("thread.offered"))["thread"]
        nadia = await p.AgentSocket(d, d.token(agent="nadia", role="agent")).open()
        ok = await amal.ask("decline", thread=t["id"])
        assert ok["type"] == "ok", ok
        again = (await nadia.frame("thread.offered"))["thread"]
        assert again["id"] == t["id"]
        await amal.frame("offer.ended")
        await amal.close()
        await nadia.close()
    finally:
        d.close()
        await r.stop()


async def a_socket_resumes_with_no_event_missed():
    d = await office()
    try:
        amal = await p.AgentSocket(d, d.token(agent="amal", role="agent")).open()
        assert d.write("tel:+905551234567", ARABIC) == 200
        t = (await amal.frame("thread.offered"))["thread"]
        await amal.ask("accept", thread=t["id"])
        await amal.frame("thread.assigned")
        after = amal.after
        await amal.close()
        for i in range(20):
            assert d.write("tel:+905551234567", f"رسالة رقم {i}") == 200
        again = await p.AgentSocket(d, amal.token).open(after=after)
        texts = [f["entry"]["text"] for f in again.frames if f["type"] == "entry.added" and f["entry"]["direction"] == "in"]
        assert texts == [f"رسالة رقم {i}" for i in range(20)], texts
        await again.close()
    finally:
        d.close()


async def the_webchat_socket_carries_both_ways():
    import sockets
    d = await office()
    try:
        amal = await p.AgentSocket(d, d.token(agent="amal", role="agent")).open()
        async with sockets.connect(f"ws://127.0.0.1:{d.port}/ws/chat/demo/web", subprotocols=["parley.chat.v1"], origin=d.base, compression=None) as ws:
            await ws.send(json.dumps({"type": "hello", "session": None, "after": None, "locale": "ar"}))
            welcome = json.loads(await asyncio.wait_for(ws.recv(), 10))
            assert welcome["type"] == "welcome", welcome
            await ws.send(json.dumps({"type": "send", "ref": "c1", "text": ARABIC}))
            seen = {}
            while "ack" not in seen:
                f = json.loads(await asyncio.wait_for(ws.recv(), 10))
                seen[f["type"]] = f
            t = (await amal.frame("thread.offered"))["thread"]
            assert t["language"]["tag"] == "ar" and t["channel"] == "web"
            await amal.ask("accept", thread=t["id"])
            ok = await amal.ask("send", thread=t["id"], text="أهلا بك")
            assert ok["type"] == "ok", ok
            while True:
                f = json.loads(await asyncio.wait_for(ws.recv(), 10))
                if f["type"] == "entry" and f["entry"]["direction"] == "out" and f["entry"]["text"] == "أهلا بك":
                    break
            await ws.send(json.dumps({"type": "read", "id": f["entry"]["id"]}))
            await amal.frame("entry.status", where=lambda s: s["status"] == "read" and s["entry"] == ok["entry"]["id"])
        await amal.close()
    finally:
        d.close()


async def misconduct_is_sealed_to_the_focal_points():
    d = await office()
    try:
        amal = await p.AgentSocket(d, d.token(agent="amal", role="agent")).open()
        nadia = await p.AgentSocket(d, d.token(agent="nadia", role="agent", clearance=2)).open()
        assert d.write("tel:+905551234567", "I want to report misconduct by a staff member") == 200
        t = (await nadia.frame("thread.offered"))["thread"]
        assert t["clearance"] == 2, t
        assert t["last"]["preview"] is None
        assert not [f for f in amal.frames if f["type"] not in ("queues", "presence")], amal.frames
        assert all(f["agent"]["load"] is None for f in amal.frames if f["type"] == "presence" and f["agent"]["id"] == "nadia")
        for path in ("threads", f"threads/{t['id']}", f"threads/{t['id']}/entries", "queues", f"contacts/{t['contact']['id']}", "threads?q=misconduct"):
            status, body = d.api("GET", path, token=amal.token)
            assert t["id"] not in json.dumps(body) and status in (200, 404), (path, status, body)
        await amal.close()
        await nadia.close()
    finally:
        d.close()


async def a_user_who_is_disabled_loses_the_socket_within_a_second():
    d = await office()
    try:
        amal = await p.AgentSocket(d, d.token(agent="amal", role="agent")).open()
        d.tool("user", "disable", "amal")
        began = time.time()
        await asyncio.wait_for(amal.reader, 3)  # ends with the close frame
        assert time.time() - began < 1.5
    finally:
        d.close()


async def a_token_that_ends_takes_its_sockets_with_it():
    d = await office()
    try:
        amal = await p.AgentSocket(d, d.token(agent="amal", role="agent")).open()
        listed = json.loads(d.tool("--json", "token", "list", "demo"))
        ids = [t["id"] for t in (listed if isinstance(listed, list) else next(v for v in listed.values() if isinstance(v, list)))]
        assert len(ids) == 1, listed
        d.tool("token", "end", ids[0])
        await asyncio.wait_for(amal.reader, 20)
    finally:
        d.close()


if __name__ == "__main__":
    p.run([arabic_goes_to_the_agent_who_speaks_it_and_back, persian_goes_to_another, the_same_id_again_changes_nothing,
           a_declined_offer_goes_to_the_next_and_nobody_is_told_once, a_socket_resumes_with_no_event_missed,
           the_webchat_socket_carries_both_ways, misconduct_is_sealed_to_the_focal_points,
           a_user_who_is_disabled_loses_the_socket_within_a_second, a_token_that_ends_takes_its_sockets_with_it])
