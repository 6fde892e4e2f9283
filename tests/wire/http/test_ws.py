#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Websockets on the HTTP server's port, plain and on TLS, and TLS itself.
usage: test_ws.py [path of echo_server [part of a test's name]]"""
import os
import random
import signal
import socket
import ssl
import subprocess
import tempfile
import time

from wire import ACCEPT, Echo, Socket, certificate, eventually, frame, handshake, main, read_answer, take, test

FOLDER = tempfile.mkdtemp(prefix="parley-ws-")
PAIR = certificate(FOLDER)


def both(fn):
    """The same test on a plain and on a TLS port."""
    def plain():
        with Echo() as e:
            fn(e)

    def tls():
        with Echo(tls=PAIR) as e:
            fn(e)
    plain.__name__, tls.__name__ = fn.__name__ + "_plain", fn.__name__ + "_tls"
    test(plain)
    test(tls)
    return fn


@both
def handshake_and_echo(e):
    w = Socket(e)
    assert w.status == 101, w.head
    lower = w.head.lower()
    assert f"sec-websocket-accept: {ACCEPT}".lower() in lower and "sec-websocket-protocol: echo" in lower
    assert "sec-websocket-extensions" not in lower
    assert w.text() == "hello"
    for text in ("x", "", "سلام 👋", "a" * 125, "b" * 126, "c" * 65535, "ö" * 32768):
        w.send(text)
        assert w.text() == text
    w.send("bye", opcode=9)
    assert w.read() == (10, b"bye")
    w.send(b"\x03\xe8", opcode=8)
    assert w.closed() == 1000
    eventually(lambda: e.count("ws") == "0")


@both
def wrong_handshakes(e):
    for kw in ({"version": "8"}, {"version": ""}, {"version": "14"}, {"key": ""}, {"key": "abc"}, {"key": "A" * 24},
               {"key": "dGhlIHNhbXBsZSBub25jZQ=!"}, {"protocol": ""}, {"protocol": "other"}, {"protocol": "ech"}):
        w = Socket(e, **kw)
        assert w.status == 400, (kw, w.head)
        w.s.close()
    w = Socket(e, protocol="other, echo")
    assert w.status == 101
    w.s.close()
    w = Socket(e, extra="Sec-WebSocket-Extensions: permessage-deflate\r\n")
    assert w.status == 101 and "deflate" not in w.head
    w.s.close()
    w = Socket(e, extra="X-Long: " + "y" * 12000 + "\r\n")
    assert w.status == 101
    w.s.close()
    s = e.connect()
    s.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n")
    assert read_answer(s)[0] == 400
    s.close()


@both
def early_frames(e):
    """What comes in the same segment as the handshake is not lost, whole or cut anywhere."""
    w = Socket(e, early=frame("one") + frame("two"))
    assert [w.text() for _ in range(3)] == ["hello", "one", "two"]
    w.s.close()
    data = handshake() + frame("one") + frame("two" * 100)
    for cut in (1, len(data) - 304, len(data) - 300, len(data) - 150, len(data) - 1):
        w = Socket.__new__(Socket)
        w.s, w.buf = e.connect(), b""
        w.s.sendall(data[:cut])
        time.sleep(0.03)
        w.s.sendall(data[cut:])
        while b"\r\n\r\n" not in w.buf:
            w.buf += w.s.recv(65536)
        w.buf = w.buf.partition(b"\r\n\r\n")[2]
        assert [w.text() for _ in range(3)] == ["hello", "one", "two" * 100], cut
        w.s.close()
    # a request before it on the same connection
    w = Socket.__new__(Socket)
    w.s, w.buf = e.connect(), b""
    w.s.sendall(b"GET /late?50 HTTP/1.1\r\nHost: x\r\n\r\n" + handshake() + frame("one"))
    while w.buf.count(b"\r\n\r\n") < 2:
        w.buf += w.s.recv(65536)
    answer, rest = take(w.buf)
    assert answer[2] == b"50"
    w.buf = rest.partition(b"\r\n\r\n")[2]
    assert [w.text(), w.text()] == ["hello", "one"]
    w.s.close()


@both
def byte_by_byte(e):
    w = Socket(e)
    w.text()
    for c in frame("سلام", fin=False) + frame("ping", opcode=9) + frame(" and more", opcode=0):
        w.s.send(bytes([c]))
    assert w.read() == (10, b"ping")
    assert w.text() == "سلام and more"
    w.s.close()


@both
def fragments(e):
    w = Socket(e)
    w.text()
    text = "سلام 👋 " * 50
    raw = text.encode()
    pieces = [raw[i:i + 7] for i in range(0, len(raw), 7)]  # cut inside characters
    for i, piece in enumerate(pieces):
        w.send(piece, opcode=1 if i == 0 else 0, fin=i == len(pieces) - 1)
    assert w.text() == text
    w.send("a", fin=False)
    w.send("", opcode=0, fin=False)
    w.send("", opcode=0)
    assert w.text() == "a"
    w.s.close()


@both
def too_large(e):
    for how in ("one frame", "fragments", "length of 2^62"):
        w = Socket(e)
        w.text()
        if how == "one frame":
            w.send("x" * 65537)
        elif how == "fragments":
            w.send("x" * 40000, fin=False)
            w.send("x" * 40000, opcode=0)
        else:
            w.s.sendall(b"\x81\xff\x40" + b"\0" * 7 + b"abcd" + b"x" * 70000)
        assert w.closed() in (1009, None), how
        if how != "length of 2^62":
            w = Socket(e)
            w.text()
            w.send("x" * 65537)
            assert w.closed() == 1009
        w.s.close()
    eventually(lambda: e.count("ws") == "0")


@both
def what_breaks_the_rules_is_closed(e):
    bad = [
        ("invalid UTF-8", frame(b"\xff\xfe"), 1007), ("cut UTF-8", frame(b"abc\xd8"), 1007),
        ("surrogate", frame(b"\xed\xa0\x80"), 1007), ("binary", frame(b"abc", opcode=2), 1003),
        ("reserved opcode", frame(b"", opcode=3), None), ("reserved bit", b"\xc1\x80abcd", None),
        ("continuation first", frame("x", opcode=0), None), ("fragmented ping", frame("x", opcode=9, fin=False), None),
        ("long ping", frame("x" * 126, opcode=9), None),
        ("text inside fragments", frame("a", fin=False) + frame("b"), None),
    ]
    for name, data, code in bad:
        w = Socket(e)
        w.text()
        w.s.settimeout(30)
        w.s.sendall(data)
        got = w.closed()
        assert code is None or got == code, (name, got)
        w.s.close()
    eventually(lambda: e.count("ws") == "0")


@both
def server_closes(e):
    w = Socket(e)
    w.text()
    w.send("close me")
    kind, payload = w.read()
    assert kind == 8 and payload == b"\x0f\xa1as you wish", payload
    w.send(payload, opcode=8)
    assert w.s.recv(10) == b""
    eventually(lambda: e.count("ws") == "0")
    w = Socket(e)
    w.text()
    w.send("close me")  # and the client never answers
    eventually(lambda: e.count("ws") == "0")
    w.s.close()


@both
def a_slow_reader_is_closed(e):
    w = Socket(e)
    w.text()
    w.send("flood")
    eventually(lambda: e.count("ws") == "0")
    assert e.get("/info")[0] == 200
    w.s.close()


@both
def large_messages_both_ways(e):
    w = Socket(e)
    w.text()
    rnd = random.Random(3)
    texts = ["%x" % rnd.getrandbits(4 * rnd.randrange(10, 60000)) for _ in range(60)]
    pid = os.fork()
    if pid == 0:
        for text in texts:
            w.send(text) if not isinstance(w.s, ssl.SSLSocket) else None
        os._exit(0)
    for text in texts:
        if isinstance(w.s, ssl.SSLSocket):
            w.send(text)
        assert w.text() == text
    os.waitpid(pid, 0)
    w.s.close()


@both
def resets_and_many(e):
    held = []
    for i in range(150):
        w = Socket(e)
        held.append(w)
        if i % 3 == 0:
            w.s.sendall(frame("x" * 1000)[:-10])  # half a frame
        if i % 5 == 0:
            w.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            w.s.close()
    eventually(lambda: e.count("ws") == "120")
    for w in held:
        w.s.close()
    eventually(lambda: e.count("ws") == "0")


@both
def pings_flood(e):
    w = Socket(e)
    w.text()
    w.s.sendall(frame("p", opcode=9) * 3000)
    w.send("after")
    got = 0
    while True:
        kind, payload = w.read()
        if kind == 1:
            assert payload == b"after"
            break
        got += 1
    assert got >= 1
    w.s.close()


@test
def ending_with_open_sockets():
    for tls in (None, PAIR):
        e = Echo(tls=tls)
        held = [Socket(e) for _ in range(20)]
        e.child.send_signal(signal.SIGTERM)
        _, errors = e.child.communicate(timeout=40)
        assert e.child.returncode == 0, errors.decode()[:1500]
        for w in held:
            w.s.close()


# ---- TLS ----

@test
def requests_on_tls():
    body = os.urandom(3 << 20)
    with Echo(tls=PAIR) as e:
        s = e.connect()
        for _ in range(3):
            s.sendall(b"GET /info HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"secure=1" in read_answer(s)[2]
        s.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert read_answer(s)[2] == body
        s.sendall(b"GET /pieces?3000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert len(read_answer(s)[2]) == 3000000
        s.sendall(b"GET /info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert read_answer(s)[0] == 200
        assert s.recv(10) == b""  # with close_notify: an abrupt end would raise


@test
def what_is_no_tls():
    with Echo(tls=PAIR) as e:
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", os.urandom(2000), b""):
            s = socket.create_connection(("127.0.0.1", e.port), 30)
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            got = b""
            try:
                while True:
                    part = s.recv(1000)
                    if not part:
                        break
                    got += part
            except ConnectionResetError:
                pass
            assert b"HTTP" not in got
            s.close()
        s = socket.create_connection(("127.0.0.1", e.port), 30)  # half a handshake must not stop the end
        s.sendall(b"\x16\x03\x01")
        assert Socket(e).status == 101


def tls_with(port, **kw):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    for name, value in kw.items():
        if name == "alpn":
            c.set_alpn_protocols(value)
        else:
            setattr(c, name, value)
    return c.wrap_socket(socket.create_connection(("127.0.0.1", port), 30))


@test
def versions_and_protocols():
    with Echo(tls=PAIR) as e:
        assert tls_with(e.port).version() == "TLSv1.3"
        assert tls_with(e.port, maximum_version=ssl.TLSVersion.TLSv1_2).version() == "TLSv1.2"
        assert tls_with(e.port, alpn=["h2", "http/1.1"]).selected_alpn_protocol() == "http/1.1"
        try:
            tls_with(e.port, alpn=["h2"])
            raise AssertionError("h2 was taken")
        except ssl.SSLError:
            pass
        got = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{e.port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                             input=b"", capture_output=True)
        assert got.returncode != 0


def subject(port):
    s = tls_with(port)
    der = s.getpeercert(True)
    s.close()
    return der


@test
def certificates_are_read_anew():
    folder = tempfile.mkdtemp(prefix="parley-tls-")
    pair = certificate(folder, "first")
    with Echo(tls=pair) as e:
        held = e.connect()
        assert b"first" in subject(e.port)
        certificate(folder, "second")
        assert b"first" in subject(e.port)
        e.child.send_signal(signal.SIGHUP)
        eventually(lambda: b"second" in subject(e.port))
        with open(pair[0], "w") as f:
            f.write("nonsense")
        e.child.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        assert b"second" in subject(e.port)  # the old one stays
        held.sendall(b"GET /info HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_answer(held)[0] == 200
    for wrong in (("/nonexistent", pair[1]), (pair[0], pair[1]), (PAIR[0], pair[1])):
        try:
            with Echo(tls=wrong):
                raise AssertionError(wrong)
        except RuntimeError as why:
            assert "tls:" in str(why), why


if __name__ == "__main__":
    main()
