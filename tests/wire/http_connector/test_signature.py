# SPDX-License-Identifier: Apache-2.0
"""The http connector's signature: any flipped bit, any old or new time, any malformed header is refused before the body is looked at."""
import asyncio
import base64
import json
import time

from look import Office, Pipe, metrics, run_shared, threads

HOOK = "/hooks/demo/app"
SECOND = "whsec_" + base64.b64encode(b"the-one-that-replaces-it-soon").decode()


class World:
    async def open(self):
        self.office = await Office(self.document).open()
        self.d, self.token = self.office.d, self.office.token
        self.pipe = await Pipe(self.d.port).open()
        return self

    def document(self, d, doc):
        doc["channels"].append({"id": "two", "connector": "http", "settings": {"url": "http://127.0.0.1:9/x", "secret": d.secret + " " + SECOND}})

    async def close(self, failed):
        self.pipe.close()
        await self.office.close(failed)

    def body(self, who="tel:+905550000001", text="signed"):
        return json.dumps({"messages": [{"id": "s1", "from": {"address": who}, "text": text}]}).encode()

    def nothing_stored(self):
        assert threads(self.d, self.token) == []
        assert sum(v for k, v in metrics(self.d).items() if k.startswith("parley_messages_in") or "_in_total" in k) == 0


