# SPDX-License-Identifier: Apache-2.0
"""Calls the API and compares every answer with gateway/api/openapi: status, content type, schema. Remembers what was called."""
import datetime
import json
import os
import re
import urllib.parse

import jsonschema

import parley as p



def _document():
    """The parts joined, as the daemon serves them."""
    whole = {}
    folder = os.path.join(p.TOP, "gateway", "api", "openapi")
    for name in sorted(os.listdir(folder), key=lambda each: (each != "core.json", each)):
        if not name.endswith(".json"):
            continue
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            part = json.load(f)
        if not whole:
            whole = part
            continue
        for path, item in part.get("paths", {}).items():
            whole["paths"].setdefault(path, {}).update(item)
        for kind, named in part.get("components", {}).items():
            whole["components"].setdefault(kind, {}).update(named)
    return whole


DOCUMENT = _document()
VERBS = ("get", "post", "put", "patch", "delete")
RESOLVER = jsonschema.RefResolver.from_schema(DOCUMENT)
CHECKER = jsonschema.FormatChecker(formats=())
_validators = {}


@CHECKER.checks("date-time")
def _date_time(value):
    """RFC 3339 in UTC."""
    if not isinstance(value, str):
        return True
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value):
        return False
    datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    return True


def operations(part="core"):
    """("GET", "/api/v1/…") of everything that a part of the document has."""
    with open(os.path.join(p.TOP, "gateway", "api", "openapi", part + ".json"), encoding="utf-8") as f:
        paths = json.load(f)["paths"]
    return [(v.upper(), path) for path, item in paths.items() for v in item if v in VERBS]


def validate(schema, value, where):
    key = json.dumps(schema, sort_keys=True)
    if key not in _validators:
        _validators[key] = jsonschema.Draft202012Validator(schema, resolver=RESOLVER, format_checker=CHECKER)
    wrong = next(_validators[key].iter_errors(value), None)
    assert wrong is None, f"{where}: {'/'.join(map(str, wrong.absolute_path))}: {wrong.message[:400]}"


class Api:
    """call("GET", "/api/v1/ops/{op}/threads/{thread}", {"thread": id}, token=…) → (status, JSON or bytes, headers)."""

    def __init__(self, d, op="demo"):
        self.d, self.op, self.seen = d, op, {}

    def call(self, method, template, args=None, body=None, token=None, query=None, headers=None, raw=None):
        path = template
        for name, value in {"op": self.op, **(args or {})}.items():
            path = path.replace("{" + name + "}", urllib.parse.quote(str(value), safe=""))
        if query:
            path += "?" + urllib.parse.urlencode(query)
        h = {"Accept": "application/json", **(headers or {})}
        if method in ("POST", "PATCH") and body is None and raw is None:
            raw, h = b"", {"Content-Type": "application/json", **h}
        status, got, data = self.d.request(method, path, body if raw is None else raw, h, token)
        self.check(method, template, status, got, data)
        return status, json.loads(data) if "json" in (got["Content-Type"] or "") and data else data, got

    def check(self, method, template, status, headers, data):
        where = f"{method} {template} → {status}"
        spec = DOCUMENT["paths"][template][method.lower()]
        answer = spec["responses"].get(str(status))
        self.seen.setdefault((method, template), set()).add(status)
        assert answer or status >= 400, f"{where}: not in the document: {data[:200]}"
        answer = answer or spec["responses"]["default"]
        content = answer.get("content")
        if not content:
            assert not data or status == 206, f"{where}: no body is wanted: {data[:100]}"
            return
        type = (headers["Content-Type"] or "").split(";")[0].strip()
        kind = content.get(type) or content.get("*/*")
        assert kind, f"{where}: {type} instead of {list(content)}"
        if "*/*" in content:
            return
        value = json.loads(data)
        validate(kind["schema"], value, where)
        assert headers["X-Content-Type-Options"] == "nosniff", where
        if status >= 400:
            assert type == "application/problem+json" and value["status"] == status, f"{where}: {value}"
            assert value["title"] and "\n" not in value.get("detail", ""), value
        elif "openapi" not in template:
            assert headers["Cache-Control"] == "no-store", f"{where}: {headers['Cache-Control']}"

    def missing(self, part="core"):
        """What of a part was never answered with success, or never with an error. Each part has a test that asks."""
        return [f"{m} {t}: {sorted(self.seen.get((m, t), []))}" for m, t in operations(part)
                if not any(s < 400 for s in self.seen.get((m, t), [])) or not any(s >= 400 for s in self.seen.get((m, t), []))]
