#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The moves of threads between queue and agents: each one by itself, then random traces by several clients."""
import random
import threading
import time

from functions import Refused, run

BOT, WAITING, OFFERED, ASSIGNED, SNOOZED, RESOLVED = range(6)


def agent(s, name, capacity=2, clearance=0, disabled=0, presence=1):
    s.call("agent_put", name, "boss", disabled, "x", "sealed", "cp", capacity, "cl", clearance, "lg", "ar:5")
    if presence and not disabled:
        s.call("agent_beat", name, "s-" + name, presence)


def thread(s, tid, clearance=0, waited=0):
    now = s.now() - waited
    s.r.hset(s.key("thread:" + tid), mapping={"c": "c-" + tid, "st": WAITING, "v": 1, "n": 0, "cl": clearance, "op": now, "wt": now, "ar": "tr"})
    s.r.zadd(s.key("waiting"), {tid: now})


def t(s, tid):
    h = s.hash("thread:" + tid)
    return int(h["st"]), h.get("as", "")


def v(s, tid):
    return int(s.hash("thread:" + tid)["v"])


def load(s, name):
    return s.r.scard(s.key("held:" + name))


def waiting(s):
    return [x.decode() for x in s.r.zrange(s.key("waiting"), 0, -1)]


def offer(s, tid, name, ms=30000, fence=0):
    return s.refused("offer", fence, tid, v(s, tid), name, ms)


def test_offer_and_accept_leave_all_traces(s):
    agent(s, "amal")
    thread(s, "t1")
    assert offer(s, "t1", "amal") == ""
    assert t(s, "t1") == (OFFERED, "amal") and waiting(s) == [] and load(s, "amal") == 1
    assert s.refused("accept", "t1", "other") == "CONFLICT"
    s.call("accept", "t1", "amal")
    h = s.hash("thread:t1")
    assert t(s, "t1") == (ASSIGNED, "amal") and h["la"] == "amal" and h["v"] == "3" and "ox" not in h and "wt" not in h
    assert load(s, "amal") == 1 and s.r.zcard(s.key("offers")) == 0
    assert s.refused("accept", "t1", "amal") == ""  # again: nothing happens
    assert v(s, "t1") == 3
    log = {k.decode(): x for k, x in s.r.hgetall(s.key("log:t1")).items()}
    assert sorted(log) == ["1", "2"] and log["1"][:1] == b"\0"
    assert log["1"].decode().split(" ")[1:] == ["offered", "router", "amal", "-"]
    why = [f["w"] for _, f in s.stream("events") if f["k"] == "3"]
    assert why == ["offered", "accepted"]
    assert [f["x"] for _, f in s.stream("audit")] == ["agent.put", "thread.offered", "thread.accepted"]


def test_an_offer_is_refused(s):
    agent(s, "amal", capacity=1)
    agent(s, "away", presence=2)
    agent(s, "off", disabled=1)
    agent(s, "low")
    for x in "t1", "t2":
        thread(s, x)
    thread(s, "sealed", clearance=1)
    assert s.refused("offer", 0, "nothing", 1, "amal", 1000) == "NOT_FOUND"
    assert s.refused("offer", 0, "t1", 1, "nobody", 1000) == "NOT_FOUND"
    assert s.refused("offer", 0, "t1", 9, "amal", 1000) == "CONFLICT"
    assert offer(s, "t1", "away") == "CONFLICT"
    assert offer(s, "t1", "off") == "CONFLICT"
    assert offer(s, "sealed", "low") == "FORBIDDEN"
    assert offer(s, "t1", "amal") == ""
    assert offer(s, "t1", "low") == "CONFLICT"
    assert offer(s, "t2", "amal") == "CONFLICT"  # capacity counts what is offered
    assert len(s.stream("audit")) == 5
    s.call("lease_take", "router", "n1", 1000)
    s.call("lease_give", "router", "n1")
    s.call("lease_take", "router", "n2", 1000)
    assert offer(s, "t2", "low", fence=1) == "FENCED"
    assert offer(s, "t2", "low", fence=2) == ""


