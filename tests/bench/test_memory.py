# SPDX-License-Identifier: Apache-2.0
"""Memory: Redis a person and a message (300 bytes, 33 distinct words: the average), what deduplication and search take apart; the daemon idle, and with ten thousand webchat
sockets that are open and silent, plain and by TLS."""
import base64
import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import time

import bench as b
import parley as p

SOCKETS = 10000
KINDS = ("seen:", "events", "contact:", "thread:", "log:", "addr:", "waiting", "threads")


# ---- Redis ----

def used(client):
    time.sleep(1.5)
    info = client.info("memory")
    return info["used_memory"] - info.get("mem_clients_normal", 0) - info.get("mem_aof_buffer", 0)


def by_kind(client):
    """Bytes of the keys of each kind, with the entry that Redis keeps for each key."""
    sums = dict.fromkeys((*KINDS, "others"), 0)
    batch = []

    def add():
        pipe = client.pipeline(transaction=False)
        for k in batch:
            pipe.memory_usage(k, 0)
        for k, n in zip(batch, pipe.execute()):
            name = k.split(b"}:", 1)[-1].decode("latin-1")
            kind = next((x for x in KINDS if name == x or (x.endswith(":") and name.startswith(x))), "others")
            sums[kind] += (n or 0) + 8  # its place in the table of keys
        batch.clear()

    for key in client.scan_iter(count=1000):
        batch.append(key)
        if len(batch) == 1000:
            add()
    add()
    return sums


def sets(value):
    """Bytes of an entry's search sets, which stand behind it (functions/person.lua)."""
    return 2 + struct.unpack(">H", value[-2:])[0] if value[:1] == b"\2" else 0


def search(client):
    """Words of a message (the first byte of its set); for first and for further messages the bytes that these sets take, and bytes a word in
    entries of all sizes, since what Redis allocates is rounded: entries with sets and without, as they are and padded."""
    taken, words = {(first, padded): [] for first in (True, False) for padded in (True, False)}, 1
    for i, key in enumerate(client.scan_iter(match="p:{demo}:log:*", count=1000)):
        if i == 1024:
            break
        for n, value in client.hgetall(key).items():
            if not n.isdigit() or not sets(value):
                continue
            words = value[-sets(value)]
            pipe = client.pipeline(transaction=False)
            for v in (value, value[:-sets(value)]):
                for pad in (i * 37 % 1024, 0):
                    pipe.hset("p:{demo}:bench", "1", v + bytes(pad))
                    pipe.memory_usage("p:{demo}:bench", 0)
                    pipe.delete("p:{demo}:bench")
            used_by = pipe.execute()[1::3]  # with sets padded, as it is; without sets the same
            for k, padded in enumerate((True, False)):
                taken[n == b"1", padded].append(used_by[k] - used_by[k + 2])
    mean = {k: sum(v) / max(1, len(v)) for k, v in taken.items()}
    return words, [mean[first, False] for first in (True, False)], [mean[first, True] / words for first in (True, False)]


