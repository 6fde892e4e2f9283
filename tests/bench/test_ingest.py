# SPDX-License-Identifier: Apache-2.0
"""Signed webhooks through the whole daemon, one message of 300 bytes each, 64 connections. Three rounds; in each the daemon takes
messages for ten seconds, and then the very FCALLs that it makes for such messages are replayed, by the same load generator at 64
clients, on a fresh Redis with the same settings and functions. For orientation: nginx's fixed 200, and a plain XADD."""
import os
import shutil
import subprocess
import tempfile
import time

import bench as b
import parley as p

SECONDS = float(os.environ.get("PARLEY_BENCH_SECONDS", 10))
ROUNDS = 3
KNOWN = 1000
RECORDED = 40000  # messages of the recording


def record(conf, people):
    """FCALLs of `people` persons' messages (0: each of a new one): those that make the persons, those that are timed, the library."""
    with b.Redis(conf) as data:
        relay = b.Recorder(data.socket)
        d = p.Parley({"redis": {"url": "unix:" + relay.socket}})
        d.start()
        try:
            b.office(d)
            here = b.Present(d, "amal")
            if people:
                b.webhooks(d, 2, people)
            first = sum(len(kept) for kept in relay.sent)
            time.sleep(0.5)
            before = sum(1 for _ in relay.commands(b"_ingest"))
            b.webhooks(d, 6, people)
            here.close()
            library = data.client().execute_command("FUNCTION", "DUMP")
            keys = {k: data.client().dump(k) for k in data.client().scan_iter("p:{demo}:fences")}
        finally:
            d.close()
            relay.close()
        commands = list(relay.commands(b"_ingest"))
        assert first and len(commands) > before
        return commands[:before], commands[before:][:RECORDED], library, keys


def replay(conf, tmp, recording):
    made, timed, library, keys = recording
    with b.Redis(conf) as r:
        c = r.client()
        c.execute_command("FUNCTION", "RESTORE", library)
        for k, v in keys.items():
            c.restore(k, 0, v)
        path = os.path.join(tmp, "commands")
        if made:
            b.lanes(path, made)
            b.load("redis", r.socket, 64, path)
        b.lanes(path, timed)
        cpu = b.cpu(r.process.pid)
        out = b.load("redis", r.socket, 64, path)
        out["redis_us"] = (b.cpu(r.process.pid) - cpu) / out["done"] * 1e6
        stored = c.xlen("p:{demo}:events")
        assert not out["refused"] and stored >= 0.99 * (len(made) + len(timed)), (out, stored, len(made), len(timed))
        return out


