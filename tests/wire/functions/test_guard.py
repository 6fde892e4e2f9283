#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The guard: no way leads to an end without an answer that arrived or a recorded reason. Cases by hand, then random traces by all roles,
compared after each step with the rules restated here."""
import random
import struct
import time

from functions import Refused, run

BOT, WAITING, OFFERED, ASSIGNED, SNOOZED, RESOLVED = range(6)
MESSAGE, EDIT, DELETION, REACTION, NOTE, CALL = range(6)
PERSON, AGENT, ROBOT, SYSTEM = range(4)
STORED, SENT, DELIVERED, READ, FAILED, UNKNOWN = range(6)
HOUR, DAY = 3600000, 86400000
GROUP = "g" * 22
CODED = ["type", "complaint", "subject", "cash/appeal", "risk", "routine", "path", "none"]


def agents(s):
    for name, roles, cl, off in (("amal", "agent", 0, 0), ("selin", "agent supervisor", 1, 0), ("nadia", "agent focal", 2, 0),
                                 ("yusuf", "agent focal", 2, 0), ("low", "focal", 0, 0), ("gone", "focal", 2, 1)):
        s.call("agent_put", name, "boss", off, "x", "sealed", "cp", 9, "cl", cl, "ro", roles)


def thread(s, tid, clearance=0, st=ASSIGNED):
    now = s.now()
    s.r.hset(s.key("contact:c" + tid[1:]), mapping={"k": 7, "v": 1, "T": tid})
    s.r.hset(s.key("thread:" + tid), mapping={"c": "c" + tid[1:], "k": 7, "st": st, "as": "amal" if st == ASSIGNED else "", "v": 1, "n": 0,
                                              "cl": clearance, "op": now, "wt": now, "ar": "tr"})
    if st == ASSIGNED:
        s.r.sadd(s.key("held:amal"), tid)


T1, T2 = "thread01", "thread02"


def entry(s, tid, inbound=False, kind=MESSAGE, author=AGENT, channel="tg", ago=0, status=None, sent_ago=None, target=None):
    """As ingest or write put it there; its number."""
    key = s.key("thread:" + tid)
    seq = s.r.hincrby(key, "n", 1)
    if inbound:
        s.r.hset(key, "li", seq)
    now = s.now()
    head = struct.pack(">B", 1) + (now - ago).to_bytes(6, "big")
    flags = 4 if target else 0
    v = head + bytes([kind + 8 * inbound + 16 * (PERSON if inbound else author), flags, len(channel)]) + channel.encode() + b"\0"
    if target:
        v += tid.encode() + struct.pack(">I", target)
    s.r.hset(s.key("log:" + tid), seq, v + b"sealed")
    if status is not None:
        set_status(s, tid, seq, status, sent_ago)
    return seq


def set_status(s, tid, seq, status, sent_ago=None):
    timed = status == SENT and sent_ago is not None
    v = bytes([status, 1, 0, 2 if timed else 0, 0]) + (struct.pack(">I", (s.now() - sent_ago) // 1000) if timed else b"") + b"\0\0"
    s.r.hset(s.key("log:" + tid), "s%d" % seq, v)


def settings(s, pack=0, hours=24, tries=3, days=2, *tells):
    s.call("guard_put", 1, hours, tries, days, pack, *tells)


def lacks(s, name, *args):
    """What the guard finds lacking; '' when it is done; another refusal as its word."""
    try:
        s.call(name, *args)
    except Refused as e:
        return str(e).split(" ", 1)[1] if e.word == "GUARDED" else e.word
    return ""


def resolve(s, tid, reason="", who="amal", outcome=""):
    return lacks(s, "resolve", tid, who, outcome, reason)


def state(s, tid):
    return int(s.hash("thread:" + tid)["st"])


def matter(s, tid, mid, who="amal", version=0, clearance=0, sealed="", *coded):
    return s.call("matter_put", tid, GROUP + tid[-4:], mid, version, who, 7, clearance, sealed, "coded", *coded)


def facets(s, kind, ident):
    v = s.r.get(s.key("rec:%s:%s" % (kind, ident)))
    at = 1 + 4 + 6 + 1 + 8 + 8 + 4
    group = v[at]
    n = struct.unpack(">H", v[at + 1 + group:at + 3 + group])[0]
    return dict(w.split("=", 1) for w in v[at + 3 + group:at + 3 + group + n].decode().split())


def test_an_answer_that_arrived(s):
    agents(s)
    settings(s, 0, 24, 3, 2, "web")
    for status, channel, sent_ago, expect in (
            (DELIVERED, "web", None, ""), (READ, "tg", None, ""), (STORED, "web", None, "answer_pending"), (FAILED, "tg", None, "answer_failed"),
            (UNKNOWN, "tg", None, "answer_failed"), (SENT, "web", 48 * HOUR, "answer_undelivered"), (SENT, "tg", 23 * HOUR, "answer_not_presumed_yet"),
            (SENT, "tg", 25 * HOUR, "")):
        s.r.delete(s.key("thread:" + T1), s.key("log:" + T1))
        thread(s, T1)
        assert resolve(s, T1) == "answer_none"
        entry(s, T1, inbound=True)
        entry(s, T1, author=SYSTEM, status=READ)  # a notice is no answer
        entry(s, T1, kind=NOTE)
        assert resolve(s, T1) == "answer_none"
        entry(s, T1, channel=channel, status=status, sent_ago=sent_ago)
        entry(s, T1, inbound=True, kind=REACTION)  # a thumb is no new question
        assert resolve(s, T1) == expect, (status, channel, resolve(s, T1))
        if expect:
            assert state(s, T1) == ASSIGNED and not s.hash("thread:" + T1).get("ev")
        else:
            h = s.hash("thread:" + T1)
            assert h["ev"] == {DELIVERED: "delivered", READ: "read", SENT: "presumed"}[status] and "rn" not in h, h


def test_what_has_become_unsafe_does_not_go_out(s):
    """Written, or to be tried again, before it was known."""
    agents(s)
    for n, (words, goes) in enumerate((("", True), ("web tg2", True), ("tg", False), ("web tg", False), ("*", False))):
        tid, blind = "thread%02d" % n, "%016d" % n
        thread(s, tid)
        if words:
            s.call("contact_safety", "c" + tid[1:], "amal", words)
        if words == "web tg":  # said of the one, and the other is the same person
            other = "d" + tid[1:]
            s.r.hset(s.key("contact:" + other), mapping={"k": 7, "v": 1, "me": "c" + tid[1:]})
            s.r.hset(s.key("contact:c" + tid[1:]), "me", other)
            s.r.hset(s.key("thread:" + tid), "c", other)
        seq = s.r.hincrby(s.key("thread:" + tid), "n", 1)
        head = struct.pack(">B", 1) + s.now().to_bytes(6, "big") + bytes([16 * AGENT, 8, 2]) + b"tg\0" + blind.encode()
        s.r.hset(s.key("log:" + tid), mapping={seq: head + b"sealed", "s%d" % seq: bytes([STORED, 1, 0, 0, 0, 0, 0])})
        item = tid.encode() + struct.pack(">I", seq)
        s.r.rpush(s.key("outq:tg:" + blind), item)
        s.r.zadd(s.key("out:tg"), {blind: s.now() - 1})
        taken = s.call("out_take", "tg", 0, 10)[1:]
        assert [t[0] for t in taken] == ([item] if goes else []), (words, taken)
        assert (s.r.hget(s.key("log:" + tid), "s%d" % seq)[0] == FAILED) == (not goes), words
        assert s.r.exists(s.key("outq:tg:" + blind)) == goes
        set_status(s, tid, seq, FAILED)
        assert s.refused("retry", tid, seq, "amal", b"nn") == ("" if goes else "CONFLICT"), words


def test_what_was_said_since_counts(s):
    agents(s)
    thread(s, T1)
    entry(s, T1, inbound=True)
    answer = entry(s, T1, status=READ)
    entry(s, T1, inbound=True)
    assert resolve(s, T1) == "answer_none"
    again = entry(s, T1, status=DELIVERED)
    gone = entry(s, T1, kind=DELETION, status=FAILED, target=again)  # it could not be taken back
    assert s.call("guard_look", T1, "")[0] == b"delivered"
    set_status(s, T1, gone, SENT)
    assert resolve(s, T1) == "answer_none" and answer
    entry(s, T1, author=ROBOT, status=READ)  # "a person will come" is no answer
    assert resolve(s, T1) == "answer_none"
    entry(s, T1, status=READ)
    for _ in range(250):  # moves: long ones are looked through
        s.r.hset(s.key("log:" + T1), s.r.hincrby(s.key("thread:" + T1), "n", 1), "\0001 offered router - -")
    assert resolve(s, T1) == ""
    s.call("reopen", T1, "amal")
    h = s.hash("thread:" + T1)
    assert "ev" not in h and "oc" not in h


def test_the_bot_answers_where_it_has_the_thread(s):
    agents(s)
    thread(s, T1, st=BOT)
    entry(s, T1, inbound=True)
    entry(s, T1, author=ROBOT, status=DELIVERED)
    s.call("assign", T1, 0, "amal", "amal")
    assert resolve(s, T1) == "answer_none"  # handed over: a person has to
    thread(s, T2, st=BOT)
    entry(s, T2, inbound=True)
    entry(s, T2, author=ROBOT, status=DELIVERED)
    assert resolve(s, T2, who="bot") == "" and s.hash("thread:" + T2)["ev"] == "delivered"


def test_channels_are_known_by_what_they_told(s):
    agents(s)
    settings(s)
    thread(s, T1)
    entry(s, T1, inbound=True)
    first = entry(s, T1, channel="wa", status=STORED)
    assert not s.r.hexists(s.key("guard"), "tells:wa")
    s.call("status_set", T1, first, 0, DELIVERED, "n1")
    assert s.r.hexists(s.key("guard"), "tells:wa")
    entry(s, T1, inbound=True)
    entry(s, T1, channel="wa", status=SENT, sent_ago=99 * HOUR)
    assert resolve(s, T1) == "answer_undelivered"


def test_reasons(s):
    agents(s)
    thread(s, T1)
    entry(s, T1, inbound=True)
    assert resolve(s, T1, "erased") == "INVALID" and resolve(s, T1, "whatever") == "INVALID"
    assert resolve(s, T1, "nothing_to_answer") == ""
    h = s.hash("thread:" + T1)
    assert (h["rn"], h["ev"], h["oc"]) == ("nothing_to_answer", "reason", "nothing_to_answer")
    audit = s.stream("audit")[-1][1]
    assert audit["x"] == "thread.resolved" and "nothing_to_answer" in audit["d"]


def test_a_focal_point_approves(s):
    agents(s)
    for reason in ("wants_no_answer", "contact_unsafe"):
        s.r.delete(s.key("thread:" + T1), s.key("log:" + T1))
        thread(s, T1)
        entry(s, T1, inbound=True)
        assert resolve(s, T1, reason) == "" and state(s, T1) == ASSIGNED
        assert [x[0] for x in s.call("ends", 9)] == [T1.encode()]
        for who in ("amal", "selin", "admin", "gone", "nobody"):
            assert lacks(s, "end_approve", T1, who, 1) == "FORBIDDEN", who
        s.call("end_approve", T1, "nadia", 0)
        assert state(s, T1) == ASSIGNED and lacks(s, "end_approve", T1, "nadia", 1) == "CONFLICT"
        assert resolve(s, T1, reason, who="nadia") == ""
        assert lacks(s, "end_approve", T1, "nadia", 1) == "FORBIDDEN"  # not who asked for it
        entry(s, T1, inbound=True)  # they write: what was asked for is over
        assert lacks(s, "end_approve", T1, "yusuf", 1) == "approval"
        assert resolve(s, T1, reason, who="amal", outcome="closed") == ""
        s.call("end_approve", T1, "yusuf", 1)
        h = s.hash("thread:" + T1)
        assert (h["st"], h["rn"], h["ap"], h["oc"]) == ("5", reason, "yusuf", "closed") and "pe" not in h
        assert s.call("ends", 9) == []


def test_unreachable_needs_tries_that_are_safe(s):
    agents(s)
    settings(s)
    thread(s, T1)
    entry(s, T1, inbound=True, ago=5 * DAY)
    assert resolve(s, T1, "unreachable") == "tries"
    for day in (3, 3):
        entry(s, T1, status=FAILED, ago=day * DAY)
    s.call("guard_try", T1, "amal", "phone", "no_answer")
    assert resolve(s, T1, "unreachable") == ""
    s.call("reopen", T1, "amal")
    assert resolve(s, T1, "unreachable") == "tries"  # the logged one is gone with the end
    s.call("contact_safety", "c" + T1[1:], "amal", "phone sms")
    assert s.refused("guard_try", T1, "amal", "phone", "no_answer") == "FORBIDDEN"
    s.call("guard_try", T1, "amal", "tg", "no_answer")
    s.call("contact_safety", "c" + T1[1:], "amal", "*")
    assert s.refused("guard_try", T1, "amal", "tg", "no_answer") == "FORBIDDEN"
    s.call("contact_safety", "c" + T1[1:], "amal", "")
    assert s.refused("guard_try", T1, "amal", "tg", "no_answer") == ""


def test_a_pack_wants_a_code(s):
    agents(s)
    settings(s, 1)
    thread(s, T1)
    entry(s, T1, inbound=True)
    entry(s, T1, status=READ)
    assert resolve(s, T1) == "uncoded" and resolve(s, T1, "nothing_to_answer") == "uncoded"
    matter(s, T1, "m1", "amal", 0, 0, "", "type", "complaint")
    assert resolve(s, T1) == "uncoded"
    matter(s, T1, "m1", "amal", 1, 0, "", *CODED)
    assert resolve(s, T1) == ""  # one key: the matter ends with its thread
    f = facets(s, "matter", "m1")
    assert f["state"] == "ended" and f["known"] == "read" and f["subject"] == "cash/appeal", f
    steps = [facets(s, "matter_step", "m1.%d" % i)["what"] for i in (1, 2, 3)]
    assert steps == ["coded", "coded", "ended"]
    assert s.refused("matter_put", T1, GROUP + T1[-4:], "m2", 0, "amal", 7, 0, "", "coded", *CODED) == "CONFLICT"
    thread(s, T2)
    entry(s, T2, inbound=True)
    assert resolve(s, T2, "spam") == ""


def test_several_matters_end_by_themselves(s):
    agents(s)
    thread(s, T1)
    first = entry(s, T1, inbound=True)
    matter(s, T1, "m1", "amal", 0, 0, "", *CODED)
    answer = entry(s, T1, status=READ)
    entry(s, T1, inbound=True)
    matter(s, T1, "m2", "amal", 0, 0, "", *CODED)
    assert resolve(s, T1, "answered_in_person") == "matters_open"
    assert lacks(s, "matter_end", T1, "m2", "amal", "", "", "") == "answer_none"
    assert lacks(s, "matter_end", T1, "m2", "amal", "", "", answer + 90) == "answer_none"
    assert lacks(s, "matter_end", T1, "m1", "amal", "", "", first) == "answer_none"  # that was theirs
    s.call("matter_end", T1, "m1", "amal", "answered", "", answer)
    entry(s, T1, status=DELIVERED)
    assert resolve(s, T1) == ""
    assert facets(s, "matter", "m2")["known"] == "delivered"
    assert s.refused("matter_reopen", T1, "m1", "amal") == "CONFLICT"
    s.call("reopen", T1, "amal")
    s.call("matter_reopen", T1, "m1", "amal")
    assert facets(s, "matter", "m1")["state"] == "open" and resolve(s, T1) == ""


def test_misconduct_is_seen_to(s):
    agents(s)
    thread(s, T1, clearance=2)
    entry(s, T1, inbound=True)
    entry(s, T1, status=READ)
    matter(s, T1, "m1", "nadia", 0, 2, "sealed", *(CODED[:-1] + ["sea"]))
    assert resolve(s, T1, who="nadia") == "support accountability"
    assert resolve(s, T1, "spam", who="nadia") == "approval"
    assert lacks(s, "matter_put", T1, GROUP + T1[-4:], "m1", 1, "amal", 7, 2, "", "coded", "path", "none") == "FORBIDDEN"
    ref = s.call("refer", T1, "m1", "nadia", "accountability", "investigator", s.now() + 72 * HOUR, "")[0].decode()
    f = facets(s, "referral", ref)
    assert f["anon"] == "1" and f["state"] == "made", f  # nobody has agreed to be named
    assert s.r.get(s.key("rec:referral:" + ref))[20:28] == b"\0" * 8
    assert resolve(s, T1, who="nadia") == "referral_open support accountability"
    assert s.refused("referral_move", T1, "m1", ref, "nadia", "done") == "CONFLICT"
    s.call("referral_move", T1, "m1", ref, "nadia", "accepted")
    s.call("referral_move", T1, "m1", ref, "nadia", "done")
    v = int(s.call("record_get", "matter", "m1")[0][1])
    matter(s, T1, "m1", "nadia", v, 2, "", "support", "declined")
    assert resolve(s, T1, who="nadia") == ""


def test_referrals_go_in_no_circle(s):
    agents(s)
    thread(s, T1)
    entry(s, T1, inbound=True)
    matter(s, T1, "m1", "amal", 0, 0, "", *CODED)
    due = s.now() + DAY
    a = s.call("refer", T1, "m1", "amal", "service", "a", due, "")[0]
    assert s.refused("refer", T1, "m1", "amal", "service", "a", due, "") == "CONFLICT"
    assert s.refused("refer", T1, "m1", "amal", "service", "b", due, "m1.9") == "NOT_FOUND"
    s.call("referral_move", T1, "m1", a, "amal", "refused")
    b = s.call("refer", T1, "m1", "amal", "service", "b", due, a)[0]
    s.call("referral_move", T1, "m1", b, "amal", "accepted")
    s.call("referral_move", T1, "m1", b, "amal", "refused")
    assert s.refused("refer", T1, "m1", "amal", "service", "a", due, b) == "CONFLICT"
    s.call("refer", T1, "m1", "amal", "service", "c", due, b)
    assert s.refused("record_put", "matter", "m1", "", 0, 0, "", 0, "", "state=ended", "", "x", "", "") == "FORBIDDEN"
    assert s.refused("record_delete", "matter", "m1", "", "x", "") == "FORBIDDEN"


def test_sealed_is_apart(s):
    agents(s)
    settings(s, 1)
    thread(s, T1)
    entry(s, T1, inbound=True)
    entry(s, T1, status=READ)
    matter(s, T1, "m1", "amal", 0, 0, "sealed", *CODED)
    assert s.refused("matter_put", T1, GROUP + T1[-4:], "m1", 1, "amal", 7, 2, "", "coded") == "INVALID"  # another class key
    matter(s, T1, "m1", "amal", 1, 2, "sealed anew", "path", "sea")
    assert s.refused("matter_put", T1, GROUP + T1[-4:], "m1", 2, "amal", 7, 0, "sealed", "coded") == "FORBIDDEN"
    assert resolve(s, T1) == "uncoded"  # as if it were not there
    matter(s, T1, "m2", "amal", 0, 0, "", *CODED)
    assert resolve(s, T1) == ""
    assert facets(s, "matter", "m1")["state"] == "open"
    assert resolve(s, T1) == "CONFLICT"


def test_erasing_is_never_held_up(s):
    agents(s)
    settings(s, 1)
    thread(s, T1)
    entry(s, T1, inbound=True)
    matter(s, T1, "m1", "amal", 0, 0, "sealed", *CODED)
    s.call("refer", T1, "m1", "amal", "service", "a", s.now() + DAY, "")
    s.call("erase_begin", "c" + T1[1:], "admin")
    s.call("erase_thread", T1, "admin")
    h, f = s.hash("thread:" + T1), facets(s, "matter", "m1")
    assert h["rn"] == "erased" and f["state"] == "ended" and f["reason"] == "erased"
    raw = s.r.get(s.key("rec:matter:m1"))
    assert b"sealed" not in raw and raw[20:28] == b"\0" * 8
    assert not s.r.exists(s.key("recc:c" + T1[1:]))


# ---- random traces against the rules, restated ----

class World:
    """What the rules need to know, kept beside the store."""
    NEEDS = {"sea": {"support", "accountability"}, "fraud": {"accountability"}, "gbv": {"support"}}
    FOCAL = {"nadia": 2, "yusuf": 2, "low": 0}
    REASONS = {"answered_in_person", "nothing_to_answer", "duplicate", "spam", "unreachable", "wants_no_answer", "contact_unsafe"}

    def __init__(self, s, clearance, pack):
        self.entries, self.matters, self.tries = [], {}, []
        self.cl, self.pack, self.resolved, self.asked, self.bot = clearance, pack, False, None, False

    def answers(self):
        return (AGENT, ROBOT) if self.bot else (AGENT,)

    def li(self):
        return max((e["seq"] for e in self.entries if e["inbound"]), default=0)

    def answered(self, now, since=None, only=None):
        said = max((e["seq"] for e in self.entries if e["inbound"] and e["kind"] in (MESSAGE, EDIT, CALL)), default=0)
        floor = since if since is not None else (0 if only else said)
        back = {e["target"] for e in self.entries if e["kind"] == DELETION and not e["inbound"] and e["status"] not in (FAILED, UNKNOWN)}
        mine = [e for e in self.entries if e["kind"] == MESSAGE and not e["inbound"] and e["author"] in self.answers() and e["status"] is not None
                and e["seq"] > floor and e["seq"] not in back and (only is None or e["seq"] == only)]
        if not mine:
            return "answer_none"
        e = mine[-1]
        if e["status"] in (DELIVERED, READ):
            return ""
        if e["status"] == STORED:
            return "answer_pending"
        if e["status"] != SENT:
            return "answer_failed"
        if e["channel"] == "web":
            return "answer_undelivered"
        return "" if e["sent_ago"] >= 24 * HOUR else "answer_not_presumed_yet"

    def enough_tries(self):
        said = max((e for e in self.entries if e["inbound"] and e["kind"] in (MESSAGE, EDIT, CALL)), key=lambda e: e["seq"], default=None)
        after = said["seq"] if said else 0
        times = [e["time"] for e in self.entries if e["seq"] > after and e["kind"] == MESSAGE and not e["inbound"] and e["author"] in self.answers()
                 and e["status"] in (SENT, FAILED, UNKNOWN)]
        times += [x for x in self.tries if not said or x >= said["time"]]
        return len(times) >= 3 and len({x // DAY for x in times}) >= 2

    def reason(self, reason, approved):
        if reason in ("wants_no_answer", "contact_unsafe") and not approved:
            return {"approval"}
        return {"tries"} if reason == "unreachable" and not self.enough_tries() else set()

    def matter_lacks(self, m, now, reason, answer=None, approved=False, covered=False):
        out, free = set(), reason in ("spam", "duplicate")
        if not free:
            if not (m.get("type") and m.get("subject") and m.get("risk")):
                out.add("uncoded")
            done = {r["kind"] for r in m["refs"] if r["state"] == "done"} | ({"support"} if m.get("support") else set())
            if any(r["state"] in ("made", "accepted") for r in m["refs"]):
                out.add("referral_open")
            out |= self.NEEDS.get(m.get("path"), set()) - done
        if reason:
            out |= self.reason(reason, approved or covered)
            if free and m.get("path") in self.NEEDS and not approved:
                out.add("approval")
        else:
            out |= {self.answered(now, m["li"] if answer is None else m["li"], answer)} - {""}
        return out

    def lacks(self, now, reason, approved=False):
        out = self.reason(reason, approved) if reason else {self.answered(now)} - {""}
        shown = [m for m in self.matters.values() if m["cl"] <= self.cl]
        if self.pack and not any(m.get("type") and m.get("subject") for m in shown) and reason not in ("spam", "duplicate"):
            out.add("uncoded")
        left = [m for m in shown if m["state"] != "ended"]
        if len(left) == 1 and left[0]["state"] == "open":
            covered = reason in ("wants_no_answer", "contact_unsafe")
            out |= self.matter_lacks(left[0], now, reason, covered=covered)
        elif left:
            out.add("matters_open")
        return out

    def may_approve(self, who, asker, clearance, li):
        return who != asker and self.FOCAL.get(who, -1) >= clearance and li == self.li()


def told(s, name, *args):
    got = lacks(s, name, *args)
    return got if got in ("", "CONFLICT", "FORBIDDEN", "INVALID", "NOT_FOUND") else set(got.split())


def some_entry(s, rnd, tid, w):
    e = {"inbound": rnd.random() < 0.3, "kind": rnd.choice([MESSAGE] * 6 + [EDIT, DELETION, REACTION, NOTE, CALL]), "author": rnd.choice([AGENT, AGENT, ROBOT, SYSTEM]),
         "channel": rnd.choice(["web", "tg"]), "ago": rnd.choice([0, 0, DAY, 2 * DAY]), "status": None, "sent_ago": None, "target": None}
    if not e["inbound"] and e["kind"] in (MESSAGE, DELETION):
        e["status"] = rnd.choice([None, STORED, SENT, SENT, DELIVERED, READ, FAILED, UNKNOWN])
        e["sent_ago"] = rnd.choice([HOUR, 30 * HOUR])
    if e["kind"] == DELETION and w.entries:
        e["target"] = rnd.choice(w.entries)["seq"]
    e["seq"] = entry(s, tid, **{k: v for k, v in e.items() if k != "seq"})
    e["time"] = s.now() - e["ago"]
    w.entries.append(e)


def a_matter(s, rnd, tid, w, who):
    if w.matters and rnd.random() < 0.6:
        mid = rnd.choice(list(w.matters))
        m = w.matters[mid]
        version = int(s.call("record_get", "matter", mid)[0][1])
    else:
        mid, m, version = "m%d%s" % (len(w.matters), tid[-2:]), {"state": "open", "refs": [], "cl": w.cl, "li": w.li()}, 0
        if w.resolved:
            assert s.refused("matter_put", tid, GROUP + tid[-4:], mid, 0, who, 7, w.cl, "x", "coded") == "CONFLICT"
            return
    codes = {k: rnd.choice(v) for k, v in (("type", ["report", "complaint"]), ("subject", ["cash"]), ("risk", ["routine"]),
                                           ("path", ["none", "none", "sea", "fraud", "gbv"]), ("support", ["declined", ""])) if rnd.random() < 0.7}
    cl = m["cl"] if rnd.random() < 0.9 else 2
    got = told(s, "matter_put", tid, GROUP + tid[-4:], mid, version, who, 7, cl, "x" if cl > m["cl"] or not version else "", "coded",
               *[x for kv in codes.items() for x in kv])
    if m["state"] == "ended" and cl == m["cl"]:
        assert got == "CONFLICT", got
    elif m.get("path") in w.NEEDS and codes.get("path", m["path"]) != m["path"] and w.FOCAL.get(who, -1) < m["cl"]:
        assert got == "FORBIDDEN", (got, m, codes, who)
    else:
        assert got == "", got
        changed = any((m.get(k) or "") != v for k, v in codes.items())
        m.update({k: v for k, v in codes.items()}, cl=cl)
        if changed and m["state"] == "asked":
            m["state"] = "open"
        w.matters[mid] = m


def end_matter(s, rnd, tid, w, who, now):
    mid = rnd.choice(list(w.matters))
    m, reason = w.matters[mid], rnd.choice(["", "", *sorted(w.REASONS)])
    answer = rnd.choice([None, None, rnd.choice(w.entries)["seq"] if w.entries else None])
    got = told(s, "matter_end", tid, mid, who, "", reason, answer or "")
    want = w.matter_lacks(m, now, reason, answer)
    if m["state"] == "ended":
        assert got == "CONFLICT"
    elif want == {"approval"}:
        assert got == "", got
        m.update(state="asked", reason=reason, by=who, rli=w.li())
    elif want:
        assert got == want, (got, want, m, reason)
    else:
        assert got == "", (got, m, reason)
        m.update(state="ended")


def approve_matter(s, rnd, tid, w, now):
    mid, who, yes = rnd.choice(list(w.matters)), rnd.choice(["amal", "nadia", "yusuf", "low", "gone", "admin"]), rnd.random() < 0.8
    m = w.matters[mid]
    got = told(s, "matter_approve", tid, mid, who, int(yes))
    if m["state"] != "asked":
        assert got == "CONFLICT"
    elif w.FOCAL.get(who, -1) < max(m["cl"], w.cl) or (yes and m["by"] == who):
        assert got == "FORBIDDEN", (got, who, m)
    elif not yes:
        m.update(state="open")
    else:
        want = w.matter_lacks(m, now, m["reason"], approved=w.may_approve(who, m["by"], max(m["cl"], w.cl), m["rli"]))
        assert got == (want or ""), (got, want, m)
        if not want:
            m.update(state="ended")


def refer(s, rnd, tid, w, who):
    mid = rnd.choice(list(w.matters))
    m = w.matters[mid]
    if m["refs"] and rnd.random() < 0.7:
        i = rnd.randrange(len(m["refs"]))
        r, to = m["refs"][i], rnd.choice(["accepted", "refused", "done", "made"])
        got = told(s, "referral_move", tid, mid, "%s.%d" % (mid, i + 1), who, to)
        good = (r["state"], to) in {("made", "accepted"), ("made", "refused"), ("accepted", "done"), ("accepted", "refused")}
        assert got == ("" if good else "CONFLICT"), (got, r, to)
        r["state"] = to if good else r["state"]
        return
    kind, to = rnd.choice(["support", "accountability", "service"]), rnd.choice("abc")
    got = told(s, "refer", tid, mid, who, kind, to, s.now() + DAY, "")
    there = any(r["to"] == to and r["state"] in ("made", "accepted") for r in m["refs"])
    assert got == ("CONFLICT" if there or m["state"] == "ended" else ""), (got, m)
    if not got:
        m["refs"].append({"kind": kind, "to": to, "state": "made"})
        m["state"] = "open"


def end_thread(s, rnd, tid, w, who, now):
    reason = rnd.choice(["", "", "", *sorted(w.REASONS)])
    got, want = told(s, "resolve", tid, who, "", reason), w.lacks(now, reason)
    if w.resolved:
        assert got == "CONFLICT"
    elif reason in ("wants_no_answer", "contact_unsafe") and want == {"approval"}:
        assert got == "", got
        w.asked = {"reason": reason, "by": who, "li": w.li()}
    else:
        assert got == (want or ""), (got, want, reason, w.matters)
        if not want:
            over(w)


def over(w):
    w.resolved, w.asked, w.tries = True, None, []
    for m in w.matters.values():
        if m["cl"] <= w.cl:
            m["state"] = "ended"


def approve_thread(s, rnd, tid, w, now):
    who, yes = rnd.choice(["amal", "nadia", "yusuf", "low", "gone", "admin"]), rnd.random() < 0.8
    got = told(s, "end_approve", tid, who, int(yes))
    if w.resolved or not w.asked:
        assert got == "CONFLICT", got
    elif w.FOCAL.get(who, -1) < w.cl or (yes and who == w.asked["by"]):
        assert got == "FORBIDDEN", got
    elif not yes:
        w.asked = None
    else:
        want = w.lacks(now, w.asked["reason"], w.may_approve(who, w.asked["by"], w.cl, w.asked["li"]))
        assert got == (want or ""), (got, want)
        if not want:
            over(w)


def other_ways(s, rnd, tid, w, who):
    """Whatever else moves a thread never ends it."""
    name = rnd.choice(["assign", "transfer", "snooze", "reopen", "sweep", "expire", "try", "tag", "wake"])
    calls = {"assign": ("assign", tid, 0, "nadia", who), "transfer": ("transfer", tid, who, "", -1), "snooze": ("snooze", tid, who, s.now() + 1),
             "reopen": ("reopen", tid, who), "sweep": ("agents_sweep", 0, 9), "expire": ("offers_expire", 0, 9), "try": ("guard_try", tid, who, "tg", "no"),
             "tag": ("tag", tid, who, "x", ""), "wake": ("patch", tid, who, "-", "", 2, "x", "1")}
    got = told(s, *calls[name])
    if name == "reopen" and got == "":
        w.resolved = False
    if name == "try" and got == "":
        w.tries.append(s.now())


def test_random_traces(s):
    seed = int(time.time())
    print("seed", seed)
    rnd, ends, steps, until = random.Random(seed), 0, 0, time.monotonic() + 4
    while time.monotonic() < until:
        s.r.flushall()
        agents(s)
        pack = rnd.random() < 0.5
        settings(s, int(pack), 24, 3, 2, "web")
        w = World(s, rnd.choice([0, 0, 2]), pack)
        thread(s, T1, clearance=w.cl, st=rnd.choice([BOT, ASSIGNED, ASSIGNED]))
        some_entry(s, rnd, T1, w)
        for _ in range(rnd.randrange(10, 60)):
            now, who = s.now(), rnd.choice(["amal", "selin", "nadia", "yusuf", "admin", "router", "import"])
            was, w.bot = w.resolved, state(s, T1) == BOT
            do = rnd.random()
            if do < 0.3 and not w.resolved:
                some_entry(s, rnd, T1, w)
            elif do < 0.45:
                a_matter(s, rnd, T1, w, who)
            elif do < 0.6 and w.matters:
                refer(s, rnd, T1, w, who) if do < 0.53 else end_matter(s, rnd, T1, w, who, now)
            elif do < 0.65 and w.matters:
                approve_matter(s, rnd, T1, w, now)
            elif do < 0.8:
                end_thread(s, rnd, T1, w, who, now)
            elif do < 0.88:
                approve_thread(s, rnd, T1, w, now)
            else:
                other_ways(s, rnd, T1, w, who)
            steps += 1
            ends += w.resolved and not was
            assert (state(s, T1) == RESOLVED) == w.resolved
            for mid, m in w.matters.items():
                assert facets(s, "matter", mid)["state"] == m["state"], (mid, m)
    print("%d steps, %d ends" % (steps, ends))
    assert steps > 1000 and ends > 20


run(globals())
