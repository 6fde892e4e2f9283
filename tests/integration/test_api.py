# SPDX-License-Identifier: Apache-2.0
"""REST as openapi.json says: every path with every role, at least once with success and once with an error, every answer compared with
its schema. And Idempotency-Key."""
import asyncio
import datetime
import json
import secrets
import threading

import parley as p
from look import eventually, run_shared, upload
from openapi import DOCUMENT, Api, operations

OPS = "/api/v1/ops/{op}/"
NOWHERE = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
ROLES = ("agent", "supervisor", "focal", "partner", "administrator", "auditor", "integrator")


class World:
    async def open(self):
        self.d = d = p.Parley().start()
        self.receiver = await p.Receiver().start()
        doc = p.operation(d)
        doc["channels"][1]["settings"]["url"] = self.receiver.url
        doc["channels"].append({"id": "broken", "connector": "http", "settings": {"url": self.receiver.url + "/nowhere", "secret": d.secret}})
        doc["agents"] += [{"login": "pat", "name": "Pat", "roles": ["partner"], "areas": ["tr"], "languages": {"en": 3}, "topics": ["*"], "capacity": {"chat": 5}},
                          {"login": "adm", "name": "Adm", "roles": ["administrator"], "clearance": 2, "languages": {"en": 3}, "topics": ["*"], "capacity": {"chat": 0}},
                          {"login": "aud", "name": "Aud", "roles": ["auditor"], "languages": {"en": 3}, "topics": ["*"], "capacity": {"chat": 0}}]
        self.passwords = {x["login"]: x["password"] for x in d.apply(doc)["passwords"]}
        self.api = Api(d)
        who = {"agent": "amal", "supervisor": "selin", "focal": "nadia", "partner": "pat", "administrator": "adm", "auditor": "aud"}
        self.tokens = {role: d.token(role=role, agent=who.get(role), clearance=2) for role in ROLES}
        self.me = who
        return self

    async def close(self, failed):
        if failed:
            print(self.d.tail(4000))
        self.d.close()
        await self.receiver.stop()

    async def thread(self, text="I want to register", who=None, channel="app", assign="amal", **more):
        """A new person's thread, given to amal."""
        who = who or f"tel:+90531{secrets.randbelow(9 * 10**6) + 10**6}"
        status, answer = await asyncio.to_thread(self.d.hook, {"messages": [{"id": secrets.token_hex(8), "from": {"address": who, "name": who[-5:]},
                                                                            "text": text, **more}]}, channel=channel)
        assert status == 200, answer
        status, found, _ = await self.call("GET", "threads", "integrator", query={"limit": 200})
        t = next(t for t in found["items"] if t["contact"]["name"] == who[-5:])
        if assign:
            status, t, _ = await self.call("POST", "threads/{thread}/assign", "supervisor", {"thread": t["id"]}, {"agent": assign})
            assert status == 200, t
        return t

    async def call(self, method, path, role, args=None, body=None, **more):
        token = self.tokens.get(role, role)
        return await asyncio.to_thread(self.api.call, method, path if path.startswith("/") else OPS + path, args, body, token, **more)


