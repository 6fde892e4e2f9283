# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: the load generator, processes measured from outside, Redis servers with the settings of the embedded
ones, a recording relay before one of them, an agent who is there and takes nothing, goals and profiles."""
import base64
import json
import os
import re
import resource
import selectors
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

import parley as p

HERE = os.path.dirname(os.path.abspath(__file__))
TICK = os.sysconf("SC_CLK_TCK")


# ---- goals ----

class Goals:
    """Prints each figure beside its goal; `end` says how many were reached. A missed goal fails the program."""

    def __init__(self):
        self.met, self.missed = 0, []

    def check(self, what, value, goal, unit="", least=False, profile=None):
        good = value >= goal if least else value <= goal
        self.met += good
        print(f"{'ok    ' if good else 'MISSED'} {what}: {value:.3g}{unit}, goal {'at least' if least else 'at most'} {goal:g}{unit}", flush=True)
        if not good:
            self.missed.append(what)
            if profile:
                print(profile() if callable(profile) else profile, flush=True)

    def end(self):
        print(f"{self.met} passed, {len(self.missed)} failed")
        sys.exit(1 if self.missed else 0)


def median(values):
    return statistics.median(values)


# ---- the load generator ----

def load_tool():
    tool, source = os.path.join(p.BUILD, "bench-load"), os.path.join(HERE, "load.c")
    if not os.path.exists(tool) or os.path.getmtime(tool) < os.path.getmtime(source):
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-D_GNU_SOURCE", "-o", tool, source, "-lcrypto", "-lm"], check=True)
    return tool


def load(*args, timeout=300):
    r = subprocess.run([load_tool(), *map(str, args)], capture_output=True, text=True, timeout=timeout)
    if r.returncode:
        raise RuntimeError(f"load {' '.join(map(str, args))}: {r.stderr}")
    return json.loads(r.stdout)


def webhooks(d, seconds, people, connections=64, size=300, rate="", mode="http"):
    r = load(mode, d.port, d.secret, connections, seconds, people, size, *([rate] if rate else []))
    if r["refused"] or r["errors"]:
        raise RuntimeError(f"not everything was taken: {r}\n{d.tail()}")
    return r


# ---- processes ----

def cpu(pid):
    """Seconds of CPU that the process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid, name="Pss"):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return int(re.search(rf"^{name}: +(\d+) kB", f.read(), re.M)[1]) * 1024


