# SPDX-License-Identifier: Apache-2.0
"""What the administration page asks of the server: the operation's document, read and changed by the same path as `parley apply`; who may
change what; secrets that go in and never come out; passwords; texts; a message that tries a channel."""
import asyncio
import base64
import json
import secrets

import parley as p
from look import run_shared
from openapi import Api

OPS = "/api/v1/ops/{op}/"
DOCUMENT = "operation/document"
CALLS = [("GET", DOCUMENT, None), ("PUT", DOCUMENT, {"operation": "demo"}), ("PATCH", DOCUMENT, {}), ("GET", "operation/checklist", None), ("GET", "operation/texts", None),
         ("GET", "operation/users", None), ("POST", "operation/users/{login}/password", {}), ("GET", "operation/connectors", None),
         ("POST", "operation/channels/{channel}/test", {"to": "tel:+905321234567"})]
ARGS = {"login": "amal", "channel": "app"}


class World:
    async def open(self):
        self.d = d = p.Parley().start()
        self.receiver = await p.Receiver().start()
        self.doc = p.operation(d)
        self.doc["agents"].append({"login": "both", "name": "Both", "roles": ["administrator", "focal"]})
        self.doc["agents"].append({"login": "izmir", "name": "İzmir", "roles": ["administrator"], "areas": ["tr/izmir"]})
        self.doc["topics"].append({"id": "misconduct", "name": {"en": "Misconduct"}, "clearance": 2, "words": {"en": ["abuse"]}})
        self.doc["channels"][1]["settings"]["url"] = self.receiver.url
        d.apply(self.doc)
        self.api = Api(d)
        self.adm = d.token(role="administrator", agent="root", clearance=2)
        self.both = d.token(role="administrator", agent="both", clearance=2)
        return self

    async def close(self, failed):
        if failed:
            print(self.d.tail(3000))
        self.d.close()
        await self.receiver.stop()

    async def call(self, method, path, token=None, args=None, body=None, **more):
        return await asyncio.to_thread(self.api.call, method, OPS + path, args, body, token or self.adm, **more)

    async def read(self):
        status, answer, headers = await self.call("GET", DOCUMENT)
        assert status == 200 and headers["ETag"] == f'"{answer["version"]}"', (status, headers["ETag"])
        return answer

    async def patch(self, body, version=None, token=None, dry=False, method="PATCH"):
        version = version or (await self.read())["version"]
        status, answer, _ = await self.call(method, DOCUMENT, token, body=body, headers={"If-Match": f'"{version}"'}, query={"dry_run": "true"} if dry else None)
        return status, answer

    def export(self):
        return json.loads(self.d.tool("export", "demo"))


def uid(n):
    return f"00000000-0000-4000-8000-{n:012d}"


def changed(doc, section, id, **members):
    """The section with one thing changed."""
    key = "login" if section == "agents" else "id"
    return {section: [{**thing, **members} if thing[key] == id else thing for thing in doc[section]]}


async def only_administrators_of_the_whole(w):
    wrong = [(w.d.token(role=role, agent=agent, clearance=2), 403) for role, agent in
             [("agent", "amal"), ("supervisor", "selin"), ("focal", "nadia"), ("auditor", "root"), ("administrator", "izmir")]]
    wrong.append((w.d.token(role="integrator", clearance=2), 403))
    for method, path, body in CALLS:
        for token, wanted in wrong:
            status, answer, _ = await w.call(method, path, token, ARGS, body, headers={"If-Match": "1"})
            assert status == wanted, (method, path, status, answer)
        status, _, _ = await w.call(method, path, "parley_" + "x" * 43, ARGS, body)
        assert status == 401, (method, path, status)


async def the_document_is_the_export(w):
    got = await w.read()
    assert got["file"] == w.export(), "the page reads another file than parley export gives"
    assert got["secrets"]["channels"]["app"] == {"secret": True}, got["secrets"]
    text = json.dumps(got)
    assert w.d.secret not in text and w.d.secret[6:] not in text
    status, answer = await w.patch(got["file"], got["version"], method="PUT")
    assert status == 200 and answer["changes"] == [] and answer["version"] == got["version"], answer


