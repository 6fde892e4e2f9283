# SPDX-License-Identifier: Apache-2.0
"""Bad days: Redis killed, stopped, full, the disk nearly full, the daemon stopped or reloaded under load, two workers. What was taken is
kept, what can't be kept is refused before it is taken, and everything goes on by itself."""
import asyncio
import json
import os
import secrets
import signal
import threading
import time

import parley as p
import websockets
from look import Pipe, entries, eventually, texts, threads, wait

HOOK = "/hooks/demo/app"


async def begun(settings=None, workers=1):
    d = p.Parley(settings, workers).start()
    d.apply(p.operation(d))
    return d


def server(d, which):
    """The process of an embedded server: "data" or "keys"."""
    for pid in d.pids("redis-server"):
        if os.path.basename(os.readlink(f"/proc/{pid}/cwd")) == which:
            return pid
    return None


def ready(d):
    status, _, data = d.get("/readyz")
    return status == 200, json.loads(data).get("why", "")


def hook(d, who, text, id=None):
    """(status, headers) of one webhook."""
    body = json.dumps({"messages": [{"id": id or secrets.token_hex(8), "from": {"address": who}, "text": text}]}).encode()
    status, headers, _ = d.request("POST", HOOK, body, d.signed(body))
    return status, headers


class Load:
    """Signed webhooks from several threads until told to stop; what was answered 200 is remembered."""

    def __init__(self, d, n=4):
        self.d, self.done, self.refused, self.broken, self.halt = d, [], 0, [], threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(n)]
        for t in self.threads:
            t.start()

    def run(self, me):
        who, i = f"tel:+9055{me:03d}00000", 0
        while not self.halt.is_set():
            text = f"{me}-{i}"
            try:
                status, headers = hook(self.d, who, text, text)
            except OSError as e:
                self.broken.append((time.monotonic(), repr(e)))
                time.sleep(0.02)
                continue
            if status == 200:
                self.done.append(text)
                i += 1
            else:
                assert status == 503 and headers["Retry-After"], (status, dict(headers))
                self.refused += 1
                time.sleep(0.05)

    def stop(self):
        self.halt.set()
        for t in self.threads:
            t.join(30)

    def check(self, token):
        """Everything that was answered 200 is there, once, in each person's order."""
        want, have = {}, {}
        for text in self.done:
            want.setdefault(text.split("-")[0], []).append(text)
        for t in threads(self.d, token):
            told = texts(self.d, token, t["id"], "in")
            if told and "-" in told[0]:
                have.setdefault(told[0].split("-")[0], []).extend(told)
        for me, list_ in want.items():
            got = have.get(me, [])
            assert len(got) == len(set(got)), f"{me}: twice"
            assert [x for x in got if x in set(list_)] == sorted(list_, key=lambda s: int(s.split("-")[1])), (me, len(list_), len(got))


async def told(amal, thread, text):
    """What an agent hears of a message that can't be kept: its error, or, when an event could not be shown, the end of the socket."""
    try:
        frame = await amal.ask("send", thread=thread, text=text, ref="ref-1")
        assert frame["type"] == "error" and frame["code"] == "unavailable", frame
        return "unavailable"
    except (ConnectionError, websockets.ConnectionClosed):
        assert amal.ws.close_code == 1013, (amal.ws.close_code, amal.broken)
        return "closed"


