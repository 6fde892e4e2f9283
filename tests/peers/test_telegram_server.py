# SPDX-License-Identifier: Apache-2.0
"""Telegram against somebody else's idea of its server: telegram-test-api of npm, by poll and by webhook. A person writes, an agent
answers, a button is pressed."""
import asyncio
import json
import os
import subprocess
import urllib.request

from look import Office, entries, eventually, run_shared, texts
import parley as p

HERE = os.path.dirname(os.path.abspath(__file__))
TOKENS = {"poll": "1001:AAA-poll_bot_token", "hook": "1002:BBB-hook_bot_token"}


class World:
    async def open(self):
        self.port = p.free_port()
        self.node = subprocess.Popen(["node", os.path.join(HERE, "telegram_server.mjs"), str(self.port)], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, cwd=HERE)
        assert self.node.stdout.readline() == b"ready\n"
        self.office = Office(self.document)
        with open(self.office.d.config, encoding="utf-8") as f:
            settings = {**json.load(f), "public_url": self.office.d.base}
        with open(self.office.d.config, "w", encoding="utf-8") as f:
            json.dump(settings, f)
        await self.office.open("amal")
        self.d, self.token, self.amal = self.office.d, self.office.token, self.office.agents["amal"]
        return self

    def document(self, d, doc):
        api = f"http://127.0.0.1:{self.port}"
        doc["channels"] += [
            {"id": "poll", "connector": "telegram", "settings": {"token": TOKENS["poll"], "mode": "poll", "api": api}},
            {"id": "hook", "connector": "telegram", "settings": {"token": TOKENS["hook"], "mode": "webhook", "api": api + "/", "secret": "a" * 20}}]

    async def close(self, failed):
        await self.office.close(failed)
        self.node.stdin.close()
        self.node.wait(10)

    def ask(self, path, body):
        rq = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(rq, timeout=10) as r:
            return json.loads(r.read())["result"]

    def common(self, mode, chat, name):
        who = {"id": chat, "first_name": name, "username": f"u{chat}"}
        return {"botToken": TOKENS[mode], "date": 1767225600, "from": {**who, "is_bot": False}, "chat": {**who, "title": name, "type": "private"}}

    async def write(self, mode, chat, name, text):
        await asyncio.to_thread(self.ask, "sendMessage", {**self.common(mode, chat, name), "text": text})

    async def received(self, mode, chat):
        """What the bot sent to that chat and was not taken yet."""
        return await asyncio.to_thread(self.ask, "getUpdates", {"token": TOKENS[mode], "chatId": chat})


async def talk(w, mode, chat, name):
    await w.write(mode, chat, name, "I want to register")
    t = await w.office.offered("amal", lambda t: t["contact"]["name"] == name)
    assert t["channel"] == mode
    for i in range(3):
        ok = await w.amal.ask("send", thread=t["id"], text=f"answer {i} أهلا")
        await w.amal.frame("entry.status", where=lambda f, e=ok: f["entry"] == e["entry"]["id"] and f["status"] == "sent")
    got = await w.received(mode, chat)
    assert [u["message"]["text"] for u in got] == [f"answer {i} أهلا" for i in range(3)], got
    for i in range(5):  # one after the other: this server numbers a message only after its webhook was answered
        await w.write(mode, chat, name, f"line {i}")
        await eventually(lambda i=i: texts(w.d, w.token, t["id"], "in") == ["I want to register"] + [f"line {k}" for k in range(i + 1)])
    return t


async def press(w, mode, chat, name, t):
    ok = await w.amal.ask("send", thread=t["id"], text="Which day?", choices=[{"id": "mon", "title": "Monday"}, {"id": "tue", "title": "Tuesday"}])
    await w.amal.frame("entry.status", where=lambda f: f["entry"] == ok["entry"]["id"] and f["status"] == "sent")
    (u,) = await w.received(mode, chat)
    keyboard = u["message"]["reply_markup"]["inline_keyboard"]
    data = [b["callback_data"] for row in keyboard for b in row]
    assert data == ["mon", "tue"]
    common = w.common(mode, chat, name)
    query = {**common, "data": "tue", "message": {**common, "message_id": u["messageId"], "text": "Which day?", "reply_markup": u["message"]["reply_markup"]}}
    await asyncio.to_thread(w.ask, "sendCallback", query)
    e = await eventually(lambda: next((e for e in entries(w.d, w.token, t["id"], "message") if e.get("choice")), None))
    assert e["choice"] == "tue" and e["text"] == "Tuesday", e


async def by_poll(w):
    t = await talk(w, "poll", 4001, "Polled")
    await press(w, "poll", 4001, "Polled", t)


async def by_webhook(w):
    t = await talk(w, "hook", 4002, "Hooked")
    await press(w, "hook", 4002, "Hooked", t)


async def two_bots_are_two_channels(w):
    """The same person with both bots: Telegram's id joins them, the answer goes where they wrote last."""
    await w.write("hook", 4003, "Both", "I want to register")
    t = await w.office.offered("amal", lambda t: t["contact"]["name"] == "Both")
    await w.write("poll", 4003, "Both", "and here too")
    await eventually(lambda: texts(w.d, w.token, t["id"], "in") == ["I want to register", "and here too"])
    ok = await w.amal.ask("send", thread=t["id"], text="I see both")
    await w.amal.frame("entry.status", where=lambda f: f["entry"] == ok["entry"]["id"] and f["status"] == "sent")
    assert [u["message"]["text"] for u in await w.received("poll", 4003)] == ["I see both"]
    assert await w.received("hook", 4003) == []


if __name__ == "__main__":
    run_shared(World, [by_poll, by_webhook, two_bots_are_two_channels])