async def what_the_page_changes_is_in_the_export_and_the_other_way_round(w):
    """Page → export → apply is a no-op; a file that is applied is what the page reads."""
    doc = (await w.read())["file"]
    status, answer = await w.patch({**changed(doc, "topics", "health", name={"en": "Health", "ar": "صحة"}), "texts": {"ar": {"notice.nobody": "سنجيب قريبًا"}},
                                    "reviewed": {"ar": ["notice.first"]}, "privacy": "https://example.org/p"})
    assert status == 200 and sorted(answer["changes"]) == ["changed topics/health.name", "set privacy", "set reviewed", "set texts"], answer
    exported = w.export()
    assert exported["texts"] == {"ar": {"notice.nobody": "سنجيب قريبًا"}} and exported == (await w.read())["file"]
    assert w.d.apply(exported)["changes"] == []
    exported["reopen_hours"] = 24
    w.d.apply(exported)
    assert (await w.read())["file"] == exported
    # A section is the whole truth: what it lacks is disabled, as by `parley apply`.
    status, answer = await w.patch({"teams": []}, dry=True)
    assert status == 400 and answer["at"].startswith("/agents/") or answer["changes"] == ["disabled teams/counselling"], answer


async def wrong_in_the_same_words_as_apply(w):
    """Each error has its pointer, and both doors say the same."""
    doc = (await w.read())["file"]
    bad = [{"topics": [{"id": "health", "priority": 9}]}, {"channels": [{"id": "x", "connector": "nothing"}]}, {"texts": {"ar": {"notice.first": "{nmae}"}}},
           {"texts": {"ar": {"notice.frist": "x"}}}, {"nothing": 1}, {"timezone": "Mars/Base"}, changed(doc, "channels", "app", settings={"url": 5}), {"reviewed": {"ar": ["no"]}}]
    for body in bad:
        status, answer = await w.patch(body)
        assert status == 400 and answer["problems"], (body, answer)
        said = [f"{one['at']}: {one['text']}" for one in answer["problems"]]
        try:
            w.d.apply({"operation": "demo", **body})
            raise AssertionError(f"apply takes {body}")
        except p.Refused as e:
            assert all(line in str(e) for line in said), (said, str(e))
    status, answer = await w.patch({"operation": "demo"})
    assert status == 400
    status, answer, _ = await w.call("PUT", DOCUMENT, body={"operation": "other"}, headers={"If-Match": "1"})
    assert status == 400, answer


async def of_two_who_read_the_same_one_is_refused(w):
    doc = await w.read()
    bodies = [changed(doc["file"], "topics", "health", priority=n) for n in (0, 1, 2, 3)] + [changed(doc["file"], "agents", "amal", name=f"Amal {n}") for n in range(4)]
    answers = await asyncio.gather(*(w.patch(body, doc["version"]) for body in bodies))
    done = [i for i, (status, _) in enumerate(answers) if status == 200 and answers[i][1]["changes"]]
    assert len(done) == 1 and sorted({status for status, _ in answers}) == [200, 412], answers
    after = (await w.read())["file"]
    for section in bodies[done[0]]:
        assert after[section] == bodies[done[0]][section], (section, after[section])
    for section in ("topics", "agents"):  # nothing of the others
        assert after[section] == bodies[done[0]].get(section, doc["file"][section])
    status, answer, _ = await w.call("PATCH", DOCUMENT, body={})
    assert status == 428 and answer["code"] == "version", answer
    # What a supervisor changed in an agent's record is another version as well.
    version = (await w.read())["version"]
    sup = w.d.token(role="supervisor", agent="selin", clearance=1)
    assert (await w.call("PATCH", "agents/{agent}", sup, {"agent": "amal"}, {"capacity": {"chat": 9}}))[0] == 200
    assert (await w.patch({"privacy": ""}, version))[0] == 412


async def a_dry_run_changes_nothing(w):
    before = await w.read()
    status, answer = await w.patch({"privacy": "https://example.org/other", "decline_pause": 90}, dry=True)
    assert status == 200 and len(answer["changes"]) == 2 and answer["version"] == before["version"], answer
    assert await w.read() == before
    status, answer, _ = await w.call("PATCH", DOCUMENT, body={}, query={"dry_run": "maybe"}, headers={"If-Match": before["version"]})
    assert status == 400, answer


