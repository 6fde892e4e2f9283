# SPDX-License-Identifier: Apache-2.0
"""People by hand and "same person?": merging and taking apart, linked addresses, threads in doubt, and random traces of all of it with
messages arriving in the middle, against an oracle that knows nothing of how it is kept."""
import hashlib
import random
import struct

from functions import run

NONE8 = b"\0" * 8
NONE16 = b"\0" * 16
YEAR = 365 * 86400


def blind(name):
    return hashlib.sha256(name.encode()).digest()[:16]


class Ingest:
    """What a node does: asks who it is, says what it believes, and once more when it was wrong. Nothing is sealed."""

    def __init__(self, s):
        self.s, self.n = s, 0

    def handle(self):
        self.n += 1
        return b"h" + struct.pack(">I", self.n) + b"xyz"

    def __call__(self, address, channel, also="", number=None, cl=0, name="", language="", provider=None, stale=None):
        number = address.startswith("tel:") or also.startswith("tel:") if number is None else number
        self.n += 1
        ident = provider or "id%d" % self.n
        known = stale or self.known(address, channel, also, number)
        for _ in range(5):
            answer = self.send(known, address, channel, also, number, cl, name, language, ident)
            if isinstance(answer, bytes):
                how, thread, contact, seq, flags, _v = struct.unpack(">c8s8sIBI", answer)
                return {"how": how.decode(), "thread": thread, "contact": contact, "seq": seq, "new": bool(flags & 2)}
            known = answer
        raise AssertionError("it was told otherwise each time")

    def known(self, address, channel, also="", number=True):
        return self.s.call("known", blind(address), blind(also) if also else b"", 72 * 3600000, b"", channel if number else "")

    def send(self, known, address, channel, also, number, cl, name, language, ident):
        known = list(known) + [b""] * (23 - len(known))
        contact = known[1] or NONE8
        expected = known[10 + 2 * cl] or NONE8
        digest = hashlib.sha256(ident.encode()).digest()
        flags = 8 if also and known[3] in (b"", b"3") else 0
        mode = (2) + (4 if number else 0)
        fixed = struct.pack(">16s16s8s8s8s8s3sBBBBBhI2sI", blind(address), blind(also) if also else NONE16, contact, expected,
                            self.handle(), self.handle(), digest[:3], 0, flags, mode, cl, 1 if language else 0, 0, 72 * 3600, b"nn", 0)
        details = "\t".join([language, "", "", "", name])
        entry = struct.pack(">BBB", 8, cl, len(channel)) + channel.encode() + b"\0" + b"x" * 30
        return self.s.call("ingest", fixed, int.from_bytes(digest[3:10], "big"), entry, channel, b"", b"", details, "7", b"sealed", b"also", b"")


def contact(s, handle):
    """{address blind: record}, merged, threads as `contact` tells them."""
    r = s.call("contact", handle)
    h = dict(zip(r[0][::2], r[0][1::2]))
    pairs = dict(zip(r[1::2], r[2::2]))
    split = lambda v: [v[i:i + 8] for i in range(0, len(v), 8)]
    return {"h": h, "merged": split(pairs.get(b"me", b"")), "threads": split(pairs.get(b"T", h.get(b"T", b"")))}


def field(s, thread, name):
    v = s.r.hget(b"p:{x}:thread:" + thread, name)
    return v.decode() if v else ""


def age(s, address, seconds):
    """The number was seen last so long ago."""
    b = blind(address)
    key = b"p:{x}:addr:" + b[:1] + bytes([b[1] - b[1] % 16])
    v = s.r.hget(key, b)
    s.r.hset(key, b, v[:9] + struct.pack(">I", struct.unpack(">I", v[9:13])[0] - seconds) + v[13:])


def resolve(s, thread, hours=0):
    """As if it had been ended so long ago."""
    s.r.hset(b"p:{x}:thread:" + thread, mapping={"st": 5, "rs": s.now() - hours * 3600000})
    s.r.zrem(s.key("waiting"), thread)


def test_a_number_on_a_new_channel_begins_apart(s):
    say = Ingest(s)
    first = say("tel:+1", "sms")
    assert say("tel:+1", "sms")["thread"] == first["thread"]
    other = say("tel:+1", "whatsapp")
    assert other["contact"] == first["contact"] and other["thread"] != first["thread"]
    assert field(s, other["thread"], "du") == "channel" and field(s, first["thread"], "du") == ""
    for _ in range(2):  # each goes on where it was
        assert say("tel:+1", "whatsapp")["thread"] == other["thread"]
        assert say("tel:+1", "sms")["thread"] == first["thread"]
    s.call("same_person", other["thread"], "amal", "yes")
    assert field(s, other["thread"], "du") == "" and field(s, other["thread"], "ds") == "channel"
    now = {say("tel:+1", c)["thread"] for c in ("sms", "whatsapp", "sms")}
    assert now == {other["thread"]}
    s.call("same_person", other["thread"], "amal", "undo")
    assert say("tel:+1", "sms")["thread"] == first["thread"]
    assert say("tel:+1", "whatsapp")["thread"] == other["thread"]
    assert [f["x"] for _, f in s.stream("audit")][-2:] == ["thread.same", "thread.same"]


