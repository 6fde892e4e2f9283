# SPDX-License-Identifier: Apache-2.0
"""Who learns of what: roles × clearance × areas × every door, against an oracle that is written here anew from docs alone (least visibility,
safety rules 1 to 4). What somebody may not see looks to them exactly like what is not there."""
import asyncio
import base64
import itertools
import json
import secrets
import statistics
import time

import parley as p
from look import eventually, run_shared
from openapi import Api

OPS = "/api/v1/ops/{op}/"
NOWHERE = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
AREAS = {"none": "tr", "tr": "tr", "izmir": "tr/izmir", "gr": "gr"}
# What comes through a channel without an area is of the operation's first.
# login: roles, areas, clearance (of the roles: supervisor 1, focal 2; or its own)
PEOPLE = {
    "amal": (["agent"], ["tr"], 0), "hodan": (["agent"], ["tr/izmir"], 0), "eleni": (["agent"], ["gr"], 0), "carla": (["agent"], [], 1),
    "selin": (["agent", "supervisor"], ["tr"], 1), "sofia": (["supervisor"], [], 1), "nadia": (["agent", "focal"], ["tr"], 2), "fotis": (["focal"], [], 2),
    "pat": (["partner"], ["tr"], 0), "adm": (["administrator"], [], 0), "aud": (["auditor"], [], 0),
}


class Who:
    """Somebody with a token; what the oracle says of them."""

    def __init__(self, name, roles, areas, clearance, agent=""):
        self.name, self.roles, self.areas, self.clearance, self.agent = name, set(roles), areas, clearance, agent

    def area(self, area):
        return not self.areas or any(area == a or area.startswith(a + "/") for a in self.areas)

    def reads(self):
        return bool(self.roles & {"agent", "supervisor", "focal", "partner", "integrator"})

    def sees(self, t, all_threads):
        if t["clearance"] > self.clearance or not self.area(t["area"]) or not self.reads():
            return False
        if self.roles & {"supervisor", "focal", "integrator"}:
            return True
        held = t["holder"] == self.agent and self.agent
        if "agent" in self.roles:
            others = any(o["contact"] == t["contact"] and o is not t and o["holder"] == self.agent and o["state"] == "assigned" and o["clearance"] <= self.clearance for o in all_threads)
            return bool(held or (self.agent and others))
        return bool(held)