async def secrets_go_in_and_never_come_out(w):
    fresh = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    doc = (await w.read())["file"]
    app = next(c for c in doc["channels"] if c["id"] == "app")
    status, answer = await w.patch(changed(doc, "channels", "app", settings={**app["settings"], "secret": fresh}))
    assert status == 200 and answer["changes"] == ["changed channels/app.settings.secret"], answer
    assert fresh not in json.dumps([answer, await w.read(), w.export()])
    body = json.dumps({"messages": [{"id": secrets.token_hex(8), "from": {"address": "tel:+905320000009"}, "text": "hi"}]}).encode()
    assert w.d.hook(body, secret=fresh)[0] == 200 and w.d.hook(body)[0] == 401
    doc = (await w.read())["file"]
    assert (await w.patch(changed(doc, "channels", "app", name={"en": "App"})))[0] == 200  # without the secret: it stays
    assert w.d.hook(body, secret=fresh)[0] == 200
    w.d.secret = fresh


async def what_is_sensitive_is_given_by_those_who_have_it(w):
    doc = (await w.read())["file"]
    refused = [changed(doc, "agents", "amal", roles=["agent", "focal"]), changed(doc, "agents", "amal", clearance=2), changed(doc, "agents", "nadia", areas=[]),
               changed(doc, "topics", "misconduct", clearance=1), changed(doc, "topics", "misconduct", words={}), changed(doc, "topics", "misconduct", disabled=True),
               {"agents": doc["agents"] + [{"login": "new", "name": "New", "roles": ["focal"]}]}]
    for body in refused:
        status, answer = await w.patch(body, dry=True)
        assert status == 403 and answer["problems"][0]["at"].split("/")[1] in body, (body, answer)
        status, answer = await w.patch(body, dry=True, token=w.both)
        assert status == 200 or (status == 400 and "focal" in answer["problems"][0]["text"]), answer
    allowed = [changed(doc, "agents", "nadia", languages={"en": 5}), changed(doc, "agents", "amal", roles=["supervisor"]), changed(doc, "topics", "misconduct", name={"en": "Report"})]
    for body in allowed:
        status, answer = await w.patch(body, dry=True)
        assert status == 200 and answer["changes"], answer
    status, answer = await w.patch({"networks": [{"name": "Office", "cidr": "192.0.2.0/24"}]}, dry=True)
    assert status == 403 and answer["at"] == "/networks", answer  # never without one's own
    gone = {"agents": [{**a, "roles": ["agent"]} if "administrator" in a["roles"] else a for a in doc["agents"]]}
    status, answer = await w.patch(gone, dry=True, token=w.both)
    assert status == 403 and answer["at"] == "/agents", answer