def until(hours=1):
    return (datetime.datetime.utcnow() + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def the_document_is_served(w):
    status, headers, data = w.d.get("/api/v1/openapi.json")
    assert status == 200 and json.loads(data) == DOCUMENT and headers["Content-Type"].startswith("application/json")


async def nobody_is_401_everywhere(w):
    for method, template in operations():
        if template.endswith("/sign-in"):
            continue
        args = {name: NOWHERE for name in ("thread", "contact", "agent", "attachment", "channel", "item")}
        for token in (None, "parley_wrong", "x" * 500):
            status, body, headers = await w.call(method, template, token, {**args, "seq": 1}, headers={"Origin": w.d.base})
            assert status == 401, (method, template, token, status)
        # An operation that is not there looks the same from outside.
        if "{op}" in template:
            one = await w.call(method, template, None, {**args, "seq": 1})
            api, w.api.op = w.api.op, "nowhere"
            other = await w.call(method, template, None, {**args, "seq": 1})
            w.api.op = api
            assert one[:2] == other[:2], (one, other)


async def every_role_at_every_path(w):
    """What a role may not do at all is 403, whatever it names."""
    allowed = {
        "threads": "agent supervisor focal partner integrator", "contacts": "supervisor focal integrator", "events": "integrator administrator",
        "erase": "administrator", "audit": "auditor", "quarantine": "administrator", "queues": "agent supervisor focal partner integrator",
        "agents": "agent supervisor focal partner integrator administrator", "operation": " ".join(ROLES), "attachments": "agent supervisor focal partner integrator"}
    for role in ROLES:
        for path in ("threads", "events", "audit", "quarantine", "queues", "agents", "operation"):
            status, _, _ = await w.call("GET", path, role)
            assert status == (200 if role in allowed[path].split() else 403), (role, path, status)
        status, _, _ = await w.call("GET", "contacts", role, query={"address": "tel:+905550009999"})
        assert status == (200 if role in allowed["contacts"].split() else 403), (role, status)
        status, _, _ = await w.call("POST", "erase", role, body={"contact": NOWHERE})
        assert status == (404 if role == "administrator" else 403), (role, status)
        status, _, _ = await w.call("GET", "channels/{channel}/dead", role, {"channel": "app"})
        assert status == (200 if role == "administrator" else 403), (role, status)
        status, _, _ = await w.call("POST", "attachments", role, raw=b"bytes", headers={"Content-Type": "text/plain", "X-Parley-Name": "x.txt"})
        assert status == (201 if role in allowed["attachments"].split() else 403), (role, status)
        for method, path, body in (("GET", "threads/{thread}", None), ("PATCH", "threads/{thread}", {}), ("GET", "threads/{thread}/entries", None),
                                   ("POST", "threads/{thread}/entries", {"kind": "note", "text": "x"}), ("POST", "threads/{thread}/resolve", {})):
            status, _, _ = await w.call(method, path, role, {"thread": NOWHERE}, body)
            assert status == (404 if role in allowed["threads"].split() else 403), (role, path, status)


async def query_parameters_are_known(w):
    """Every call takes those of the document, by name, and no other one."""
    t = await w.thread(assign="amal")
    args = {"thread": t["id"], "contact": t["contact"]["id"], "agent": "farid", "attachment": NOWHERE, "channel": "app", "entry": 1, "item": NOWHERE}
    for method, path in operations():
        if not path.startswith(OPS):
            continue
        spec = DOCUMENT["paths"][path][method.lower()]
        refs = [*DOCUMENT["paths"][path].get("parameters", []), *spec.get("parameters", [])]
        names = [q["name"] for q in (DOCUMENT["components"]["parameters"][r["$ref"].split("/")[-1]] if "$ref" in r else r for r in refs) if q["in"] == "query"]
        if method != "GET":
            assert not names, path
            continue
        seen = 0
        for role in ("integrator", "administrator", "auditor", "supervisor"):
            status, body, _ = await w.call(method, path, role, args, query={"stat": "waiting"})
            seen += status == 400 and "\"stat\"" in body["detail"]
            for name in names:
                status, body, _ = await w.call(method, path, role, args, query={name: "1"})
                assert status != 400 or "is not known" not in body["detail"], (path, name, body)
        assert seen, path
    for odd in ("+905551112233", "limit2", "ali veli"):
        status, body, _ = await w.call("GET", "threads", "integrator", query={odd: "1"})
        assert status == 400 and odd not in body["detail"], body
    status, body, _ = await w.call("POST", "threads/{thread}/resolve", "supervisor", args, {}, query={"force": "1"})
    assert status == 400 and "force" in body["detail"], body
    status, body, _ = await w.call("POST", "erase", "administrator", None, {})
    assert status == 400 and "contact" in body["detail"], body


async def a_threads_life(w):
    t = await w.thread(assign=None)
    id = {"thread": t["id"]}
    for bad in ({"state": "nonsense"}, {"limit": 0}, {"limit": 201}, {"limit": "x"}, {"before": "x"}, {"sort": "up"}, {"contact": "x"}):
        status, body, _ = await w.call("GET", "threads", "agent", query=bad)
        assert status == 400, (bad, status, body)
    for good in ({"state": "waiting,assigned"}, {"language": "en"}, {"topic": "registration"}, {"assignee": "me"}, {"contact": t["contact"]["id"]}, {"area": "tr"},
                 {"channel": "app"}, {"q": "register"}, {"sort": "waiting"}, {"limit": 1}):
        status, body, _ = await w.call("GET", "threads", "integrator", query=good)
        assert status == 200, (good, body)
    assert (await w.call("GET", "threads/{thread}", "integrator", id))[1] == {**t, **(await w.call("GET", "threads/{thread}", "integrator", id))[1]}
    status, got, _ = await w.call("POST", "threads/{thread}/assign", "supervisor", id, {"agent": "nobody"})
    assert status == 400
    status, got, _ = await w.call("POST", "threads/{thread}/assign", "supervisor", id, {"agent": "amal"})
    assert status == 200 and got["state"] == "assigned" and got["assignee"] == "amal", got
    status, got, _ = await w.call("PATCH", "threads/{thread}", "agent", id, {"language": "ar", "topic": "health", "priority": 2})
    assert status == 200 and got["language"] == {"tag": "ar", "how": "set"} and got["topic"] == "health" and got["priority"] == 2, got
    for bad in ({"topic": "nonsense"}, {"priority": 9}, {"colour": 1}, {"language": "!"}):
        status, body, _ = await w.call("PATCH", "threads/{thread}", "agent", id, bad)
        assert status == 400, (bad, body)
    status, entry, _ = await w.call("POST", "threads/{thread}/entries", "agent", id, {"kind": "message", "text": "hello", "ref": "r1"})
    assert status == 201 and entry["author"] == {"kind": "agent", "id": "amal", "name": "Amal"}, entry
    status, again, _ = await w.call("POST", "threads/{thread}/entries", "agent", id, {"kind": "message", "text": "hello", "ref": "r1"})
    assert status == 200 and again["id"] == entry["id"]
    status, note, _ = await w.call("POST", "threads/{thread}/entries", "agent", id, {"kind": "note", "text": "between us"})
    assert status == 201 and note["kind"] == "note"
    for bad in ({"kind": "message"}, {"kind": "event", "text": "x"}, {"text": "x"}, {"kind": "message", "text": 5}, {"kind": "message", "text": "x", "colour": 1},
                {"kind": "message", "text": "x", "channel": "nowhere"}, {"kind": "message", "text": "x", "attachments": ["nowhere"]}, {"kind": "message", "text": "x", "ref": ""},
                {"kind": "message", "text": "x", "choices": [{"id": "a"}]}, {"kind": "note"}):
        status, body, _ = await w.call("POST", "threads/{thread}/entries", "agent", id, bad)
        assert status == 400, (bad, status, body)
    status, body, _ = await w.call("POST", "threads/{thread}/entries", "agent", id, {"kind": "message", "text": "x" * 65537})
    assert status in (400, 413), status
    status, page, _ = await w.call("GET", "threads/{thread}/entries", "agent", id, query={"limit": 2})
    assert status == 200 and [e["seq"] for e in page["items"]] == [page["items"][0]["seq"], page["items"][0]["seq"] + 1] and page["next"]
    status, older, _ = await w.call("GET", "threads/{thread}/entries", "agent", id, query={"limit": 2, "before": page["next"]})
    assert older["items"][-1]["seq"] == page["items"][0]["seq"] - 1
    status, newer, _ = await w.call("GET", "threads/{thread}/entries", "agent", id, query={"after": older["items"][-1]["seq"], "limit": 2})
    assert newer["items"][0]["seq"] == older["items"][-1]["seq"] + 1
    status, body, _ = await w.call("GET", "threads/{thread}/entries", "agent", id, query={"before": "x"})
    assert status == 400
    status, got, _ = await w.call("POST", "threads/{thread}/tag", "agent", id, {"add": ["urgent", "child"]})
    status, got, _ = await w.call("POST", "threads/{thread}/tag", "agent", id, {"remove": ["child"]})
    assert status == 200 and got["tags"] == ["urgent"], got
    status, _, _ = await w.call("POST", "threads/{thread}/tag", "agent", id, {"add": ["Not A Name!"]})
    assert status == 400
    status, got, _ = await w.call("POST", "threads/{thread}/snooze", "agent", id, {"until": until()})
    assert status == 200 and got["state"] == "snoozed" and got["snoozed_until"], got
    status, _, _ = await w.call("POST", "threads/{thread}/snooze", "agent", id, {"until": "2020-01-01T00:00:00Z"})
    assert status == 400
    status, got, _ = await w.call("POST", "threads/{thread}/transfer", "agent", id, {"topic": "registration", "note": "for you", "agent": "nadia"})
    assert status == 200, got
    status, _, _ = await w.call("POST", "threads/{thread}/transfer", "supervisor", id, {"topic": "nonsense"})
    assert status == 400
    status, got, _ = await w.call("POST", "threads/{thread}/assign", "supervisor", id, {"agent": "amal"})
    assert status == 200 and got["assignee"] == "amal", got
    for body in ({"outcome": 5}, {"note": ["done"]}):
        status, got, _ = await w.call("POST", "threads/{thread}/resolve", "agent", id, body)
        assert status == 400 and "a string is wanted" in got["detail"], got
    status, got, _ = await w.call("POST", "threads/{thread}/resolve", "agent", id, {"outcome": "answered", "note": "done", "reason": "answered_in_person"})
    assert status == 200 and got["state"] == "resolved" and got["outcome"] == "answered" and got["resolved"], got
    for role in ("agent", "supervisor"):
        status, _, _ = await w.call("POST", "threads/{thread}/entries", role, id, {"kind": "message", "text": "late"})
        assert status == 409, status
    status, _, _ = await w.call("POST", "threads/{thread}/resolve", "supervisor", id, {"outcome": "Not A Name!"})
    assert status == 400
    status, got, _ = await w.call("POST", "threads/{thread}/reopen", "supervisor", id, {})
    assert status == 200 and got["state"] in ("assigned", "waiting", "offered"), got
    status, _, _ = await w.call("POST", "threads/{thread}/reopen", "supervisor", {"thread": NOWHERE}, {})
    assert status == 404


async def offers_are_accepted_and_declined(w):
    amal = await p.AgentSocket(w.d, w.tokens["agent"]).open()
    for verb, state in (("decline", "waiting"), ("accept", "assigned")):
        t = await w.thread(assign=None)
        await amal.frame("thread.offered", where=lambda f, t=t: f["thread"]["id"] == t["id"])
        status, got, _ = await w.call("POST", "threads/{thread}/" + verb, "agent", {"thread": t["id"]}, {})
        assert status == 200 and got["state"] in (state, "offered"), got
        if verb == "accept":
            status, got, _ = await w.call("POST", "threads/{thread}/accept", "agent", {"thread": t["id"]}, {})
            assert status == 409, (status, got)
        if verb == "accept":  # what is held already can't be taken by another
            status, got, _ = await w.call("POST", "threads/{thread}/assign", "agent", {"thread": t["id"]}, {"agent": "me"})
            assert status in (200, 403, 409), got
    await amal.close()


async def failed_messages_are_retried_and_looked_into(w):
    t = await w.thread(channel="broken")
    id = {"thread": t["id"]}
    status, e, _ = await w.call("POST", "threads/{thread}/entries", "agent", id, {"kind": "message", "text": "into the void"})
    assert status == 201
    place = {**id, "seq": e["seq"]}

    async def failed():
        got = (await w.call("GET", "threads/{thread}/entries", "agent", id))[1]["items"]
        return next((x for x in got if x["id"] == e["id"] and x["status"] == "failed"), None)
    got = await eventually(failed, 10)
    assert got["error"]["code"] == "http-404" or got["error"]["text"], got
    status, dead, _ = await w.call("GET", "channels/{channel}/dead", "administrator", {"channel": "broken"})
    assert [x["seq"] for x in dead["items"] if x["thread"] == t["id"]] == [e["seq"]], dead
    status, log, _ = await w.call("GET", "entries/{thread}/{seq}/log", "supervisor", place)
    assert status == 200 and log["items"], log
    status, got, _ = await w.call("POST", "threads/{thread}/entries/{seq}/retry", "agent", place)
    assert status == 202 and got["attempt"] == 2, got
    await eventually(failed, 10)
    item = (await w.call("GET", "channels/{channel}/dead", "administrator", {"channel": "broken"}))[1]["items"][0]["id"]
    status, got, _ = await w.call("POST", "channels/{channel}/dead/{item}/replay", "administrator", {"channel": "broken", "item": item})
    assert status == 202, got
    for args in ({"channel": "broken", "item": "1-1"}, {"channel": "nowhere", "item": "1-1"}):
        status, got, _ = await w.call("POST", "channels/{channel}/dead/{item}/replay", "administrator", args)
        assert status == 404, (args, got)
    for args in ({**id, "seq": 0}, {**id, "seq": 9999}, {**id, "seq": "x"}, {"thread": NOWHERE, "seq": 1}):
        status, got, _ = await w.call("POST", "threads/{thread}/entries/{seq}/retry", "agent", args)
        assert status in (404, 409), (args, status, got)
        status, got, _ = await w.call("GET", "entries/{thread}/{seq}/log", "supervisor", args)
        assert status in (200, 404) and (status == 404 or got["items"] == []), (args, status, got)
    status, got, _ = await w.call("POST", "threads/{thread}/entries/{seq}/retry", "agent", {**id, "seq": 1})  # what came in
    assert status in (400, 404, 409), got


async def contacts_and_agents(w):
    t = await w.thread(who="tel:+905317654321")
    id = {"contact": t["contact"]["id"]}
    status, c, _ = await w.call("GET", "contacts/{contact}", "agent", id)
    assert status == 200 and c["addresses"][0]["uri"].endswith("tel:+905317654321") and [x["id"] for x in c["threads"]] == [t["id"]], c
    status, c, _ = await w.call("PATCH", "contacts/{contact}", "agent", id, {"name": "Layla", "language": "ar", "notes": "calls at noon", "fields": {"case": "12"}})
    assert status == 200 and (c["name"], c["notes"], c["fields"], c["language"]) == ("Layla", "calls at noon", {"case": "12"}, {"tag": "ar", "how": "set"}), c
    status, c, _ = await w.call("PATCH", "contacts/{contact}", "agent", id, {"notes": None})
    assert status == 200 and c["notes"] in ("", None) and c["name"] == "Layla", c
    for bad in ({"colour": 1}, {"name": 5}, {"fields": []}, {"language": "?"}, {"notes": "x" * 20000}):
        status, got, _ = await w.call("PATCH", "contacts/{contact}", "agent", id, bad)
        assert status == 400, (bad, got)
    for x in (NOWHERE, "short", "../threads"):
        status, got, _ = await w.call("GET", "contacts/{contact}", "agent", {"contact": x})
        assert status == 404, got
        status, got, _ = await w.call("PATCH", "contacts/{contact}", "agent", {"contact": x}, {})
        assert status == 404, got
    status, got, _ = await w.call("GET", "contacts", "supervisor", query={"address": c["addresses"][0]["uri"]})
    assert status == 200 and [x["id"] for x in got["items"]] == [c["id"]], got
    status, got, _ = await w.call("GET", "contacts", "supervisor")
    assert status == 400
    status, got, _ = await w.call("PATCH", "agents/{agent}", "supervisor", {"agent": "farid"}, {"languages": {"fa": 5, "en": 4}, "topics": ["health"], "capacity": {"chat": 7}, "teams": ["counselling"]})
    assert status == 200 and got["languages"] == {"fa": 5, "en": 4} and got["capacity"] == {"chat": 7} and got["topics"] == ["health"], got
    status, got, _ = await w.call("PATCH", "agents/{agent}", "supervisor", {"agent": "farid"}, {"areas": []})
    assert status == 403
    status, got, _ = await w.call("PATCH", "agents/{agent}", "administrator", {"agent": "farid"}, {"areas": ["tr"], "disabled": False})
    assert status == 200, got
    for bad in ({"languages": {"fa": 9}}, {"topics": "all"}, {"capacity": 5}, {"colour": 1}):
        status, got, _ = await w.call("PATCH", "agents/{agent}", "administrator", {"agent": "farid"}, bad)
        assert status == 400, (bad, got)
    status, got, _ = await w.call("PATCH", "agents/{agent}", "administrator", {"agent": "zoe"}, {})
    assert status == 404


async def files_are_uploaded_and_downloaded(w):
    t = await w.thread()
    data = secrets.token_bytes(100_000)
    status, got, _ = await w.call("POST", "attachments", "agent", raw=data, headers={"Content-Type": "application/pdf", "X-Parley-Name": "%D9%86.pdf"})
    assert status == 201 and got["size"] == len(data) and got["name"] == "ن.pdf", got
    status, e, _ = await w.call("POST", "threads/{thread}/entries", "agent", {"thread": t["id"]}, {"kind": "message", "attachments": [got["id"]]})
    assert status == 201 and e["attachments"][0]["state"] == "stored", e
    args, query = {"attachment": got["id"]}, {"entry": f"{t['id']}.{e['seq']}"}
    status, body, headers = await w.call("GET", "attachments/{attachment}", "agent", args, query=query)
    assert status == 200 and body == data and "attachment" in headers["Content-Disposition"] and "sandbox" in headers["Content-Security-Policy"]
    status, body, headers = await w.call("GET", "attachments/{attachment}", "agent", args, query=query, headers={"Range": "bytes=0-9"})
    assert status == 206 and body == data[:10]
    status, body, headers = await w.call("GET", "attachments/{attachment}", "agent", args, query=query, headers={"Range": "bytes=999999999-"})
    assert status == 416
    for bad in ({}, {"entry": "x"}, {"entry": f"{t['id']}.9999"}, {"entry": f"{NOWHERE}.1"}):
        status, body, headers = await w.call("GET", "attachments/{attachment}", "agent", args, query=bad)
        assert status == 404, bad
    # Somebody else's upload can't be named, one's own not twice.
    mine = upload(w.d, w.tokens["agent"], b"mine", "text/plain", "a.txt")["id"]
    other = upload(w.d, w.tokens["supervisor"], b"other", "text/plain", "b.txt")["id"]
    for ids in ([other], [NOWHERE], [mine, other]):
        status, got, _ = await w.call("POST", "threads/{thread}/entries", "agent", {"thread": t["id"]}, {"kind": "message", "attachments": ids})
        assert status == 400, (ids, got)
    status, got, _ = await w.call("POST", "attachments", "agent", raw=b"", headers={"Content-Type": "text/plain", "X-Parley-Name": "x"})
    assert status == 400, got
    status, got, _ = await w.call("POST", "attachments", "agent", raw=b"x", headers={"Content-Type": "text/plain", "X-Parley-Name": "%FF"})
    assert status == 400, got


class Sending:
    """A file that is on its way for as long as the test wants."""

    def __init__(self, w, token, size=25 << 20):
        self.w, self.token, self.size, self.sent = w, token, size, 0

    async def begin(self, first=0):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.w.d.port)
        self.writer.write(b"POST /api/v1/ops/demo/attachments HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nContent-Type: application/pdf\r\n"
                          b"X-Parley-Name: a.pdf\r\nContent-Length: %d\r\n\r\n" % (self.token.encode(), self.size))
        await self.send(first)
        return self

    async def send(self, n=None):
        n = self.size - self.sent if n is None else n
        for at in range(0, n, 1 << 20):
            self.writer.write(b"x" * min(1 << 20, n - at))
            await self.writer.drain()
        self.sent += n

    async def answer(self):
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 30)
        headers = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
        return int(head.split()[1]), headers, json.loads(await self.reader.readexactly(int(headers["content-length"])))

    async def refused(self, status):
        got, headers, body = await self.answer()
        assert got == body["status"] == status and int(headers["retry-after"]) > 0 and headers["content-type"] == "application/problem+json", (got, headers, body)
        self.writer.transport.abort()


