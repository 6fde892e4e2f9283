# SPDX-License-Identifier: Apache-2.0
"""Every kind of message through the http connector, both ways: what the other side posts, what it is posted, what its answers mean."""
import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import os
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from look import Office, download, entries, eventually, run_shared, texts, upload

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
                    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082")
people = itertools.count(1)


class Peer:
    """The other side: takes what is posted to /out, serves files; in a thread, so that nothing waits for the test."""

    def __init__(self):
        self.got, self.files, self.answers, self.lock = [], {}, [], threading.Lock()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with peer.lock:
                    peer.got.append({"headers": {k.lower(): v for k, v in self.headers.items()}, "body": body, "json": json.loads(body), "at": time.time()})
                    data = peer.got[-1]["json"]["data"]
                    plan = next((a for a in peer.answers if a["n"] > 0 and a["to"] in (None, data.get("to"))), None)
                    if plan:
                        plan["n"] -= 1
                if plan and plan["status"] == "cut":
                    self.close_connection = True
                    self.connection.close()
                    return
                status = plan["status"] if plan else 200
                answer = plan["body"] if plan else {"id": "ext-" + self.headers["Webhook-Id"]}
                self.reply(status, json.dumps(answer).encode() if answer is not None else b"", "application/json", plan and plan["headers"])

            def do_GET(self):
                data = peer.files.get(self.path)
                self.reply(200 if data is not None else 404, data or b"", "application/octet-stream")

            def reply(self, status, data, type, headers=None):
                self.send_response(status)
                for k, v in (headers or {}).items():
                    self.send_header(k, v)
                self.send_header("Content-Type", type)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_port}"

    def plan(self, status, body=None, to=None, n=1, **headers):
        self.answers.append({"status": status, "body": body, "to": to, "n": n, "headers": {k.replace("_", "-"): v for k, v in headers.items()}})

    def posted(self, type=None, to=None):
        with self.lock:
            return [g for g in self.got if type in (None, g["json"]["type"]) and to in (None, g["json"]["data"].get("to"))]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class World:
    async def open(self):
        self.peer = Peer()
        self.office = Office(self.document)
        with open(self.office.d.config, encoding="utf-8") as f:
            settings = {**json.load(f), "public_url": self.office.d.base}
        with open(self.office.d.config, "w", encoding="utf-8") as f:
            json.dump(settings, f)
        await self.office.open("amal")
        self.d, self.token, self.amal = self.office.d, self.office.token, self.office.agents["amal"]
        return self

    def document(self, d, doc):
        doc["channels"][1]["settings"]["url"] = self.peer.base + "/out"
        doc["channels"].append({"id": "plain", "connector": "http", "settings": {"url": self.peer.base + "/out", "secret": d.secret, "capabilities": ["text"]}})

    async def close(self, failed):
        await self.office.close(failed)
        self.peer.stop()

    def say(self, who, text=None, channel="app", **more):
        n = next(people)
        body = {"messages": [{"id": f"k{n}", "from": {"address": who, "name": f"N {who}"}, **({"text": text} if text is not None else {}), **more}]}
        status, answer = self.d.hook(body, channel=channel)
        assert status == 200, (status, answer)
        return f"k{n}"

    async def meet(self, channel="app"):
        who = f"tel:+90530{next(people):07d}"
        self.say(who, "I want to register", channel)
        return who, await self.office.offered("amal", lambda t: t["contact"]["name"] == f"N {who}")

    async def answer(self, t, **more):
        ok = await self.amal.ask("send", thread=t["id"], **more)
        assert ok["type"] == "ok", ok
        return ok["entry"]

    async def status(self, entry, status, seconds=15):
        return await self.amal.frame("entry.status", seconds, where=lambda f: f["entry"] == entry["id"] and f["status"] == status)

    async def inbound(self, t, where, seconds=10):
        return await eventually(lambda: next((e for e in entries(self.d, self.token, t["id"]) if e["direction"] == "in" and where(e)), None), seconds)


def signature_fits(d, got):
    h = got["headers"]
    mac = hmac.new(base64.b64decode(d.secret[6:]), f"{h['webhook-id']}.{h['webhook-timestamp']}.".encode() + got["body"], hashlib.sha256).digest()
    return "v1," + base64.b64encode(mac).decode() in h["webhook-signature"].split()


