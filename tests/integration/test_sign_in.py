# SPDX-License-Identifier: Apache-2.0
"""Cookies and origins: who may write, who may open a socket, what TLS adds, what ends with a session, a password or a user."""
import asyncio
import http.client
import json
import os
import ssl
import subprocess
import time

import parley as p
import sockets
from look import run_shared


class Tls(p.Parley):
    """Over TLS, with a certificate that signs itself."""

    def __init__(self):
        super().__init__()
        cert, key = os.path.join(self.dir, "cert.pem"), os.path.join(self.dir, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert], check=True, capture_output=True)
        os.chmod(key, 0o600)
        self.base = f"https://localhost:{self.port}"
        with open(self.config, encoding="utf-8") as f:
            settings = {**json.load(f), "tls": {"cert": cert, "key": key}, "public_url": self.base}
        with open(self.config, "w", encoding="utf-8") as f:
            json.dump(settings, f)
        self.ssl = ssl.create_default_context(cafile=cert)

    def request(self, method, path, body=None, headers=None, token=None, timeout=20):
        h = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            h.setdefault("Content-Type", "application/json")
        if token:
            h["Authorization"] = "Bearer " + token
        c = http.client.HTTPSConnection("localhost", self.port, timeout=timeout, context=self.ssl)
        try:
            c.request(method, path, body, h)
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()


class World:
    async def open(self):
        self.plain, self.tls = p.Parley().start(), Tls().start()
        self.passwords = {}
        for d in (self.plain, self.tls):
            doc = p.operation(d)
            doc["channels"][0]["settings"] = {"origins": ["https://help.example.org"]}
            self.passwords[d] = {x["login"]: x["password"] for x in d.apply(doc)["passwords"]}
        return self

    async def close(self, failed):
        if failed:
            print(self.plain.tail(2000))
        self.plain.close()
        self.tls.close()

    async def sign_in(self, d, login="amal", password=None, origin=True, cookie=None):
        headers = {"Origin": d.base} if origin is True else {"Origin": origin} if origin else {}
        if cookie:
            headers["Cookie"] = cookie
        return await asyncio.to_thread(d.request, "POST", "/api/v1/sign-in", {"login": login, "password": password or self.passwords[d][login]}, headers)

    async def cookie(self, d, login="amal"):
        status, headers, body = await self.sign_in(d, login)
        assert status == 200, (status, body)
        return headers["Set-Cookie"].split(";")[0]


def get(d, path, **headers):
    return d.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})


async def socket(d, path="/ws/agent/demo", protocol="parley.agent.v1", tls=None, **headers):
    """None when it opened; else the status that refused it."""
    url = f"{'wss' if tls else 'ws'}://localhost:{d.port}{path}" if tls else f"ws://127.0.0.1:{d.port}{path}"
    origin = headers.pop("Origin", None)
    try:
        ws = await sockets.connect(url, subprotocols=[protocol], origin=origin, extra_headers=headers, compression=None, ssl=tls)
    except sockets.InvalidStatusCode as e:
        return e.status_code
    except sockets.InvalidMessage:
        return "closed"
    await ws.close()
    return None


async def the_cookie_of_each_kind(w):
    status, headers, body = await w.sign_in(w.plain)
    cookie = headers["Set-Cookie"]
    assert status == 200 and cookie.startswith("parley=") and "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie, cookie
    assert "Secure" not in cookie and "Domain" not in cookie and headers["Cache-Control"] == "no-store"
    assert len(cookie.split("=", 1)[1].split(";")[0]) >= 43  # 256 bits
    status, headers, body = await w.sign_in(w.tls)
    cookie = headers["Set-Cookie"]
    assert status == 200 and cookie.startswith("__Host-parley=") and "Secure" in cookie and "HttpOnly" in cookie and "SameSite=Strict" in cookie, cookie
    assert "Domain" not in cookie and "Path=/;" in cookie + ";"
    # Each is taken only where it was given.
    secret = cookie.split("=", 1)[1].split(";")[0]
    assert get(w.tls, "/api/v1/me", Cookie=f"__Host-parley={secret}")[0] == 200
    assert get(w.tls, "/api/v1/me", Cookie=f"parley={secret}")[0] == 401
    mine = (await w.cookie(w.plain)).split("=", 1)[1]
    assert get(w.plain, "/api/v1/me", Cookie=f"parley={mine}")[0] == 200
    assert get(w.plain, "/api/v1/me", Cookie=f"__Host-parley={mine}")[0] == 401
    for wrong in ("parley=", "parley=x", f"parley={mine}x", f"parley={mine[:-1]}", f"Parley={mine}", f"xparley={mine}"):
        assert get(w.plain, "/api/v1/me", Cookie=wrong)[0] == 401, wrong