def test_what_comes_back_is_where_it_was(s):
    agent(s, "amal")
    thread(s, "old", waited=60000)
    thread(s, "new", waited=1000)
    before = s.r.zscore(s.key("waiting"), "old")
    offer(s, "old", "amal", ms=1)
    time.sleep(0.01)
    assert s.call("offers_expire", 0, 10) == 1
    assert waiting(s) == ["old", "new"] and s.r.zscore(s.key("waiting"), "old") == before
    assert s.hash("thread:old")["dc"] == "amal"
    offer(s, "old", "amal")
    assert s.refused("decline", "old", "other", "busy") == "CONFLICT"
    s.call("decline", "old", "amal", "busy")
    who, _, when = s.hash("thread:old")["dc"].partition(":")
    assert waiting(s) == ["old", "new"] and who == "amal" and abs(int(when) - s.now()) < 5000 and load(s, "amal") == 0
    page = s.call("waiting_page", "", 0, 10)
    assert [p[0] for p in page] == [b"old", b"new"]
    assert s.call("waiting_page", "old", int(before), 1)[0][0] == b"new"
    assert s.call("waiting_page", "new", s.r.zscore(s.key("waiting"), "new"), 1) == []


def test_pages_miss_nothing_when_others_leave(s):
    for i in range(9):
        thread(s, f"t{i}", waited=9000 - 1000 * i)
    page = s.call("waiting_page", "", 0, 4)
    since = int(s.r.zscore(s.key("waiting"), page[-1][0]))
    for i in range(4):
        s.call("resolve", f"t{i}", "amal", "", "spam")
    assert [p[0] for p in s.call("waiting_page", page[-1][0], since, 4)] == [b"t4", b"t5", b"t6", b"t7"]


def test_what_sleeps_is_still_the_agents(s):
    agent(s, "zeynep", capacity=9)
    for i in range(3):
        thread(s, f"z{i}")
        s.call("assign", f"z{i}", 0, "zeynep", "boss")
        s.r.zadd(s.key("threads"), {f"z{i}": i})
    s.call("snooze", "z0", "zeynep", s.now() + 60000)
    s.call("resolve", "z1", "zeynep", "", "spam")

    def mine():
        found = s.call("find", "azeynep", "+inf", 0, 10, "012345", "*", "*", "*", "*", "*")
        return sorted(x.decode() for x in found[3::3])
    assert mine() == ["z0", "z2"] and load(s, "zeynep") == 1
    s.call("transfer", "z0", "zeynep", "", -1)
    assert mine() == ["z2"] and not s.r.exists(s.key("asleep:zeynep"))


def test_agents_come_in_pages(s):
    for i in range(300):
        agent(s, f"a{i}", presence=0)
    cursor, seen = b"0", set()
    while True:
        cursor, *page = s.call("agents_page", cursor, 40)
        assert len(page) < 120
        seen |= {p[0] for p in page}
        if cursor == b"0":
            break
    assert len(seen) == 300


def test_silence_and_leaving_give_offers_back(s):
    agent(s, "amal")
    s.call("agent_beat", "amal", "second", 1)
    for x in "t1", "t2":
        thread(s, x)
        offer(s, x, "amal")
    s.call("accept", "t2", "amal")
    s.call("agent_leave", "amal", "s-amal")
    s.call("agents_sweep", 0, 10)
    assert s.hash("agent:amal")["ps"] == "1"
    s.call("agent_leave", "amal", "second")
    due = s.r.zscore(s.key("gone"), "amal") - s.now()
    assert 14000 < due <= 15000
    s.call("agent_beat", "amal", "third", 2)
    assert 44000 < s.r.zscore(s.key("gone"), "amal") - s.now() <= 45000
    s.r.zadd(s.key("gone"), {"amal": 1})
    assert s.call("agents_sweep", 0, 10) == 0
    assert s.hash("agent:amal")["ps"] == "0"
    assert t(s, "t1") == (WAITING, "") and t(s, "t2") == (ASSIGNED, "amal")
    assert s.call("agents_sweep", 0, 10) == 0


