# SPDX-License-Identifier: Apache-2.0
"""Assigning by the running engine: 1,000 agents on their sockets, 10,000 waiting threads in 9 languages and 20 topics. A decision
lasts from the event that makes it possible (an agent is there, a place is free, a thread is new) to the event of the offer, by the
clock of Redis; what of it is inside Redis stands in its slow log, which keeps every call here; and the daemon's own histogram tells
the part from hearing of the event to having the offer on disk."""
import base64
import collections
import json
import multiprocessing
import os
import random
import re
import select
import socket
import struct
import subprocess
import tempfile
import threading
import time

import bench as b
import parley as p

LANGUAGES = ["ar", "fa", "prs", "ps", "ur", "so", "fr", "tr", "en"]
TOPICS = [f"topic-{i}" for i in range(20)]
AGENTS, CAPACITY = 1000, 3
WAITING = 10000 + AGENTS // 20 * 19 * CAPACITY  # so that ten thousand still wait when everybody has enough
FREED, NEW = 1500, 300  # a round: places that become free, threads that come while somebody for them has room
KINDS = 8  # LANGUAGES[8] is not in the queue: its agents have room


def document(d, chance):
    agents = []
    for i in range(AGENTS):
        alone = i % 20 == 0  # for threads that come later
        known = [LANGUAGES[KINDS]] if alone else chance.sample(LANGUAGES[:KINDS], 2)
        agents.append({"login": f"a{i}", "name": f"Agent {i}", "team": "counselling", "roles": ["agent"], "areas": ["tr"],
                       "languages": {tag: chance.randint(1, 5) for tag in known},
                       "topics": ["*"] if alone else chance.sample(TOPICS, 8), "capacity": {"chat": 50 if alone else CAPACITY}})
    return p.operation(d, agents=agents, languages=LANGUAGES, fallback={"prs": ["fa"], "ps": ["prs", "fa"]}, offer_s=600,
                       topics=[{"id": t, "name": {"en": t}, "words": {}} for t in TOPICS])


def write(d, chance, first, n, languages):
    """Threads of new people, by webhooks of a hundred messages."""
    for start in range(first, first + n, 100):
        messages = []
        for i in range(start, min(start + 100, first + n)):
            messages.append({"id": f"m{i}", "text": "?", "topic": chance.choice(TOPICS),
                             "from": {"address": f"tel:+90555{i:07}", "locale": chance.choice(languages), "locale_stated": True}})
        status, body = d.hook({"messages": messages})
        assert status == 200, (status, body)


class Sockets:
    """Agents' sockets that read and forget, in a process of their own: a reader that is late is closed, and its agent has gone."""

    def __init__(self, d, tokens):
        self.d, self.sockets, self.bytes = d, {}, 0
        self.come, self.ended = multiprocessing.Value("i", 0), multiprocessing.Event()
        self.process = multiprocessing.Process(target=self._run, args=(tokens,), daemon=True)
        self.process.start()

    def _run(self, tokens):
        self.look = select.epoll()
        drain = threading.Thread(target=self._drain, daemon=True)
        drain.start()
        for token in tokens:
            self.add(token)
            self.come.value += 1
            time.sleep(0.01)
        drain.join()

    def add(self, token):
        s = socket.create_connection(("127.0.0.1", self.d.port))
        key = base64.b64encode(os.urandom(16)).decode()
        s.sendall((f"GET /ws/agent/demo HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                   f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: parley.agent.v1\r\nAuthorization: Bearer {token}\r\n\r\n").encode())
        head = s.recv(4096)
        assert b" 101 " in head[:16], head
        self.say(s, {"type": "hello", "after": None})
        self.sockets[s.fileno()] = s
        self.look.register(s.fileno(), select.EPOLLIN)

    @staticmethod
    def say(s, frame):
        data = json.dumps(frame).encode()
        s.sendall(struct.pack("!BBI", 0x81, 0x80 | len(data), 0) + data)

    def _drain(self):
        pinged = time.monotonic()
        while not self.ended.is_set():
            for fd, _ in self.look.poll(0.5):
                data = self.sockets[fd].recv(1 << 16)
                self.bytes += len(data)
                if not data:
                    self.look.unregister(fd)
            if time.monotonic() - pinged > 15:
                pinged = time.monotonic()
                for s in list(self.sockets.values()):
                    try:
                        s.sendall(b"\x8a\x80\0\0\0\0")  # a pong: who gives none for 80 s is closed
                    except OSError:
                        pass

    def close(self):
        self.ended.set()
        self.process.join(10)


