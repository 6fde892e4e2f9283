# SPDX-License-Identifier: Apache-2.0
"""People's rights: all about a person for that person, an erasure that can be proved, who saw what, and a record of processing in which
nothing that is stored is missing."""
import datetime
import hashlib
import json
import os
import re
import subprocess

import parley as p
from look import eventually, redis_of, run_shared, threads, upload
from openapi import Api

OPS = "/api/v1/ops/{op}/"
SECRET = "zqsealedzq"


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class World:
    async def open(self):
        self.d = d = p.Parley().start()
        doc = p.operation(d)
        doc["topics"].append({"id": "abuse", "name": {"en": "Abuse"}, "words": {"en": [SECRET]}, "clearance": 2})
        for a in doc["agents"]:
            a["areas"] = []
        d.apply(doc)
        self.api = Api(d)
        self.agent, self.boss = d.token(role="agent", agent="amal"), d.token(role="supervisor", agent="selin", clearance=1)
        self.focal, self.admin = d.token(role="focal", agent="nadia", clearance=2), d.token(role="administrator", agent="root")
        self.eraser = d.token(role="administrator", clearance=2)
        self.auditor, self.root = d.token(role="auditor", clearance=2), d.token(role="integrator", clearance=2)
        return self

    async def close(self, failed):
        self.d.close()

    def call(self, method, path, token, body=None, args=None, **query):
        return self.api.call(method, OPS + path, args or {}, body, token=token, query=query or None)[:2]

    async def person(self, number, *texts):
        """Somebody who wrote these; their thread of clearance 0."""
        address = f"tel:+90555{number:07d}"
        for text in texts:
            assert self.d.write(address, text) == 200
        def found():
            status, got = self.d.api("GET", "contacts?address=" + address.replace("+", "%2B"), token=self.root)
            return status == 200 and got["items"] and got["items"][0]
        contact = await eventually(found)
        mine = [t for t in threads(self.d, self.root, contact=contact["id"])]
        return contact["id"], next((t["id"] for t in mine if t["clearance"] == 0), None), address


async def test_all_about_a_person(w):
    contact, thread, address = await w.person(1, "registration please", "zqfirstzq <script>")
    other, _, _ = await w.person(2, "zqotherzq")
    w.d.api("POST", f"threads/{thread}/assign", {"agent": "amal"}, w.root)
    w.d.api("POST", f"threads/{thread}/entries", {"kind": "note", "text": "zqnotezq"}, w.root)
    w.d.api("POST", f"threads/{thread}/entries", {"kind": "message", "text": "zqanswerzq"}, w.agent)
    assert w.d.write(address, SECRET) == 200
    await eventually(lambda: len(threads(w.d, w.root, contact=contact)) == 2)
    status, mine = w.call("POST", "contacts/{id}/export", w.admin, {}, {"id": contact})
    assert status == 200, mine
    text = json.dumps(mine)
    assert mine["contact"]["addresses"][0]["address"] == address and len(mine["threads"]) == 1
    for word in ("zqfirstzq", "zqnotezq", "zqanswerzq"):
        assert word in text, word
    assert SECRET not in text and "zqotherzq" not in text and "amal" not in text and "Amal" not in text and "guessed" not in text
    assert {"you", "staff"} >= {a["by"] for a in mine["audit"]} - {"system"}
    status, sealed = w.call("POST", "contacts/{id}/export", w.focal, {}, {"id": contact})
    assert SECRET in json.dumps(sealed) and len(sealed["threads"]) == 2
    for token in (w.boss, w.agent, w.auditor, w.root):
        assert w.call("POST", "contacts/{id}/export", token, {}, {"id": contact})[0] == 403
    status, headers, html = w.d.request("POST", f"/api/v1/ops/demo/contacts/{contact}/export", {"format": "html"}, token=w.admin)
    html = html.decode()
    assert status == 200 and "sandbox" in headers["Content-Security-Policy"] and "zqfirstzq &lt;script>" in html and "<script" not in html and SECRET not in html
    assert w.call("POST", "contacts/{id}/export", w.admin, {"format": "pdf"}, {"id": contact})[0] == 400
    assert w.call("POST", "contacts/{id}/export", w.admin, {}, {"id": "a" * 26})[0] == 404
    lines = [(a["actor"], a["object"]) for a in listed_audit(w) if a["action"] == "contact.export"]
    assert len(lines) == 3 and {o for _, o in lines} == {"contact:" + contact}