async def what_is_sensitive_is_not_let_out(w):
    """By somebody without that clearance: neither through a webhook, nor by a flow that seals no more, nor in a focal point's name."""
    doc = (await w.read())["file"]
    out = {"id": "out", "url": "https://example.org/x", "secret": "whsec_" + base64.b64encode(b"x" * 24).decode(), "events": ["*"], "clearance": 2, "content": True}
    status, answer = await w.patch({"webhooks": [out]}, dry=True)
    assert status == 403 and answer["at"] == "/webhooks/0/clearance", answer
    assert (await w.patch({"webhooks": [{**out, "clearance": 1}]}, dry=True))[0] == 200
    assert (await w.patch({"webhooks": [out]}, token=w.both))[0] == 200
    status, answer = await w.patch({"webhooks": [{**out, "url": "https://example.net/x"}]}, dry=True)
    assert status == 403 and answer["at"] == "/webhooks/0/clearance", answer
    assert (await w.patch({"webhooks": []}))[0] == 200, "anybody who administers may end it"
    status, answer = await w.patch({"webhooks": [out]}, dry=True)
    assert status == 403, "and not begin it again"
    # Nor by a pack whose matters are sealed no more.
    assert (await w.patch({"pack": "protection"}))[0] == 200
    assert (await w.patch({"pack": {"base": "protection", "referrals": []}}, dry=True))[0] == 200
    for less in ({}, "consular"):
        status, answer = await w.patch({"pack": less}, dry=True)
        assert status == 403 and answer["at"] == "/pack", answer
    assert (await w.patch({"pack": {}}, token=w.both))[0] == 200

    def flow(**config):
        block = {"uuid": uid(1), "name": "on", "type": "Parley.HandOver", "config": config, "exits": []}
        return {"id": "asks", "flow": {"specification_version": "1.0.0-rc4", "uuid": uid(3), "name": "asks", "resources": [], "flows": [
            {"uuid": uid(4), "name": "asks", "languages": [{"id": "en"}], "interaction_timeout": 60, "first_block_id": uid(1), "blocks": [block]}]}}
    for sealing in ({"clearance": 2}, {"topic": "misconduct"}):
        with_flow = {"flows": [flow(**sealing)], **changed(doc, "channels", "app", flow="asks")}
        assert (await w.patch(with_flow, token=w.both))[0] == 200
        for body, at in (({"flows": [flow(clearance=0)]}, "/flows/0"), ({"flows": []}, "/flows/0"), (changed(doc, "channels", "app"), "/channels/1/flow")):
            status, answer = await w.patch(body, dry=True)
            assert status == 403 and any(x["at"] == at for x in answer["problems"]), (sealing, body, answer)
            assert (await w.patch(body, dry=True, token=w.both))[0] in (200, 400)
        assert (await w.patch({"flows": [{**flow(**sealing), "name": {"en": "Asks"}}]}, dry=True))[0] == 200
        assert (await w.patch(changed(with_flow, "channels", "app", disabled=True), dry=True))[0] == 200
    assert (await w.patch({"flows": [], **changed(doc, "channels", "app")}, token=w.both))[0] == 200
    # Two of three focal points away at once: what is sealed would have nobody.
    status, answer = await w.patch({"agents": [{**a, "disabled": True} if a["login"] in ("nadia", "yusuf") else a for a in doc["agents"]]}, dry=True)
    assert status == 400 and "focal" in answer["problems"][0]["text"], answer


async def an_area_is_not_the_whole(w):
    """Who administers an area can neither widen their own, nor end the second factor of others."""
    izmir = w.d.token(role="administrator", agent="izmir", clearance=2)
    for login, body in (("izmir", {"areas": []}), ("izmir", {"areas": ["tr"]}), ("amal", {"areas": ["tr/izmir"]}), ("amal", {"disabled": True})):
        assert (await w.call("PATCH", "agents/{agent}", izmir, {"agent": login}, body))[0] == 403, (login, body)
    assert (await w.call("GET", DOCUMENT, izmir))[0] == 403
    assert (await w.call("POST", "agents/{agent}/second-factor/reset", izmir, {"agent": "amal"}))[0] == 403
    assert (await w.call("POST", "erase", izmir, body={"contact": "a" * 26}))[0] == 403
    # Of whoever has sensitive matters the rest is as in the document.
    for body in ({"areas": []}, {"topics": ["*"]}, {"disabled": False}):
        assert (await w.call("PATCH", "agents/{agent}", w.adm, {"agent": "nadia"}, body))[0] == 403, body
        assert (await w.call("PATCH", "agents/{agent}", w.both, {"agent": "nadia"}, {"topics": ["*"]}))[0] == 200
    assert (await w.call("PATCH", "agents/{agent}", w.adm, {"agent": "nadia"}, {"capacity": {"chat": 7}}))[0] == 200
    assert (await w.call("POST", "agents/{agent}/second-factor/reset", w.adm, {"agent": "nadia"}))[0] == 403
    assert (await w.call("POST", "agents/{agent}/second-factor/reset", w.both, {"agent": "nadia"}))[0] == 204