def events(client):
    """The stream as dictionaries, oldest first, those of entries left out; `ms`: when."""
    for at, fields in client.xrange("p:{demo}:events"):
        if b"k" in fields:
            yield {"ms": int(at.split(b"-")[0]), **{k.decode(): v for k, v in fields.items()}}
        elif b"e" in fields and fields[b"e"][24:25] == b"\1":  # an entry that opened its thread
            yield {"ms": int(at.split(b"-")[0]), "k": b"3", "w": b"opened", "t": fields[b"e"][1:9]}


def decisions(client):
    """Milliseconds of each offer since what made it possible, by what that was."""
    there, freed, opened, out = {}, collections.defaultdict(list), {}, collections.defaultdict(list)
    for e in events(client):
        why, agent = e.get("w"), e.get("a", b"")
        if e["k"] == b"5" and why == b"presence" and e.get("st") == b"1":
            there[agent] = e["ms"]
        elif e["k"] == b"3" and why == b"opened":
            opened[e["t"]] = e["ms"]
        elif e["k"] == b"3" and why == b"resolved":
            freed[e["b"]].append(e["ms"])
        elif e["k"] == b"3" and why == b"offered":
            if freed[agent]:
                out["a place is free"].append(e["ms"] - freed[agent].pop(0))
            elif e["t"] in opened and opened[e["t"]] > there.get(agent, 0):
                out["a thread is new"].append(e["ms"] - opened[e["t"]])
            elif agent in there:
                out["an agent is there"].append(e["ms"] - there[agent])
    return out


def p99(values):
    values = sorted(values)
    return values[int(0.99 * (len(values) - 1))] if values else float("inf")


def calls(client, names):
    """Microseconds inside Redis of each call of our functions, by name."""
    out = collections.defaultdict(list)
    for entry in client.slowlog_get(1000000):
        m = re.match(rb"FCALL p[0-9a-f]+_(\w+)", entry["command"])
        if m and m[1].decode() in names:
            out[m[1].decode()].append(entry["duration"])
    return out


def function(client, name):
    """Its name in the library that the daemon has loaded."""
    library = client.execute_command("FUNCTION", "LIST")[0]
    names = (dict(zip(f[::2], f[1::2]))[b"name"] for f in dict(zip(library[::2], library[1::2]))[b"functions"])
    return next(n for n in names if n.endswith(b"_" + name.encode()))


def free_places(client, n, chance, a_second=150):
    """Threads that are offered are accepted and resolved, one after another, as their agents would."""
    accept, resolve = function(client, "accept"), function(client, "resolve")
    agents = [f"a{i}" for i in range(AGENTS) if i % 20]
    began = time.monotonic()
    for i in range(n):
        held = []
        while not held:
            agent = chance.choice(agents)
            held = list(client.smembers("p:{demo}:held:" + agent))
        thread = chance.choice(held)
        client.execute_command("FCALL", accept, 1, "p:{demo}:", thread, agent)
        client.execute_command("FCALL", resolve, 1, "p:{demo}:", thread, agent, "done", "answered_in_person")
        time.sleep(max(0.0, began + (i + 1) / a_second - time.monotonic()))


