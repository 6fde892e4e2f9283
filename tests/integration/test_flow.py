# SPDX-License-Identifier: Apache-2.0
"""A bot in the first seat: the shipped flow through the whole, and what must not go wrong with it: duplicates, a worker that dies, a person who takes
over, silence, a report that is sealed, a flow that is not there."""
import asyncio
import json
import os
import secrets
import signal
import urllib.parse

import parley as p
from look import entries, eventually, run_shared, threads
from openapi import Api

OPS = "/api/v1/ops/{op}/"
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LANGUAGES = ["en", "ar", "fa", "prs", "ps", "ur", "so", "fr", "tr"]


def uid(n):
    return f"00000000-0000-4000-8000-{n:012d}"


def asks(timeout, name="short"):
    """Asks for a name, then for a number; keeps it with the person."""
    def exit_to(n, to):
        return [{"uuid": uid(n), "name": "default", "default": True, **({"destination_block": uid(to)} if to else {})}]
    blocks = [{"uuid": uid(1), "name": "who", "type": "MobilePrimitives.OpenResponse", "config": {"prompt": "Who are you?"}, "exits": exit_to(11, 2)},
              {"uuid": uid(2), "name": "age", "type": "MobilePrimitives.NumericResponse", "exits": exit_to(12, 3),
               "config": {"prompt": "How old is @results.who?", "validation_minimum": 1, "set_contact_property": {"property_key": "age", "property_value": "block.value"}}},
              {"uuid": uid(3), "name": "thanks", "type": "MobilePrimitives.Message", "config": {"prompt": "Thank you"}, "exits": exit_to(13, None)}]
    return {"specification_version": "1.0.0-rc4", "uuid": uid(90), "name": name, "resources": [],
            "flows": [{"uuid": uid(91), "name": name, "languages": [{"id": "en"}], "interaction_timeout": timeout, "first_block_id": uid(1), "blocks": blocks}]}


class World:
    async def open(self):
        self.d = d = p.Parley(workers=2).start()
        self.receiver = await p.Receiver().start()
        with open(os.path.join(TOP, "config/flows/demo.json"), encoding="utf-8") as f:
            self.demo = json.load(f)
        self.doc = doc = p.operation(d, languages=LANGUAGES, emergency={"en": "112"})
        doc["topics"] += [{"id": t, "name": {"en": t}} for t in ("cash", "protection")]
        doc["topics"].append({"id": "report", "name": {"en": "Report"}, "clearance": 2, "no_last_agent": True})
        doc["flows"] = [{"id": "demo", "flow": self.demo}, {"id": "short", "flow": asks(3600)}, {"id": "brief", "flow": asks(2)}]
        settings = {**doc["channels"][1]["settings"], "url": self.receiver.url}
        doc["channels"] = [doc["channels"][0]] + [{"id": i, "connector": "http", "settings": settings, **({"flow": f} if f else {})}
                                                  for i, f in (("app", None), ("guide", "demo"), ("short", "short"), ("brief", "brief"))]
        d.apply(doc)
        self.api = Api(d)
        self.tokens = {"integrator": d.token(role="integrator", clearance=2), "supervisor": d.token(role="supervisor", agent="selin"),
                       "focal": d.token(role="focal", agent="nadia", clearance=2), "administrator": d.token(role="administrator", agent="root")}
        return self

    async def close(self, failed):
        if failed:
            print(self.d.tail(6000))
        self.d.close()
        await self.receiver.stop()

    async def call(self, method, path, role, args=None, body=None, **more):
        return await asyncio.to_thread(self.api.call, method, OPS + path, args, body, self.tokens[role], **more)

    async def say(self, text, channel, who=None, id=None, **more):
        who = who or f"tel:+90531{secrets.randbelow(9 * 10**6) + 10**6}"
        message = {"id": id or secrets.token_hex(8), "from": {"address": who, "name": who[-5:]}, "text": text, **more}
        status, answer = await asyncio.to_thread(self.d.hook, {"messages": [message]}, channel=channel)
        assert status == 200, answer
        return who

    def thread(self, who):
        status, found = self.d.api("GET", "contacts?address=" + urllib.parse.quote(who), token=self.tokens["integrator"])
        assert status == 200, found
        return next(iter(threads(self.d, self.tokens["integrator"], contact=found["items"][0]["id"])), None) if found["items"] else None

    def bot(self, who):
        t = self.thread(who)
        return [e["text"] for e in entries(self.d, self.tokens["integrator"], t["id"], "message") if e["author"]["kind"] == "bot"] if t else []

    async def hears(self, who, n, seconds=8):
        """What the bot said, once it is that many."""
        return await eventually(lambda: (lambda s: s if len(s) >= n else None)(self.bot(who)), seconds)

    async def state(self, who, state):
        return await eventually(lambda: (lambda t: t if t and t["state"] == state else None)(self.thread(who)))

    def sent(self, text):
        """How often it left the house."""
        return sum(text in json.dumps(g["json"], ensure_ascii=False) for g in self.receiver.got)


