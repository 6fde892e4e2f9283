# SPDX-License-Identifier: Apache-2.0
"""People by hand: a call, a visit, a paper form; writing first; links and merges; "same person?" and what it closes; checks of identity."""
import asyncio
import secrets
import urllib.parse

import parley as p
from look import entries, eventually, run_shared, threads
from openapi import Api

OPS = "/api/v1/ops/{op}/"
CALLED = {"what": "call", "text": "She asks when the office opens", "language": "ar", "seconds": 90, "time": "2026-01-01T06:00:00Z"}


def number():
    return f"+90531{secrets.randbelow(9 * 10**6) + 10**6}"


class World:
    async def open(self):
        self.d = d = p.Parley().start()
        self.receiver = await p.Receiver().start()
        doc = p.operation(d)
        doc["channels"][1]["settings"]["url"] = self.receiver.url
        doc["channels"].append({"id": "sms", "connector": "http", "settings": {"url": self.receiver.url, "secret": d.secret, "verified": "true"}})
        d.apply(doc)
        self.api = Api(d)
        self.tokens = {n: d.token(agent=n, role="supervisor" if n == "selin" else "agent") for n in ("amal", "farid", "selin")}
        self.tokens["nadia"] = d.token(agent="nadia", role="focal", clearance=2)
        self.tokens["root"] = d.token(agent="root", role="administrator")
        self.tokens["eraser"] = d.token(role="administrator", clearance=2)
        self.tokens["auditor"] = d.token(role="auditor")
        return self

    async def close(self, failed):
        if failed:
            print(self.d.tail(3000))
        self.d.close()
        await self.receiver.stop()

    async def call(self, method, path, who, body=None, **args):
        return (await asyncio.to_thread(self.api.call, method, OPS + path, args, body, self.tokens[who]))[:2]

    async def ok(self, method, path, who, body=None, **args):
        status, answer = await self.call(method, path, who, body, **args)
        assert status in (200, 201), (path, status, answer)
        return answer

    async def hook(self, tel, text, channel="app", name=None):
        m = {"id": secrets.token_hex(8), "from": {"address": "tel:" + tel, **({"name": name} if name else {})}, "text": text}
        status, answer = await asyncio.to_thread(self.d.hook, {"messages": [m]}, channel=channel)
        assert status == 200, answer

    async def threads_of(self, tel, n):
        """The threads of who has that number, as the supervisor sees them."""
        found = []

        async def there():
            page = (await asyncio.to_thread(self.d.api, "GET", "contacts?address=tel:%2B" + tel[1:], None, self.tokens["selin"]))[1]
            found[:] = page["items"][0]["threads"] if page["items"] else []
            return len(found) == n
        await eventually(there)
        return [t["id"] for t in found]


async def test_somebody_called(w):
    tel = number()
    t = await w.ok("POST", "threads", "amal", {"address": tel[:3] + " " + tel[3:6] + "-" + tel[6:], "name": "Leyla", "topic": "registration", "happened": {**CALLED, "ref": "r1"}})
    assert t["state"] == "assigned" and t["assignee"] == "amal" and t["contact"]["name"] == "Leyla" and t["channel"] == "desk" and t["language"]["tag"] == "ar", t
    kept = [e for e in entries(w.d, w.tokens["amal"], t["id"]) if e["kind"] == "call"]
    assert len(kept) == 1 and kept[0]["text"] == CALLED["text"] and kept[0]["direction"] == "in", kept
    assert kept[0]["happened"] == {"what": "call", "direction": "in", "time": "2026-01-01T06:00:00Z", "seconds": 90} and kept[0]["author"]["id"] == "amal"
    c = await w.ok("GET", "contacts/{contact}", "amal", contact=t["contact"]["id"])
    assert [a["uri"] for a in c["addresses"]] == ["tel:" + tel]
    for status in (201, 200):  # the same reference: one entry
        got, e = await w.call("POST", "threads/{thread}/happened", "amal", {"what": "visit", "text": "came back", "direction": "in", "ref": "r2"}, thread=t["id"])
        assert got == status and e["happened"]["what"] == "visit", (got, e)
    assert (await w.call("POST", "threads/{thread}/happened", "farid", CALLED, thread=t["id"]))[0] == 404
    for wrong in ({"what": "dream", "text": "x"}, {"what": "call", "text": ""}, {"what": "call", "text": "x", "time": "2099-01-01T00:00:00Z"}, {"what": "call", "text": "x", "odd": 1}):
        assert (await w.call("POST", "threads/{thread}/happened", "amal", wrong, thread=t["id"]))[0] == 400, wrong
    assert (await w.call("POST", "threads", "auditor", {"address": tel}))[0] == 403
    assert (await w.call("POST", "threads", "amal", {"address": "not a number"}))[0] == 400


