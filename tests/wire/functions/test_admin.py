#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Erasure, retention, what a backup copies and what is made anew after a restore."""
import struct

from functions import run

BOT, WAITING, OFFERED, ASSIGNED, SNOOZED, RESOLVED = range(6)
DAY = 86400000


def handle(n):
    return struct.pack(">Q", n + 0x6100000000000000)


def entry(ms, kind=0, channel=b"web"):
    """An entry's clear head and some bytes for its envelope (functions/person.lua)."""
    return b"\x01" + struct.pack(">Q", ms)[2:] + bytes([kind, 0, len(channel)]) + channel + b"\x00" + b"ENVELOPE"


def addr_key(s, blind):
    return s.key("addr:").encode() + blind[:1] + bytes([blind[1] - blind[1] % 16])


def contact(s, c, threads, blinds=(), kid=7):
    key = s.key("contact:").encode() + c
    s.r.hset(key, mapping={b"k": kid, b"T": b"".join(threads), b"p": b"PROFILE", b"N": b"n", b"lt": b"ar", b"v": 1, b"o0": threads[0]})
    for b in blinds:
        s.r.hset(key, b"a" + b, b"ADDRESS")
        s.r.hset(addr_key(s, b), b, c + b"\x01" + struct.pack(">I", 1) + b"web")
    s.r.set(s.key("refs:").encode() + c, b"r")


def thread(s, t, c, state=RESOLVED, times=(), channel=b"web", agent=b""):
    key = s.key("thread:").encode() + t
    n = 0
    for ms in times:
        n += 1
        s.r.hset(s.key("log:").encode() + t, n, entry(ms, channel=channel))
    s.r.hset(key, mapping={b"c": c, b"k": 7, b"st": state, b"as": agent, b"v": 1, b"n": n, b"op": 1000, b"lm": 1000, b"cl": 0, b"fa": b"blind",
                           b"wt": 900})
    s.r.zadd(s.key("threads"), {t: 1000})


def searched(value, words):
    """The same entry with search sets behind it."""
    return b"\2" + value[1:] + words + struct.pack(">H", len(words))


def test_a_full_server_erases_resolves_and_takes_nothing(s):
    c, t = handle(5), handle(51)
    contact(s, c, [t], [b"D" * 16])
    thread(s, t, c, ASSIGNED, [1], agent=b"amal")
    s.r.config_set("maxmemory", 1)
    try:
        for name in "ingest", "write", "contact_patch", "document_put":
            assert s.refused(name, "") == "OOM", name
        s.call("resolve", t, "amal", "answered", "answered_in_person")
        assert s.call("erase_begin", c, "boss") == [b"7", t]
        s.call("erase_thread", t, "boss")
        s.call("erase_ledger", "7", "hash")
        s.call("erase_done", c, "boss")
    finally:
        s.r.config_set("maxmemory", 0)


def test_erasing_leaves_nothing_to_find(s):
    c, t1, t2, blind = handle(1), handle(11), handle(12), b"B" * 16
    contact(s, c, [t1, t2], [blind, b"C" * 16])
    thread(s, t1, c, WAITING, [1, 2])
    s.r.zadd(s.key("waiting"), {t1: 900})
    thread(s, t2, c, RESOLVED, [1])
    s.r.hset(s.key("log:").encode() + t1, mapping={b"1": searched(entry(1), b"words"), b"p1": b"progress", b"s1": b"status"})
    assert s.call("words", t1 + t2, 1) == [2, 1, 0, b"words"]
    s.r.rpush(s.key("wire:").encode() + t1 + struct.pack(">I", 1), "wire")
    assert s.refused("erase_begin", handle(9), "boss") == "NOT_FOUND"
    assert s.call("erase_begin", c, "boss") == [b"7", t1, t2]
    assert s.r.exists(addr_key(s, blind)) == 0 and not s.r.exists(s.key("refs:").encode() + c)
    h = s.r.hgetall(s.key("contact:").encode() + c)
    assert set(h) == {b"k", b"T", b"v", b"er"}
    assert s.call("erase_begin", c, "boss") == [b"7", t1, t2]  # again
    for t in t1, t2:
        s.call("erase_thread", t, "boss")
        assert s.r.hget(s.key("thread:").encode() + t, "st") == b"5"
    assert s.r.zcard(s.key("waiting")) == 0
    assert s.call("words", t1 + t2, 1) == [2, 1]
    log = s.r.hgetall(s.key("log:").encode() + t1)
    assert set(log) == {b"1", b"2", b"s1", b"3"}
    assert log[b"1"] == entry(1)[:-8] and log[b"3"].startswith(b"\0")
    assert not s.r.exists(s.key("wire:").encode() + t1 + struct.pack(">I", 1))
    first = s.call("erase_ledger", "7", "hash")
    assert first.startswith(b"hash ") and s.call("erase_ledger", "7", "hash") == first
    assert s.r.hlen(s.key("erasing")) == 1
    s.call("erase_keyless", c, "7", "boss")
    assert s.call("erase_done", c, "boss") == b"1" and s.call("erase_done", c, "boss") == b"1"
    assert s.call("erase_pending") == []
    assert [f["x"] for _, f in s.stream("audit")].count("contact.erase") == 1


def test_figures(s):
    c = handle(1)
    contact(s, c, [handle(11)])
    thread(s, handle(11), c, WAITING, [1, 2, 3])
    s.r.zadd(s.key("waiting"), {handle(11): 1})
    s.r.hset(s.key("outf"), "sms", 1)
    s.r.zadd(s.key("out:sms"), {b"B" * 16: 1})
    s.r.rpush(s.key("outq:sms:").encode() + b"B" * 16, "a", "b")
    s.r.hset(s.key("deadi:sms"), "x", 1)
    s.r.hset(s.key("counts"), "contacts", 5)
    assert s.call("count") == [5, 1, 3, 1, 2, 1, 0, 0]