def people(goals):
    import redis
    d = p.Parley().start()
    try:
        b.office(d)
        here = b.Present(d, "amal")
        client = redis.Redis(unix_socket_path=b.embedded(d)[1])
        b.webhooks(d, 0.3, 50, mode="words")  # what is made once
        empty, empty_kinds = used(client), by_kind(client)
        n = b.webhooks(d, 6, 0, mode="words")["done"] - 50  # the first 50 are known
        first, first_kinds = used(client), by_kind(client)
        more = b.webhooks(d, 8, n // 8, mode="words")["done"]
        last, last_kinds = used(client), by_kind(client)
        words, as_is, a_word = search(client)
        here.close()
    finally:
        d.close()
    one = {k: (first_kinds[k] - empty_kinds[k]) / n for k in first_kinds}
    two = {k: (last_kinds[k] - first_kinds[k]) / more for k in first_kinds}
    print(f"{n} new people, then {more} further messages of {n // 8} of them, of 300 bytes, {words} distinct words each")
    print("  a new person:      " + ", ".join(f"{k.rstrip(':')} {v:.0f}" for k, v in one.items()) + " bytes")
    print("  a further message: " + ", ".join(f"{k.rstrip(':')} {v:.0f}" for k, v in two.items()) + " bytes")
    goals.check("Redis, a new person with thread and first message", (first - empty) / n - one["seen:"] - as_is[0], 2200, " bytes")
    goals.check("Redis, a further message", (last - first) / more - two["seen:"] - as_is[1], 500, " bytes")
    goals.check("Redis, deduplication a message", (last_kinds["seen:"] - empty_kinds["seen:"]) / (n + more), 100, " bytes")
    goals.check("Redis, search a distinct word, further messages", a_word[1], 2, " bytes")
    goals.check("Redis, search a distinct word, first messages", a_word[0], 2, " bytes")


# ---- the daemon ----

def both(d, name="Pss"):
    return sum(b.memory(pid, name) for pid in [d.process.pid, *d.workers()])


def idle(goals):
    sizes = []
    for _ in range(3):
        d = p.Parley().start()
        try:
            b.office(d)
            time.sleep(2)
            sizes.append((both(d) / 1e6, both(d, "Rss") / 1e6, [round(b.memory(x) / 1e6, 1) for x in (d.process.pid, *d.workers())]))
        finally:
            d.close()
    sizes.sort()
    print(f"idle: supervisor and worker {sizes[1][2]} MB of Pss, {sizes[1][1]:.1f} MB of Rss")
    goals.check("supervisor and worker, idle (Pss)", sizes[1][0], 30, " MB")


def chat(d, context=None):
    """A webchat socket that has said hello and was welcomed."""
    s = socket.create_connection(("127.0.0.1", d.port))
    s.settimeout(20)
    if context:
        s = context.wrap_socket(s, server_hostname="localhost")
    key = base64.b64encode(os.urandom(16)).decode()
    s.sendall((f"GET /ws/chat/demo/web HTTP/1.1\r\nHost: 127.0.0.1:{d.port}\r\nOrigin: {d.base}\r\nUpgrade: websocket\r\n"
               f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Protocol: parley.chat.v1\r\n\r\n").encode())
    head = b""
    while b"\r\n\r\n" not in head:
        got = s.recv(4096)
        if not got:
            raise RuntimeError(f"no socket: {head[:200]}")
        head += got
    if b" 101 " not in head[:16]:
        raise RuntimeError(head[:300])
    hello = json.dumps({"type": "hello", "session": None, "after": None, "locale": "ar"}).encode()
    s.sendall(struct.pack("!BBI", 0x81, 0x80 | len(hello), 0) + hello)
    rest = head.split(b"\r\n\r\n", 1)[1]
    while b'"welcome"' not in rest:
        got = s.recv(4096)
        if not got:
            raise RuntimeError(f"closed instead of welcomed: {rest[:200]}")
        rest += got
    return s


def sockets(goals, tls, most):
    settings, context, tmp = {}, None, tempfile.mkdtemp(prefix="parley-bench-")
    n = min(SOCKETS, (most - 300) // (3 if tls else 1) - 200)
    if tls:
        cert, key = os.path.join(tmp, "cert"), os.path.join(tmp, "key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                        "-out", cert, "-days", "2", "-subj", "/CN=localhost"], check=True, capture_output=True)
        settings["tls"] = {"cert": cert, "key": key}
        context = ssl.create_default_context(cafile=cert)
        context.check_hostname = False
        ssl._create_default_https_context = lambda: context
    d = p.Parley(settings)
    d.base = f"http{'s' if tls else ''}://127.0.0.1:{d.port}"
    d.start()
    held = []
    try:
        b.office(d)
        worker = d.workers()[0]
        for _ in range(100):  # a channel opens a moment after apply
            if d.request("GET", "/chat/demo/web")[0] != 503:
                break
            time.sleep(0.1)
        held = [chat(d, context) for _ in range(200)]  # what is made once
        time.sleep(1)
        before, files = b.memory(worker), len(os.listdir(f"/proc/{worker}/fd"))
        began = time.monotonic()
        for _ in range(n):
            held.append(chat(d, context))
        took = time.monotonic() - began
        time.sleep(2)
        each = (b.memory(worker) - before) / n
        print(f"{n} sockets{' with TLS' if tls else ''} in {took:.1f} s, {(len(os.listdir(f'/proc/{worker}/fd')) - files) / n:.1f} files each")
        goals.check(f"a silent webchat socket {'with' if tls else 'without'} TLS (Pss)", each / 1000, 24 if tls else 12, " kB")
    finally:
        for s in held:
            s.close()
        d.close()
        shutil.rmtree(tmp, ignore_errors=True)


def main():
    goals, most = b.Goals(), b.files_limit()
    people(goals)
    idle(goals)
    sockets(goals, False, most)
    sockets(goals, True, most)
    goals.end()


if __name__ == "__main__":
    main()