async def language_then_matter(w):
    who = await w.say("Hello, is anybody there?", "guide")
    first = await w.hears(who, 1)
    t = w.thread(who)
    assert t["state"] == "bot" and t["waiting_since"] is None, t
    asked = next(e for e in entries(w.d, w.tokens["integrator"], t["id"], "message") if e["author"]["kind"] == "bot")
    assert [c["id"] for c in asked["choices"]] == LANGUAGES and asked["choices"][1]["title"] == "العربية", asked
    status, queues, _ = await w.call("GET", "queues", "supervisor")
    assert not any(q["waiting"] for q in queues["items"]), queues  # who talks with the bot does not wait
    await w.say("٢", "guide", who)
    said = await w.hears(who, 2)
    assert "ما الموضوع" in said[1], said
    assert w.thread(who)["language"] == {"tag": "ar", "how": "stated"}
    await w.say("التسجيل", "guide", who)
    t = await w.state(who, "waiting")
    assert t["topic"] == "registration" and t["language"]["tag"] == "ar" and t["waiting_since"] and t["clearance"] == 0, t
    said = await w.hears(who, 3)
    assert "شخص" in said[2] and len(said) == 3, said
    events = [e["event"] for e in entries(w.d, w.tokens["integrator"], t["id"], "event")]
    assert any(e["what"] == "transferred" and e.get("by") == "bot" for e in events), events
    await w.say("one more thing", "guide", who)
    await asyncio.sleep(0.5)
    assert len(w.bot(who)) == 3  # a person has it
    # Who is known to speak Arabic is asked about the matter at once.
    status, _, _ = await w.call("POST", "threads/{thread}/resolve", "supervisor", {"thread": t["id"]}, {"outcome": "spam", "reason": "spam"})
    assert first


async def a_report_is_sealed(w):
    who = await w.say("Hello", "guide")
    await w.hears(who, 1)
    t = w.thread(who)
    await w.say("English", "guide", who)
    await w.hears(who, 2)
    await w.say("6", "guide", who)
    sealed = await eventually(lambda: (lambda x: x if x and x["clearance"] == 2 else None)(w.thread(who)))
    assert sealed["id"] == t["id"] and sealed["state"] == "waiting" and sealed["topic"] == "report", sealed
    said = await w.hears(who, 3)
    assert "only the few people" in said[2], said
    for role, want in (("supervisor", 404), ("focal", 200)):
        status, _, _ = await w.call("GET", "threads/{thread}", role, {"thread": t["id"]})
        assert status == want, (role, status)
    await w.say("He asked for money", "guide", who)
    await eventually(lambda: any(e.get("text") == "He asked for money" for e in entries(w.d, w.tokens["focal"], t["id"])))
    assert w.thread(who)["clearance"] == 2


async def danger_alarms(w):
    who = await w.say("Hello", "guide")
    await w.hears(who, 1)
    await w.say("English", "guide", who)
    await w.hears(who, 2)
    await w.say("I am in danger now", "guide", who)
    t = await eventually(lambda: (lambda x: x if x and x["priority"] == 3 and x["state"] != "bot" else None)(w.thread(who)))
    assert t["topic"] == "protection", t
    said = lambda: [e["text"] for e in entries(w.d, w.tokens["integrator"], t["id"], "message") if e["direction"] == "out"]
    await eventually(lambda: any("112" in s for s in said()[2:]))
    status, got, _ = await w.call("GET", "alerts", "focal", None, None)
    assert status == 200 and any(a.get("thread") == t["id"] or (a.get("thread") or {}).get("id") == t["id"] for a in got["items"]), got