async def test_arabic_digits_are_the_same_number(w):
    t = await w.ok("POST", "threads", "amal", {"address": "٠٠٩٠٥٣٢١١١٢٢٣٣", "happened": CALLED})
    c = await w.ok("GET", "contacts/{contact}", "amal", contact=t["contact"]["id"])
    assert c["addresses"][0]["uri"] == "tel:+905321112233"


async def test_nobody_and_a_queue(w):
    t = await w.ok("POST", "threads", "amal", {"name": "No number", "language": "ar", "wait": True, "happened": {"what": "paper", "text": "form 7"}})
    assert t["state"] in ("waiting", "offered") and t["contact"]["name"] == "No number"
    status, c = await w.call("POST", "contacts", "amal", {"address": number(), "name": "Ali"})
    assert status == 201 and c["name"] == "Ali" and c["threads"] == []
    first = await w.ok("POST", "threads", "amal", {"contact": c["id"]})
    assert (await w.ok("POST", "threads", "amal", {"contact": c["id"]}))["id"] == first["id"]
    assert (await w.call("POST", "threads", "farid", {"contact": c["id"]}))[0] == 404


async def test_a_known_number_tells_nothing(w):
    tel = number()
    await w.hook(tel, "SECRET-WORD I want to register", name="Zeynep")
    [first] = await w.threads_of(tel, 1)
    assert (await w.call("POST", "contacts", "amal", {"address": tel}))[0] == 409
    t = await w.ok("POST", "threads", "amal", {"address": tel, "happened": CALLED})
    assert t["id"] != first and t["same_person"] == {"why": "channel", "answer": None} and t["contact"]["name"] is None, t
    c = await w.ok("GET", "contacts/{contact}", "amal", contact=t["contact"]["id"])
    assert c["closed"] and c["name"] is None and [x["id"] for x in c["threads"]] == [t["id"]] and c["language"] is None and c["notes"] == ""
    assert (await w.call("PATCH", "contacts/{contact}", "amal", {"name": "X"}, contact=c["id"]))[0] == 409
    assert (await w.call("GET", "threads/{thread}", "amal", thread=first))[0] == 404
    assert "SECRET" not in str(threads(w.d, w.tokens["amal"], q="SECRET-WORD"))
    assert (await w.call("POST", "threads/{thread}/same-person", "farid", {"answer": "yes"}, thread=t["id"]))[0] == 404
    # Whoever opened it by the number alone does not confirm it alone, whatever they enter; a colleague does.
    await w.ok("POST", "threads/{thread}/identity", "amal", {"how": "questions", "passed": True}, thread=t["id"])
    await w.ok("POST", "threads/{thread}/happened", "amal", CALLED, thread=t["id"])
    status, no = await w.call("POST", "threads/{thread}/same-person", "amal", {"answer": "yes"}, thread=t["id"])
    assert status == 403 and no["code"] == "alone", no
    assert (await w.call("GET", "threads/{thread}", "amal", thread=first))[0] == 404
    await w.ok("POST", "threads/{thread}/same-person", "selin", {"answer": "yes"}, thread=t["id"])
    t = await w.ok("GET", "threads/{thread}", "amal", thread=t["id"])
    assert t["same_person"] == {"why": "channel", "answer": "yes"} and t["contact"]["name"] == "Zeynep"
    assert (await w.call("GET", "threads/{thread}", "amal", thread=first))[0] == 200
    c = await w.ok("GET", "contacts/{contact}", "amal", contact=t["contact"]["id"])
    assert "closed" not in c and len(c["threads"]) == 2
    await w.ok("POST", "threads/{thread}/same-person", "amal", {"answer": "undo"}, thread=t["id"])
    assert (await w.call("GET", "threads/{thread}", "amal", thread=first))[0] == 404
    assert (await w.call("POST", "threads/{thread}/same-person", "amal", {"answer": "perhaps"}, thread=t["id"]))[0] == 400


