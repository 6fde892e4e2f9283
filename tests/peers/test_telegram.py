# SPDX-License-Identifier: Apache-2.0
"""Telegram by long poll through the whole daemon, against a double of our own: what people send in, what agents send out, and all that
can go wrong between."""
import asyncio
import hashlib
import itertools
import os
import unicodedata

from look import Office, download, entries, eventually, run_shared, texts, threads, upload
from telegram_double import Refused, TelegramDouble, units

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
                    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082")
OGG = b"OggS\x00\x02" + bytes(22) + b"\x01\x13OpusHead\x01\x01" + bytes(2000)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + bytes(range(256)) * 40 + b"\xff\xd9"
chats = itertools.count(7_000_000_001)  # beyond 32 bits, as real ones are


class World:
    """The daemon, the double, and amal at her socket; each test talks as a person of its own."""

    async def open(self):
        self.tg = TelegramDouble().start()
        self.office = await Office(self.document).open("amal")
        self.d, self.token, self.amal = self.office.d, self.office.token, self.office.agents["amal"]
        return self

    def document(self, d, doc):
        doc["channels"].append({"id": "tg", "connector": "telegram", "settings": {"token": self.tg.token, "mode": "poll", "api": self.tg.url}})

    async def close(self, failed):
        await self.office.close(failed)
        self.tg.stop()

    async def meet(self, text="I want to register", name=None):
        """A new person writes; amal accepts. (chat, name, thread)"""
        chat = next(chats)
        name = name or f"Person {chat}"
        self.tg.write(chat, text, name)
        return chat, name, await self.office.offered("amal", lambda t: t["contact"]["name"] == name)

    async def answer(self, thread, text=None, **more):
        ok = await self.amal.ask("send", thread=thread["id"], **({"text": text} if text else {}), **more)
        assert ok["type"] == "ok", ok
        return ok["entry"]

    async def status(self, entry, status, seconds=15):
        return await self.amal.frame("entry.status", seconds, where=lambda f: f["entry"] == entry["id"] and f["status"] == status)

    def entry(self, thread, at=-1, kind="message"):
        return entries(self.d, self.token, thread["id"], kind)[at]

    async def stored(self, thread, n=1):
        """The newest message, once all its files are there."""
        def look():
            e = self.entry(thread)
            return e if len(e["attachments"]) == n and all(a["state"] == "stored" for a in e["attachments"]) else None
        return await eventually(look, 15)


async def a_person_writes_and_an_agent_answers(w):
    chat, name, t = await w.meet("I want to register my children")
    e = w.entry(t)
    assert e["text"] == "I want to register my children" and e["direction"] == "in" and e["channel"] == "tg", e
    assert e["external_ids"] == [f"{chat}:{w.tg.calls and 1 or 1}"] or e["external_ids"][0].startswith(f"{chat}:"), e["external_ids"]
    status, c = w.d.api("GET", f"contacts/{t['contact']['id']}", token=w.token)
    assert [a["uri"] for a in c["addresses"]] == [f"telegram:{chat}"] and c["name"] == name, c
    out = await w.answer(t, "You can register on Monday ✓")
    frame = await w.status(out, "sent")
    assert frame["attempt"] == 1
    (call,) = w.tg.sent(chat)
    assert call.method == "sendMessage" and call.text == "You can register on Monday ✓"
    assert call.fields["link_preview_options"] == {"is_disabled": True}  # nobody fetches links on people's behalf
    e = w.entry(t)
    assert e["status"] == "sent" and e["external_ids"] == [f"{chat}:{call.result['message_id']}"], e
    assert w.tg.calls[0].method == "deleteWebhook"  # both ways at once are a conflict
    newest = w.tg.next_update - 1
    await eventually(lambda: w.tg.confirmed > newest)  # only after it was stored


async def an_edit_is_an_entry_that_names_what_it_changes(w):
    chat, _, t = await w.meet("I come at 9")
    first = w.entry(t)
    original = {"message_id": int(first["external_ids"][0].split(":")[1]), "from": w.tg.person(chat, t["contact"]["name"]),
                "chat": {"id": chat, "type": "private"}, "date": 1767225600}
    w.tg.edit(original, "I come at 10")
    edit = await eventually(lambda: entries(w.d, w.token, t["id"], "edit"))
    assert edit[0]["text"] == "I come at 10" and edit[0]["target"] == first["id"], edit
    await w.amal.frame("entry.added", where=lambda f: f["entry"]["kind"] == "edit" and f["entry"]["thread"] == t["id"])


