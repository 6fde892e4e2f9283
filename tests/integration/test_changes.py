# SPDX-License-Identifier: Apache-2.0
"""Agents change what they wrote: edits, deletions and reactions, as entries and as the person sees them. What a thread's last agent may do
once it is resolved, what a transfer tells of colleagues, and what sockets are told of the queues."""
import asyncio
import json
import secrets

import parley as p
import sockets
from look import entries, eventually, run_shared
from openapi import Api

OPS = "/api/v1/ops/{op}/"


class World:
    async def open(self):
        self.d = d = p.Parley().start()
        self.receiver = await p.Receiver().start()
        doc = p.operation(d)
        doc["channels"][1]["settings"]["url"] = self.receiver.url
        doc["channels"].append({"id": "broken", "connector": "http", "settings": {"url": self.receiver.url + "/nowhere", "secret": d.secret}})
        doc["languages"] += ["fr", "so"]
        doc["teams"].append({"id": "legal", "name": {"en": "Legal"}})
        doc["agents"].append({"login": "lena", "name": "Lena", "team": "legal", "roles": ["agent"], "areas": ["tr"], "languages": {"fr": 5}, "topics": ["*"],
                              "capacity": {"chat": 9}})
        doc["agents"].append({"login": "hodan", "name": "Hodan", "team": "legal", "roles": ["agent"], "areas": ["tr"], "languages": {"so": 5}, "topics": ["*"],
                              "capacity": {"chat": 9}})
        d.apply(doc)
        self.api = Api(d)
        self.tokens = {login: d.token(agent=login, role="supervisor" if login == "selin" else "agent") for login in ("amal", "farid", "selin", "lena", "hodan")}
        self.amal = await p.AgentSocket(d, self.tokens["amal"]).open()
        return self

    async def close(self, failed):
        if failed:
            print(self.d.tail(4000))
        await self.amal.close()
        self.d.close()
        await self.receiver.stop()

    async def thread(self, text="I want to register", channel="app"):
        """A new person's thread, amal's; and the person's address."""
        who = f"tel:+90531{secrets.randbelow(9 * 10**6) + 10**6}"
        status, answer = await asyncio.to_thread(self.d.hook, {"messages": [{"id": "in-" + who[-7:], "from": {"address": who}, "text": text}]}, channel=channel)
        assert status == 200, answer
        offer = await self.amal.frame("thread.offered")
        assert (await self.amal.ask("accept", thread=offer["thread"]["id"]))["type"] == "ok"
        return offer["thread"]["id"], who

    async def call(self, method, path, login, thread, body=None, **more):
        return await asyncio.to_thread(self.api.call, method, OPS + path, {"thread": thread}, body, self.tokens[login], **more)

    async def post(self, login, thread, **body):
        return (await self.call("POST", "threads/{thread}/entries", login, thread, body))[:2]

    async def said(self, thread, kind="message", direction="in"):
        found = await asyncio.to_thread(entries, self.d, self.tokens["selin"], thread)
        return [e for e in found if e["kind"] == kind and e["direction"] == direction]


async def what_was_sent_is_changed_where_it_went(w):
    t, who = await w.thread()
    [theirs] = await w.said(t)
    status, sent = await w.post("amal", t, kind="message", text="come on Monday")
    assert status == 201, sent
    status, edit = await w.post("amal", t, kind="edit", target=sent["id"], text="come on Tuesday", ref="e1")
    assert status == 201 and edit["kind"] == "edit" and edit["target"] == sent["id"] and edit["text"] == "come on Tuesday" and edit["direction"] == "out", edit
    status, again = await w.post("amal", t, kind="edit", target=sent["id"], text="come on Tuesday", ref="e1")
    assert status == 200 and again["id"] == edit["id"]
    status, reaction = await w.post("amal", t, kind="reaction", target=theirs["id"], emoji="\U0001f44d")
    assert status == 201 and reaction["kind"] == "reaction" and reaction["target"] == theirs["id"] and reaction["text"] == "\U0001f44d", reaction
    status, back = await w.post("amal", t, kind="reaction", target=theirs["id"], emoji="")
    assert status == 201 and back["text"] == "", back
    ok = await w.amal.ask("deletion", thread=t, target=sent["id"])
    assert ok["type"] == "ok" and ok["entry"]["kind"] == "deletion" and ok["entry"]["target"] == sent["id"], ok
    # The program on the other side is told, in order, with its own ids.
    got = {}
    for type, n in (("message.edit", 1), ("reaction", 2), ("message.delete", 1)):
        got[type] = [g["json"]["data"] for g in await w.receiver.wait(n, type=type)]
    [edited], [deleted], [up, down] = got["message.edit"], got["message.delete"], got["reaction"]
    assert edited["target"] == deleted["target"] == "ext-" + sent["id"] and edited["text"] == "come on Tuesday" and edited["to"] == who, edited
    assert up["target"] == "in-" + who[-7:] and up["text"] == "\U0001f44d" and not down.get("text"), (up, down)
    order = [g["json"]["type"] for g in w.receiver.got if g["json"]["data"]["to"] == who]
    assert order == ["message.send", "message.edit", "reaction", "reaction", "message.delete"], order
    for e in (edit, reaction, back, ok["entry"]):
        await w.amal.frame("entry.status", where=lambda f: f["entry"] == e["id"] and f["status"] == "sent")
    # It is gone: there is nothing to edit.
    status, body = await w.post("amal", t, kind="edit", target=sent["id"], text="come on Friday")
    assert status == 409 and "deleted" in body["detail"], body
    # What is in the thread stays as it was; the changes stand beside it.
    assert [e["text"] for e in await w.said(t, direction="out")] == ["come on Monday"]