async def what_is_being_sent_has_a_most(w):
    MB = 1 << 20
    for role in ROLES:  # each is known by an earlier call
        assert (await w.call("GET", "operation", role))[0] == 200
    # Whom we don't know: two files for an address.
    strange = [await Sending(w, f"parley_{i}").begin(24 * MB) for i in range(2)]
    await asyncio.sleep(0.5)
    await (await Sending(w, "parley_3").begin()).refused(429)
    some = [await Sending(w, w.tokens["agent"]).begin(24 * MB) for _ in range(4)]
    await asyncio.sleep(0.5)
    await (await Sending(w, w.tokens["agent"]).begin()).refused(429)
    # Another user is not in the way of it, until there is too much in all.
    other = [await Sending(w, w.tokens["supervisor"]).begin(24 * MB) for _ in range(4)]
    await asyncio.sleep(0.5)
    await (await Sending(w, w.tokens["focal"]).begin()).refused(503)
    small = await Sending(w, w.tokens["focal"], 50_000).begin(50_000)
    assert (await small.answer())[0] == 201
    for s in strange:
        await s.send()
        assert (await s.answer())[0] == 401
    for s in some[:2]:
        await s.send()
        assert (await s.answer())[0] == 201
    # What ended is free again.
    for s in some + strange + other + [small]:
        s.writer.transport.abort()
    await asyncio.sleep(0.5)
    # Announcing takes no room: what comes does, and who sends the fifth is stopped in the middle of it.
    last = [await Sending(w, w.tokens["agent"]).begin() for _ in range(5)]
    for s in last[:4]:
        await s.send(24 * MB)
    await asyncio.sleep(0.5)
    await last[4].send(10 * MB)
    await last[4].refused(429)
    for s in last[:4]:
        await s.send()
        assert (await s.answer())[0] == 201
        s.writer.transport.abort()


