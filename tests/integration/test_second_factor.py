# SPDX-License-Identifier: Apache-2.0
"""The second factor: setting one up, signing in in two steps, codes once, recovery codes, waiting, trusted devices, ending it."""
import base64
import hashlib
import hmac
import json
import struct
import time

import openapi
import parley as p
from look import redis_of, run_shared


def code(secret, at=None, shift=0):
    """RFC 6238, written down once more."""
    step = int((at or time.time()) // 30) + shift
    mac = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[19] & 15
    return "%06d" % ((struct.unpack(">I", mac[at:at + 4])[0] & 0x7fffffff) % 1000000)


API = openapi.Api(None)


def template(path):
    """The document's name of a path."""
    parts = ("/api/v1/" + path).split("/")
    if parts[3:4] == ["ops"]:
        parts[4] = "{op}"
        if parts[5] == "agents" and len(parts) > 6:
            parts[6] = "{agent}"
    return "/".join(parts)


class Person:
    """A browser: cookies, and the page's own origin."""

    def __init__(self, d, login, password, via=None):
        self.d, self.login, self.password, self.jar, self.via = d, login, password, {}, via

    def call(self, method, path, body=None):
        headers = {"Origin": self.d.base}
        if self.jar:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.jar.items())
        if self.via:
            headers["X-Forwarded-For"] = self.via
        status, heads, data = self.d.request(method, "/api/v1/" + path, body, headers)
        for cookie in heads.get_all("Set-Cookie") or []:
            name, value = cookie.split(";")[0].split("=", 1)
            self.jar[name] = value
        answer = json.loads(data) if data else None
        API.check(method, template(path), status, heads, data)
        return status, answer

    def step_one(self, password=None):
        self.jar.pop("parley", None)
        return self.call("POST", "sign-in", {"login": self.login, "password": password or self.password})

    def step_two(self, ticket, code, **more):
        return self.call("POST", "sign-in/code", {"login": self.login, "ticket": ticket, "code": code, **more})

    def enrol(self):
        status, new = self.call("POST", "me/second-factor", {})
        assert status == 200, new
        assert new["uri"].startswith("otpauth://totp/Parley:" + self.login) and new["secret"] in new["uri"]
        self.secret = new["secret"]
        assert len(base64.b32decode(self.secret)) == 20
        # The step before: the present one is left for the next sign-in.
        status, done = self.call("POST", "me/second-factor/confirm", {"code": code(self.secret, shift=-1)})
        assert status == 200 and len(done["recovery"]) == 10, done
        self.recovery = done["recovery"]
        return self


class World:
    async def open(self):
        self.d = p.Parley({"second_factor": "required", "trusted_device_days": 7, "trusted_proxies": ["127.0.0.0/8"]}).start()
        doc = p.operation(self.d)
        self.passwords = {x["login"]: x["password"] for x in self.d.apply(doc)["passwords"]}
        return self

    async def close(self, failed):
        if failed:
            print(self.d.tail(3000))
        assert "AddressSanitizer" not in self.d.tail(1 << 20) and "runtime error" not in self.d.tail(1 << 20), self.d.tail(5000)
        self.d.close()

    def person(self, login, via=None):
        return Person(self.d, login, self.passwords[login], via)


async def here_it_may_wait_elsewhere_it_is_needed(w):
    here = w.person("amal")
    assert here.step_one()[0] == 200
    status, me = here.call("GET", "me")
    assert me["second_factor"] == {"on": False, "must": False} and here.call("GET", "ops/demo/queues")[0] == 200
    assert here.call("GET", "me/second-factor")[1]["later"] is True
    # The same session, from elsewhere: nothing but setting one up.
    here.via = "192.0.2.7"
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": here.via, "Cookie": "__Host-parley=" + here.jar["parley"]}
    status, _, data = w.d.request("GET", "/api/v1/me", headers=headers)
    assert status == 200 and json.loads(data)["second_factor"] == {"on": False, "must": True}
    for path in ("ops/demo/queues", "ops/demo/threads", "ops/demo/operation"):
        status, _, data = w.d.request("GET", "/api/v1/" + path, headers=headers)
        assert status == 403 and json.loads(data)["code"] == "second_factor", (path, status, data)
    assert w.d.request("GET", "/api/v1/me/second-factor", headers=headers)[0] == 200