async def words_that_seal_pass_the_bot(w):
    who = await w.say("I want to report misconduct by a staff member", "guide")
    t = await eventually(lambda: w.thread(who))
    assert t["state"] == "waiting" and t["clearance"] == 2, t
    await asyncio.sleep(0.5)
    assert w.bot(who) == []


async def sealed_beside_the_bot(w):
    """Who reports something while the bot has asked: the bot says no word more in the open thread, which would call what follows back there. It waits
    for a person at once, and looks as though the bot's time had been over."""
    who = await w.say("Hello", "short")
    await w.hears(who, 1)
    await w.say("I want to report misconduct by a staff member", "short", who)
    of = lambda: {x["clearance"]: x for x in threads(w.d, w.tokens["integrator"], contact=w.thread(who)["contact"]["id"])}
    both = await eventually(lambda: (lambda l: l if len(l) == 2 else None)(of()))
    assert both[0]["state"] == "waiting" and both[2]["state"] == "waiting", both
    await w.say("He came again", "short", who)
    await eventually(lambda: any(e.get("text") == "He came again" for e in entries(w.d, w.tokens["focal"], both[2]["id"])))
    told = entries(w.d, w.tokens["integrator"], both[0]["id"])
    assert [e["text"] for e in told if e["kind"] == "message" and e["author"]["kind"] == "bot"] == ["Who are you?"], told
    assert "seal" not in json.dumps(told) and "misconduct" not in json.dumps(told), told


async def what_is_asked_of_parley_is_no_answer(w):
    """"How long?" in the middle of a question: it is answered, and what was asked stays asked."""
    who = await w.say("Hello", "short")
    await w.hears(who, 1)
    said = lambda: [e["notice"] for e in entries(w.d, w.tokens["integrator"], w.thread(who)["id"], "message") if e.get("notice") in ("answer", "place")]
    await w.say("how long", "short", who)
    await eventually(lambda: len(said()) == 1)
    await w.say("please call me", "short", who)
    one = await eventually(lambda: (lambda r: r[1] if r[0] == 200 else None)(
        w.api.call("GET", OPS + "threads/{thread}/callback", {"thread": w.thread(who)["id"]}, None, w.tokens["integrator"])))
    assert one["person"] and w.bot(who) == ["Who are you?"], (one, w.bot(who))
    await w.say("Zeynep", "short", who)
    assert (await w.hears(who, 2))[1] == "How old is Zeynep?"
    # A channel on which it is not safe to reach them: the bot says nothing there, and a person has it at once.
    t = w.thread(who)
    status, got, _ = await w.call("POST", "threads/{thread}/safety", "supervisor", {"thread": t["id"]}, {"unsafe": ["short"]})
    assert status == 200, got
    await w.say("37", "short", who)
    await w.state(who, "waiting")
    assert len(w.bot(who)) == 2, w.bot(who)


async def what_is_not_understood(w):
    who = await w.say("Hello", "guide")
    await w.hears(who, 1)
    await w.say("banana", "guide", who)
    said = await w.hears(who, 2)
    assert "did not understand" in said[1] or "Language" in said[1], said
    await w.say("apple", "guide", who)
    t = await w.state(who, "waiting")
    assert t["topic"] is None, t
    other = await w.say("Hello", "guide")
    await w.hears(other, 1)
    await w.say("۰", "guide", other)
    await w.state(other, "waiting")