async def text_out_is_signed(w):
    who, t = await w.meet()
    out = await w.answer(t, text="Come on Monday أهلا 👋")
    await w.status(out, "sent")
    (got,) = w.peer.posted("message.send", who)
    assert signature_fits(w.d, got) and abs(int(got["headers"]["webhook-timestamp"]) - time.time()) < 30
    assert got["headers"]["webhook-id"] == out["id"] == got["json"]["data"]["id"]
    assert got["json"]["data"]["text"] == "Come on Monday أهلا 👋" and got["headers"]["content-type"].startswith("application/json")
    e = entries(w.d, w.token, t["id"], "message")[-1]
    assert e["external_ids"] == ["ext-" + out["id"]] and e["status"] == "sent", e


async def statuses_only_move_up(w):
    who, t = await w.meet()
    out = await w.answer(t, text="Read me")
    await w.status(out, "sent")
    ext = "ext-" + out["id"]
    for status in ("delivered", "read"):
        assert w.d.hook({"statuses": [{"id": ext, "status": status}]})[0] == 200
        await w.status(out, status)
    for late in ("sent", "delivered", "failed"):
        assert w.d.hook({"statuses": [{"id": ext, "status": late}]})[0] == 200
    assert w.d.hook({"statuses": [{"id": "nobody-knows", "status": "read"}]})[0] == 200
    await asyncio.sleep(0.5)
    assert entries(w.d, w.token, t["id"], "message")[-1]["status"] == "read"
    out = await w.answer(t, text="It fails later")
    await w.status(out, "sent")
    assert w.d.hook({"statuses": [{"id": "ext-" + out["id"], "status": "failed", "error": {"code": "30003", "text": "the handset is off"}}]})[0] == 200
    frame = await w.status(out, "failed")
    assert frame["error"] == {"code": "30003", "text": "the handset is off"}, frame


async def a_status_that_comes_before_its_answer_is_kept(w):
    """Providers tell of the delivery on another connection, which may be faster than the answer to our request."""
    who, t = await w.meet()
    w.peer.plan(200, {"id": "early-1"}, who)
    out = await w.answer(t, text="Quick")
    await w.status(out, "sent")
    assert w.d.hook({"statuses": [{"id": "early-2", "status": "delivered"}]})[0] == 200
    w.peer.plan(200, {"id": "early-2"}, who)
    out = await w.answer(t, text="Quicker")
    await w.status(out, "delivered")


async def edit_deletion_and_reaction_come_in(w):
    who, t = await w.meet()
    first = w.say(who, "I come at 9")
    e = await w.inbound(t, lambda e: e["text"] == "I come at 9")
    w.say(who, "I come at 10", kind="edit", target=first)
    edit = await w.inbound(t, lambda x: x["kind"] == "edit")
    assert edit["target"] == e["id"] and edit["text"] == "I come at 10", edit
    w.say(who, "❤️", kind="reaction", target=first)
    reaction = await w.inbound(t, lambda x: x["kind"] == "reaction")
    assert reaction["target"] == e["id"] and reaction["text"] == "❤️", reaction
    w.say(who, kind="deletion", target=first)
    deletion = await w.inbound(t, lambda x: x["kind"] == "deletion")
    assert deletion["target"] == e["id"], deletion
    kinds = {f["entry"]["kind"] for f in w.amal.frames if f["type"] == "entry.added" and f["entry"]["thread"] == t["id"]}
    await eventually(lambda: {"edit", "reaction", "deletion"} <= {f["entry"]["kind"] for f in w.amal.frames if f["type"] == "entry.added"
                                                                   and f["entry"]["thread"] == t["id"]}, 5), kinds


async def location_card_choice_reply_and_time_come_in(w):
    who, t = await w.meet()
    w.say(who, location={"latitude": 38.4237, "longitude": -27.1, "name": "Konak", "address": "Square"})
    e = await w.inbound(t, lambda e: e.get("location"))
    assert e["location"] == {"latitude": 38.4237, "longitude": -27.1, "name": "Konak", "address": "Square"}, e
    w.say(who, contact={"name": "Sara", "phone": "+905551112233", "email": "s@example.org", "own": False})
    e = await w.inbound(t, lambda e: e.get("contact_card"))
    assert {"name": "Sara", "phone": "+905551112233", "email": "s@example.org"}.items() <= e["contact_card"].items(), e
    w.say(who, "Yes", choice="opt-yes", reply_to="k1", time="2026-01-31T12:00:00.250+03:00")
    e = await w.inbound(t, lambda e: e.get("choice"))
    assert e["choice"] == "opt-yes" and e["reply_to"] == "k1" and e["provider_time"].startswith("2026-01-31T09:00:00"), e


