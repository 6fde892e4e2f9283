#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing acknowledged is lost: parleyd and Redis are killed with -9 at random moments under load, again and again, and everything is counted
afterwards. Every message that got its 200 stands exactly once in its thread, in order; every reply of an agent that was acknowledged was sent once.
Where a send can't be repeated without harm (Telegram) it is tried once: what was cut off is told as unknown."""
import json
import os
import random
import signal
import sys
import threading
import time
import http.client

import asyncio
import parley as p

sys.path.insert(0, os.path.join(p.TOP, "tests", "peers"))
from telegram_double import TelegramDouble  # noqa: E402

ROUNDS = int(os.environ.get("PARLEY_FAULT_ROUNDS", "20"))
PEOPLE = 12
SEED = int(os.environ.get("PARLEY_FAULT_SEED", str(int(time.time()))))


class Person(threading.Thread):
    """Writes numbered messages, each until it is acknowledged, as a provider does: the same id again and again."""

    def __init__(self, d, n, stop):
        super().__init__(daemon=True)
        self.d, self.n, self.stop = d, n, stop
        self.address = f"tel:+90555000{n:04d}"
        self.acked = 0
        self.tries = 0

    def post(self, body):
        c = http.client.HTTPConnection("127.0.0.1", self.d.port, timeout=10)
        try:
            c.request("POST", "/hooks/demo/app", body, self.d.signed(body))
            return c.getresponse().status
        finally:
            c.close()

    def run(self):
        while not self.stop.is_set():
            i = self.acked
            body = json.dumps({"messages": [{"id": f"{self.n}-{i}", "from": {"address": self.address}, "text": f"message {i} of person {self.n}"}]}).encode()
            while True:
                self.tries += 1
                try:
                    status = self.post(body)
                except OSError:
                    status = 0
                except http.client.HTTPException:
                    status = 0
                if status == 200:
                    self.acked += 1
                    break
                assert status in (0, 503, 500, 429), status
                if self.stop.is_set():
                    return
                time.sleep(0.02)


class Agent(threading.Thread):
    """Answers by REST with a ref of its own until it is acknowledged."""

    def __init__(self, d, token, threads, stop):
        super().__init__(daemon=True)
        self.d, self.token, self.threads, self.stop = d, token, threads, stop
        self.acked = []

    def run(self):
        i = 0
        while not self.stop.is_set():
            thread = self.threads[i % len(self.threads)]
            text = f"answer {i}"
            while not self.stop.is_set():
                try:
                    status, body = self.d.api("POST", f"threads/{thread}/entries", {"kind": "message", "text": text, "ref": f"r{i}"}, token=self.token)
                except (OSError, ValueError, http.client.HTTPException):
                    status = 0
                if status in (200, 201):
                    self.acked.append((thread, body["id"], text))
                    break
                time.sleep(0.03)
            i += 1
            time.sleep(0.03)


def kill_something(d, rng):
    what = rng.choice(["worker", "worker", "redis", "redis", "all"])
    if what == "worker":
        for pid in d.workers():
            os.kill(pid, signal.SIGKILL)
    elif what == "redis":
        pids = d.pids("redis-server")
        if pids:
            os.kill(rng.choice(pids), signal.SIGKILL)
    else:
        d.kill()
        d.start(wait=0)
    d.wait_ready(60)
    return what


def all_entries(d, token, thread):
    items, after = [], 0
    while True:
        status, page = d.api("GET", f"threads/{thread}/entries?after={after}&limit=200", token=token)
        assert status == 200, (status, page)
        if not page["items"]:
            return items
        items += page["items"]
        after = page["items"][-1]["seq"]


def count_people(d, token, people):
    entries = 0
    for person in people:
        _, found = d.api("GET", "contacts?address=" + person.address.replace("+", "%2B"), token=token)
        assert len(found["items"]) == 1, (person.address, found)
        threads = found["items"][0]["threads"]
        assert len(threads) == 1, f"{person.address} has {len(threads)} threads"
        items = all_entries(d, token, threads[0]["id"])
        assert [e["seq"] for e in items] == list(range(1, len(items) + 1)), "a gap in the numbers"
        texts = [e["text"] for e in items if e["kind"] == "message" and e["direction"] == "in"]
        want = [f"message {i} of person {person.n}" for i in range(person.acked)]
        extra = texts[len(want):]  # stored, but the answer was cut off: at most the one under way
        assert texts[:len(want)] == want, f"{person.address}: {len(texts)} entries, {len(want)} acknowledged; first difference at " + str(
            next((i for i, (a, b) in enumerate(zip(texts, want)) if a != b), min(len(texts), len(want))))
        assert extra in ([], [f"message {person.acked} of person {person.n}"]), extra
        entries += len(texts)
    return entries


