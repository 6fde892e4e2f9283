# SPDX-License-Identifier: Apache-2.0
"""A Bot API server of our own, for what the test server of npm lacks: secret tokens, files, albums, errors, answers that are cut off.
It runs in a thread with a loop of its own, checks what the real one checks, and does faults as it is told.
Protocol: https://core.telegram.org/bots/api"""
import asyncio
import json
import secrets
import threading
import time

from aiohttp import ClientError, ClientSession, web

import parley as p

BOT = {"id": 666, "is_bot": True, "first_name": "Double", "username": "double_bot"}


def units(text):
    return len(text.encode("utf-16-le")) // 2


class Refused(Exception):
    def __init__(self, code, description, **parameters):
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


class Call:
    """One call of the bot: fields as given, files as {field: (name, type, bytes)}."""

    def __init__(self, method, fields, files):
        self.method, self.fields, self.files = method, fields, files
        self.result, self.at = None, time.monotonic()

    @property
    def chat(self):
        return int(self.fields.get("chat_id", 0))

    @property
    def text(self):
        return self.fields.get("text", self.fields.get("caption", ""))

    def __repr__(self):
        return f"{self.method}({self.fields}, {list(self.files)})"


class TelegramDouble:
    def __init__(self, token=None):
        self.token = token or f"{secrets.randbelow(10**9) + 10**8}:{secrets.token_urlsafe(24)}"
        self.port = p.free_port()
        self.calls, self.polls, self.deliveries = [], [], []
        self.updates, self.next_update, self.next_message, self.next_id = [], 1000, 1, 1
        self.webhook, self.webhook_sets, self.confirmed = None, 0, 0
        self.files, self.gets, self.faults = {}, [], []
        self.retry_s = 0.2

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    # ---- its life ----

    def start(self):
        ready = threading.Event()
        self.loop = asyncio.new_event_loop()

        def main():
            asyncio.set_event_loop(self.loop)
            self.loop.run_until_complete(self._open())
            ready.set()
            self.loop.run_forever()
            self.loop.run_until_complete(self._close())
            self.loop.close()

        self.thread = threading.Thread(target=main, daemon=True)
        self.thread.start()
        ready.wait(10)
        return self

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    async def _open(self):
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/file/bot{token}/{path:.*}", self._file)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        self.runner = web.AppRunner(app, access_log=None)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port, shutdown_timeout=1).start()
        self.changed = asyncio.Event()
        self.poller = 0
        self.http = ClientSession()
        self.queues = {}

    async def _close(self):
        for task in asyncio.all_tasks(self.loop) - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)
        await self.http.close()
        await self.runner.cleanup()

    def _on_loop(self, fn):
        return asyncio.run_coroutine_threadsafe(fn, self.loop).result(10)

    # ---- what people do ----

    def _update(self, **content):
        async def add():
            update = {"update_id": self.next_update, **content}
            self.next_update += 1
            chat = self._chat_of(update)
            if self.webhook:
                queue = self.queues.get(chat)
                if queue is None:
                    queue = self.queues[chat] = asyncio.Queue()
                    asyncio.ensure_future(self._deliver(queue))
                queue.put_nowait(update)
            else:
                self.updates.append(update)
                self.changed.set()
            return update
        return self._on_loop(add())

    @staticmethod
    def _chat_of(update):
        body = next(v for k, v in update.items() if k != "update_id")
        return (body.get("chat") or body["message"]["chat"])["id"]

    def person(self, chat, name="Ali", language="en"):
        return {"id": chat, "is_bot": False, "first_name": name, "language_code": language}

    def message(self, chat, name="Ali", **content):
        """A message of a person, not sent yet."""
        m = {"message_id": self.next_message, "from": self.person(chat, name), "chat": {"id": chat, "type": "private", "first_name": name},
             "date": int(time.time()), **content}
        self.next_message += 1
        return m

    def write(self, chat, text=None, name="Ali", **content):
        m = self.message(chat, name, **({"text": text} if text is not None else {}), **content)
        self._update(message=m)
        return m

    def write_all(self, messages):
        """Several messages that one getUpdates shall carry together."""
        async def add():
            for m in messages:
                self.updates.append({"update_id": self.next_update, "message": m})
                self.next_update += 1
            self.changed.set()
        self._on_loop(add())

    def edit(self, message, text):
        key = "text" if "text" in message else "caption"
        self._update(edited_message={**message, key: text, "edit_date": int(time.time()) + 1})

    def press(self, chat, call, data, name="Ali"):
        """Presses a button below a message that the bot sent."""
        self._update(callback_query={"id": str(secrets.randbelow(10**18)), "from": self.person(chat, name), "chat_instance": "1",
                                     "message": call.result, "data": data})

    def block(self, chat, on=True):
        old, new = ("member", "kicked") if on else ("kicked", "member")
        self._update(my_chat_member={"chat": {"id": chat, "type": "private"}, "from": self.person(chat), "date": int(time.time()),
                                     "old_chat_member": {"user": BOT, "status": old}, "new_chat_member": {"user": BOT, "status": new}})

    def file(self, data, type=None, name=None):
        """A file that somebody sent: its object for a message."""
        id = f"F{self.next_id}_{secrets.token_hex(6)}"
        self.next_id += 1
        self.files[id] = (f"documents/{id}.bin", data)
        o = {"file_id": id, "file_unique_id": "u" + id, "file_size": len(data)}
        if type:
            o["mime_type"] = type
        if name:
            o["file_name"] = name
        return o

    # ---- what the bot did ----

    def sent(self, chat=None, *methods):
        methods = methods or ("sendMessage", "sendPhoto", "sendDocument", "sendVideo", "sendVoice", "sendAudio", "sendMediaGroup", "sendLocation")
        return [c for c in list(self.calls) if c.method in methods and (chat is None or c.chat == chat) and c.result is not None]

    def tried(self, chat, method="sendMessage"):
        """Also those that failed."""
        return [c for c in list(self.calls) if c.method == method and c.chat == chat]

    def fault(self, method, what, chat=None, times=1, **more):
        """what: a Refused, an HTTP status (with a body that is no JSON), "cut" (read, then closed), "cut-done" (done, then closed),
        "slow" (seconds=…)."""
        self.faults.append({"method": method, "what": what, "chat": chat, "times": times, **more})

    def _fault(self, call):
        for f in self.faults:
            if f["times"] > 0 and f["method"] == call.method and f["chat"] in (None, call.chat):
                f["times"] -= 1
                return f
        return None

    # ---- webhooks ----

    async def _deliver(self, queue):
        """One chat's updates, one after the other, each until it is taken."""
        while True:
            update = await queue.get()
            wait = self.retry_s
            while True:
                status = await self._post(update)
                if 200 <= status < 300:
                    break
                await asyncio.sleep(wait)
                wait = min(wait * 2, 2)

    async def _post(self, update, secret=None):
        hook = self.webhook
        if not hook:
            return 200
        headers = {"X-Telegram-Bot-Api-Secret-Token": hook.get("secret_token", "") if secret is None else secret}
        try:
            async with self.http.post(hook["url"], json=update, headers=headers) as r:
                await r.read()
                status = r.status
        except (OSError, ClientError, asyncio.TimeoutError) as e:
            status = -1
            print(f"webhook: {e!r}", flush=True)
        self.deliveries.append((update["update_id"], status))
        return status

    def post(self, update, secret=None):
        """An update by hand; the status."""
        return self._on_loop(self._post(update, secret))

    # ---- the server ----

    async def _file(self, request):
        self.gets.append(request.match_info["path"])
        if request.match_info["token"] != self.token:
            return web.Response(status=404)
        for path, data in self.files.values():
            if path == request.match_info["path"]:
                return web.Response(body=data, content_type="application/octet-stream")
        return web.Response(status=404)

    async def _fields(self, request):
        if not request.content_type.startswith("multipart/"):
            body = await request.read()
            return (json.loads(body) if body else {}), {}
        fields, files = {}, {}
        async for part in await request.multipart():
            data = await part.read()
            if part.filename is not None:
                files[part.name] = (part.filename, part.headers.get("Content-Type"), bytes(data))
            else:
                text = data.decode()
                fields[part.name] = json.loads(text) if text[:1] in "[{" else text
        return fields, files

    async def _call(self, request):
        method = request.match_info["method"]
        if request.match_info["token"] != self.token:
            return self._answer(Refused(404 if ":" not in request.match_info["token"] else 401, "Unauthorized"))
        fields, files = await self._fields(request)
        call = Call(method, fields, files)
        (self.polls if method == "getUpdates" else self.calls).append(call)
        fault = self._fault(call)
        what = fault and fault["what"]
        if what == "slow":
            await asyncio.sleep(fault["seconds"])
        elif isinstance(what, Refused):
            return self._answer(what)
        elif isinstance(what, int):
            return web.Response(status=what, text="<html>Bad Gateway</html>", content_type="text/html")
        if what != "cut":
            try:
                call.result = await getattr(self, "_do_" + method)(call)
            except AttributeError:
                return self._answer(Refused(404, "Not Found"))
            except Refused as e:
                return self._answer(e)
        if what in ("cut", "cut-done"):
            request.transport.abort()
            return web.Response()
        return web.json_response({"ok": True, "result": call.result})

    @staticmethod
    def _answer(e):
        body = {"ok": False, "error_code": e.code, "description": e.description}
        if e.parameters:
            body["parameters"] = e.parameters
        return web.json_response(body, status=e.code)

    async def _do_getMe(self, call):
        return BOT

    async def _do_setWebhook(self, call):
        self.webhook = dict(call.fields) if call.fields.get("url") else None
        self.webhook_sets += 1
        return True

    async def _do_deleteWebhook(self, call):
        self.webhook = None
        return True

    async def _do_getUpdates(self, call):
        if self.webhook:
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active")
        self.poller += 1
        mine = self.poller
        offset, end = int(call.fields.get("offset", 0)), time.monotonic() + min(int(call.fields.get("timeout", 0)), 50)
        if offset:
            self.confirmed = max(self.confirmed, offset)
        self.updates = [u for u in self.updates if u["update_id"] >= offset]
        while not self.updates and time.monotonic() < end:
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), min(0.5, end - time.monotonic()))
            except asyncio.TimeoutError:
                pass
            if mine != self.poller:
                raise Refused(409, "Conflict: terminated by other getUpdates request")
        return self.updates[:int(call.fields.get("limit", 100))]

    def _message(self, call, **content):
        m = {"message_id": self.next_message, "from": BOT, "chat": {"id": call.chat, "type": "private"}, "date": int(time.time()), **content}
        self.next_message += 1
        if "reply_markup" in call.fields:
            m["reply_markup"] = call.fields["reply_markup"]
        return m

    @staticmethod
    def _check(call, text_max=4096, key="text", empty=False):
        text = call.fields.get(key, "")
        if not text and not empty:
            raise Refused(400, "Bad Request: message text is empty")
        if units(text) > text_max:
            raise Refused(400, "Bad Request: message is too long" if key == "text" else "Bad Request: message caption is too long")
        for row in call.fields.get("reply_markup", {}).get("inline_keyboard", []):
            for button in row:
                if not button.get("text") or not 1 <= len(button.get("callback_data", "").encode()) <= 64:
                    raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
        reply = call.fields.get("reply_parameters")
        if reply is not None and (not isinstance(reply, dict) or not isinstance(reply.get("message_id"), int)):
            raise Refused(400, "Bad Request: can't parse reply parameters JSON object")

    async def _do_sendMessage(self, call):
        self._check(call)
        return self._message(call, text=call.fields["text"])

    async def _one_file(self, call, field):
        self._check(call, 1024, "caption", empty=True)
        if field not in call.files:
            raise Refused(400, f"Bad Request: there is no {field} in the request")
        name, type, data = call.files[field]
        o = self.file(data, type, name)
        return self._message(call, **{field: [o] if field == "photo" else o}, caption=call.fields.get("caption", ""))

    async def _do_sendPhoto(self, call):
        return await self._one_file(call, "photo")

    async def _do_sendDocument(self, call):
        return await self._one_file(call, "document")

    async def _do_sendVideo(self, call):
        return await self._one_file(call, "video")

    async def _do_sendVoice(self, call):
        return await self._one_file(call, "voice")

    async def _do_sendAudio(self, call):
        return await self._one_file(call, "audio")

    async def _do_sendMediaGroup(self, call):
        media = call.fields.get("media")
        if not isinstance(media, list) or not 2 <= len(media) <= 10:
            raise Refused(400, "Bad Request: 2-10 media are wanted")
        kinds = {m["type"] for m in media}
        if len(kinds) > 1 and kinds != {"photo", "video"}:
            raise Refused(400, "Bad Request: these types can't be mixed")
        if any(m["media"].replace("attach://", "") not in call.files for m in media):
            raise Refused(400, "Bad Request: wrong file identifier")
        return [self._message(call, media_group_id="g") for _ in media]

    async def _do_sendLocation(self, call):
        return self._message(call, location={"latitude": call.fields["latitude"], "longitude": call.fields["longitude"]})

    async def _do_editMessageText(self, call):
        self._check(call)
        return self._message(call, text=call.fields["text"])

    async def _do_editMessageCaption(self, call):
        self._check(call, 1024, "caption", empty=True)
        return self._message(call, caption=call.fields["caption"])

    async def _do_deleteMessage(self, call):
        return True

    async def _do_setMessageReaction(self, call):
        return True

    async def _do_answerCallbackQuery(self, call):
        return True

    async def _do_sendChatAction(self, call):
        return True

    async def _do_getFile(self, call):
        found = self.files.get(call.fields.get("file_id"))
        if not found:
            raise Refused(400, "Bad Request: invalid file_id")
        if len(found[1]) > 20 << 20:
            raise Refused(400, "Bad Request: file is too big")
        return {"file_id": call.fields["file_id"], "file_unique_id": "u", "file_size": len(found[1]), "file_path": found[0]}