async def buttons_are_shown_and_pressed(w):
    chat, _, t = await w.meet()
    choices = [{"id": "yes", "title": "نعم"}, {"id": "no", "title": "لا"}]
    await w.status(await w.answer(t, "Is this right?", choices=choices), "sent")
    (call,) = w.tg.sent(chat)
    buttons = [b for row in call.fields["reply_markup"]["inline_keyboard"] for b in row]
    assert [(b["text"], b["callback_data"]) for b in buttons] == [("نعم", "yes"), ("لا", "no")]
    w.tg.press(chat, call, "yes", t["contact"]["name"])
    e = await eventually(lambda: next((e for e in entries(w.d, w.token, t["id"], "message") if e.get("choice")), None))
    assert e["choice"] == "yes" and e["text"] == "نعم" and e["direction"] == "in", e
    await eventually(lambda: [c for c in w.tg.calls if c.method == "answerCallbackQuery"])  # the spinner ends


async def files_arrive_byte_for_byte(w):
    chat, name, t = await w.meet()
    kinds = [("photo", [w.tg.file(b"small"), w.tg.file(JPEG)], JPEG, "image/jpeg", False),
             ("voice", {**w.tg.file(OGG, "audio/ogg"), "duration": 2}, OGG, "audio/ogg", True),
             ("document", w.tg.file(PNG, "image/png", "بطاقة.png"), PNG, "image/png", False)]
    for n, (kind, field, data, type, voice) in enumerate(kinds):
        w.tg.write(chat, None, name, caption=f"here is {n}", **{kind: field})
        e = await eventually(lambda n=n: next((e for e in entries(w.d, w.token, t["id"], "message") if e["text"] == f"here is {n}"), None))
        e = await w.stored(t)
        (a,) = e["attachments"]
        assert a["size"] == len(data) and a["type"].startswith(type) and bool(a.get("voice")) == voice, a
        headers, got = download(w.d, w.amal.token, a["url"])  # the agent's own token
        assert hashlib.sha256(got).digest() == hashlib.sha256(data).digest()
        assert headers["Content-Security-Policy"].startswith("sandbox")
        if kind == "document":
            assert a["name"] == "بطاقة.png"
    assert w.tg.gets and w.tg.token not in w.d.tail(1 << 20)


async def a_place_and_a_card(w):
    chat, name, t = await w.meet()
    w.tg.write(chat, None, name, location={"latitude": 38.4237, "longitude": 27.1428})
    e = await eventually(lambda: next((e for e in entries(w.d, w.token, t["id"]) if e.get("location")), None))
    assert abs(e["location"]["latitude"] - 38.4237) < 1e-9 and abs(e["location"]["longitude"] - 27.1428) < 1e-9, e
    w.tg.write(chat, None, name, location={"latitude": 1.5, "longitude": -2}, venue={"location": {"latitude": 1.5, "longitude": -2},
                                                                                     "title": "Konak", "address": "Square 1"})
    e = await eventually(lambda: next((e for e in entries(w.d, w.token, t["id"]) if e.get("location", {}).get("name") == "Konak"), None))
    w.tg.write(chat, None, name, contact={"phone_number": "+905551112233", "first_name": "Sara", "user_id": 5})
    e = await eventually(lambda: next((e for e in entries(w.d, w.token, t["id"]) if e.get("contact_card")), None))
    assert "905551112233" in str(e["contact_card"]) and "Sara" in str(e["contact_card"]), e


async def an_album_is_one_entry(w):
    chat, name, t = await w.meet()
    pictures = [JPEG + bytes([i]) for i in range(3)]
    w.tg.write_all([w.tg.message(chat, name, photo=[w.tg.file(data)], media_group_id="99", **({"caption": "three"} if i == 0 else {}))
                    for i, data in enumerate(pictures)])
    e = await eventually(lambda: next((e for e in entries(w.d, w.token, t["id"], "message") if e["text"] == "three"), None))
    e = await w.stored(t, 3)
    assert len(e["external_ids"]) == 3, e["external_ids"]
    assert [download(w.d, w.token, a["url"])[1] for a in e["attachments"]] == pictures
    assert len(entries(w.d, w.token, t["id"], "message")) == 2


async def an_album_over_two_polls_is_one_entry(w):
    chat, name, t = await w.meet()
    pictures = [JPEG + bytes([i, 1]) for i in range(4)]
    messages = [w.tg.message(chat, name, photo=[w.tg.file(data)], media_group_id="100") for data in pictures]
    w.tg.write_all(messages[:2])
    await eventually(lambda: len(w.entry(t)["attachments"]) == 2)
    w.tg.write_all(messages[2:])
    e = await w.stored(t, 4)
    assert e["external_ids"] == [f"{chat}:{m['message_id']}" for m in messages], e
    assert [download(w.d, w.token, a["url"])[1] for a in e["attachments"]] == pictures
    assert len(entries(w.d, w.token, t["id"], "message")) == 2


