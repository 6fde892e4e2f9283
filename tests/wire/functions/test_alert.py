#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Red alerts: raised with the thread, each step and each notice once, grouped without losing a person, acknowledged together."""
import random

from functions import run

GROUP, CONFIRM = 300000, 45000
C = b"contact1", b"contact2", b"contact3", b"contact4"
T = b"thread-1", b"thread-2", b"thread-3", b"thread-4"
FROM = {"possible": {"raised", "dismissed"}, "raised": {"notified", "acknowledged", "dismissed"}, "notified": {"acknowledged", "dismissed"},
        "acknowledged": {"handed", "closed", "dismissed"}, "handed": {"handed", "closed"}, "closed": set(), "dismissed": set()}


def person(s, i, clearance=0, area="tr"):
    s.r.hset(s.key("contact:") .encode() + C[i], mapping={"k": 10 + i})
    s.r.hset(s.key("thread:").encode() + T[i], mapping={"c": C[i], "st": 1, "v": 1, "n": 0, "cl": clearance, "ar": area, "wt": 1, "pr": 1})


def raise_(s, i, code, state="raised", category="detention", how="agent", actor="amal", clearance=0, timer=""):
    out = s.call("alert_raise", T[i], code, state, category, how, actor, "", GROUP, clearance, 10 + i, "sealed", CONFIRM, timer, "g%d" % i, "")
    return [x.decode() if isinstance(x, bytes) else x for x in out]


def facets(s, code):
    v = s.r.get(s.key("rec:alert:" + code)).decode("latin-1")
    text = v[v.index("state="):v.index("sealed") if "sealed" in v else len(v)]
    return dict(w.split("=", 1) for w in text.split(" ") if "=" in w)


def move(s, code, to, actor="bela", via="page", sealed=""):
    return s.call("alert_move", code, to, actor, via, GROUP, 0, 10, sealed)


def step(s, code, name, *notices, level=1):
    return s.call("alert_step", code, name, level, s.now() + 45000, "".join("%s %s %s\n" % n for n in notices))


def priority(s, i):
    return s.r.hget(s.key("thread:").encode() + T[i], "pr")


def timers(s):
    return {t.decode(): int(w) for t, w in s.r.zrange(s.key("timers"), 0, -1, withscores=True)}


def actions(s):
    return [f["x"] for _, f in s.stream("audit")]


def test_raising_changes_the_thread_in_the_same_step(s):
    person(s, 0)
    assert raise_(s, 0, "111111")[:3] == ["111111", "raised", "new"]
    assert priority(s, 0) == b"3"
    f = facets(s, "111111")
    assert f["cat"] == "detention" and f["area"] == "tr" and f["by"] == "amal" and f["n"] == "1"
    assert "alert 111111" in timers(s) and "alert.raised" in actions(s)
    assert any(f.get("w") == "alert" and f["k"] == "3" for _, f in
               [(i, {k.decode(): v.decode("latin-1") for k, v in f.items()}) for i, f in s.r.xrange(s.key("events"))])


def test_the_same_person_once(s):
    person(s, 0)
    raise_(s, 0, "111111")
    assert raise_(s, 0, "222222")[:3] == ["111111", "raised", "same"]
    assert not s.r.exists(s.key("rec:alert:222222"))


def test_a_possible_one_is_confirmed_dismissed_or_pages(s):
    for i in range(3):
        person(s, i, area="tr/%d" % i)
        s.call("timer_set", "alarm x %d" % i, 1)
        assert raise_(s, i, "10000%d" % i, "possible", how="words", actor="system", timer="alarm x %d" % i)[1:3] == ["possible", "new"]
        assert "alarm x %d" % i not in timers(s)
    assert priority(s, 0) == b"2"
    assert timers(s)["alert 100000"] > s.now() + 40000
    move(s, "100000", "raised")
    assert move(s, "100000", "raised", actor="carl")[0] == b"raised"  # two at once
    assert facets(s, "100000")["state"] == "raised" and priority(s, 0) == b"3" and "alert.confirmed" in actions(s)
    move(s, "100001", "dismissed")
    assert "alert 100001" not in timers(s)
    assert raise_(s, 1, "200001", "possible", how="words")[:3] == ["100001", "dismissed", "same"]  # not at each of their words
    assert raise_(s, 1, "200002")[2] == "new"  # but a person may
    assert s.call("alert_unconfirmed", "100002", GROUP) == 1
    assert s.call("alert_unconfirmed", "100002", GROUP) == 0
    assert facets(s, "100002")["state"] == "raised" and "alert.unconfirmed" in actions(s)


