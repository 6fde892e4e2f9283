# SPDX-License-Identifier: Apache-2.0
"""A running Parley for tests: a daemon with its embedded store in a directory of its own, a person on the `http` connector, an agent
on the socket. Everything is on loopback, on free ports, and ends with the test."""
import asyncio
import atexit
import base64
import hashlib
import hmac
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("PARLEY_BUILD", os.path.join(TOP, "build"))

# A build elsewhere than in TOP finds nothing beside itself; and build-sanitize must not take the plugins of build.
PATHS = {"plugin_dir": os.path.join(BUILD, "connectors"), "texts_dir": os.path.join(TOP, "config", "texts"), "packs_dir": os.path.join(TOP, "config", "packs"),
         "web_dir": os.path.join(TOP, "gateway", "web", "dist"), "chat_dir": os.path.join(TOP, "gateway", "chat", "dist"),
         "model": os.path.join(TOP, "router", "language.model"), "openapi": os.path.join(TOP, "gateway", "api", "openapi")}


def free_port():
    """Below those that the kernel gives to connections (from 32768): one of these would be taken before a daemon listens on it."""
    while True:
        port = secrets.randbelow(21000) + 11000
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


_started = []


@atexit.register
def _end_those_left():
    """A test that failed half-way, or took too long, leaves no daemon behind."""
    for process in _started:
        if process.poll() is None:
            process.kill()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


class Refused(Exception):
    """The `parley` tool said no."""


class Parley:
    def __init__(self, settings=None, workers=1, keep=False):
        self.dir = tempfile.mkdtemp(prefix="parley-test-")
        self.keep = keep
        self.data = os.path.join(self.dir, "data")
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.config = os.path.join(self.dir, "parley.json")
        self.log = os.path.join(self.dir, "log")
        self.secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        doc = {"listen": f"127.0.0.1:{self.port}", "allow_private": ["127.0.0.0/8"], "workers": workers, "demo": "",
               "second_factor": "off", **PATHS}
        doc.update(settings or {})
        with open(self.config, "w") as f:
            json.dump(doc, f)
        self.process, self.user = None, None  # user: a number; the daemon runs as that one (for root only)

    # ---- its life ----

    def start(self, wait=30, env=None):
        out = open(self.log, "ab")
        as_user = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        for path in (self.dir, self.config) if self.user else ():
            os.chown(path, self.user, self.user)
        self.process = subprocess.Popen([os.path.join(BUILD, "parleyd"), "--config", self.config, "--data", self.data],
                                        stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                                        env={**os.environ, **(env or {})}, **as_user)
        _started.append(self.process)
        out.close()
        if wait:
            self.wait_ready(wait)
        return self

    def wait_ready(self, seconds=30):
        end = time.time() + seconds
        while time.time() < end:
            if self.process and self.process.poll() is not None:
                raise RuntimeError(f"parleyd ended with {self.process.returncode}:\n{self.tail()}")
            try:
                if self.get("/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"not ready in {seconds} s:\n{self.tail()}")

    def tail(self, n=3000):
        try:
            with open(self.log, "rb") as f:
                return f.read()[-n:].decode("utf-8", "replace")
        except OSError:
            return ""

    def pids(self, name):
        """Process ids of our own children with that program name: "parleyd" (workers), "redis-server"."""
        out = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    stat = f.read()
                comm = stat[stat.index("(") + 1:stat.rindex(")")]
                group = int(stat[stat.rindex(")") + 2:].split()[2])
            except (OSError, ValueError):
                continue
            if comm == name and group in (self.process.pid,) or (comm == name and self._ours(int(pid))):
                out.append(int(pid))
        return out

    def _ours(self, pid):
        while pid > 1:
            if pid == self.process.pid:
                return True
            try:
                with open(f"/proc/{pid}/stat") as f:
                    stat = f.read()
                pid = int(stat[stat.rindex(")") + 2:].split()[1])
            except (OSError, ValueError):
                return False
        return False

    def workers(self):
        return [p for p in self.pids("parleyd") if p != self.process.pid]

    def kill(self):
        """kill -9 of the supervisor and its workers; the Redis children die with it."""
        for pid in [self.process.pid] + self.workers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process = None

    def close(self):
        self.stop()
        if not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *args):
        if args[0] is not None:
            sys.stderr.write(self.tail() + "\n")
        self.close()

    # ---- the tool ----

    def tool(self, *args, text=None, ok=True):
        r = subprocess.run([os.path.join(BUILD, "parley"), "--data", self.data, *args], input=text, capture_output=True, text=True, timeout=120)
        if ok and r.returncode != 0:
            raise Refused(f"parley {' '.join(args)}: {r.returncode}\n{r.stdout}{r.stderr}")
        return r if not ok else r.stdout

    def apply(self, document):
        path = os.path.join(self.dir, "operation.json")
        with open(path, "w") as f:
            json.dump(document, f, ensure_ascii=False)
        return json.loads(self.tool("--json", "apply", path))

    def token(self, op="demo", role="integrator", agent=None, clearance=None):
        args = ["token", op, "--role", role]
        if agent:
            args += ["--agent", agent]
        if clearance is not None:
            args += ["--clearance", str(clearance)]
        return self.tool(*args).strip().split()[-1]

    # ---- HTTP ----

    def request(self, method, path, body=None, headers=None, token=None, timeout=20):
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        h = dict(headers or {})
        if isinstance(body, (dict, list)):
            h.setdefault("Content-Type", "application/json")
        if token:
            h["Authorization"] = "Bearer " + token
        rq = urllib.request.Request(self.base + path, data=data, headers=h, method=method)
        try:
            with urllib.request.urlopen(rq, timeout=timeout) as r:
                return r.status, r.headers, r.read()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read()

    def get(self, path, token=None, headers=None):
        return self.request("GET", path, token=token, headers=headers)

    def api(self, method, path, body=None, token=None, op="demo", headers=None):
        status, _, data = self.request(method, f"/api/v1/ops/{op}/{path}", body, headers, token)
        return status, json.loads(data) if data else None

    # ---- a person on the `http` connector ----

    def signed(self, body, secret=None, at=None, id=None):
        """Headers of Standard Webhooks for these bytes."""
        id = id or "msg_" + secrets.token_hex(8)
        at = str(int(at if at is not None else time.time()))
        key = base64.b64decode((secret or self.secret)[6:])
        mac = hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
        return {"Content-Type": "application/json", "webhook-id": id, "webhook-timestamp": at,
                "webhook-signature": "v1," + base64.b64encode(mac).decode()}

    def hook(self, payload, op="demo", channel="app", **kw):
        body = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
        status, _, data = self.request("POST", f"/hooks/{op}/{channel}", body, self.signed(body, **kw))
        return status, data

    def write(self, who, text, id=None, **more):
        """One message of a person; returns the status of the answer."""
        message = {"id": id or secrets.token_hex(8), "from": {"address": who}, "text": text, **more}
        return self.hook({"messages": [message]})[0]


