# SPDX-License-Identifier: Apache-2.0
"""Two nodes: each with a data directory of its own, one pair of Redis servers by URL, one directory of files, one program that prints the
master keys. Whichever a person or an agent meets makes no difference; when one is killed the other goes on with all of it."""
import asyncio
import collections
import hashlib
import os
import secrets
import shutil
import subprocess
import tempfile
import threading
import time

import parley as p
from look import download, entries, eventually, texts, threads, upload, wait

MASTER = """#!/bin/sh
printf '%s' "{seed}-$1" | sha256sum | cut -c1-64
"""


class Redis:
    """A server of somebody else's, with the settings that Parley asks for."""

    def __init__(self, top, name):
        self.dir = os.path.join(top, name)
        os.mkdir(self.dir)
        self.socket = os.path.join(self.dir, "s")
        self.url = "unix:" + self.socket
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self.dir, "--appendonly", "yes", "--appendfsync", "always",
             "--maxmemory", "256mb", "--maxmemory-policy", "noeviction", "--save", ""],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=self.dir)
        wait(lambda: os.path.exists(self.socket), 10)

    def client(self):
        import redis
        return redis.Redis(unix_socket_path=self.socket)

    def close(self):
        self.process.kill()
        self.process.wait()


class Cluster:
    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="parley-nodes-")
        self.data, self.keys = Redis(self.top, "data"), Redis(self.top, "keys")
        master = os.path.join(self.top, "master")
        with open(master, "w", encoding="utf-8") as f:
            f.write(MASTER.format(seed=secrets.token_hex(16)))
        os.chmod(master, 0o700)
        blobs = os.path.join(self.top, "blobs")
        os.mkdir(blobs, 0o700)
        settings = {"redis": {"url": self.data.url}, "keys": {"url": self.keys.url, "master_command": master}}
        self.nodes = []
        for _ in range(2):
            d = p.Parley(settings)
            os.makedirs(d.data, 0o700, exist_ok=True)
            os.symlink(blobs, os.path.join(d.data, "blobs"))
            d.secret = self.nodes[0].secret if self.nodes else d.secret
            self.nodes.append(d)

    def start(self):
        for d in self.nodes:
            d.start()
        return self.nodes

    def holder(self, lease):
        """Whose it is: the node's process id."""
        value = self.data.client().get("p:{demo}:lease:" + lease)
        return int(value.decode().split(".")[1]) if value else None

    def close(self):
        for d in self.nodes:
            d.close()
        self.data.close()
        self.keys.close()
        shutil.rmtree(self.top, ignore_errors=True)


class Writers:
    """People who write to both nodes by turns, and once more to the other node when a webhook fails, as providers do."""

    def __init__(self, nodes, n=4):
        self.nodes, self.done, self.broken, self.halt = nodes, [], 0, threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(n)]
        for t in self.threads:
            t.start()

    def run(self, me):
        who, i = f"tel:+90555{me:03d}00000", 0
        while not self.halt.is_set():
            text = f"{me}-{i}"
            try:
                if self.nodes[(i + me + self.broken) % 2].write(who, text, id=text) == 200:
                    self.done.append(text)
                    i += 1
                    continue
            except OSError:
                pass
            self.broken += 1
            time.sleep(0.02)

    def stop(self):
        self.halt.set()
        for t in self.threads:
            t.join(30)

    def check(self, d, token):
        have = collections.Counter()
        for t in threads(d, token):
            told = [x for x in texts(d, token, t["id"], "in") if x[0].isdigit()]
            have.update(told)
            numbers = [int(x.split("-")[1]) for x in told]
            assert numbers == sorted(numbers), f"out of order: {told[:20]}"
        assert all(have[text] == 1 for text in self.done), [t for t in self.done if have[t] != 1][:10]
        assert max(have.values()) == 1, "something came in twice"


async def open_office(c, receiver):
    a, b = await asyncio.to_thread(c.start)
    doc = p.operation(a)
    doc["channels"][1]["settings"]["url"] = receiver.url
    answer = await asyncio.to_thread(a.apply, doc)
    assert answer["behind"] == [], answer
    return a, b