def test_one_key_over_a_possible_one_pages(s):
    person(s, 0)
    raise_(s, 0, "111111", "possible", how="words")
    assert raise_(s, 0, "222222")[:3] == ["111111", "raised", "same"]


def test_each_step_and_each_notice_once(s):
    person(s, 0)
    raise_(s, 0, "111111")
    assert step(s, "111111", "0", ("bela", "0", ""), ("bela", "p", "absent")) == 1
    assert step(s, "111111", "0", ("bela", "0", "")) == 0
    assert "notice 111111 0 bela 0" in timers(s) and "notice 111111 0 bela p" not in timers(s)
    assert facets(s, "111111")["state"] == "raised"  # absent is not told
    assert s.call("alert_told", "111111", "0 bela 0", "retry", 2000) == 1
    assert timers(s)["notice 111111 0 bela 0"] > s.now() + 1000
    assert s.call("alert_told", "111111", "0 bela 0", "sent", 0) == 2
    assert "notice 111111 0 bela 0" not in timers(s)
    f = facets(s, "111111")
    assert f["state"] == "notified" and int(f["fi"]) >= int(f["ra"])
    assert step(s, "111111", "2", ("carl", "0", "")) == 1  # the second was missed
    assert step(s, "111111", "1", ("bela", "0", "")) == 0
    told = s.call("alert_notices", "111111")
    assert len(told) == 6


def test_a_page_that_is_open_is_told(s):
    person(s, 0)
    raise_(s, 0, "111111")
    step(s, "111111", "0", ("bela", "p", "sent"))
    assert facets(s, "111111")["state"] == "notified"


def test_like_events_are_one_and_nobody_is_lost(s):
    for i in range(4):
        person(s, i, area="tr/x" if i == 3 else "tr")
    raise_(s, 0, "111111")
    step(s, "111111", "0", ("bela", "p", "sent"))
    assert raise_(s, 1, "222222")[2] == "grouped"
    assert raise_(s, 2, "333333")[2] == "grouped"
    assert raise_(s, 3, "444444")[2] == "new"  # another place
    assert facets(s, "111111")["n"] == "3" and facets(s, "222222")["of"] == "111111" and priority(s, 2) == b"3"
    assert step(s, "222222", "0", ("bela", "0", "")) == 0  # the first tells for all
    assert facets(s, "222222")["state"] == "raised"
    assert timers(s)["alert 111111"] < s.now() + 6000  # soon, not with the next step
    assert step(s, "111111", "c3", ("bela", "p", "sent")) == 1
    assert step(s, "111111", "c3", ("bela", "p", "sent")) == 0
    assert facets(s, "222222")["state"] == facets(s, "333333")["state"] == "notified"
    move(s, "222222", "acknowledged")
    for code in ("111111", "222222", "333333"):
        f = facets(s, code)
        assert f["state"] == "acknowledged" and f["ab"] == "bela", f
    assert facets(s, "444444")["state"] == "raised"
    assert "alert 111111" not in timers(s)


def test_after_an_acknowledgement_a_new_person_rings_anew(s):
    person(s, 0)
    person(s, 1)
    raise_(s, 0, "111111")
    move(s, "111111", "acknowledged")
    assert raise_(s, 1, "222222")[2] == "new"


def test_dismissing_the_first_of_a_group_leaves_the_others_ringing(s):
    for i in range(3):
        person(s, i)
        raise_(s, i, "11111%d" % i)
    move(s, "111110", "dismissed")
    f = facets(s, "111111")
    assert f["state"] == "raised" and "of" not in f and f["n"] == "2" and facets(s, "111112")["of"] == "111111"
    assert "alert 111111" in timers(s) and "alert 111110" not in timers(s)
    assert step(s, "111111", "1", ("bela", "0", "")) == 1


def test_sealed_ones_are_grouped_with_sealed_ones_alone(s):
    person(s, 0)
    person(s, 1, clearance=2)
    raise_(s, 0, "111111")
    assert raise_(s, 1, "222222", clearance=2)[2] == "new"
    s.r.hset(s.key("thread:").encode() + T[0], "cl", 1)
    assert s.refused("alert_raise", T[0], "333333", "raised", "death", "agent", "x", "", GROUP, 0, 10, "", CONFIRM, "", "g9", "") == "AGAIN"


