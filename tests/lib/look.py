# SPDX-License-Identifier: Apache-2.0
"""What tests of the running daemon look at through its doors: threads and entries, the store's state, raw HTTP. Beside parley.py."""
import asyncio
import json
import os
import re
import socket
import time
import urllib.parse

import parley as p


async def eventually(what, seconds=10, every=0.03):
    """Waits, without holding up the loop, until what() is true; its value."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s: {getattr(what, '__name__', what)}")
        await asyncio.sleep(every)


def wait(what, seconds=10, every=0.03):
    """The same for tests without a loop."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(every)


def listed(d, token, path, op="demo", **query):
    """All items of a list, page by page."""
    items, pages = [], 0
    while True:
        q = urllib.parse.urlencode({"limit": 200, **query})
        status, page = d.api("GET", f"{path}?{q}", token=token, op=op)
        assert status == 200, (path, status, page)
        items += page["items"]
        pages += 1
        if not page["next"] or not page["items"] or pages > 200:
            return items
        query["before"] = page["next"]


def threads(d, token, **query):
    return listed(d, token, "threads", **query)


def entries(d, token, thread, kind=None, op="demo"):
    """A thread's entries, oldest first."""
    found, before = [], None
    while True:
        q = f"limit=200&before={before}" if before else "limit=200"
        status, page = d.api("GET", f"threads/{thread}/entries?{q}", token=token, op=op)
        assert status == 200, (status, page)
        found = page["items"] + found
        before = page["next"]
        if not before or not page["items"]:
            return [e for e in found if kind is None or e["kind"] == kind]


def texts(d, token, thread, direction=None):
    return [e["text"] for e in entries(d, token, thread, "message") if direction is None or e["direction"] == direction]


def download(d, token, url):
    status, headers, data = d.request("GET", url, token=token)
    assert status == 200, (url, status, data[:200])
    return headers, data


def upload(d, token, data, type="application/octet-stream", name="file", op="demo"):
    status, _, body = d.request("POST", f"/api/v1/ops/{op}/attachments", data,
                                {"Content-Type": type, "X-Parley-Name": urllib.parse.quote(name)}, token)
    assert status == 201, (status, body)
    return json.loads(body)


def metrics(d):
    """{name{labels}: value} of /metrics, summed over workers that answer (one of them)."""
    status, _, data = d.get("/metrics")
    assert status == 200, status
    out = {}
    for line in data.decode().split("\n"):
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            out[name] = float(value)
    return out


def raw(port, data, seconds=10, read_all=True):
    """Bytes as they are over one connection; what came back until the peer closed or nothing more came."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as s:
        s.sendall(data)
        if read_all:
            s.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while True:
                piece = s.recv(65536)
                if not piece:
                    return got
                got += piece
        except (socket.timeout, ConnectionResetError):
            return got


class Pipe:
    """One keep-alive connection for many requests: much cheaper than urllib. `post` gives (status, headers, body)."""

    def __init__(self, port):
        self.port, self.reader, self.writer = port, None, None

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        return self

    async def request(self, method, path, body=b"", headers=None):
        if self.writer is None or self.writer.is_closing():
            await self.open()
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Length: {len(body)}\r\n"
        head = head.encode() + b"".join(k.encode() + b": " + (v if isinstance(v, bytes) else v.encode()) + b"\r\n"
                                        for k, v in (headers or {}).items())
        self.writer.write(head + b"\r\n" + body)
        try:
            top = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError) as e:
            self.close()
            raise ConnectionError(f"closed before an answer: {e}") from None
        lines = top.decode("latin-1").split("\r\n")
        got = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:] if ":" in line)}
        data = await self.reader.readexactly(int(got.get("content-length", 0)))
        if got.get("connection", "").lower() == "close":
            self.close()
        return int(lines[0].split()[1]), got, data

    async def post(self, path, body, headers=None):
        return await self.request("POST", path, body, headers)

    def close(self):
        if self.writer:
            self.writer.close()
        self.writer = None


# ---- the store, from outside the daemon ----


def redis_of(d, which):
    """A client of the embedded server "data" or "keys", with the credentials of its own configuration file."""
    import redis
    folder = os.path.join(d.data, "redis", which)
    sock = os.path.join(folder, "redis.sock")
    user = password = None
    for name in os.listdir(folder):
        if name.endswith((".conf", ".acl")):
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as f:
                found = re.search(r"^requirepass (\S+)|^user (\S+) .*?>(\S+)", f.read(), re.M)
            if found:
                user, password = found.group(2), (found.group(1) or found.group(3)).strip('"')
    return redis.Redis(unix_socket_path=sock, username=user, password=password, socket_timeout=20)


def everything(r):
    """(key, all its bytes) of each key of a server, as the commands for its type give it; not the packed DUMP."""
    for key in r.scan_iter(count=1000):
        kind = r.type(key)
        if kind == b"string":
            parts = [r.get(key) or b""]
        elif kind == b"hash":
            parts = [x for kv in r.hgetall(key).items() for x in kv]
        elif kind == b"set":
            parts = list(r.smembers(key))
        elif kind == b"zset":
            parts = [x for x, _ in r.zrange(key, 0, -1, withscores=True)]
        elif kind == b"list":
            parts = r.lrange(key, 0, -1)
        elif kind == b"stream":
            parts = [x for _, fields in r.xrange(key) for kv in fields.items() for x in kv]
        else:
            parts = [r.dump(key) or b""]
        yield key, b"\n".join([key] + parts)


def files_below(folder):
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


class Office:
    """One daemon for a program's tests, with amal and farid at their sockets, an integrator's and an administrator's token."""

    def __init__(self, document=None, settings=None, workers=1):
        self.d = p.Parley(settings, workers)
        self.document = document

    async def open(self, *logins):
        self.d.start()
        doc = p.operation(self.d)
        if self.document:
            self.document(self.d, doc)
        self.d.apply(doc)
        self.token = self.d.token(role="integrator", clearance=2)
        self.agents = {}
        for login in logins:
            role = "supervisor" if login == "selin" else "agent"
            self.agents[login] = await p.AgentSocket(self.d, self.d.token(agent=login, role=role)).open()
        return self

    async def close(self, failed=False):
        for a in self.agents.values():
            await a.close()
        if failed:
            print(self.d.tail(6000), flush=True)
        self.d.close()

    async def offered(self, login, where=lambda t: True, seconds=15):
        """The agent is offered a thread that fits, and accepts it."""
        agent = self.agents[login]
        t = (await agent.frame("thread.offered", seconds, where=lambda f: where(f["thread"])))["thread"]
        ok = await agent.ask("accept", thread=t["id"])
        assert ok["type"] == "ok", ok
        return ok["thread"]


def run_shared(world, tests, seconds=60):
    """Runs tests that share one world (open, close): one daemon for a whole program. Ends it with the closing line."""
    import sys
    import traceback

    async def main():
        only, passed, failed = sys.argv[1:], 0, 0
        w = await world().open()
        for t in tests:
            if only and t.__name__ not in only:
                continue
            began = time.time()
            try:
                await asyncio.wait_for(t(w), seconds)
                passed += 1
                print(f"ok {t.__name__} ({time.time() - began:.1f} s)", flush=True)
            except Exception as e:  # noqa: BLE001
                failed += 1
                traceback.print_exc()
                print(f"FAILED {t.__name__}: {e!r}", flush=True)
        await w.close(failed)
        print(f"{passed} passed, {failed} failed")
        return failed or not passed

    sys.exit(1 if asyncio.run(main()) else 0)