async def both_nodes_are_one():
    c, receiver = Cluster(), await p.Receiver().start()
    try:
        a, b = await open_office(c, receiver)
        # The other node knows all of it as soon as `apply` has answered.
        assert await asyncio.to_thread(b.write, "tel:+905550000001", "I want to register at b") == 200
        assert await asyncio.to_thread(a.write, "tel:+905550000002", "I want to register at a") == 200
        token = a.token(role="integrator", clearance=2)
        amal = await p.AgentSocket(b, b.token(agent="amal", role="agent")).open()
        mine = {}
        for _ in range(2):
            t = (await amal.frame("thread.offered"))["thread"]
            ok = await amal.ask("accept", thread=t["id"])
            assert ok["type"] == "ok", ok
            mine[texts(a, token, t["id"], "in")[0]] = t["id"]
        assert sorted(mine) == ["I want to register at a", "I want to register at b"]
        # The same person through both doors at once: one contact, one thread, each message once.
        both = [asyncio.to_thread(d.write, "tel:+905550000003", f"at once {i}", id=f"same-{i}") for i in range(10) for d in (a, b)]
        assert set(await asyncio.gather(*both)) == {200}
        t = (await amal.frame("thread.offered"))["thread"]
        await amal.ask("accept", thread=t["id"])
        assert sorted(texts(b, token, t["id"], "in")) == [f"at once {i}" for i in range(10)]
        # What comes in at a is a frame at b, and b's answer is sent once.
        await amal.ask("send", thread=t["id"], text="an answer", ref="r1")
        assert await asyncio.to_thread(a.write, "tel:+905550000003", "thank you") == 200
        await amal.frame("entry.added", where=lambda f: f["entry"].get("text") == "thank you")
        await receiver.wait(1)
        # A file that came in at one node is read at the other.
        sent = secrets.token_bytes(5000)
        file = await asyncio.to_thread(upload, a, a.token(agent="amal", role="agent"), sent, "application/pdf", "paper.pdf")
        ok = await amal.ask("send", thread=t["id"], text="with a file", attachments=[file["id"]], ref="r2")
        assert ok["type"] == "ok", ok
        entry = [e for e in entries(b, token, t["id"], "message") if e["attachments"]][0]
        _, data = await asyncio.to_thread(download, b, token, entry["attachments"][0]["url"])
        assert hashlib.sha256(data).digest() == hashlib.sha256(sent).digest()
        await receiver.wait(2)
        assert len(receiver.got) == 2, "each answer is sent once"
        await amal.close()
    finally:
        await receiver.stop()
        c.close()


async def one_is_killed_and_the_other_goes_on():
    c, receiver = Cluster(), await p.Receiver().start()
    writers = None
    try:
        a, b = await open_office(c, receiver)
        token = b.token(role="integrator", clearance=2)
        # The victim is the node that holds the router's lease: it is the one that would be missed.
        pid = await eventually(lambda: c.holder("router"))
        dead, alive = (a, b) if pid in a.workers() else (b, a)
        amal = await p.AgentSocket(alive, alive.token(agent="amal", role="agent")).open()
        writers = Writers([dead, alive])
        await eventually(lambda: len(writers.done) > 100, 20)
        await asyncio.to_thread(dead.kill)
        killed = time.monotonic()
        assert await asyncio.to_thread(alive.write, "tel:+905559999999", "I want to register") == 200
        await eventually(lambda: (c.holder("router") or pid) != pid, 15)
        print(f"the router's lease moved {time.monotonic() - killed:.1f} s after the kill", flush=True)
        assert c.holder("router") in alive.workers()
        # Its people are offered and answered at the node that lives; every answer goes out once, whoever had the channel before.
        answered = set()
        while len(answered) < 5:
            t = (await amal.frame("thread.offered", 20))["thread"]
            ok = await amal.ask("accept", thread=t["id"])
            assert ok["type"] == "ok", ok
            ok = await amal.ask("send", thread=t["id"], text=f"answer {len(answered)}", ref=f"a{len(answered)}")
            assert ok["type"] == "ok", ok
            answered.add(t["id"])
        await receiver.wait(5, 30)
        print(f"answers went out {time.monotonic() - killed:.1f} s after the kill", flush=True)
        writers.stop()
        # The dead one comes back, has the same, and works.
        await asyncio.to_thread(dead.start)
        await asyncio.to_thread(writers.check, dead, token)
        assert await asyncio.to_thread(dead.write, "tel:+905559999999", "are you back?") == 200
        await amal.frame("entry.added", where=lambda f: f["entry"].get("text") == "are you back?")
        sent = collections.Counter(g["json"]["data"]["text"] for g in receiver.got if g["json"]["data"].get("text", "").startswith("answer "))
        assert sent == {f"answer {i}": 1 for i in range(5)}, sent
        await amal.close()
    finally:
        if writers:
            writers.stop()
        await receiver.stop()
        c.close()


async def a_node_with_other_keys_is_refused():
    c = Cluster()
    try:
        a, b = c.nodes
        a.start()
        await asyncio.to_thread(a.apply, p.operation(a))
        with open(os.path.join(c.top, "master"), "w", encoding="utf-8") as f:
            f.write(MASTER.format(seed="another"))
        b.start(wait=0)

        def why():
            try:
                status, _, data = b.get("/readyz")
                return status == 503 and b"key" in data and data
            except OSError:
                return None
        print((await eventually(why, 15)).decode(), flush=True)
        assert await asyncio.to_thread(b.write, "tel:+905550000001", "not taken") == 503
        assert await asyncio.to_thread(a.write, "tel:+905550000001", "taken") == 200
    finally:
        c.close()


if __name__ == "__main__":
    p.run([both_nodes_are_one, one_is_killed_and_the_other_goes_on, a_node_with_other_keys_is_refused])