async def the_office(w):
    await w.thread()
    status, page, _ = await w.call("GET", "events", "integrator", query={"after": "0", "limit": 5})
    if status == 410:
        status, page, _ = await w.call("GET", "events", "integrator")
    assert status == 200, page
    cursor, types = (await w.call("GET", "events", "integrator"))[1]["next"], []
    t = await w.thread()
    while True:
        status, page, _ = await w.call("GET", "events", "integrator", query={"limit": 2, **({"after": cursor} if cursor else {})})
        assert status == 200, page
        if not page["items"] and page["next"] in (None, cursor):
            break
        types += [x["type"] for x in page["items"] if x["thread"] == t["id"]]
        cursor = page["next"] or cursor
    assert "entry.added" in types and "thread.changed" in types, types
    for bad in ("x", "1-1", "9" * 60):
        status, got, _ = await w.call("GET", "events", "integrator", query={"after": bad})
        assert status in (400, 410), (bad, status)
    status, lines, _ = await w.call("GET", "audit", "auditor", query={"limit": 3})
    assert status == 200 and len(lines["items"]) == 3, lines
    status, more, _ = await w.call("GET", "audit", "auditor", query={"limit": 3, "after": lines["next"]})
    assert status == 200 and more["items"][0]["id"] != lines["items"][0]["id"]
    status, _, _ = await w.call("GET", "audit", "auditor", query={"limit": 0})
    assert status == 400
    status, _, _ = await w.call("GET", "quarantine", "administrator", query={"limit": "x"})
    assert status == 400
    status, got, _ = await w.call("POST", "erase", "administrator", body={"contact": t["contact"]["id"]})
    assert status == 200 and got["erased"] is True, got
    for bad in ({}, {"contact": 5}, {"contact": "x"}, {"contact": NOWHERE, "sure": True}):
        status, got, _ = await w.call("POST", "erase", "administrator", body=bad)
        assert status in (400, 404), (bad, status)
    status, got, _ = await w.call("GET", "contacts/{contact}", "supervisor", {"contact": t["contact"]["id"]})
    assert status == 404 or (got.get("erased") and not got["addresses"] and got["name"] is None), got