async def an_old_session_sets_up_none_without_the_password(w):
    farid = w.person("farid")
    farid.step_one()
    assert farid.call("GET", "me/second-factor")[1]["password"] is False
    redis = redis_of(w.d, "data")
    for old in (b"0", str(int((time.time() - 601) * 1000)).encode(), None):  # None: of a version that did not keep it
        for key in redis.scan_iter(b"p:{_}:sess:*"):
            redis.hset(key, "at", old) if old else redis.hdel(key, "at")
        assert farid.call("GET", "me/second-factor")[1]["password"] is True
        for body in ({}, {"password": ""}, {"password": "not the password"}, {"code": "123456"}):
            status, no = farid.call("POST", "me/second-factor", body)
            assert (status, no["code"]) == (403, "password"), (body, no)
    assert farid.call("POST", "me/second-factor/confirm", {"code": "123456"})[0] == 409, "nothing was begun"
    time.sleep(1)
    status, new = farid.call("POST", "me/second-factor", {"password": farid.password})
    assert status == 200 and new["secret"], new
    farid.step_one()  # who has just signed in is not asked
    farid.enrol()
    assert farid.call("GET", "me/second-factor")[1]["password"] is False


async def two_steps_and_a_code_once(w):
    amal = w.person("amal")
    assert amal.step_one()[0] == 200
    other = w.person("amal")
    assert other.step_one()[0] == 200
    status, wrong = amal.call("POST", "me/second-factor/confirm", {"code": "000000"})
    assert status == 409, wrong  # nothing was begun
    amal.enrol()
    assert amal.call("GET", "me")[1]["second_factor"]["on"] is True, "the session that set it up stays"
    assert other.call("GET", "me")[0] == 401, "the others are over"
    assert amal.call("GET", "me/second-factor")[1]["recovery_left"] == 10
    # The password alone gives a ticket and no session.
    status, half = amal.step_one()
    assert status == 202 and set(half) == {"ticket", "trust_days"} and "parley" not in amal.jar
    assert amal.call("GET", "me")[0] == 401
    right = code(amal.secret)
    wrong = "%06d" % ((int(right) + 1) % 1000000)
    status, no = amal.step_two(half["ticket"], wrong)
    assert (status, no["code"]) == (401, "code"), no
    status, no = amal.step_two("x" * 43, right)
    assert (status, no["code"]) == (401, "ticket"), no
    # Typed with a blank, in the digits of an Arabic keyboard.
    arabic = "".join(chr(0x660 + int(c)) for c in right[:3]) + " " + "".join(chr(0x6f0 + int(c)) for c in right[3:])
    status, me = amal.step_two(half["ticket"], arabic)
    assert status == 200 and me["login"] == "amal" and amal.call("GET", "ops/demo/queues")[0] == 200
    # Ticket and code are used up.
    assert amal.step_two(half["ticket"], right)[1]["code"] == "ticket"
    status, half = amal.step_one()
    assert amal.step_two(half["ticket"], right)[1]["code"] == "code"
    status, me = amal.step_two(half["ticket"], code(amal.secret, shift=1))
    assert status == 200, me


async def recovery_codes(w):
    nadia = w.person("nadia")
    nadia.step_one()
    nadia.enrol()
    ticket = nadia.step_one()[1]["ticket"]
    typed = nadia.recovery[3].upper().replace("-", " ")
    assert nadia.step_two(ticket, typed)[0] == 200
    assert nadia.call("GET", "me/second-factor")[1]["recovery_left"] == 9
    ticket = nadia.step_one()[1]["ticket"]
    assert nadia.step_two(ticket, nadia.recovery[3])[0] == 401, "once"
    # New ones need a code, the old are worthless; this device is trusted from now on.
    half = nadia.step_one()[1]
    assert half["trust_days"] == 7
    assert nadia.step_two(half["ticket"], code(nadia.secret), trust=True)[0] == 200
    assert nadia.call("POST", "me/second-factor/codes", {"code": "123456"})[0] == 403
    status, new = nadia.call("POST", "me/second-factor/codes", {"code": code(nadia.secret, shift=1)})
    assert status == 200 and len(set(new["recovery"]) | set(nadia.recovery)) == 20
    w.nadia, w.stale, nadia.recovery = nadia, nadia.recovery, new["recovery"]