async def test_into_a_folder_with_files(w):
    contact, thread, _ = await w.person(3, "registration")
    blob = upload(w.d, w.root, b"zqfilezq" * 40000, "text/plain", "plan.txt")
    blob = blob["id"] if isinstance(blob, dict) else blob
    status, entry = w.d.api("POST", f"threads/{thread}/entries", {"kind": "message", "text": "here", "attachments": [blob]}, w.root)
    assert status == 201, entry
    folder = os.path.join(w.d.dir, "about")
    out = w.d.tool("subject", "export", "demo", contact, folder)
    assert "1 conversations and 1 files" in out
    doc = json.load(open(os.path.join(folder, "data.json")))
    attachment = doc["threads"][0]["entries"][-1]["attachments"][0]
    assert attachment["name"] == "plan.txt" and "key" not in attachment
    assert open(os.path.join(folder, "attachments", attachment["id"]), "rb").read() == b"zqfilezq" * 40000
    assert "registration" in open(os.path.join(folder, "about-you.html")).read() and os.stat(folder).st_mode & 0o77 == 0
    again = w.d.tool("subject", "export", "demo", contact, folder, ok=False)
    assert again.returncode == 1 and "must be new" in again.stderr


async def test_an_erasure_is_certified(w):
    contact, thread, address = await w.person(4, "registration", "and again")
    status, got = w.call("POST", "erase", w.eraser, {"contact": contact})
    assert status == 200, got
    mine = got["certificate"]
    assert mine["threads"] == 1 and mine["entries"] == 2 and mine["addresses"] == 1 and got["key_backups_expire"] == mine["key_backups_expire"]
    assert mine["certificate"] == mine["ledger"]["hash"] == hashlib.sha256(contact.encode()).hexdigest()[:32]
    text = json.dumps(mine)
    assert contact not in text and address[4:] not in text
    assert w.call("GET", "erasures/{id}", w.admin, args={"id": mine["certificate"]}) == (200, mine)
    assert mine in w.call("GET", "erasures", w.auditor)[1]["items"]
    assert w.call("GET", "erasures/{id}", w.admin, args={"id": "0" * 32})[0] == 404 and w.call("GET", "erasures", w.boss)[0] == 403
    assert w.call("POST", "erase", w.eraser, {"contact": contact})[1]["certificate"] == mine  # again: that of the first time
    assert json.loads(w.d.tool("--json", "certificates", "demo", mine["certificate"]))["report"] == mine
    assert mine["certificate"] in w.d.tool("certificates", "demo")
    # its hash is in the audit, whose chain fits, with the root that the certificate names
    line = next(a for a in listed_audit(w) if a["action"] == "erasure.certificate")
    exact = json.dumps(mine, separators=(",", ":"), ensure_ascii=False)
    assert line["detail"] == "sha256=" + hashlib.sha256(exact.encode()).hexdigest()
    assert w.d.tool("audit", "verify", "demo", "--root", mine["audit"]["root"], ok=False).returncode == 0 or not mine["audit"]["root"]
    assert w.call("POST", "contacts/{id}/export", w.admin, {}, {"id": contact})[0] == 404


async def test_who_saw_whom(w):
    begin = now()
    people = [await w.person(10 + i, "registration") for i in range(3)]
    for contact, thread, _ in people[:2]:
        for _ in range(3):  # one line for an hour
            assert w.d.api("GET", f"threads/{thread}/entries", token=w.boss)[0] == 200
    sealed, _, address = await w.person(20, "hello", SECRET)
    w.d.api("GET", f"contacts/{people[2][0]}", token=w.focal)
    secret = next(t["id"] for t in threads(w.d, w.root, contact=sealed) if t["clearance"] == 2)
    assert w.d.api("GET", f"threads/{secret}/entries", token=w.focal)[0] == 200
    w.call("POST", "contacts/{id}/export", w.focal, {}, {"id": sealed})
    status, got = w.call("GET", "breach", w.auditor, **{"from": begin})
    assert status == 200, got
    by = {a["actor"]: a for a in got["actors"]}
    assert by["selin"]["persons"] == {"open": 2, "confidential": 0, "sensitive": 0} and by["selin"]["threads"] == 2, by
    assert by["nadia"]["persons"] == {"open": 1, "confidential": 0, "sensitive": 1} and by["nadia"]["exports"] == 1, by
    only = w.call("GET", "breach", w.auditor, user="selin", **{"from": begin, "to": now()})[1]
    assert [a["actor"] for a in only["actors"]] == ["selin"] and only["persons"]["open"] == 2
    who = w.call("GET", "breach", w.auditor, contact=people[0][0])[1]
    assert "selin" in {a["actor"] for a in who["actors"]} and "nadia" not in {a["actor"] for a in who["actors"]}
    assert who["persons"] == {"open": 1, "confidential": 0, "sensitive": 0}
    assert w.call("GET", "breach", w.auditor, **{"from": now()})[1]["actors"] == []
    assert w.call("GET", "breach", w.boss)[0] == 403 and w.call("GET", "breach", w.auditor, **{"from": "yesterday"})[0] == 400
    told = json.loads(w.d.tool("--json", "breach", "demo", "--from", begin, "--user", "selin"))["report"]
    assert told["persons"]["open"] == 2
    reads = [a for a in listed_audit(w) if a["action"] == "thread.read" and a["actor"] == "selin"]
    assert len(reads) <= 4  # two threads, and an hour may have ended


