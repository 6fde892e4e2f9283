# SPDX-License-Identifier: Apache-2.0
"""What people entrust is nowhere in clear: put in through every door, then looked for in the data directory, in every key of both
servers, in a backup, in the log at its most talkative and in the metrics. And after an erasure it is gone."""
import asyncio
import base64
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers"))

from look import Office, entries, eventually, everything, files_below, redis_of, run_shared, threads, upload, wait  # noqa: E402
from telegram_double import Refused, TelegramDouble  # noqa: E402
import parley as p  # noqa: E402
import sockets  # noqa: E402


def word():
    return "zq" + secrets.token_hex(5) + "qz"


def spellings(text):
    """The bytes under which a text could be lying somewhere."""
    raw = text.encode()
    out = {raw, text.lower().encode(), text.upper().encode(), raw.hex().encode(), raw.hex().upper().encode(), json.dumps(text)[1:-1].encode(),
           urllib.parse.quote(text).encode(), text.encode("utf-16-le"), text.encode("utf-16-be"), raw[::-1]}
    for shift in range(3):  # base64 in each of its three alignments, without what its neighbours decide
        b = base64.b64encode(b"\0" * shift + raw)
        cut = b[4 if shift else 0:len(b) - 4] if len(raw) > 8 else b""
        if len(cut) >= 8:
            out |= {cut, cut.replace(b"+", b"-").replace(b"/", b"_")}
    return [s for s in out if len(s) >= 6]


class World:
    """Everything that is secret gets a word of its own."""

    async def open(self):
        self.tg = TelegramDouble().start()
        self.canary = {}
        self.office = Office(self.document, {"log_level": "debug", "trusted_proxies": ["127.0.0.0/8"]})
        with open(self.office.d.config, encoding="utf-8") as f:
            settings = {**json.load(f), "public_url": self.office.d.base}
        with open(self.office.d.config, "w", encoding="utf-8") as f:
            json.dump(settings, f)
        await self.office.open("amal")
        self.d, self.token, self.amal = self.office.d, self.office.token, self.office.agents["amal"]
        self.canary["token"] = self.token
        self.canary["agent's token"] = self.amal.token
        self.canary["channel secret"] = self.d.secret[6:]
        self.canary["bot token"] = self.tg.token
        self.recovery = None
        return self

    def document(self, d, doc):
        self.hook_secret = word() + word()
        doc["agents"][0]["name"] = self.c("staff name", f"Amal {word()}")
        doc["agents"].append({"login": self.c("login", "l" + secrets.token_hex(6)), "name": self.c("second staff name"), "roles": ["agent", "supervisor"],
                              "areas": ["tr"], "languages": {"en": 1}, "topics": ["*"], "capacity": {"chat": 0}})
        doc["channels"].append({"id": "tg", "connector": "telegram", "settings": {"token": self.tg.token, "mode": "poll", "api": self.tg.url,
                                                                                  "secret": self.c("webhook secret", self.hook_secret)}})

    def c(self, name, value=None):
        """A secret by its name; made at its first use."""
        if name not in self.canary:
            self.canary[name] = value or word()
        return self.canary[name]

    async def close(self, failed):
        await self.office.close(failed)
        self.tg.stop()


# ---- putting in ----


