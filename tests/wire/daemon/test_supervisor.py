# SPDX-License-Identifier: Apache-2.0
"""The supervisor: what dies comes back, the port never refuses, stopping drains, reloading loses nothing, orphans are ended."""
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time

from daemon import BUILD, TOP, Daemon, free_port, run_tests, until

PARLEYD = os.path.join(BUILD, "parleyd")


def parleyd(*args):
    return subprocess.run([PARLEYD, *args], capture_output=True, text=True, timeout=30)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_check_tells_file_and_line():
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        f.write('{\n "workers": 0,\n "colour": 1\n}')
        f.flush()
        r = parleyd("--config", f.name, "--check")
        assert r.returncode == 1
        assert f"{f.name}:2: workers: 0 is not between" in r.stderr
        assert f"{f.name}:3: colour: there is no such setting" in r.stderr
        r = parleyd("--config", f.name)
        assert r.returncode == 1 and "colour" in r.stderr


def test_check_of_what_is_shipped():
    r = parleyd("--config", os.path.join(TOP, "config", "parley.json"), "--check")
    assert r.returncode == 0, r.stderr
    assert "not reviewed by a native speaker: notice.first, notice.emergency, notice.anonymous\n" in r.stderr


def test_an_outside_address_needs_tls():
    r = parleyd("--listen", "0.0.0.0:8080", "--check")
    assert r.returncode == 1 and "can be reached from outside" in r.stderr


def test_wrong_usage():
    assert parleyd("--colour").returncode == 2
    assert parleyd("extra").returncode == 2
    assert parleyd("--help").returncode == 0


def test_the_schema_is_current():
    with open(os.path.join(TOP, "config", "parley.schema.json"), encoding="utf-8") as f:
        assert parleyd("--schema").stdout == f.read(), "write it anew: build/parleyd --schema > config/parley.schema.json"


def test_a_killed_worker_is_back_and_the_port_never_refuses():
    with Daemon() as d:
        for _ in range(3):
            old = d.kill("worker")
            began = time.monotonic()
            assert d.get("/healthz").status == 200  # waits in the listening socket's queue
            took = time.monotonic() - began
            assert took < (1.0 if os.path.basename(BUILD) == "build" else 5.0), took  # the sanitizers cost time
            d.wait_ready()
            assert d.children("worker") != [old]
        assert d.logged("worker.ended")[0]["why"].startswith("killed by signal 9")


def test_a_killed_store_is_told_and_comes_back():
    with Daemon() as d:
        for name in ("redis-data", "redis-keys"):
            os.kill(d.children(name)[0], signal.SIGSTOP)  # holds it down while we look
            pid = d.children(name)[0]
            os.kill(pid, signal.SIGKILL)
            if not until(lambda: d.get("/readyz").status == 503, 5, 0.005):
                # It was back before we could look: the log must tell of it.
                assert d.logged("redis.ended")
            d.wait_ready()
            assert d.children(name) != [pid]
            assert d.get("/healthz").status == 200


def test_a_store_that_stays_away_is_503_with_a_reason():
    with Daemon() as d:
        pid = d.children("redis-data")[0]
        os.kill(pid, signal.SIGSTOP)
        assert until(lambda: d.get("/readyz").status == 503, 20)
        assert d.get("/readyz").json["why"]
        os.kill(pid, signal.SIGCONT)
        d.wait_ready()


def test_the_log_says_what_its_level_asks_for_and_says_it_once():
    for level in "debug", "info":
        with Daemon({"log_level": level}) as d:
            pid = d.children("redis-keys")[0]
            os.kill(pid, signal.SIGKILL)
            assert until(lambda: d.logged("redis.ended"), 5)
            d.wait_ready()
            d.get("/api/v1/canary-of-a-path")
            assert level == "info" or until(lambda: d.logged("http.request"), 5)
            lines, text = d.logged(), d.text()
        assert ("debug" in {line["level"] for line in lines}) == (level == "debug")
        assert "canary-of-a-path" not in text
        told = [(line["event"], line["why"]) for line in lines if line["event"] in ("store.ready", "store.not_ready")]
        assert told and all(a != b for a, b in zip(told, told[1:])), told
        assert all(line["level"] == "warn" for line in lines if line["event"] == "store.not_ready")


def test_stopping_takes_everything_along():
    with Daemon() as d:
        pids = d.children("worker") + d.children("redis-data") + d.children("redis-keys")
        assert len(pids) == 3
        assert d.stop() == 0
        assert not any(alive(p) for p in pids)
        assert not os.path.exists(os.path.join(d.data, "parleyd.sock"))


def test_a_reload_refuses_no_connection():
    with Daemon() as d:
        bad, n, stop = [], [0], threading.Event()

        def ask():
            while not stop.is_set():
                try:
                    if d.get("/healthz").status != 200:
                        bad.append("status")
                except OSError as e:
                    bad.append(repr(e))
                n[0] += 1

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for t in threads:
            t.start()
        for _ in range(5):
            before = d.children("worker")
            d.process.send_signal(signal.SIGHUP)
            assert until(lambda b=before: len(d.children("worker")) == 1 and d.children("worker") != b, 20)
        stop.set()
        for t in threads:
            t.join()
        assert not bad, bad[:5]
        assert n[0] > 50
        d.wait_ready()