class World:
    async def open(self):
        self.d = d = p.Parley().start()
        self.receiver = await p.Receiver().start()
        doc = p.operation(d)
        doc["areas"] = [{"id": "tr", "name": {"en": "TR"}}, {"id": "tr/izmir", "name": {"en": "İzmir"}}, {"id": "gr", "name": {"en": "GR"}}]
        doc["teams"] = [{"id": "one", "name": {"en": "One"}}, {"id": "two", "name": {"en": "Two"}}]
        doc["agents"] = [{"login": login, "name": login.title(), "team": "two" if login in ("eleni", "fotis") else "one", "roles": roles, "areas": areas,
                          "languages": {"en": 5}, "topics": ["*"], "capacity": {"chat": 0}, **({"clearance": clearance} if clearance else {})}
                         for login, (roles, areas, clearance) in PEOPLE.items()]
        doc["channels"] = [{"id": f"app-{name}", "connector": "http", "settings": {"url": self.receiver.url, "secret": d.secret}, **({"area": area} if name != "none" else {})}
                           for name, area in AREAS.items()]
        d.apply(doc)
        self.api = Api(d)
        self.root = d.token(role="integrator", clearance=2)
        self.who = []
        for login, (roles, areas, clearance) in PEOPLE.items():
            for role in roles:
                token = d.token(role=role, agent=login, clearance=2)
                self.who.append((Who(f"{login} as {role}", [role], areas, clearance, login), token))
        for clearance in (0, 1, 2):
            self.who.append((Who(f"integrator {clearance}", ["integrator"], [], clearance), d.token(role="integrator", clearance=clearance)))
        self.who.append((Who("supervisor's token 0", ["supervisor"], [], 0), d.token(role="supervisor")))
        self.who.append((Who("carla, token 0", ["agent"], [], 0, "carla"), d.token(role="agent", agent="carla", clearance=0)))
        await self.make_threads()
        return self

    async def close(self, failed):
        if failed:
            print(self.d.tail(3000))
        self.d.close()
        await self.receiver.stop()

    async def call(self, method, path, token, args=None, body=None, **more):
        return await asyncio.to_thread(self.api.call, method, OPS + path, args, body, token, **more)

    async def write(self, t, text, **more):
        item = {"id": secrets.token_hex(8), "from": {"address": t["address"], "name": t["name"]}, "text": text, "clearance": t["clearance"], **more}
        status, answer = await asyncio.to_thread(self.d.hook, {"messages": [item]}, channel=t["channel"])
        assert status == 200, answer

    async def make_threads(self):
        """Each area × clearance × (waiting, held by somebody who may), each with a word of its own and a file."""
        self.threads, n = [], 0
        holders = {"none": "amal", "tr": "amal", "izmir": "hodan", "gr": "eleni"}
        for area, clearance, held in itertools.product(AREAS, (0, 1, 2), (False, True)):
            n += 1
            t = {"area": AREAS[area], "clearance": clearance, "channel": f"app-{area}", "address": f"tel:+90532{n:07d}", "name": f"Name{n:03d}",
                 "word": f"word{n:03d}{secrets.token_hex(3)}", "holder": "", "state": "waiting"}
            await self.write(t, f"hello {t['word']}", attachments=[{"data": base64.b64encode(f"file of {t['word']}".encode()).decode(), "name": f"f{t['word']}.txt"}])
            self.threads.append(t)
            if held:
                t["holder"] = holders[area] if clearance == 0 else "carla" if clearance == 1 else "nadia" if area in ("none", "tr", "izmir") else "fotis"
        found = await eventually(self.found, 15)
        for t in self.threads:
            mine = next(x for x in found if x["last"]["preview"] and t["word"] in x["last"]["preview"] or x["_texts"] and t["word"] in x["_texts"])
            t["id"], t["contact"] = mine["id"], mine["contact"]["id"]
            assert mine["clearance"] == t["clearance"] and (mine["area"] or "") == t["area"], (mine, t)
            t["entry"] = next(e for e in mine["_entries"] if e["kind"] == "message")
            if t["holder"]:
                status, got, _ = await self.call("POST", "threads/{thread}/assign", self.root, {"thread": t["id"]}, {"agent": t["holder"]})
                assert status == 200, (t, got)
                t["state"] = "assigned"
        # A second, confidential thread of somebody whose open one waits, held by carla: she sees both, others one of them.
        first = next(t for t in self.threads if not t["holder"] and t["area"] == "tr" and t["clearance"] == 0)
        n += 1
        t = {**first, "clearance": 1, "word": f"word{n:03d}{secrets.token_hex(3)}", "holder": "carla", "state": "assigned"}
        await self.write(t, f"another matter {t['word']}")
        status, got, _ = await self.call("GET", "threads", self.root, query={"contact": first["contact"], "limit": 200})
        other = next(x for x in got["items"] if x["id"] != first["id"])
        t["id"] = other["id"]
        t["entry"] = (await self.call("GET", "threads/{thread}/entries", self.root, {"thread": t["id"]}))[1]["items"][0]
        assert other["clearance"] == 1, other
        assert (await self.call("POST", "threads/{thread}/assign", self.root, {"thread": t["id"]}, {"agent": "carla"}))[0] == 200
        self.threads.append(t)

    async def found(self):
        status, got, _ = await self.call("GET", "threads", self.root, query={"limit": 200})
        if len(got["items"]) < len(self.threads):
            return None
        for x in got["items"]:
            x["_entries"] = (await self.call("GET", "threads/{thread}/entries", self.root, {"thread": x["id"]}))[1]["items"]
            x["_texts"] = " ".join(e["text"] for e in x["_entries"])
            if not all(a["state"] == "stored" for e in x["_entries"] for a in e["attachments"]):
                return None
        return got["items"]

    def matrix(self):
        for who, token in self.who:
            for t in self.threads:
                yield who, token, t, who.sees(t, self.threads)


def told(t, text):
    """Does this text tell of the thread?"""
    return [k for k in ("id", "word", "address") if t[k].replace("tel:", "") in text]