async def through_the_http_connector(w):
    number = w.c("number", "90" + str(secrets.randbelow(10**9) + 53 * 10**8)[:10])
    w.http_id = w.c("provider id")
    assert w.d.hook({"messages": [
        {"id": w.http_id, "from": {"address": f"tel:+{number}", "name": w.c("name"), "locale": "en"}, "text": f"I want to register {w.c('text')} at once"},
        {"id": "2" + word(), "from": {"address": f"tel:+{number}"}, "attachments": [{"data": base64.b64encode((w.c("file content") * 200).encode()).decode(),
                                                                                      "name": w.c("file name") + ".txt", "type": "text/plain"}]},
        {"id": "3" + word(), "from": {"address": f"tel:+{number}"}, "location": {"latitude": 38.123456, "longitude": 27.654321, "name": w.c("place")},
         "contact": {"name": w.c("card name"), "phone": "+90" + w.c("card phone", str(secrets.randbelow(9 * 10**11) + 10**11)), "email": w.c("card mail") + "@example.org"}}]})[0] == 200
    w.http_thread = await w.office.offered("amal", lambda t: t["contact"]["name"] == w.c("name"))
    t = w.http_thread["id"]
    assert w.d.hook({"messages": [{"id": "e" + word(), "from": {"address": f"tel:+{number}"}, "kind": "edit", "target": w.http_id, "text": w.c("edited text")}]})[0] == 200
    ok = await w.amal.ask("send", thread=t, text=f"Dear {w.c('answer')}", choices=[{"id": "c1", "title": w.c("choice title")}])
    assert ok["type"] == "ok", ok
    ok = await w.amal.ask("note", thread=t, text=w.c("note"))
    assert ok["type"] == "ok", ok
    blob = upload(w.d, w.amal.token, (w.c("sent file content") * 300).encode(), "text/plain", w.c("sent file name") + ".txt")
    ok = await w.amal.ask("send", thread=t, attachments=[blob["id"]])
    assert ok["type"] == "ok", ok
    upload(w.d, w.amal.token, (w.c("unused upload") * 300).encode(), "text/plain", w.c("unused name") + ".txt")
    status, _ = w.d.api("PATCH", f"contacts/{w.http_thread['contact']['id']}", {"notes": w.c("contact notes"), "fields": {"case": w.c("contact field")}}, w.token)
    assert status == 200
    for q in (w.c("text"), w.c("answer")):
        found = threads(w.d, w.token, q=q)
        assert [x["id"] for x in found] == [t], (q, found)
    assert w.d.api("GET", "contacts?address=" + urllib.parse.quote(f"app/tel:+{number}", safe=""), token=w.token)[0] == 200
    # What can't be understood is kept too, and what is malformed is not told.
    assert w.d.hook(b'{"messages":[{"id":"x","from":{"address":"tel:+905"},"text":"' + w.c("refused text").encode() + b'"}]}')[0] == 400
    assert w.d.hook(b'{"' + w.c("refused member").encode() + b'":1}')[0] == 400


def from_afar(w):
    """Where people come from and what they hold in their hands."""
    return {"X-Forwarded-For": w.c("address of a person", "203.0.113.187"), "User-Agent": w.c("user agent"), "Referer": f"http://127.0.0.1/{w.c('referer')}"}


async def through_the_webchat_socket(w):
    async with sockets.connect(f"ws://127.0.0.1:{w.d.port}/ws/chat/demo/web", subprotocols=["parley.chat.v1"], origin=w.d.base, compression=None,
                               extra_headers=from_afar(w)) as ws:
        await ws.send(json.dumps({"type": "hello", "session": None, "after": None, "locale": "en"}))
        welcome = json.loads(await asyncio.wait_for(ws.recv(), 10))
        w.canary["chat session"] = welcome["session"]
        status, _, body = w.d.request("POST", "/chat/demo/web/upload", (w.c("chat file content") * 200).encode(),
                                      {"x-parley-session": welcome["session"], "Content-Type": "text/plain", "x-parley-name": w.c("chat file name") + ".txt",
                                       "Origin": w.d.base, **from_afar(w)})
        assert status == 201, (status, body)
        await ws.send(json.dumps({"type": "send", "ref": w.c("chat ref"), "text": f"hello {w.c('chat text')}", "attachments": [json.loads(body)["id"]]}))
        while json.loads(await asyncio.wait_for(ws.recv(), 10))["type"] != "ack":
            pass
        await ws.send(json.dumps({"type": "send", "ref": "bad", "text": w.c("chat refused"), "attachments": ["nowhere"]}))
        await ws.send(w.c("chat garbage") + "{")
        await asyncio.sleep(0.3)


async def through_the_webchat_poll_and_form(w):
    def poll(body):
        status, _, data = w.d.request("POST", "/chat/demo/web/poll", body, {"Origin": w.d.base, **from_afar(w)})
        assert status == 200, (status, data)
        return json.loads(data)
    first = poll({"session": None, "after": None, "cursor": None, "wait": 0, "frames": [{"type": "hello", "session": None, "after": None, "locale": "en"}]})
    session = first["frames"][0]["session"]
    w.canary["poll session"] = session
    poll({"session": session, "after": None, "cursor": first["cursor"], "wait": 1, "frames": [{"type": "send", "ref": word(), "text": w.c("poll text")}]})
    form = urllib.parse.urlencode({"session": "", "ref": secrets.token_hex(16), "text": w.c("form text"), "lang": "en"}).encode()
    status, headers, _ = w.d.request("POST", "/chat/demo/web", form, {"Content-Type": "application/x-www-form-urlencoded", "Origin": w.d.base, **from_afar(w)})
    assert status in (200, 303), status