async def test_a_message_on_a_new_channel_begins_apart(w):
    tel = number()
    await w.hook(tel, "I want to register")
    await w.threads_of(tel, 1)
    await w.hook(tel, "hello by sms", channel="sms")
    [new, old] = await w.threads_of(tel, 2)
    t = await w.ok("GET", "threads/{thread}", "selin", thread=new)
    assert t["same_person"]["why"] == "channel" and t["channel"] == "sms"
    await w.ok("POST", "threads/{thread}/same-person", "selin", {"answer": "no"}, thread=new)
    await w.hook(tel, "again by sms", channel="sms")
    await w.hook(tel, "again by app")
    await eventually(lambda: len([e for e in entries(w.d, w.tokens["selin"], new) if e["kind"] == "message"]) == 2)
    await eventually(lambda: len([e for e in entries(w.d, w.tokens["selin"], old) if e["kind"] == "message"]) == 2)


async def test_a_sealed_reporters_number_leaves_no_trace(w):
    tel = number()
    await w.hook(tel, "I want to report misconduct", name="Reporter")
    [sealed] = [t["id"] for t in await eventually(lambda: [t for t in threads(w.d, w.tokens["nadia"]) if t["clearance"] == 2])]
    other = number()
    await w.hook(other, "I want to report misconduct", name="Another")
    [second] = [t["id"] for t in await eventually(lambda: [t for t in threads(w.d, w.tokens["nadia"]) if t["clearance"] == 2 and t["id"] != sealed])]
    t = await w.ok("POST", "threads", "amal", {"address": tel, "happened": CALLED})
    fresh = await w.ok("POST", "threads", "amal", {"address": number(), "happened": CALLED})
    assert t["id"] != sealed and set(t) == set(fresh) and "same_person" not in t, t
    known, new = [await w.ok("GET", "contacts/{contact}", "amal", contact=x["contact"]["id"]) for x in (t, fresh)]
    assert set(known) == set(new) and [set(a) for a in known["addresses"]] == [set(a) for a in new["addresses"]], (known, new)
    assert [x["id"] for x in known["threads"]] == [t["id"]] and known["addresses"][0]["channel"] == "desk"
    assert known["name"] is new["name"] is t["contact"]["name"] is None and known["language"] == new["language"] and known["area"] == new["area"], (known, new)
    assert known["addresses"][0]["last_seen"] and new["addresses"][0]["last_seen"]
    assert (await w.call("POST", "threads/{thread}/same-person", "amal", {"answer": "yes"}, thread=t["id"]))[0] == 409
    assert (await w.call("POST", "threads/{thread}/same-person", "amal", {"answer": "yes"}, thread=fresh["id"]))[0] == 409
    # A name is kept and shown as somebody new's is; who tries numbers leaves a line.
    assert (await w.call("POST", "contacts", "amal", {"address": other}))[0] == 409
    assert (await w.call("POST", "contacts/{contact}/link", "amal", {"address": other}, contact=fresh["contact"]["id"]))[0] == 409
    named = [await w.ok("POST", "threads", "amal", {"address": x, "name": "Given", "happened": CALLED}) for x in (other, number())]
    assert [x["contact"]["name"] for x in named] == ["Given", "Given"], named
    for x in named:
        assert (await w.ok("GET", "contacts/{contact}", "amal", contact=x["contact"]["id"]))["name"] == "Given"
    seen = await w.ok("GET", "contacts/{contact}", "nadia", contact=named[0]["contact"]["id"])
    assert seen["name"] == "Another", "those who see the report keep the name that they had"

    async def asked(token):
        page = (await asyncio.to_thread(w.d.api, "GET", "audit?limit=200", None, token))[1]["items"]
        return [line["actor"] for line in page if line["action"] == "contact.asked" and line["object"].endswith(named[0]["contact"]["id"])]
    assert await asked(w.d.token(role="auditor", clearance=2)) == ["amal", "amal"] and await asked(w.tokens["auditor"]) == []
    await w.hook(tel, "and one thing more")
    await eventually(lambda: len([e for e in entries(w.d, w.tokens["nadia"], sealed) if e["kind"] == "message"]) == 2)