def test_what_is_not_a_number_is_never_doubted(s):
    say = Ingest(s)
    one = say("web:1", "web")
    age(s, "web:1", YEAR)
    assert say("web:1", "web2")["thread"] == one["thread"]


def test_a_number_that_joins(s):
    say = Ingest(s)
    sms = say("tel:+1", "sms")
    wa = say("whatsapp:IQ.1", "whatsapp", also="tel:+1")
    assert wa["contact"] == sms["contact"] and wa["thread"] != sms["thread"] and field(s, wa["thread"], "du") == "channel"
    assert say("whatsapp:IQ.1", "whatsapp", also="tel:+1")["thread"] == wa["thread"]
    assert say("tel:+1", "sms")["thread"] == sms["thread"]
    s.call("same_person", wa["thread"], "amal", "yes")
    assert say("whatsapp:IQ.1", "whatsapp", also="tel:+1")["thread"] == wa["thread"] == say("tel:+1", "sms")["thread"]
    s.call("same_person", wa["thread"], "amal", "undo")
    assert say("whatsapp:IQ.1", "whatsapp", also="tel:+1")["thread"] == wa["thread"]
    assert say("tel:+1", "sms")["thread"] == sms["thread"]


def test_after_a_long_silence(s):
    say = Ingest(s)
    one = say("tel:+1", "sms")["thread"]
    age(s, "tel:+1", 179 * 86400)
    assert say("tel:+1", "sms")["thread"] == one
    age(s, "tel:+1", 181 * 86400)
    two = say("tel:+1", "sms")["thread"]
    assert two != one and field(s, two, "du") == "silence"
    assert say("tel:+1", "sms")["thread"] == two
    s.call("same_person", two, "amal", "no")
    assert field(s, two, "dv") == "no" and say("tel:+1", "sms")["thread"] == two
    s.call("same_person", two, "amal", "undo")
    s.call("same_person", two, "amal", "yes")
    assert say("tel:+1", "sms")["thread"] == two and field(s, two, "du") == ""
    assert s.refused("same_person", two, "amal", "yes") == "CONFLICT"


def test_another_name_or_language(s):
    say = Ingest(s)
    for how, first, later in (("name", {"name": "aaaa"}, {"name": "bbbb"}), ("language", {}, {"language": "fa"})):
        tel = "tel:+" + how
        one = say(tel, "sms", **first)
        s.r.hset(b"p:{x}:contact:" + one["contact"], mapping={"lt": "ar", "lh": "3"})
        assert say(tel, "sms", **later)["thread"] == one["thread"]  # in the middle of a talk it is no sign
        resolve(s, one["thread"], hours=100)
        two = say(tel, "sms", **later)
        assert two["thread"] != one["thread"] and field(s, two["thread"], "du") == how, how
        assert say(tel, "sms", **later)["thread"] == two["thread"]
        h = contact(s, one["contact"])["h"]
        assert h[b"lt"] == b"ar" and (how != "name" or h[b"N"] == b"aaaa")
        s.call("same_person", two["thread"], "amal", "yes")
        assert say(tel, "sms", **later)["thread"] == two["thread"]


def test_sealed_threads_in_doubt_stay_together(s):
    say = Ingest(s)
    say("tel:+1", "sms")
    open_one = say("tel:+1", "app")["thread"]
    sealed = say("tel:+1", "app", cl=2)["thread"]
    assert open_one != sealed and field(s, sealed, "du") and say("tel:+1", "app", cl=2)["thread"] == sealed
    s.call("same_person", open_one, "amal", "yes")
    assert field(s, sealed, "du") == "" and say("tel:+1", "app", cl=2)["thread"] == sealed


