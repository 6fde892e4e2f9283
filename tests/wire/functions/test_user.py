#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Users, sessions, tokens, tries; files that wait for an entry."""
import time

from functions import run


def put(s, user="u1", disabled=0, record="rec", password="pw"):
    return s.call("user_put", user, disabled, "boss", record, password)


def test_a_user_is_put_read_and_listed(s):
    assert s.refused("user_put", "u1", 0, "boss", "rec", "") == "INVALID"
    assert s.refused("user_get", "u1") == "NOT_FOUND"
    assert put(s) == 1
    assert put(s, record="rec2", password="") == 0
    got = s.call("user_get", "u1")
    assert got[:4] == [b"u1", b"rec2", b"pw", b"0"] and abs(int(got[4]) - s.now()) < 1000
    assert s.call("users_get") == [got]
    assert [f["x"] for _, f in s.stream("audit")] == ["user.put", "user.put"]


def test_sessions_live_by_use_and_end_with_the_user(s):
    put(s)
    s.call("session_new", "h1", "u1", 100)
    s.r.expire(s.key("sess:h1"), 10)
    assert s.call("session_check", "h1")[1] == b"rec"
    assert s.r.ttl(s.key("sess:h1")) > 90
    assert s.refused("session_check", "h2") == "AUTH"
    put(s, password="")  # the record alone leaves sessions
    assert s.refused("session_check", "h1") == ""
    put(s, password="new")
    assert s.refused("session_check", "h1") == "AUTH"
    s.call("session_new", "h3", "u1", 100)
    assert s.refused("user_disable", "nobody", 1, "boss") == "NOT_FOUND"
    assert s.call("user_disable", "u1", 1, "boss")[3] == b"1"
    assert s.refused("session_check", "h3") == "AUTH"
    assert s.refused("session_new", "h4", "u1", 100) == "AUTH"
    s.call("user_disable", "u1", 0, "boss")
    assert s.refused("session_check", "h3") == "AUTH"
    s.call("session_new", "h5", "u1", 100)
    s.call("session_end", "h5")
    assert s.refused("session_check", "h5") == "AUTH"


def test_wrong_tries_slow_down_and_never_lock(s):
    put(s)
    for _ in range(4):
        assert s.call("user_try", "u1")[:4] == [b"u1", b"rec", b"pw", b"0"]
    for n in range(6):  # the fifth starts a wait, and each makes it longer
        before = s.now()
        assert s.refused("user_try", "u1") == ""
        wait = int(s.hash("try:u1")["u"]) - before
        assert 1000 * 2 ** n <= wait <= 1000 * 2 ** n + 900
        if n > 2:
            assert s.refused("user_try", "u1") == "RATE"
        s.r.hset(s.key("try:u1"), "u", 0)  # it is over
    s.r.hset(s.key("try:u1"), "n", 1000)
    s.r.hset(s.key("try:u1"), "u", 0)
    assert s.refused("user_try", "u1") == ""
    assert int(s.hash("try:u1")["u"]) - s.now() <= 60000
    s.r.hset(s.key("try:u1"), "u", 0)
    s.call("user_try_good", "u1")
    assert s.refused("user_try", "u1") == ""


def test_unknown_users_are_slowed_alike(s):
    for _ in range(5):
        assert s.call("user_try", "nobody")[:4] == [b"nobody", b"", b"", b""]
    s.r.hset(s.key("try:nobody"), "u", s.now() + 60000)
    assert s.refused("user_try", "nobody") == "RATE"


def wrong(s, n, user, net, device=""):
    """n tries without waiting; how many were let through."""
    good = 0
    for _ in range(n):
        good += s.refused("user_try", user, net, device) == ""
        for key in s.r.keys(s.key("try:" + user + "*")):
            s.r.hset(key, "u", 0)  # the waits of one place are over
    return good


