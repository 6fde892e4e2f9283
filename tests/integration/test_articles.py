# SPDX-License-Identifier: Apache-2.0
"""Articles and canned answers: written, found by words in any language, published, rated, taken out and in; who sees and changes which."""
import csv
import io
import time

import parley as p
from look import eventually, run_shared
from openapi import Api
import asyncio

OPS = "/api/v1/ops/{op}/"
THANKS = {"kind": "answer", "shortcut": "thanks", "tags": ["goodbye"], "review": "2020-01-31", "source": {"name": "Help site", "url": "https://help.example/thanks"},
          "texts": {"en": {"title": "Thank you", "text": "Thank you, {name}. Write again at any time."},
                    "ar": {"title": "شكرا لك", "text": "شكرا لك، يمكنك الكتابة في أي وقت."}}}
CASH = {"kind": "article", "topic": "registration", "texts": {"en": {"title": "Registering a newborn", "text": "Bring the birth notification. Thank you for waiting."}}}


class World:
    async def open(self):
        self.d = d = p.Parley().start()
        doc = p.operation(d)
        for id in ("gr", "tr/izmir", "tr/ankara"):
            if not any(a["id"] == id for a in doc["areas"]):
                doc["areas"].append({"id": id, "name": {"en": id}})
        doc["teams"].append({"id": "ngo", "name": {"en": "NGO"}})
        base = {"languages": {"ar": 5}, "topics": ["*"], "capacity": {"chat": 3}}
        doc["agents"] += [{"login": "izmir", "name": "I", "team": "ngo", "roles": ["agent"], "areas": ["tr/izmir"], **base},
                          {"login": "greece", "name": "G", "team": "ngo", "roles": ["agent"], "areas": ["gr"], **base},
                          {"login": "partner", "name": "P", "team": "ngo", "roles": ["partner"], "areas": ["tr"], **base}]
        d.apply(doc)
        self.api = Api(d)
        self.tokens = {n: d.token(agent=n, role=r) for n, r in (("izmir", "agent"), ("greece", "agent"), ("partner", "partner"))}
        self.tokens["root"] = d.token(agent="root", role="administrator")
        self.tokens["selin"] = d.token(agent="selin", role="supervisor", clearance=1)
        self.tokens["auditor"] = d.token(role="auditor")
        return self

    async def close(self, failed):
        if failed:
            print(self.d.tail(3000))
        self.d.close()

    async def call(self, method, path, who="root", body=None, **args):
        query = args.pop("query", None)
        return (await asyncio.to_thread(self.api.call, method, OPS + path, args, body, self.tokens[who], query))[:2]

    async def made(self, article, publish=True, who="root", **more):
        status, a = await self.call("POST", "articles", who, {**article, **more})
        assert status == 201, a
        if publish:
            status, a = await self.call("POST", "articles/{article}/publish", who, article=a["id"])
            assert status == 200 and a["state"] == "published", a
        return a

    async def found(self, who, **query):
        status, page = await self.call("GET", "articles", who, query=query)
        assert status == 200, page
        return [a["id"] for a in page["items"]], page["items"]


async def test_found_by_words(w):
    thanks, cash = await w.made(THANKS, id="thanks"), await w.made(CASH, id="cash")
    ids, items = await w.found("izmir", q="than", language="ar", area="tr/izmir")
    assert ids == ["thanks", "cash"], ids  # a title before a text
    assert items[0]["language"] == "ar" and items[0]["text"].startswith("شكرا") and items[0]["overdue"] and items[1]["language"] == "en"
    for q, want in (("شُكْراً", ["thanks"]), ("thanks", ["thanks"]), ("goodb", ["thanks"]), ("newborn regis", ["cash"]), ("newborn goodbye", []), ("", ["cash", "thanks"])):
        assert sorted((await w.found("izmir", q=q))[0]) == want, q
    assert (await w.found("izmir", kind="answer"))[0] == ["thanks"] and (await w.found("izmir", topic="registration"))[0] == ["cash"]
    assert (await w.call("GET", "articles", "auditor"))[0] == 403 and (await w.call("GET", "articles", query={"state": "x"}))[0] == 400
    status, a = await w.call("GET", "articles/{article}", "izmir", article="thanks")
    assert status == 200 and set(a["texts"]) == {"en", "ar"} and not a["editable"]
    for a in (thanks, cash):
        await w.call("POST", "articles/{article}/retire", article=a["id"])
        assert (await w.call("DELETE", "articles/{article}", article=a["id"]))[0] == 204


async def test_the_nearest_area_wins(w):
    for id, area in (("here", None), ("tr", "tr"), ("izmir", "tr/izmir"), ("greece", "gr")):
        await w.made({**THANKS, "shortcut": "where", **({"area": area} if area else {})}, id="w-" + id)
    assert (await w.found("izmir", q="where", area="tr/izmir"))[0] == ["w-izmir"]
    assert (await w.found("izmir", q="where", area="tr/ankara"))[0] == ["w-tr"]
    assert set((await w.found("izmir", q="where"))[0]) == {"w-here", "w-tr", "w-izmir"}
    assert set((await w.found("greece", q="where"))[0]) == {"w-here", "w-greece"}
    assert (await w.call("GET", "articles/{article}", "greece", article="w-izmir"))[0] == 404


