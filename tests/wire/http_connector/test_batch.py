# SPDX-License-Identifier: Apache-2.0
"""What the http connector takes and refuses: batches, malformed JSON, limits, many copies at once, many firsts at once."""
import asyncio
import json
import os
import time
import urllib.parse

from look import Office, Pipe, entries, metrics, run_shared, texts

HOOK = "/hooks/demo/app"
# Ten thousand take the sanitizers too long.
COPIES = 1000 if "sanit" in os.path.basename(os.environ.get("PARLEY_BUILD", "")) else 10_000


class World:
    async def open(self):
        self.office = await Office().open()
        self.d, self.token = self.office.d, self.office.token
        self.pipe = await Pipe(self.d.port).open()
        self.n = 0
        return self

    async def close(self, failed):
        self.pipe.close()
        await self.office.close(failed)

    async def post(self, payload):
        body = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
        status, headers, answer = await self.pipe.post(HOOK, body, self.d.signed(body))
        assert headers["content-type"] == ("application/json" if status == 200 else "application/problem+json"), headers
        return status, json.loads(answer)

    def message(self, i, who=None, **more):
        return {"id": f"b{i}", "from": {"address": who or f"tel:+90556{i:07d}"}, "text": f"text {i}", **more}

    def count(self):
        """Messages of persons that were stored. Not a list of threads: that is in the order of their last activity, which goes on meanwhile."""
        return sum(v for name, v in metrics(self.d).items() if name.startswith("parley_messages_in_total") and 'channel="app"' in name)

    def thread_of(self, who):
        """The one thread of the one contact with this address."""
        status, list_ = self.d.api("GET", "contacts?address=" + urllib.parse.quote(who, safe=""), token=self.token)
        assert status == 200, (status, list_)
        (contact,) = list_["items"]
        (thread,) = contact["threads"]
        return contact, thread["id"]


def places(answer):
    return answer["detail"]


async def one_bad_item_and_nothing_is_taken(w):
    before = w.count()
    bad = {17: {"id": "", "from": {"address": "tel:+905551112233"}, "text": "no id"},
           500: {"id": "x", "from": {"address": "no address"}, "text": "t"},
           999: {"id": "y", "from": {"address": "tel:+905551112233"}, "text": 5}}
    batch = [bad.get(i) or w.message(i) for i in range(1000)]
    status, answer = await w.post({"messages": batch})
    assert status == 400 and "messages[17].id" in places(answer), answer
    assert w.count() == before
    batch[17] = w.message(17)
    status, answer = await w.post({"messages": batch})
    assert status == 400 and "messages[500].from.address" in places(answer), answer
    batch[500] = w.message(500)
    status, answer = await w.post({"messages": batch})
    assert status == 400 and "messages[999].text" in places(answer), answer
    assert w.count() == before
    batch[999] = w.message(999)
    began = time.monotonic()
    status, answer = await w.post({"messages": batch})
    assert status == 200 and answer == {"stored": 1000, "duplicates": 0}, answer
    print(f"a batch of 1,000 new persons in {time.monotonic() - began:.2f} s")
    status, answer = await w.post({"messages": batch})
    assert status == 200 and answer == {"stored": 0, "duplicates": 1000}, answer
    assert w.count() == before + 1000