def apply(d, doc):
    """As `d.apply`, without a thousand passwords, which take a tenth of a second each."""
    path = os.path.join(d.dir, "operation.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(doc, f)
    subprocess.run([os.path.join(p.BUILD, "parley"), "--data", d.data, "--json", "apply", "--no-passwords", path], check=True, capture_output=True, timeout=500)


def tokens_of(d):
    """A token for each agent, by the socket that `parley` uses: a thousand processes would take longer than the benchmark."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.path.join(d.data, "parleyd.sock"))
        lines = s.makefile("rw", encoding="utf-8")
        for i in range(AGENTS):
            lines.write(json.dumps({"verb": "token", "operation": "demo", "role": "agent", "agent": f"a{i}"}) + "\n")
            lines.flush()
            yield json.loads(lines.readline())["done"]["token"]


def all_there(d, client, chance):
    """The threads wait, then the agents come, a hundred a second."""
    began = time.monotonic()
    apply(d, document(d, chance))
    b_apply = time.monotonic() - began
    write(d, chance, 0, WAITING, LANGUAGES[:KINDS])
    print(f"  {AGENTS} agents applied in {b_apply:.1f} s, {WAITING} threads in {time.monotonic() - began - b_apply:.1f} s", flush=True)
    tokens = list(tokens_of(d))
    assert client.zcard("p:{demo}:waiting") == WAITING, client.zcard("p:{demo}:waiting")
    sockets = Sockets(d, tokens)
    end = time.monotonic() + 60
    while client.zcard("p:{demo}:offers") < (AGENTS - AGENTS // 20) * CAPACITY and time.monotonic() < end:
        time.sleep(0.1)
    return sockets


def round_of(d, client, chance, first):
    """Places become free, and threads come for those who have room; how busy the worker was."""
    cpu, began, worker = b.cpu(d.workers()[0]), time.monotonic(), d.workers()[0]

    def new():
        for i in range(NEW):
            write(d, chance, first + i, 1, LANGUAGES[KINDS:])
            time.sleep(0.03)

    writer = threading.Thread(target=new)
    writer.start()
    free_places(client, FREED, chance)
    writer.join()
    busy = (b.cpu(worker) - cpu) / (time.monotonic() - began)
    time.sleep(1)
    return busy


def histogram(d, name):
    """{upper bound: how many} of a histogram of the daemon's."""
    text = d.get("/metrics")[2].decode()
    return {float(m[1].replace("+Inf", "inf")): int(float(m[2])) for m in re.finditer(rf'^{name}_bucket{{.*le="([^"]+)"}} (\S+)$', text, re.M)}


def own(before, after):
    """The share of decisions that took at most 5 ms, as the daemon counts."""
    n = {le: after[le] - before.get(le, 0) for le in after}
    print("  from the event to the offer on disk, in the daemon: " + ", ".join(f"{n[le]} in {le * 1000:g} ms" for le in sorted(n) if le <= 0.05)
          + f", of {n[float('inf')]}", flush=True)
    return n[0.005] / max(1, n[float("inf")])


class Bare:
    """Beside it, by the same clocks: what a plain write of somebody else takes, since every offer is on disk before it is told."""

    def __init__(self, client):
        self.client, self.ms, self.ended = client, [], False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.ended:
            began = time.monotonic()
            self.client.set("bench:probe", "1")
            self.ms.append((time.monotonic() - began) * 1000)
            time.sleep(0.02)

    def end(self):
        self.ended = True
        self.thread.join()
        print(f"  a bare SET meanwhile: p50 {b.median(self.ms):.1f}, p99 {p99(self.ms):.1f} ms", flush=True)


def show(made, redis, waits, inside):
    for what, ms in sorted(made.items()):
        waits[what].append(p99(ms))
        print(f"  {what}: {len(ms)} decisions, p50 {b.median(ms):.0f}, p99 {p99(ms)}, at most {max(ms)} ms", flush=True)
    for name, us in sorted(redis.items()):
        inside[name].append(p99(us))
        print(f"  {name}: {len(us)} calls, p50 {b.median(us):.0f}, p99 {p99(us)} us inside Redis", flush=True)


def measure(d, client, goals):
    chance, names = random.Random(1), ("offer", "accept", "resolve", "waiting_page", "agents_page", "agents_sweep", "offers_expire")
    waits, inside, shares, metric = collections.defaultdict(list), collections.defaultdict(list), [], "parley_assign_decision_seconds"
    sockets = all_there(d, client, chance)
    try:
        show(decisions(client), {}, waits, inside)
        for i in range(3):
            client.execute_command("SLOWLOG", "RESET")
            client.execute_command("XTRIM", "p:{demo}:events", "MINID", str(int(time.time() * 1000)))
            before, bare = histogram(d, metric), Bare(d.bench_redis.client())
            busy = round_of(d, client, chance, WAITING + i * NEW)
            bare.end()
            shares.append(own(before, histogram(d, metric)))
            show(decisions(client), calls(client, names), waits, inside)
            print(f"  the worker was busy {100 * busy:.0f} % of the time", flush=True)
        text = []

        def profile():
            if not text:
                look = b.Profile(d.workers()[0])
                round_of(d, client, chance, WAITING + 3 * NEW)
                text.append(look.text())
            return text[0]

        for what, values in sorted(waits.items()):
            if what != "an agent is there":  # a hundred a second come, each with three places: told, no goal
                goals.check(f"{what}: p99", b.median(values), 5, " ms", profile=profile)
        goals.check("decisions of at most 5 ms by the daemon's own histogram, of all", b.median(shares), 0.99, least=True, profile=profile)
        for name, us in sorted(inside.items()):
            goals.check(f"{name}, inside Redis: p99", b.median(us), 500, " us")
    finally:
        sockets.close()


def main():
    goals = b.Goals()
    b.files_limit()
    d = p.Parley().start()
    with open(b.embedded(d)[0], encoding="utf-8") as f:
        settings = f.read()
    d.close()
    with tempfile.NamedTemporaryFile("w", prefix="parley-bench-") as conf:
        conf.write(settings)
        conf.flush()
        with b.Redis(conf.name, ["slowlog-log-slower-than 0", "slowlog-max-len 400000"]) as data:
            d = p.Parley({"redis": {"url": "unix:" + data.socket}}).start()
            d.bench_redis = data
            try:
                measure(d, data.client(), goals)
            finally:
                d.close()
    goals.end()


if __name__ == "__main__":
    main()