async def a_change_goes_where_its_message_went(w):
    t, who = await w.thread()
    other = "tel:+4930" + who[-7:]
    status, sent = await w.post("amal", t, kind="message", text="come on Monday")
    assert status == 201, sent
    status, answer = await asyncio.to_thread(w.d.hook, {"messages": [{"id": "in-o" + who[-7:], "from": {"address": other, "also": who}, "text": "my other one"}]})
    assert status == 200, answer
    status, edit = await w.post("amal", t, kind="edit", target=sent["id"], text="come on Tuesday")
    assert status == 201, edit
    await w.amal.frame("entry.status", where=lambda f: f["entry"] == edit["id"] and f["status"] == "sent")
    [to] = [g["json"]["data"]["to"] for g in w.receiver.got if g["json"]["type"] == "message.edit" and g["json"]["data"]["target"] == "ext-" + sent["id"]]
    assert to == who, to
    assert len(await w.said(t)) == 2
    status, new = await w.post("amal", t, kind="message", text="and now")
    await w.amal.frame("entry.status", where=lambda f: f["entry"] == new["id"] and f["status"] == "sent")
    [to] = [g["json"]["data"]["to"] for g in w.receiver.got if g["json"]["type"] == "message.send" and g["json"]["data"].get("text") == "and now"]
    assert to == other, "what is new goes where they wrote last"


async def what_may_not_be_changed(w):
    t, _ = await w.thread()
    other, _ = await w.thread()
    [theirs], [elsewhere] = await w.said(t), await w.said(other)
    status, sent = await w.post("amal", t, kind="message", text="hello")
    status, note = await w.post("amal", t, kind="note", text="between us")
    status, by_selin = await w.post("selin", t, kind="message", text="selin here")
    assert status == 201
    for bad in ({"kind": "edit", "target": sent["id"]}, {"kind": "edit", "target": sent["id"], "text": ""}, {"kind": "edit", "text": "x"},
                {"kind": "edit", "target": "x", "text": "x"}, {"kind": "edit", "target": theirs["id"], "text": "x"}, {"kind": "edit", "target": note["id"], "text": "x"},
                {"kind": "edit", "target": elsewhere["id"], "text": "x"}, {"kind": "deletion", "target": theirs["id"]}, {"kind": "deletion", "target": sent["id"], "text": "x"},
                {"kind": "reaction", "target": sent["id"], "emoji": "x"}, {"kind": "reaction", "target": elsewhere["id"], "emoji": "x"},
                {"kind": "reaction", "target": theirs["id"]}, {"kind": "reaction", "target": theirs["id"], "emoji": "x" * 65}, {"kind": "edit", "target": "a" * 26, "text": "x"}):
        status, body = await w.post("amal", t, **bad)
        assert status == 400, (bad, status, body)
    assert (await w.post("amal", t, kind="edit", target=sent["id"], text="x" * 65537))[0] == 413
    # One's own; a supervisor may change everybody's.
    assert (await w.post("amal", t, kind="edit", target=by_selin["id"], text="no"))[0] == 403
    assert (await w.post("selin", t, kind="edit", target=sent["id"], text="hello there"))[0] == 201
    assert (await w.post("farid", t, kind="edit", target=sent["id"], text="no"))[0] == 404
    # What was never sent has nobody who could see the change.
    b, _ = await w.thread(channel="broken")
    status, failed = await w.post("amal", b, kind="message", text="lost")
    await w.amal.frame("entry.status", where=lambda f: f["entry"] == failed["id"] and f["status"] == "failed")
    assert (await w.post("amal", b, kind="edit", target=failed["id"], text="x"))[0] == 409
    # The lists tell that it was not.
    status, thread, _ = await w.call("GET", "threads/{thread}", "amal", b)
    assert (thread["last"]["status"], thread["last"]["seq"]) == ("failed", failed["seq"]), thread
    await w.call("POST", "threads/{thread}/resolve", "amal", t, {"reason": "answered_in_person"})
    assert (await w.post("amal", t, kind="edit", target=sent["id"], text="late"))[0] == 409