async def bodies_that_are_none(w):
    t = await w.thread()
    for raw, type, want in ((b"{", "application/json", 400), (b"[]", "application/json", 400), (b'{"text":"a","text":"b"}', "application/json", 400),
                            (b'{"kind":"note","text":"\xff"}', "application/json", 400), (b'{"kind":"note","text":"a\\u0000"}', "application/json", 400),
                            (b'{"kind":"note","text":"x"}', "text/plain", 415), (b'{"a":' * 40 + b"1" + b"}" * 40, "application/json", 400),
                            (b'{"kind":"note","text":"' + b"x" * (1 << 20) + b'"}', "application/json", 413), (b"", "application/json", 400)):
        status, got, _ = await w.call("POST", "threads/{thread}/entries", "agent", {"thread": t["id"]}, raw=raw, headers={"Content-Type": type})
        assert status == want, (raw[:30], status, got)
    for method, path in (("PUT", "threads"), ("DELETE", f"threads/{t['id']}"), ("POST", "queues"), ("PATCH", "operation")):
        status, headers, data = await asyncio.to_thread(w.d.request, method, "/api/v1/ops/demo/" + path, b"", None, w.tokens["agent"])
        assert status == 405 and headers["Content-Type"] == "application/problem+json", (method, path, status)
    for path in ("/api/v1/ops/demo/nothing", "/api/v1/nothing", "/api/v2/me", "/api/", "/api/v1/ops/", "/api/v1/ops/demo", "/api/v1/ops/demo/threads/a/b/c"):
        status, headers, data = await asyncio.to_thread(w.d.get, path, w.tokens["agent"])
        assert status == 404 and headers["Content-Type"] == "application/problem+json", (path, status)


