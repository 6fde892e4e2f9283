# SPDX-License-Identifier: Apache-2.0
"""A report of misconduct reaches its focal points and leaves no trace for anybody else. Two operations with the same people and the same day stand
on one daemon; in one of them there are reports as well: by the chat's words, by a flow's choice, by a form with clearance 2, by hand, by somebody
who has an open thread too. Everybody else must be told the same in both, number for number, at every step that a report goes through, and a report's
address must look like one that never was. Who may know is an oracle of its own, written from docs alone."""
import asyncio
import base64
import collections
import json
import os
import re
import secrets
import time
import urllib.parse

import parley as p
from look import Pipe, eventually, files_below
from openapi import DOCUMENT, VERBS

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WITH, WITHOUT = "sealeda", "sealedb"  # operations; as long as each other
OWN = {"alert.told", "contact.read", "thread.read", "threads.list", "contact.new", "report.export", "breach.count"}  # lines of the audit: see plain()
NOWHERE = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
OPS = "/api/v1/ops/{op}/"
# login: roles, areas, clearance
PEOPLE = {
    "amal": (["agent"], ["tr"], 0), "hodan": (["agent"], ["tr/izmir"], 0), "eleni": (["agent"], ["gr"], 0), "carla": (["agent"], [], 1),
    "selin": (["agent", "supervisor"], ["tr"], 1), "sofia": (["supervisor"], [], 1), "pat": (["partner"], ["tr"], 0), "adm": (["administrator"], [], 0),
    "aud": (["auditor"], [], 0), "greta": (["agent", "focal"], ["gr"], 2), "nadia": (["agent", "focal"], ["tr"], 2), "fotis": (["focal"], [], 2),
}
DUTY = ["amal", "selin", "nadia", "hodan", "fotis"]  # fotis and nadia alone may be told of what is sealed


class Who:
    """Somebody with a token, as the docs see them."""

    def __init__(self, name, role, areas, clearance, agent=""):
        self.name, self.role, self.areas, self.clearance, self.agent, self.tokens, self.sockets = name, role, areas, clearance, agent, {}, {}

    def serves(self, area):
        return not self.areas or any(area == a or area.startswith(a + "/") for a in self.areas)

    def privy(self, report):
        """May they know of it at all? Least visibility: clearance and area, then who oversees or holds."""
        if self.clearance < 2 or not self.serves(report["area"]):
            return False
        return self.role in ("supervisor", "focal", "integrator") or (self.role == "agent" and report.get("holder") == self.agent != "")

    def ever(self):
        """Could they be told of a sealed thread in TR sometimes? Who audits with that clearance may."""
        return self.clearance >= 2 and self.serves("tr")


def word(kind):
    return f"{kind}{secrets.token_hex(4)}".replace("0", "g").translate(str.maketrans("123456789", "hjkmnpqrs"))


def number():
    return f"+90535{secrets.randbelow(9 * 10**6) + 10**6}"


class Inbox:
    """Where webhooks and the http channels' messages of both operations arrive: by path."""

    def __init__(self):
        self.port, self.got, self.refuse, self.down = p.free_port(), {}, set(), None

    async def start(self):
        from aiohttp import web

        async def take(request):
            body = await request.read()
            name = request.path[1:]
            item = json.loads(body)
            self.got.setdefault(name, []).append((dict(request.headers), body.decode()))
            data = item.get("data", {})
            if self.down and name.endswith(self.down):
                return web.Response(status=503)
            if name.endswith("-out") and any(x in str(data.get("to")) for x in self.refuse):
                return web.Response(status=400)
            return web.json_response({"id": "ext-" + str(data.get("id", "x"))})

        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/{name}", take)
        self.runner = web.AppRunner(app, access_log=None)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port).start()
        return self

    def url(self, name):
        return f"http://127.0.0.1:{self.port}/{name}"


def document(d, inbox, op, flow):
    doc = p.operation(d, operation=op, emergency={"en": "112"}, pack="protection", languages=["en", "ar", "fa", "prs", "ps", "ur", "so", "fr", "tr"])
    doc["areas"] = [{"id": a, "name": {"en": a}} for a in ("tr", "tr/izmir", "gr")]
    doc["teams"] = [{"id": "one", "name": {"en": "One"}}, {"id": "two", "name": {"en": "Two"}}]
    doc["agents"] = [{"login": login, "name": login.title(), "team": "two" if login in ("eleni", "greta") else "one", "roles": roles, "areas": areas, "languages": {"en": 5},
                      "topics": ["report"] if login == "nadia" else ["*"], "capacity": {"chat": 1 if login == "nadia" else 0}, **({"clearance": cl} if cl else {})}
                     for login, (roles, areas, cl) in PEOPLE.items()]
    doc["topics"] += [{"id": t, "name": {"en": t}} for t in ("cash", "protection")]
    doc["topics"].append({"id": "report", "name": {"en": "Report"}, "clearance": 2, "no_last_agent": True, "words": {"en": ["misconduct"]}})
    doc["flows"] = [{"id": "demo", "flow": flow}]
    out = {"url": inbox.url(op + "-out"), "secret": d.secret, "verified": "true"}
    doc["channels"] = [{"id": "web", "connector": "webchat", "area": "tr"}] + [
        {"id": i, "connector": "http", "settings": out, "area": area, **more}
        for i, area, more in (("app", "tr", {}), ("sms", "tr", {}), ("izmir", "tr/izmir", {}), ("gr", "gr", {}), ("guide", "tr", {"flow": "demo"}), ("staff", "tr", {}))]
    doc["alerts"] = {"steps": [0, 1, 2], "repeat_s": 1, "confirm_s": 1, "group_s": 300,
                     "duty": [{"login": login, "level": 1 if i < 3 else 2, "ways": [{"channel": "staff", "address": f"tel:+90555000000{i}"}]} for i, login in enumerate(DUTY)]}
    doc["webhooks"] = [{"id": f"hook{c}", "url": inbox.url(f"{op}-hook{c}"), "secret": d.secret, "events": ["*"], "content": True, "clearance": c} for c in (0, 1, 2)]
    return doc