async def test_identity(w):
    t = await w.ok("POST", "threads", "amal", {"happened": CALLED})
    t = await w.ok("POST", "threads/{thread}/identity", "amal", {"how": "document", "passed": True}, thread=t["id"])
    assert t["identity"]["how"] == "document" and t["identity"]["by"] == "amal" and t["identity"]["time"]
    t = await w.ok("POST", "threads/{thread}/identity", "amal", {"how": "pin", "passed": False}, thread=t["id"])
    assert "identity" not in t
    assert (await w.call("POST", "threads/{thread}/identity", "amal", {"how": "smile", "passed": True}, thread=t["id"]))[0] == 400
    assert (await w.call("POST", "threads/{thread}/identity", "farid", {"how": "pin", "passed": True}, thread=t["id"]))[0] == 404


async def test_links_and_merges(w):
    tel, other = number(), number()
    a = await w.ok("POST", "threads", "amal", {"address": tel, "name": "Amina", "happened": CALLED})
    b = await w.ok("POST", "threads", "farid", {"address": other, "name": "Amina A.", "happened": CALLED})
    one, two = a["contact"]["id"], b["contact"]["id"]
    link, unlink = "contacts/{contact}/link", "contacts/{contact}/unlink"
    assert (await w.call("POST", link, "amal", {"contact": two}, contact=one))[0] == 404  # amal does not see the other
    assert (await w.call("POST", link, "amal", {"address": other}, contact=one))[0] == 409
    extra = number()
    c = await w.ok("POST", link, "amal", {"address": extra, "channel": "sms"}, contact=one)
    assert {x["uri"] for x in c["addresses"]} == {"tel:" + tel, "tel:" + extra}
    await w.hook(extra, "from the linked number", channel="sms")
    await eventually(lambda: any(e["text"] == "from the linked number" for e in entries(w.d, w.tokens["amal"], a["id"])))
    c = await w.ok("POST", unlink, "amal", {"address": extra}, contact=one)
    assert [x["uri"] for x in c["addresses"]] == ["tel:" + tel]
    c = await w.ok("POST", link, "selin", {"contact": two}, contact=one)
    assert [m["id"] for m in c["merged"]] == [two] and {t["id"] for t in c["threads"]} == {a["id"], b["id"]}
    assert (await w.call("GET", "threads/{thread}", "amal", thread=b["id"]))[0] == 200  # one person: their other thread
    c = await w.ok("POST", unlink, "selin", {"contact": two}, contact=one)
    assert "merged" not in c and [t["id"] for t in c["threads"]] == [a["id"]]
    assert (await w.call("GET", "threads/{thread}", "amal", thread=b["id"]))[0] == 404
    assert (await w.call("POST", unlink, "selin", {"contact": two}, contact=one))[0] == 409
    assert (await w.call("POST", link, "amal", {}, contact=one))[0] == 400
    await w.ok("POST", link, "selin", {"contact": two}, contact=one)
    status, answer = await asyncio.to_thread(w.d.api, "POST", "erase", {"contact": one}, w.tokens["eraser"])
    assert status == 200, answer
    for thread in (a["id"], b["id"]):  # the person is gone, whichever of their contacts was named
        assert all(e.get("erased") or e["kind"] == "event" for e in entries(w.d, w.tokens["selin"], thread)), thread