async def signing_in_is_as_described(w):
    origin = {"Origin": w.d.base}
    status, me, headers = await w.call("POST", "/api/v1/sign-in", None, body={"login": "amal", "password": w.passwords["amal"]}, headers=origin)
    assert status == 200 and me["operations"][0]["agent"] == "amal", me
    cookie = {**origin, "Cookie": headers["Set-Cookie"].split(";")[0]}
    status, again, _ = await w.call("GET", "/api/v1/me", None, headers=cookie)
    assert status == 200 and again == me
    status, me, _ = await w.call("PATCH", "/api/v1/me", None, body={"locale": "ar"}, headers=cookie)
    assert status == 200 and me["locale"] == "ar", me
    for bad in ({"colour": 1}, {"locale": 5}, {"password": {"old": "x"}}, {"password": {"old": w.passwords["amal"], "new": "short"}}):
        status, got, _ = await w.call("PATCH", "/api/v1/me", None, body=bad, headers=cookie)
        assert status in (400, 403), (bad, status, got)
    status, got, _ = await w.call("POST", "/api/v1/sign-in", None, body={"login": "amal", "password": "wrong"}, headers=origin)
    assert status == 401
    for bad in ({}, {"login": "amal"}, {"login": 5, "password": 5}, {"login": "amal", "password": "x", "more": 1}):
        status, got, _ = await w.call("POST", "/api/v1/sign-in", None, body=bad, headers=origin)
        assert status == 400, (bad, status)
    status, got, _ = await w.call("POST", "/api/v1/sign-out", None, headers={**cookie, "Origin": "https://evil.example"})
    assert status == 403
    status, got, _ = await w.call("POST", "/api/v1/sign-out", None, headers=cookie)
    assert status == 204
    status, got, _ = await w.call("GET", "/api/v1/me", None, headers=cookie)
    assert status == 401
    status, got, _ = await w.call("GET", "/api/v1/me", "integrator")  # a token is not a person
    assert status in (401, 403, 404), status