def operation(parley, **more):
    """A small operation with one agent for each of three languages, as a document for apply()."""
    doc = {
        "operation": "demo",
        "name": {"en": "Test"},
        "languages": ["ar", "fa", "en", "tr"],
        "fallback": {"prs": ["fa", "en"], "fa": ["en"]},
        "timezone": "Europe/Istanbul",
        "areas": [{"id": "tr", "name": {"en": "Türkiye"}}, {"id": "tr/izmir", "name": {"en": "İzmir"}}],
        "teams": [{"id": "counselling", "name": {"en": "Counselling"}}],
        "agents": [
            {"login": "amal", "name": "Amal", "team": "counselling", "roles": ["agent"], "areas": ["tr"],
             "languages": {"ar": 5, "en": 3}, "topics": ["*"], "capacity": {"chat": 100}},
            {"login": "farid", "name": "Farid", "team": "counselling", "roles": ["agent"], "areas": ["tr"],
             "languages": {"fa": 5, "prs": 5, "en": 3}, "topics": ["*"], "capacity": {"chat": 100}},
            {"login": "selin", "name": "Selin", "team": "counselling", "roles": ["agent", "supervisor"], "areas": ["tr"],
             "languages": {"tr": 5}, "topics": ["*"], "capacity": {"chat": 1}},
            {"login": "nadia", "name": "Nadia", "team": "counselling", "roles": ["agent", "focal"], "areas": ["tr"],
             "languages": {"ar": 5, "en": 5}, "topics": ["*"], "capacity": {"chat": 100}},
            {"login": "yusuf", "name": "Yusuf", "team": "counselling", "roles": ["agent", "focal"], "areas": ["tr"],
             "languages": {"tr": 5, "en": 4}, "topics": ["*"], "capacity": {"chat": 100}},
            {"login": "root", "name": "Root", "team": "counselling", "roles": ["administrator", "auditor"], "areas": [],
             "languages": {"en": 5}, "topics": [], "capacity": {"chat": 0}},
        ],
        "topics": [
            {"id": "registration", "name": {"en": "Registration"}, "words": {"ar": ["تسجيل", "التسجيل"], "en": ["register", "registration"], "fa": ["ثبت نام"]}},
            {"id": "health", "name": {"en": "Health"}, "words": {"ar": ["طبيب", "مستشفى"], "en": ["doctor", "hospital"], "fa": ["دکتر", "بیمارستان"]}},
        ],
        "channels": [
            {"id": "web", "connector": "webchat"},
            {"id": "app", "connector": "http", "settings": {"url": "http://127.0.0.1:9/out", "secret": parley.secret, "verified": "true"}},
        ],
    }
    doc.update(more)
    return doc