async def through_telegram(w):
    chat = secrets.randbelow(10**10) + 7 * 10**10
    w.canary["telegram id"] = str(chat)
    w.tg.write(chat, f"I want to register {w.c('telegram text')}", w.c("telegram name"))
    t = await w.office.offered("amal", lambda t: t["contact"]["name"] == w.c("telegram name"))
    w.tg.write(chat, None, w.c("telegram name"), caption=w.c("caption"), document=w.tg.file((w.c("telegram file content") * 300).encode(), "text/plain", w.c("telegram file name") + ".txt"))
    await eventually(lambda: [e for e in entries(w.d, w.token, t["id"], "message") if e["attachments"] and e["attachments"][0]["state"] == "stored"], 15)
    w.tg.fault("sendMessage", Refused(400, "Bad Request: " + w.c("provider's error")), chat)
    out = await w.amal.ask("send", thread=t["id"], text=w.c("failed answer"))
    await w.amal.frame("entry.status", where=lambda f: f["entry"] == out["entry"]["id"] and f["status"] == "failed")
    w.tg.write_all([w.tg.message(chat, w.c("telegram name"), hologram={"words": w.c("quarantined")})])
    out = await w.amal.ask("transfer", thread=t["id"], language="en", note=w.c("transfer note"))
    assert out["type"] == "ok", out
    root = w.d.token(role="administrator")
    await eventually(lambda: w.c("quarantined") in json.dumps(w.d.api("GET", "quarantine", token=root)[1]), 10)


async def through_sign_in_and_the_tool(w):
    w.canary["password"] = password = "pw " + word()
    w.d.tool("user", "passwd", "amal", "--stdin", text=password + "\n")
    status, headers, body = w.d.request("POST", "/api/v1/sign-in", {"login": "amal", "password": password}, {"Origin": w.d.base})
    assert status == 200, (status, body)
    w.canary["session cookie"] = headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
    assert w.d.request("POST", "/api/v1/sign-in", {"login": "amal", "password": w.c("wrong password")}, {"Origin": w.d.base})[0] == 401
    assert w.d.get("/api/v1/me", token="parley_" + w.c("wrong token"))[0] == 401
    w.d.tool("token", "demo", "--role", "integrator", "--note", w.c("token's note"))
    w.d.request("GET", f"/api/v1/ops/demo/threads?q={w.c('searched word')}", token=w.token)
    w.d.request("GET", f"/chat/demo/web?{w.c('query')}=1")
    w.d.request("GET", f"/{w.c('path')}")


# ---- looking ----

AS_CODE = {"login"}  # an agent's id is its login: a code in the data server, as thread ids are. Nowhere else.


def leaks(w, what, pieces, but=()):
    """(secret's name, where) of each secret that lies there in clear."""
    patterns = [(name, s) for name, value in w.canary.items() if name not in but for s in spellings(value)]
    found = []
    for where, data in pieces:
        for name, s in patterns:
            at = data.find(s)
            if at >= 0:
                found.append((what, where, name, data[max(0, at - 60):at + 60]))
    return found


def of_files(folder, skip=()):
    for path in files_below(folder):
        name = os.path.relpath(path, folder)
        if not any(s in name for s in skip):
            with open(path, "rb") as f:
                yield name, name.encode() + b"\n" + f.read()


async def nothing_is_in_clear_in_either_server(w):
    await asyncio.sleep(2)  # the audit's seal, late writes
    for which in ("data", "keys"):
        r = redis_of(w.d, which)
        pieces = list(everything(r))
        assert len(pieces) > 5, (which, len(pieces))
        found = leaks(w, which, pieces, AS_CODE if which == "data" else ())
        assert not found, found[:5]
        if which == "data":  # the search does find what is there: an agent's login is a code
            assert leaks(w, which, pieces)


async def nothing_is_in_clear_in_the_data_directory(w):
    found = leaks(w, "files", of_files(w.d.data), AS_CODE)
    assert not found, found[:5]
    names = [n for n, _ in of_files(w.d.data)]
    assert [n for n in names if "appendonly" in n] and [n for n in names if n.startswith("blobs")], names