# ---- Idempotency-Key ----


async def the_same_key_gives_the_same_answer(w):
    t = await w.thread()
    id, key = {"thread": t["id"]}, {"Idempotency-Key": secrets.token_hex(12)}
    before = (await w.call("GET", "threads/{thread}/entries", "agent", id))[1]["items"]
    body = {"kind": "message", "text": "exactly once"}
    first = await w.call("POST", "threads/{thread}/entries", "agent", id, body, headers=key)
    assert first[0] == 201, first
    for _ in range(3):
        again = await w.call("POST", "threads/{thread}/entries", "agent", id, body, headers=key)
        assert again[0] == 201 and again[1]["id"] == first[1]["id"] and again[1]["text"] == first[1]["text"], again
    status, got, _ = await w.call("POST", "threads/{thread}/entries", "agent", id, {**body, "text": "another"}, headers=key)
    assert status == 422, got
    after = (await w.call("GET", "threads/{thread}/entries", "agent", id))[1]["items"]
    assert len(after) == len(before) + 1
    # Scoped to who calls and to the route.
    status, other, _ = await w.call("POST", "threads/{thread}/entries", "supervisor", id, body, headers=key)
    assert status == 201 and other["id"] != first[1]["id"], other
    status, got, _ = await w.call("POST", "threads/{thread}/tag", "agent", id, {"add": ["once"]}, headers=key)
    assert status == 200, got
    # A call that failed is not kept: the same key may be used rightly.
    key = {"Idempotency-Key": secrets.token_hex(12)}
    status, _, _ = await w.call("POST", "threads/{thread}/entries", "agent", id, {"kind": "message", "text": "x", "channel": "nowhere"}, headers=key)
    assert status == 400
    status, got, _ = await w.call("POST", "threads/{thread}/entries", "agent", id, {"kind": "message", "text": "x", "channel": "nowhere"}, headers=key)
    assert status == 400, got
    status, got, _ = await w.call("POST", "threads/{thread}/entries", "agent", id, body, headers={"Idempotency-Key": "k" * 300})
    assert status == 400, got