async def users_are_added_and_given_passwords(w):
    doc = (await w.read())["file"]
    status, answer = await w.patch({"agents": doc["agents"] + [{"login": "leyla", "name": "Leyla", "languages": {"tr": 5}, "topics": ["*"]}]})
    assert status == 200 and answer["changes"] == ["added agents/leyla"] and [u["login"] for u in answer["passwords"]] == ["leyla"], answer
    first = answer["passwords"][0]["password"]

    def sign_in(password):
        return w.d.request("POST", "/api/v1/sign-in", {"login": "leyla", "password": password}, {"Origin": w.d.base})[0]
    assert sign_in(first) in (200, 202, 403)
    listed = (await w.call("GET", "operation/users"))[1]["items"]
    assert {"login": "leyla", "disabled": False, "elsewhere": False} in listed, listed
    path = "operation/users/{login}/password"
    status, answer, _ = await w.call("POST", path, None, {"login": "leyla"}, {})
    assert status == 200 and answer["password"] != first and sign_in(first) == 401 and sign_in(answer["password"]) != 401, answer
    status, answer, _ = await w.call("POST", path, None, {"login": "leyla"}, {"password": "one of her own choice"})
    assert status == 200 and answer["password"] is None and sign_in("one of her own choice") != 401
    for login, body, wanted in [("leyla", {"password": "short"}, 400), ("nobody", {}, 404), ("nadia", {}, 403), ("leyla", {"pass": "x"}, 400)]:
        status, answer, _ = await w.call("POST", path, None, {"login": login}, body)
        assert status == wanted, (login, status, answer)
    assert (await w.call("POST", path, w.both, {"login": "nadia"}, {}))[0] == 200
    doc = (await w.read())["file"]
    status, answer = await w.patch(changed(doc, "agents", "leyla", disabled=True))
    assert status == 200 and answer["changes"] == ["disabled agents/leyla"]
    audit = (await w.call("GET", "audit", w.d.token(role="auditor", agent="root")))[1]["items"]
    assert {"user.password", "operation.apply"} <= {line["action"] for line in audit}, audit


async def texts_say_what_is_shipped_and_what_is_own(w):
    await w.patch({"texts": {"ar": {"notice.nobody": "أهلًا"}}, "reviewed": {"ar": ["notice.nobody"]}})
    items = {one["key"]: one for one in (await w.call("GET", "operation/texts"))[1]["items"]}
    assert {"notice.first", "chat.title", "channel.test"} <= set(items)
    first, nobody = items["notice.first"], items["notice.nobody"]
    assert first["safety"] and first["holes"] == ["name"] and "{name}" in first["languages"]["ar"]["text"]
    assert nobody["languages"]["ar"]["own"] == "أهلًا" and nobody["languages"]["ar"]["read"] and nobody["languages"]["tr"]["own"] is None
    status, answer, _ = await w.call("GET", "operation/checklist")
    facts = {one["id"]: one for one in answer["items"]}
    assert facts["https"]["state"] == "missing" and facts["focal"]["state"] == "done" and "ar" in facts["texts"]["detail"], facts
    safety = [key for key, one in items.items() if one["safety"]]
    await w.patch({"reviewed": {tag: safety for tag in w.doc["languages"]}})
    facts = {one["id"]: one for one in (await w.call("GET", "operation/checklist"))[1]["items"]}
    assert facts["texts"] == {"id": "texts", "state": "done", "detail": ""}, facts["texts"]
    w.d.tool("backup", w.d.dir + "/backup")
    facts = {one["id"]: one for one in (await w.call("GET", "operation/checklist"))[1]["items"]}
    assert facts["backup"]["state"] == "done", facts


async def a_channel_is_tried_paused_and_taken_up_again(w):
    connectors = {one["id"]: one for one in (await w.call("GET", "operation/connectors"))[1]["items"]}
    settings = {one["name"]: one for one in connectors["http"]["settings"]}
    assert settings["secret"]["type"] == "secret" and settings["url"]["required"] and connectors["webchat"]["pull"], connectors
    test, to = "operation/channels/{channel}/test", "tel:+905329998877"
    people = w.d.token(role="supervisor", clearance=2)
    status, answer, _ = await w.call("POST", test, None, {"channel": "app"}, {"to": to, "language": "tr"})
    assert status == 200 and answer["outcome"] == "sent", answer
    assert any(to in one["body"].decode() for one in w.receiver.got), w.receiver.got
    assert (await w.call("GET", "contacts", people, query={"address": to}))[1]["items"] == [], "a test made a person"
    for channel, body, wanted in [("app", {"to": "nonsense"}, 400), ("app", {}, 400), ("nothing", {"to": to}, 404), ("web", {"to": to}, 409)]:
        status, answer, _ = await w.call("POST", test, None, {"channel": channel}, body)
        assert status == wanted, (channel, status, answer)

    async def state():
        return next(c for c in (await w.call("GET", "operation"))[1]["channels"] if c["id"] == "app")
    doc = (await w.read())["file"]
    status, answer = await w.patch(changed(doc, "channels", "app", paused=True))
    assert status == 200 and (await state())["state"] == "paused", (answer, await state())
    who = "tel:+905320001111"
    assert w.d.write(who, "is anybody there") == 200  # what comes in is taken
    found = (await w.call("GET", "contacts", people, query={"address": who}))[1]["items"][0]
    thread = found["threads"][0]["id"]
    status, entry, _ = await w.call("POST", "threads/{thread}/entries", people, {"thread": thread}, {"kind": "message", "text": "we are here PAUSED"})
    assert status == 201, entry
    await asyncio.sleep(0.7)
    entries = (await w.call("GET", "threads/{thread}/entries", people, {"thread": thread}))[1]["items"]
    assert next(e for e in entries if e["id"] == entry["id"])["status"] == "stored", entries
    doc = (await w.read())["file"]
    assert (await w.patch(changed(doc, "channels", "app", paused=False)))[0] == 200
    for _ in range(100):
        entries = (await w.call("GET", "threads/{thread}/entries", people, {"thread": thread}))[1]["items"]
        if next(e for e in entries if e["id"] == entry["id"])["status"] != "stored":
            break
        await asyncio.sleep(0.1)
    else:
        raise AssertionError("what waited was never sent")
    doc = (await w.read())["file"]
    status, answer = await w.patch({"channels": [c for c in doc["channels"] if c["id"] != "web"]})
    assert status == 200 and answer["changes"] == ["disabled channels/web"], answer  # removed: never deleted


