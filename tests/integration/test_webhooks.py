# SPDX-License-Identifier: Apache-2.0
"""Webhooks out: signed, in order, tried again, put aside and sent again; nothing of what is sealed; nothing lost by kill -9; tokens."""
import asyncio
import base64
import hashlib
import hmac
import json
import secrets as random
import time

import openapi
import parley as p
from look import eventually, redis_of, run_shared


def verified(secret, headers, body):
    """What a receiver does: id, time and body signed with the secret; not older than five minutes."""
    h = {k.lower(): v for k, v in headers.items()}
    assert abs(int(h["webhook-timestamp"]) - time.time()) < 300
    key = base64.b64decode(secret.removeprefix("whsec_"))
    want = "v1," + base64.b64encode(hmac.new(key, f'{h["webhook-id"]}.{h["webhook-timestamp"]}.'.encode() + body, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(want, one) for one in h["webhook-signature"].split(" "))


def whsec():
    return "whsec_" + base64.b64encode(random.token_bytes(24)).decode()


class Inbox:
    """An endpoint: what came, verified, by path; answers as told."""

    def __init__(self):
        self.port, self.got, self.answers, self.secret = p.free_port(), {}, {}, {}

    async def start(self):
        from aiohttp import web

        async def take(request):
            name, body = request.path[1:], await request.read()
            assert verified(self.secret[name], request.headers, body), "the signature is wrong"
            item = {"id": request.headers["webhook-id"], **json.loads(body)}
            self.got.setdefault(name, []).append(item)
            answer = self.answers.get(name)
            status = await answer(item) if answer else 200
            return web.Response(status=status)

        app = web.Application()
        app.router.add_post("/{name}", take)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port).start()
        return self

    def hook(self, name, **more):
        self.secret.setdefault(name, whsec())
        return {"id": name, "url": f"http://127.0.0.1:{self.port}/{name}", "secret": self.secret[name], "events": ["*"], **more}

    def of(self, name, type=None, thread=None):
        return [x for x in self.got.get(name, []) if (not type or x["type"] == type) and (not thread or x["data"]["thread"] == thread)]


class World:
    async def open(self):
        self.inbox = await Inbox().start()
        self.d = p.Parley({"webhook_retry_ms": 100, "webhook_give_up_s": 2}).start()
        self.doc = p.operation(self.d)
        self.doc["topics"].append({"id": "abuse", "name": {"en": "Misconduct"}, "words": {"en": ["misconduct"]}, "clearance": 2})
        await self.apply([])
        self.token = self.d.token(role="supervisor", clearance=2)
        self.passwords = {}
        root = self.d.tool("user", "passwd", "root").split("\n")[1].strip()
        _, headers, _ = self.d.request("POST", "/api/v1/sign-in", {"login": "root", "password": root}, {"Origin": self.d.base})
        self.root = {"Cookie": headers["Set-Cookie"].split(";")[0], "Origin": self.d.base}
        self.api = openapi.Api(self.d)
        return self

    async def close(self, failed):
        if failed:
            print(self.d.tail(3000))
        assert "AddressSanitizer" not in self.d.tail(1 << 20) and "runtime error" not in self.d.tail(1 << 20), self.d.tail(5000)
        self.d.close()
        await self.inbox.runner.cleanup()

    async def apply(self, hooks):
        self.doc["webhooks"] = hooks
        return await asyncio.to_thread(self.d.apply, self.doc)

    async def write(self, who, text):
        assert await asyncio.to_thread(self.d.write, who, text) == 200

    async def call(self, method, path, args=None, body=None, query=None, headers=None):
        template = "/api/v1/ops/{op}/" + path
        return (await asyncio.to_thread(self.api.call, method, template, args, body, None, query, headers or self.root))[:2]

    async def state(self, name):
        return next(x for x in (await self.call("GET", "webhooks"))[1]["items"] if x["id"] == name)

    async def thread_of(self, who):
        contact = (await asyncio.to_thread(self.d.api, "GET", f"contacts?address={who.replace('+', '%2B')}", None, self.token))[1]["items"][0]
        return contact["threads"][0]["id"]