async def away(d, which, take, give):
    """While a server is away nothing is accepted and everybody is told; then it goes on by itself."""
    amal = await p.AgentSocket(d, d.token(agent="amal", role="agent")).open()
    token = d.token(role="integrator")
    assert d.write("tel:+905550000001", "I want to register") == 200
    t = (await amal.frame("thread.offered"))["thread"]
    await amal.ask("accept", thread=t["id"])
    began = time.monotonic()
    take()
    try:
        how = await told(amal, t["id"], "can't be kept")  # before anybody has noticed: the wait is one time-out, not one for each question
        took = time.monotonic() - began
        print(f"{which}: the socket was told after {took:.1f} s: {how}")
        assert took < 8, took
        await eventually(lambda: not ready(d)[0], 25, 0.1)
        print(f"{which}: noticed after {time.monotonic() - began:.1f} s: {ready(d)[1]!r}")
        assert ready(d)[1], "the reason is told"
        assert d.get("/healthz")[0] == 200
        for _ in range(3):  # from now on nobody waits
            before = time.monotonic()
            status, headers = hook(d, "tel:+905550000001", "while it was away", "away-1")
            assert status == 503 and int(headers["Retry-After"]) >= 1, (status, dict(headers))
            if not amal.ws.closed:
                await told(amal, t["id"], "can't be kept")
            status, body = d.api("GET", "threads", token=token)
            assert status == 503, (status, body)
            assert time.monotonic() - before < 2, time.monotonic() - before
            await asyncio.sleep(2)  # over a try to connect again, which a hanging server takes and does not answer
    finally:
        give()
    await eventually(lambda: ready(d)[0], 40, 0.1)
    print(f"{which}: ready again after {time.monotonic() - began:.1f} s")
    assert hook(d, "tel:+905550000001", "while it was away", "away-1")[0] == 200
    assert hook(d, "tel:+905550000001", "while it was away", "away-1")[0] == 200
    if amal.ws.closed:
        amal = await p.AgentSocket(d, amal.token).open(after=amal.after)
    ok = await amal.ask("send", thread=t["id"], text="can't be kept", ref="ref-1")  # the same ref: never twice
    assert ok["type"] == "ok", ok
    assert texts(d, token, t["id"], "in") == ["I want to register", "while it was away"]
    assert texts(d, token, t["id"], "out").count("can't be kept") == 1
    # Nothing of what happened meanwhile was missed by the socket.
    def heard():
        return [f["entry"]["text"] for f in amal.frames if f["type"] == "entry.added" and f["entry"]["kind"] == "message"]
    try:
        await eventually(lambda: len(heard()) >= 2, 10)
    finally:
        print(f"{which}: heard {heard()}, broken {amal.broken!r}")
    assert sorted(heard()) == ["can't be kept", "while it was away"], heard()
    await amal.close()


async def the_data_server_is_stopped():
    d = await begun()
    try:
        pid = server(d, "data")
        await away(d, "data stopped", lambda: os.kill(pid, signal.SIGSTOP), lambda: os.kill(pid, signal.SIGCONT))
    finally:
        d.close()


async def the_key_server_is_stopped():
    d = await begun()
    try:
        pid = server(d, "keys")
        os.kill(pid, signal.SIGSTOP)
        # What is needed for those who are known already is in memory; a stranger needs a key, and may have one of the batch.
        try:
            await eventually(lambda: not ready(d)[0], 25, 0.1)
            assert ready(d)[1]
            assert hook(d, "tel:+905550000002", "a stranger")[0] == 503
        finally:
            os.kill(pid, signal.SIGCONT)
        await eventually(lambda: ready(d)[0], 40, 0.1)
        assert hook(d, "tel:+905550000002", "a stranger")[0] == 200
    finally:
        d.close()


async def the_data_server_is_killed_under_load():
    d = await begun()
    try:
        token = d.token(role="integrator")
        load = Load(d)
        try:
            await asyncio.sleep(1)
            for _ in range(3):
                os.kill(server(d, "data"), signal.SIGKILL)
                await asyncio.sleep(0.3)
                await eventually(lambda: ready(d)[0], 40, 0.1)
                await asyncio.sleep(0.7)
        finally:
            load.stop()
        assert load.done and not [b for b in load.broken if "Refused" in b[1]], load.broken[:3]
        print(f"killed three times: {len(load.done)} taken, {load.refused} refused, {len(load.broken)} broken off")
        load.check(token)
    finally:
        d.close()