def test_acknowledged_handed_closed(s):
    person(s, 0)
    raise_(s, 0, "111111")
    assert s.refused("alert_move", "111111", "closed", "bela", "page", GROUP, 0, 10, "") == "CONFLICT"
    move(s, "111111", "acknowledged", via="reply")
    assert move(s, "111111", "acknowledged", actor="carl")[0] == b"acknowledged"  # again: the first has it
    assert facets(s, "111111")["ab"] == "bela"
    assert step(s, "111111", "5", ("bela", "0", "")) == 0
    move(s, "111111", "handed", sealed="sealed-anew")
    assert b"sealed-anew" in s.r.get(s.key("rec:alert:111111"))
    move(s, "111111", "closed")
    f = facets(s, "111111")
    assert f["state"] == "closed" and f["eb"] == "bela" and f["hb"] == "bela"
    assert [a for a in actions(s) if a.startswith("alert.")] == ["alert.raised", "alert.acknowledged", "alert.handed", "alert.closed"]
    assert s.refused("alert_move", "999999", "closed", "bela", "page", GROUP, 0, 10, "") == "NOT_FOUND"


def test_an_erased_person_does_not_keep_it_ringing(s):
    person(s, 0)
    raise_(s, 0, "111111")
    s.r.hset(s.key("contact:").encode() + C[0], "er", 1)
    s.r.hdel(s.key("contact:").encode() + C[0], "k")
    move(s, "111111", "acknowledged")
    assert facets(s, "111111")["state"] == "acknowledged"
    assert b"sealed" not in s.r.get(s.key("rec:alert:111111"))


def test_a_thread_that_is_sealed_takes_its_alerts_along(s):
    person(s, 0)
    person(s, 1)
    raise_(s, 0, "111111")
    raise_(s, 1, "222222", category="death")
    s.call("transfer", T[0], "amal", "", 2, "tp", "report")
    assert facets(s, "111111")["mc"] == "2" and "mc" not in facets(s, "222222")
    assert "alert.sealed" in actions(s)
    move(s, "111111", "acknowledged")
    assert facets(s, "111111")["mc"] == "2"


def test_a_drill_touches_nobody(s):
    person(s, 0)
    out = s.call("alert_raise", "", "777777", "raised", "medical", "drill", "amal", "1", GROUP, 0, 0, "", CONFIRM, "", "", "tr")
    assert out[2] == b"new"
    assert facets(s, "777777")["drill"] == "1" and facets(s, "777777")["area"] == "tr"
    assert raise_(s, 0, "111111", category="medical")[2] == "new"  # not grouped to a drill


def test_words_and_alerts_come_again_soon(s):
    s.call("timer_set", "alert 1", 1)
    s.call("timer_set", "other 1", 1)
    out = s.call("timers_due", 0)
    due = dict(zip(out[1::2], map(int, out[2::2])))
    assert due[b"alert 1"] < s.now() + 6000 and due[b"other 1"] > s.now() + 50000


def test_random_traces(s):
    """Whatever happens: states follow the table, what rings has a timer or stands behind one that does, what does not has none."""
    rng = random.Random(5)
    for i in range(4):
        person(s, i, area=rng.choice(["tr", "tr/x"]))
    codes, n = {}, 0
    for _ in range(600):
        what = rng.randrange(6)
        if what == 0:
            n += 1
            code = "%06d" % n
            got = raise_(s, rng.randrange(4), code, rng.choice(["raised", "possible"]), rng.choice(["death", "medical"]), rng.choice(["agent", "words"]))
            if got[2] != "same":
                codes[code] = None
        elif codes:
            code = rng.choice(list(codes))
            was = facets(s, code)["state"]
            if what == 1:
                step(s, code, str(rng.randrange(5)), ("bela", "0", ""), ("bela", "p", rng.choice(["sent", "absent"])))
            elif what == 2:
                s.call("alert_told", code, "0 bela 0", rng.choice(["sent", "failed"]), 0)
            else:
                to = rng.choice(list(FROM))
                if to != "notified":
                    word = s.refused("alert_move", code, to, "bela", "page", GROUP, 0, 10, "")
                    assert (word == "") == (to in FROM[was] or to == was or (to == "raised" and was == "notified")), (was, to, word)
        due = timers(s)
        for code in codes:
            f = facets(s, code)
            if f["state"] in ("raised", "notified"):
                head = f.get("of", code)
                assert "alert " + head in due and facets(s, head)["state"] in ("raised", "notified"), (code, f)
            elif f["state"] != "possible":
                assert "alert " + code not in due, (code, f)


run(globals())
