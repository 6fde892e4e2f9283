# SPDX-License-Identifier: Apache-2.0
"""Telegram by webhook: the secret token, repetitions, what is malformed, and a store that is away while Telegram calls."""
import asyncio
import itertools
import json
import os
import signal

from look import Office, Pipe, download, entries, eventually, run_shared, texts, threads
from telegram_double import TelegramDouble

SECRET = "Sekret_for-tests_0123456789"
HOOK = "/hooks/demo/tg"
chats = itertools.count(8_000_000_001)


class World:
    async def open(self):
        self.tg = TelegramDouble().start()
        self.office = Office(self.document, {"redis": {"memory_mb": 128}})
        with open(self.office.d.config, encoding="utf-8") as f:
            settings = json.load(f)
        settings["public_url"] = self.office.d.base
        with open(self.office.d.config, "w", encoding="utf-8") as f:
            json.dump(settings, f)
        await self.office.open("amal")
        self.d, self.token = self.office.d, self.office.token
        await eventually(lambda: self.tg.webhook, 15)
        return self

    def document(self, d, doc):
        doc["channels"].append({"id": "tg", "connector": "telegram",
                                "settings": {"token": self.tg.token, "secret": SECRET, "mode": "webhook", "api": self.tg.url}})

    async def close(self, failed):
        await self.office.close(failed)
        self.tg.stop()

    def named(self, name):
        return [t for t in threads(self.d, self.token) if t["contact"]["name"] == name]


async def the_webhook_is_set_with_its_secret(w):
    hook = w.tg.webhook
    assert hook["url"] == w.d.base + HOOK and hook["secret_token"] == SECRET, hook
    assert set(hook["allowed_updates"]) >= {"message", "edited_message", "callback_query", "my_chat_member"}
    assert 1 <= hook["max_connections"] <= 100


async def both_ways(w):
    chat = next(chats)
    w.tg.write(chat, "I want to register", "Both")
    t = await w.office.offered("amal", lambda t: t["contact"]["name"] == "Both")
    ok = await w.office.agents["amal"].ask("send", thread=t["id"], text="Come on Monday")
    await w.office.agents["amal"].frame("entry.status", where=lambda f: f["entry"] == ok["entry"]["id"] and f["status"] == "sent")
    assert [c.text for c in w.tg.sent(chat)] == ["Come on Monday"]
    assert w.tg.deliveries[-1][1] == 200 and not w.tg.polls