async def drills_and_test_messages_have_a_most(w):
    for path, args, body, good, most in (("alerts", {}, {"drill": True, "category": "medical"}, (200, 201), 6),
                                         ("operation/channels/{channel}/test", {"channel": "app"}, {"to": "tel:+905329998877"}, (200, 400), 20)):
        for n in range(most + 1):
            status, answer, heads = await w.call("POST", path, None, args, body)
            if status == 429:
                break
            assert status in good, answer
        assert status == 429 and 0 < int(heads["Retry-After"]) <= 3600 and answer["code"] == "rate" and (n == most or "channels" in path), (path, n, answer)


async def what_failed_in_sealed_threads_is_not_told(w):
    people = w.d.token(role="supervisor", clearance=2)
    items = [{"id": secrets.token_hex(8), "from": {"address": f"tel:+9053200022{n}{n}"}, "text": "hello", "clearance": n} for n in (0, 1, 2)]
    assert w.d.hook({"messages": items})[0] == 200

    async def refuse(request, item, web):
        return web.json_response({"error": "no"}, status=400)
    w.receiver.answer = refuse
    for one in items:
        found = (await w.call("GET", "contacts", people, query={"address": one["from"]["address"]}))[1]["items"][0]
        status, answer, _ = await w.call("POST", "threads/{thread}/entries", people, {"thread": found["threads"][0]["id"]}, {"kind": "message", "text": "answer"})
        assert status == 201, answer
    dead, seen = "channels/{channel}/dead", []
    for _ in range(100):
        seen = (await w.call("GET", dead, w.both, {"channel": "app"}))[1]["items"]
        if len(seen) == 3:
            break
        await asyncio.sleep(0.1)
    w.receiver.answer = None
    assert len(seen) == 3, seen
    mine = (await w.call("GET", dead, None, {"channel": "app"}))[1]["items"]
    assert len(mine) == 1, mine
    for one in seen:
        status, answer, _ = await w.call("POST", dead + "/{item}/replay", None, {"channel": "app", "item": one["id"]})
        assert status == (202 if one["id"] == mine[0]["id"] else 404), (status, answer)


TESTS = [only_administrators_of_the_whole, the_document_is_the_export, what_the_page_changes_is_in_the_export_and_the_other_way_round, wrong_in_the_same_words_as_apply,
         of_two_who_read_the_same_one_is_refused, a_dry_run_changes_nothing, secrets_go_in_and_never_come_out, what_is_sensitive_is_given_by_those_who_have_it,
         what_is_sensitive_is_not_let_out, an_area_is_not_the_whole, users_are_added_and_given_passwords, texts_say_what_is_shipped_and_what_is_own, a_channel_is_tried_paused_and_taken_up_again,
         drills_and_test_messages_have_a_most, what_failed_in_sealed_threads_is_not_told]

if __name__ == "__main__":
    run_shared(World, TESTS, 60)