class World:
    async def open(self):
        self.inbox = await Inbox().start()
        self.d = d = p.Parley({"log_level": "debug"}).start()  # all that a log could tell
        with open(os.path.join(TOP, "config/flows/demo.json"), encoding="utf-8") as f:
            flow = json.load(f)
        for op in (WITH, WITHOUT):
            await asyncio.to_thread(d.apply, document(d, self.inbox, op, flow))
        self.pipes = [Pipe(d.port) for _ in range(12)]
        self.free = asyncio.Queue()
        for pipe in self.pipes:
            self.free.put_nowait(pipe)
        self.step, self.queues, self.known, self.reports, self.cells, self.leaks, self.done = 0, {}, {}, [], 0, [], set()
        self.who = [Who(f"{login} as {role}", role, areas, cl, login) for login, (roles, areas, cl) in PEOPLE.items() for role in roles]
        self.who += [Who(f"{role} {c}", role, [], c) for role in ("integrator", "supervisor", "administrator", "auditor") for c in (0, 1, 2)]
        self.who += [Who("focal 1", "focal", [], 1), Who("nadia's token 0", "focal", ["tr"], 0, "nadia"), Who("nadia's token 1", "agent", ["tr"], 1, "nadia")]
        reader, writer = await asyncio.open_unix_connection(os.path.join(d.data, "parleyd.sock"))
        for w in self.who:
            for op in (WITH, WITHOUT):
                await self.give(w, op, reader, writer)
        writer.close()
        self.root = next(w for w in self.who if w.name == "integrator 2")
        self.nadia = next(w for w in self.who if w.name == "nadia as focal")
        return self

    async def give(self, w, op, reader, writer):
        asked = {"verb": "token", "operation": op, "role": w.role, "agent": w.agent, "clearance": w.clearance}
        writer.write(json.dumps({k: v for k, v in asked.items() if v != ""}).encode() + b"\n")
        while True:
            line = json.loads(await reader.readline())
            assert "error" not in line, (w.name, line)
            if "done" in line:
                w.tokens[op] = line["done"]["token"]
                break

    async def close(self):
        for w in self.who:
            for s in w.sockets.values():
                await s.close()
        for pipe in self.pipes:
            pipe.close()
        self.d.close()
        await self.inbox.runner.cleanup()

    # ---- asking ----

    async def raw(self, op, method, path, token, body=None, headers=None):
        pipe = await self.free.get()
        try:
            data = b"" if body is None else json.dumps(body).encode()
            h = {"Authorization": "Bearer " + token, "Accept": "application/json", "Content-Type": "application/json", **(headers or {})}
            return await asyncio.wait_for(pipe.request(method, path.replace("{op}", op), data, h), 20)
        except BaseException:
            pipe.close()
            raise
        finally:
            self.free.put_nowait(pipe)

    async def call(self, op, method, path, w=None, body=None, status=(200, 201, 202, 204)):
        got, _, data = await self.raw(op, method, OPS + path, (w or self.root).tokens[op], body)
        assert got in (status if isinstance(status, tuple) else (status,)), (op, method, path, w and w.name, got, data[:600])
        return json.loads(data) if data else None

    async def hook(self, op, channel, tel, text, name=None, **more):
        message = {"id": secrets.token_hex(8), "from": {"address": "tel:" + tel, **({"name": name} if name else {})}, "text": text, **more}
        body = json.dumps({"messages": [message]}).encode()
        pipe = await self.free.get()
        status, _, data = await pipe.post(f"/hooks/{op}/{channel}", body, self.d.signed(body))
        self.free.put_nowait(pipe)
        assert status == 200, data

    async def both(self, method, path, body=None, w=None, **ids):
        """The same in both operations; path and body with names of what has another id in each."""
        out = {}
        for op in (WITH, WITHOUT):
            at = path
            for name, what in ids.items():
                at = at.replace("{" + name + "}", self.known[op][what])
            out[op] = await self.call(op, method, at, w, body)
        return out

    async def thread_of(self, op, tel, n=1, where=lambda t: True):
        async def look():
            found = await self.call(op, "GET", "contacts?address=" + urllib.parse.quote("tel:" + tel))
            if not found["items"]:
                return None
            c = found["items"][0]
            mine = [t for t in (await self.call(op, "GET", f"threads?limit=200&contact={c['id']}"))["items"] if where(t)]
            return (c["id"], mine[0]["id"]) if len(mine) >= n else None
        return await eventually(look)

    # ---- what is there in both ----

    async def open_day(self):
        """People with open and confidential threads: the same in both."""
        self.people = {name: (channel, number(), cl, holder) for name, channel, cl, holder in (
            ("Held", "app", 0, "amal"), ("Waits", "gr", 0, ""), ("Izmir", "izmir", 0, "hodan"), ("Greece", "gr", 0, "eleni"), ("Quiet", "app", 1, "selin"),
            ("Same", "app", 0, "amal"), ("Merge", "app", 0, "amal"))}
        for op in (WITH, WITHOUT):
            self.known[op] = {}
        for name, (channel, tel, cl, holder) in self.people.items():
            for op in (WITH, WITHOUT):
                await self.hook(op, channel, tel, "I want to register please", name, clearance=cl)
        for name, (channel, tel, cl, holder) in self.people.items():
            for op in (WITH, WITHOUT):
                self.known[op]["c" + name], self.known[op][name] = await self.thread_of(op, tel)
            if holder:
                await self.both("POST", "threads/{t}/assign", {"agent": holder}, t=name)
        self.amal = next(w for w in self.who if w.name == "amal as agent")
        coded = {"type": "complaint", "subject": "cash/payment", "path": "none", "risk": "routine"}
        await self.both("POST", "threads/{t}/matters", coded, self.amal, t="Held")
        await self.both("POST", "threads/{t}/callback", {"asked": "person", "note": "please"}, self.amal, t="Held")
        for op in (WITH, WITHOUT):
            await self.call(op, "POST", "alerts", self.amal, {"thread": self.known[op]["Held"], "category": "medical"})
        await self.both("POST", "threads/{t}/entries", {"kind": "message", "text": "come on Monday"}, self.amal, t="Held")

    # ---- the reports ----

    def report(self, name, tel, **more):
        r = {"name": word("Nm"), "tel": tel, "word": word("wd"), "area": "tr", "kind": name, **more}
        self.reports.append(r)
        return r

    def chat(self, op, body):
        status, _, data = self.d.request("POST", f"/chat/{op}/web/poll", body, {"Origin": self.d.base})
        assert status == 200, (status, data)
        return json.loads(data)

    async def by_chat(self):
        r = self.report("chat", "")
        first = await asyncio.to_thread(self.chat, WITH, {"session": None, "after": None, "cursor": None, "wait": 0, "frames": [{"type": "hello", "session": None, "after": None, "locale": "en"}]})
        r["session"] = first["frames"][0]["session"]
        await asyncio.to_thread(self.chat, WITH, {"session": r["session"], "after": None, "cursor": first["cursor"], "wait": 0,
                                                  "frames": [{"type": "send", "ref": "r1", "text": f"I want to report misconduct of one of yours {r['word']}"}]})
        await self.find(r)

    async def find(self, r):
        async def look():
            for t in (await self.call(WITH, "GET", "threads?limit=200"))["items"]:
                if t["clearance"] == 2 and t["id"] not in [x.get("id") for x in self.reports]:
                    text = json.dumps(await self.call(WITH, "GET", f"threads/{t['id']}/entries"))
                    if r["word"] in text:
                        r["contact"], r["id"] = t["contact"]["id"], t["id"]
                        r["entry"] = re.findall(r'"id": ?"([a-z0-9]{26})"', text)
                        return True
        await eventually(look)

    async def by_flow(self):
        r = self.report("flow", number())
        for text in ("Hello", "English", "6", f"He asked for money {r['word']}"):
            await self.hook(WITH, "guide", r["tel"], text, r["name"])
            await asyncio.sleep(0.25)
        await self.find(r)

    async def by_form(self):
        r = self.report("form", number())
        await self.hook(WITH, "app", r["tel"], f"about him {r['word']}", r["name"], clearance=2,
                        attachments=[{"data": base64.b64encode(f"file of {r['word']}".encode()).decode(), "name": f"f{r['word']}.txt"}])
        await self.find(r)

    async def beside_an_open_one(self):
        """Somebody whom amal talks with reports; then somebody whose number is on another channel."""
        r = self.report("beside", self.people["Held"][1], known=True)
        await self.hook(WITH, "app", r["tel"], f"I want to report misconduct by your staff {r['word']}", "Held")
        await self.find(r)
        r = self.report("doubt", self.people["Same"][1], known=True)
        await self.hook(WITH, "sms", r["tel"], f"I want to report misconduct by your staff {r['word']}", r["name"])
        await self.find(r)

    async def whose_number_somebody_types(self):
        """Later an agent writes down a call from that number: it must look like any other number."""
        r = self.report("typed", number(), known=True)
        await self.hook(WITH, "app", r["tel"], f"about her {r['word']}", r["name"], clearance=2)
        await self.find(r)

    async def by_hand(self):
        r = self.report("hand", number(), holder="nadia")
        t = await self.call(WITH, "POST", "threads", self.nadia, {"address": r["tel"], "name": r["name"], "clearance": 2, "topic": "report", "area": "tr",
                                                               "happened": {"what": "visit", "text": f"she told me {r['word']}"}})
        r["id"], r["contact"] = t["id"], t["contact"]["id"]

    async def sockets(self):
        async def open_(w, op):
            try:
                w.sockets[op] = await p.AgentSocket(self.d, w.tokens[op], op).open()
            except Exception:  # noqa: BLE001 (a role that has no socket)
                pass
        await asyncio.gather(*(open_(w, op) for w in self.who for op in (WITH, WITHOUT) if w.role not in ("administrator", "auditor") and "token" not in w.name))

    # ---- who is told what ----

    def marks(self):
        """What would tell of a report: nobody else has these words, names, numbers and ids."""
        out = {}
        for r in self.reports:
            for k in ("id", "word", "name", "tel", "contact", "session", "alert", "matter", "referral"):
                if r.get(k) and not (r.get("known") and k in ("tel", "contact")):
                    out[r[k].lstrip("+")] = (r["kind"], k)
        return out

    def told(self, text):
        return [what for mark, what in self.marks().items() if mark in text]

    def plain(self, value, key=""):
        """Without ids, times and names of what differs in each operation; numbers stay."""
        if isinstance(value, dict):
            return {k: self.plain(v, k) for k, v in value.items() if k not in ("used", "load_at", "steps")}
        if isinstance(value, list):
            # How often it rang is a matter of seconds; what this test itself reads and exports is no trace; that a contact is new is told of a
            # number that nobody wrote from before.
            value = [v for v in value if not isinstance(v, dict) or v.get("action", v.get("what")) not in OWN]
            return sorted((self.plain(v, key) for v in value), key=lambda v: json.dumps(v, sort_keys=True))
        if isinstance(value, str):
            value = value.replace(WITH, "OP").replace(WITHOUT, "OP")
            value = re.sub(r"\b([a-z2-7]{26}|[a-z2-7]{12}|[0-9a-f]{16}|[0-9a-f]{64})\b", "ID", value)
            value = re.sub(r"\b\d{6}\b", "CODE", value)
            value = re.sub(r"(?<=,)\d+\.\d(?=,|$)", "S", value)  # seconds, in a report
            value = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "T", value)
            value = re.sub(r"\b\d{13}-\d+(\.\d+)?\b", "EV", value)
            value = re.sub(r"\b\d{13}\b", "MS", value)
            value = re.sub(r"\bst=\d+|\btc=\d+", "ST", value)  # how often it rang
            return value
        if isinstance(value, (int, float)) and (value > 10**12 or key.endswith("_ms") or key.endswith("_s") or key in ("median", "p90", "seconds")):
            return "MS"
        return value

    def leak(self, where, what):
        if (where[0], where[1], str(what)[:60]) not in self.done:
            self.done.add((where[0], where[1], str(what)[:60]))
            self.leaks.append((where, what))

    def lists(self):
        """Doors that list, count, find and export; {x} stands for what has an id in each operation, {r:…} for a report's own."""
        day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400)), time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400))
        out = ["operation", "threads?limit=200", "threads?state=waiting,offered,assigned", "threads?state=resolved", "threads?state=bot", "threads?topic=report", "threads?assignee=nadia",
               "threads?channel=app", "threads?area=tr", "threads?sort=waiting", "threads?q=misconduct", "threads?language=en&limit=1", "contacts?name=Nm", "contacts?name=Held",
               "agents", "queues", "events?after=0-0&limit=200", "audit?limit=200", "channels/app/dead", "quarantine", "alerts", "alerts?state=open", "alerts/settings", "alerts/figures",
               "articles", "articles?q=report", "articles/export?format=csv", "hours", "callbacks", "matters", "referrals", "ends", "packs", "erasures", "processing", "webhooks", "webhooks/hook2/dead", "webhooks/hook0/dead",
               "tokens", "flows", "operation/document", "operation/checklist", "operation/users", "operation/texts",
               f"reports?from={day[0]}&to={day[1]}", f"reports?from={day[0]}&to={day[1]}&by=topic,channel", f"reports?from={day[0]}&to={day[1]}&by=area&format=csv",
               f"breach?from={day[0]}T00:00:00Z&to={day[1]}T00:00:00Z", "breach?contact={cHeld}"]
        for t in [t for t in ("Held", "Same", "Merge", "Typed") if t in self.known[WITH]]:
            out += ["threads/{%s}" % t, "threads/{%s}/entries" % t, "contacts/{c%s}" % t, "threads/{%s}/callback" % t, "threads/{%s}/matters" % t, "threads/{%s}/guard" % t,
                    "threads?contact={c%s}" % t, "alerts?thread={%s}" % t, "entries/{%s}/1/log" % t]
        for i in range(len(self.reports)):
            out += [f"threads?q={{r:{i}:word}}", f"threads?contact={{r:{i}:contact}}", f"contacts?address=tel:{{r:{i}:tel}}", f"contacts?name={{r:{i}:name}}", f"alerts?thread={{r:{i}:id}}", f"breach?contact={{r:{i}:contact}}"]
        return out

    def fill(self, path, op):
        def one(found):
            i, key = found.group(1).split(":")[1:]
            r = self.reports[int(i)]
            if key in ("word", "tel", "name"):
                return urllib.parse.quote(r[key] or "nobody")
            if op == WITH:
                return r[key]
            open_one = {"beside": "cHeld", "doubt": "cSame", "typed": "cTyped"}.get(r["kind"])
            return self.known[WITHOUT].get(open_one, NOWHERE) if key == "contact" else NOWHERE
        path = re.sub(r"\{(r:[^}]*)\}", one, path)
        return re.sub(r"\{(\w+)\}", lambda f: self.known[op][f.group(1)], path)

    async def look_lists(self, state):
        sem = asyncio.Semaphore(24)

        async def one(w, path):
            for _ in range(8):  # what is on its way in one of the two arrives
                async with sem:
                    got = [await self.raw(op, "GET", OPS + self.fill(path, op), w.tokens[op]) for op in (WITH, WITHOUT)]
                if w.ever():
                    self.knows(state, w, path, got[0])
                    return
                a, b = (g[2].decode(errors="replace") for g in got)
                # Words are searched by short hashes, other ones in each operation: now and then one finds what has it not.
                if (got[0][0] == got[1][0] and self.same(a) == self.same(b)) or ("q={r:" in path and not self.told(a)):
                    b = a
                    break
                await asyncio.sleep(0.3)
            asked = self.fill(path, WITH)
            seen = [m for m in self.told(a) if not any(mark in asked and what == m for mark, what in self.marks().items()) or got[0][0] == 200]
            self.cells += len(self.reports)
            if seen:
                self.leak((path, w.name, state), f"tells {seen[:4]} {a[:200]}")
            if got[0][0] != got[1][0] or (a != b and self.same(a) != self.same(b)):
                self.leak((path, w.name, state), f"{got[0][0]} {got[1][0]}: {self.difference(a, b)}")

        await asyncio.gather(*(one(w, path) for i, path in enumerate(self.lists()) for k, w in enumerate(self.who) if self.turn(i + k)))

    def same(self, text):
        try:
            return self.plain(json.loads(text))
        except ValueError:
            return sorted(self.plain(line) for line in text.splitlines())

    def difference(self, a, b):
        a, b = self.same(a), self.same(b)
        if isinstance(a, dict) and isinstance(b, dict):
            for k in sorted(set(a) | set(b)):
                if a.get(k) != b.get(k):
                    x, y = a.get(k), b.get(k)
                    if isinstance(x, list) and isinstance(y, list):
                        x, y = (collections.Counter(json.dumps(v, sort_keys=True) for v in z) for z in (x, y))
                        return f"{k}: only with: {list((x - y).elements())[:3]} only without: {list((y - x).elements())[:3]}"[:900]
                    return f"{k}: with {x} without {y}"[:900]
        return f"with {a} without {b}"[:900]

    def knows(self, state, w, path, got):
        """Who may know, is told: the list of threads has all of them; no other list has those of which they may not."""
        text = got[2].decode(errors="replace")
        self.cells += len(self.reports)
        for r in self.reports:
            if path == "threads?limit=200" and w.privy(r) and w.role in ("focal", "supervisor", "integrator") and r["id"] not in text:
                self.leak((path, w.name, state), f"must tell of {r['kind']}")

    BODIES = {"PATCH threads/{thread}": {"priority": 2}, "POST threads/{thread}/entries": {"kind": "note", "text": "x"}, "POST threads/{thread}/assign": {"agent": "me"},
              "POST threads/{thread}/transfer": {"topic": "health"}, "POST threads/{thread}/snooze": {"until": "2099-01-01T00:00:00Z"}, "POST threads/{thread}/tag": {"add": ["x"]},
              "POST threads/{thread}/happened": {"what": "call", "text": "x"}, "POST threads/{thread}/same-person": {"answer": "yes"}, "POST threads/{thread}/identity": {"how": "pin", "passed": True},
              "POST threads/{thread}/callback": {"asked": "person"}, "POST threads/{thread}/callback/{act}": {"version": 1}, "POST threads/{thread}/matters": {"type": "complaint"},
              "PATCH threads/{thread}/matters/{matter}": {"note": "x"}, "POST threads/{thread}/matters/{matter}/end": {"outcome": "answered"}, "POST threads/{thread}/matters/{matter}/approve": {"yes": False},
              "POST threads/{thread}/approve": {"yes": False}, "POST threads/{thread}/matters/{matter}/referrals": {"kind": "service", "to": "x"},
              "POST threads/{thread}/matters/{matter}/referrals/{referral}": {"state": "sent"}, "POST threads/{thread}/tries": {"channel": "app"}, "POST threads/{thread}/safety": {"unsafe": False},
              "PATCH contacts/{contact}": {"notes": "x"}, "POST contacts/{contact}/link": {"address": "tel:+905559999999"}, "POST contacts/{contact}/unlink": {"address": "tel:+905559999999"},
              "POST contacts/{id}/export": {}, "POST alerts/{code}/handover": {"handover": "x"}, "POST alerts/{code}/dismiss": {"reason": "x"}}

    def doors(self):
        """Every path of the API's document that names something."""
        for path, item in DOCUMENT["paths"].items():
            names = re.findall(r"\{(\w+)\}", path)
            if not path.startswith("/api/v1/ops/{op}/") or not set(names) & {"thread", "contact", "id", "code", "matter"} or "erasures" in path:
                continue
            for verb in item:
                if verb in VERBS:
                    yield verb.upper(), path[len("/api/v1/ops/{op}/"):]
        yield from (("POST", "alerts"), ("POST", "threads"))

    def asked(self, verb, path, r, real):
        """Path and body with the report's own ids, or with those of nothing."""
        ids = {"thread": r["id"], "contact": r["contact"], "id": r["contact"], "code": r.get("alert", "ZZZZZZ"), "matter": r.get("matter", NOWHERE), "referral": r.get("referral", NOWHERE), "seq": "1", "act": "take"}
        if not real:
            ids.update(thread=NOWHERE, contact=NOWHERE, id=NOWHERE, code="ZZZZZZ", matter=NOWHERE, referral=NOWHERE)
        body = self.BODIES.get(f"{verb} {path}", {})
        if path == "alerts":
            body = {"thread": ids["thread"], "category": "medical"}
        elif path == "threads":
            body = {"contact": ids["contact"], "topic": "registration"}
        return re.sub(r"\{(\w+)\}", lambda f: ids[f.group(1)], path), body

    async def look_doors(self, state):
        sem = asyncio.Semaphore(24)
        self.nothing = getattr(self, "nothing", {})
        reports = [r for r in self.reports if not r.get("known")]

        async def one(w, verb, path, r):
            if w.ever():
                return
            async with sem:
                key = (w.name, verb, path)
                if key not in self.nothing:
                    at, body = self.asked(verb, path, r, False)
                    self.nothing[key] = await self.raw(WITH, verb, OPS + at, w.tokens[WITH], body if verb != "GET" else None)
                at, body = self.asked(verb, path, r, True)
                got = await self.raw(WITH, verb, OPS + at, w.tokens[WITH], body if verb != "GET" else None)
            self.cells += 1
            no = self.nothing[key]
            heads = [{k: v for k, v in g[1].items() if k != "date"} for g in (got, no)]
            if got[0] != no[0] or got[2] != no[2] or heads[0] != heads[1]:
                self.leak((f"{verb} {path}", w.name, state), f"{r['kind']}: {got[0]} {got[2][:200]} for nothing {no[0]} {no[2][:200]}")

        todo = []
        for i, (verb, path) in enumerate(self.doors()):
            for k, w in enumerate(self.who):
                if self.turn(i + k):
                    todo.append(one(w, verb, path, reports[(i + k + len(state)) % len(reports)]))
        await asyncio.gather(*todo)

    async def queues_without(self):
        """What queues there are where nobody reports: nothing else may be told of where somebody does."""
        for w in self.who:
            got = await self.raw(WITHOUT, "GET", OPS + "queues", w.tokens[WITHOUT])
            self.queues.setdefault(w.name, set()).add(json.dumps(self.plain(json.loads(got[2]))))

    def turn(self, n):
        """At each step every door is tried by a quarter of all people, at the next by others; by all when SEALED_ALL is set."""
        return bool(os.environ.get("SEALED_ALL")) or (n + self.step) % 4 == 0

    async def look(self, state):
        self.step += 1
        await self.queues_without()
        began, cells = time.time(), self.cells
        await asyncio.sleep(0.25)
        await self.look_lists(state)
        await self.look_doors(state)
        print(f"{state}: {self.cells - cells} cells, {time.time() - began:.1f} s", flush=True)

    # ---- a report's way ----

    async def enough(self, coming, n):
        return len(await coming) >= n

    def of(self, kind):
        return next(r for r in self.reports if r["kind"] == kind)

    async def the_day(self):
        await self.open_day()
        await self.by_flow()
        await self.sockets()
        await self.by_form()
        await self.by_chat()
        await self.beside_an_open_one()
        await self.whose_number_somebody_types()
        await self.look("waits")  # nadia is online: one of them is offered to her
        await self.by_hand()
        for r in self.reports:
            if not r.get("holder"):
                await self.call(WITH, "POST", f"threads/{r['id']}/assign", self.nadia, {"agent": "nadia" if r["kind"] != "chat" else "fotis"}, status=(200, 409))
                r["holder"] = "nadia" if r["kind"] != "chat" else "fotis"
        for r in self.reports:
            m = await self.call(WITH, "POST", f"threads/{r['id']}/matters", self.nadia, {"type": "report", "subject": "cash/payment", "path": "none", "risk": "routine", "note": r["word"]})
            r["matter"] = m["id"]
            a = await self.call(WITH, "POST", "alerts", self.nadia, {"thread": r["id"], "category": "violence", "note": r["word"]})
            r["alert"] = a["code"]
            await self.call(WITH, "POST", f"threads/{r['id']}/callback", self.nadia, {"asked": "person", "note": r["word"]})
        # Like events are grouped, but not over what is sealed; and a place in the queue does not count it.
        async def said(op):
            got = await self.call(op, "GET", f"threads/{self.known[op]['Waits']}/entries")
            return [e["text"] for e in got["items"] if e["direction"] == "out" and e["status"] == "sent"]
        for op in (WITH, WITHOUT):
            await self.call(op, "POST", "alerts", self.amal, {"thread": self.known[op]["Merge"], "category": "violence"})
            await eventually(lambda: self.enough(said(op), 2))
            await self.hook(op, "gr", self.people["Waits"][1], "How long will it take?", "Waits")
            await eventually(lambda: self.enough(said(op), 3))
        await self.look("held, coded, alarmed, to be called")
        self.inbox.refuse.add(self.of("form")["tel"])
        for r in self.reports:
            if r["kind"] != "hand":
                await self.call(WITH, "POST", f"threads/{r['id']}/entries", self.nadia, {"kind": "message", "text": f"we have read it {r['word']}"})
            await self.call(WITH, "PATCH", f"contacts/{r['contact']}", self.nadia, {"notes": r["word"], "fields": {"accused": r["word"]}})
        await self.call(WITH, "POST", f"threads/{self.of('doubt')['id']}/same-person", self.nadia, {"answer": "yes"})
        await self.call(WITH, "POST", f"contacts/{self.known[WITH]['cMerge']}/link", self.root, {"contact": self.of("form")["contact"]})
        self.inbox.down = "-hook2"
        for op in (WITH, WITHOUT):
            t = await self.call(op, "POST", "threads", self.amal, {"address": self.of("typed")["tel"], "topic": "registration", "area": "tr", "happened": {"what": "call", "text": "she asks for the hours"}})
            self.known[op]["Typed"], self.known[op]["cTyped"] = t["id"], t["contact"]["id"]
        await asyncio.sleep(0.3)
        await self.look("answered, failed, linked")
        for r in self.reports:
            for act in ("acknowledge", "close"):
                await self.call(WITH, "POST", f"alerts/{r['alert']}/{act}", self.nadia, {}, status=(200, 409))
            await self.call(WITH, "POST", f"threads/{r['id']}/matters/{r['matter']}/end", self.nadia, {"outcome": "answered", "reason": "nothing_to_answer"})
            await self.call(WITH, "POST", f"threads/{r['id']}/resolve", self.nadia, {"outcome": "answered", "reason": "nothing_to_answer"})
            r["holder"] = ""
        await self.call(WITH, "POST", f"contacts/{self.of('hand')['contact']}/export", self.nadia, {})
        await self.look("resolved")
        for kind in ("form", "beside", "flow"):
            r = self.of(kind)
            await self.hook(WITH, "guide" if kind == "flow" else "app", r["tel"], f"one more misconduct {r['word']}", r["name"] if kind != "beside" else "Held", **({"clearance": 2} if kind == "form" else {}))
        await self.look("reopened")

    # ---- what is pushed, kept and written ----

    def pushed(self):
        for w in self.who:
            if w.ever() or WITH not in w.sockets:
                continue
            frames = {op: [f for f in w.sockets[op].frames if f["type"] not in ("ok", "typing", "pong")] for op in (WITH, WITHOUT)}
            text = json.dumps(frames[WITH], ensure_ascii=False)
            self.cells += len(self.reports)
            if self.told(text):
                bad = next(f for f in frames[WITH] if self.told(json.dumps(f)))
                self.leak(("socket", w.name, "all day"), f"tells {self.told(text)} {json.dumps(bad)[:300]}")
            # What Parley itself says, and how often an alert rings, is a matter of seconds; marks were looked for in all of it.
            count = {op: collections.Counter(f["type"] for f in frames[op] if f["type"] not in ("queues", "alert", "entry.status", "presence") and f.get("entry", {}).get("author", {}).get("kind") != "system")
                     for op in frames}
            if count[WITH] != count[WITHOUT]:
                last = [f for f in frames[WITH] if self.plain(f) not in [self.plain(g) for g in frames[WITHOUT]]]
                self.leak(("socket", w.name, "all day"), f"with {count[WITH]} without {count[WITHOUT]} {json.dumps(last[:2])[:500]}")
            loads = [{(f["agent"]["id"], f["agent"]["load"]) for f in frames[op] if f["type"] == "presence"} for op in frames]  # how many depends on whose socket opened first
            if {x for x in loads[0] - loads[1] if x[1]}:
                self.leak(("socket presence", w.name, "all day"), f"{loads}"[:400])
            told = {json.dumps(self.plain({k: v for k, v in f.items() if k != "type"})) for f in frames[WITH] if f["type"] == "queues"}
            if told - self.queues[w.name]:
                self.leak(("socket queues", w.name, "all day"), f"{told} {self.queues[w.name]}"[:400])

    def sent_out(self):
        for c in (0, 1):
            before = self.of("flow")["id"]  # open until the choice was made
            got = {op: list({{k.lower(): v for k, v in heads.items()}["webhook-id"]: (heads, body) for heads, body in self.inbox.got.get(f"{op}-hook{c}", [])}.values())
                   for op in (WITH, WITHOUT)}  # once each, whatever was sent again
            text = "\n".join(body for _, body in got[WITH] if before not in body)
            self.cells += len(self.reports)
            if self.told(text):
                self.leak((f"webhook {c}", "", ""), f"{self.told(text)}")
            number_of = [len([1 for _, body in got[op] if before not in body]) for op in got]
            if number_of[0] != number_of[1]:
                kinds = [collections.Counter(json.loads(body)["type"] for _, body in got[op] if before not in body) for op in got]
                self.leak((f"webhook {c}", "", ""), f"{number_of} only with: {kinds[0] - kinds[1]} only without: {kinds[1] - kinds[0]}")
        assert self.of("form")["id"] in str(self.inbox.got.get(f"{WITH}-hook2"))
        may = {f"tel:+90555000000{i}" for i, login in enumerate(DUTY) if login in ("nadia", "fotis")}
        notices = {op: [json.loads(body)["data"] for _, body in self.inbox.got.get(f"{op}-out", []) if '"alert-' in body] for op in (WITH, WITHOUT)}
        codes = {r["alert"] for r in self.reports}
        for n in notices[WITH]:
            self.cells += 1
            if n["to"] not in may and any(c in n["text"] for c in codes):
                self.leak(("notice", n["to"], ""), n["text"])
        assert any(n["to"] in may and any(c in n["text"] for c in codes) for n in notices[WITH]), "focal points on duty are told"
        # What the rota is told of the open ones: the same words, but for code and time; how often is a matter of seconds.
        told = [{re.sub(r"\d+", "N", n["to"][-1] + n["text"].replace(op, "OP")) for n in notices[op] if n["to"] not in may} for op in notices]
        if told[0] != told[1]:
            self.leak(("notices", "rota", ""), f"{told}")
        others = {tel for r in self.reports for tel in [r["tel"]] if tel and not r.get("known")}
        said = []
        for op in (WITH, WITHOUT):
            out = [json.loads(body)["data"] for _, body in self.inbox.got.get(f"{op}-out", []) if '"alert-' not in body]
            said.append(sorted(str(o.get("to")).replace("tel:", "") + " " + str(o.get("text")).replace(op, "OP") for o in out
                               if not any(tel in str(o.get("to")) for tel in others) and not any(r["word"] in str(o) for r in self.reports)))
        # Somebody with an open thread as well is told that their report came: within their own conversation, and once.
        mine = [self.people[name][1] for name in ("Held", "Same")]
        plain = [[x for x in one if not any(tel in x for tel in mine)] for one in said]
        self.cells += len(plain[0])
        if plain[0] != plain[1]:
            self.leak(("messages to others", "", ""), f"{[x for x in plain[0] if x not in plain[1]]} {[x for x in plain[1] if x not in plain[0]]}")
        assert any("place in the queue" in x for x in plain[0]), plain[0]

    def kept(self):
        log = self.d.tail(1 << 24)
        if self.told(log):
            at = next(line for line in log.splitlines() if self.told(line))
            self.leak(("log", "", ""), f"{self.told(log)} {at[:300]}")
        status, _, data = self.d.get("/metrics", token=next(w for w in self.who if w.name == "administrator 0").tokens[WITH])
        if self.told(data.decode()):
            self.leak(("/metrics", "", ""), str(self.told(data.decode())))
        lines = [sorted(l.replace(op, "OP") for l in data.decode().splitlines() if op in l) for op in (WITH, WITHOUT)]
        differ = [l for l in lines[0] if l not in lines[1]]
        if differ:
            self.leak(("/metrics numbers", "", ""), str(differ[:12]))
        for path in files_below(self.d.data):
            with open(path, "rb") as f:
                data = f.read()
            for r in self.reports:
                self.cells += 1
                for k in ("word", "name", "session"):
                    if r.get(k) and r[k].encode() in data:
                        self.leak(("file", os.path.relpath(path, self.d.data), ""), f"{r['kind']} {k}")
        both = [self.d.tool("export", op).replace(op, "OP") for op in (WITH, WITHOUT)]
        assert both[0] == both[1] and not self.told(self.d.tool("--json", "status"))

    async def no_export_of_others(self):
        """What a person whose contact is shared is handed by who may not know of the report."""
        for w in self.who:
            if w.ever():
                continue
            for name in ("cHeld", "cSame", "cMerge", "cTyped"):
                got = [await self.raw(op, "POST", OPS + f"contacts/{self.known[op][name]}/export", w.tokens[op], {}) for op in (WITH, WITHOUT)]
                self.cells += 1
                a, b = (g[2].decode(errors="replace") for g in got)
                if self.told(a) or got[0][0] != got[1][0] or (got[0][0] == 200 and self.same(a) != self.same(b)):
                    self.leak((f"export of {name}", w.name, ""), f"{self.told(a)} {self.difference(a, b)}")


async def main():
    w = World()
    failed = True
    try:
        began = time.time()
        await w.open()
        print(f"open {time.time() - began:.1f} s", flush=True)
        await w.the_day()
        await w.no_export_of_others()
        w.pushed()
        w.sent_out()
        w.kept()
        failed = bool(w.leaks) or w.cells < 10000
    finally:
        doors = {}
        for (door, name, state), what in w.leaks:
            doors.setdefault((door, what), []).append(f"{name} ({state})")
        for (door, what), names in doors.items():
            print("LEAK", door, "to", len(names), names[:3], what, flush=True)
        print(f"{w.cells} cells, {len(w.leaks)} leaks")
        if failed:
            print(w.d.tail(1500))
        await w.close()
    print(f"{0 if failed else 1} passed, {1 if failed else 0} failed")
    return failed


if __name__ == "__main__":
    raise SystemExit(1 if asyncio.run(main()) else 0)
