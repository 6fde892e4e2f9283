# SPDX-License-Identifier: Apache-2.0
"""From which networks people may work: at sign-in, at each use of a session, for open sockets; behind trusted proxies alone; with an audit."""
import asyncio
import json
import time

import parley as p
import sockets
from look import run_shared

OFFICE, HOME = "192.0.2.10", "203.0.113.5"


class World:
    async def open(self):
        self.d = p.Parley({"trusted_proxies": ["127.0.0.0/8"]}).start()
        self.doc = p.operation(self.d)
        self.passwords = {x["login"]: x["password"] for x in self.d.apply(self.doc)["passwords"]}
        self.auditor = self.d.token(role="auditor")
        return self

    async def close(self, failed):
        if failed:
            print(self.d.tail(3000))
        assert "AddressSanitizer" not in self.d.tail(1 << 20) and "runtime error" not in self.d.tail(1 << 20), self.d.tail(5000)
        self.d.close()

    async def apply(self, *networks):
        self.doc["networks"] = list(networks)
        await asyncio.to_thread(self.d.apply, self.doc)

    def request(self, method, path, body=None, at=OFFICE, cookie=None, token=None, forwarded=True):
        headers = {}
        if forwarded:
            headers.update({"X-Forwarded-For": at, "X-Forwarded-Proto": "https"})
        if cookie:
            headers["Cookie"] = cookie
        status, heads, data = self.d.request(method, "/api/v1/" + path, body, headers, token)
        return status, heads, json.loads(data) if data else None

    def sign_in(self, login, at):
        status, heads, told = self.request("POST", "sign-in", {"login": login, "password": self.passwords[login]}, at)
        return status, told, heads["Set-Cookie"].split(";")[0] if status == 200 else None

    def lines(self):
        return [x for x in self.d.api("GET", "audit?limit=200", token=self.auditor)[1]["items"] if x["action"] == "network.refused"]


async def at_sign_in_and_at_each_use(w):
    await w.apply({"cidr": "192.0.2.0/24", "name": "Office"}, {"cidr": "2001:db8::/32"})
    for at in (OFFICE, "2001:db8::7", "::ffff:192.0.2.9"):
        assert w.sign_in("amal", at)[0] == 200, at
    status, told, _ = w.sign_in("amal", HOME)
    assert (status, told["code"]) == (403, "network") and "network" in told["detail"], told
    # With a wrong password nothing is told of networks.
    assert w.request("POST", "sign-in", {"login": "amal", "password": "wrong wrong"}, HOME)[0] == 401
    cookie = w.sign_in("amal", OFFICE)[2]
    assert w.request("GET", "ops/demo/queues", at=OFFICE, cookie=cookie)[0] == 200
    for path in ("ops/demo/queues", "ops/demo/threads", "me"):
        status, _, told = w.request("GET", path, at=HOME, cookie=cookie)
        assert (status, told["code"]) == (403, "network"), (path, told)
    assert w.request("GET", "ops/demo/queues", at=OFFICE, cookie=cookie)[0] == 200, "the session itself is good"
    lines = w.lines()
    assert [x["actor"] for x in lines] == ["amal"] and HOME not in json.dumps(lines), "one line a minute, and no address"


async def what_a_client_says_of_itself_is_not_believed(w):
    """The last proxy's word counts, not what stood there before."""
    assert w.sign_in("amal", f"{OFFICE}, {HOME}")[0] == 403
    assert w.sign_in("amal", f"{HOME}, {OFFICE}")[0] == 200


async def one_role(w):
    await w.apply({"cidr": "192.0.2.0/24", "roles": ["administrator"]})
    assert w.sign_in("amal", HOME)[0] == 200, "others are free"
    assert w.sign_in("root", HOME)[0] == 403 and w.sign_in("root", OFFICE)[0] == 200
    for wrong, where in (({"cidr": "192.0.2.0/33"}, "/networks/0/cidr"), ({"cidr": "office"}, "/networks/0/cidr"), ({"cidr": "10.0.0.0/8", "roles": ["king"]}, "/networks/0/roles/0"),
                         ({"cidr": "10.0.0.0/8", "roles": []}, "/networks/0/roles"), ({}, "/networks/0")):
        try:
            await w.apply(wrong)
            raise AssertionError(wrong)
        except p.Refused as e:
            assert where in str(e), e


async def open_sockets_close_within_a_second(w):
    await w.apply()
    cookie = w.sign_in("farid", HOME)[2]
    token = w.d.token(role="agent", agent="farid")
    other = w.d.token(role="integrator")
    headers = {"X-Forwarded-For": HOME, "X-Forwarded-Proto": "https"}
    url = f"ws://127.0.0.1:{w.d.port}/ws/agent/demo"
    by_token = await sockets.connect(url, subprotocols=["parley.agent.v1"], extra_headers={**headers, "Authorization": "Bearer " + token}, compression=None)
    program = await sockets.connect(url, subprotocols=["parley.agent.v1"], extra_headers={**headers, "Authorization": "Bearer " + other}, compression=None)
    assert w.request("GET", "me", at=HOME, cookie=cookie)[0] == 200
    applying = asyncio.create_task(w.apply({"cidr": "192.0.2.0/24"}))
    began = time.time()
    code = await asyncio.wait_for(closed(by_token), 10)
    await applying
    assert code == 4403 and time.time() - began < 6, code
    assert w.request("GET", "me", at=HOME, cookie=cookie)[0] == 403
    assert w.request("GET", "ops/demo/threads", at=HOME, token=token)[0] == 403, "a token that acts for an agent is where the agent may be"
    assert w.request("GET", "ops/demo/threads", at=HOME, token=other)[0] == 200, "a program's is not bound"
    try:
        await sockets.connect(url, subprotocols=["parley.agent.v1"], extra_headers={**headers, "Authorization": "Bearer " + token}, compression=None)
        raise AssertionError("a socket from elsewhere")
    except sockets.InvalidStatusCode as e:
        assert e.status_code == 403
    await program.close()
    # Nobody is locked out for good: the tool works on the machine itself.
    await w.apply()
    assert w.sign_in("farid", HOME)[0] == 200


async def closed(ws):
    try:
        while True:
            await ws.recv()
    except Exception as e:  # noqa: BLE001
        return getattr(e, "code", None) or ws.close_code


if __name__ == "__main__":
    run_shared(World, [at_sign_in_and_at_each_use, what_a_client_says_of_itself_is_not_believed, one_role, open_sockets_close_within_a_second])