async def a_fresh_sign_in_is_a_fresh_session(w):
    """What was there before is not taken over."""
    planted = "parley=" + "A" * 43
    status, headers, _ = await w.sign_in(w.plain, cookie=planted)
    assert status == 200 and planted not in headers["Set-Cookie"]
    assert get(w.plain, "/api/v1/me", Cookie=planted)[0] == 401
    one, two = await w.cookie(w.plain), await w.cookie(w.plain)
    assert one != two


async def writes_need_our_origin(w):
    for d in (w.plain, w.tls):
        cookie = await w.cookie(d)
        path, body = "/api/v1/me", {"locale": "tr"}
        for origin in (None, "null", "https://evil.example", d.base + ".evil.example", d.base.replace("127.0.0.1", "localhost") if d is w.plain else "http://localhost:%d" % d.port,
                       d.base + "/", f"{d.base}@evil.example", "", d.base.upper()):
            headers = {"Cookie": cookie, **({"Origin": origin} if origin is not None else {})}
            status, _, data = d.request("PATCH", path, body, headers)
            assert status == 403, (d.base, origin, status, data)
        assert d.request("PATCH", path, body, {"Cookie": cookie, "Origin": d.base})[0] == 200
        assert d.request("GET", path, headers={"Cookie": cookie})[0] == 200  # reading needs none
        # What a form of another site can send is no JSON, and comes with its origin.
        status, _, _ = d.request("POST", "/api/v1/ops/demo/erase", b"contact=x", {"Cookie": cookie, "Content-Type": "text/plain", "Origin": "https://evil.example"})
        assert status == 403
        assert (await w.sign_in(d, origin="https://evil.example"))[0] == 403
        assert (await w.sign_in(d, origin=None))[0] == 200  # a program
        assert "Access-Control-Allow-Origin" not in d.request("GET", path, headers={"Cookie": cookie, "Origin": "https://evil.example"})[1]
        status, headers, _ = d.request("OPTIONS", path, headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "PATCH"})
        assert status in (404, 405) and "Access-Control-Allow-Origin" not in headers


async def sockets_need_our_origin(w):
    for d, tls in ((w.plain, None), (w.tls, w.tls.ssl)):
        cookie = await w.cookie(d)
        for origin in (None, "null", "https://evil.example", d.base + ".evil.example"):
            assert await socket(d, tls=tls, Cookie=cookie, **({"Origin": origin} if origin else {})) == 403, (d.base, origin)
        assert await socket(d, tls=tls, Origin=d.base) == 401  # nobody
        assert await socket(d, tls=tls, Origin=d.base, Cookie=cookie) is None
        assert await socket(d, "/ws/agent/nowhere", tls=tls, Origin=d.base, Cookie=cookie) in (401, 404)
        # The chat: our page, and those that the channel names; nobody without an origin.
        for origin, want in ((d.base, None), ("https://help.example.org", None), ("https://evil.example", 403), ("null", 403), (None, 403)):
            got = await socket(d, "/ws/chat/demo/web", "parley.chat.v1", tls=tls, **({"Origin": origin} if origin else {}))
            assert got == want, (d.base, origin, got)


