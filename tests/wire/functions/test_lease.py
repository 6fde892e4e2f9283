#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Leases, timers and idempotency keys."""
from functions import run


def test_one_holder_and_a_growing_fence(s):
    assert s.call("lease_take", "router", "n1", 3000) == 1
    assert s.call("lease_take", "router", "n1", 3000) == 1
    left = s.call("lease_take", "router", "n2", 3000)
    assert -3000 <= left <= -1
    s.r.delete(s.key("lease:router"))  # its time is over
    assert s.call("lease_take", "router", "n2", 30000) == 2
    assert s.call("lease_take", "router", "n1", 3000) < 0
    s.call("lease_give", "router", "n1")  # not its own: nothing
    assert s.call("lease_take", "router", "n1", 3000) < 0
    s.call("lease_give", "router", "n2")
    assert s.call("lease_take", "router", "n1", 3000) == 3


def test_leases_are_apart(s):
    assert s.call("lease_take", "a", "n1", 1000) == 1
    assert s.call("lease_take", "b", "n2", 1000) == 1


def test_an_older_fence_is_refused(s):
    assert s.call("lease_take", "timers", "n1", 1000) == 1
    s.call("lease_give", "timers", "n1")
    assert s.call("lease_take", "timers", "n2", 1000) == 2
    assert s.refused("timers_due", 1) == "FENCED"
    assert s.refused("timers_due", 2) == ""


def test_timers_come_once_and_again_after_a_minute(s):
    now = s.now()
    s.call("timer_set", "sla t1", now - 5)
    s.call("timer_set", "sla t2", now + 5000)
    out = s.call("timers_due", 0)
    assert out[1] == b"sla t1" and len(out) == 4
    assert 4000 < out[0] <= 5000
    assert abs(int(out[2]) - (now + 60000)) < 1000
    assert len(s.call("timers_due", 0)) == 2
    s.call("timer_done", out[1], out[2])
    assert s.r.zcard(s.key("timers")) == 1


def test_a_timer_set_anew_while_it_fires_stays(s):
    s.call("timer_set", "sla t1", s.now() - 5)
    out = s.call("timers_due", 0)
    s.call("timer_set", "sla t1", s.now() - 1)
    s.call("timer_done", out[1], out[2])
    assert s.call("timers_due", 0)[1] == b"sla t1"


def test_a_timer_that_the_holder_before_has_under_way_waits(s):
    """The clock was set over the end of the lease and over the minute, while a handler runs."""
    assert s.call("lease_take", "timers", "n1", 30000) == 1
    s.call("timer_set", "sla t1", s.now() - 5)
    s.call("timer_set", "alert 123456", s.now() - 5)
    out = s.call("timers_due", 1, 9000)
    assert [out[1], out[3]] == [b"alert 123456", b"sla t1"] or [out[1], out[3]] == [b"sla t1", b"alert 123456"], out

    def set_forward():
        for timer in ("sla t1", "alert 123456"):
            s.r.zadd(s.key("timers"), {timer: s.now() - 1})
    set_forward()
    due = s.r.zscore(s.key("timers"), "sla t1")
    s.call("lease_give", "timers", "n1")
    assert s.call("lease_take", "timers", "n2", 30000) == 2
    out = s.call("timers_due", 2, 10)
    assert out[1:-1:2] == [b"alert 123456"] and out[0] >= 250, out  # of somebody in danger twice is better than late
    s.call("timer_done", "sla t1", "%d" % due, 1)  # the first one has done it
    assert len(s.call("timers_due", 2, 20)) == 2 and not s.r.zscore(s.key("timers"), "sla t1")
    # Was it dead, it fires a little later.
    s.call("timer_set", "sla t2", s.now() - 5)
    assert s.call("timers_due", 2, 9000)[1] == b"sla t2"
    s.r.zadd(s.key("timers"), {"sla t2": s.now() - 1})
    s.call("lease_give", "timers", "n2")
    assert s.call("lease_take", "timers", "n3", 30000) == 3
    assert len(s.call("timers_due", 3, 2900)) == 2
    out = s.call("timers_due", 3, 3000)
    assert out[1] == b"sla t2"
    s.call("timer_done", out[1], out[2], 3)
    assert s.r.hkeys(s.key("fences")) == [b"timers", b"t alert 123456"], s.r.hkeys(s.key("fences"))


def test_timer_drop_and_none(s):
    assert s.call("timers_due", 0)[:-1] == [-1]
    s.call("timer_set", "sla t1", s.now() - 5)
    s.call("timer_drop", "sla t1")
    assert s.call("timers_due", 0)[:-1] == [-1]


def test_idempotency(s):
    assert s.call("idem_begin", "k", "body") == [0, b""]
    assert s.call("idem_begin", "k", "body") == [2, b""]
    assert s.call("idem_begin", "k", "other") == [3, b""]
    assert 50 < s.r.ttl(s.key("idem:k")) <= 60
    s.call("idem_finish", "k", "answer")
    assert s.call("idem_begin", "k", "body") == [1, b"answer"]
    assert s.call("idem_begin", "k", "other") == [3, b""]
    assert 86000 < s.r.ttl(s.key("idem:k")) <= 86400


run(globals())