def files_limit():
    """As many open files as we may have, for us and for what we start."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for want in (65536, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (want, max(want, hard)))
            return want
        except (ValueError, OSError):
            pass
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class Profile:
    """perf over a process while something runs; text() is where its time went."""

    def __init__(self, pid, lines=25):
        self.file, self.lines = tempfile.mktemp(prefix="parley-perf-"), lines
        self.perf = None
        if shutil.which("perf"):
            self.perf = subprocess.Popen(["perf", "record", "-q", "-F", "1999", "-o", self.file, "-p", str(pid)],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.3)

    def text(self):
        if not self.perf:
            return "(no perf on this machine: no profile)"
        self.perf.send_signal(signal.SIGINT)
        self.perf.wait(30)
        out = []
        for how in (["--sort", "dso"], ["--sort", "dso,symbol"]):
            r = subprocess.run(["perf", "report", "-i", self.file, "--stdio", "--no-children", *how], capture_output=True, text=True)
            out += [line.rstrip() for line in r.stdout.splitlines() if line.strip() and not line.startswith("#")][:self.lines]
        if os.path.exists(self.file):
            os.unlink(self.file)
        return "\n".join(out)


# ---- Redis ----

class Redis:
    """A redis-server of its own with the settings of the daemon's embedded one (but for the user's rights, so that it can be
    looked into)."""

    def __init__(self, conf, settings=()):
        self.dir = tempfile.mkdtemp(prefix="parley-redis-")
        self.socket = os.path.join(self.dir, "redis.sock")
        with open(conf, encoding="utf-8") as f:
            lines = [line for line in f if not line.startswith(("dir ", "user "))]
        with open(os.path.join(self.dir, "redis.conf"), "w", encoding="utf-8") as f:
            f.writelines([*lines, f'dir "{self.dir}"\n', *(s + "\n" for s in settings)])
        self.process = subprocess.Popen(["redis-server", os.path.join(self.dir, "redis.conf")], cwd=self.dir,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                if self.client().ping():
                    return
            except Exception:  # noqa: BLE001: not there yet
                time.sleep(0.02)
        raise RuntimeError("redis-server does not start")

    def client(self):
        import redis
        return redis.Redis(unix_socket_path=self.socket)

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()


def embedded(d, name="data"):
    """Where the embedded server of a daemon is: its settings and its socket."""
    at = os.path.join(d.data, "redis", name)
    return os.path.join(at, "redis.conf"), os.path.join(at, "redis.sock")


class Recorder:
    """A relay before a Redis that keeps what clients sent, connection by connection."""

    def __init__(self, target):
        self.dir = tempfile.mkdtemp(prefix="parley-relay-")
        self.socket, self.target = os.path.join(self.dir, "s"), target
        self.sent = []  # one bytearray for each connection
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.socket)
        self.listener.listen(64)
        self.ended = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        look = selectors.DefaultSelector()
        look.register(self.listener, selectors.EVENT_READ, None)
        while not self.ended:
            for key, _ in look.select(0.2):
                if key.data is None:
                    near = self.listener.accept()[0]
                    far = socket.socket(socket.AF_UNIX)
                    far.connect(self.target)
                    kept = bytearray()
                    self.sent.append(kept)
                    look.register(near, selectors.EVENT_READ, (far, kept))
                    look.register(far, selectors.EVENT_READ, (near, None))
                    continue
                to, kept = key.data
                try:
                    data = key.fileobj.recv(262144)
                    if data:
                        to.sendall(data)
                except OSError:
                    data = b""
                if kept is not None:
                    kept += data
                if not data:
                    for s in (key.fileobj, to):
                        look.unregister(s)
                        s.close()

    def commands(self, word):
        """The commands whose second argument holds `word`, as (argument 5, bytes), connection by connection."""
        for kept in self.sent:
            at = 0
            while at < len(kept):
                began, at, argv = at, *resp(kept, at)
                if len(argv) > 4 and word in argv[1]:
                    yield argv[4], bytes(kept[began:at])

    def close(self):
        self.ended = True
        self.thread.join()
        self.listener.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def resp(b, at):
    """The array of bulk strings at `at`: where it ends, what it holds."""
    end = b.index(b"\r\n", at)
    n, at, argv = int(b[at + 1:end]), end + 2, []
    for _ in range(n):
        end = b.index(b"\r\n", at)
        size = int(b[at + 1:end])
        argv.append(bytes(b[end + 2:end + 2 + size]))
        at = end + 4 + size
    return at, argv


def lanes(path, commands):
    """Commands for `load redis`: what has the same first 16 bytes in its first argument stays in order."""
    with open(path, "wb") as f:
        for first, raw in commands:
            f.write(b"%d %d\n" % (zlib.crc32(first[:16]), len(raw)))
            f.write(raw)


# ---- an agent who is there ----

class Present:
    """An agent's socket that reads and forgets: with one place, so that threads wait and nobody needs to be told that nobody is
    there."""

    def __init__(self, d, agent, role="agent", op="demo"):
        self.s = socket.create_connection(("127.0.0.1", d.port))
        key = base64.b64encode(os.urandom(16)).decode()
        self.s.sendall((f"GET /ws/agent/{op} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: parley.agent.v1\r\n"
                        f"Authorization: Bearer {d.token(op, role, agent)}\r\n\r\n").encode())
        head = self.s.recv(4096)
        if b" 101 " not in head[:16]:
            raise RuntimeError(head)
        self.send({"type": "hello", "after": None})
        self.bytes = 0
        self.thread = threading.Thread(target=self._drain, daemon=True)
        self.thread.start()

    def send(self, frame):
        data = json.dumps(frame).encode()
        self.s.sendall(struct.pack("!BBI", 0x81, 0x80 | len(data), 0) + data)

    def _drain(self):
        pinged = time.monotonic()
        self.s.settimeout(5)
        while True:
            try:
                data = self.s.recv(1 << 18)
                if not data:
                    return
                self.bytes += len(data)
            except TimeoutError:
                pass
            except OSError:
                return
            try:
                if time.monotonic() - pinged > 15:
                    pinged = time.monotonic()
                    self.send({"type": "ping"})
            except OSError:
                return

    def close(self):
        try:
            self.s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.s.close()
        self.thread.join()


def office(d, capacity=1, **more):
    """An operation in which everybody who is there has so many places."""
    doc = p.operation(d, **more)
    for agent in doc["agents"]:
        agent["capacity"] = {"chat": capacity}
    d.apply(doc)
    return doc