def test_a_sweep_moves_a_few_at_a_time(s):
    agent(s, "many", capacity=9)
    for i in range(7):
        thread(s, f"m{i}")
        offer(s, f"m{i}", "many")
    s.r.zadd(s.key("gone"), {"many": 1})
    assert s.call("agents_sweep", 0, 5) == 1
    assert load(s, "many") == 2 and s.hash("agent:many")["ps"] == "0"
    assert s.call("agents_sweep", 0, 5) == 0
    assert load(s, "many") == 0 and s.r.zscore(s.key("gone"), "many") is None


def test_disabling_queues_everything_anew(s):
    agent(s, "amal")
    thread(s, "t1")
    thread(s, "t2")
    s.call("assign", "t1", 0, "amal", "boss")
    offer(s, "t2", "amal")
    agent(s, "amal", disabled=1)
    assert t(s, "t1") == (WAITING, "") and t(s, "t2") == (WAITING, "") and load(s, "amal") == 0
    assert s.refused("agent_beat", "amal", "s", 1) == "FORBIDDEN"
    assert s.refused("agent_beat", "nobody", "s", 1) == "NOT_FOUND"


def test_assign_takes_it_whatever_the_load(s):
    agent(s, "amal", capacity=0)
    agent(s, "omid", clearance=2)
    thread(s, "t1")
    thread(s, "t2", clearance=2)
    s.call("assign", "t1", 0, "amal", "boss")
    assert t(s, "t1") == (ASSIGNED, "amal")
    assert s.refused("assign", "t1", 7, "omid", "boss") == "CONFLICT"
    s.call("assign", "t1", 2, "omid", "boss")
    assert load(s, "amal") == 0 and load(s, "omid") == 1
    assert s.refused("assign", "t2", 0, "amal", "boss") == "FORBIDDEN"
    s.call("resolve", "t1", "omid", "answered", "answered_in_person")
    assert s.refused("assign", "t1", 0, "amal", "boss") == "CONFLICT"


def test_transfer(s):
    agent(s, "amal")
    agent(s, "omid", clearance=1)
    thread(s, "t1", waited=5000)
    s.call("assign", "t1", 0, "amal", "boss")
    s.call("transfer", "t1", "amal", "", -1, "tp", "legal", "tm", "law")
    h = s.hash("thread:t1")
    assert h["tp"] == "legal" and h["tm"] == "law" and t(s, "t1") == (WAITING, "")
    assert s.now() - int(h["wt"]) < 1000
    assert s.refused("transfer", "t1", "boss", "amal", 1) == "FORBIDDEN"
    assert s.hash("thread:t1").get("cl") == "0" and s.r.zcard(s.key("reseal")) == 0
    s.call("transfer", "t1", "boss", "omid", 1)
    assert t(s, "t1") == (ASSIGNED, "omid") and s.hash("thread:t1")["cl"] == "1"
    assert s.r.zrange(s.key("reseal"), 0, -1) == [b"t1"]
    assert s.refused("transfer", "t1", "boss", "", 0) == "FORBIDDEN"


def test_resolve_reopen_snooze(s):
    agent(s, "amal")
    thread(s, "t1")
    s.call("assign", "t1", 0, "amal", "boss")
    assert s.refused("reopen", "t1", "boss") == "CONFLICT"
    s.call("resolve", "t1", "amal", "answered", "answered_in_person")
    h = s.hash("thread:t1")
    assert h["oc"] == "answered" and h["as"] == "" and h["la"] == "amal" and load(s, "amal") == 0
    assert s.refused("resolve", "t1", "amal", "answered", "answered_in_person") == "CONFLICT"
    s.call("reopen", "t1", "amal")
    assert t(s, "t1") == (WAITING, "") and "oc" not in s.hash("thread:t1")
    # Who had it is told that it is not theirs any more.
    event = [f for _, f in s.stream("events") if f.get("w") == "reopened"][-1]
    assert (event["a"], event["b"]) == ("", "amal"), event
    s.call("assign", "t1", 0, "amal", "boss")
    assert s.refused("snooze", "t1", "amal", s.now() - 1) == "INVALID"
    s.call("snooze", "t1", "amal", s.now() + 5)
    assert t(s, "t1") == (SNOOZED, "amal") and load(s, "amal") == 0
    time.sleep(0.01)
    s.call("agents_sweep", 0, 10)
    assert t(s, "t1") == (ASSIGNED, "amal") and load(s, "amal") == 1
    s.call("snooze", "t1", "amal", s.now() + 5)
    s.r.zadd(s.key("gone"), {"amal": 1})
    time.sleep(0.01)
    s.call("agents_sweep", 0, 10)
    assert t(s, "t1") == (WAITING, "") and s.r.zcard(s.key("snoozed")) == 0


