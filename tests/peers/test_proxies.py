#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Parley behind the proxies of gateway/package/proxy, as they stand there but for ports, certificate and log: pages, REST, both
websockets, large bodies; nobody claims another's address; who writes to us stands in no log."""
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback
import asyncio
import urllib.error
import urllib.request

import parley as p
import sockets
from look import wait

HERE = os.path.join(p.TOP, "gateway", "package", "proxy")
NAME = "help.example.org"


class Proxy:
    """A proxy on a free port before a daemon."""

    def __init__(self, kind):
        self.kind, self.dir = kind, tempfile.mkdtemp(prefix="parley-proxy-")
        self.port, self.plain = p.free_port(), p.free_port()
        self.log = os.path.join(self.dir, "log")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", "key.pem", "-out", "cert.pem"], cwd=self.dir, check=True,
                       stderr=subprocess.DEVNULL)
        with open(os.path.join(self.dir, "both.pem"), "w", encoding="ascii") as out:
            for part in ("cert.pem", "key.pem"):
                with open(os.path.join(self.dir, part), encoding="ascii") as f:
                    out.write(f.read())
        self.d = p.Parley({"public_url": f"https://{NAME}:{self.port}", "trusted_proxies": ["127.0.0.1/32"]})
        self.tls = ssl.create_default_context(cafile=os.path.join(self.dir, "cert.pem"))

    def text(self, name, *changes):
        with open(os.path.join(HERE, name), encoding="utf-8") as f:
            text = f.read()
        for old, new in changes:
            assert re.search(old, text), (name, old)
            text = re.sub(old, new, text)
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def start(self):
        self.d.start()
        self.d.apply(p.operation(self.d))
        out = open(os.path.join(self.dir, "out"), "wb")
        env = {**os.environ, "HOME": self.dir, "XDG_DATA_HOME": self.dir, "XDG_CONFIG_HOME": self.dir}
        if self.kind == "haproxy":
            # Its log goes to syslog: that is us.
            self.syslog = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.syslog.bind(("127.0.0.1", 0))
            self.syslog.setblocking(False)
            syslog = f"log 127.0.0.1:{self.syslog.getsockname()[1]} local0"
            path = self.text("haproxy.cfg", (r"maxconn 20000", "maxconn 200"), (r"log /dev/log local0", syslog), (r"bind :443 ssl crt \S+", f"bind 127.0.0.1:{self.port} ssl crt {self.dir}/both.pem"),
                             (r"bind :80\b", f"bind 127.0.0.1:{self.plain}"), (r"127\.0\.0\.1:8080", f"127.0.0.1:{self.d.port}"))
            argv = ["haproxy", "-W", "-db", "-f", path]
        else:
            path = self.text("Caddyfile", (rf"(?m)^{NAME} {{", f"{{\n\tadmin off\n\tauto_https disable_redirects\n\thttp_port {self.plain}\n}}\n{NAME}:{self.port} {{\n\tbind 127.0.0.1\n\ttls {self.dir}/cert.pem {self.dir}/key.pem"),
                             (r"/var/log/caddy/parley\.log", self.log), (r"127\.0\.0\.1:8080", f"127.0.0.1:{self.d.port}"))
            argv = ["caddy", "run", "--config", path, "--adapter", "caddyfile"]
        self.process = subprocess.Popen(argv, stdout=out, stderr=out, env=env)
        wait(lambda: self.up(), 20)
        return self

    def up(self):
        assert self.process.poll() is None, open(os.path.join(self.dir, "out"), encoding="utf-8", errors="replace").read()
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def get(self, path, headers=None, body=None, method=None):
        """By https with the name checked, whatever it resolves to."""
        rq = urllib.request.Request(f"https://{NAME}:{self.port}{path}", data=body, headers=headers or {}, method=method)
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=self.tls))
        try:
            with opener.open(rq, timeout=10) as r:
                return r.status, r.headers, r.read()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read()

    def lines(self):
        if self.kind != "haproxy":
            return open(self.log, encoding="utf-8").read() if os.path.exists(self.log) else ""
        all_of_it = getattr(self, "_lines", "")
        try:
            while True:
                all_of_it += self.syslog.recv(65536).decode("utf-8", "replace") + "\n"
        except BlockingIOError:
            self._lines = all_of_it
            return all_of_it

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.d.close()


_resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *a, **k: _resolve("127.0.0.1" if host == NAME else host, *a, **k)


async def chat(x):
    """A person writes over the chat's websocket through the proxy; the answer comes the same way."""
    url = f"wss://{NAME}:{x.port}"
    async with sockets.connect(url + "/ws/chat/demo/web", ssl=x.tls, subprotocols=["parley.chat.v1"], origin=f"https://{NAME}:{x.port}") as ws:
        await ws.send(json.dumps({"type": "hello", "session": None, "after": None, "locale": "en"}))
        assert json.loads(await asyncio.wait_for(ws.recv(), 10))["type"] == "welcome"
        await ws.send(json.dumps({"type": "send", "ref": "c1", "text": "I want to register"}))
        while json.loads(await asyncio.wait_for(ws.recv(), 10))["type"] != "ack":
            pass
    headers = {"Authorization": "Bearer " + x.d.token(agent="amal", role="agent")}
    async with sockets.connect(url + "/ws/agent/demo", ssl=x.tls, subprotocols=["parley.agent.v1"], extra_headers=headers) as ws:
        await ws.send(json.dumps({"type": "hello", "after": None}))
        assert json.loads(await asyncio.wait_for(ws.recv(), 10))["type"] == "welcome"


def serves(x):
    status, headers, body = x.get("/")
    assert status == 200 and b"<script" in body, status
    assert headers["Strict-Transport-Security"], headers.items()
    status, _, body = x.get("/api/v1/ops/demo/threads", {"Authorization": "Bearer " + x.d.token(clearance=2)})
    assert status == 200, (status, body)
    status, _, _ = x.get("/chat/demo/web")
    assert status == 200
    big = os.urandom(3 << 20)
    status, _, body = x.get("/api/v1/ops/demo/attachments", {"Authorization": "Bearer " + x.d.token(agent="amal", role="agent"),
                                                             "Content-Type": "application/octet-stream", "X-Parley-Name": "big"}, big)
    assert status == 201 and json.loads(body)["size"] == len(big), (status, body)


def addresses_are_the_proxys_to_tell(x):
    """Tries at signing in are slowed by address: who claims a new one each time is slowed all the same."""
    codes = []
    for i in range(8):
        body = json.dumps({"login": "nobody", "password": "wrong"}).encode()
        codes.append(x.get("/api/v1/sign-in", {"Content-Type": "application/json", "Origin": f"https://{NAME}:{x.port}", "X-Forwarded-For": f"203.0.113.{i}"}, body)[0])
    assert 401 in codes and 429 in codes, codes


def nobody_is_logged(x):
    x.get("/operators")
    wait(lambda: "/operators" in x.lines(), 10)
    for path in ("/chat/", "/ws/chat", "/hooks/", "/files/"):
        assert path not in x.lines(), x.lines()


def one(kind):
    x = Proxy(kind).start()
    try:
        serves(x)
        asyncio.run(chat(x))
        addresses_are_the_proxys_to_tell(x)
        nobody_is_logged(x)
    except BaseException:
        print(open(os.path.join(x.dir, "out"), encoding="utf-8", errors="replace").read()[-3000:], x.d.tail(3000), flush=True)
        raise
    finally:
        x.stop()


def main():
    passed = failed = 0
    for kind in ("haproxy", "caddy"):
        began = time.time()
        try:
            one(kind)
            passed += 1
            print(f"ok {kind} ({time.time() - began:.1f} s)", flush=True)
        except Exception:  # noqa: BLE001
            failed += 1
            traceback.print_exc()
            print(f"FAILED {kind}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