async def the_same_key_at_once(w):
    t = await w.thread()
    id, key = {"thread": t["id"]}, {"Idempotency-Key": secrets.token_hex(12)}
    results = []

    def one():
        results.append(w.api.call("POST", OPS + "threads/{thread}/entries", id, {"kind": "message", "text": "in a hurry"}, w.tokens["agent"], headers=key))
    many = [threading.Thread(target=one) for _ in range(16)]
    for x in many:
        x.start()
    for x in many:
        await asyncio.to_thread(x.join)
    statuses = [r[0] for r in results]
    assert 201 in statuses and set(statuses) <= {201, 409}, statuses
    assert len({r[1]["id"] for r in results if r[0] == 201}) == 1
    found = (await w.call("GET", "threads/{thread}/entries", "agent", id))[1]["items"]
    assert len([e for e in found if e["text"] == "in a hurry"]) == 1


async def everything_was_called(w):
    missing = w.api.missing()
    assert not missing, missing


TESTS = [the_document_is_served, nobody_is_401_everywhere, every_role_at_every_path, query_parameters_are_known, a_threads_life, offers_are_accepted_and_declined,
         failed_messages_are_retried_and_looked_into, contacts_and_agents, files_are_uploaded_and_downloaded, what_is_being_sent_has_a_most, the_office, bodies_that_are_none,
         signing_in_is_as_described, the_same_key_gives_the_same_answer, the_same_key_at_once, everything_was_called]

if __name__ == "__main__":
    run_shared(World, TESTS)
