# SPDX-License-Identifier: Apache-2.0
"""For tests of the store's Redis Functions: a redis-server of their own, the library, and a way to call it.

Tests are functions named test_…(s) in a file that ends with run(globals()); the last line printed is "N passed, N failed"."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import redis

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
FOLDER = os.path.join(ROOT, "store", "functions")
FIRST = ["common.lua", "move.lua"]


def library(version=1):
    """The library as the build makes it."""
    names = FIRST + sorted(n for n in os.listdir(FOLDER) if n.endswith(".lua") and n not in FIRST)
    text = "".join(open(os.path.join(FOLDER, n), encoding="utf-8").read() for n in names)
    return "#!lua name=parley_%d\nlocal VERSION = %d\n%s" % (version, version, text)


class Refused(Exception):
    """The function answered with an error; the word is its first (never ERR, which the client would hide)."""

    def __init__(self, text):
        super().__init__(text)
        self.word = text.split(" ")[0]


class Server:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="parley-functions-")
        self.path = os.path.join(self.dir, "redis.sock")
        self.child = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "", "--appendonly", "no", "--dir", self.dir],
            stdout=subprocess.DEVNULL)
        self.r = self.client()
        for _ in range(500):
            try:
                self.r.ping()
                break
            except redis.exceptions.ConnectionError:
                time.sleep(0.01)
        self.load()

    def client(self):
        return redis.Redis(unix_socket_path=self.path)

    def load(self):
        self.r.execute_command("FUNCTION", "LOAD", "REPLACE", library())

    def call(self, name, *args, r=None, op="x"):
        try:
            return (r or self.r).execute_command("FCALL", "p1_" + name, 1, "p:{%s}:" % op, *args)
        except redis.exceptions.ResponseError as e:
            raise Refused(str(e)) from None

    def refused(self, name, *args, **more):
        """The word with which the call is refused; '' when it is not."""
        try:
            self.call(name, *args, **more)
        except Refused as e:
            return e.word
        return ""

    def key(self, name, op="x"):
        return "p:{%s}:%s" % (op, name)

    def hash(self, name, op="x"):
        return {k.decode(): v.decode("utf-8", "replace") for k, v in self.r.hgetall(self.key(name, op)).items()}

    def stream(self, name, op="x"):
        return [(i.decode(), {k.decode(): v.decode() for k, v in f.items()}) for i, f in self.r.xrange(self.key(name, op))]

    def now(self):
        s, us = self.r.time()
        return s * 1000 + us // 1000

    def close(self):
        self.child.terminate()
        self.child.wait()
        shutil.rmtree(self.dir)


def run(names):
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    s, passed, failed = Server(), 0, 0
    try:
        for name, fn in list(names.items()):
            if not name.startswith("test_") or only not in name:
                continue
            s.r.flushall()
            try:
                fn(s)
                passed += 1
            except Exception:  # a test's failure, whatever it is
                print("FAILED", name)
                traceback.print_exc()
                failed += 1
    finally:
        s.close()
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)