async def a_flipped_bit_of_the_body(w):
    body = w.body()
    head = w.d.signed(body)
    for i in range(len(body) * 8):
        wrong = bytearray(body)
        wrong[i // 8] ^= 1 << i % 8
        status, _, answer = await w.pipe.post(HOOK, bytes(wrong), head)
        assert status == 401, (i, status, answer)
    w.nothing_stored()


async def a_flipped_bit_of_a_header(w):
    body = w.body()
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        head = w.d.signed(body)
        value = head[name].encode()
        for i in range(len(value) * 8):
            wrong = bytearray(value)
            wrong[i // 8] ^= 1 << i % 8
            status, got, answer = await w.pipe.post(HOOK, body, {**head, name: bytes(wrong)})
            b = wrong[i // 8]
            # What no header may hold, and what is no time at all, is malformed; blanks at the ends are not part of a value.
            malformed = b < 32 or b == 127 or name == "webhook-timestamp"
            assert status == 401 or (malformed and status == 400), (name, i, bytes(wrong), status, answer)
    w.nothing_stored()


async def a_missing_or_malformed_header(w):
    body = w.body()
    full = w.d.signed(body)
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        head = {k: v for k, v in full.items() if k != name}
        status, _, _ = await w.pipe.post(HOOK, body, head)
        assert status in (400, 401), (name, status)
        for value in ("", " ", "x" * 300, "v1,", "v1a,abc", "v1," + "A" * 44, "-5", "1e9", "99999999999999999999", "v2" + full["webhook-signature"][2:]):
            status, _, _ = await w.pipe.post(HOOK, body, {**full, name: value})
            assert status in (400, 401), (name, value, status)
    status, _, _ = await w.pipe.post(HOOK, body, {**full, "webhook-signature": " ".join(["v1," + "A" * 43 + "="] * 300)})
    assert status in (400, 401, 431), status
    w.nothing_stored()


async def it_is_checked_before_anything_is_parsed(w):
    """What is no JSON at all, with a wrong signature, is 401 like everything else: whoever can't sign learns nothing of the parser."""
    for body in (b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b'{"messages":' + b"[" * 3000, b'{"a":1,"a":2}', b"x" * 900_000):
        head = {**w.d.signed(b"another body"), "Content-Type": "application/json"}
        status, _, answer = await w.pipe.post(HOOK, body, head)
        assert status == 401, (body[:20], status, answer)
        status, _, answer = await w.pipe.post(HOOK, body, {**head, "Content-Type": "text/plain"})
        assert status == 401, (body[:20], status, answer)
    w.nothing_stored()


async def a_time_that_is_too_far_away(w):
    body = w.body()
    for off in (-301 - 2, -3600, -86400 * 365, 301 + 2, 3600, 86400 * 365):
        status, _, answer = await w.pipe.post(HOOK, body, w.d.signed(body, at=time.time() + off))
        assert 400 <= status < 500, (off, status, answer)
    w.nothing_stored()


async def another_channels_or_operations_secret(w):
    body = w.body()
    foreign = "whsec_" + base64.b64encode(b"somebody else's secret, 32 bytes").decode()
    status, _, _ = await w.pipe.post(HOOK, body, w.d.signed(body, secret=foreign))
    assert status == 401
    status, _, _ = await w.pipe.post(HOOK, body, w.d.signed(body, secret=SECOND))  # the other channel's second secret
    assert status == 401
    for path in ("/hooks/demo/nowhere", "/hooks/nowhere/app", "/hooks/demo/web", "/hooks/demo", "/hooks/demo/app/../two", "/hooks//app"):
        status, _, _ = await w.pipe.post(path, body, w.d.signed(body))
        assert status in (400, 404), (path, status)
    w.nothing_stored()


async def inside_the_five_minutes_it_is_taken(w):
    for i, off in enumerate((-290, 0, 290)):
        body = json.dumps({"messages": [{"id": f"in{i}", "from": {"address": f"tel:+90555000010{i}"}, "text": "in time"}]}).encode()
        status, _, answer = await w.pipe.post(HOOK, body, w.d.signed(body, at=time.time() + off))
        assert (status, json.loads(answer)) == (200, {"stored": 1, "duplicates": 0}), (off, answer)


async def the_same_again_is_200_and_one_entry(w):
    body = json.dumps({"messages": [{"id": "again", "from": {"address": "tel:+905550000200"}, "text": "once"}]}).encode()
    head = w.d.signed(body)
    answers = [await w.pipe.post(HOOK, body, head) for _ in range(10)]
    assert [a[0] for a in answers] == [200] * 10
    assert [json.loads(a[2])["stored"] for a in answers] == [1] + [0] * 9
    assert json.loads(answers[1][2]) == {"stored": 0, "duplicates": 1}
    body = json.dumps({"messages": [{"id": "again", "from": {"address": "tel:+905550000200"}, "text": "once"}]}, indent=1).encode()
    status, _, answer = await w.pipe.post(HOOK, body, w.d.signed(body))  # signed anew, the same message
    assert json.loads(answer) == {"stored": 0, "duplicates": 1}


async def both_secrets_hold_while_one_replaces_the_other(w):
    for i, secret in enumerate((w.d.secret, SECOND)):
        body = json.dumps({"messages": [{"id": f"r{i}", "from": {"address": f"tel:+90555000030{i}"}, "text": "rotated"}]}).encode()
        status, _, answer = await w.pipe.post("/hooks/demo/two", body, w.d.signed(body, secret=secret))
        assert status == 200, answer
    # A sender that signs with several keys: one that fits is enough.
    body = json.dumps({"messages": [{"id": "r9", "from": {"address": "tel:+905550000309"}, "text": "two keys"}]}).encode()
    head = w.d.signed(body, secret=SECOND)
    head["webhook-signature"] = "v1," + "A" * 43 + "= v1a,ignored " + head["webhook-signature"]
    status, _, answer = await w.pipe.post("/hooks/demo/two", body, head)
    assert status == 200, answer


TESTS = [a_flipped_bit_of_the_body, a_flipped_bit_of_a_header, a_missing_or_malformed_header, it_is_checked_before_anything_is_parsed,
         a_time_that_is_too_far_away, another_channels_or_operations_secret, inside_the_five_minutes_it_is_taken,
         the_same_again_is_200_and_one_entry, both_secrets_hold_while_one_replaces_the_other]

if __name__ == "__main__":
    run_shared(World, TESTS)
