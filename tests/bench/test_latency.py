# SPDX-License-Identifier: Apache-2.0
"""From a webhook's 200 to the frame on the socket of the agent who holds the thread: nine hundred people write about once a second each,
open loop, to ten agents with ninety threads each. Three runs."""
import asyncio
import os
import time

import bench as b
import parley as p

SECONDS = float(os.environ.get("PARLEY_BENCH_SECONDS", 60))
RATE, AGENTS, EACH = 1000, 10, 90


def document(d):
    doc = p.operation(d)
    doc["agents"] = [{"login": f"agent{i}", "name": f"Agent {i}", "team": "counselling", "roles": ["agent"], "areas": ["tr"],
                      "languages": {"ar": 5}, "topics": ["*"], "capacity": {"chat": 100}} for i in range(AGENTS)]
    return doc


async def hold_all(d, tokens):
    """Everybody writes once, and the agents accept what they are offered until all threads are held."""
    sockets = [await p.AgentSocket(d, t).open() for t in tokens]
    writing = asyncio.get_running_loop().run_in_executor(None, lambda: b.webhooks(d, AGENTS * EACH / 250, AGENTS * EACH, 16, rate=250))
    held, end = 0, time.monotonic() + 60
    while held < AGENTS * EACH and time.monotonic() < end:
        for s in sockets:
            for frame in [f for f in s.frames if f["type"] == "thread.offered"]:
                s.frames.remove(frame)
                held += (await s.ask("accept", thread=frame["thread"]["id"]))["type"] == "ok"
        await asyncio.sleep(0.05)
    await writing
    for s in sockets:
        await s.close()
    return held


def once(profile=False):
    d = p.Parley().start()
    try:
        d.apply(document(d))
        tokens = [d.token(agent=f"agent{i}", role="agent") for i in range(AGENTS)]
        held = asyncio.run(hold_all(d, tokens))
        worker = d.workers()[0]
        look = b.Profile(worker) if profile else None
        before = b.cpu(worker)
        r = b.load("latency", d.port, d.secret, 64, 10 if profile else SECONDS, AGENTS * EACH, 300, RATE, "demo", *tokens)
        if profile:
            return look.text()
        r["us"], r["held"] = (b.cpu(worker) - before) / r["done"] * 1e6, held
        return r
    finally:
        d.close()


def main():
    goals, runs = b.Goals(), []
    for _ in range(3):
        r = once()
        runs.append(r)
        print(f"  {r['held']} threads held; {r['done']} messages, {r['refused'] + r['errors']} refused, the 200 after p50 {r['p50_ms']:.2f} p99 "
              f"{r['p99_ms']:.2f} ms; {r['told']} frames ({r['lost']} missing) {r['told_p50_ms']:.2f} ms later, p99 {r['told_p99_ms']:.2f}, "
              f"p99.9 {r['told_p999_ms']:.2f}, at most {r['told_max_ms']:.2f}; {r['us']:.0f} us of the worker a message", flush=True)
    goals.check("frames that never came, of all", b.median([r["lost"] / max(1, r["done"]) for r in runs]), 0)
    goals.check("webhooks that were refused", b.median([r["refused"] + r["errors"] for r in runs]), 0)
    goals.check("from the 200 to the frame, p99", b.median([r["told_p99_ms"] for r in runs]), 20, " ms", profile=lambda: once(True))
    goals.end()


if __name__ == "__main__":
    main()
