# SPDX-License-Identifier: Apache-2.0
"""Telegram by webhook: the secret token, repetitions, what is malformed, and a store that is away while Telegram calls."""
import asyncio
import itertools
import json
import os
import signal

from look import Office, Pipe, eventually, run_shared, texts, threads
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


TESTS = [the_webhook_is_set_with_its_secret, both_ways, a_wrong_secret_is_401_before_anything_is_read, what_is_malformed_is_400_with_the_secret,
         the_same_update_many_times_is_one_entry, a_store_that_is_away_means_503_and_telegram_tries_again]

if __name__ == "__main__":
    run_shared(World, TESTS)