def test_an_address_of_somebody_else_stays(s):
    c, other, blind = handle(1), handle(2), b"B" * 16
    contact(s, c, [handle(11)], [blind])
    s.r.hset(addr_key(s, blind), blind, other + b"\x01" + struct.pack(">I", 1) + b"web")
    s.call("erase_begin", c, "boss")
    assert s.r.hget(addr_key(s, blind), blind)[:8] == other


def test_all_threads_of_a_person_are_found(s):
    c = handle(1)
    for i in range(300):
        thread(s, handle(100 + i), c if i % 3 == 0 else handle(2))
    cursor, found = b"0", set()
    while True:
        out = s.call("erase_scan", c, cursor)
        cursor = out[0]
        found |= set(out[1:])
        if cursor == b"0":
            break
    assert found == {handle(100 + i) for i in range(0, 300, 3)}


def page_all(s, *args):
    cursor, due = b"0", {}
    while True:
        out = s.call("retention_page", cursor, *args)
        cursor = out[0]
        due.update(zip(out[1::2], out[2::2]))
        if cursor == b"0":
            return due


def test_retention_by_channel(s):
    now, c = s.now(), handle(1)
    t1, t2, t3 = handle(11), handle(12), handle(13)
    contact(s, c, [t1, t2, t3])
    thread(s, t1, c, RESOLVED, [now - 20 * DAY, now - 10 * DAY, now - DAY])
    thread(s, t2, c, RESOLVED, [now - 20 * DAY], channel=b"sms")
    thread(s, t3, c, WAITING, [now - 20 * DAY])
    due = page_all(s, now - 5 * DAY, "web", now - 5 * DAY)
    assert due == {t1: b"1 2", t3: b"1"}
    assert page_all(s, now - 5 * DAY, "web", now - 5 * DAY, "sms", now - 15 * DAY)[t2] == b"1"
    assert s.call("retention_drop", t1, "1 2") == [0, c]
    assert s.r.hkeys(s.key("log:").encode() + t1) == [b"3"]
    assert s.call("retention_drop", t3, "1") == [0, c]  # not resolved: the thread stays
    assert s.r.exists(s.key("thread:").encode() + t3)
    assert s.call("retention_drop", t2, "1") == [0, c]
    assert not s.r.exists(s.key("thread:").encode() + t2)
    assert s.call("retention_drop", t1, "3") == [0, c]
    s.r.hset(s.key("thread:").encode() + t3, "st", RESOLVED)
    assert s.call("retention_drop", t3, "1") == [1, c]  # the last one
    s.call("retention_contact", c)
    assert s.r.exists(s.key("contact:").encode() + c)  # not erased yet
    s.call("erase_begin", c, "system")
    s.call("retention_contact", c)
    assert not s.r.exists(s.key("contact:").encode() + c)


def test_a_backup_copies_what_belongs_together(s):
    c, t, blind = handle(1), handle(11), b"B" * 16
    contact(s, c, [t], [blind])
    thread(s, t, c, WAITING, [1, 2])
    assert [k[len(s.key("")):][:4] for k in s.call("backup_thread", t)[::2]] == [b"thre", b"log:"]
    dumps, addresses = s.call("backup_contact", c)
    assert len(dumps) == 4 and addresses[:2] == [addr_key(s, blind), blind]
    assert s.call("backup_thread", handle(99)) == []


def test_indexes_are_made_anew(s):
    c = handle(1)
    names = {WAITING: 11, OFFERED: 12, ASSIGNED: 13, SNOOZED: 14, RESOLVED: 15}
    contact(s, c, [handle(n) for n in names.values()] + [handle(98)])
    s.r.hset(s.key("contact:").encode() + c, "o1", handle(98))
    for state, n in names.items():
        thread(s, handle(n), c, state, [1], agent=b"amal" if state in (OFFERED, ASSIGNED, SNOOZED) else b"")
    thread(s, handle(99), handle(2), WAITING, [1])  # its contact was not copied any more
    s.r.delete(s.key("threads"))
    assert s.call("restore_threads", *[handle(n) for n in list(names.values()) + [99]]) == 5
    assert not s.r.exists(s.key("thread:").encode() + handle(99))
    assert s.r.zrange(s.key("waiting"), 0, -1) == [handle(11), handle(12)]
    assert s.r.hget(s.key("thread:").encode() + handle(12), "as") == b""
    assert s.r.smembers(s.key("held:amal")) == {handle(13)}
    assert s.r.zrange(s.key("snoozed"), 0, -1) == [handle(14)]
    assert s.r.zcard(s.key("threads")) == 5
    s.call("restore_contacts", c)
    h = s.r.hgetall(s.key("contact:").encode() + c)
    assert len(h[b"T"]) == 40 and b"o1" not in h and b"o0" in h


def test_nothing_is_sent_twice_after_a_restore(s):
    t, blind = handle(11), b"B" * 16
    status = lambda st: bytes([st, 1, 0, 0, 0]) + b"\x00\x00"
    s.r.hset(s.key("log:").encode() + t, mapping={b"s1": status(1), b"s2": status(0)})
    items = [t + struct.pack(">I", n) for n in (1, 2, 3)]
    key = s.key("outq:sms:").encode() + blind
    s.r.rpush(key, *items)
    assert s.call("restore_outbox", "sms", blind) == 1
    assert s.r.lrange(key, 0, -1) == [items[1]]
    assert s.r.hget(s.key("log:").encode() + t, "s2")[3] & 1  # as if begun: its end is unknown
    assert s.r.zrange(s.key("out:sms"), 0, -1) == [blind]


run(globals())