async def nothing_acknowledged_is_lost():
    print(f"seed {SEED}, {ROUNDS} rounds", flush=True)
    rng = random.Random(SEED)
    r = await p.Receiver().start()
    loop = asyncio.get_running_loop()
    d = p.Parley({"log_level": "warn"}).start()
    try:
        doc = p.operation(d)
        doc["channels"][1]["settings"]["url"] = r.url
        d.apply(doc)
        token = d.token(role="integrator")
        stop = threading.Event()
        people = [Person(d, n, stop) for n in range(PEOPLE)]

        def load():
            for person in people:
                person.start()
            while any(person.acked == 0 for person in people):
                time.sleep(0.05)
            _, listed = d.api("GET", "threads?limit=200", token=token)
            threads = [t["id"] for t in listed["items"]]
            agent = Agent(d, token, threads, stop)
            agent.start()
            for i in range(ROUNDS):
                time.sleep(rng.uniform(0.05, 1.0))
                what = kill_something(d, rng)
                print(f"round {i + 1}: {what}; {sum(x.acked for x in people)} in, {len(agent.acked)} out", flush=True)
            time.sleep(0.5)
            stop.set()
            for t in [*people, agent]:
                t.join(30)
            return agent

        agent = await loop.run_in_executor(None, load)
        entries = await loop.run_in_executor(None, count_people, d, token, people)
        print(f"{sum(x.acked for x in people)} acknowledged in {sum(x.tries for x in people)} tries, {entries} entries: none lost, none twice", flush=True)

        # Replies: each acknowledged one reaches the provider (http is idempotent: the same webhook-id on every try, so a receiver dedupes).
        end = time.time() + 60
        want = {i for _, i, _ in agent.acked}
        while time.time() < end:
            have = {g["json"]["data"]["id"] for g in r.got if g["json"]["type"] == "message.send"}
            if want <= have:
                break
            await asyncio.sleep(0.2)
        missing = want - have
        assert not missing, f"{len(missing)} of {len(want)} replies were never sent"
        by_id = {}
        for g in r.got:
            if g["json"]["type"] == "message.send":
                by_id.setdefault(g["json"]["data"]["id"], set()).add((g["headers"].get("webhook-id"), g["json"]["data"]["text"]))
        assert all(len(v) == 1 for v in by_id.values()), "the same entry under two webhook ids or with two texts"
        texts = [next(iter(v))[1] for v in by_id.values() if next(iter(v))[1].startswith("answer ")]
        assert len(texts) == len(set(texts)), "an answer became two entries"
        print(f"{len(want)} replies, {len(r.got)} requests", flush=True)
    except BaseException:
        sys.stderr.write(d.tail() + "\n")
        raise
    finally:
        d.close()
        await r.stop()


def outcomes(d, token, threads):
    """{text: [status, …]} of the answers in all threads."""
    found = {}
    for t in threads:
        for e in all_entries(d, token, t):
            if e["kind"] == "message" and e["direction"] == "out" and e["text"].startswith("answer "):
                found.setdefault(e["text"], []).append(e["status"])
    return found


def a_reply_is_sent_once_or_told_as_unknown():
    print(f"seed {SEED}, {ROUNDS} rounds", flush=True)
    rng = random.Random(SEED)
    tg = TelegramDouble().start()
    d = p.Parley({"log_level": "warn"}).start()
    try:
        doc = p.operation(d)
        doc["channels"].append({"id": "tg", "connector": "telegram", "settings": {"token": tg.token, "mode": "poll", "api": tg.url}})
        d.apply(doc)
        token = d.token(role="integrator")
        for chat in range(5001, 5001 + PEOPLE):
            tg.write(chat, "I want to register")
        end = time.time() + 30
        while len(threads := [t["id"] for t in d.api("GET", "threads?limit=200", token=token)[1]["items"]]) < PEOPLE:
            assert time.time() < end, threads
            time.sleep(0.1)
        tg.fault("sendMessage", "slow", times=10**9, seconds=0.3)  # so that many answers are under way when something dies
        stop = threading.Event()
        agent = Agent(d, token, threads, stop)
        agent.start()
        for i in range(ROUNDS):
            time.sleep(rng.uniform(0.3, 1.2))
            what = kill_something(d, rng)
            print(f"round {i + 1}: {what}; {len(agent.acked)} acknowledged", flush=True)
        stop.set()
        agent.join(30)
        tg.faults.clear()
        end = time.time() + 120
        have = outcomes(d, token, threads)
        while any("stored" in v for v in have.values()):
            assert time.time() < end, {k: v for k, v in have.items() if "stored" in v}
            time.sleep(0.5)
            have = outcomes(d, token, threads)
        tried = {}
        for call in list(tg.calls):
            if call.method == "sendMessage" and call.text and call.text.startswith("answer "):
                tried[call.text] = tried.get(call.text, 0) + 1
        assert not [t for t, n in tried.items() if n > 1], f"sent twice: {[t for t, n in tried.items() if n > 1][:5]}"
        assert all(len(v) == 1 for v in have.values()), "an answer became two entries"
        missing = [t for _, _, t in agent.acked if t not in have]
        assert not missing, missing[:5]
        count = {}
        for text, (status,) in have.items():
            count[status] = count.get(status, 0) + 1
            assert status in ("sent", "delivered", "read", "unknown"), (text, status)
            assert status == "unknown" or tried.get(text) == 1, f"{text} is told as {status}, and was never sent"
        reached = sum(1 for text, (status,) in have.items() if status == "unknown" and text in tried)
        print(f"{len(agent.acked)} acknowledged, {count}; of the unknown {reached} had reached the provider; none twice", flush=True)
        assert ROUNDS < 10 or reached, "no answer was ever cut off: this has proved nothing"
    except BaseException:
        sys.stderr.write(d.tail() + "\n")
        raise
    finally:
        d.close()
        tg.stop()


if __name__ == "__main__":
    p.run([nothing_acknowledged_is_lost, a_reply_is_sent_once_or_told_as_unknown])