def test_tag_patch_read_nobody(s):
    agent(s, "amal")
    thread(s, "t1")
    assert s.call("nobody_once", "t1") == 1
    assert s.call("nobody_once", "t1") == 0
    s.call("tag", "t1", "boss", "b a", "")
    s.call("tag", "t1", "boss", "c", "a x")
    assert s.hash("thread:t1")["tg"] == "b c"
    before = v(s, "t1")
    s.call("tag", "t1", "boss", "c", "")
    assert v(s, "t1") == before
    assert s.refused("tag", "t1", "boss", " ".join("x%d" % i for i in range(30)), "") == "TOO_LARGE"
    s.call("patch", "t1", "amal", "prs", "", 2, "legal", 5)
    h = s.hash("thread:t1")
    assert (h["lt"], h["lh"], h["tp"], h["pr"]) == ("prs", "2", "legal", "5")
    s.r.hset(s.key("thread:t1"), "lh", 3)
    assert s.refused("patch", "t1", "amal", "fa", "", 2, "-", "-") == "CONFLICT"
    s.call("assign", "t1", 0, "amal", "boss")
    assert s.call("nobody_once", "t1") == 0
    s.call("read", "t1", "other", 3)
    assert "rd" not in s.hash("thread:t1")
    s.call("read", "t1", "amal", 3)
    s.call("read", "t1", "amal", 2)
    assert s.hash("thread:t1")["rd"] == "3"
    s.call("read", "t1", "amal", 9999)
    assert s.hash("thread:t1")["rd"] == s.hash("thread:t1")["n"]


def test_agents_are_listed_with_their_load(s):
    agent(s, "amal")
    thread(s, "t1")
    offer(s, "t1", "amal")
    got = s.call("agent_get", "amal")
    h = dict(zip(got[::2], got[1::2]))
    assert h[b"load"] == b"1" and h[b"lg"] == b"ar:5"
    assert len(s.call("agents_page", 0, 40)) == 2
    assert s.refused("agent_get", "nobody") == "NOT_FOUND"


def check(s, threads, agents, versions):
    """What must hold after every step, whoever did it."""
    held, queue = {a: set() for a in agents}, set()
    for tid in threads:
        h = s.hash("thread:" + tid)
        st, who = int(h["st"]), h.get("as", "")
        if st in (OFFERED, ASSIGNED):
            held[who].add(tid)
        else:
            assert who == "" or st == SNOOZED, (tid, h)
        if st == WAITING:
            queue.add(tid)
            assert s.r.zscore(s.key("waiting"), tid) == float(h["wt"]), (tid, h)
        assert (st == OFFERED) == (s.r.zscore(s.key("offers"), tid) is not None) == ("ox" in h), (tid, h)
        assert (st == SNOOZED) == (s.r.zscore(s.key("snoozed"), tid) is not None) == ("sn" in h), (tid, h)
        assert (st == RESOLVED) == ("rs" in h), (tid, h)
        assert int(h["v"]) >= versions.get(tid, 0)
        versions[tid] = int(h["v"])
        numbers = sorted(int(x) for x in s.r.hkeys(s.key("log:" + tid)))
        assert numbers == list(range(1, int(h["n"]) + 1)), (tid, numbers)
    assert set(waiting(s)) == queue
    for a in agents:
        assert {x.decode() for x in s.r.smembers(s.key("held:" + a))} == held[a], a


