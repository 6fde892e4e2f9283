# SPDX-License-Identifier: Apache-2.0
"""What the daemon promises of the release build: small, and back at once."""
import re
import time

from daemon import Daemon, run_tests


def test_it_is_small():
    with Daemon() as d:
        time.sleep(1)
        total = 0
        for pid in [d.process.pid] + d.children("worker"):
            with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
                total += int(re.search(r"^Pss: +(\d+) kB", f.read(), re.M).group(1))
        print(f"supervisor and worker: {total / 1024:.1f} MiB Pss")
        assert total <= 30 * 1024


def test_a_killed_worker_is_back_at_once():
    with Daemon() as d:
        times = []
        for _ in range(5):
            time.sleep(0.2)
            d.kill("worker")
            began = time.monotonic()
            assert d.get("/healthz").status == 200  # waits in the listening socket's queue
            times.append(time.monotonic() - began)
            d.wait_ready()
        times.sort()
        print("back after " + ", ".join(f"{1000 * t:.0f}" for t in times) + " ms")
        assert times[2] < 1.0


if __name__ == "__main__":
    run_tests(globals())