async def once(w):
    """The same message by a provider that repeats itself, and many at a time: each question is asked once."""
    who = await w.say("Hello", "short")
    await w.hears(who, 1)
    await asyncio.gather(*(w.say("Zeynep", "short", who, id=f"same-{who}") for _ in range(6)))
    said = await w.hears(who, 2)
    assert said[1] == "How old is Zeynep?", said
    await w.say("Zeynep", "short", who, id=f"same-{who}")
    await w.say("٣٧", "short", who)
    t = await w.state(who, "waiting")
    said = await w.hears(who, 4)
    await asyncio.sleep(0.3)
    assert w.bot(who) == said and said[2] == "Thank you" and len(said) == 4, said
    status, c, _ = await w.call("GET", "contacts/{contact}", "integrator", {"contact": t["contact"]["id"]})
    assert c["fields"].get("age") in (37, "37"), c
    # What was written before the question came is no answer to it.
    fast = f"tel:+90531{secrets.randbelow(9 * 10**6) + 10**6}"
    await asyncio.gather(*(w.say(x, "short", fast) for x in ("Good", "morning", "to you")))
    await asyncio.sleep(0.5)
    assert len(w.bot(fast)) <= 2, w.bot(fast)


async def a_person_takes_over(w):
    who = await w.say("Hello", "short")
    await w.hears(who, 1)
    t = w.thread(who)
    status, got, _ = await w.call("POST", "threads/{thread}/assign", "supervisor", {"thread": t["id"]}, {"agent": "amal"})
    assert status == 200 and got["state"] == "assigned", got
    await w.say("Zeynep", "short", who)
    other = await w.say("Hello", "short")  # who writes takes it too
    await w.hears(other, 1)
    status, _, _ = await w.call("POST", "threads/{thread}/entries", "supervisor", {"thread": w.thread(other)["id"]}, {"kind": "message", "text": "I am Selin"})
    assert status == 201
    await w.state(other, "waiting")
    await w.say("Zeynep", "short", other)
    await asyncio.sleep(0.5)
    assert len(w.bot(who)) == 1 and len(w.bot(other)) == 1, (w.bot(who), w.bot(other))


async def silence(w):
    who = await w.say("Hello", "brief")
    await w.hears(who, 1)
    t = await w.state(who, "waiting")
    said = await w.hears(who, 2)
    assert "not answered" in said[1], said
    assert t["topic"] is None


async def a_worker_dies(w):
    """In the middle of many runs: each goes on, and nobody is asked twice."""
    people = [await w.say("Hello", "short") for _ in range(8)]
    for who in people:
        await w.hears(who, 1)
    victim = w.d.workers()[0]
    writing = [asyncio.create_task(w.say("Zeynep", "short", who, id=f"name-{who}")) for who in people]
    await asyncio.sleep(0.02)
    os.kill(victim, signal.SIGKILL)
    for who, done in zip(people, await asyncio.gather(*writing, return_exceptions=True)):
        if isinstance(done, Exception) or done != who:  # what was not acknowledged is sent again, as a provider does
            await asyncio.to_thread(w.d.wait_ready)
            await w.say("Zeynep", "short", who, id=f"name-{who}")
    for who in people:
        said = await w.hears(who, 2, 15)
        assert said[1] == "How old is Zeynep?" and len(said) == 2, said


async def flows_in_the_operation_file(w):
    broken = json.loads(json.dumps(w.doc))
    broken["flows"][1]["flow"]["flows"][0]["blocks"][1]["type"] = "Core.Fly"
    try:
        w.d.apply(broken)
        raise AssertionError("it was taken")
    except p.Refused as e:
        assert "/flows/1/flow/flows/0/blocks/1/type" in str(e), e
    nowhere = json.loads(json.dumps(w.doc))
    nowhere["channels"][2]["flow"] = "nowhere"
    nowhere["topics"] = [t for t in nowhere["topics"] if t["id"] != "cash"]
    try:
        w.d.apply(nowhere)
        raise AssertionError("it was taken")
    except p.Refused as e:
        assert "/channels/2/flow" in str(e) and '"cash" is not among the topics' in str(e), e
    with open(os.path.join(w.d.dir, "one.json"), "w", encoding="utf-8") as f:
        json.dump(w.demo, f)
    by_file = {**w.doc, "flows": [{"id": "demo", "file": "one.json"}] + w.doc["flows"][1:]}
    assert not w.d.apply(by_file)["changes"]
    exported = json.loads(w.d.tool("export", "demo"))
    assert exported["flows"][0]["flow"] == w.demo and exported["channels"][2]["flow"] == "demo"
    assert not w.d.apply(exported)["changes"]
    w.demo["flows"][0]["blocks"][0]["config"]["languages"] = ["xx"]
    with open(os.path.join(w.d.dir, "one.json"), "w", encoding="utf-8") as f:
        json.dump(w.demo, f)
    try:
        w.d.apply(by_file)
        raise AssertionError("it was taken")
    except p.Refused as e:
        assert "one.json" in str(e) and "/flows/0/blocks/0/config/languages" in str(e), e