async def what_happens_is_told_in_order(w):
    await w.apply([w.inbox.hook("all"), w.inbox.hook("ends", events=["thread.resolved"]), w.inbox.hook("texts", content=True, events=["entry.added"]),
                   w.inbox.hook("izmir", area="tr/izmir")])
    await eventually(lambda: redis_of(w.d, "data").get("p:{demo}:hookc"))
    for i in range(4):
        await w.write("tel:+905550000001", f"registration please {i}")
    await eventually(lambda: len(w.inbox.of("all", "entry.added")) >= 4)
    got = w.inbox.of("all")
    entries = [x["data"]["entry"]["seq"] for x in got if x["type"] == "entry.added" and x["data"]["entry"]["direction"] == "in"]
    assert entries == sorted(entries) and len(entries) == len(set(entries)) == 4, entries
    assert len({x["id"] for x in got}) == len(got), "an id for each"
    one = w.inbox.of("all", "entry.added")[0]
    thread = await w.thread_of("tel:+905550000001")
    assert one["data"]["thread"] == thread and one["data"]["operation"] == "demo" and one["data"]["now"]["topic"] == "registration"
    assert "text" not in one["data"] and "registration please" not in json.dumps(got), "no word of theirs"
    assert [x["data"]["text"] for x in w.inbox.of("texts") if x["data"]["entry"]["direction"] == "in"] == [f"registration please {i}" for i in range(4)]
    assert not w.inbox.of("ends") and not w.inbox.of("izmir")
    assert any(x["type"] == "thread.opened" for x in got)
    status = await w.state("all")
    assert status["state"] in ("ok", "waiting") and status["dead"] == 0 and "secret" not in status


async def nothing_of_what_is_sealed(w):
    before = len(w.inbox.of("all"))
    await w.apply([w.inbox.hook("all"), w.inbox.hook("focal", clearance=2)])
    await w.write("tel:+905550000002", "I report misconduct")
    await w.write("tel:+905550000002", "of one of yours, misconduct")
    await eventually(lambda: len(w.inbox.of("focal", "entry.added")) >= 2)
    sealed = w.inbox.of("focal", "entry.added")[0]["data"]["thread"]
    # One that is told of, and waits, is forgotten when it is sealed.
    gate = asyncio.Event()

    async def held(item):
        await gate.wait()
        return 500

    w.inbox.answers["all"] = held
    await w.write("tel:+905550000003", "a question about registration")
    await eventually(lambda: len(w.inbox.of("all")) > before)
    thread = await w.thread_of("tel:+905550000003")
    await w.write("tel:+905550000003", "one more word")
    await eventually(lambda: waiting(w, "all", 1))
    status, _ = await asyncio.to_thread(w.d.api, "POST", f"threads/{thread}/transfer", {"clearance": 2}, w.token)
    assert status == 200
    seen = len(w.inbox.of("all"))
    w.inbox.answers["all"] = None
    gate.set()
    await eventually(lambda: waiting(w, "all", 0, exactly=True))
    await asyncio.sleep(0.3)
    told = w.inbox.of("all")
    assert not [x for x in told if x["data"]["thread"] == sealed], "no trace"
    assert not [x for x in told[seen:] if x["data"]["thread"] == thread], "nor of what was sealed since"
    assert (await w.call("GET", "webhooks/{webhook}/dead", {"webhook": "all"}))[1]["items"] == []


async def waiting(w, name, n, exactly=False):
    have = (await w.state(name))["waiting"]
    return have == n if exactly else have >= n


async def a_failing_thread_blocks_only_itself(w):
    await w.apply([w.inbox.hook("some", events=["entry.added"])])
    await w.write("tel:+905550000004", "registration one")
    await eventually(lambda: w.inbox.of("some"))
    bad = w.inbox.of("some")[0]["data"]["thread"]

    async def poison(item):
        return 500 if item["data"]["thread"] == bad else 200

    w.inbox.answers["some"] = poison
    await w.write("tel:+905550000004", "registration two")
    await w.write("tel:+905550000004", "registration three")
    await w.write("tel:+905550000005", "registration other")
    await eventually(lambda: [x for x in w.inbox.of("some") if x["data"]["thread"] != bad])
    await eventually(lambda: len({x["id"] for x in w.inbox.of("some", thread=bad)}) == 2 and len(w.inbox.of("some", thread=bad)) >= 3)
    assert len({x["id"] for x in w.inbox.of("some", thread=bad)}) == 2, "the third waits for the second"
    assert (await w.state("some"))["state"] in ("failing", "waiting", "ok")
    # It gives up (here after two seconds), and goes on with the next.
    await eventually(lambda: dead(w, "some", 2), 12)
    items = (await w.call("GET", "webhooks/{webhook}/dead", {"webhook": "some"}, None, {"limit": 1}))[1]
    assert len(items["items"]) == 1 and items["next"] and items["items"][0]["error"] == "500" and items["items"][0]["tries"] >= 1, items
    w.inbox.answers["some"] = None
    before = len(w.inbox.of("some", thread=bad))
    status, n = await w.call("POST", "webhooks/{webhook}/redeliver", {"webhook": "some"}, {"ids": [items["items"][0]["id"]]})
    assert (status, n) == (200, {"redelivered": 1})
    status, n = await w.call("POST", "webhooks/{webhook}/redeliver", {"webhook": "some"}, {"from": "2020-01-01T00:00:00Z"})
    assert (status, n) == (200, {"redelivered": 1})
    await eventually(lambda: len(w.inbox.of("some", thread=bad)) >= before + 2)
    assert (await w.state("some"))["dead"] == 0
    for body in ({"ids": []}, {"ids": [1]}, {"ids": ["x"], "from": "2020-01-01T00:00:00Z"}, {"from": "yesterday"}, {"what": 1}):
        assert (await w.call("POST", "webhooks/{webhook}/redeliver", {"webhook": "some"}, body))[0] == 400, body


