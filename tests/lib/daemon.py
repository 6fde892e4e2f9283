# SPDX-License-Identifier: Apache-2.0
"""What tests of the daemon itself need beside parley.py: its processes one by one, its log and output, the demo's passwords."""
import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import NamedTuple

import parley
from parley import BUILD, TOP, Parley, free_port, run  # noqa: F401 (for those who import from here)


def until(what, seconds=10, every=0.02):
    """Waits for what() to be true; returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value or time.monotonic() > end:
            return value
        time.sleep(every)


class Answer(NamedTuple):
    status: int
    headers: object
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Daemon(Parley):
    """demo: the demo operation of config/. operation: a document that is applied instead."""

    def __init__(self, config=None, demo=False, operation=None, workers=1):
        settings = {"redis": {"memory_mb": 256}, "keys": {"memory_mb": 64}, **(config or {})}
        if demo:
            settings["demo"] = os.path.join(TOP, "config", "demo.json")
        super().__init__(settings, workers)
        self.operation, self.demo = operation, demo
        self.passwords, self.secrets, self.recovery = {}, {}, None

    def start(self, wait=30, env=None):
        # As root the leak checker can attach to what is not dumpable; elsewhere it could not.
        leaks = {} if "ASAN_OPTIONS" in os.environ else {"ASAN_OPTIONS": f"detect_leaks={int(os.geteuid() == 0)}"}
        super().start(wait, {**leaks, **(env or {})})
        if wait:
            assert until(lambda: "Parley is running" in self.output(), wait), self.tail()
            if self.demo:
                self.read_first_start()
            if self.operation is not None:
                for p in self.apply(self.operation)["passwords"]:
                    self.passwords[p["login"]] = p["password"]
                self.operation = None
        return self

    def stop(self, seconds=40):
        """Returns the exit status."""
        if self.process is None:
            return None
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill_all()
            raise AssertionError(f"parleyd did not stop in {seconds} s\n{self.tail()}") from None
        status, self.process = self.process.returncode, None
        return status

    def kill_all(self):
        Parley.kill(self)

    def settings_write(self, **changes):
        with open(self.config, encoding="utf-8") as f:
            settings = json.load(f)
        settings.update(changes)
        with open(self.config, "w", encoding="utf-8") as f:
            json.dump(settings, f)

    # ---- what it says ----

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def logged(self, event=None):
        """Log lines, or those of one event."""
        lines = [json.loads(line) for line in self.text().split("\n") if line.startswith("{") and line.endswith("}")]
        return lines if event is None else [line for line in lines if line["event"] == event]

    def output(self):
        """What is for people: all but the log."""
        return "\n".join(line for line in self.text().split("\n") if not line.startswith("{"))

    def read_first_start(self):
        text = self.output()
        for login, password in re.findall(r"^    ([a-z0-9._-]+) +([a-z2-9]{5}(?:-[a-z2-9]{5}){3})$", text, re.M):
            self.passwords[login] = password
        for channel, secret in re.findall(r"Secret of the channel (\S+), shown only now:\n    (\S+)", text):
            self.secrets[channel] = secret
        found = re.search(r"RECOVERY KEY[^\n]*\n\n    (.+)\n", text)
        self.recovery = found.group(1) if found else None

    # ---- its processes ----

    def children(self, name):
        """Process ids of the supervisor's children: "worker", "redis-data", "redis-keys"."""
        pids = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                    state, parent = f.read().rsplit(")", 1)[1].split()[:2]
                if int(parent) != self.process.pid or state == "Z":
                    continue
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    argv = f.read().split(b"\0")
                kind = "worker" if b"--worker" in argv else "redis-" + os.path.basename(os.readlink(f"/proc/{pid}/cwd"))
            except (OSError, IndexError):
                continue
            if kind == name:
                pids.append(int(pid))
        return sorted(pids)

    def kill(self, name=None, sig=signal.SIGKILL):
        """One child, or everything."""
        if name is None:
            return Parley.kill(self)
        pid = self.children(name)[0]
        os.kill(pid, sig)
        return pid

    # ---- talking ----

    def request(self, *args, **kwargs):
        return Answer(*super().request(*args, **kwargs))

    def post(self, path, value, headers=None):
        return self.request("POST", path, value, headers)

    def sign_in(self, login, password):
        return self.post("/api/v1/sign-in", {"login": login, "password": password}, {"Origin": self.base}).status

    def cli(self, *args, stdin=None, check=None):
        """Runs `parley`; check: the exit status that is wanted."""
        r = self.tool(*args, text=stdin, ok=False)
        assert check is None or r.returncode == check, f"parley {' '.join(args)}: {r.returncode}\n{r.stdout}{r.stderr}"
        return r

    def cli_json(self, *args, stdin=None):
        return json.loads(self.cli("--json", *args, stdin=stdin, check=0).stdout)


def run_tests(names):
    """Runs a module's test_* functions (its globals()); ends the program."""
    only = sys.argv[1] if sys.argv[1:] else ""
    sys.argv[1:] = []
    run([fn for name, fn in names.items() if name.startswith("test_") and only in name])
