# SPDX-License-Identifier: Apache-2.0
"""What the wire tests of gateway/net share: the echo server as a child, raw sockets, answers taken apart, websocket frames."""
import base64
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
import traceback

TESTS = []


def test(fn):
    TESTS.append(fn)
    return fn


def binary():
    if len(sys.argv) > 1:
        return sys.argv[1]
    return os.path.join(os.environ.get("PARLEY_BUILD", "build-sanitize"), "wire", "echo_server")


def main():
    passed = failed = 0
    only = sys.argv[2] if len(sys.argv) > 2 else ""
    for fn in TESTS:
        if only not in fn.__name__:
            continue
        try:
            fn()
            passed += 1
        except Exception:
            failed += 1
            print("FAILED", fn.__name__)
            traceback.print_exc()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


class Echo:
    """The server; ends with the block, and must then have ended well (the sanitizer's word included)."""

    def __init__(self, *options, tls=None):
        self.tls = tls
        options = list(options) + (["--tls", *tls] if tls else [])
        self.child = subprocess.Popen([binary(), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = self.child.stdout.readline()
        if not line:
            raise RuntimeError(self.child.stderr.read().decode())
        self.port = int(line)

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        self.child.send_signal(signal.SIGTERM)
        try:
            _, errors = self.child.communicate(timeout=40)
        except subprocess.TimeoutExpired:
            self.child.kill()
            _, errors = self.child.communicate()
            raise AssertionError("the server did not end: " + errors.decode())
        if kind is None:
            assert self.child.returncode == 0, (self.child.returncode, errors.decode()[:4000])

    def connect(self, timeout=30, host="127.0.0.1"):
        s = socket.create_connection((host, self.port), timeout)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls:
            c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            c.check_hostname = False
            c.verify_mode = ssl.CERT_NONE
            s = c.wrap_socket(s)
        return s

    def raw(self, data, timeout=30):
        """Sends, then reads until the server closes."""
        s = self.connect(timeout)
        try:
            s.sendall(data)
        except OSError:
            pass  # refused before all of it was sent
        got = b""
        try:
            while True:
                part = s.recv(65536)
                if not part:
                    break
                got += part
        except ConnectionResetError:
            pass
        s.close()
        return got

    def get(self, path, headers="", method="GET"):
        got = self.raw(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode())
        return one(got)

    def count(self, what):
        return dict(p.split("=") for p in self.get("/counts")[2].decode().split())[what]


def take(stream, head_only=False):
    """One answer from the front of the bytes: (status, headers, body), rest."""
    head, sep, rest = stream.partition(b"\r\n\r\n")
    if not sep:
        raise AssertionError(f"no answer in {stream[:200]!r}")
    lines = head.decode().split("\r\n")
    version, status = lines[0].split(" ")[:2]
    assert version == "HTTP/1.1", lines[0]
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(": ")
        assert name.lower() not in headers, line
        headers[name.lower()] = value
    n = 0 if head_only or int(status) < 200 or int(status) in (204, 304) else int(headers["content-length"])
    assert len(rest) >= n, (head, len(rest))
    return (int(status), headers, rest[:n]), rest[n:]


def one(stream):
    answer, rest = take(stream)
    assert rest == b"", rest
    return answer


def read_answer(s, head_only=False):
    """One answer from a connection that stays open."""
    got = b""
    while True:
        try:
            answer, rest = take(got, head_only)
            assert rest == b"", rest
            return answer
        except (AssertionError, KeyError):
            part = s.recv(65536)
            if not part:
                raise
            got += part


def eventually(check, seconds=30):
    end = time.time() + seconds
    while not check():
        if time.time() > end:
            raise AssertionError("it did not happen")
        time.sleep(0.02)


# ---- websockets, by hand ----

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455's example


def handshake(path="/ws", version="13", key=KEY, protocol="echo", extra=""):
    lines = [f"GET {path} HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: keep-alive, Upgrade"]
    lines += [f"Sec-WebSocket-Version: {version}"] if version else []
    lines += [f"Sec-WebSocket-Key: {key}"] if key else []
    lines += [f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []
    return ("\r\n".join(lines) + "\r\n" + extra + "\r\n").encode()


def frame(payload, opcode=1, fin=True, mask=b"\x11\x22\x33\x44"):
    if isinstance(payload, str):
        payload = payload.encode()
    n = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    bit = 0x80 if mask else 0
    if n < 126:
        head += bytes([bit | n])
    elif n < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", n)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", n)
    if not mask:
        return head + payload
    key = mask * (n // 4 + 1)
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(key[:n], "big")).to_bytes(n, "big")
    return head + mask + masked


class Socket:
    """A websocket client that can be wrong on purpose."""

    def __init__(self, server, early=b"", **kw):
        self.s = server.connect()
        self.s.sendall(handshake(**kw) + early)
        self.buf = b""
        while b"\r\n\r\n" not in self.buf:
            part = self.s.recv(65536)
            if not part:
                break
            self.buf += part
        head, _, self.buf = self.buf.partition(b"\r\n\r\n")
        self.head = head.decode()
        self.status = int(self.head.split(" ")[1])

    def need(self, n):
        while len(self.buf) < n:
            part = self.s.recv(65536)
            if not part:
                raise EOFError
            self.buf += part
        got, self.buf = self.buf[:n], self.buf[n:]
        return got

    def read(self):
        """(opcode, payload) of the next whole message or control frame."""
        payload, kind = b"", None
        while True:
            first, second = self.need(2)
            assert not second & 0x80, "a server's frame is masked"
            n = second & 0x7F
            if n == 126:
                n = struct.unpack(">H", self.need(2))[0]
            elif n == 127:
                n = struct.unpack(">Q", self.need(8))[0]
            payload += self.need(n)
            kind = kind or first & 15
            if first & 0x80:
                return kind, payload

    def text(self):
        kind, payload = self.read()
        assert kind == 1, (kind, payload)
        return payload.decode()

    def closed(self):
        """The code of the close frame, once what was still on its way is read; None when there was none."""
        try:
            while True:
                kind, payload = self.read()
                if kind == 8:
                    return struct.unpack(">H", payload[:2])[0] if payload else 1005
        except (EOFError, ConnectionResetError, ssl.SSLError):
            return None

    def send(self, *a, **kw):
        self.s.sendall(frame(*a, **kw))


def certificate(folder, name="localhost"):
    """A self-signed pair; (certificate, key) as paths."""
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=" + name, "-days", "2", "-keyout", key, "-out", cert],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return cert, key


def b64(data):
    return base64.b64encode(data).decode()
