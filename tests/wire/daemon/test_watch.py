#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The dashboard and the alert rules ask for metrics that a daemon really tells, with the labels that it gives them."""
import json
import os
import re
import sys

import parley as p
from look import metrics, wait

FOLDER = os.path.join(p.TOP, "gateway", "package", "watch")
NAME = re.compile(r"\b((?:parley|process)_[a-z_]+)\b")
# Told once something of the kind has happened; the code that counts it is looked for instead.
LATER = {"parley_messages_failed_total", "parley_messages_unknown_total", "parley_quarantined_total", "parley_refused_total", "parley_sends_retried_total",
         "parley_offers_total", "parley_offers_refused_total", "parley_assign_decision_seconds", "parley_messages_sent_total", "parley_backup_last_seconds"}


def asked():
    """Every expression of both files."""
    with open(os.path.join(FOLDER, "grafana.json"), encoding="utf-8") as f:
        board = json.load(f)
    out = [t["expr"] for panel in board["panels"] for t in panel["targets"]]
    with open(os.path.join(FOLDER, "rules.yml"), encoding="utf-8") as f:
        out += re.findall(r"^\s+expr: (.+)$", f.read(), re.M)
    return out


def counted_in_code(name):
    for folder in ("gateway", "router"):
        for root, dirs, files in os.walk(os.path.join(p.TOP, folder)):
            dirs[:] = [d for d in dirs if d != "node_modules"]
            for each in files:
                if each.endswith(".c"):
                    with open(os.path.join(root, each), encoding="utf-8") as f:
                        if f'"{name}"' in f.read():
                            return True
    return False


def main():
    names = {n for e in asked() for n in NAME.findall(e)}
    names = {re.sub(r"_bucket$", "", n) for n in names}
    assert len(names) > 15, names
    with p.Parley() as d:
        d.apply(p.operation(d))
        wait(lambda: d.write("tel:+905551112233", "I want to register", id="m1") == 200, 10)
        wait(lambda: any(k.startswith("parley_disk_bytes") for k in metrics(d)), 10)
        there = {re.sub(r"_(bucket|sum|count)$", "", k.split("{")[0]) for k in metrics(d)}
    missing = [n for n in sorted(names) if n not in there and not (n in LATER and counted_in_code(n))]
    assert not missing, missing
    print(f"ok {len(names)} metrics are told")
    print("1 passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