async def test_an_address_is_not_taken_from_a_sealed_report(w):
    tel = number()
    await w.hook(tel, "I want to register")
    [first] = await w.threads_of(tel, 1)
    await w.ok("POST", "threads/{thread}/assign", "selin", {"agent": "amal"}, thread=first)
    contact = (await w.ok("GET", "threads/{thread}", "amal", thread=first))["contact"]["id"]
    await w.hook(tel, "I want to report misconduct")
    [sealed] = await eventually(lambda: [t["id"] for t in threads(w.d, w.tokens["nadia"]) if t["clearance"] == 2 and t["contact"]["id"] == contact])
    assert (await w.call("POST", "contacts/{contact}/unlink", "amal", {"address": tel}, contact=contact))[0] == 409
    assert (await w.call("POST", "threads/{thread}/entries", "nadia", {"kind": "message", "text": "We read it"}, thread=sealed))[0] == 201
    assert (await w.call("POST", "contacts/{contact}/unlink", "nadia", {"address": tel}, contact=contact))[0] == 200


async def test_what_is_not_safe_holds_for_the_whole_person(w):
    a, b = [await w.ok("POST", "threads", "amal", {"address": number(), "channel": "app", "happened": CALLED}) for _ in range(2)]
    await w.ok("POST", "threads/{thread}/safety", "amal", {"unsafe": ["app"]}, thread=a["id"])
    message = {"kind": "message", "text": "hello"}
    assert (await w.call("POST", "threads/{thread}/entries", "amal", message, thread=b["id"]))[0] == 201
    await w.ok("POST", "contacts/{contact}/link", "amal", {"contact": b["contact"]["id"]}, contact=a["contact"]["id"])
    assert (await w.call("POST", "threads/{thread}/entries", "amal", message, thread=b["id"]))[0] == 409
    await w.ok("POST", "contacts/{contact}/unlink", "amal", {"contact": b["contact"]["id"]}, contact=a["contact"]["id"])
    assert (await w.call("POST", "threads/{thread}/entries", "amal", message, thread=b["id"]))[0] == 201


async def test_a_mark_does_not_stop_focal_points(w):
    tel = number()
    await w.hook(tel, "I want to register")
    [first] = await w.threads_of(tel, 1)
    await w.ok("POST", "threads/{thread}/assign", "selin", {"agent": "amal"}, thread=first)
    contact = (await w.ok("GET", "threads/{thread}", "amal", thread=first))["contact"]["id"]
    await w.hook(tel, "I want to report misconduct")
    [sealed] = await eventually(lambda: [t["id"] for t in threads(w.d, w.tokens["nadia"]) if t["clearance"] == 2 and t["contact"]["id"] == contact])
    await w.ok("POST", "threads/{thread}/safety", "amal", {"unsafe": ["*"]}, thread=first)
    message, write = {"kind": "message", "text": "DESPITE we read your report"}, "threads/{thread}/entries"
    assert (await w.call("POST", write, "nadia", message, thread=sealed))[0] == 409
    assert (await w.call("POST", write, "nadia", {**message, "despite_unsafe": "yes"}, thread=sealed))[0] == 400
    assert (await w.call("POST", write, "amal", {**message, "despite_unsafe": True}, thread=first))[0] == 403
    assert (await w.call("POST", write, "amal", {**message, "despite_unsafe": False}, thread=first))[0] == 409
    assert (await w.call("POST", write, "nadia", {**message, "despite_unsafe": True}, thread=sealed))[0] == 201
    await eventually(lambda: [e for e in entries(w.d, w.tokens["nadia"], sealed) if e["text"] == message["text"] and e["status"] == "sent"])
    assert any(message["text"] in one["body"].decode() for one in w.receiver.got)

    async def told(token):
        page = (await asyncio.to_thread(w.d.api, "GET", "audit?limit=200", None, token))[1]["items"]
        return [x["actor"] for x in page if x["action"] == "entry.despite_unsafe" and x["object"].endswith(sealed)]
    assert await told(w.d.token(role="auditor", clearance=2)) == ["nadia"] and await told(w.tokens["auditor"]) == []


