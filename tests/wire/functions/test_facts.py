#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Facts for reports: after any history, in any order of folding, a thread's line is what its record and its entries say."""
import random
import struct

from functions import run

FIELDS = "op s since fa fr rs cl st pr nt nr nx lt lh tp ar ch oc tm mt".split()
DAY = 86400000


def agent(s, name):
    s.call("agent_put", name, "boss", 0, "x", "sealed", "cp", 1000, "cl", 2, "lg", "ar:5")
    s.call("agent_beat", name, "s-" + name, 1)


def hot(s, tid, what, why):
    s.r.xadd(s.key("events"), {"e": struct.pack(">B8s8sIBBBB2s", 0, tid.encode(), b"contact1", 1, what, 0, 1, why, b"nn")})


def opened(s, tid, ago=0):
    now = s.now() - ago
    s.r.hset(s.key("thread:" + tid), mapping={"c": "contact1", "st": 1, "v": 1, "n": 0, "cl": 0, "op": now, "wt": now, "lm": now, "ar": "tr", "ch": "web",
                                              "lt": "ar", "lh": 1, "tp": "registration"})
    s.r.zadd(s.key("waiting"), {tid: now})
    s.r.zadd(s.key("threads"), {tid: now})
    hot(s, tid, 8, 1)


def answered(s, tid):
    """As `write` does: the first answer's time in the thread, and an entry's event."""
    s.r.hsetnx(s.key("thread:" + tid), "fr", s.now())
    hot(s, tid, 0, 0)


def lines(s):
    out = {}
    for key in s.r.keys("*:facts:*"):
        for tid, line in s.r.hgetall(key).items():
            f = dict(zip(FIELDS, line.decode().split("\t")))
            assert int(key.decode().split(":")[-2]) == int(f["op"]) // DAY
            out[tid.decode()] = f
    return out


def fold(s):
    while s.call("facts_step", 0) == 1:
        pass


def expected(s, tid):
    """Counted anew from the thread's record and entries."""
    h = s.hash("thread:" + tid)
    if not h:
        return None
    events = []
    for n in range(1, int(h["n"]) + 1):
        v = s.r.hget(s.key("log:" + tid), n)
        if v and v[:1] == b"\0":
            events.append(v[1:].decode().split(" "))
    def count(*codes):
        return sum(e[1] in codes for e in events)
    op = int(h["op"])
    taken = [int(e[0]) - op for e in events if e[1] in ("accepted", "assigned")]
    return {"op": op, "fa": taken[0] if taken else "", "fr": int(h["fr"]) - op if "fr" in h else "", "rs": int(h["rs"]) - op if "rs" in h else "",
            "cl": h["cl"], "st": h["st"], "nt": count("transferred") or "", "nr": count("reopened") or "", "nx": count("expired", "declined") or "",
            "tp": h.get("tp", ""), "ar": h["ar"], "ch": h["ch"], "oc": h.get("oc", ""), "lt": h["lt"]}


def check(s, tids):
    got = lines(s)
    for tid in tids:
        want = expected(s, tid)
        assert {k: str(v) for k, v in want.items()} == {k: got[tid][k] for k in want}, (tid, want, got[tid])


def act(s, rng, tid):
    what = rng.choice(["offer", "accept", "decline", "assign", "transfer", "resolve", "reopen", "snooze", "patch", "answer", "read"])
    v = s.hash("thread:" + tid)["v"]
    args = {"offer": ("offer", 0, tid, v, "amal", 30000), "accept": ("accept", tid, "amal"), "decline": ("decline", tid, "amal", "busy"),
            "assign": ("assign", tid, 0, "amal", "boss"), "transfer": ("transfer", tid, "amal", "", 0, "tp", rng.choice(["housing", "health"])),
            "resolve": ("resolve", tid, "amal", rng.choice(["answered", "referred"]), "answered_in_person"), "reopen": ("reopen", tid, "amal"),
            "snooze": ("snooze", tid, "amal", s.now() + 60000), "patch": ("patch", tid, "amal", "fa", "", 2, "-", "-"),
            "read": ("read", tid, "amal", 1)}
    if what == "answer":
        answered(s, tid)
    else:
        s.refused(*args[what])