async def what_is_wrong_is_told_with_its_place(w):
    before = w.count()
    ok = {"id": "p1", "from": {"address": "tel:+905557770000"}, "text": "t"}
    wrong = [
        ({"messages": [{**ok, "colour": 1}]}, "messages[0].colour"), ({"colour": []}, "colour"), ({"messages": {}}, "messages"),
        ({"messages": [{**ok, "from": {"address": "tel:+1", "name": "x"}}]}, "messages[0].from.address"),
        ({"messages": [{**ok, "from": {"address": "tel:905557770000"}}]}, "messages[0].from.address"),
        ({"messages": [{**ok, "from": {"address": "TEL:+905557770000"}}]}, "messages[0].from.address"),
        ({"messages": [{**ok, "from": {"address": "tel:+905557770000", "age": 4}}]}, "messages[0].from.age"),
        ({"messages": [{**ok, "text": "x" * 65537}]}, "messages[0].text"), ({"messages": [{**ok, "text": ""}]}, "messages[0].text"),
        ({"messages": [{**ok, "kind": "note"}]}, "messages[0].kind"), ({"messages": [{**ok, "kind": "edit"}]}, "messages[0].target"),
        ({"messages": [{**ok, "kind": "deletion"}]}, "messages[0].target"), ({"messages": [{**ok, "time": "yesterday"}]}, "messages[0].time"),
        ({"messages": [{**ok, "time": "2026-02-29T00:00:00Z"}]}, "messages[0].time"), ({"messages": [{**ok, "clearance": 3}]}, "messages[0].clearance"),
        ({"messages": [{**ok, "location": {"latitude": 91, "longitude": 0}}]}, "messages[0].location"),
        ({"messages": [{**ok, "attachments": [{"type": "image/png"}]}]}, "messages[0].attachments[0].url"),
        ({"messages": [{**ok, "attachments": [{"data": "!!!!"}]}]}, "messages[0].attachments[0].data"),
        ({"messages": [{**ok, "attachments": [{"data": "YQ=="}] * 11}]}, "messages[0].attachments"),
        ({"messages": [{**ok, "attachments": [{"url": "file:///etc/passwd"}]}]}, "messages[0].attachments[0].url"),
        ({"statuses": [{"id": "m", "status": "lost"}]}, "statuses[0].status"), ({"typing": [{"on": True}]}, "typing[0].from"),
        ({"reads": [{"from": {"address": "tel:+905557770000"}}]}, "reads[0].target"), ({}, "nothing"), ([], "object"), ("text", ""), (None, "")]
    for payload, place in wrong:
        status, answer = await w.post(payload)
        assert status == 400 and place in places(answer), (payload if len(str(payload)) < 300 else place, status, answer)
    status, answer = await w.post({"messages": [w.message(10_000_000 + i) for i in range(2001)]})
    assert status in (400, 413), answer
    assert w.count() == before


async def what_is_no_json_is_400(w):
    before = w.count()
    ok = b'{"messages":[{"id":"j1","from":{"address":"tel:+905558880000"},"text":"t"}]}'
    cases = [b"", b"{", ok[:-1], ok + b"x", ok + ok, b"\xef\xbb\xbf" + ok, ok.replace(b'"t"', b"'t'"), ok.replace(b'"t"', b'"t",'),
             ok.replace(b'"text":"t"', b'"text":"t","text":"u"'), ok.replace(b'"t"', b'"\xff"'), ok.replace(b'"t"', b'"\xc0\x80"'),
             ok.replace(b'"t"', b'"\xed\xa0\x80"'), ok.replace(b'"t"', b'"\\ud800"'), ok.replace(b'"t"', b'"a\\u0000b"'), ok.replace(b'"t"', b'"a\x00b"'),
             ok.replace(b'"t"', b'"a\nb"'), ok.replace(b'"t"', b"1e999"), b'{"messages":' + b"[" * 33 + b"]" * 33 + b"}", b"[" * 200_000]
    for body in cases:
        status, answer = await w.post(body)
        assert status == 400, (body[:120], status, answer)
    status, _, _ = await w.pipe.post(HOOK, ok, {**w.d.signed(ok), "Content-Type": "text/plain"})
    assert status == 415
    assert w.count() == before
    # 32 levels are refused for what they hold, not for their depth.
    deep = b'{"messages":[{"id":"j","from":{"address":"tel:+905558880000"},"text":' + b"[" * 28 + b"]" * 28 + b"}]}"
    status, answer = await w.post(deep)
    assert status == 400 and "messages[0].text" in places(answer), answer