def test_what_others_try_elsewhere_delays_nobody_who_signed_in(s):
    put(s)
    for user in ("u1", "nobody"):  # the same numbers for both
        assert wrong(s, 21, user, "evil") == 21
        assert s.refused("user_try", user, "evil") == "RATE"
        assert s.refused("user_try", user, "other") == "RATE"  # nobody has signed in from there
        wait = int(s.hash("trys:" + user)["u"]) - s.now()
        assert 0 < wait <= 1000
        s.r.hset(s.key("trys:" + user), "n", 1000)
        s.r.hset(s.key("trys:" + user), "u", 0)
        assert s.refused("user_try", user, "other") == ""
        assert 29000 < int(s.hash("trys:" + user)["u"]) - s.now() <= 30000  # slower, never longer than that
    assert s.refused("user_try", "u2", "other") == ""  # other names are not
    # From a device, and from a network, that signed in before.
    assert s.refused("user_try", "u1", "other", "d1") == "RATE"  # whatever it proved, it did not
    s.call("user_try_good", "u1", "home", "d1")
    assert s.refused("user_try", "u1", "other", "d1") == ""
    assert s.refused("user_try", "u1", "home") == ""
    assert s.refused("user_try", "u1", "other") == "RATE"
    # They are counted for themselves.
    n = int(s.hash("trys:u1")["n"])
    assert [s.refused("user_try", "u1", "home") for _ in range(6)][-1] == "RATE"
    assert [s.refused("user_try", "u1", "home", "d1") for _ in range(6)][-1] == "RATE"
    assert int(s.hash("trys:u1")["n"]) == n
    assert s.refused("user_try", "u1", "home", "d2") == "RATE"  # one that is not listed is no place of its own
    # So many networks and devices are kept, the newest.
    for i in range(25):
        s.call("user_try_good", "u1", f"n{i}", f"e{i}")
    assert s.r.zcard(s.key("from:u1")) == 20 and s.r.zscore(s.key("from:u1"), "home") is None
    assert s.r.zcard(s.key("devs:u1")) == 20 and s.r.zscore(s.key("devs:u1"), "d1") is None
    assert s.r.pttl(s.key("from:u1")) <= 90 * 86400000 < 399 * 86400000 < s.r.pttl(s.key("devs:u1"))


def test_no_place_outlives_a_password(s):
    def places():
        return s.r.exists(s.key("from:u1"), s.key("devs:u1"))

    put(s)
    for end in (lambda: put(s, password="new"), lambda: put(s, disabled=1, password=""), lambda: s.call("user_disable", "u1", 1, "boss")):
        s.call("user_disable", "u1", 0, "boss")
        s.call("user_try_good", "u1", "home", "d1")
        put(s, password="")
        s.call("user_disable", "u1", 0, "boss")
        assert places() == 2  # the record alone leaves them
        end()
        assert places() == 0
    # A try that was good by the record of before is not good by the one of now.
    changed = s.call("user_try", "u1", "home")[4]
    time.sleep(0.002)
    put(s, password="newer")
    assert s.refused("user_try_good", "u1", "home", "d1", changed) == "AUTH" and places() == 0
    assert s.refused("user_try_good", "u1", "home", "d1", s.call("user_try", "u1", "home")[4]) == "" and places() == 2


def test_tokens(s):
    s.call("token_new", "h1", "t1", "demo", "boss", "sealed")
    assert s.call("token_check", "h1") == b"sealed"
    assert s.refused("token_check", "h2") == "AUTH"
    assert [t[:2] for t in s.call("tokens_get", "demo")] == [[b"h1", b"sealed"]]
    assert s.call("tokens_get", "other") == []
    assert s.call("token_end", "t1", "boss") == b"demo"
    assert s.refused("token_end", "t1", "boss") == "NOT_FOUND"
    assert s.refused("token_check", "h1") == "AUTH"
    assert s.call("tokens_get", "demo") == []


def test_files_wait_for_their_owner(s):
    s.call("blob_put", "b1", "owner", "sealed")
    assert s.refused("blob_claim", "b1", "thief") == "NOT_FOUND"
    assert s.refused("blob_claim", "b2", "owner") == "NOT_FOUND"
    assert s.call("blobs_known", "b1", "b2") == [1, 0]
    assert s.r.sismember(s.key("blobs"), "b1") == 0
    assert s.call("blob_claim", "b1", "owner") == b"sealed"
    assert s.call("blob_claim", "b1", "owner") == b"sealed"
    assert 3500 < s.r.ttl(s.key("blob:b1")) <= 3600
    s.r.delete(s.key("blob:b1"))
    assert s.call("blobs_known", "b1") == [1]
    s.call("blob_forget", "b1")
    assert s.call("blobs_known", "b1") == [0]


def test_seals_are_a_sequence(s):
    assert s.refused("audit_seal", 0, 2, 1, 1, "1-0", "h") == "CONFLICT"
    s.call("audit_add", "boss", "login.failed", "u1", "", "boss", "export", "all", "x")
    assert [f["x"] for _, f in s.stream("audit")] == ["login.failed", "export"]
    s.call("audit_seal", 0, 1, 2, 2, "1-0", "h")
    assert s.refused("audit_seal", 0, 1, 2, 2, "1-0", "h") == "CONFLICT"
    s.call("audit_seal", 0, 2, 1, 3, "2-0", "h")
    assert len(s.stream("seals")) == 2


run(globals())