def nginx(tmp):
    """Its fixed 200 for the same requests: messages a second, CPU µs each."""
    port = p.free_port()
    conf = os.path.join(tmp, "nginx.conf")
    with open(conf, "w", encoding="ascii") as f:
        f.write(f"daemon off; worker_processes 1; pid {tmp}/nginx.pid; error_log /dev/null;\nevents {{ worker_connections 512; }}\n"
                f"http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {tmp}/body; proxy_temp_path {tmp}/p;\n"
                f" fastcgi_temp_path {tmp}/f; uwsgi_temp_path {tmp}/u; scgi_temp_path {tmp}/s;\n"
                f" server {{ listen 127.0.0.1:{port}; location / {{ default_type application/json;"
                " return 200 '{\"stored\":1,\"duplicates\":0}'; } } }\n")
    server = subprocess.Popen(["nginx", "-c", conf, "-p", tmp], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        with open(f"/proc/{server.pid}/task/{server.pid}/children", encoding="ascii") as f:
            worker = int(f.read().split()[0])
        cpu = b.cpu(worker)
        r = b.load("http", port, "whsec_" + "A" * 32, 64, 3, 0, 300)
        r["us"] = (b.cpu(worker) - cpu) / r["done"] * 1e6
        return r
    finally:
        server.terminate()
        server.wait()


def xadd(conf):
    with b.Redis(conf) as r:
        out = subprocess.run(["redis-benchmark", "-s", r.socket, "-c", "64", "-n", "100000", "--csv", "-q", "XADD", "s", "*", "f", "x" * 446],
                             capture_output=True, text=True, check=True).stdout
        return float(out.strip().splitlines()[-1].split(",")[-7].strip('"'))


class Run:
    """One kind of people: its rounds, each daemon beside replay."""

    def __init__(self, what, people):
        self.what, self.people = what, people
        self.ratios, self.us, self.rates, self.redis_us = [], [], [], []

    def round(self, conf, tmp, recording):
        d = p.Parley().start()
        try:
            b.office(d)
            here = b.Present(d, "amal")
            if self.people:
                b.webhooks(d, 2, self.people)
            worker = d.workers()[0]
            redis = d.pids("redis-server")
            before, redis_before = b.cpu(worker), sum(map(b.cpu, redis))
            r = b.webhooks(d, SECONDS, self.people)
            us = (b.cpu(worker) - before) / r["done"] * 1e6
            redis_us = (sum(map(b.cpu, redis)) - redis_before) / r["done"] * 1e6
            here.close()
        finally:
            d.close()
        again = replay(conf, tmp, recording)
        self.ratios.append(r["per_second"] / again["per_second"])
        self.us.append(us)
        self.rates.append(r["per_second"])
        self.redis_us.append(redis_us)
        print(f"  {self.what}: {r['per_second']:.0f} messages/s (p50 {r['p50_ms']:.1f}, p99 {r['p99_ms']:.1f} ms), {us:.1f} us of the worker and "
              f"{redis_us:.1f} us of Redis each; the FCALLs alone {again['per_second']:.0f}/s, {again['redis_us']:.1f} us of Redis; "
              f"ratio {self.ratios[-1]:.2f}", flush=True)

    def profile(self):
        d = p.Parley().start()
        try:
            b.office(d)
            here = b.Present(d, "amal")
            b.webhooks(d, 1, self.people)
            look = b.Profile(d.workers()[0])
            b.webhooks(d, 5, self.people)
            text = look.text()
            here.close()
            return text
        finally:
            d.close()


def main():
    goals, tmp = b.Goals(), tempfile.mkdtemp(prefix="parley-bench-")
    try:
        d = p.Parley().start()
        conf = os.path.join(tmp, "redis.conf")
        shutil.copy(b.embedded(d)[0], conf)
        d.close()
        runs = [Run("new people", 0), Run("a thousand known ones", KNOWN)]
        recordings = {run: record(conf, run.people) for run in runs}
        rates = {"nginx": [], "nginx us": [], "XADD": []}
        for _ in range(ROUNDS):
            n = nginx(tmp)
            rates["nginx"].append(n["per_second"])
            rates["nginx us"].append(n["us"])
            rates["XADD"].append(xadd(conf))
            for run in runs:
                run.round(conf, tmp, recordings[run])
        print(f"nginx's fixed 200: {b.median(rates['nginx']):.0f}/s, {b.median(rates['nginx us']):.1f} us of its worker each; plain XADD: "
              f"{b.median(rates['XADD']):.0f}/s")
        for run in runs:
            rate = b.median(run.rates)
            print(f"{run.what}: {rate:.0f} messages/s, {rate / b.median(rates['nginx']):.2f} of nginx, {rate / b.median(rates['XADD']):.2f} of XADD; "
                  f"the worker's CPU {b.median(run.us) / b.median(rates['nginx us']):.1f} times nginx's")
        for run in runs:
            text = []
            profile = lambda run=run, text=text: text[0] if text else text.append(run.profile()) or text[0]  # noqa: E731
            goals.check(f"{run.what}: ratio to the same FCALLs", b.median(run.ratios), 0.5, least=True, profile=profile)
            goals.check(f"{run.what}: the daemon's CPU a message", b.median(run.us), 45, " us", profile=profile)
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    goals.end()


if __name__ == "__main__":
    main()
