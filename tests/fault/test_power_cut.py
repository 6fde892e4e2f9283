#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A power cut: what was written but not yet synced may be gone, up to any byte. The length of each append-only file at each fsync is
recorded by a preloaded library; after a kill the files are cut at a random place behind the last such length, and everything is counted again."""
import os
import random
import subprocess
import sys
import threading
import time

import parley as p
from test_kill import Person, count_people

ROUNDS = max(3, int(os.environ.get("PARLEY_FAULT_ROUNDS", "20")) // 4)
SEED = int(os.environ.get("PARLEY_FAULT_SEED", str(int(time.time()))))


def build(d):
    lib = os.path.join(d.dir, "fsync_log.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", lib, os.path.join(p.TOP, "tests/fault/fsync_log.c"), "-ldl"], check=True)
    return lib


def synced(log):
    """The length of each file at its last sync."""
    lengths = {}
    with open(log) as f:
        for line in f:
            if line.endswith("\n") and " " in line:
                n, path = line.rstrip("\n").split(" ", 1)
                lengths[path] = int(n)
    return lengths


def cut(log, rng):
    cuts = 0
    for path, n in synced(log).items():
        if not os.path.exists(path):
            continue
        size = os.path.getsize(path)
        assert size >= n, f"{path} is shorter than it was when it was synced"
        to = rng.randint(n, size)
        cuts += size - to
        with open(path, "r+b") as f:
            f.truncate(to)
    return cuts


def what_was_synced_survives_a_power_cut():
    rng = random.Random(SEED)
    d = p.Parley({"log_level": "warn"})
    log = os.path.join(d.dir, "fsync.log")
    env = {"FSYNC_LOG": log, "FSYNC_DELAY_US": "30000"}
    lib = build(d)
    env["LD_PRELOAD"] = lib
    try:
        d.start(env=env)
        d.apply(p.operation(d))
        token = d.token(role="integrator")
        stop = threading.Event()
        people = [Person(d, n, stop) for n in range(8)]
        for person in people:
            person.start()
        lost = 0
        for i in range(ROUNDS):
            time.sleep(rng.uniform(0.3, 1.2))
            redis = d.pids("redis-server")
            for pid in redis:
                os.kill(pid, 9)  # without time to sync anything
            d.kill()
            for pid in redis:
                while os.path.exists(f"/proc/{pid}"):
                    time.sleep(0.01)
            assert os.path.getsize(log) > 0, "no fsync was seen: the library was not loaded"
            lost += cut(log, rng)
            d.start(wait=60, env=env)
        stop.set()
        for person in people:
            person.join(30)
        entries = count_people(d, token, people)
        print(f"seed {SEED}: {ROUNDS} cuts, {lost} bytes cut off, {sum(x.acked for x in people)} acknowledged, {entries} entries: none lost, none twice")
    except BaseException:
        sys.stderr.write(d.tail() + "\n")
        raise
    finally:
        d.close()


if __name__ == "__main__":
    p.run([what_was_synced_survives_a_power_cut])