async def a_full_server_takes_nothing_and_loses_nothing():
    d = await begun({"redis": {"memory_mb": 24}})
    try:
        token = d.token(role="integrator")
        amal = await p.AgentSocket(d, d.token(agent="amal", role="agent")).open()
        assert d.write("tel:+905550000001", "I want to register") == 200
        t = (await amal.frame("thread.offered"))["thread"]
        await amal.ask("accept", thread=t["id"])
        pipe, taken, refused = await Pipe(d.port).open(), 0, None
        for i in range(2000):
            body = json.dumps({"messages": [{"id": f"f{i}", "from": {"address": "tel:+905550000009"}, "text": secrets.token_hex(30_000)}]}).encode()
            status, headers, answer = await pipe.post(HOOK, body, d.signed(body))
            if status != 200:
                refused = (status, headers, answer)
                break
            taken += 1
        assert refused and refused[0] == 503 and refused[1]["retry-after"], refused
        print(f"full after {taken} messages of 60 kB: {refused[2][:150]}")
        await eventually(lambda: not ready(d)[0], 15, 0.1)
        assert ready(d)[1]
        frame = await amal.ask("send", thread=t["id"], text="x" * 60_000)
        assert frame["type"] == "error" and frame["code"] == "unavailable", frame["type"]
        (full,) = [x for x in threads(d, token) if x["id"] != t["id"]]  # reading goes on
        assert full["entries"] >= taken
        # A worker that starts in a full server has to be able to make room as well.
        old = d.workers()
        os.kill(old[0], signal.SIGKILL)
        await eventually(lambda: d.workers() and d.workers() != old and _quiet(lambda: ready(d)), 20, 0.1)
        await eventually(lambda: _quiet(lambda: hook(d, "tel:+905550000009", "x" * 60_000)[0] == 503 and ready(d)[1]), 20, 0.1)
        # Room is made by erasing that person; then it goes on by itself.
        d.tool("erase", "demo", full["contact"]["id"])
        await eventually(lambda: ready(d)[0], 30, 0.1)
        assert hook(d, "tel:+905550000001", "there is room again")[0] == 200
        assert texts(d, token, t["id"], "in") == ["I want to register", "there is room again"]
        await amal.close()
    finally:
        d.close()


async def a_disk_that_is_nearly_full():
    free = os.statvfs("/tmp").f_bavail * os.statvfs("/tmp").f_frsize >> 20
    d = await begun({"disk_low_mb": 1})
    try:
        assert ready(d)[0]
        with open(d.config, encoding="utf-8") as f:
            settings = json.load(f)
        for low, wanted in ((min(free + 10_000, 1 << 20), False), (1, True)):
            if not wanted and low <= free:
                print("the disk is too large for this test")
                return
            with open(d.config, "w", encoding="utf-8") as f:
                json.dump({**settings, "disk_low_mb": low}, f)
            d.process.send_signal(signal.SIGHUP)
            await eventually(lambda w=wanted: _quiet(lambda: ready(d)[0] == w), 40, 0.1)
            await asyncio.sleep(1)
            status, headers = hook(d, "tel:+905550000001", "is there room?", f"disk-{wanted}")
            assert (status == 200) == wanted, (low, status)
            if not wanted:
                assert "disk" in ready(d)[1].lower() and headers["Retry-After"], ready(d)
        assert len(threads(d, d.token(role="integrator"))) == 1
    finally:
        d.close()


def _quiet(what):
    try:
        return what()
    except OSError:
        return False


async def stopping_under_load_loses_nothing():
    d = await begun()
    try:
        token = d.token(role="integrator")
        amal = await p.AgentSocket(d, d.token(agent="amal", role="agent")).open()
        for _ in range(2):
            load = Load(d)
            await asyncio.sleep(1)
            d.process.send_signal(signal.SIGTERM)
            bye = await amal.frame("bye", 10)
            assert bye["retry_ms"] > 0
            status = await asyncio.to_thread(d.process.wait, 30)
            assert status == 0, status
            await asyncio.sleep(0.2)
            load.stop()
            d.start()
            amal = await p.AgentSocket(d, amal.token).open()
            print(f"stopped under load: {len(load.done)} taken")
            assert load.done
            load.check(token)
            # An answer begun before the stop was given whole: what broke off was never begun.
            assert not [b for b in load.broken if "IncompleteRead" in b[1]], load.broken[:3]
        await amal.close()
    finally:
        d.close()


async def reloading_under_load_refuses_nothing():
    d = await begun()
    try:
        token = d.token(role="integrator")
        load = Load(d)
        try:
            for _ in range(4):
                before = d.workers()
                d.process.send_signal(signal.SIGHUP)
                await eventually(lambda b=before: d.workers() and not set(d.workers()) & set(b), 25, 0.05)
                await asyncio.sleep(0.5)
        finally:
            load.stop()
        print(f"reloaded four times under load: {len(load.done)} taken, {load.refused} told to come back, {len(load.broken)} broken off")
        assert not load.broken, load.broken[:3]
        load.check(token)
    finally:
        d.close()