async def test_nobody_is_erased_without_clearance_where_things_are_sealed(w):
    tel = number()
    await w.hook(tel, "I want to report misconduct, all of it")
    [sealed] = await eventually(lambda: [t for t in threads(w.d, w.tokens["nadia"], q="all") if t["clearance"] == 2])
    contact, a = sealed["contact"]["id"], await w.ok("POST", "threads", "amal", {"address": number(), "happened": CALLED})
    refused = [await w.call("POST", "erase", "root", {"contact": x}) for x in ("aaaaaaaaaaaaaaaaaaaaaaaaaa", contact, a["contact"]["id"])]
    await w.ok("POST", "threads", "amal", {"address": tel, "happened": CALLED})  # partly sealed now
    refused.append(await w.call("POST", "erase", "root", {"contact": contact}))
    assert all(r == refused[0] for r in refused) and refused[0][0] == 403, refused
    assert (await w.ok("GET", "threads/{thread}", "nadia", thread=sealed["id"]))["contact"]["id"] == contact
    assert (await w.call("POST", "erase", "eraser", {"contact": contact}))[0] == 200
    assert (await w.call("POST", "erase", "eraser", {"contact": "aaaaaaaaaaaaaaaaaaaaaaaaaa"}))[0] == 404


async def test_found_by_name_by_those_who_may(w):
    t = await w.ok("POST", "threads", "amal", {"address": number(), "name": "مُحمّد Özgür", "happened": CALLED})
    for q, hits in (("محمد", 1), ("ozg", 1), ("ozg muh", 0)):
        status, page = await asyncio.to_thread(w.d.api, "GET", "contacts?name=" + urllib.parse.quote(q), None, w.tokens["selin"])
        assert status == 200 and [c["id"] for c in page["items"]] == [t["contact"]["id"]] * hits, (q, page)
    assert (await asyncio.to_thread(w.d.api, "GET", "contacts?name=x", None, w.tokens["amal"]))[0] == 403


async def test_numbers_are_not_tried_without_end(w):
    """Writing first: 20 in an hour; numbers in all: 60; whatever is known of them. A program's token may go on."""
    async def tried(who, path, body):
        status, answer, heads = await asyncio.to_thread(w.api.call, "POST", OPS + path, {}, {"address": number(), **body}, w.tokens[who])
        if status == 429:
            assert 3000 < int(heads["Retry-After"]) <= 3600 and answer["code"] == "rate", (heads, answer)
        return status
    assert [await tried("nadia", "threads", {}) for _ in range(21)] == [201] * 20 + [429]
    assert await tried("nadia", "threads", {"happened": CALLED}) == 201, "who called is entered all the same"
    assert [await tried("nadia", "contacts", {}) for _ in range(39)] == [201] * 38 + [429]
    assert await tried("nadia", "threads", {"happened": CALLED}) == 429
    assert (await w.call("POST", "threads", "nadia", {"happened": CALLED}))[0] == 201, "without a number"
    w.tokens["program"] = w.d.token(clearance=0)
    assert [await tried("program", "contacts", {}) for _ in range(61)] == [201] * 61


async def test_every_call_was_tried(w):
    assert not w.api.missing("byhand"), w.api.missing("byhand")


if __name__ == "__main__":
    run_shared(World, [v for k, v in list(globals().items()) if k.startswith("test_")])