def step(s, rnd, threads, agents, r=None):
    """One random move; returns the name of an agent who may be over capacity because a person decided so."""
    tid, a = rnd.choice(threads), rnd.choice(agents)
    h = {k.decode(): x.decode() for k, x in (r or s.r).hgetall(s.key("thread:" + tid)).items()}
    who = h.get("as") or a
    moves = {
        "offer": lambda: s.call("offer", 0, tid, h["v"], a, rnd.choice([1, 30000]), r=r),
        "accept": lambda: s.call("accept", tid, who, r=r),
        "decline": lambda: s.call("decline", tid, who, "busy", r=r),
        "expire": lambda: s.call("offers_expire", 0, 10, r=r),
        "assign": lambda: s.call("assign", tid, rnd.choice([0, h["v"]]), a, "boss", r=r),
        "transfer": lambda: s.call("transfer", tid, "boss", rnd.choice(["", a]), rnd.choice([-1, -1, 1]), "tp", "x", r=r),
        "resolve": lambda: s.call("resolve", tid, who, "answered", rnd.choice(["spam", "spam", ""]), r=r),
        "reopen": lambda: s.call("reopen", tid, who, r=r),
        "snooze": lambda: s.call("snooze", tid, who, s.now() + rnd.choice([1, 30000]), r=r),
        "sweep": lambda: s.call("agents_sweep", 0, 10, r=r),
        "gone": lambda: (r or s.r).zadd(s.key("gone"), {a: 1}),
        "beat": lambda: s.call("agent_beat", a, "s", rnd.choice([1, 1, 1, 2]), r=r),
        "leave": lambda: s.call("agent_leave", a, "s", r=r),
        "tag": lambda: s.call("tag", tid, "boss", rnd.choice("abc"), rnd.choice("abc"), r=r),
        "patch": lambda: s.call("patch", tid, "boss", "ar", "", 2, "-", rnd.choice("12-"), r=r),
        "read": lambda: s.call("read", tid, who, rnd.randrange(20), r=r),
        "put": lambda: s.call("agent_put", a, "boss", int(rnd.random() < 0.1), "cp", rnd.randrange(4), "cl", 1, r=r),
    }
    name = rnd.choice(list(moves) + ["offer"] * 6 + ["accept"] * 3)
    try:
        moves[name]()
    except Refused as e:
        assert e.word in ("CONFLICT", "FORBIDDEN", "INVALID", "GUARDED"), (name, e)
        return name, False
    return name, True


def setting(s):
    threads, agents = ["t%d" % i for i in range(8)], ["a%d" % i for i in range(4)]
    for a in agents:
        agent(s, a, capacity=2, clearance=1)
    for x in threads:
        thread(s, x)
    return threads, agents


def test_random_traces(s):
    seed = int(time.time())
    print("seed", seed)
    done = {}
    for trace in range(20):
        s.r.flushall()
        rnd = random.Random(seed + trace)
        threads, agents = setting(s)
        versions = {}
        for _ in range(150):
            loads = {a: load(s, a) for a in agents}
            name, ok = step(s, rnd, threads, agents)
            done[name] = done.get(name, 0) + ok
            check(s, threads, agents, versions)
            if name == "offer" and ok:  # never over capacity by an offer
                for a in agents:
                    assert load(s, a) == loads[a] or load(s, a) <= int(s.hash("agent:" + a)["cp"])
    assert all(done.values()), done


def test_random_traces_by_many_at_once(s):
    threads, agents = setting(s)
    failed = []

    def work(n):
        rnd, r = random.Random(n), s.client()
        try:
            for _ in range(400):
                step(s, rnd, threads, agents, r=r)
        except Exception as e:  # told to the test below
            failed.append(e)

    for _ in range(3):
        all_of_them = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for x in all_of_them:
            x.start()
        for x in all_of_them:
            x.join()
        assert not failed, failed
        check(s, threads, agents, {})


def test_an_offer_is_short(s):
    agent(s, "amal", capacity=100000)
    for i in range(2000):
        thread(s, "t%d" % i)
    s.r.config_resetstat()
    pipe = s.r.pipeline(transaction=False)
    for i in range(2000):
        pipe.execute_command("FCALL", "p1_offer", 1, "p:{x}:", 0, "t%d" % i, 1, "amal", 30000)
    pipe.execute()
    us = s.r.info("commandstats")["cmdstat_fcall"]["usec_per_call"]
    print("offer: %.0f µs in Redis" % us)
    assert us <= 5000  # the goal is 100; what else runs on the machine counts as well


run(globals())