async def test_who_writes_what(w):
    assert (await w.call("POST", "articles", "izmir", CASH))[0] == 403
    draft = await w.made(CASH, publish=False, who="partner", area="tr")
    assert draft["owner"] == "ngo" and draft["state"] == "draft"
    assert (await w.call("GET", "articles/{article}", "izmir", article=draft["id"]))[0] == 404  # a draft is not read
    other = await w.made(CASH, area="tr")
    assert (await w.call("PUT", "articles/{article}", "partner", CASH, article=other["id"]))[0] == 403
    assert (await w.call("POST", "articles", "partner", {**CASH, "area": "gr"}))[0] == 403
    assert (await w.call("POST", "articles/{article}/publish", "partner", article=other["id"]))[0] == 403
    assert (await w.call("POST", "articles", body={**CASH, "texts": {}}))[0] == 400
    assert (await w.call("POST", "articles", body={**CASH, "colour": 1}))[0] == 400
    status, a = await w.call("PUT", "articles/{article}", "partner", {**CASH, "area": "tr", "version": draft["version"], "tags": ["baby"]}, article=draft["id"])
    assert status == 200 and a["tags"] == ["baby"], a
    assert (await w.call("PUT", "articles/{article}", "partner", {**CASH, "area": "tr", "version": draft["version"]}, article=draft["id"]))[0] == 409
    assert (await w.call("DELETE", "articles/{article}", article=other["id"]))[0] == 409
    sealed = await w.made(CASH, who="selin", area="tr", clearance=1)
    assert sealed["id"] not in (await w.found("izmir"))[0]
    assert (await w.call("POST", "articles/{article}/retire", "izmir", article=other["id"]))[0] == 403


async def test_rated_and_counted(w):
    a = await w.made(CASH)
    rate = "articles/{article}/rate"
    assert (await w.call("POST", rate, "izmir", {"rating": "outdated", "comment": "the form has changed"}, article=a["id"]))[0] == 204
    assert (await w.call("POST", rate, "izmir", {"rating": "useful"}, article=a["id"]))[0] == 204
    assert (await w.call("POST", rate, "partner", {"rating": "outdated", "comment": "old"}, article=a["id"]))[0] == 204
    assert (await w.call("POST", rate, "izmir", {"rating": "so so"}, article=a["id"]))[0] == 400
    for _ in range(2):
        assert (await w.call("POST", "articles/{article}/used", "izmir", article=a["id"]))[0] == 204
    assert (await w.call("POST", "articles/{article}/used", "greece", article="nothing"))[0] == 404

    async def counted():
        got = (await w.call("GET", "articles/{article}", "izmir", article=a["id"]))[1]
        return got["ratings"] == {"useful": 1, "not_useful": 0, "outdated": 1} and got["used"] == 2
    await eventually(counted)
    status, notes = await w.call("GET", "articles/{article}/notes", article=a["id"])
    assert status == 200 and {(n["by"], n["rating"]) for n in notes["items"]} == {("izmir", "useful"), ("partner", "outdated")}
    assert (await w.call("GET", "articles/{article}/notes", "partner", article=a["id"]))[0] == 403


async def test_out_and_in_again(w):
    a = await w.made(THANKS, id="round", tags=["a", "b"])
    status, _h, text = await asyncio.to_thread(w.d.request, "GET", "/api/v1/ops/demo/articles/export?format=csv", None, {}, w.tokens["root"])
    assert (await w.call("GET", "articles/export"))[1]["items"]
    rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))
    assert status == 200 and {r["language"] for r in rows if r["id"] == "round"} == {"en", "ar"}
    status, got = await w.call("POST", "articles/import", body={"csv": text.decode()})
    assert status == 200 and got["made"] == 0 and not got["errors"], got
    items = [{"id": "help-1", "kind": "article", "state": "published", "texts": {"en": {"title": "Food", "text": "One"}}}, {"id": "bad", "kind": "poem", "texts": {}}]
    status, got = await w.call("POST", "articles/import", body={"items": items})
    assert got["made"] == 1 and len(got["errors"]) == 1 and got["errors"][0]["item"] == 1, got
    assert (await w.call("POST", "articles/import", body={"items": items[:1]}))[1]["same"] == 1  # twice is once
    items[0]["texts"]["en"]["text"] = "Two"
    assert (await w.call("POST", "articles/import", body={"items": items[:1]}))[1]["changed"] == 1
    mine = {"kind": "article", "texts": {"en": {"title": "Food", "text": "as we do it here"}}}
    assert (await w.call("PUT", "articles/{article}", body=mine, article="help-1"))[0] == 200
    items[0]["texts"]["en"]["text"] = "Three"
    assert (await w.call("POST", "articles/import", body={"items": items[:1]}))[1]["kept"] == 1
    got = (await w.call("GET", "articles/{article}", article="help-1"))[1]
    assert got["source_changed"] and got["texts"]["en"]["text"] == "as we do it here"
    assert (await w.call("POST", "articles/import", "izmir", {"items": []}))[0] == 403 and (await w.call("POST", "articles/import", body={}))[0] == 400
    assert (await w.call("GET", "articles/export", query={"format": "xml"}))[0] == 400


async def test_a_thousand_are_found_at_once(w):
    items = [{"id": f"many-{i}", "kind": "article", "state": "published", "texts": {"en": {"title": f"Matter {i}", "text": "words of it " * 40 + f"needle{i}"}}} for i in range(300)]
    for at in range(0, 300, 100):
        assert (await w.call("POST", "articles/import", body={"items": items[at:at + 100]}))[1]["made"] == 100
    began = time.monotonic()
    assert (await w.found("izmir", q="needle217"))[0] == ["many-217"]
    assert time.monotonic() - began < 0.5


async def test_every_call_was_tried(w):
    assert not w.api.missing("articles"), w.api.missing("articles")


if __name__ == "__main__":
    run_shared(World, [v for k, v in list(globals().items()) if k.startswith("test_")])