async def a_body_of_1_mib_is_taken_and_one_byte_more_is_not(w):
    def of(size, id):
        head = json.dumps({"messages": [{"id": id, "from": {"address": "tel:+905559990000"}, "text": "big", "attachments": []}]})
        body = head.encode()
        return body[:-1] + b" " * (size - len(body)) + body[-1:]
    body = of(1 << 20, "full")
    status, _, answer = await w.pipe.post(HOOK, body, w.d.signed(body))
    assert status == 200, answer
    body = of((1 << 20) + 1, "over")
    try:
        status, _, answer = await w.pipe.post(HOOK, body, w.d.signed(body))
        assert status == 413, (status, answer)
    except ConnectionError:
        pass  # it may be cut before all was sent
    w.pipe.close()
    assert texts(w.d, w.token, w.thread_of("tel:+905559990000")[1], "in") == ["big"]


async def many_copies_at_once_are_one_entry(w):
    body = json.dumps({"messages": [{"id": "copy", "from": {"address": "tel:+905551230000"}, "text": "copied"}]}).encode()
    head = w.d.signed(body)
    stored, began = 0, time.monotonic()

    async def worker(n):
        nonlocal stored
        pipe = await Pipe(w.d.port).open()
        for _ in range(n):
            status, _, answer = await pipe.post(HOOK, body, head)
            assert status == 200, (status, answer)
            stored += json.loads(answer)["stored"]
        pipe.close()
    await asyncio.gather(*(worker(COPIES // 64 + 1) for _ in range(64)))
    print(f"{(COPIES // 64 + 1) * 64} copies over 64 connections in {time.monotonic() - began:.1f} s")
    assert stored == 1, stored
    assert texts(w.d, w.token, w.thread_of("tel:+905551230000")[1], "in") == ["copied"]


async def many_firsts_of_one_person_are_one_contact_and_one_thread(w):
    contacts = set()
    for round in range(5):
        who = f"tel:+90555321000{round}"

        async def one(i):
            pipe = await Pipe(w.d.port).open()
            body = json.dumps({"messages": [{"id": f"f{round}-{i}", "from": {"address": who, "name": "First"}, "text": f"first {i}"}]}).encode()
            status, _, answer = await pipe.post(HOOK, body, w.d.signed(body))
            pipe.close()
            assert status == 200 and json.loads(answer)["stored"] == 1, (status, answer)
        await asyncio.gather(*(one(i) for i in range(32)))
        contact, t = w.thread_of(who)
        contacts.add(contact["id"])
        found = entries(w.d, w.token, t)
        assert [e["seq"] for e in found] == list(range(1, len(found) + 1))  # gap-free
        assert sorted(e["text"] for e in found if e["kind"] == "message" and e["direction"] == "in") == sorted(f"first {i}" for i in range(32))
    assert len(contacts) == 5


async def the_order_of_one_connection_is_the_threads_order(w):
    pipe = await Pipe(w.d.port).open()
    for i in range(100):
        body = json.dumps({"messages": [{"id": f"o{i}", "from": {"address": "tel:+905554440000", "name": "Orderly"}, "text": str(i)}]}).encode()
        status, _, _ = await pipe.post(HOOK, body, w.d.signed(body))
        assert status == 200
    body = json.dumps({"messages": [{"id": f"o{i}", "from": {"address": "tel:+905554440000"}, "text": str(i)} for i in range(100, 200)]}).encode()
    status, _, _ = await pipe.post(HOOK, body, w.d.signed(body))
    assert status == 200
    pipe.close()
    assert texts(w.d, w.token, w.thread_of("tel:+905554440000")[1], "in") == [str(i) for i in range(200)]


TESTS = [one_bad_item_and_nothing_is_taken, what_is_wrong_is_told_with_its_place, what_is_no_json_is_400,
         a_body_of_1_mib_is_taken_and_one_byte_more_is_not, many_copies_at_once_are_one_entry,
         many_firsts_of_one_person_are_one_contact_and_one_thread, the_order_of_one_connection_is_the_threads_order]

if __name__ == "__main__":
    run_shared(World, TESTS)