async def nothing_is_in_clear_in_the_log_and_the_metrics(w):
    with open(w.d.log, "rb") as f:
        log = f.read()
    assert log.count(b"\n") > 20, log[:300]
    found = leaks(w, "log", [("log", log)])
    assert not found, found[:5]
    status, _, data = w.d.get("/metrics")
    found = leaks(w, "metrics", [("metrics", data)])
    assert not found, found[:5]
    for pid in [w.d.process.pid] + w.d.workers() + w.d.pids("redis-server"):
        with open(f"/proc/{pid}/cmdline", "rb") as f, open(f"/proc/{pid}/environ", "rb") as g:
            found = leaks(w, "process", [(str(pid), f.read() + g.read())])
        assert not found, found[:5]


async def nothing_is_in_clear_in_a_backup(w):
    w.backup = os.path.join(tempfile.mkdtemp(prefix="parley-test-"), "backup")
    with open(os.path.join(w.d.data, "keys", "recovery-key"), encoding="utf-8") as f:
        w.recovery = f.read().strip()
    w.d.tool("backup", w.backup)
    found = leaks(w, "backup", of_files(w.backup))
    assert not found, found[:5]
    assert w.recovery.encode() not in b"".join(data for _, data in of_files(w.backup))
    assert sum(len(data) for _, data in of_files(w.backup)) > 10_000