def test_a_line_is_what_the_thread_says(s):
    rng = random.Random(7)
    agent(s, "amal")
    tids = ["thread%02d" % i for i in range(30)]
    for i, tid in enumerate(tids):
        opened(s, tid, ago=i * DAY // 9)
        for _ in range(rng.randrange(12)):
            act(s, rng, tid)
            if rng.random() < 0.2:
                s.call("facts_step", 0)  # at any moment
    fold(s)
    check(s, tids)
    before = lines(s)
    s.r.delete(s.key("factc"))  # as after a restore: all threads are walked
    fold(s)
    assert lines(s) == before
    for key in s.r.keys("*:facts:*"):
        s.r.delete(key)
    s.r.delete(s.key("factc"))
    fold(s)
    assert lines(s) == before


def test_trimmed_events_are_made_up_for(s):
    agent(s, "amal")
    opened(s, "thread01")
    fold(s)
    s.r.set(s.key("factc"), "%d-0" % (s.now() - DAY))
    s.call("assign", "thread01", 0, "amal", "boss")
    s.r.xtrim(s.key("events"), maxlen=0)
    fold(s)
    check(s, ["thread01"])
    s.call("resolve", "thread01", "amal", "answered", "answered_in_person")
    fold(s)
    check(s, ["thread01"])


def test_an_older_holder_is_refused_and_old_days_go(s):
    opened(s, "thread01", ago=5 * DAY)
    opened(s, "thread02")
    fold(s)
    today = s.now() // DAY
    assert s.call("facts_trim", 0, today - 4, 10) == 1 and set(lines(s)) == {"thread02"}
    s.call("lease_take", "facts", "n1", 1000)
    s.call("lease_give", "facts", "n1")
    s.call("lease_take", "facts", "n2", 1000)
    assert s.refused("facts_step", 1) == "FENCED" and s.refused("facts_trim", 1, 1, 1) == "FENCED"
    assert s.refused("facts_step", 2) == ""


def matter(s, mid, group, facets, clearance=0):
    """A record of kind matter as record.lua keeps it, and the event that a put writes."""
    value = (struct.pack(">BI", 1, 1) + s.now().to_bytes(6, "big") + struct.pack(">Bd8sIB", clearance, 1.0, b"contact1", 7, len(group)) + group.encode()
             + struct.pack(">H", len(facets)) + facets.encode())
    s.r.set(s.key("rec:matter:" + mid), value)
    s.r.zadd(s.key("recg:matter:" + group), {mid: 1})
    s.r.xadd(s.key("events"), {"k": 9, "w": "put", "rk": "matter", "ri": mid, "rg": group, "c": "contact1"})


def test_matters_are_in_the_line_of_their_thread(s):
    opened(s, "thread01")
    s.r.hset(s.key("contact:contact1"), "T", "thread01")
    s.r.hset(s.key("thread:thread01"), "mg", "g" * 26)
    fold(s)
    assert lines(s)["thread01"]["mt"] == ""
    matter(s, "m1", "g" * 26, "state=open type=complaint subject=cash risk=2")
    matter(s, "m2", "g" * 26, "state=ended type=question subject=housing outcome=answered")
    matter(s, "m3", "g" * 26, "type=report subject=abuse", clearance=2)  # apart: none of this thread's
    fold(s)
    assert lines(s)["thread01"]["mt"] == "complaint cash ;question housing answered"


def test_a_line_outlives_its_thread(s):
    opened(s, "thread01")
    fold(s)
    s.r.delete(s.key("thread:thread01"), s.key("log:thread01"))
    s.r.zrem(s.key("threads"), "thread01")
    s.r.delete(s.key("factc"))
    fold(s)
    assert set(lines(s)) == {"thread01"}


run(globals())