async def the_webchat_shows_edits_and_deletions(w):
    async with sockets.connect(f"ws://127.0.0.1:{w.d.port}/ws/chat/demo/web", subprotocols=["parley.chat.v1"], origin=w.d.base, compression=None) as ws:
        async def entry(where):
            while True:
                f = json.loads(await asyncio.wait_for(ws.recv(), 10))
                if f["type"] == "entry" and where(f["entry"]):
                    return f["entry"]
        await ws.send(json.dumps({"type": "hello", "session": None, "after": None, "locale": "en"}))
        await ws.send(json.dumps({"type": "send", "ref": "c1", "text": "I want to register please"}))
        offer = await w.amal.frame("thread.offered")
        t = offer["thread"]["id"]
        await w.amal.ask("accept", thread=t)
        ok = await w.amal.ask("send", thread=t, text="on Monday")
        sent = await entry(lambda e: e["direction"] == "out" and e["text"] == "on Monday")
        assert sent["id"] == ok["entry"]["id"]
        edit = await w.amal.ask("edit", thread=t, target=sent["id"], text="on Tuesday")
        assert edit["type"] == "ok" and edit["entry"]["kind"] == "edit", edit
        seen = await entry(lambda e: e["kind"] == "edit")
        assert seen["of"] == sent["id"] and seen["text"] == "on Tuesday", seen
        assert (await w.amal.ask("deletion", thread=t, target=sent["id"]))["type"] == "ok"
        seen = await entry(lambda e: e["kind"] == "edit" and e.get("deleted"))
        assert seen["of"] == sent["id"], seen
        # It has no reactions, and says so.
        [theirs] = await w.said(t)
        no = await w.amal.ask("reaction", thread=t, target=theirs["id"], emoji="\U0001f44d")
        assert no["type"] == "error" and no["code"] == "unsupported", no
        status, body = await w.post("amal", t, kind="reaction", target=theirs["id"], emoji="\U0001f44d")
        assert status == 409 and body["code"] == "unsupported", body


async def what_came_later_is_not_theirs_who_had_it_before(w):
    t, who = await w.thread()
    assert (await w.call("POST", "threads/{thread}/resolve", "amal", t, {"reason": "answered_in_person"}))[0] == 200
    assert await asyncio.to_thread(w.d.write, who, "one thing more, about amal") == 200
    await w.amal.frame("thread.offered", where=lambda f: f["thread"]["id"] == t)
    status, got, _ = await w.call("POST", "threads/{thread}/resolve", "selin", t, {"note": "amal is to be talked to", "reason": "answered_in_person"})
    assert status == 200, got
    assert (await w.call("GET", "threads/{thread}", "amal", t))[0] == 404
    assert (await w.call("GET", "threads/{thread}/entries", "amal", t))[0] == 404


async def who_resolves_a_thread_may_reopen_it(w):
    t, _ = await w.thread()
    status, got, _ = await w.call("POST", "threads/{thread}/resolve", "amal", t, {"outcome": "answered", "reason": "answered_in_person"})
    assert status == 200 and got["state"] == "resolved"
    frame = await w.amal.frame("thread.changed", where=lambda f: f["thread"]["id"] == t and f["thread"]["state"] == "resolved")
    assert frame["thread"]["outcome"] == "answered"
    status, got, _ = await w.call("GET", "threads/{thread}", "amal", t)
    assert status == 200, got
    status, page, _ = await w.call("GET", "threads/{thread}/entries", "amal", t)
    assert status == 200 and page["items"]
    status, found, _ = await w.call("GET", "threads", "amal", t, query={"state": "resolved"})
    assert t in [x["id"] for x in found["items"]]
    assert (await w.call("GET", "threads/{thread}", "farid", t))[0] == 404
    assert (await w.call("POST", "threads/{thread}/reopen", "farid", t, {}))[0] == 404
    status, got, _ = await w.call("POST", "threads/{thread}/reopen", "amal", t, {})
    assert status == 200 and got["state"] in ("waiting", "offered", "assigned"), got
    # Who gave it away before it was resolved had it last no more.
    t, _ = await w.thread("I want to register too")
    status, got, _ = await w.call("POST", "threads/{thread}/transfer", "amal", t, {"language": "fr", "team": "legal"})
    assert status == 200, got
    assert (await w.call("POST", "threads/{thread}/resolve", "selin", t, {"reason": "answered_in_person"}))[0] == 200
    assert (await w.call("GET", "threads/{thread}", "amal", t))[0] == 404
    status, found, _ = await w.call("GET", "threads", "amal", t, query={"state": "resolved"})
    assert t not in [x["id"] for x in found["items"]]