async def nobody_can_look_into_the_processes(w):
    for pid in [w.d.process.pid] + w.d.workers():
        with open(f"/proc/{pid}/limits", encoding="utf-8") as f:
            core = next(line for line in f if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"], core
    for pid in w.d.pids("redis-server"):
        with open(f"/proc/{pid}/limits", encoding="utf-8") as f:
            core = next(line for line in f if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"], core


async def not_even_their_own_user(w):
    """As another user than root, since root may look into everything: whoever runs Parley can read no memory of it, nor make it dump core."""
    if os.geteuid() != 0:
        print("not root: no other user can be tried")
        return
    nobody = 65534
    look = "import sys; f = open(f'/proc/{sys.argv[1]}/mem', 'rb'); f.seek(int(open(f'/proc/{sys.argv[1]}/maps').readline().split('-')[0], 16)); f.read(4)"
    try_it = lambda pid: subprocess.run([sys.executable, "-c", look, str(pid)], user=nobody, group=nobody, extra_groups=[], capture_output=True, text=True)
    other = p.Parley()
    other.user = nobody
    sleeper = subprocess.Popen(["sleep", "60"], user=nobody, group=nobody, extra_groups=[])
    try:
        other.start(env={"ASAN_OPTIONS": "detect_leaks=0"})
        assert try_it(sleeper.pid).returncode == 0, "an ordinary process can be read by its user: the test shows something"
        pids = [other.process.pid] + other.workers()
        assert len(pids) == 2
        for pid in pids:
            with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                assert f"Uid:\t{nobody}" in f.read()
            r = try_it(pid)
            assert r.returncode != 0 and "PermissionError" in r.stderr, (pid, r)
            assert os.stat(f"/proc/{pid}/mem").st_uid == 0  # the mark of a process that is not dumpable
        worker = other.workers()[0]
        before = set(files_below(other.dir))
        os.kill(worker, signal.SIGSEGV)
        await eventually(lambda: other.workers() and worker not in other.workers(), 20)
        assert not [f for f in set(files_below(other.dir)) - before if "core" in os.path.basename(f)]
    finally:
        sleeper.kill()
        sleeper.wait()
        other.close()


# ---- erasure ----


def gone(w, d, token):
    t, c = w.http_thread["id"], w.http_thread["contact"]["id"]
    mine = [n for n in ("text", "name", "number", "file name", "edited text", "answer", "note", "choice title", "contact notes", "contact field", "place",
                        "card name", "card mail", "sent file name", "provider id")]
    for path in (f"threads/{t}", f"threads/{t}/entries", f"contacts/{c}", "threads", "queues", "events", "threads?state=resolved,assigned,waiting,offered",
                 f"threads?q={w.c('text')}", f"threads?q={w.c('answer')}", f"threads?contact={c}",
                 "contacts?address=" + urllib.parse.quote(f"app/tel:+{w.c('number')}", safe="")):
        status, body = d.api("GET", path, token=token)
        told = json.dumps(body, ensure_ascii=False)
        for name in mine:
            assert w.c(name) not in told, (path, name, told[:300])
        if "q=" in path or "address=" in path:
            assert status in (200, 404) and (status == 404 or body["items"] == []), (path, body)


async def after_an_erasure_it_is_gone(w):
    t, c = w.http_thread["id"], w.http_thread["contact"]["id"]
    urls = [a["url"] for e in entries(w.d, w.token, t, "message") for a in e["attachments"]]
    assert len(urls) == 2
    blobs = {n for n, _ in of_files(w.d.data) if n.startswith("blobs")}
    w.d.tool("erase", "demo", c)
    for url in urls:
        assert w.d.get(url, token=w.token)[0] == 404, url
    gone(w, w.d, w.token)
    root = w.d.token(role="administrator", clearance=2)
    assert w.d.api("POST", "erase", {"contact": c}, root)[0] in (200, 404)  # again: fine
    assert len(blobs - {n for n, _ in of_files(w.d.data) if n.startswith("blobs")}) >= 2  # their files as well
    # Somebody else's things are still there.
    assert threads(w.d, w.token, q=w.c("telegram text"))
    # The same number is a stranger now.
    assert w.d.write(f"tel:+{w.c('number')}", "I want to register anew") == 200
    new = await w.office.offered("amal", lambda x: x["id"] != t and x["channel"] == "app")
    assert new["contact"]["id"] != c


async def after_restoring_an_older_backup_it_is_gone_too(w):
    """The backup was made before the erasure: its ledger is applied before anything is served."""
    if not os.path.exists(getattr(w, "backup", "/nowhere")):
        raise AssertionError("there is no backup")
    ledger = [os.path.join(top, n) for top, _, names in os.walk(w.d.data) for n in names if "ledger" in n]
    other = p.Parley()
    try:
        other.start()
        for path in ledger:
            to = os.path.join(other.data, os.path.relpath(path, w.d.data))
            os.makedirs(os.path.dirname(to), 0o700, exist_ok=True)
            shutil.copy(path, to)
        report = json.loads(other.tool("--json", "restore", w.backup, text=w.recovery + "\n"))
        print(f"restored: {json.dumps(report)[:300]}; ledger: {[os.path.basename(x) for x in ledger]}")
        wait(lambda: other.get("/readyz")[0] == 200, 30)
        token = wait(lambda: _token(other), 20)
        assert threads(other, token, q=w.c("telegram text")), "the rest is there"
        gone(w, other, token)
    finally:
        other.close()
        shutil.rmtree(os.path.dirname(w.backup), ignore_errors=True)


async def everybody_can_be_erased_whichever_way_they_came(w):
    found = threads(w.d, w.token)
    urls = [a["url"] for t in found for e in entries(w.d, w.token, t["id"], "message") for a in e["attachments"]]
    told = json.dumps([(t, entries(w.d, w.token, t["id"])) for t in found], ensure_ascii=False)
    mine = ("telegram text", "telegram name", "caption", "telegram file name", "chat text", "chat file name", "poll text", "form text", "failed answer")
    assert not [n for n in mine if w.c(n) not in told] and len(urls) >= 2, "before, all of it is there"
    for c in {t["contact"]["id"] for t in found}:
        w.d.tool("erase", "demo", c)
    for url in urls:
        assert w.d.get(url, token=w.token)[0] == 404, url
    told = ""
    for path in ("threads", "events", "queues", *(f"threads/{t['id']}/entries" for t in found), *(f"contacts/{t['contact']['id']}" for t in found)):
        told += json.dumps(w.d.api("GET", path, token=w.token)[1], ensure_ascii=False)
    assert not [n for n in mine if w.c(n) in told], [n for n in mine if w.c(n) in told]
    for n in ("telegram text", "chat text", "poll text", "form text"):
        assert threads(w.d, w.token, q=w.c(n)) == []
    verdict = json.loads(w.d.tool("--json", "audit", "verify", "demo"))
    assert verdict["intact"] is True, verdict


def _token(d):
    r = d.tool("token", "demo", "--role", "integrator", "--clearance", "2", ok=False)
    return r.stdout.strip() if r.returncode == 0 else None


TESTS = [through_the_http_connector, through_the_webchat_socket, through_the_webchat_poll_and_form, through_telegram, through_sign_in_and_the_tool,
         nothing_is_in_clear_in_either_server, nothing_is_in_clear_in_the_data_directory, nothing_is_in_clear_in_the_log_and_the_metrics,
         nothing_is_in_clear_in_a_backup, nobody_can_look_into_the_processes, not_even_their_own_user, after_an_erasure_it_is_gone, after_restoring_an_older_backup_it_is_gone_too,
         everybody_can_be_erased_whichever_way_they_came]

if __name__ == "__main__":
    run_shared(World, TESTS)