def test_by_hand(s):
    s.call("agent_put", "amal", "boss", 0, "x", "sealed", "cp", 3, "cl", 0, "lg", "ar:5")
    c = s.call("contact_new", b"contact1", 9, blind("tel:+1"), b"sealed", "desk", b"profile", "ar", 2, "tr", "amal")
    assert c == b"contact1" and contact(s, c)["h"][b"pv"] == b"1"
    assert s.call("contact_new", b"contact2", 10, blind("tel:+1"), b"sealed", "desk", b"", "", 0, "", "amal") == b"contact1"
    id1, new = s.call("thread_new", c, b"thread01", 0, "desk", blind("tel:+1"), "", "", "ar", "amal", "amal", "1")
    assert new == b"1" and field(s, id1, "st") == "3" and field(s, id1, "as") == "amal" and field(s, id1, "du") == ""
    assert s.call("thread_new", c, b"thread02", 0, "desk", b"", "", "", "", "amal", "amal", "") == [id1, b""]
    id2, new = s.call("thread_new", c, b"thread03", 0, "desk", b"", "", "", "", "amal", "amal", "1")  # by the number alone
    assert new == b"1" and field(s, id2, "du") == "channel" and contact(s, c)["h"][b"o0"] == id1
    assert s.refused("thread_new", c, b"thread04", 0, "desk", blind("tel:+2"), "", "", "", "amal", "amal", "") == "INVALID"
    assert s.refused("thread_new", b"nobody00", b"thread04", 0, "desk", b"", "", "", "", "amal", "amal", "") == "NOT_FOUND"
    assert s.refused("same_person", id2, "amal", "yes") == "FORBIDDEN" and field(s, id2, "du") == "channel"  # not alone
    s.call("same_person", id2, "amal", "no")
    s.call("same_person", id2, "amal", "undo")
    s.call("same_person", id2, "farid", "yes")
    assert field(s, id2, "du") == ""
    s.call("same_person", id2, "amal", "undo")
    assert s.refused("same_person", id2, "amal", "yes") == "FORBIDDEN"
    s.r.hset(b"p:{x}:thread:" + id2, "li", "4")  # they have written in it
    s.call("same_person", id2, "amal", "yes")
    assert field(s, id2, "du") == ""
    s.call("identity", id2, "amal", "receipt", "passed")
    assert field(s, id2, "ih") == "receipt" and field(s, id2, "ib") == "amal"
    s.call("identity", id2, "amal", "receipt", "failed")
    assert field(s, id2, "ih") == ""


def test_a_question_is_no_trace_of_what_is_sealed(s):
    say = Ingest(s)
    sealed = say("tel:+1", "sms", cl=2)
    other = say("tel:+1", "app")
    assert other["thread"] != sealed["thread"] and field(s, other["thread"], "du") == "quiet"
    assert say("tel:+1", "app")["thread"] == other["thread"] and say("tel:+1", "sms", cl=2)["thread"] == sealed["thread"]
    assert s.refused("same_person", other["thread"], "amal", "yes") == "CONFLICT" == s.refused("same_person", other["thread"], "amal", "no")
    again = say("tel:+1", "app", cl=2)["thread"]  # now both are sealed: focal points are asked
    assert again not in (other["thread"], sealed["thread"]) and field(s, again, "du") == "channel"
    id, _ = s.call("thread_new", sealed["contact"], b"thread09", 0, "desk", b"", "", "", "", "", "amal", "1")
    assert field(s, id, "du") == "channel"  # beside the one of the app


def test_what_was_entered_by_hand_does_not_stay_for_ever(s):
    s.call("agent_put", "amal", "boss", 0, "x", "sealed", "cp", 3, "cl", 0, "lg", "ar:5")
    c = s.call("contact_new", b"contact1", 9, b"", b"", "desk", b"", "", 0, "", "amal")
    t, _ = s.call("thread_new", c, b"thread01", 0, "desk", b"", "", "", "", "amal", "amal", "")
    n = int(field(s, t, "n")) + 1
    old = s.now() - 40 * 86400000
    s.r.hset(b"p:{x}:log:" + t, n, b"\1" + old.to_bytes(6, "big") + bytes([5 + 16, 0, 4]) + b"desk" + b"\0" + b"sealed")
    s.r.hset(b"p:{x}:thread:" + t, "n", n)
    due = lambda days: s.call("retention_page", 0, s.now() - 7 * 86400000, "web", s.now() - days * 86400000, "sms", s.now() - 7 * 86400000)[1:]
    assert due(60) == [] and due(30) == [t, str(n).encode()]


