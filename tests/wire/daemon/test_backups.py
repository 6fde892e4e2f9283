#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a daemon does by itself to be kept: a backup each day, with generations, whole or not at all; what memory and disk are used
for, told by the tool and by /metrics."""
import datetime
import json
import os
import sys
import time

import parley as p
from look import metrics, wait

DAY = 86400


def name(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("parley-%Y%m%dT%H%M%SZ")


def plant(folder, entry):
    path = os.path.join(folder, entry)
    os.makedirs(path)
    with open(os.path.join(path, "data.parley"), "w", encoding="ascii") as f:
        f.write("old")


def main():
    d = p.Parley()
    kept = os.path.join(d.dir, "kept")
    now = time.time()
    # The newest is of yesterday's time, so that one is due; others of a month, one cut off by a kill, and what is nobody's.
    old = [name(now - n * DAY - 7200) for n in range(1, 45)]
    for entry in old + [old[0] + ".partial", "somebody's"]:
        plant(kept, entry)
    with open(d.config, encoding="utf-8") as f:
        settings = json.load(f)
    settings["backup"] = {"dir": kept, "at": (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=5)).strftime("%H:%M"), "keep_days": 5, "keep_weeks": 3}
    with open(d.config, "w", encoding="utf-8") as f:
        json.dump(settings, f)
    os.makedirs(d.data, 0o700)
    # Forty days of samples: 90 % used by now, a tenth of a GiB more each day, of 40.
    with open(os.path.join(d.data, "capacity.csv"), "w", encoding="ascii") as f:
        for n in range(40, 0, -1):
            f.write(f"{int((now - n * DAY) * 1000)},{int((36 - n / 10) * 2**30)},{40 * 2**30},0,0\n")
    try:
        d.start()
        d.apply(p.operation(d))
        fresh = wait(lambda: [e for e in os.listdir(kept) if e.endswith("Z") and e not in old], 30)
        assert len(fresh) == 1 and sorted(os.listdir(os.path.join(kept, fresh[0]))) == ["data.parley", "keys.parley", "manifest.json"], fresh
        there = wait(lambda: (lambda x: x if len(x) <= 8 else None)(sorted(os.listdir(kept))), 10)
        assert "somebody's" in there and not [e for e in there if e.endswith(".partial")], there
        assert set(old[:4]) <= set(there), there  # with today's: five days
        assert not [e for e in old[30:] if e in there], there
        print("ok a backup with generations", flush=True)

        capacity = wait(lambda: json.loads(d.tool("--json", "status")).get("capacity"), 15)
        assert capacity["disk"]["used_bytes"] > 0 and capacity["memory"]["used_bytes"] > 0, capacity
        said = d.tool("status")
        assert "memory " in said and "disk " in said and "backups in" in said and fresh[0][7:11] in said, said
        assert any(key.startswith("parley_backup_last_seconds") for key in metrics(d)), metrics(d)
        assert 'parley_full_in_days{what="memory"}' in metrics(d)
        print("ok what is used is told", flush=True)
    except BaseException:
        print(d.tail(), flush=True)
        raise
    finally:
        d.close()
    print("2 passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