async def a_bearer_token_makes_cookies_ignored(w):
    d = w.plain
    cookie, token = await w.cookie(d), d.token(agent="nadia", role="agent")
    assert d.request("GET", "/api/v1/me", headers={"Cookie": cookie}, token="parley_wrong")[0] == 401
    status, _, body = d.request("GET", "/api/v1/ops/demo/agents", headers={"Cookie": cookie}, token=token)
    assert status == 200
    # It needs no origin, and is nobody else by the cookie.
    status, _, _ = d.request("POST", "/api/v1/ops/demo/threads/aaaaaaaaaaaaaaaaaaaaaaaaaa/tag", {"add": ["x"]}, {"Cookie": cookie, "Origin": "https://evil.example"}, token)
    assert status == 404
    assert d.request("PATCH", "/api/v1/me", {"locale": "fa"}, {"Cookie": cookie, "Origin": d.base}, token)[0] in (401, 403, 404)
    for header in ("Basic YTpi", "Bearer", "Bearer ", "bearer x", "Token x", token):
        assert d.request("GET", "/api/v1/me", headers={"Cookie": cookie, "Authorization": header})[0] == 401, header


async def a_wrong_password_and_an_unknown_name_look_the_same(w):
    took, answers = {"amal": [], "nobody": []}, {}
    for i in range(3):
        for login in took:
            began = time.perf_counter()
            status, headers, body = await w.sign_in(w.tls, login if i else login, password="wrong password")
            took[login].append(time.perf_counter() - began)
            assert status in (401, 429), status
            answers.setdefault(status, set()).add((body, tuple(sorted(k for k in headers if k.lower() != "date"))))
    assert len(answers[401]) == 1, answers
    a, b = (min(v) for v in took.values())
    print(f"wrong password {a * 1000:.0f} ms, unknown name {b * 1000:.0f} ms")
    assert b > 0.02 and 0.2 < a / b < 5, (a, b)


async def too_many_tries_are_slowed_and_never_locked(w):
    d = w.plain
    for i in range(30):
        status, headers, body = await w.sign_in(d, "farid", password=f"guess {i}")
        if status == 429:
            break
    assert status == 429 and int(headers["Retry-After"]) > 0 and headers["Content-Type"] == "application/problem+json", (status, body)
    assert (await w.sign_in(d, "amal"))[0] == 200  # others are not
    end = time.monotonic() + 45
    while (status := (await w.sign_in(d, "farid"))[0]) == 429 and time.monotonic() < end:
        await asyncio.sleep(1)
    assert status == 200, status  # the right one is let in again by itself


def from_network(d, address, path, body, cookie=None):
    """A sign-in from another address of this machine."""
    c = http.client.HTTPConnection("127.0.0.1", d.port, timeout=20, source_address=(address, 0))
    try:
        c.request("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json", **({"Cookie": cookie} if cookie else {})})
        r = c.getresponse()
        return r.status, r.headers, r.read()
    finally:
        c.close()