async def two_workers_are_one():
    """An agent on one, a person on the other: it makes no difference. Workers share the port, so both are met when enough come."""
    d = await begun(workers=2)
    try:
        assert len(d.workers()) == 2
        token = d.token(role="integrator")
        sockets = [await p.AgentSocket(d, d.token(agent="amal", role="agent")).open() for _ in range(6)]
        for i in range(10):
            assert await asyncio.to_thread(d.write, f"tel:+9055500002{i:02d}", f"I want to register {i}") == 200
        offers = [(await sockets[0].frame("thread.offered"))["thread"] for _ in range(10)]
        for i, t in enumerate(offers):
            s = sockets[i % 6]
            ok = await s.ask("accept", thread=t["id"])
            assert ok["type"] == "ok", ok
            ok = await s.ask("send", thread=t["id"], text=f"answer {i}", ref=f"r{i}")
            again = await sockets[(i + 1) % 6].ask("send", thread=t["id"], text=f"answer {i}", ref=f"r{i}")
            assert ok["entry"]["id"] == again["entry"]["id"], "a ref holds whichever worker it meets"
            for other in sockets:
                await other.frame("entry.added", where=lambda f, e=ok: f["entry"]["id"] == e["entry"]["id"])
        assert len(threads(d, token)) == 10
        # One dies: its sockets close, the others go on, and nothing is lost.
        victim = d.workers()[0]
        os.kill(victim, signal.SIGKILL)
        assert await asyncio.to_thread(hook_until, d, "tel:+905550000200", "after a death") == 200
        await eventually(lambda: victim not in d.workers() and len(d.workers()) == 2, 10)
        await asyncio.sleep(0.2)
        alive = [s for s in sockets if not s.ws.closed]
        new = await p.AgentSocket(d, sockets[0].token).open(after=sockets[0].after)
        first = next(t for t in offers)
        for s in alive + [new]:
            if not s.ws.closed:
                ok = await s.ask("send", thread=first["id"], text="still here")
                assert ok["type"] == "ok", ok
        for s in sockets + [new]:
            await s.close()
    finally:
        d.close()


def hook_until(d, who, text):
    return wait(lambda: _quiet(lambda: hook(d, who, text, "death")[0] == 200) and 200, 15)


async def signing_out_and_disabling_reach_the_other_worker():
    d = await begun(workers=2)
    try:
        tokens = [d.token(agent="amal", role="agent") for _ in range(4)]
        sockets = [await p.AgentSocket(d, t).open() for t in tokens]
        began = time.monotonic()
        d.tool("user", "disable", "amal")
        for s in sockets:
            await asyncio.wait_for(s.ws.wait_closed(), 10)
        print(f"closed after {time.monotonic() - began:.2f} s")
        for t in tokens * 3:
            assert d.api("GET", "threads", token=t)[0] == 401
        d.tool("user", "enable", "amal")
        s = await p.AgentSocket(d, tokens[0]).open()
        await s.close()
    finally:
        d.close()


async def a_worker_that_dies_while_an_answer_is_out_is_told_as_it_is():
    """http sends may be repeated: the other side sees the same id again, and the message is sent, not lost."""
    r = await p.Receiver().start()
    d = await begun()
    try:
        doc = p.operation(d)
        doc["channels"][1]["settings"]["url"] = r.url
        d.apply(doc)
        held = asyncio.Event()

        async def slowly(request, item, web):
            held.set()
            await asyncio.sleep(2 if len(r.got) == 1 else 0)
            return web.json_response({"id": "e1"})
        r.answer = slowly
        amal = await p.AgentSocket(d, d.token(agent="amal", role="agent")).open()
        assert d.write("tel:+905550000001", "I want to register") == 200
        t = (await amal.frame("thread.offered"))["thread"]
        await amal.ask("accept", thread=t["id"])
        ok = await amal.ask("send", thread=t["id"], text="Is it lost?")
        await asyncio.wait_for(held.wait(), 10)
        os.kill(d.workers()[0], signal.SIGKILL)
        again = await r.wait(2, 40)
        assert {g["headers"]["Webhook-Id"] for g in again} == {ok["entry"]["id"]}
        token = d.token(role="integrator")
        await eventually(lambda: entries(d, token, t["id"], "message")[-1]["status"] == "sent", 20)
    finally:
        d.close()
        await r.stop()


TESTS = [the_data_server_is_stopped, the_key_server_is_stopped, the_data_server_is_killed_under_load,
         a_full_server_takes_nothing_and_loses_nothing, a_disk_that_is_nearly_full, stopping_under_load_loses_nothing,
         reloading_under_load_refuses_nothing, two_workers_are_one, signing_out_and_disabling_reach_the_other_worker,
         a_worker_that_dies_while_an_answer_is_out_is_told_as_it_is]

if __name__ == "__main__":
    p.run(TESTS)
