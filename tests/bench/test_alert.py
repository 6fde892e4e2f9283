#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long after a red alert was raised its first notice is with the channel's provider: 200 alerts, ten at a time, as drills over 20 areas (like
events would be told as one). The goal is ten seconds for 99 of 100."""
import asyncio
import json
import os
import sys
import time
from datetime import datetime

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import parley as p

GOAL_S = 10.0
KINDS = "death detention removal missing medical violence child selfharm disaster other".split()


def at(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


async def main():
    receiver = await p.Receiver().start()
    d = p.Parley()
    d.start()
    doc = p.operation(d, areas=[{"id": "tr", "name": {"en": "tr"}}, {"id": "tr/izmir", "name": {"en": "Izmir"}}] + [{"id": f"tr/{i}", "name": {"en": str(i)}} for i in range(20)],
                      alerts={"duty": [{"login": "selin", "ways": [{"channel": "app", "address": "tel:+905550000001"}]}]})
    doc["channels"][1]["settings"]["url"] = receiver.url
    d.apply(doc)
    token, raised, took = d.token(role="administrator"), {}, []

    async def one(i):
        began = time.monotonic()
        status, a = await asyncio.to_thread(d.api, "POST", "alerts", {"category": KINDS[i % 10], "drill": True, "area": f"tr/{i // 10}"}, token)
        assert status == 201, (status, a)
        raised[a["code"]] = began

    came = set()
    for start in range(0, 200, 10):
        await asyncio.gather(*(one(i) for i in range(start, start + 10)))
    end = time.monotonic() + 30
    while time.monotonic() < end and len(came) < len(raised):
        told = " ".join(g["json"].get("data", {}).get("text", "") for g in receiver.got)
        came = {code for code in raised if code in told}
        await asyncio.sleep(0.1)
    status, listed = await asyncio.to_thread(d.api, "GET", "alerts?drill=true&limit=200", None, d.token(role="supervisor", agent="selin", clearance=1))
    took = sorted(at(a["first_notice"]) - at(a["raised"]) for a in listed["items"] if a["first_notice"])
    p99 = took[len(took) * 99 // 100 - 1] if took else float("inf")
    print(json.dumps({"alerts": len(raised), "told": len(came), "median_s": round(took[len(took) // 2], 3) if took else None, "p99_s": round(p99, 3), "most_s": round(took[-1], 3) if took else None}))
    d.close()
    await receiver.stop()
    good = len(came) == len(raised) == 200 and p99 <= GOAL_S
    print(f"{int(good)} passed, {int(not good)} failed")
    sys.exit(not good)


if __name__ == "__main__":
    asyncio.run(main())