def test_links_and_merges_refuse_what_they_must(s):
    say = Ingest(s)
    a, b, c = (say("web:%d" % i, "web")["contact"] for i in range(3))
    assert s.refused("contact_link", a, blind("web:1"), b"x", "web", "amal") == "CONFLICT"
    s.call("contact_link", a, blind("tel:+9"), b"x", "sms", "amal")
    assert say("tel:+9", "sms")["contact"] == a
    assert s.refused("contact_unlink", b, blind("tel:+9"), "amal") == "NOT_FOUND"
    s.call("contact_unlink", a, blind("tel:+9"), "amal")
    assert say("tel:+9", "sms")["contact"] not in (a, b, c)
    assert s.refused("contact_merge", a, a, "amal") == "INVALID"
    assert s.refused("contact_merge", a, b"nobody00", "amal") == "NOT_FOUND"
    s.call("contact_merge", a, b, "amal")
    s.call("contact_merge", b, c, "amal")
    assert s.refused("contact_unmerge", a, c, "amal") == "CONFLICT"
    assert set(s.call("person", c)) == {a, b, c} and set(contact(s, a)["merged"]) == {b, c}
    s.call("erase_begin", b, "boss")
    assert contact(s, a)["merged"] == [] and contact(s, c)["merged"] == []


def test_who_held_the_persons_other_thread_is_preferred(s):
    s.call("agent_put", "amal", "boss", 0, "x", "sealed", "cp", 3, "cl", 0, "lg", "ar:5")
    say = Ingest(s)
    a, b = say("web:1", "web"), say("web:2", "web")
    resolve(s, b["thread"], hours=100)
    s.call("contact_merge", a["contact"], b["contact"], "boss")
    s.call("assign", a["thread"], 0, "amal", "boss")
    assert field(s, say("web:2", "web")["thread"], "la") == "amal"


class Oracle:
    """Who is one person, whose each address is, in which thread each message lies."""

    def __init__(self):
        self.owner, self.edges, self.said = {}, set(), {}

    def person(self, c):
        seen, todo = {c}, [c]
        while todo:
            x = todo.pop()
            for e in self.edges:
                if x in e:
                    y, = e - {x}
                    if y not in seen:
                        seen.add(y)
                        todo.append(y)
        return seen


def check(s, o, contacts):
    for c in contacts:
        view = contact(s, c)
        assert set(view["merged"]) | {c} == o.person(c)
        theirs = {t for m in o.person(c) for t in o.said.get(m, {})}
        assert set(view["threads"]) == theirs
        own = {k[1:] for k in view["h"] if k[:1] == b"a" and len(k) == 17}
        assert own == {blind(a) for a, w in o.owner.items() if w == c}
    for threads in o.said.values():
        for t, numbers in threads.items():
            kept = {int(f) for f in s.r.hkeys(b"p:{x}:log:" + t) if f.isdigit()}
            assert numbers <= kept and kept == set(range(1, int(field(s, t, "n")) + 1))


def trace(s, seed, steps=120):
    s.r.flushall()
    rnd = random.Random(seed)
    say, o, contacts = Ingest(s), Oracle(), []
    addresses = ["web:%d.%d" % (seed, i) for i in range(6)]
    beliefs = {}

    def message():
        a = rnd.choice(addresses)
        stale = beliefs.get(a) if rnd.random() < 0.4 else None  # what a node believed a while ago
        beliefs[a] = say.known(a, "web", number=False)
        r = say(a, "web", stale=stale)
        if a in o.owner:
            assert r["contact"] == o.owner[a], "a message went to somebody else"
        else:
            o.owner[a] = r["contact"]
            contacts.append(r["contact"])
        o.said.setdefault(r["contact"], {}).setdefault(r["thread"], set()).add(r["seq"])

    def merge():
        x, y = rnd.choice(contacts), rnd.choice(contacts)
        if x != y:
            s.call("contact_merge", x, y, "amal")
            o.edges.add(frozenset((x, y)))

    def unmerge():
        x, y = rnd.choice(contacts), rnd.choice(contacts)
        e = frozenset((x, y))
        refused = s.refused("contact_unmerge", x, y, "amal")
        assert (refused == "") == (e in o.edges)
        o.edges.discard(e)

    def link():
        x, a = rnd.choice(contacts), rnd.choice(addresses)
        refused = s.refused("contact_link", x, blind(a), b"x", "web", "amal")
        assert (refused == "") == (o.owner.get(a, x) == x), refused
        if not refused:
            o.owner[a] = x

    def unlink():
        x, a = rnd.choice(contacts), rnd.choice(addresses)
        refused = s.refused("contact_unlink", x, blind(a), "amal")
        assert (refused == "") == (o.owner.get(a) == x)
        if not refused:
            del o.owner[a]

    def end():
        t = rnd.choice([t for m in o.said.values() for t in m])
        if field(s, t, "st") != "5":
            resolve(s, t, hours=rnd.choice((0, 100)))

    message()
    for _ in range(steps):
        rnd.choice((message, message, message, merge, unmerge, link, unlink, end))()
    check(s, o, contacts)


def test_random_traces(s):
    for seed in range(12):
        trace(s, seed)


if __name__ == "__main__":
    run(globals())