async def nobody_can_keep_somebody_else_out(w):
    """Who knows a login may guess as long as they like: its owner is let in, on their device and from their network."""
    d = w.plain

    def attempt(login, address, password=None, cookie=None):
        return from_network(d, address, "/api/v1/sign-in", {"login": login, "password": password or w.passwords[d].get(login, "none")}, cookie)

    def device_of(headers):
        return next(c for c in headers.get_all("Set-Cookie") if c.startswith("parley-device="))

    def crowd(login):
        """Guesses from ever new networks until they are slowed."""
        n = 0
        while attempt(login, f"127.0.{next(networks)}.1", "guess")[0] != 429:
            n += 1
        return n

    networks = iter(range(100, 200))
    devices = {}
    for login in ("selin", "nadia"):
        status, headers, _ = attempt(login, "127.0.10.1")
        whole = device_of(headers)
        devices[login] = whole.split(";")[0]
        assert status == 200 and all(x in whole for x in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=34560000")), whole
        assert "Domain" not in whole and login not in whole and "127.0" not in whole, whole
    # The same numbers for a login that is and for one that is not.
    for login in ("selin", "selina"):
        tries = [attempt(login, "127.0.66.1", f"guess {i}")[0] for i in range(7)]
        assert tries[:5] == [401] * 5 and 429 in tries[5:], tries
        status, headers, body = attempt(login, "127.0.66.1", "guess")
        assert status == 429 and 1 <= int(headers["Retry-After"]) <= 60, (status, headers)
        assert attempt(login, "127.0.66.9")[0] == 429, "the guesser's whole network"
    # From everywhere else it is not slowed.
    assert attempt("selin", "127.0.10.7")[0] == 200
    assert attempt("selin", "127.0.67.1")[0] == 200
    # From ever new networks: all that never signed in are slowed.
    assert crowd("nadia") >= 20
    assert attempt("nadia", "127.0.200.1")[0] == 429
    assert attempt("nadia", "127.0.10.200")[0] == 200, "from the network that she uses"
    # A device that has shown itself is let in from anywhere; a made-up one is not, nor one of somebody else.
    device = devices["nadia"]
    forged = device[:-2] + ("AA" if device[-2:] != "AA" else "BB")
    for cookie in (forged, "parley-device=" + "A" * 22 + "." + "B" * 22, "parley-device=x", "parley-device=", device.split(".")[0], devices["selin"]):
        crowd("nadia")
        assert attempt("nadia", "127.0.201.1", cookie=cookie)[0] == 429, cookie
    assert attempt("nadia", "127.0.201.1", cookie=device)[0] == 200
    # Two logins on one device; and the device's own tries are slowed for themselves.
    status, headers, _ = attempt("selin", "127.0.10.1", cookie=device)
    both = device_of(headers).split(";")[0]
    assert both.startswith(device.split(".")[0]) and both.count(".") == 2
    tries = [attempt("nadia", "127.0.203.1", "guess", both)[0] for _ in range(7)]
    assert tries[:5] == [401] * 5 and 429 in tries, tries
    assert attempt("selin", "127.0.203.1", cookie=both)[0] == 200
    # Another password: no device is known any more, however many somebody made themselves with the old one.
    d.tool("user", "passwd", "nadia", "--stdin", text="the operator's choice\n")
    w.passwords[d]["nadia"] = "the operator's choice"
    for where in ("127.0.204.1", "127.0.10.1"):
        crowd("nadia")
        assert attempt("nadia", where, cookie=both)[0] == 429, where
    end = time.monotonic() + 45
    while attempt("nadia", "127.0.204.1", cookie=both)[0] == 429 and time.monotonic() < end:
        await asyncio.sleep(0.5)
    crowd("nadia")
    assert attempt("nadia", "127.0.205.1", cookie=both)[0] == 200, "she signed in on it with the new one"
    # One's own new password: the same rules, no other door.
    cookie = (await w.cookie(d, "yusuf"))
    tries = [d.request("PATCH", "/api/v1/me", {"password": {"old": "wrong", "new": "a new password 1"}}, {"Cookie": cookie, "Origin": d.base})[0] for _ in range(8)]
    assert tries[:5] == [403] * 5 and 429 in tries, tries


async def sockets_of_an_ended_sign_in_close_within_a_second(w):
    d = w.plain

    async def opened(**how):
        ws = await sockets.connect(f"ws://127.0.0.1:{d.port}/ws/agent/demo", subprotocols=["parley.agent.v1"], compression=None, **how)
        await ws.send(json.dumps({"type": "hello", "after": None}))
        await ws.recv()
        return ws

    async def closes(ws, what):
        began = time.monotonic()
        await asyncio.to_thread(what)
        end = asyncio.ensure_future(ws.wait_closed())
        await asyncio.wait_for(end, 5)
        took = time.monotonic() - began
        assert took < 1.3, took  # the tool takes some of it

    tokens = [d.token(agent="amal", role="agent"), d.token(role="integrator"), d.token(agent="amal", role="agent")]
    listed = json.loads(d.tool("--json", "token", "list", "demo"))["tokens"]
    mine = [t["id"] for t in sorted(listed, key=lambda t: t["created"])][-3:]
    open_ones = [await opened(extra_headers={"Authorization": "Bearer " + t}) for t in tokens]
    await closes(open_ones[0], lambda: d.tool("token", "end", mine[0]))
    await closes(open_ones[1], lambda: d.tool("token", "end", mine[1]))
    await asyncio.sleep(0.3)
    assert not open_ones[2].closed, "of a token that stands"
    # Signing out: that session's sockets, not those of the other one.
    one, two = await w.cookie(d), await w.cookie(d)
    a, b = [await opened(origin=d.base, extra_headers={"Cookie": c}) for c in (one, two)]
    await closes(a, lambda: d.request("POST", "/api/v1/sign-out", None, {"Cookie": one, "Origin": d.base}))
    await asyncio.sleep(0.3)
    assert not b.closed
    # Another password: every session's.
    await closes(b, lambda: d.tool("user", "passwd", "amal", "--stdin", text="the operator's choice\n"))
    w.passwords[d]["amal"] = "the operator's choice"
    assert not open_ones[2].closed
    await open_ones[2].close()


async def browsers_are_told_to_stay_on_tls(w):
    for path in ("/", "/api/v1/me", "/api/v1/openapi.json", "/healthz", "/nothing", "/chat/demo/web"):
        assert get(w.tls, path)[1]["Strict-Transport-Security"] == "max-age=31536000", path
        assert "Strict-Transport-Security" not in get(w.plain, path)[1], path
    proxied = p.Parley({"trusted_proxies": ["127.0.0.1/32"], "public_url": "https://help.example.org"}).start()
    try:
        assert "Strict-Transport-Security" in get(proxied, "/", X_Forwarded_For="192.0.2.1", X_Forwarded_Proto="https")[1]
        assert "Strict-Transport-Security" not in get(proxied, "/", X_Forwarded_For="192.0.2.1", X_Forwarded_Proto="http")[1]
        # A proxy that says nothing of it: the public address does.
        assert "Strict-Transport-Security" in get(proxied, "/", X_Forwarded_For="192.0.2.1")[1]
    finally:
        proxied.close()
    for settings in ({"trusted_proxies": ["127.0.0.1/32"], "public_url": "http://help.example.org"},
                     {"trusted_proxies": ["192.0.2.0/24"], "public_url": "https://help.example.org"}):
        d = p.Parley(settings).start()
        try:
            assert "Strict-Transport-Security" not in get(d, "/")[1], settings
        finally:
            d.close()


async def what_ends_a_session(w):
    d = w.plain
    # Signing out: this session and its sockets.
    one, two = await w.cookie(d, "yusuf"), await w.cookie(d, "yusuf")
    status, headers, _ = d.request("POST", "/api/v1/sign-out", None, {"Cookie": one, "Origin": d.base})
    assert status == 204 and "Max-Age=0" in headers["Set-Cookie"] and "cache" in headers["Clear-Site-Data"]
    assert get(d, "/api/v1/me", Cookie=one)[0] == 401 and get(d, "/api/v1/me", Cookie=two)[0] == 200
    # Another password: all other sessions.
    status, _, body = d.request("PATCH", "/api/v1/me", {"password": {"old": "wrong", "new": "a new password 1"}}, {"Cookie": two, "Origin": d.base})
    assert status == 403, body
    three = await w.cookie(d, "yusuf")
    status, _, body = d.request("PATCH", "/api/v1/me", {"password": {"old": w.passwords[d]["yusuf"], "new": "a new password 1"}}, {"Cookie": two, "Origin": d.base})
    assert status == 200, body
    assert get(d, "/api/v1/me", Cookie=three)[0] == 401, "a stolen session ends with the password"
    assert (await w.sign_in(d, "yusuf"))[0] == 401
    assert (await w.sign_in(d, "yusuf", password="a new password 1"))[0] == 200
    # The operator's new password, and disabling.
    cookie = await w.cookie(d, "nadia")
    d.tool("user", "passwd", "nadia", "--stdin", text="the operator's choice\n")
    assert get(d, "/api/v1/me", Cookie=cookie)[0] == 401
    w.passwords[d]["nadia"] = "the operator's choice"
    cookie, token = await w.cookie(d, "nadia"), d.token(agent="nadia", role="agent")
    ws = await sockets.connect(f"ws://127.0.0.1:{d.port}/ws/agent/demo", subprotocols=["parley.agent.v1"], origin=d.base, extra_headers={"Cookie": cookie}, compression=None)
    by_token = await p.AgentSocket(d, token).open()
    await ws.send(json.dumps({"type": "hello", "after": None}))
    d.tool("user", "disable", "nadia")
    await asyncio.wait_for(ws.wait_closed(), 10)
    await asyncio.wait_for(by_token.ws.wait_closed(), 10)
    assert get(d, "/api/v1/me", Cookie=cookie)[0] == 401
    assert d.api("GET", "threads", token=token)[0] == 401
    assert (await w.sign_in(d, "nadia"))[0] == 401
    d.tool("user", "enable", "nadia")
    assert get(d, "/api/v1/me", Cookie=cookie)[0] == 401, "it does not come back to life"
    assert (await w.sign_in(d, "nadia"))[0] == 200


async def a_token_that_was_ended(w):
    d = w.plain
    token = d.token(agent="selin", role="supervisor")
    assert d.api("GET", "threads", token=token)[0] == 200
    id = json.loads(d.tool("--json", "token", "list", "demo"))["tokens"]
    id = next(t["id"] for t in id if t["agent"] == "selin")
    d.tool("token", "end", id)
    assert d.api("GET", "threads", token=token)[0] == 401


async def an_agent_who_leaves_the_operation(w):
    d = w.plain
    cookie = await w.cookie(d, "farid")
    assert get(d, "/api/v1/ops/demo/threads", Cookie=cookie)[0] == 200
    doc = p.operation(d)
    doc["agents"] = [a for a in doc["agents"] if a["login"] != "farid"]
    d.apply({"operation": "demo", "agents": doc["agents"]})
    end = time.monotonic() + 3
    while (status := get(d, "/api/v1/ops/demo/threads", Cookie=cookie)[0]) == 200 and time.monotonic() < end:
        await asyncio.sleep(0.05)
    assert status == 404, status
    status, _, body = get(d, "/api/v1/me", Cookie=cookie)
    assert status == 200 and json.loads(body)["operations"] == []


async def tls_is_tls(w):
    d = w.tls
    assert d.get("/healthz")[0] == 200
    raw = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    import look
    assert b"200" not in look.raw(d.port, raw, 3)  # plain text is not answered
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        context = ssl.create_default_context(cafile=os.path.join(d.dir, "cert.pem"))
        context.minimum_version = context.maximum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")
        try:
            http.client.HTTPSConnection("localhost", d.port, timeout=5, context=context).request("GET", "/healthz")
            raise AssertionError(f"{version} is spoken")
        except (ssl.SSLError, OSError):
            pass


TESTS = [the_cookie_of_each_kind, a_fresh_sign_in_is_a_fresh_session, writes_need_our_origin, sockets_need_our_origin, a_bearer_token_makes_cookies_ignored,
         a_wrong_password_and_an_unknown_name_look_the_same, too_many_tries_are_slowed_and_never_locked, nobody_can_keep_somebody_else_out,
         sockets_of_an_ended_sign_in_close_within_a_second, browsers_are_told_to_stay_on_tls, what_ends_a_session, a_token_that_was_ended,
         an_agent_who_leaves_the_operation, tls_is_tls]

if __name__ == "__main__":
    run_shared(World, TESTS, 150)