async def lists_search_and_filters(w):
    cells = 0
    for who, token in w.who:
        if not who.reads():
            continue
        seen = [t for t in w.threads if who.sees(t, w.threads)]
        direct = [t for t in seen if who.roles & {"supervisor", "focal", "integrator"} or t["holder"] == who.agent]
        for query in ({}, {"state": "waiting"}, {"state": "assigned,offered,snoozed,resolved"}, {"area": "tr"}, {"area": "gr"}, {"language": "en"}, {"q": "hello"}, {"sort": "waiting"},
                      {"assignee": "amal"}, {"assignee": "nadia"}, {"channel": "app-gr"}, {"limit": 1}):
            status, got, _ = await w.call("GET", "threads", token, query={"limit": 200, **query})
            text = json.dumps(got)
            for t in w.threads:
                cells += 1
                if t not in seen:
                    assert not told(t, text), (who.name, query, t, told(t, text))
            if not query:
                assert {x["id"] for x in got["items"]} == {t["id"] for t in direct}, (who.name, [t["word"] for t in direct], text[:300])
        for t in w.threads:
            for query in ({"q": t["word"]}, {"contact": t["contact"]}):
                status, got, _ = await w.call("GET", "threads", token, query=query)
                ids = {x["id"] for x in got["items"]}
                cells += 1
                assert (t["id"] in ids) == (t in direct), (who.name, query, t, ids)
                assert all(any(x == s["id"] for s in direct) for x in ids), (who.name, query, ids)
    print(f"{cells} cells")


def same_as_nothing(hidden, nothing):
    """Status, body and headers, but for the date."""
    plain = lambda a: (a[0], a[1], sorted((k, v) for k, v in a[2].items() if k.lower() != "date"))
    return plain(hidden) == plain(nothing)


async def one_by_one(w):
    """Hidden is 404, with the same body and headers as an id that never was."""
    cells = 0
    paths = [("GET", "threads/{thread}", None), ("GET", "threads/{thread}/entries", None), ("PATCH", "threads/{thread}", {"priority": 2}),
             ("POST", "threads/{thread}/entries", {"kind": "note", "text": "x"}), ("POST", "threads/{thread}/assign", {"agent": "me"}),
             ("POST", "threads/{thread}/transfer", {"topic": "health"}), ("POST", "threads/{thread}/resolve", {}), ("POST", "threads/{thread}/reopen", {}),
             ("POST", "threads/{thread}/snooze", {"until": "2099-01-01T00:00:00Z"}), ("POST", "threads/{thread}/tag", {"add": ["x"]}),
             ("POST", "threads/{thread}/accept", {}), ("POST", "threads/{thread}/decline", {}), ("POST", "threads/{thread}/entries/{seq}/retry", None)]
    for who, token in w.who:
        nothing = {(m, path): await w.call(m, path, token, {"thread": NOWHERE, "seq": 1}, body) for m, path, body in paths}
        for t in w.threads:
            for method, path, body in paths:
                if who.sees(t, w.threads):
                    if method == "GET":
                        status, got, _ = await w.call(method, path, token, {"thread": t["id"]})
                        assert status == 200, (who.name, path, t, status)
                    continue  # writes that may succeed are another test's
                got = await w.call(method, path, token, {"thread": t["id"], "seq": 1}, body)
                cells += 1
                assert got[0] == (404 if who.reads() else 403), (who.name, path, t, got)
                assert same_as_nothing(got, nothing[(method, path)]), (who.name, path, t, got, nothing[(method, path)])
    print(f"{cells} cells")


async def contacts_and_addresses(w):
    for who, token in w.who:
        gone = await w.call("GET", "contacts/{contact}", token, {"contact": NOWHERE})
        patch = await w.call("PATCH", "contacts/{contact}", token, {"contact": NOWHERE}, {"notes": "x"})
        for t in w.threads:
            mine = [x for x in w.threads if x["contact"] == t["contact"] and who.sees(x, w.threads)]
            got = await w.call("GET", "contacts/{contact}", token, {"contact": t["contact"]})
            if mine:
                assert got[0] == 200 and {x["id"] for x in got[1]["threads"]} == {x["id"] for x in mine}, (who.name, t, got[1])
                hidden = [x for x in w.threads if x["contact"] == t["contact"] and x not in mine]
                assert not any(x["id"] in json.dumps(got[1]) for x in hidden), (who.name, got[1])
            else:
                assert same_as_nothing(got, gone), (who.name, t, got, gone)
                assert same_as_nothing(await w.call("PATCH", "contacts/{contact}", token, {"contact": t["contact"]}, {"notes": "x"}), patch), (who.name, t)
            status, got, _ = await w.call("GET", "contacts", token, query={"address": f"{t['channel']}/{t['address']}"})
            if status == 200:
                assert bool(got["items"]) == bool(mine), (who.name, t, got)
            else:
                assert status == 403 and not who.roles & {"supervisor", "focal", "integrator"}, (who.name, status)


