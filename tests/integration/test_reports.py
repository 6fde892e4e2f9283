# SPDX-License-Identifier: Apache-2.0
"""Reports against plain counts: a random history through the doors, and forty thousand lines over a change of clocks and the ends of
months; what is hidden, who is told what, and that it is quick."""
import csv
import datetime
import io
import json
import random
import time
import zoneinfo

import parley as p
from look import eventually, redis_of, run_shared, threads
from openapi import Api

REPORTS = "/api/v1/ops/{op}/reports"
FIELDS = "op s since fa fr rs cl st pr nt nr nx lt lh tp ar ch oc tm mt".split()
ZONE = zoneinfo.ZoneInfo("Europe/Berlin")
STEPS = [(5, "1-under-5-min"), (15, "2-5-to-15-min"), (60, "3-15-to-60-min"), (240, "4-1-to-4-h"), (1440, "5-4-to-24-h"), (10080, "6-1-to-7-days")]
K = 5


class World:
    async def open(self):
        self.d = d = p.Parley().start()
        doc = p.operation(d, timezone="Europe/Berlin")
        for a in doc["agents"]:
            a["areas"] = []
        doc["agents"].append({"login": "izmir", "name": "İ", "team": "counselling", "roles": ["supervisor"], "areas": ["tr/izmir"], "languages": {"tr": 5},
                              "topics": ["*"], "capacity": {"chat": 0}})
        d.apply(doc)
        self.api = Api(d)
        self.boss = d.token(role="supervisor", agent="selin", clearance=1)
        self.focal = d.token(role="focal", agent="nadia", clearance=2)
        self.izmir = d.token(role="supervisor", agent="izmir", clearance=1)
        self.agent = d.token(role="agent", agent="amal")
        self.root = d.token(role="integrator", clearance=2)
        self.facts = []
        self.fill()
        return self

    async def close(self, failed):
        self.d.close()

    def fill(self):
        """Lines as the store folds them (their form is tested in tests/wire/functions/test_facts.py), around the ends of summer time."""
        rng, r = random.Random(11), redis_of(self.d, "data")
        pipe = r.pipeline()
        first = int(datetime.datetime(2025, 9, 20, tzinfo=ZONE).timestamp() * 1000)
        for i in range(40000):
            op = first + rng.randrange(80 * 86400000)
            f = dict.fromkeys(FIELDS, "")
            fa = rng.choice(["", rng.randrange(60000)])
            fr = "" if fa == "" else fa + rng.randrange(60000)
            rs = "" if fr == "" or rng.random() < 0.2 else fr + int(10 ** rng.uniform(4, 9))
            f.update(op=op, s=3, fa=fa, fr=fr, rs=rs, cl=rng.choices([0, 1, 2], [90, 7, 3])[0], st=5 if rs != "" else 1, pr=1, lh=rng.choice([1, 3]),
                     lt=rng.choices(["ar", "fa", "prs", "so", "en"], [60, 20, 10, 9.9, 0.1])[0], tp=rng.choices(["registration", "health", ""], [70, 29, 1])[0],
                     ar=rng.choices(["tr", "tr/izmir", "gr"], [50, 45, 5])[0], ch=rng.choice(["web", "app"]), oc="" if rs == "" else rng.choice(["answered", "referred"]))
            if rng.random() < 0.3:
                f["mt"] = ";".join(rng.choice(["complaint cash ", "question housing answered", "report abuse referred"]) for _ in range(rng.randrange(1, 4)))
            self.facts.append(f)
            tid = i.to_bytes(8, "big")
            pipe.hset("p:{demo}:facts:%d:%x" % (op // 86400000, rng.randrange(16)), tid, "\t".join(str(f[k]) for k in FIELDS))
        pipe.execute()
        for f in self.facts:
            f["told"] = told(f)

    def report(self, token=None, **query):
        status, report, _ = self.api.call("GET", REPORTS, token=token or self.boss, query={"from": "2025-10-01", "to": "2025-11-30", **query})
        assert status == 200, report
        return report


# ---- the plain count ----

def told(f):
    """What a line says, in the operation's time zone."""
    local = datetime.datetime.fromtimestamp(f["op"] / 1000, ZONE)
    iso = local.isocalendar()
    minutes = None if f["rs"] == "" else f["rs"] / 60000
    return {"day": local.strftime("%Y-%m-%d"), "month": local.strftime("%Y-%m"), "week": "%04d-W%02d" % (iso[0], iso[1]), "language": f["lt"], "topic": f["tp"],
            "area": f["ar"], "channel": f["ch"], "outcome": "open" if f["st"] != 5 else f["oc"],
            "duration": "open" if minutes is None else next((n for most, n in STEPS if minutes < most), "7-over-7-days")}


def values(f, by, matter):
    out = {**f["told"], "type": matter[0], "subject": matter[1], "outcome": matter[2] or f["told"]["outcome"]} if any(matter) else {"type": "", "subject": "", **f["told"]}
    return tuple(out[b] or "none" for b in by)


def plain(w, by, clearance=1, area="", first="2025-10-01", last="2025-11-30"):
    cells, total, accepts, sealed = {}, 0, [], 0
    for f in w.facts:
        if not first <= f["told"]["day"] <= last or f["cl"] > clearance or (area and f["ar"] != area and not f["ar"].startswith(area + "/")):
            continue
        if f["cl"] == 2:
            sealed += 1
            continue
        matters = [m.split(" ") for m in f["mt"].split(";")] if f["mt"] and {"type", "subject"} & set(by) else [("", "", "")]
        for m in matters:
            key = values(f, by, m)
            cells[key] = cells.get(key, 0) + 1
            total += 1
            if f["fa"] != "":
                accepts.append(f["fa"])
    return cells, total, sorted(accepts), sealed


def hide(cells, by):
    """What may be told, found anew: from each line nothing is hidden, or two that make K."""
    hidden = {k for k, n in cells.items() if n < K}
    while True:
        more = set()
        for along in range(len(by)):
            lines = {}
            for k, n in cells.items():
                lines.setdefault(k[:along] + k[along + 1:], []).append((n, k))
            for line in lines.values():
                gone = [n for n, k in line if k in hidden]
                left = sorted((n, k) for n, k in line if k not in hidden)
                if gone and left and (len(gone) == 1 or sum(gone) < K):
                    more.add(left[0][1])
            hidden |= more
        if not more:
            return hidden


async def test_every_table_is_the_plain_count(w):
    for by in ([], ["language"], ["month", "language"], ["day"], ["week", "topic"], ["language", "topic", "channel", "outcome"], ["duration", "area"],
               ["type", "outcome"], ["subject", "language", "month"]):
        cells, total, accepts, _ = plain(w, by)
        got = w.report(by=",".join(by))
        assert got["total"]["count"] == total and got["unit"] == ("matters" if {"type", "subject"} & set(by) else "contacts"), by
        rows = {tuple(r["key"][b] for b in by): r for r in got["rows"]}
        assert set(rows) == set(cells if by else {}), by
        for key, row in rows.items():
            assert row["count"] is None or row["count"] == cells[key] >= K, (by, key, row, cells[key])
        assert all(row["count"] is not None or n < K or hide(cells, by) for (key, row), n in ((x, cells[x[0]]) for x in rows.items())), by
        for along in range(len(by)):  # no hidden one follows from its line
            lines = {}
            for key, row in rows.items():
                lines.setdefault(key[:along] + key[along + 1:], []).append((cells[key], row["count"]))
            for line in lines.values():
                gone, left = [n for n, c in line if c is None], [n for n, c in line if c is not None]
                assert not gone or not left or (len(gone) > 1 and sum(gone) >= K), (by, line)
        few, least = sum(row["count"] is None for row in rows.values()), len(hide(cells, by))
        assert few <= 2 * least + 2, (by, few, least)  # and not more than it takes
        t = got["total"]["accept"]
        assert abs(t["mean_s"] - sum(accepts) / len(accepts) / 1000) < 0.06 and abs(t["within"] - sum(a <= 20000 for a in accepts) / len(accepts)) < 0.006
        assert abs(t["p95_s"] - accepts[-(-len(accepts) * 95 // 100) - 1] / 1000) < 0.06


async def test_days_are_those_of_the_operation(w):
    # On 26 October 2025 the clocks went back at three: the day has 25 hours.
    got = {r["key"]["day"]: r["count"] for r in w.report(by="day", **{"from": "2025-10-25", "to": "2025-10-27"})["rows"]}
    for day in ("2025-10-25", "2025-10-26", "2025-10-27"):
        at = datetime.datetime.fromisoformat(day).replace(tzinfo=ZONE)
        begin, end = at.timestamp() * 1000, (at + datetime.timedelta(days=1)).timestamp() * 1000
        assert got[day] == sum(begin <= f["op"] < end and f["cl"] < 2 for f in w.facts), day
        assert end - begin == (25 if day == "2025-10-26" else 24) * 3600000
    one = w.report(by="month", **{"from": "2025-10-31", "to": "2025-11-01"})["rows"]
    assert [r["key"]["month"] for r in one] == ["2025-10", "2025-11"]


async def test_who_is_told_what(w):
    assert "sealed" not in w.report() and w.report(token=w.focal)["sealed"] == plain(w, [], clearance=2)[3]
    assert w.report(token=w.focal)["total"]["count"] == w.report()["total"]["count"]  # sealed ones are in no other number
    cells, total, _, _ = plain(w, ["area"], area="tr/izmir")
    mine = w.report(token=w.izmir, by="area")
    assert mine["total"]["count"] == total and [r["key"]["area"] for r in mine["rows"]] == ["tr/izmir"]
    assert w.report(token=w.izmir, area="gr")["total"]["count"] == 0
    assert w.report(area="tr", by="area")["total"]["count"] == plain(w, [], area="tr")[1]
    assert w.api.call("GET", REPORTS, token=w.agent, query={"from": "2025-10-01", "to": "2025-10-02"})[0] == 403
    few = w.report(**{"from": "2024-01-01", "to": "2024-01-02"})
    assert few["total"]["count"] == 0 and few["rows"] == []


async def test_questions_that_are_none(w):
    for wrong in ({"from": "2025-13-01"}, {"to": "2025-02-30"}, {"from": "2025-12-01"}, {"by": "name"}, {"by": "day,day"}, {"by": "day,week,month,topic,area"}, {"to": "2031-01-01"}):
        status, problem, _ = w.api.call("GET", REPORTS, token=w.boss, query={"from": "2025-10-01", "to": "2025-11-30", **wrong})
        assert status in (400, 413), (wrong, status, problem)
    assert w.api.call("GET", REPORTS, token=w.boss, query={"from": "2025-10-01", "to": "2025-10-02", "of": "x"})[0] == 400
    assert [m for m in w.api.missing("reports") if "/reports:" in m] == []


async def test_csv_says_the_same(w):
    status, headers, data = w.d.request("GET", "/api/v1/ops/demo/reports?from=2025-10-01&to=2025-11-30&by=month,language&format=csv&bom=1", token=w.boss)
    assert status == 200 and headers["Content-Type"] == "text/csv; charset=utf-8" and "report-2025-10-01-2025-11-30.csv" in headers["Content-Disposition"]
    assert data[:3] == b"\xef\xbb\xbf"
    table = list(csv.reader(io.StringIO(data[3:].decode())))
    report = w.report(by="month,language")
    assert table[0][:3] == ["month", "language", "contacts"] and len(table) == len(report["rows"]) + 2
    for line, row in zip(table[1:], report["rows"]):
        assert line[:2] == list(row["key"].values()) and line[2] == ("hidden" if row["count"] is None else str(row["count"]))
    assert table[-1][:3] == ["total", "total", str(report["total"]["count"])]
    tool = w.d.tool("report", "demo", "--from", "2025-10-01", "--to", "2025-11-30", "--by", "month,language", "--csv")
    assert tool.encode().replace(b"\r\n", b"\n") == data[3:].replace(b"\r\n", b"\n")
    assert json.loads(w.d.tool("report", "demo", "--from", "2025-10-01", "--to", "2025-11-30"))["total"] == report["total"]


async def test_forty_thousand_take_less_than_a_second(w):
    took = []
    for _ in range(3):
        begin = time.monotonic()
        w.report(by="language,topic,channel", **{"from": "2025-09-01", "to": "2025-12-31"})
        took.append(time.monotonic() - begin)
    print(f"a report of 40,000: {min(took) * 1000:.0f} ms")
    assert min(took) < 3  # with sanitizers on a busy machine; the release build needs a tenth


async def test_a_history_through_the_doors(w):
    """What people and agents really do is counted as entries tell it."""
    rng = random.Random(5)
    before = w.report(**{"from": today(), "to": today()})["total"]["count"]
    for i in range(24):
        assert w.d.write("tel:+9055510%05d" % i, rng.choice(["registration please", "hospital, please"])) == 200
    mine = [t for t in threads(w.d, w.root) if t["channel"] == "app"]
    assert len(mine) == 24
    for i, t in enumerate(mine):
        steps = [("assign", {"agent": "amal"}), ("entries", {"kind": "message", "text": "hello"}), ("resolve", {"outcome": "answered", "reason": "answered_in_person"})][:rng.randrange(4)]
        for verb, body in steps:
            status, answer = w.d.api("POST", f"threads/{t['id']}/{verb}", body, token=w.root)
            if status == 400 and verb == "resolve":
                status, answer = w.d.api("POST", f"threads/{t['id']}/{verb}", {"outcome": "answered"}, token=w.root)
            assert status in (200, 201), (verb, answer)
    want = {}
    now = {t["id"]: t for t in threads(w.d, w.root) if t["channel"] == "app"}
    for t in now.values():
        want[(t["topic"] or "none", t["state"])] = want.get((t["topic"] or "none", t["state"]), 0) + 1

    def same():
        report = w.report(by="topic,state", **{"from": today(), "to": today()})
        rows = {tuple(r["key"].values()): r["count"] for r in report["rows"]}
        return report["total"]["count"] == before + 24 and set(rows) == set(want) and all(n is None or n == want[k] for k, n in rows.items())
    await eventually(same)


def today():
    return datetime.datetime.now(ZONE).strftime("%Y-%m-%d")


run_shared(World, [f for n, f in list(globals().items()) if n.startswith("test_")])