class AgentSocket:
    """An agent's websocket: frames by `frame(type)`, commands by `ask`."""

    def __init__(self, parley, token, op="demo"):
        self.parley, self.token, self.op = parley, token, op
        self.frames, self.ws, self.n, self.after, self.broken = [], None, 0, None, None
        self.changed = asyncio.Condition()

    async def open(self, after=None):
        import sockets
        self.ws = await sockets.connect(f"ws://127.0.0.1:{self.parley.port}/ws/agent/{self.op}", subprotocols=["parley.agent.v1"],
                                        extra_headers={"Authorization": "Bearer " + self.token}, max_size=None, compression=None)
        self.reader = asyncio.ensure_future(self._read())
        await self.ws.send(json.dumps({"type": "hello", "after": after}))
        await self.frame("live" if after else "welcome")
        if not after:
            await self.frame("live")
        return self

    async def _read(self):
        try:
            async for text in self.ws:
                frame = json.loads(text)
                if frame.get("id"):
                    self.after = frame["id"]
                async with self.changed:
                    self.frames.append(frame)
                    self.changed.notify_all()
        except Exception as e:  # noqa: BLE001 (told to who waits: a frame that is no JSON, or the end)
            self.broken = e
        self.broken = self.broken or ConnectionError("the socket was closed")
        async with self.changed:
            self.changed.notify_all()

    async def frame(self, type, seconds=10, where=lambda f: True):
        """The first frame of that type that fits, taken out of those that came."""
        end = time.time() + seconds
        async with self.changed:
            while True:
                for i, f in enumerate(self.frames):
                    if f["type"] == type and where(f):
                        return self.frames.pop(i)
                left = end - time.time()
                if left <= 0 or self.broken:
                    why = f"no {type} in {seconds} s; there are {[f['type'] for f in self.frames]}"
                    raise TimeoutError(why) if not self.broken else ConnectionError(f"{why}; {self.broken!r}")
                try:
                    await asyncio.wait_for(self.changed.wait(), left)
                except asyncio.TimeoutError:
                    pass

    async def ask(self, type, **members):
        """A command; its ok or error frame."""
        self.n += 1
        ref = f"t{self.n}-{secrets.token_hex(3)}" if "ref" not in members else members.pop("ref")
        await self.ws.send(json.dumps({"type": type, "ref": ref, **members}, ensure_ascii=False))
        end = time.time() + 10
        async with self.changed:
            while time.time() < end:
                for i, f in enumerate(self.frames):
                    if f["type"] in ("ok", "error") and f.get("ref") == ref:
                        return self.frames.pop(i)
                if self.broken:
                    raise ConnectionError(f"no answer to {type}: {self.broken!r}")
                try:
                    await asyncio.wait_for(self.changed.wait(), 1)
                except asyncio.TimeoutError:
                    pass
        raise TimeoutError(f"no answer to {type}")

    async def close(self):
        await self.ws.close()
        self.reader.cancel()


class Receiver:
    """The url of an `http` channel: keeps what was sent, answers as told."""

    def __init__(self, port=None):
        self.port = port or free_port()
        self.got, self.answer = [], None

    async def start(self):
        from aiohttp import web
        self.changed = asyncio.Condition()

        async def out(request):
            body = await request.read()
            item = {"headers": dict(request.headers), "body": body, "json": json.loads(body)}
            async with self.changed:
                self.got.append(item)
                self.changed.notify_all()
            if self.answer:
                return await self.answer(request, item, web)
            return web.json_response({"id": "ext-" + item["json"].get("data", {}).get("id", "x")})

        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/out", out)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port).start()
        return self

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/out"

    async def wait(self, n, seconds=15, type="message.send"):
        end = time.time() + seconds
        async with self.changed:
            while True:
                have = [g for g in self.got if g["json"].get("type") == type]
                if len(have) >= n:
                    return have
                left = end - time.time()
                if left <= 0:
                    raise TimeoutError(f"{len(have)} of {n} in {seconds} s")
                try:
                    await asyncio.wait_for(self.changed.wait(), left)
                except asyncio.TimeoutError:
                    pass

    async def stop(self):
        await self.runner.cleanup()


def run(tests):
    """Runs functions, plain or async, and ends the program with the closing line."""
    only = sys.argv[1:]
    passed = failed = 0
    for t in tests:
        if only and t.__name__ not in only:
            continue
        began = time.time()
        try:
            r = t()
            if asyncio.iscoroutine(r):
                asyncio.run(r)
            passed += 1
            print(f"ok {t.__name__} ({time.time() - began:.1f} s)", flush=True)
        except Exception as e:  # noqa: BLE001
            failed += 1
            import traceback
            traceback.print_exc()
            print(f"FAILED {t.__name__}: {e}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)