async def dead(w, name, n):
    return (await w.state(name))["dead"] >= n


async def a_slow_one_slows_nobody_and_a_gone_one_stops(w):
    async def slow(item):
        await asyncio.sleep(3)
        return 200

    async def gone(item):
        return 410

    w.inbox.answers.update(slow=slow, gone=gone)
    await w.apply([w.inbox.hook("slow"), w.inbox.hook("fast"), w.inbox.hook("gone")])
    began = time.time()
    await w.write("tel:+905550000006", "registration")
    await eventually(lambda: w.inbox.of("fast", "entry.added"))
    assert time.time() - began < 2.5
    await eventually(lambda: is_in(w, "gone", "gone"))
    n = len(w.inbox.of("gone"))
    await asyncio.sleep(0.5)
    assert len(w.inbox.of("gone")) == n == 1, "a receiver that says 410 is asked no more"
    w.inbox.answers["gone"] = None
    assert (await w.call("POST", "webhooks/{webhook}/resume", {"webhook": "gone"}))[0] == 204
    await eventually(lambda: len(w.inbox.of("gone", "entry.added")) >= 1)


async def is_in(w, name, state):
    return (await w.state(name))["state"] == state


async def a_test_and_who_may(w):
    await w.apply([w.inbox.hook("all"), w.inbox.hook("nowhere", url="http://127.0.0.1:9/x"), w.inbox.hook("outside", url="http://10.1.2.3/x")])
    status, told = await w.call("POST", "webhooks/{webhook}/test", {"webhook": "all"})
    assert status == 200 and told["status"] == 200 and w.inbox.of("all", "parley.test"), told
    status, told = await w.call("POST", "webhooks/{webhook}/test", {"webhook": "nowhere"})
    assert status == 200 and told["status"] == 0 and told["error"]
    status, told = await w.call("POST", "webhooks/{webhook}/test", {"webhook": "outside"})
    assert status == 200 and told["status"] == 0, "an internal network that nobody allowed"
    for method, path, body in (("GET", "webhooks", None), ("GET", "webhooks/all/dead", None), ("POST", "webhooks/all/test", {}),
                               ("POST", "webhooks/all/resume", {}), ("POST", "webhooks/all/redeliver", {}), ("GET", "tokens", None),
                               ("POST", "tokens", {"role": "integrator"}), ("POST", "tokens/x/revoke", {})):
        assert w.d.api(method, path, body, w.token)[0] == 403, (method, path)
    for method, path in (("GET", "webhooks/{webhook}/dead"), ("POST", "webhooks/{webhook}/test"), ("POST", "webhooks/{webhook}/resume")):
        assert (await w.call(method, path, {"webhook": "none"}))[0] == 404
    # What is wrong in a file is told with its place; a secret stays, and never comes out.
    for wrong, where in (({"url": "http://example.org/x"}, "/webhooks/0/url"), ({"url": "https://a b/"}, "/webhooks/0/url"),
                         ({"secret": "whsec_short"}, "/webhooks/0/secret"), ({"events": ["thread"]}, "/webhooks/0/events/0"),
                         ({"clearance": 3}, "/webhooks/0/clearance"), ({"area": "nowhere"}, "/webhooks/0/area")):
        try:
            await w.apply([w.inbox.hook("all", **wrong)])
            raise AssertionError(wrong)
        except p.Refused as e:
            assert where in str(e), e
    hook = w.inbox.hook("all")
    del hook["secret"]
    await w.apply([hook])
    exported = json.loads(w.d.tool("export", "demo"))
    assert exported["webhooks"][0]["id"] == "all" and w.inbox.secret["all"] not in json.dumps(exported)
    assert (await w.call("POST", "webhooks/{webhook}/test", {"webhook": "all"}))[1]["status"] == 200