async def files(w):
    for who, token, t, sees in w.matrix():
        for a in t["entry"]["attachments"]:
            status, headers, data = await asyncio.to_thread(w.d.get, a["url"], token)
            if sees:
                assert status == 200 and data == f"file of {t['word']}".encode(), (who.name, t, status)
            else:
                assert status == (404 if who.reads() else 403) and t["word"] not in str(headers) + data.decode(), (who.name, t, status, data)
                # The file's id with another entry that they may see opens nothing either.
                other = next((x for x in w.threads if who.sees(x, w.threads)), None)
                if other:
                    path = a["url"].split("?")[0] + f"?entry={other['id']}.{other['entry']['seq']}"
                    assert (await asyncio.to_thread(w.d.get, path, token))[0] == 404, (who.name, t)


async def call_backs(w):
    """Lists, single ones and their frames, as for the thread that they are of."""
    sockets = [(who, await p.AgentSocket(w.d, token).open()) for who, token in w.who if who.reads()]
    for t in w.threads:
        status, got, _ = await w.call("POST", "threads/{thread}/callback", w.root, {"thread": t["id"]}, {"asked": "person", "note": t["word"]})
        assert status == 201, (t, got)
    for who, token in w.who:
        status, got, _ = await w.call("GET", "callbacks", token)
        text = json.dumps(got)
        for t in w.threads:
            sees = who.sees(t, w.threads)
            assert (t["id"] in text and t["word"] in text) if sees else not told(t, text), (who.name, t)
        for t in w.threads[::5]:
            status, got, _ = await w.call("GET", "threads/{thread}/callback", token, {"thread": t["id"]})
            assert (status == 200) == who.sees(t, w.threads), (who.name, t, status)
            if not who.sees(t, w.threads) and who.reads():
                status, got, _ = await w.call("POST", "threads/{thread}/callback/{act}", token, {"thread": t["id"], "act": "take"}, {"version": 1})
                assert status == 404, (who.name, t, status)
    await asyncio.sleep(1)
    for who, s in sockets:
        heard = {f["thread"] for f in s.frames if f["type"] == "callback"}
        over = who.roles & {"supervisor", "focal", "integrator"}
        assert heard == {t["id"] for t in w.threads if over and who.sees(t, w.threads)}, (who.name, heard)
        await s.close()


async def wire_logs(w):
    for who, token, t, sees in w.matrix():
        status, got, _ = await w.call("GET", "entries/{thread}/{seq}/log", token, {"thread": t["id"], "seq": 1})
        want = 200 if sees and "supervisor" in who.roles else 404 if "supervisor" in who.roles else 403
        assert status == want, (who.name, t, status, want)


async def counts_of_queues(w):
    for who, token in w.who:
        status, got, _ = await w.call("GET", "queues", token)
        assert status == (200 if who.reads() else 403), who.name
        if status != 200:
            continue
        waiting = [t for t in w.threads if t["state"] == "waiting" and t["clearance"] <= who.clearance and who.area(t["area"])]
        over = who.roles & {"supervisor", "focal"}
        may = waiting if over or (who.agent and who.reads()) else []
        counted = sum(x["waiting"] for x in got["items"])
        assert counted <= len(may), (who.name, counted, len(may))
        assert not over or counted == len(may), (who.name, counted, len(may))
        for x in got["items"]:
            assert x["clearance"] <= who.clearance and who.area(x["area"]), (who.name, x)
        assert got["mine"]["waiting"] <= len(may), (who.name, got["mine"])


async def polled_events(w):
    for who, token in w.who:
        cursor, text = None, ""
        while True:
            status, got, _ = await w.call("GET", "events", token, query={"limit": 200, **({"after": cursor} if cursor else {"after": "0-0"})})
            if status == 403:
                assert not who.roles & {"integrator", "administrator"}, who.name
                break
            if status == 410:
                break
            assert status == 200, (who.name, status, got)
            text += json.dumps(got["items"])
            if not got["next"] or got["next"] == cursor:
                break
            cursor = got["next"]
        for t in w.threads:
            if not who.sees(t, w.threads):
                assert t["id"] not in text and t["entry"]["id"] not in text, (who.name, t)


async def colleagues(w):
    for who, token in w.who:
        status, got, _ = await w.call("GET", "agents", token)
        if status == 403:
            continue
        manages = who.roles & {"supervisor", "administrator"}
        for a in got["items"]:
            if not manages and a["id"] != who.agent:
                # How much somebody with a higher clearance holds would tell of what is sealed.
                assert a["clearance"] <= who.clearance or a["load"] is None, (who.name, a)
        if who.roles == {"agent"} and who.agent == "amal":
            assert "eleni" not in [a["id"] for a in got["items"]], got  # another team