async def files_go_out_byte_for_byte(w):
    chat, _, t = await w.meet()
    one = upload(w.d, w.amal.token, PNG, "image/png", "map.png")
    await w.status(await w.answer(t, "The map", attachments=[one["id"]]), "sent")
    call = w.tg.sent(chat)[-1]
    assert call.method == "sendPhoto" and call.files["photo"][2] == PNG and call.fields["caption"] == "The map"
    document = os.urandom(300_000)
    one = upload(w.d, w.amal.token, document, "application/pdf", "form.pdf")
    await w.status(await w.answer(t, "ن" * 1500, attachments=[one["id"]]), "sent")  # too long for a caption: text, then file
    text, file = w.tg.sent(chat)[-2:]
    assert text.method == "sendMessage" and text.text == "ن" * 1500
    assert file.method == "sendDocument" and file.files["document"][0] == "form.pdf" and file.files["document"][2] == document
    pictures = [JPEG + bytes([9, i]) for i in range(3)]
    ids = [upload(w.d, w.amal.token, data, "image/jpeg", f"{i}.jpg")["id"] for i, data in enumerate(pictures)]
    out = await w.answer(t, "Three", attachments=ids)
    await w.status(out, "sent")
    text, album = w.tg.sent(chat)[-2:]
    assert text.text == "Three" and album.method == "sendMediaGroup"
    sent = [album.files[m["media"].replace("attach://", "")][2] for m in album.fields["media"]]
    assert sent == pictures
    assert len(w.entry(t)["external_ids"]) == 4


async def blocking_is_marked_and_taken_back(w):
    chat, _, t = await w.meet()

    def blocked():
        return w.d.api("GET", f"contacts/{t['contact']['id']}", token=w.token)[1]["addresses"][0]["blocked"]
    w.tg.block(chat)
    await eventually(blocked)
    await asyncio.sleep(1.1)
    w.tg.block(chat, False)
    await eventually(lambda: not blocked())


async def a_person_who_blocked_us_is_told_in_words(w):
    chat, _, t = await w.meet()
    w.tg.fault("sendMessage", Refused(403, "Forbidden: bot was blocked by the user"), chat)
    out = await w.answer(t, "Hello?")
    frame = await w.status(out, "failed")
    assert "blocked" in frame["error"]["text"], frame
    assert len(w.tg.tried(chat)) == 1
    e = w.entry(t)
    assert e["status"] == "failed" and "blocked" in e["error"]["text"], e
    status, c = w.d.api("GET", f"contacts/{t['contact']['id']}", token=w.token)
    assert c["addresses"][0]["blocked"] is True, c


async def too_many_requests_keep_the_order(w):
    chat, _, t = await w.meet()
    w.tg.fault("sendMessage", Refused(429, "Too Many Requests: retry after 1", retry_after=1), chat)
    outs = [await w.answer(t, f"number {i}") for i in range(5)]
    for out in outs:
        await w.status(out, "sent", 20)
    assert [c.text for c in w.tg.sent(chat)] == [f"number {i}" for i in range(5)]
    tried = w.tg.tried(chat)
    assert tried[0].result is None and tried[1].at - tried[0].at >= 0.9  # as long as we were asked to


async def a_server_error_is_tried_again(w):
    chat, _, t = await w.meet()
    w.tg.fault("sendMessage", 502, chat, times=2)
    a, b = await w.answer(t, "first"), await w.answer(t, "second")
    await w.status(a, "sent", 25)
    await w.status(b, "sent", 25)
    assert [c.text for c in w.tg.tried(chat)] == ["first", "first", "first", "second"]
    assert [c.text for c in w.tg.sent(chat)] == ["first", "second"]


async def an_answer_that_was_cut_off_is_unknown_and_not_repeated(w):
    for what in ("cut", "cut-done"):
        chat, _, t = await w.meet()
        w.tg.fault("sendMessage", what, chat)
        out = await w.answer(t, "Did you get this?")
        frame = await w.status(out, "unknown")
        assert "may have been sent" in frame["error"]["text"], frame
        await asyncio.sleep(2)
        assert len(w.tg.tried(chat)) == 1  # it may have arrived
        assert w.entry(t)["status"] == "unknown"
        ok = await w.amal.ask("retry", thread=t["id"], seq=out["seq"])  # a person's decision
        assert ok["type"] == "ok" and ok["entry"]["attempt"] == 2, ok
        frame = await w.status(out, "sent")
        assert frame["attempt"] == 2 and len(w.tg.tried(chat)) == 2


