#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Queues of webhooks: an event enters once, the oldest first, what is sealed is forgotten; a second factor's code is taken once."""
from functions import run

T1, T2 = b"12345678", b"abcdefgh"


def test_an_event_enters_once(s):
    start = s.call("hook_start")
    assert s.call("hook_start") == start, "the cursor stays"
    s.call("hook_fan", 1, start, "5-0", "w", T1, 'm1 thread.opened {"a":1}', "w", T1, 'm2 thread.resolved {"a":2}', "w", T2, 'm3 entry.added {}')
    assert s.refused("hook_fan", 1, start, "5-0", "w", T1, "m1 thread.opened {}") == "CONFLICT", "the same again"
    due = s.call("hook_due", "w", 10)
    assert due[2::3] and {bytes(t) for t in due[2::3]} == {T1, T2}
    assert [int(x) for x in s.call("hook_state", "w")[:2]] == [3, 0]
    first = due[due.index(T1) + 2]
    assert first.startswith(b"m1 ") and first.endswith(b' thread.opened {"a":1}')


def test_the_oldest_leaves_first_and_alone(s):
    at = s.call("hook_start")
    s.call("hook_fan", 1, at, "6-0", "w", T1, "m1 thread.opened {}", "w", T1, "m2 thread.resolved {}")
    s.call("hook_done", 1, "w", T1, "m2", "ok", 0, "")
    assert int(s.call("hook_state", "w")[0]) == 2, "not the one behind"
    s.call("hook_done", 1, "w", T1, "m1", "dead", 0, "500")
    assert [int(x) for x in s.call("hook_state", "w")[:2]] == [1, 1]
    dead = s.call("hook_dead", "w", "", 10)
    assert dead[1].startswith(T1) and b" 1 500 m1 " in dead[1]
    assert s.call("hook_redeliver", "w", "root", "", "", "m1") == 1
    assert s.call("hook_due", "w", 10)[4].startswith(b"m2 "), "behind what waits"
    s.call("hook_done", 1, "w", T1, "m2", "ok", 0, "")
    assert s.call("hook_due", "w", 10)[4].startswith(b"m1 ")


def test_what_is_sealed_is_forgotten(s):
    at = s.call("hook_start")
    s.call("hook_fan", 1, at, "7-0", "w", T1, "m1 thread.opened {}", "w", T1, "m2 entry.added {}", "w", T2, "m3 entry.added {}")
    s.call("hook_done", 1, "w", T1, "m1", "dead", 0, "500")
    s.call("hook_fan", 1, "7-0", "8-0", "w", T1, "")
    assert [int(x) for x in s.call("hook_state", "w")[:2]] == [1, 0]
    assert s.call("hook_due", "w", 10)[2::3] == [T2]


def test_an_older_holder_is_refused(s):
    at = s.call("hook_start")
    s.r.hset(s.key("fences"), "hooks", 5)
    assert s.refused("hook_fan", 4, at, "9-0") == "FENCED" and s.refused("hook_fan", 5, at, "9-0") == ""


def test_a_code_is_taken_once(s):
    s.call("user_put", "u1", 0, "root", "rec", "pw")
    s.call("second_start", "u1", "secret")
    assert s.refused("second_put", "u1", "another", 10, "", "root", *["h"] * 10) == "CONFLICT"
    changed = s.call("second_put", "u1", "secret", 10, "", "root", *["h"] * 10)[4]
    good = ("second_good", "", "u1", "net", "", "")
    assert s.refused(*good, 10, "", 0, changed) == "AUTH", "the one that set it up"
    assert s.refused(*good, 11, "", 0, changed) == ""
    assert s.refused(*good, 11, "", 0, changed) == "AUTH"
    assert s.refused(*good, "", 3, 0, changed) == "" and s.refused(*good, "", 3, 0, changed) == "AUTH"
    assert s.refused(*good, 12, "", 0, "1") == "AUTH", "it changed meanwhile"
    assert s.call("user_try_good", "u1", "net", "", changed, "1", "") == b"SECOND"


if __name__ == "__main__":
    run(globals())