async def nothing_is_lost_by_kill_9(w):
    await w.apply([w.inbox.hook("kill", events=["entry.added"])])
    people = [f"tel:+9055500001{i:02}" for i in range(6)]
    sent = 0
    for round in range(3):
        for who in people:
            await w.write(who, f"registration {round}")
            sent += 1
        if round < 2:
            for pid in w.d.workers():
                try:
                    import os
                    import signal
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            await eventually(lambda: asyncio.to_thread(ready, w), 20)

    def all_there():
        return {(x["data"]["thread"], x["data"]["entry"]["seq"]) for x in w.inbox.of("kill") if x["data"]["entry"]["direction"] == "in"}

    await eventually(lambda: len(all_there()) == sent, 20)
    firsts = {}
    for x in w.inbox.of("kill"):
        if x["data"]["entry"]["direction"] == "in":
            seqs = firsts.setdefault(x["data"]["thread"], [])
            if x["data"]["entry"]["seq"] not in seqs:
                seqs.append(x["data"]["entry"]["seq"])
    assert all(s == sorted(s) for s in firsts.values()), firsts


def ready(w):
    try:
        return w.d.get("/readyz")[0] == 200
    except OSError:
        return False


async def what_was_not_taken_is_not_trimmed(w):
    """Events older than a day stay while the cursor stands before them."""
    r = redis_of(w.d, "data")
    await w.apply([])  # nobody takes them
    await eventually(lambda: not r.get("p:{demo}:hookc"))
    old = int(time.time() * 1000) - 2 * 86400000
    key = "p:{demo}:events"
    r.delete(key)
    r.xadd(key, {"k": 6, "w": ""}, id=f"{old}-0")
    r.xadd(key, {"k": 6, "w": ""}, id=f"{old + 1}-0")
    r.set("p:{demo}:hookc", f"{old}-0")
    for i in range(3):
        w.doc["name"] = {"en": f"Test {i}"}
        await asyncio.to_thread(w.d.apply, {k: v for k, v in w.doc.items() if k != "webhooks"})
    kept = r.xrange(key, count=5)
    assert kept[0][0].decode() == f"{old}-0", kept


async def tokens_by_the_page(w):
    status, made = await w.call("POST", "tokens", None, {"role": "integrator", "note": "reports"})
    assert status == 201 and made["token"].startswith("parley_")
    status, all = await w.call("GET", "tokens")
    mine = next(t for t in all["items"] if t["note"] == "reports")
    assert mine["used"] is None and mine["clearance"] == 0 and mine["agent"] is None and made["token"] not in json.dumps(all)
    assert w.d.api("GET", "operation", token=made["token"])[0] == 200
    mine = next(t for t in (await w.call("GET", "tokens"))[1]["items"] if t["note"] == "reports")
    assert mine["used"]
    for body, want in (({"role": "king"}, 400), ({"role": "agent"}, 400), ({"role": "agent", "agent": "nobody"}, 400), ({"clearance": 1}, 400),
                       ({"role": "integrator", "clearance": 1}, 403), ({"role": "focal", "agent": "nadia"}, 403), ({"role": "integrator", "x": 1}, 400)):
        assert (await w.call("POST", "tokens", None, body))[0] == want, body
    assert (await w.call("POST", "tokens/{token}/revoke", {"token": mine["id"]}))[0] == 204
    assert w.d.api("GET", "operation", token=made["token"])[0] == 401
    assert (await w.call("POST", "tokens/{token}/revoke", {"token": mine["id"]}))[0] == 404


if __name__ == "__main__":
    run_shared(World, [what_happens_is_told_in_order, nothing_of_what_is_sealed, a_failing_thread_blocks_only_itself,
                       a_slow_one_slows_nobody_and_a_gone_one_stops, a_test_and_who_may, tokens_by_the_page, nothing_is_lost_by_kill_9,
                       what_was_not_taken_is_not_trimmed])