async def a_chat_that_moved_is_followed(w):
    chat, _, t = await w.meet()
    new = next(chats)
    w.tg.fault("sendMessage", Refused(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=new), chat)
    out = await w.answer(t, "Are you there?")
    await w.status(out, "sent", 20)
    assert [c.text for c in w.tg.sent(new)] == ["Are you there?"]


def graphemes(text):
    """Near enough for what is written here: marks, joiners and what they join."""
    out = []
    for ch in text:
        joins = out and (unicodedata.combining(ch) or ch in "\u200d\ufe0f" or out[-1].endswith("\u200d") or 0x1F3FB <= ord(ch) <= 0x1F3FF)
        if joins:
            out[-1] += ch
        else:
            out.append(ch)
    return out


async def a_long_text_is_split_between_graphemes(w):
    chat, _, t = await w.meet()
    family = "👩‍👩‍👧‍👦"
    text = "".join(("e\u0301" * 3 + family + "سلامٌ" + "👍🏽")[:] for _ in range(420))
    assert units(text) > 3 * 4096 - 4096
    out = await w.answer(t, text)
    await w.status(out, "sent", 30)
    parts = [c.text for c in w.tg.sent(chat)]
    assert len(parts) >= 3 and all(0 < units(x) <= 4096 for x in parts), [units(x) for x in parts]
    assert "".join(parts) == text
    assert [g for x in parts for g in graphemes(x)] == graphemes(text)  # no family was parted
    e = w.entry(t)
    assert e["text"] == text and len(e["external_ids"]) == len(parts), e["external_ids"]


async def a_retry_of_a_split_text_sends_only_what_is_missing(w):
    chat, _, t = await w.meet()
    text = "".join(f"{i:05d} " for i in range(1400))
    w.tg.fault("sendMessage", "slow", chat, seconds=0)
    w.tg.fault("sendMessage", 502, chat)
    out = await w.answer(t, text)
    await w.status(out, "sent", 25)
    parts = [c.text for c in w.tg.sent(chat)]
    assert "".join(parts) == text and len(parts) == len(set(parts)) >= 2


async def a_file_that_is_too_big_is_told(w):
    chat, name, t = await w.meet()
    w.tg.fault("getFile", Refused(400, "Bad Request: file is too big"), None, times=20)
    w.tg.write(chat, None, name, caption="my film", video={**w.tg.file(b"x", "video/mp4"), "file_size": 30 << 20})
    e = await eventually(lambda: next((e for e in entries(w.d, w.token, t["id"], "message")
                                       if e["attachments"] and e["attachments"][0]["state"] == "failed"), None), 15)
    assert e["attachments"][0].get("error"), e
    w.tg.faults.clear()


async def what_is_not_understood_is_kept_in_quarantine(w):
    chat, name, t = await w.meet()
    root = w.d.token(role="administrator")
    before = len(w.d.api("GET", "quarantine", token=root)[1]["items"])
    w.tg.write_all([w.tg.message(chat, name, text="before"), w.tg.message(chat, name, something_new={"value": 4}),
                    w.tg.message(chat, name, poll={"question": "Which day?", "options": []}),
                    w.tg.message(chat, name, text="after")])
    await eventually(lambda: texts(w.d, w.token, t["id"], "in")[-3:] == ["before", "unsupported: poll: Which day?", "after"])
    assert len(w.d.api("GET", "quarantine", token=root)[1]["items"]) == before + 1