async def tried_before_it_is_published(w):
    status, got, _ = await w.call("GET", "flows", "administrator")
    assert status == 200 and [f["id"] for f in got["items"]] == ["demo", "short", "brief"] and got["items"][0]["channels"] == ["guide"], got
    status, got, _ = await w.call("GET", "flows/{flow}", "administrator", {"flow": "short"})
    assert status == 200 and got["flow"]["uuid"] == uid(90)
    status, got, _ = await w.call("POST", "flows/check", "administrator", None, {"flow": {"specification_version": "2"}})
    assert status == 200 and not got["ok"] and got["problems"][0]["at"] == "/specification_version", got
    status, step, _ = await w.call("POST", "flows/try", "administrator", None, {"flow": asks(60), "language": "en"})
    assert status == 200 and step["say"] == [{"text": "Who are you?"}], step
    status, step, _ = await w.call("POST", "flows/try", "administrator", None, {"flow": asks(60), "run": step["run"], "text": "Ali"})
    assert step["say"] == [{"text": "How old is Ali?"}], step
    status, step, _ = await w.call("POST", "flows/try", "administrator", None, {"id": "short", "run": step["run"], "text": "40"})
    assert step["hand_over"]["why"] == "end" and step["contact"] == {"age": 40}, step
    status, a, _ = await w.call("POST", "articles", "administrator", None, {
        "kind": "article", "tags": ["hours"], "texts": {"en": {"title": "Hours", "text": "We are open from 9 to 5."}}})
    assert status == 201 and (await w.call("POST", "articles/{article}/publish", "administrator", {"article": a["id"]}))[0] == 200, a
    says = asks(60)
    for config in ({"article": a["id"]}, {"tag": "hours"}, {"tag": "nothing"}):
        says["flows"][0]["blocks"][2].update(type="Parley.Article", config=config)
        says["flows"][0]["first_block_id"] = uid(3)
        status, step, _ = await w.call("POST", "flows/try", "administrator", None, {"flow": says, "language": "en"})
        want = [] if config.get("tag") == "nothing" else ["We are open from 9 to 5."]
        assert status == 200 and [x["text"] for x in step["say"]][:len(want)] == want and len(step["say"]) == len(want) + 1, (config, step)
    status, _, _ = await w.call("POST", "flows/try", "supervisor", None, {"id": "short"})
    assert status == 403
    for method, path, args, body, want in (("GET", "flows", None, None, 403), ("GET", "flows/{flow}", {"flow": "nowhere"}, None, 404),
                                           ("POST", "flows/check", None, {"flow": {}}, 403), ("POST", "flows/try", None, {"id": "nowhere"}, 404)):
        status, _, _ = await w.call(method, path, "integrator" if want == 403 else "administrator", args, body)
        assert status == want, (path, status)
    status, got, _ = await w.call("POST", "flows/try", "administrator", None, {"flow": {"specification_version": "2"}})
    assert status == 400 and "/specification_version" in got["detail"], got
    assert not w.api.missing("flows"), w.api.missing("flows")


async def a_restart(w):
    """The run is where it was; what came meanwhile is answered."""
    who = await w.say("Hello", "short")
    await w.hears(who, 1)
    await asyncio.to_thread(w.d.kill)
    await asyncio.to_thread(w.d.start)
    await w.say("Zeynep", "short", who)
    said = await w.hears(who, 2)
    assert said == ["Who are you?", "How old is Zeynep?"], said


if __name__ == "__main__":
    run_shared(World, [language_then_matter, a_report_is_sealed, danger_alarms, words_that_seal_pass_the_bot, sealed_beside_the_bot, what_is_asked_of_parley_is_no_answer, what_is_not_understood, once, a_person_takes_over, silence,
                       tried_before_it_is_published, a_worker_dies, a_restart, flows_in_the_operation_file])