async def sockets(w):
    """Everybody listens while something happens in every thread; nobody hears of what is not theirs."""
    open_ = []
    for who, token in w.who:
        s = p.AgentSocket(w.d, token)
        if not who.reads():
            try:
                await s.open()
                open_.append((who, s))
            except Exception:  # noqa: BLE001 (a role that has no socket)
                pass
            continue
        open_.append((who, await s.open()))
    for t in w.threads:
        await w.write(t, f"more of {t['word']}")
        if t["holder"]:
            status, got, _ = await w.call("POST", "threads/{thread}/entries", w.root, {"thread": t["id"]}, {"kind": "note", "text": f"note on {t['word']}"})
            assert status == 201, got
    await asyncio.sleep(2.5)
    for who, s in open_:
        text = json.dumps(s.frames, ensure_ascii=False)
        heard = 0
        for t in w.threads:
            sees = who.sees(t, w.threads)
            direct = sees and (who.roles & {"supervisor", "focal", "integrator"} or t["holder"] == who.agent)
            known = any(o["contact"] == t["contact"] and who.sees(o, w.threads) for o in w.threads)  # by another thread
            if not sees:
                assert t["id"] not in text and t["word"] not in text, (who.name, t, told(t, text))
                assert known or (not told(t, text) and t["name"] not in text), (who.name, t, told(t, text))
            if direct:
                assert t["word"] in text, (who.name, t)
                heard += 1
        # Commands are answered as for what is not there.
        hidden = next((t for t in w.threads if not who.sees(t, w.threads)), None)
        if hidden and who.reads():
            for command, members in (("send", {"text": "x"}), ("note", {"text": "x"}), ("accept", {}), ("decline", {}), ("assign", {"agent": "me"}), ("transfer", {"topic": "health"}),
                                     ("resolve", {}), ("reopen", {}), ("tag", {"add": ["x"]}), ("retry", {"seq": 1}), ("patch", {"priority": 1})):
                one = await s.ask(command, thread=hidden["id"], ref="same", **members)
                two = await s.ask(command, thread=NOWHERE, ref="same", **members)
                assert one == two and one["type"] == "error" and one["code"] == "not_found", (who.name, command, one, two)
            await s.ws.send(json.dumps({"type": "typing", "thread": hidden["id"], "on": True}))
            await s.ws.send(json.dumps({"type": "read", "thread": hidden["id"], "seq": 1}))
    await asyncio.sleep(0.3)
    for who, s in open_:
        assert not [f for f in s.frames if f["type"] == "typing"], (who.name, [f for f in s.frames if f["type"] == "typing"])
        await s.close()


async def time_does_not_tell(w):
    """A hidden thread and one that never was take as long; so do contacts. The fastest tenth, since others use the machine as well."""
    who, token = next((x, t) for x, t in w.who if x.name == "amal as agent")
    hidden = next(t for t in w.threads if t["clearance"] == 2)
    for path, real in (("threads/{thread}", hidden["id"]), ("contacts/{thread}", hidden["contact"])):
        took = {}
        for _ in range(150):
            for what, id in (("hidden", real), ("nothing", secrets.choice("abcdefgh") + NOWHERE[1:])):
                began = time.perf_counter()
                status, _, _ = w.d.get("/api/v1/ops/demo/" + path.replace("{thread}", id), token=token)
                took.setdefault(what, []).append(time.perf_counter() - began)
                assert status == 404
        a, b = (statistics.quantiles(took[x], n=10)[0] * 1000 for x in ("hidden", "nothing"))
        print(f"{path}: hidden {a:.2f} ms, nothing {b:.2f} ms")
        assert abs(a - b) < 1.0 or 0.4 < a / b < 2.5, (path, a, b)