async def what_an_agent_changes_is_changed_there(w):
    chat, _, t = await w.meet()

    async def change(**more):
        ok = await w.amal.ask(more.pop("kind"), thread=t["id"], **more)
        assert ok["type"] == "ok", ok
        await w.status(ok["entry"], "sent")
    out = await w.answer(t, "Come on Monday")
    await w.status(out, "sent")
    id = w.tg.sent(chat)[-1].result["message_id"]
    await change(kind="edit", target=out["id"], text="Come on Tuesday")
    call = w.tg.tried(chat, "editMessageText")[-1]
    assert (call.fields["message_id"], call.text) == (id, "Come on Tuesday"), call
    await change(kind="deletion", target=out["id"])
    assert [c.fields["message_id"] for c in w.tg.tried(chat, "deleteMessage")] == [id]
    await change(kind="reaction", target=w.entry(t, 0)["id"], emoji="👍")
    call = w.tg.tried(chat, "setMessageReaction")[-1]
    assert call.fields["reaction"] == [{"type": "emoji", "emoji": "👍"}] and call.fields["message_id"] == int(w.entry(t, 0)["external_ids"][0].split(":")[1])
    # A long one went in parts: all of them are taken back.
    out = await w.answer(t, "word " * 1800)
    await w.status(out, "sent")
    parts = [c.result["message_id"] for c in w.tg.sent(chat)[-3:]]
    no = await w.amal.ask("edit", thread=t["id"], target=out["id"], text="Short")  # not of its first part alone
    assert no["type"] == "error" and no["code"] == "unsupported", no
    await change(kind="deletion", target=out["id"])
    assert [c.fields["message_id"] for c in w.tg.tried(chat, "deleteMessage")][1:] == parts
    # One with a file has a caption.
    blob = upload(w.d, w.amal.token, PNG, "image/png", "map.png")
    out = await w.answer(t, "The map", attachments=[blob["id"]])
    await w.status(out, "sent")
    w.tg.fault("editMessageText", Refused(400, "Bad Request: there is no text in the message to edit"), chat)
    await change(kind="edit", target=out["id"], text="The new map")
    assert w.tg.tried(chat, "editMessageCaption")[-1].fields["caption"] == "The new map"


async def groups_and_bots_are_left_alone(w):
    chat = next(chats)
    m = w.tg.message(chat, "Group", text="hello all")
    m["chat"] = {"id": -chat, "type": "supergroup"}
    bot = w.tg.message(chat, "Bot", text="beep")
    bot["from"]["is_bot"] = True
    w.tg.write_all([m, bot])
    newest = w.tg.next_update - 1
    await eventually(lambda: w.tg.confirmed > newest)
    assert not [t for t in threads(w.d, w.token) if t["contact"]["name"] in ("Group", "Bot")]


async def an_empty_answer_at_once_is_no_reason_to_hurry(w):
    """A server (or a proxy before it) that does not wait must not be asked without pause."""
    w.tg._do_getUpdates, was = _at_once, w.tg._do_getUpdates
    try:
        w.tg.write(next(chats), "wake", "Wake")
        await asyncio.sleep(1)
        n = len(w.tg.polls)
        await asyncio.sleep(2)
        assert len(w.tg.polls) - n < 20, len(w.tg.polls) - n
    finally:
        w.tg._do_getUpdates = was


async def _at_once(call):
    return []


async def channel_state(w, state, seconds=25):
    def look():
        status, o = w.d.api("GET", "operation", token=w.token)
        c = next(c for c in o["channels"] if c["id"] == "tg")
        return c if c["state"] == state else None
    return await eventually(look, seconds, 0.1)


async def a_conflict_is_told_and_passes(w):
    w.tg.fault("getUpdates", Refused(409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"))
    w.tg.write(next(chats), "poke", "Poke")  # ends the poll that waits
    c = await channel_state(w, "down")
    assert "another program" in c["state_text"], c
    await asyncio.sleep(5.5)
    w.tg.write(next(chats), "poke again", "Poke")
    await channel_state(w, "up")


async def a_refused_token_is_told(w):
    w.tg.fault("sendMessage", Refused(401, "Unauthorized"))
    chat, _, t = await w.meet()
    await w.answer(t, "one")
    await eventually(lambda: w.tg.tried(chat))
    status, o = w.d.api("GET", "operation", token=w.token)
    c = await eventually(lambda: next((c for c in w.d.api("GET", "operation", token=w.token)[1]["channels"] if c["id"] == "tg" and c["state"] != "up"),
                                      None), 10)
    assert c["state_text"], c
    assert w.entry(t)["status"] == "stored"  # it waits for the operator


TESTS = [a_person_writes_and_an_agent_answers, an_edit_is_an_entry_that_names_what_it_changes, buttons_are_shown_and_pressed,
         files_arrive_byte_for_byte, a_place_and_a_card, an_album_is_one_entry, an_album_over_two_polls_is_one_entry,
         files_go_out_byte_for_byte, blocking_is_marked_and_taken_back,
         a_person_who_blocked_us_is_told_in_words, too_many_requests_keep_the_order, a_server_error_is_tried_again,
         an_answer_that_was_cut_off_is_unknown_and_not_repeated, a_chat_that_moved_is_followed, a_long_text_is_split_between_graphemes,
         a_retry_of_a_split_text_sends_only_what_is_missing, a_file_that_is_too_big_is_told, what_is_not_understood_is_kept_in_quarantine,
         what_an_agent_changes_is_changed_there, groups_and_bots_are_left_alone, an_empty_answer_at_once_is_no_reason_to_hurry, a_conflict_is_told_and_passes, a_refused_token_is_told]


if __name__ == "__main__":
    run_shared(World, TESTS)