async def who_had_a_thread_is_told_that_another_gets_it(w):
    t, _ = await w.thread()
    assert (await w.call("POST", "threads/{thread}/resolve", "amal", t, {"reason": "answered_in_person"}))[0] == 200
    await w.amal.frame("thread.changed", where=lambda f: f["thread"]["id"] == t and f["thread"]["state"] == "resolved")
    assert (await w.amal.ask("presence", presence="away"))["type"] == "ok"
    assert (await w.call("POST", "threads/{thread}/reopen", "selin", t, {}))[0] == 200
    await w.amal.frame("thread.gone", where=lambda f: f["thread"] == t)
    assert (await w.call("GET", "threads/{thread}", "amal", t))[0] == 404
    assert (await w.call("POST", "threads/{thread}/resolve", "selin", t, {"reason": "answered_in_person"}))[0] == 200
    assert (await w.amal.ask("presence", presence="online"))["type"] == "ok"


async def a_transfer_tells_nothing_of_hidden_colleagues(w):
    t, _ = await w.thread()
    answers = [await w.call("POST", "threads/{thread}/transfer", "amal", t, {"agent": agent}) for agent in ("lena", "nobody")]
    assert answers[0][0] == 400 and answers[0][:2] == answers[1][:2], answers  # lena is of another team
    assert (await w.call("POST", "threads/{thread}/resolve", "amal", t, {"note": "x" * 65537}))[0] == 413
    assert (await w.call("POST", "threads/{thread}/transfer", "amal", t, {"agent": "farid", "note": "y" * 65537}))[0] == 413
    assert (await w.call("POST", "threads/{thread}/transfer", "amal", t, {"agent": "farid"}))[0] == 200


async def who_comes_for_the_first_time_is_online(w):
    """Nobody may hear that she came, and her load is told when something is offered to her."""
    hodan = await p.AgentSocket(w.d, w.tokens["hodan"]).open()
    try:
        text = "Waan ku salaamayaa, waxaan rabaa inaan ogaado sida aan u heli karo kaarka isbitaalka ee caruurteyda"
        assert (await asyncio.to_thread(w.d.write, f"tel:+90532{secrets.randbelow(9 * 10**6) + 10**6}", text)) == 200
        await hodan.frame("thread.offered")
        told = await hodan.frame("presence", where=lambda f: f["agent"]["load"] == 1)
        assert told["agent"]["presence"] == "online", told
    finally:
        await hodan.close()


async def queues_are_told_when_they_change_and_only_then(w):
    """French has nobody here but lena."""
    lena = await p.AgentSocket(w.d, w.tokens["lena"]).open()
    selin = await p.AgentSocket(w.d, w.tokens["selin"]).open()
    try:
        assert (await lena.ask("presence", presence="away"))["type"] == "ok"
        farid = await p.AgentSocket(w.d, w.tokens["farid"]).open()
        await asyncio.sleep(1.2)
        for s in (lena, selin, farid):
            s.frames.clear()
        who = f"tel:+90531{secrets.randbelow(9 * 10**6) + 10**6}"
        text = "Bonjour, je voudrais savoir comment obtenir une carte de transport pour mes enfants, merci beaucoup"
        assert (await asyncio.to_thread(w.d.write, who, text)) == 200
        for s in (lena, selin):
            f = await s.frame("queues", where=lambda f: any(i["language"] == "fr" for i in f["items"]))
            [item] = [i for i in f["items"] if i["language"] == "fr"]
            assert item["waiting"] == 1, f
        assert f["mine"]["waiting"] == 0  # selin's is another language
        await asyncio.sleep(1.5)
        assert not [f for s in (lena, selin) for f in s.frames if f["type"] == "queues"], "nothing has changed since"
        assert not [f for f in farid.frames if f["type"] == "queues"], "it is none of his"
        assert (await lena.ask("presence", presence="online"))["type"] == "ok"
        offer = await lena.frame("thread.offered")
        await lena.frame("queues", where=lambda f: not any(i["language"] == "fr" for i in f["items"]))
        assert (await lena.ask("accept", thread=offer["thread"]["id"]))["type"] == "ok"
        status, got, _ = await w.call("GET", "queues", "lena", "")
        assert status == 200 and not [i for i in got["items"] if i["language"] == "fr"], got
    finally:
        for s in (lena, selin, farid):
            await s.close()


TESTS = [what_was_sent_is_changed_where_it_went, a_change_goes_where_its_message_went, what_may_not_be_changed, the_webchat_shows_edits_and_deletions,
         what_came_later_is_not_theirs_who_had_it_before, who_resolves_a_thread_may_reopen_it, who_had_a_thread_is_told_that_another_gets_it,
         a_transfer_tells_nothing_of_hidden_colleagues, who_comes_for_the_first_time_is_online,
         queues_are_told_when_they_change_and_only_then]

if __name__ == "__main__":
    run_shared(World, TESTS)