def test_a_reload_reads_settings_and_keeps_what_is_wrong_out():
    with Daemon() as d:
        before = d.children("worker")
        d.settings_write(colour=1)
        d.process.send_signal(signal.SIGHUP)
        assert until(lambda: d.logged("reload.refused"), 5)
        assert d.children("worker") == before
        d.settings_write(log_level="debug", data_dir="/elsewhere")
        with open(d.config, encoding="utf-8") as f:
            settings = json.load(f)
        del settings["colour"]
        with open(d.config, "w", encoding="utf-8") as f:
            json.dump(settings, f)
        d.process.send_signal(signal.SIGHUP)
        assert until(lambda: d.children("worker") != before and len(d.children("worker")) == 1, 20)
        d.wait_ready()
        assert d.cli("status").returncode == 0


def test_a_reload_moves_to_another_address():
    with Daemon() as d:
        old, new = d.base, free_port()
        d.settings_write(listen="127.0.0.1:1")  # needs a right that tests lack, or is taken: stays where it is
        taken = os.geteuid() != 0
        if taken:
            d.process.send_signal(signal.SIGHUP)
            assert until(lambda: d.logged("reload.listen"), 5)
            assert d.get("/healthz").status == 200
        d.settings_write(listen=f"127.0.0.1:{new}")
        before = d.children("worker")
        d.process.send_signal(signal.SIGHUP)
        assert until(lambda: d.children("worker") != before and len(d.children("worker")) == 1, 20)
        d.base = f"http://127.0.0.1:{new}"
        d.wait_ready()
        d.base = old
        try:
            d.get("/healthz")
            raise AssertionError("the old address still answers")
        except OSError:
            pass
        d.base = f"http://127.0.0.1:{new}"


def test_one_daemon_for_one_data_directory():
    with Daemon() as d:
        r = parleyd("--data", d.data, "--listen", f"127.0.0.1:{free_port()}")
        assert r.returncode == 1 and "another parleyd has" in r.stderr
        with tempfile.TemporaryDirectory() as other:
            r = parleyd("--data", other, "--listen", f"127.0.0.1:{d.port}")
            assert r.returncode == 1 and "another program listens" in r.stderr
        assert d.get("/readyz").status == 200


def test_killing_the_supervisor_ends_all():
    with Daemon() as d:
        pids = d.children("worker") + d.children("redis-data") + d.children("redis-keys")
        d.process.kill()  # the supervisor alone
        d.process.wait()
        assert until(lambda: not any(alive(p) for p in pids), 10)
        d.start()


def test_an_orphan_is_ended():
    with Daemon() as d:
        d.stop()
        # A server that an earlier supervisor left behind: in this very directory.
        folder = os.path.join(d.data, "redis", "data")
        with subprocess.Popen(["redis-server", "redis.conf"], cwd=folder, stdout=subprocess.DEVNULL) as orphan:
            pidfile = os.path.join(folder, "redis.pid")
            assert until(lambda: os.path.exists(pidfile) and os.path.exists(os.path.join(folder, "redis.sock")))
            d.start()
            assert orphan.wait(1) is not None
            assert d.logged("redis.orphan")
            assert d.get("/readyz").status == 200
            d.stop()
        # A pid file that names a stranger does it no harm.
        with subprocess.Popen(["sleep", "60"]) as stranger:
            with open(pidfile, "w", encoding="utf-8") as f:
                f.write(f"{stranger.pid}\n")
            d.start()
            assert stranger.poll() is None
            stranger.kill()


def test_nothing_of_it_can_be_read_by_others():
    with Daemon() as d:
        d.cli("status", check=0)
        for folder, folders, files in os.walk(d.data):
            for name in folders + files:
                mode = os.lstat(os.path.join(folder, name)).st_mode
                assert mode & 0o077 == 0 or name.endswith(".sock"), f"{folder}/{name} {oct(mode)}"
        assert os.stat(d.data).st_mode & 0o777 == 0o700
        for pid in [d.process.pid] + d.children("worker"):
            with open(f"/proc/{pid}/limits", encoding="utf-8") as f:
                assert re.search(r"Max core file size +0 +0", f.read())
            # What is not dumpable belongs to root in /proc, whoever runs it; its memory map shows it to root too.
            assert os.stat(f"/proc/{pid}/mem").st_uid == 0


def test_several_workers_share_the_port():
    with Daemon(workers=2) as d:
        assert len(d.children("worker")) == 2
        for _ in range(20):
            assert d.get("/healthz").status == 200
        d.kill("worker")
        for _ in range(20):
            assert d.get("/healthz").status == 200
        assert until(lambda: len(d.children("worker")) == 2, 5)


def test_metrics_are_for_this_machine():
    with Daemon() as d:
        r = d.get("/metrics")
        assert r.status == 200 and b"parley_ready 1" in r.body
        assert d.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status == 403
        assert d.get("/metrics", token="parley_wrong").status == 401


if __name__ == "__main__":
    run_tests(globals())