def covers(name, pattern):
    return name == pattern or (pattern.endswith(":*") and name.startswith(pattern[:-1])) or pattern == "*"


async def test_nothing_stored_is_missing_in_the_record_of_processing(w):
    """Every key and every field of both servers, after all that this file did, is in the table that the record is made from."""
    status, got = w.call("GET", "processing", w.auditor)
    assert status == 200 and w.call("GET", "processing", w.agent)[0] == 403
    missing = set()
    for server in ("data", "keys"):
        rows = [r for r in got["stored"] if r["server"] == server]
        r = redis_of(w.d, server)
        for key in r.scan_iter("p:{*"):
            name = key.split(b"}:", 1)[1].decode("latin-1")
            fit = sorted((x for x in rows if covers(name, x["name"])), key=lambda x: -len(x["name"]))
            if not fit or (server == "data" and fit[0]["name"] == "*"):
                missing.add(f"{server} {name.split(':')[0]}")
                continue
            known = fit[0]["fields"].split()
            kind = r.type(key)
            fields = set(r.hkeys(key)) if kind == b"hash" else {f for _, e in r.xrange(key, count=200) for f in e} if kind == b"stream" else set()
            for f in fields:
                f = f.decode("latin-1")
                if not any(f == k or (k.endswith("*") and f.startswith(k[:-1])) for k in known):
                    missing.add(f"{server} {fit[0]['name']} {f!r}")
    assert not missing, sorted(missing)
    kinds = {r["kind"] for r in got["records"]}
    stored = {k.split(b":rec:")[1].split(b":")[0].decode() for k in redis_of(w.d, "data").scan_iter("p:{*}:rec:*")}
    assert stored <= kinds and {"certificate", "matter", "alert"} <= kinds
    assert all(r[m] for r in got["stored"] + got["records"] for m in ("what", "why", "key", "how_long"))
    text = w.d.tool("processing", "demo")
    assert text.startswith("# Record of processing: demo") and all(f"`{r['name']}`" in text for r in got["stored"])
    assert [m for m in w.api.missing("reports") if "reports:" not in m] == []


async def test_every_family_in_the_sources_is_in_it(w):
    """What no test happens to store: the names of keys in the store's functions and C files, and fields of threads, contacts and users."""
    rows = [r for r in w.call("GET", "processing", w.auditor)[1]["stored"] if r["server"] == "data"]
    names, fields = set(), {}
    folder = os.path.join(p.TOP, "store", "functions")
    for name in os.listdir(folder):
        source = open(os.path.join(folder, name), encoding="utf-8").read()
        names |= {n for n in re.findall(r"\bK \.\. '([a-z_]+:?)", source)}
        for family, args in re.findall(r"call\('(?:HSET|HSETNX|HINCRBY)', K \.\. '(thread|contact|user|sess|token):' \.\. [a-z_.\[\]0-9]+, ([^)]*)\)", source):
            fields.setdefault(family, set()).update(re.findall(r"'([a-z]{1,2}[0-9]?)'", args.split(",")[0]))
    assert len(names) > 50
    gone = [n for n in sorted(names) if not any(r["name"].rstrip("*") == n or r["name"] == n or r["name"] == n + "*" for r in rows)]
    assert gone == [], gone
    for family, found in fields.items():
        known = next(r for r in rows if r["name"] == family + ":*")["fields"].split()
        assert not [f for f in found if f not in known and "*" not in known and not any(k.startswith(f) for k in known)], (family, found)


def listed_audit(w):
    out, after = [], ""
    while True:
        status, page = w.d.api("GET", f"audit?limit=200&after={after}", token=w.auditor)
        assert status == 200, page
        out += page["items"]
        if len(page["items"]) < 200:
            return out
        after = page["items"][-1]["id"]


run_shared(World, [f for n, f in list(globals().items()) if n.startswith("test_")])