async def raising_the_clearance_seals(w):
    t = {"area": "tr", "clearance": 0, "channel": "app-tr", "address": "tel:+905339999999", "name": "Sealed", "word": "sealing" + secrets.token_hex(3)}
    await w.write(t, f"about {t['word']}")
    t["id"] = (await w.call("GET", "threads", w.root, query={"q": t["word"]}))[1]["items"][0]["id"]
    amal = next(token for who, token in w.who if who.name == "amal as agent")
    assert (await w.call("POST", "threads/{thread}/assign", w.root, {"thread": t["id"]}, {"agent": "amal"}))[0] == 200
    s = await p.AgentSocket(w.d, amal).open()
    assert (await w.call("POST", "threads/{thread}/entries", amal, {"thread": t["id"]}, {"kind": "note", "text": "what I wrote"}))[0] == 201
    status, got, _ = await w.call("POST", "threads/{thread}/transfer", amal, {"thread": t["id"]}, {"clearance": 2, "note": "sealed by me"})
    assert status == 200, got
    await s.frame("thread.gone", where=lambda f: f["thread"] == t["id"])
    before = len(s.frames)
    assert (await w.call("GET", "threads/{thread}", amal, {"thread": t["id"]}))[0] == 404
    assert (await w.call("GET", "threads/{thread}/entries", amal, {"thread": t["id"]}))[0] == 404
    assert not (await w.call("GET", "threads", amal, query={"q": t["word"]}))[1]["items"]
    nadia = next(token for who, token in w.who if who.name == "nadia as focal")
    status, got, _ = await w.call("GET", "threads/{thread}/entries", nadia, {"thread": t["id"]})
    assert status == 200 and {"what I wrote", "sealed by me"} <= {e["text"] for e in got["items"]}, got
    assert (await w.call("POST", "threads/{thread}/transfer", nadia, {"thread": t["id"]}, {"clearance": 0}))[0] == 400  # never down
    await w.write({**t, "clearance": 2}, "one more")
    await asyncio.sleep(0.5)
    assert not told(t, json.dumps(s.frames[before:])), s.frames[before:]
    await s.close()


async def the_areas_of_an_agent_are_taken_away(w):
    t = next(t for t in w.threads if t["holder"] == "eleni" and t["clearance"] == 0)
    eleni = next(token for who, token in w.who if who.name == "eleni as agent")
    adm = next(token for who, token in w.who if who.name == "adm as administrator")
    s = await p.AgentSocket(w.d, eleni).open()
    assert (await w.call("GET", "threads/{thread}", eleni, {"thread": t["id"]}))[0] == 200
    assert (await w.call("PATCH", "agents/{agent}", adm, {"agent": "eleni"}, {"areas": ["tr"]}))[0] == 200
    await eventually(lambda: w.d.api("GET", f"threads/{t['id']}", token=eleni)[0] == 404, 3)
    await asyncio.sleep(0.5)
    before = len(s.frames)
    await w.write(t, "after that")
    await asyncio.sleep(1)
    assert not [f for f in s.frames[before:] if f["type"].startswith("entry")], s.frames[before:]
    assert (await w.call("PATCH", "agents/{agent}", adm, {"agent": "eleni"}, {"areas": ["gr"]}))[0] == 200
    await s.close()


async def what_is_written_beside_a_sealed_thread(w):
    """Name, notes and fields that somebody writes who sees a confidential thread are not told to who sees only the open one."""
    sealed = next(t for t in w.threads if t["clearance"] == 1 and len([o for o in w.threads if o["contact"] == t["contact"]]) == 2)
    path, args = "contacts/{contact}", {"contact": sealed["contact"]}
    low, high = w.d.token(role="integrator", clearance=0), w.d.token(role="integrator", clearance=1)
    before = (await w.call("GET", path, low, args))[1]
    secret = {"name": "Somebody else", "notes": "he is a colleague", "fields": {"accused": "B"}}
    status, after, _ = await w.call("PATCH", path, high, args, secret)
    assert status == 200 and all(after[k] == v for k, v in secret.items()), after
    status, seen, _ = await w.call("GET", path, low, args)
    assert status == 200 and seen == before, (before, seen)
    status, seen, _ = await w.call("PATCH", path, low, args, {"notes": "wants a blanket"})
    assert status == 200 and seen["notes"] == "wants a blanket" and "accused" not in json.dumps(seen), seen
    for t in (t for t in w.threads if t["contact"] == sealed["contact"]):
        card = (await w.call("GET", "threads/{thread}", high, {"thread": t["id"]}))[1]
        assert (card["contact"]["name"] == "Somebody else") == (t["clearance"] == 1), card
    assert (await w.call("GET", path, high, args))[1]["notes"] == secret["notes"]


TESTS = [lists_search_and_filters, one_by_one, contacts_and_addresses, what_is_written_beside_a_sealed_thread, files, call_backs, wire_logs, counts_of_queues, polled_events, colleagues, sockets, time_does_not_tell,
         raising_the_clearance_seals, the_areas_of_an_agent_are_taken_away]

if __name__ == "__main__":
    run_shared(World, TESTS, 90)
