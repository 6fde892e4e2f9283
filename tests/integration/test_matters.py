#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Matters through the API: coding by the operation's pack, guided forms, sealing, referrals with deadlines, and ends that are guarded.
Every answer is compared with gateway/api/openapi/matters.json."""
import asyncio
import json
import secrets

import parley as p
from look import run_shared
from openapi import Api

OPS = "/api/v1/ops/{op}/"
OWN = {"base": "protection", "institutions": [{"id": "izmir_clinic", "name": {"en": "Clinic in Izmir"}, "areas": ["tr/izmir"]}],
       "referrals": [{"subject": "health", "area": "tr/izmir", "kind": "service", "to": "izmir_clinic", "hours": 12}]}


class World:
    async def open(self):
        self.d = d = p.Parley().start()
        self.receiver = await p.Receiver().start()
        self.doc = p.operation(d, pack=OWN, guard={"presume_hours": 24, "tries": 2, "days": 1})
        self.doc["channels"][1]["settings"]["url"] = self.receiver.url
        d.apply(self.doc)
        self.api = Api(d)
        roles = {"amal": "agent", "farid": "agent", "selin": "supervisor", "nadia": "focal", "yusuf": "focal", "root": "administrator", "auditor": "auditor"}
        self.tokens = {login: d.token(agent=login if login != "auditor" else "root", role=role, clearance=2 if role == "focal" else 1 if role == "supervisor" else None) for login, role in roles.items()}
        self.tokens["eraser"] = d.token(role="administrator", clearance=2)
        self.amal = await p.AgentSocket(d, self.tokens["amal"]).open()
        return self

    async def close(self, failed):
        if failed:
            print(self.d.tail(3000))
        await self.amal.close()
        self.d.close()
        await self.receiver.stop()

    async def call(self, method, path, login, args=None, body=None, **more):
        return await asyncio.to_thread(self.api.call, method, OPS + path, args or {}, body, self.tokens[login], **more)

    async def good(self, method, path, login, args=None, body=None, status=200, **more):
        got = await self.call(method, path, login, args, body, **more)
        assert got[0] == status, got[:2]
        return got[1]

    async def lacks(self, method, path, login, args=None, body=None):
        status, got, _ = await self.call(method, path, login, args, body)
        assert status == 409 and got["code"] == "guarded", (status, got)
        return got["lacks"]

    async def says(self, who, text):
        status, answer = await asyncio.to_thread(self.d.hook, {"messages": [{"id": "in-" + secrets.token_hex(6), "from": {"address": who}, "text": text}]})
        assert status == 200, answer

    async def thread(self, text="I want to register"):
        who = f"tel:+90531{secrets.randbelow(9 * 10**6) + 10**6}"
        await self.says(who, text)
        offer = await self.amal.frame("thread.offered")
        assert (await self.amal.ask("accept", thread=offer["thread"]["id"]))["type"] == "ok"
        return {"thread": offer["thread"]["id"]}, who

    async def answer(self, t, arrives="delivered", who="amal"):
        sent = await self.good("POST", "threads/{thread}/entries", who, t, {"kind": "message", "text": "come on Monday"}, 201)
        await self.amal.frame("entry.status", where=lambda f: f["entry"] == sent["id"] and f["status"] == "sent")
        if arrives:
            status, _ = await asyncio.to_thread(self.d.hook, {"statuses": [{"id": "ext-" + sent["id"], "status": arrives}]})
            assert status == 200
            await self.amal.frame("entry.status", where=lambda f: f["entry"] == sent["id"] and f["status"] == arrives)
        return sent["seq"]

    async def matter(self, t, who="amal", status=201, **body):
        return await self.good("POST", "threads/{thread}/matters", who, t, body, status)


CODED = {"type": "complaint", "subject": "cash/payment", "path": "none", "risk": "routine"}


async def a_pack_is_there_and_old_ones_stay(w):
    got = await w.good("GET", "packs", "amal")
    pack = got["pack"]
    assert [t["code"] for t in pack["types"]] == ["information_request", "referral", "report", "complaint", "advice"]
    assert any(i["id"] == "izmir_clinic" for i in pack["institutions"]) and pack["referrals"][0]["to"] == "izmir_clinic"
    assert {r["code"]: r["approved"] for r in got["reasons"]}["contact_unsafe"] is True
    for thing in pack["subjects"] + pack["types"]:
        assert set(thing["name"]) == {"en", "ar", "fa", "prs", "ps", "ur", "so", "fr", "tr"}
    t, _ = await w.thread()
    m = await w.matter(t, **CODED)
    assert m["pack"] == pack["id"] and m["area"] == "tr" if "area" in m else True
    old = await w.good("GET", "packs/{pack}", "amal", {"pack": m["pack"]})
    assert old == pack
    assert (await w.call("GET", "packs/{pack}", "amal", {"pack": "protection-9.none"}))[0] == 404
    assert (await w.call("PATCH", "threads/{thread}/matters/{matter}", "amal", {**t, "matter": m["id"]}, {"subject": "no/such"}))[0] == 400
    assert (await w.call("POST", "threads/{thread}/matters", "farid", t, CODED))[0] == 404


async def one_key_ends_an_answered_thread(w):
    t, who = await w.thread()
    assert await w.lacks("POST", "threads/{thread}/resolve", "amal", t, {}) == ["answer_none", "uncoded"]
    m = await w.matter(t, **CODED, answers={"wants": "to be paid"}, note="since March")
    assert m["answers"] == {"wants": "to be paid"} and m["state"] == "open" and m["steps"][0]["what"] == "form", m
    assert await w.lacks("POST", "threads/{thread}/resolve", "selin", t, {}) == ["answer_none"]
    await w.answer(t, None)
    got = await w.lacks("POST", "threads/{thread}/resolve", "amal", t, {"note": "must not stay"})
    assert got == ["answer_not_presumed_yet"], got
    look = await w.good("GET", "threads/{thread}/guard", "amal", t)
    assert look["presumed_at"] and look["lacks"] == ["answer_not_presumed_yet"] and look["tries_needed"] == 2, look
    entries = await w.good("GET", "threads/{thread}/entries", "amal", t)
    assert not any(e["kind"] == "note" for e in entries["items"])
    refused = await w.amal.ask("resolve", thread=t["thread"])
    assert refused["type"] == "error" and refused["code"] == "guarded", refused
    await w.answer(t)
    got = await w.good("POST", "threads/{thread}/resolve", "amal", t, {"outcome": "answered"})
    assert got["state"] == "resolved" and got["known"] == "delivered" and "reason" not in got, got
    [m] = (await w.good("GET", "threads/{thread}/matters", "amal", t))["items"]
    assert m["state"] == "ended" and m["known"] == "delivered" and m["outcome"] == "answered", m
    # Once a channel tells, what is only sent is not enough.
    await w.says(who, "one more thing")
    offer = await w.amal.frame("thread.offered", where=lambda f: f["thread"]["id"] == t["thread"])
    assert (await w.amal.ask("accept", thread=offer["thread"]["id"]))["type"] == "ok"
    await w.answer(t, None)
    assert await w.lacks("POST", "threads/{thread}/resolve", "amal", t, {}) == ["answer_undelivered"]
    assert (await w.call("POST", "threads/{thread}/resolve", "amal", t, {"reason": "erased"}))[0] == 400
    assert await w.lacks("POST", "threads/{thread}/resolve", "amal", t, {"reason": "unreachable"}) == ["tries"]
    await w.good("POST", "threads/{thread}/tries", "amal", t, {"channel": "phone", "why": "no_answer"})
    got = await w.good("POST", "threads/{thread}/safety", "amal", t, {"unsafe": ["phone", "app"]})
    assert got["unsafe"] == ["phone", "app"] and got["tries"] == 2, got
    assert (await w.call("POST", "threads/{thread}/tries", "amal", t, {"channel": "phone", "why": "no_answer"}))[0] == 403
    assert (await w.call("POST", "threads/{thread}/entries", "amal", t, {"kind": "message", "text": "hello?"}))[0] == 409
    got = await w.good("POST", "threads/{thread}/resolve", "amal", t, {"reason": "unreachable"})
    assert got["reason"] == got["outcome"] == "unreachable" and got["known"] == "reason", got


async def a_focal_point_approves_what_needs_it(w):
    t, _ = await w.thread()
    await w.matter(t, **CODED)
    got = await w.good("POST", "threads/{thread}/resolve", "amal", t, {"reason": "wants_no_answer"})
    assert got["state"] == "assigned" and got["ending"]["reason"] == "wants_no_answer" and got["ending"]["by"] == "amal", got
    for who, status in (("amal", 403), ("selin", 403), ("root", 403)):
        assert (await w.call("POST", "threads/{thread}/approve", who, t, {"yes": True}))[0] == status, who
    waiting = await w.good("GET", "ends", "nadia")
    assert [x["id"] for x in waiting["items"]] == [t["thread"]]
    got = await w.good("POST", "threads/{thread}/approve", "nadia", t, {"yes": True})
    assert got["state"] == "resolved" and got["reason"] == "wants_no_answer" and "ending" not in got, got
    assert (await w.good("GET", "ends", "nadia"))["items"] == []


async def what_is_sealed_is_gone_for_others(w):
    t, _ = await w.thread("a man from the office asked me for something")
    m = await w.matter(t, **CODED, note="he asked for money")
    where = {**t, "matter": m["id"]}
    got = await w.good("PATCH", "threads/{thread}/matters/{matter}", "amal", where, {"path": "sea", "type": "report"})
    assert got == {"id": m["id"], "thread": t["thread"], "sealed": True}, got
    for who in ("amal", "selin"):
        assert (await w.good("GET", "threads/{thread}/matters", who, t))["items"] == []
        missing = await w.call("GET", "threads/{thread}/matters/{matter}", who, {**t, "matter": "nothing"})
        hidden = await w.call("GET", "threads/{thread}/matters/{matter}", who, where)
        assert hidden[:2] == missing[:2] and hidden[0] == 404
        for verb, body in (("end", {"reason": "spam"}), ("reopen", {}), ("referrals", {"kind": "support", "to": "gbv_services", "hours": 24})):
            assert (await w.call("POST", "threads/{thread}/matters/{matter}/" + verb, who, where, body))[0] == 404
    assert m["id"] not in json.dumps(await w.good("GET", "matters", "selin")) and m["id"] not in json.dumps(await w.good("GET", "referrals", "selin"))
    got = await w.good("GET", "threads/{thread}/matters/{matter}", "nadia", where)
    assert got["clearance"] == 2 and got["note"] == "he asked for money" and got["path"] == "sea", got
    assert m["id"] in json.dumps(await w.good("GET", "matters", "nadia", query={"state": "open"}))
    audit = await w.good("GET", "audit", "auditor", query={"limit": 200})
    assert any(a["action"] == "matter.read" and a["actor"] == "nadia" for a in audit["items"]) or audit["next"]
    await w.good("POST", "threads/{thread}/matters/{matter}/end", "nadia", where, {"reason": "duplicate"})  # asks another focal point
    got = await w.good("GET", "threads/{thread}/matters/{matter}", "yusuf", where)
    assert got["state"] == "asked" and got["by"] == "nadia", got
    assert (await w.call("POST", "threads/{thread}/matters/{matter}/approve", "nadia", where, {"yes": True}))[0] == 403
    await w.good("POST", "threads/{thread}/matters/{matter}/approve", "yusuf", where, {"yes": False})
    await w.answer(t)
    assert await w.lacks("POST", "threads/{thread}/matters/{matter}/end", "nadia", where, {}) == ["support", "accountability"]
    await w.good("PATCH", "threads/{thread}/matters/{matter}", "nadia", where, {"support": "declined"})
    got = await w.good("POST", "threads/{thread}/matters/{matter}/referrals", "nadia", where, {"kind": "accountability", "to": "investigation", "hours": 72})
    [r] = got["referrals"]
    assert r["anonymous"] and r["state"] == "made" and r["due"], r
    assert [x["id"] for x in (await w.good("GET", "referrals", "nadia", query={"state": "open"}))["items"]] == [r["id"]]
    assert await w.lacks("POST", "threads/{thread}/matters/{matter}/end", "nadia", where, {}) == ["referral_open", "accountability"]
    for state in ("accepted", "done"):
        await w.good("POST", "threads/{thread}/matters/{matter}/referrals/{referral}", "nadia", {**where, "referral": r["id"]}, {"state": state})
    got = await w.good("POST", "threads/{thread}/matters/{matter}/end", "nadia", where, {"outcome": "passed_on"})
    assert got["state"] == "ended" and [s["what"] for s in got["steps"]][-2:] == ["referral_done", "ended"], got
    # The thread is as if it had never been.
    assert await w.lacks("POST", "threads/{thread}/resolve", "amal", t, {}) == ["uncoded"]


async def several_matters_in_one_thread(w):
    t, _ = await w.thread()
    one = await w.matter(t, **CODED)
    two = await w.matter(t, **{**CODED, "subject": "health/access"})
    answer = await w.answer(t)
    assert await w.lacks("POST", "threads/{thread}/resolve", "amal", t, {}) == ["matters_open"]
    got = await w.good("POST", "threads/{thread}/matters/{matter}/end", "amal", {**t, "matter": one["id"]}, {"answer": answer})
    assert got["state"] == "ended"
    where = {**t, "matter": two["id"]}
    stale = await w.call("PATCH", "threads/{thread}/matters/{matter}", "amal", where, {"risk": "high", "version": 9})
    assert stale[0] == 409
    got = await w.good("POST", "threads/{thread}/matters/{matter}/referrals", "amal", where, {"kind": "service", "to": "health_partner", "hours": 24})
    assert got["referrals"][0]["anonymous"] is False
    for body in ({"kind": "service", "to": "nobody", "hours": 24}, {"kind": "service", "to": "health_partner", "hours": 0}):
        assert (await w.call("POST", "threads/{thread}/matters/{matter}/referrals", "amal", where, body))[0] == 400
    assert await w.lacks("POST", "threads/{thread}/resolve", "amal", t, {}) == ["referral_open"]
    moved = {**where, "referral": got["referrals"][0]["id"]}
    await w.good("POST", "threads/{thread}/matters/{matter}/referrals/{referral}", "amal", moved, {"state": "refused"})
    assert (await w.call("POST", "threads/{thread}/matters/{matter}/referrals/{referral}", "amal", moved, {"state": "done"}))[0] == 409
    got = await w.good("POST", "threads/{thread}/resolve", "amal", t, {})
    assert got["state"] == "resolved"
    assert (await w.call("POST", "threads/{thread}/matters", "selin", t, CODED))[0] == 409
    assert (await w.call("POST", "threads/{thread}/matters/{matter}/reopen", "selin", where, {}))[0] == 409


async def erased_means_unread(w):
    t, _ = await w.thread()
    m = await w.matter(t, **CODED, note="something very private")
    contact = (await w.good("GET", "threads/{thread}", "selin", t))["contact"]["id"]
    await w.good("POST", "erase", "eraser", body={"contact": contact})
    got = await w.call("GET", "threads/{thread}/matters", "selin", t)
    assert got[0] == 200 and got[1]["items"][0]["note"] == "" and got[1]["items"][0]["reason"] == "erased" and m["id"] == got[1]["items"][0]["id"], got


async def who_may_not_is_refused(w):
    for path in ("packs", "matters", "referrals", "ends"):
        assert (await w.call("GET", path, "auditor"))[0] == 403, path
    for path in ("matters", "referrals", "ends"):
        assert (await w.call("GET", path, "amal"))[0] == 403, path
    nowhere = {"thread": "a" * 26}
    for method, path, body in (("GET", "matters", None), ("GET", "guard", None), ("POST", "tries", {"channel": "phone", "why": "busy"}), ("POST", "safety", {"unsafe": []}),
                               ("POST", "matters", CODED)):
        assert (await w.call(method, "threads/{thread}/" + path, "amal", nowhere, body))[0] == 404, path
    t, _ = await w.thread()
    m = await w.matter(t, **CODED)
    where = {**t, "matter": m["id"]}
    assert (await w.call("POST", "threads/{thread}/matters/{matter}/end", "farid", where, {"reason": "spam"}))[0] == 404
    await w.good("POST", "threads/{thread}/matters/{matter}/end", "amal", where, {"reason": "answered_in_person"})
    got = await w.good("POST", "threads/{thread}/matters/{matter}/reopen", "amal", where, {})
    assert got["state"] == "open" and [s["what"] for s in got["steps"]] == ["coded", "ended", "reopened"], got


async def the_same_key_shows_what_is_there_now(w):
    t, _ = await w.thread()
    key = {"Idempotency-Key": "k" + secrets.token_hex(8)}
    one = await w.good("POST", "threads/{thread}/matters", "amal", t, {**CODED, "note": "first"}, 201, headers=key)
    await w.good("PATCH", "threads/{thread}/matters/{matter}", "amal", {**t, "matter": one["id"]}, {"note": "second"})
    two = await w.good("POST", "threads/{thread}/matters", "amal", t, {**CODED, "note": "first"}, 201, headers=key)
    assert two["id"] == one["id"] and two["note"] == "second", two


async def wrong_packs_are_refused_with_their_place(w):
    for pack, place in (({"base": "nothing"}, "/pack/base"), ("nothing", "/pack"), ({"base": "protection", "referrals": [{"kind": "service", "to": "x", "hours": 1}]}, "/pack/referrals/0/to"),
                        ({"base": "protection", "subjects": [{"code": "a/b", "name": {"en": "x"}}]}, "/pack/subjects/0"), ({"pack": "own", "version": 1}, "/pack")):
        try:
            w.d.apply({**w.doc, "pack": pack})
            raise AssertionError(pack)
        except Exception as e:  # noqa: BLE001: the tool's own
            assert place in str(e), (pack, e)
    assert not w.api.missing("matters"), w.api.missing("matters")


run_shared(World, [a_pack_is_there_and_old_ones_stay, one_key_ends_an_answered_thread, a_focal_point_approves_what_needs_it, what_is_sealed_is_gone_for_others,
                   several_matters_in_one_thread, erased_means_unread, who_may_not_is_refused, the_same_key_shows_what_is_there_now,
                   wrong_packs_are_refused_with_their_place])