async def files_come_in_by_data_and_by_link(w):
    who, t = await w.meet()
    w.say(who, "inline", attachments=[{"data": base64.b64encode(PNG).decode(), "type": "image/png", "name": "بطاقة.png"}])
    e = await w.inbound(t, lambda e: e["text"] == "inline" and e["attachments"] and e["attachments"][0]["state"] == "stored")
    assert e["attachments"][0]["name"] == "بطاقة.png" and download(w.d, w.amal.token, e["attachments"][0]["url"])[1] == PNG
    data = bytes(16) + os.urandom(700_000)  # not by chance like a program
    w.peer.files["/big.bin"] = data
    w.say(who, "by link", attachments=[{"url": w.peer.base + "/big.bin", "type": "application/zip", "name": "b.zip"}, {"url": w.peer.base + "/gone"}])
    e = await w.inbound(t, lambda e: e["text"] == "by link" and [a["state"] for a in e["attachments"]] == ["stored", "failed"], 20)
    assert download(w.d, w.amal.token, e["attachments"][0]["url"])[1] == data
    status, headers, part = w.d.request("GET", e["attachments"][0]["url"], token=w.amal.token, headers={"Range": "bytes=100-199"})
    assert status == 206 and part == data[100:200] and headers["Content-Range"] == f"bytes 100-199/{len(data)}"


async def a_link_inside_the_house_is_not_fetched(w):
    """allow_private names 127.0.0.0/8 here; nothing else inside may be reached."""
    who, t = await w.meet()
    for i, url in enumerate(("http://169.254.169.254/latest/meta-data", "http://10.0.0.1/x", "http://[::1]/x", "http://0.0.0.0/x", "http://[fd00::1]/x")):
        w.say(who, f"link {i}", attachments=[{"url": url}])
        e = await w.inbound(t, lambda e, i=i: e["text"] == f"link {i}" and e["attachments"][0]["state"] == "failed", 20)
        assert e


async def an_album_is_one_entry(w):
    who, t = await w.meet()
    items = [{"id": f"al-{who}-{i}", "from": {"address": who}, "group": "g1", "attachments": [{"data": base64.b64encode(PNG + bytes([i])).decode()}],
              **({"text": "my papers"} if i == 1 else {})} for i in range(4)]
    status, answer = w.d.hook({"messages": items})
    assert status == 200, answer
    e = await w.inbound(t, lambda e: e["text"] == "my papers")
    assert [download(w.d, w.token, a["url"])[1] for a in e["attachments"]] == [PNG + bytes([i]) for i in range(4)]
    assert len([x for x in entries(w.d, w.token, t["id"], "message") if x["attachments"]]) == 1
    status, answer = w.d.hook({"messages": items})
    assert json.loads(answer)["stored"] == 0, answer
    status, answer = w.d.hook({"messages": items[2:]})  # the provider repeats a part of it
    assert json.loads(answer)["stored"] == 0, answer