async def a_wrong_secret_is_401_before_anything_is_read(w):
    pipe = await Pipe(w.d.port).open()
    chat = next(chats)
    update = json.dumps({"update_id": 1, "message": w.tg.message(chat, "Forged", text="let me in")}).encode()
    head = {"Content-Type": "application/json"}
    for secret in (None, b"", b"x", SECRET[:-1].encode(), (SECRET + "x").encode(), SECRET.lower().encode()):
        for body in (update, b"{", b"\xff\xfe", b"[" * 5000):
            extra = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
            status, _, answer = await pipe.post(HOOK, body, {**head, **extra})
            assert status == 401, (secret, body[:20], status, answer)
    # One bit at a time.
    for i in range(len(SECRET) * 8):
        wrong = bytearray(SECRET.encode())
        wrong[i // 8] ^= 1 << i % 8
        status, _, answer = await pipe.post(HOOK, update, {**head, "X-Telegram-Bot-Api-Secret-Token": bytes(wrong)})
        assert status in (400, 401), (i, status)  # 400: no header may hold such a byte
    pipe.close()
    assert not w.named("Forged")


async def what_is_malformed_is_400_with_the_secret(w):
    pipe = await Pipe(w.d.port).open()
    head = {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": SECRET}
    for body in (b"{", b"", b"[]", b"null", b'{"update_id":"1"}', b'{"update_id":1,"update_id":2}', b"\xff", b'{"update_id":1,"a":"\xc3\x28"}',
                 b'{"update_id":5,"a":' + b"[" * 40 + b"]" * 40 + b"}"):
        status, headers, answer = await pipe.post(HOOK, body, head)
        assert status == 400, (body[:40], status, answer)
        assert headers["content-type"] == "application/problem+json", headers
    status, _, _ = await pipe.post(HOOK, b'{"update_id":1,"a":"' + b"x" * (1 << 20) + b'"}', head)
    assert status == 413
    status, _, _ = await pipe.request("GET", HOOK, b"", head)
    assert status in (404, 405), status
    status, _, _ = await pipe.post(HOOK, b'{"update_id":77,"something_new":{"a":1}}', head)
    assert status == 200  # nothing for us, and not to be repeated
    pipe.close()


async def the_same_update_many_times_is_one_entry(w):
    chat = next(chats)
    update = json.dumps({"update_id": 555, "message": w.tg.message(chat, "Again", text="only once")}).encode()
    head = {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": SECRET}

    async def many(n):
        pipe = await Pipe(w.d.port).open()
        for _ in range(n):
            status, _, answer = await pipe.post(HOOK, update, head)
            assert status == 200, (status, answer)
        pipe.close()
    await asyncio.gather(*(many(20) for _ in range(16)))
    (t,) = w.named("Again")
    assert texts(w.d, w.token, t["id"]) == ["only once"]


async def a_store_that_is_away_means_503_and_telegram_tries_again(w):
    chat = next(chats)
    pids = [pid for pid in w.d.pids("redis-server")]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        before = len(w.tg.deliveries)
        w.tg.write(chat, "written while it was away", "Patient")
        await eventually(lambda: [s for _, s in w.tg.deliveries[before:] if s == 503], 30)
        assert not [s for _, s in w.tg.deliveries[before:] if s == 200]
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    await eventually(lambda: [s for _, s in w.tg.deliveries[before:] if s == 200], 30)
    t = (await eventually(lambda: w.named("Patient"), 15))[0]
    assert texts(w.d, w.token, t["id"]) == ["written while it was away"]


JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + bytes(range(256)) * 40 + b"\xff\xd9"
HEAD = {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": SECRET}


def album(w, chat, name, n, group, caption=None):
    """n pictures, and the updates that carry them, one each as Telegram does."""
    pictures = [JPEG + bytes([i]) for i in range(n)]
    messages = [w.tg.message(chat, name, photo=[w.tg.file(data)], media_group_id=group, **({"caption": caption} if caption and i == 0 else {}))
                for i, data in enumerate(pictures)]
    return pictures, messages


def messages_of(w, name):
    return [e for t in w.named(name) for e in entries(w.d, w.token, t["id"], "message")]


async def whole(w, name, n, state="stored"):
    """The only message of somebody, once it has n files, all of them there."""
    def look():
        got = messages_of(w, name)
        return len(got) == 1 and len(got[0]["attachments"]) == n and all(a["state"] in (state, "stored") for a in got[0]["attachments"]) and got[0]
    return await eventually(look, 20)


async def an_album_is_one_entry(w):
    chat, amal = next(chats), w.office.agents["amal"]
    pictures, messages = album(w, chat, "Album", 4, "g-1", "our tent")
    w.tg._update(message=messages[0])
    t = await w.office.offered("amal", lambda t: t["contact"]["name"] == "Album")
    for m in messages[1:]:
        w.tg._update(message=m)
    e = await whole(w, "Album", 4)
    assert e["text"] == "our tent" and e["external_ids"] == [f"{chat}:{m['message_id']}" for m in messages], e
    assert [download(w.d, w.token, a["url"])[1] for a in e["attachments"]] == pictures  # in their order
    frame = await amal.frame("entry.changed", where=lambda f: f["entry"]["id"] == e["id"] and len(f["entry"]["attachments"]) == 4)
    assert frame["entry"]["thread"] == t["id"], frame
    # The person corrects what they wrote below it, and one of the others.
    w.tg.edit(messages[0], "our tent, broken")
    w.tg._update(edited_message={**messages[2], "caption": "the door", "edit_date": messages[2]["date"] + 5})
    edits = await eventually(lambda: (lambda l: len(l) == 2 and l)(entries(w.d, w.token, t["id"], "edit")))
    assert [(x["text"], x["target"]) for x in edits] == [("our tent, broken", e["id"]), ("the door", e["id"])], edits
    w.tg.write(chat, "that is all", "Album")
    await eventually(lambda: len(messages_of(w, "Album")) == 2)


async def an_album_that_is_repeated_is_still_one(w):
    """Each update many times, at the same time and in any order."""
    chat = next(chats)
    _, messages = album(w, chat, "Repeated", 5, "g-2")
    bodies = [json.dumps({"update_id": 7000 + i, "message": m}).encode() for i, m in enumerate(messages)]

    async def many(order):
        pipe = await Pipe(w.d.port).open()
        for i in order:
            status, _, answer = await pipe.post(HOOK, bodies[i], HEAD)
            assert status == 200, (status, answer)
        pipe.close()
    await asyncio.gather(*(many(order) for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 2, 2, 0, 1], [1, 4, 0, 3, 2], [3, 3, 0, 0, 4])))
    e = await whole(w, "Repeated", 5)
    assert sorted(e["external_ids"]) == sorted(f"{chat}:{m['message_id']}" for m in messages), e["external_ids"]
    await asyncio.sleep(0.5)
    assert len(messages_of(w, "Repeated")) == 1


async def two_albums_at_once_stay_apart(w):
    one, two = next(chats), next(chats)
    albums = {name: album(w, chat, name, 3, "same") for name, chat in (("Apart one", one), ("Apart two", two))}
    for pair in zip(*(messages for _, messages in albums.values())):
        for m in pair:
            w.tg._update(message=m)
    for name, (pictures, _) in albums.items():
        e = await whole(w, name, 3)
        assert [download(w.d, w.token, a["url"])[1] for a in e["attachments"]] == pictures


async def killed_in_the_middle_of_an_album(w):
    """kill -9 again and again while albums come: what was acknowledged is there, and nothing is twice."""
    names = [f"Killed {i}" for i in range(6)]
    posted = {}
    for i, name in enumerate(names):
        chat = next(chats)
        posted[name] = (chat, album(w, chat, name, 4, f"k-{i}")[1])
        for m in posted[name][1]:
            w.tg._update(message=m)
        await asyncio.sleep([0, 0.004, 0.01, 0.02, 0.04, 0.08][i])
        w.d.kill()
        await asyncio.to_thread(w.d.start)
    for name, (chat, messages) in posted.items():
        e = await whole(w, name, 4, "fetching")  # a file that was being fetched by the killed one is fetched again after a minute
        assert e["external_ids"] == [f"{chat}:{m['message_id']}" for m in messages], e["external_ids"]
    await eventually(lambda: all(s == 200 for s in {u: s for u, s in w.tg.deliveries}.values()))


TESTS = [the_webhook_is_set_with_its_secret, both_ways, an_album_is_one_entry, a_wrong_secret_is_401_before_anything_is_read, what_is_malformed_is_400_with_the_secret,
         the_same_update_many_times_is_one_entry, a_store_that_is_away_means_503_and_telegram_tries_again,
         an_album_that_is_repeated_is_still_one, two_albums_at_once_stay_apart, killed_in_the_middle_of_an_album]

if __name__ == "__main__":
    run_shared(World, TESTS)