async def a_trusted_device(w):
    nadia = w.nadia
    assert nadia.step_one()[0] == 200, "this device is not asked again"
    assert nadia.call("GET", "me")[1]["second_factor"]["on"]
    stranger = w.person("nadia")
    assert stranger.step_one()[0] == 202, "another is"
    # A new password ends the trust.
    assert nadia.call("PATCH", "me", {"password": {"old": nadia.password, "new": "a-wholly-new-password"}})[0] == 200
    nadia.password = w.passwords["nadia"] = "a-wholly-new-password"
    status, half = nadia.step_one()
    assert status == 202
    assert nadia.step_two(half["ticket"], w.stale[5])[0] == 401
    assert nadia.step_two(half["ticket"], nadia.recovery[0])[0] == 200


async def wrong_codes_wait(w):
    yusuf = w.person("yusuf")
    yusuf.step_one()
    yusuf.enrol()
    ticket = yusuf.step_one()[1]["ticket"]
    right = int(code(yusuf.secret))
    answers = []
    for i in range(1, 8):
        status, no = yusuf.step_two(ticket, "%06d" % ((right + 5 + i) % 1000000))
        answers.append(status)
    assert answers[:4] == [401] * 4 and 429 in answers, answers
    # Waiting in one place is waiting for all that come from there, a new ticket or not, and the right code waits too.
    ticket = yusuf.step_one()[1]["ticket"]
    assert yusuf.step_two(ticket, code(yusuf.secret))[0] == 429
    lines = [x for x in audit(w) if x["action"] == "user.code"]
    assert len(lines) >= 4 and all(x["detail"] == "wrong" for x in lines), lines


def audit(w):
    """What the system's audit has of users: codes."""
    return [{"action": f[b"x"].decode(), "detail": f[b"d"].decode()} for _, f in redis_of(w.d, "data").xrange("p:{_}:audit")]


async def ended_by_an_administrator(w):
    selin, root = w.person("selin"), w.person("root")
    selin.step_one()
    selin.enrol()
    ticket = selin.step_one()[1]["ticket"]
    assert selin.step_two(ticket, code(selin.secret))[0] == 200
    root.step_one()
    status, how = root.call("GET", "ops/demo/agents/selin/second-factor")
    assert status == 200 and how["on"]
    assert selin.call("POST", "ops/demo/agents/root/second-factor/reset")[0] == 403
    assert root.call("POST", "ops/demo/agents/nobody/second-factor/reset")[0] == 404
    assert root.call("POST", "ops/demo/agents/root/second-factor/reset")[0] == 403, "not one's own"
    assert root.call("POST", "ops/demo/agents/selin/second-factor/reset")[0] == 204
    assert selin.call("GET", "me")[0] == 401, "every session is over"
    assert selin.step_one()[0] == 200 and selin.call("GET", "me")[1]["second_factor"]["on"] is False
    # By the tool; and off with a code, where it may be off.
    w.nadia.jar.pop("parley-device", None)
    ticket = w.nadia.step_one()[1]["ticket"]
    assert w.nadia.step_two(ticket, w.nadia.recovery[1])[0] == 200
    assert w.nadia.call("POST", "me/second-factor/off", {"code": "000000"})[0] == 403
    assert w.nadia.call("POST", "me/second-factor/off", {"code": w.nadia.recovery[2]})[0] == 204
    assert w.nadia.call("GET", "me")[0] == 401
    assert "recovery codes" in w.d.tool("user", "second-factor", "yusuf")
    assert "no second factor" in w.d.tool("user", "second-factor", "yusuf", "--reset")
    assert w.person("yusuf").step_one()[0] == 200, "by the password alone, to set up another"


if __name__ == "__main__":
    run_shared(World, [here_it_may_wait_elsewhere_it_is_needed, an_old_session_sets_up_none_without_the_password, two_steps_and_a_code_once, recovery_codes, a_trusted_device, wrong_codes_wait,
                       ended_by_an_administrator])