async def files_choices_and_a_quote_go_out(w):
    who, t = await w.meet()
    first = await w.inbound(t, lambda e: e["kind"] == "message")
    document = os.urandom(200_000)
    blob = upload(w.d, w.amal.token, document, "application/pdf", "نموذج.pdf")
    out = await w.answer(t, text="Which?", attachments=[blob["id"]], choices=[{"id": "a", "title": "أ"}, {"id": "b", "title": "B"}], reply_to=first["id"])
    await w.status(out, "sent")
    data = w.peer.posted("message.send", who)[-1]["json"]["data"]
    assert data["choices"] == [{"id": "a", "title": "أ"}, {"id": "b", "title": "B"}], data
    (file,) = data["attachments"]
    assert file["name"] == "نموذج.pdf" and file["size"] == len(document)
    assert data["reply_to"] == first["external_ids"][0], data
    # The link needs nothing but itself, and only as it is.
    path = urllib.parse.urlsplit(file["url"]).path
    assert file["url"].startswith(w.d.base + "/files/")
    status, headers, got = w.d.get(path)
    assert status == 200 and got == document
    assert headers["Content-Disposition"].startswith("attachment") and "sandbox" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "private, no-store" and headers["X-Content-Type-Options"] == "nosniff"
    raw = base64.urlsafe_b64decode(path.split("/")[-1] + "==")
    for i in range(0, len(raw) * 8, 3):
        wrong = bytearray(raw)
        wrong[i // 8] ^= 1 << i % 8
        status, _, _ = w.d.get("/files/" + base64.urlsafe_b64encode(bytes(wrong)).decode().rstrip("="))
        assert status in (404, 400), (i, status)
    for path in ("/files/", "/files/x", "/files/" + "A" * 300, "/files/" + "A" * 3000, "/files/../files/x"):
        assert w.d.get(path)[0] in (404, 400), path


async def without_a_capability_it_becomes_words(w):
    status, o = w.d.api("GET", "operation", token=w.token)
    by = {c["id"]: c for c in o["channels"]}
    assert by["app"]["capabilities"]["choices"] is True and by["plain"]["capabilities"]["choices"] is False
    assert by["plain"]["capabilities"]["text"] is True and by["plain"]["capabilities"]["files"] is False
    assert by["app"]["limits"]["text"] == 65536 and by["web"]["connector"] == "webchat", by["app"]["limits"]
    assert "secret" not in json.dumps(o) and w.d.secret not in json.dumps(o) and w.peer.base not in json.dumps(o)
    who, t = await w.meet("plain")
    blob = upload(w.d, w.amal.token, PNG, "image/png", "map.png")
    out = await w.answer(t, text="Which day?", choices=[{"id": "a", "title": "Monday"}, {"id": "b", "title": "Tuesday"}], attachments=[blob["id"]])
    await w.status(out, "sent")
    data = w.peer.posted("message.send", who)[-1]["json"]["data"]
    assert "choices" not in data and "attachments" not in data, data
    assert data["text"].startswith("Which day?\n1. Monday\n2. Tuesday\n" + w.d.base + "/files/"), data["text"]
    assert w.d.get(data["text"].rsplit(w.d.base, 1)[1])[2] == PNG


async def a_typed_number_or_title_is_the_choice(w):
    who, t = await w.meet("plain")
    days = [{"id": "d1", "title": "الاثنين"}, {"id": "d2", "title": "Tuesday"}]
    out = await w.answer(t, text="أي يوم؟", choices=days)
    await w.status(out, "sent")
    assert w.peer.posted("message.send", who)[-1]["json"]["data"]["text"] == "أي يوم؟\n١. الاثنين\n٢. Tuesday"
    for typed, choice in (("hello?", None), ("2", "d2"), ("٢", "d2"), ("۱", "d1"), ("2.", "d2"), ("TUESDAY", "d2"), ("الإثنين", "d1"), ("3", None)):
        external = w.say(who, typed, "plain")
        e = await w.inbound(t, lambda e: external in e.get("external_ids", []))
        assert (e["text"], e.get("choice"), e.get("reply_to")) == (typed, choice, out["id"] if choice else None), e
    out = await w.answer(t, text="How many children?")
    await w.status(out, "sent")
    external = w.say(who, "2", "plain")
    e = await w.inbound(t, lambda e: external in e.get("external_ids", []))
    assert "choice" not in e, e  # that is their number, and no answer to what was asked before


async def what_an_agent_changes_goes_out(w):
    who, t = await w.meet()
    theirs = entries(w.d, w.token, t["id"], "message")[0]
    out = await w.answer(t, text="Come on Monday")
    await w.status(out, "sent")
    external = "ext-" + out["id"]
    for kind, type, target, more in (("edit", "message.edit", (out["id"], external), {"text": "Come on Tuesday"}),
                                     ("reaction", "reaction", (theirs["id"], theirs["external_ids"][0]), {"emoji": "👍"}),
                                     ("deletion", "message.delete", (out["id"], external), {})):
        ok = await w.amal.ask(kind, thread=t["id"], target=target[0], **more)
        assert ok["type"] == "ok", ok
        await w.status(ok["entry"], "sent")
        (got,) = w.peer.posted(type, who)
        data = got["json"]["data"]
        assert data["target"] == target[1] and data.get("text") == (more.get("text") or more.get("emoji")), data
        assert signature_fits(w.d, got)


async def typing_and_having_read_go_both_ways(w):
    who, t = await w.meet()
    assert w.d.hook({"typing": [{"from": {"address": who}, "on": True}]})[0] == 200
    frame = await w.amal.frame("typing", where=lambda f: f["thread"] == t["id"])
    assert frame["who"] == "person" and frame["on"] is True
    await w.amal.ws.send(json.dumps({"type": "typing", "thread": t["id"], "on": True}))
    await eventually(lambda: w.peer.posted("typing", who), 5)
    await w.amal.ws.send(json.dumps({"type": "read", "thread": t["id"], "seq": t["entries"]}))
    await eventually(lambda: w.peer.posted("read", who), 5)
    before = len(entries(w.d, w.token, t["id"]))
    out = await w.answer(t, text="See?")
    await w.status(out, "sent")
    assert w.d.hook({"reads": [{"from": {"address": who}, "target": "ext-" + out["id"]}]})[0] == 200
    await w.status(out, "read")
    assert len(entries(w.d, w.token, t["id"])) == before + 1  # signals are no entries


async def blocked_is_marked(w):
    who, t = await w.meet()

    def blocked():
        return w.d.api("GET", f"contacts/{t['contact']['id']}", token=w.token)[1]["addresses"][0]["blocked"]
    assert w.d.hook({"blocked": [{"id": f"bl{who}", "from": {"address": who}}]})[0] == 200
    await eventually(blocked, 5)
    assert w.d.hook({"blocked": [{"id": f"un{who}", "from": {"address": who}, "on": False}]})[0] == 200
    await eventually(lambda: not blocked(), 5)


async def what_an_answer_means(w):
    who, t = await w.meet()
    w.peer.plan(422, {"error": "not a number of ours"}, who)
    out = await w.answer(t, text="one")
    frame = await w.status(out, "failed")
    assert "not a number of ours" in frame["error"]["text"] and frame["error"]["code"] == "http-422", frame
    w.peer.plan(503, None, who, 1, Retry_After="1")
    out = await w.answer(t, text="two")
    await w.status(out, "sent", 20)
    got = [g for g in w.peer.posted("message.send", who) if g["json"]["data"]["text"] == "two"]
    assert len(got) == 2 and {g["headers"]["webhook-id"] for g in got} == {out["id"]}  # so that they can tell it is the same
    w.peer.plan(429, None, who, 1, Retry_After="1")
    a, b = await w.answer(t, text="three"), await w.answer(t, text="four")
    await w.status(b, "sent", 20)
    got = [g["json"]["data"]["text"] for g in w.peer.posted("message.send", who)][-3:]
    assert got == ["three", "three", "four"], got
    w.peer.plan("cut", None, who)
    out = await w.answer(t, text="five")
    await w.status(out, "sent", 20)  # may be repeated: the id is the same on every try
    got = [g for g in w.peer.posted("message.send", who) if g["json"]["data"]["text"] == "five"]
    assert len(got) == 2 and {g["headers"]["webhook-id"] for g in got} == {out["id"]}


async def the_wire_is_told_to_supervisors_without_secrets(w):
    who, t = await w.meet()
    w.peer.plan(422, {"error": "no"}, who)
    out = await w.answer(t, text="look behind")
    await w.status(out, "failed")
    selin = w.d.token(agent="selin", role="supervisor")
    status, log = w.d.api("GET", f"entries/{t['id']}/{out['seq']}/log", token=selin)
    assert status == 200 and log["items"], (status, log)
    text = json.dumps(log)
    assert "422" in text and w.d.secret not in text and w.d.secret[6:] not in text, text
    status, _ = w.d.api("GET", f"entries/{t['id']}/{out['seq']}/log", token=w.amal.token)
    assert status in (403, 404)


async def several_scripts_and_controls_stay_as_they_are(w):
    who, t = await w.meet()
    strange = ["\u202eabc\u202c", "a\u200bb", "e\u0301", "👩‍👩‍👧‍👦", "\U00010ffd", "ﷺ", "tab\tand\nline", "<script>alert(1)</script>", "'; FLUSHALL\r\n", "{{x}} ${y}", "*1\r\n$4\r\nPING"]
    for s in strange:
        w.say(who, s)
    assert texts(w.d, w.token, t["id"], "in")[1:] == strange
    out = await w.answer(t, text="".join(strange))
    await w.status(out, "sent")
    assert w.peer.posted("message.send", who)[-1]["json"]["data"]["text"] == "".join(strange)


TESTS = [text_out_is_signed, statuses_only_move_up, a_status_that_comes_before_its_answer_is_kept, edit_deletion_and_reaction_come_in,
         location_card_choice_reply_and_time_come_in, files_come_in_by_data_and_by_link, a_link_inside_the_house_is_not_fetched,
         an_album_is_one_entry, files_choices_and_a_quote_go_out, without_a_capability_it_becomes_words, a_typed_number_or_title_is_the_choice,
         what_an_agent_changes_goes_out, typing_and_having_read_go_both_ways,
         blocked_is_marked, what_an_answer_means, the_wire_is_told_to_supervisors_without_secrets, several_scripts_and_controls_stay_as_they_are]

if __name__ == "__main__":
    run_shared(World, TESTS)
