#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The HTTP server on raw bytes: what it must refuse, and what it must answer right and in order.
usage: test_http.py [path of echo_server [part of a test's name]]"""
import os
import signal
import socket
import time

from wire import Echo, eventually, main, one, read_answer, take, test

GET = b"GET /info HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: x\r\n"

# name, bytes, status. After each the server must close, and nothing of it may be taken for a second request.
REFUSED = [
    ("no Host", b"GET /info HTTP/1.1\r\n\r\n", 400),
    ("two Hosts", GET + b"Host: x\r\n\r\n", 400),
    ("two Hosts that differ", GET + b"host: y\r\n\r\n", 400),
    ("empty Host", b"GET /info HTTP/1.1\r\nHost:\r\n\r\n", 400),
    ("Host with a space", b"GET /info HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    ("Host with a path", b"GET /info HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    ("Host with user", b"GET /info HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
    ("Host with a comma", b"GET /info HTTP/1.1\r\nHost: a,b\r\n\r\n", 400),
    ("bare LF in the head", b"GET /info HTTP/1.1\nHost: x\r\n\r\n", 400),
    ("bare LF only", b"GET /info HTTP/1.1\nHost: x\n\n", 400),
    ("bare LF at the end", GET + b"A: b\n\r\n", 400),
    ("bare CR in a value", GET + b"A: b\rc\r\n\r\n", 400),
    ("CR CR LF", GET + b"A: b\r\r\n\r\n", 400),
    ("folding", GET + b"A: b\r\n c\r\n\r\n", 400),
    ("folding by tab", GET + b"A: b\r\n\tc\r\n\r\n", 400),
    ("folded first header", b"GET /info HTTP/1.1\r\n Host: x\r\n\r\n", 400),
    ("space before the colon", POST + b"Content-Length : 1\r\n\r\na", 400),
    ("TE with a space", POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    ("TE with a tab", POST + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400),
    ("TE with VT", POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    ("no colon", GET + b"A\r\n\r\n", 400),
    ("empty name", GET + b": b\r\n\r\n", 400),
    ("name with a space", GET + b"A B: c\r\n\r\n", 400),
    ("name with UTF-8", GET + "Ä: c\r\n\r\n".encode(), 400),
    ("name in brackets", GET + b"A(b): c\r\n\r\n", 400),
    ("NUL in a value", GET + b"A: b\0c\r\n\r\n", 400),
    ("NUL in a name", GET + b"A\0: b\r\n\r\n", 400),
    ("control byte in a value", GET + b"A: b\x01\r\n\r\n", 400),
    ("DEL in a value", GET + b"A: b\x7f\r\n\r\n", 400),
    ("control byte in the target", b"GET /in\x01fo HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("high byte in the target", b"GET /inf\xc3\xb6 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("fragment in the target", b"GET /info#x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("target without a slash", b"GET info HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("no target", b"GET HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("star for GET", b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("other scheme", b"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("absolute form of another host", b"GET http://y/info HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("absolute form without a host", b"GET http:///info HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("two spaces", b"GET  /info HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("two spaces before the version", b"GET /info  HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("space at the end of the line", b"GET /info HTTP/1.1 \r\nHost: x\r\n\r\n", 400),
    ("tab", b"GET\t/info\tHTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("leading space", b" GET /info HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("two empty lines first", b"\r\n\r\nGET /info HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("HTTP/0.9", b"GET /info\r\n\r\n", 400),
    ("HTTP/1.2", b"GET /info HTTP/1.2\r\nHost: x\r\n\r\n", 505),
    ("HTTP/2.0", b"GET /info HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    ("HTTP/0.9 told", b"GET /info HTTP/0.9\r\nHost: x\r\n\r\n", 505),
    ("HTTP/11", b"GET /info HTTP/11\r\nHost: x\r\n\r\n", 400),
    ("http/1.1", b"GET /info http/1.1\r\nHost: x\r\n\r\n", 400),
    ("HTTP/1.1x", b"GET /info HTTP/1.1x\r\nHost: x\r\n\r\n", 400),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("CONNECT", b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", 501),
    ("TRACE", b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    ("unknown method", b"BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    ("small letters", b"get /info HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    ("method with a bracket", b"GE(T /info HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("no method", b" /info HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("TLS on a plain port", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n", 400),
    ("two lengths that differ", POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    ("two lengths alike", POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
    ("list of lengths", POST + b"Content-Length: 1, 1\r\n\r\na", 400),
    ("signed length", POST + b"Content-Length: +1\r\n\r\na", 400),
    ("negative length", POST + b"Content-Length: -1\r\n\r\na", 400),
    ("hex length", POST + b"Content-Length: 0x1\r\n\r\na", 400),
    ("empty length", POST + b"Content-Length:\r\n\r\n", 400),
    ("length with a blank inside", POST + b"Content-Length: 1 1\r\n\r\na", 400),
    ("length of 2^64", POST + b"Content-Length: 18446744073709551616\r\n\r\n", 400),
    ("length of 2^64-1", POST + b"Content-Length: 18446744073709551615\r\n\r\n", 413),
    ("length and chunked", POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("chunked and length", POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
    ("chunked twice", POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("chunked, chunked", POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501),
    ("gzip, chunked", POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    ("chunked, identity", POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501),
    ("identity", POST + b"Transfer-Encoding: identity\r\n\r\n", 501),
    ("xchunked", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    ("empty TE", POST + b"Transfer-Encoding:\r\n\r\n", 501),
    ("chunked on HTTP/1.0", b"POST /echo HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("other expectation", POST + b"Content-Length: 1\r\nExpect: 200-ok\r\n\r\na", 417),
    ("101 headers", GET + b"A: b\r\n" * 100 + b"\r\n", 431),
    ("head over 16 kB", GET + b"A: " + b"b" * 16384 + b"\r\n\r\n", 431),
    ("head over 16 kB without an end", GET + b"A: " + b"b" * 20000, 431),
    ("target over 16 kB", b"GET /" + b"a" * 20000, 414),
    ("websocket on a plain route", GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 400),
    ("upgrade with a length", b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
     b"Content-Length: 5\r\n\r\nhello", 400),
    ("upgrade with chunks", b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("upgrade by POST", b"POST /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 400),
    ("body over the route's limit", b"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n", 413),
    ("any body where none is wanted", b"POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", 413),
    ("chunks over the route's limit", b"POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"a\r\n0123456789\r\n7\r\n", 413),
    ("an unknown path with a body", b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", 404),
    ("answered before its body", b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", 401),
]

CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
BAD_CHUNKS = [
    ("no digits", b"\r\nhello"), ("no hex", b"g\r\n"), ("0x", b"0x5\r\nhello\r\n0\r\n\r\n"), ("minus", b"-1\r\n"),
    ("plus", b"+5\r\nhello\r\n0\r\n\r\n"), ("leading space", b" 5\r\nhello\r\n0\r\n\r\n"),
    ("space behind", b"5 \r\nhello\r\n0\r\n\r\n"), ("2^64-1", b"ffffffffffffffff\r\nhello"),
    ("2^64", b"10000000000000000\r\nhello"), ("bare LF", b"5\nhello\r\n0\r\n\r\n"), ("bare CR", b"5\rXhello\r\n0\r\n\r\n"),
    ("LF in an extension", b"5;a=b\nhello\r\n0\r\n\r\n"), ("control byte in an extension", b"5;a\x01\r\nhello\r\n0\r\n\r\n"),
    ("extension without a name", b"5;\r\nhello\r\n0\r\n\r\n"), ("half a quote", b"5;a=\"b\r\nhello\r\n0\r\n\r\n"),
    ("extension without a value", b"5;a=\r\nhello\r\n0\r\n\r\n"), ("space in an extension", b"5; a\r\nhello\r\n0\r\n\r\n"),
    ("endless extension", b"5;" + b"a" * 5000 + b"\r\nhello\r\n0\r\n\r\n"),
    ("no end of data", b"5\r\nhelloX0\r\n\r\n"), ("too long data", b"5\r\nhello!\r\n0\r\n\r\n"),
    ("LF behind the data", b"5\r\nhello\n0\r\n\r\n"), ("bad trailer", b"0\r\nA B: c\r\n\r\n"),
    ("folded trailer", b"0\r\nA: b\r\n c\r\n\r\n"), ("trailer with LF", b"0\r\nA: b\n\r\n"),
    ("many trailers", b"0\r\n" + b"A: b\r\n" * 101 + b"\r\n"), ("comma", b"5,5\r\nhello\r\n0\r\n\r\n"),
]
GOOD_CHUNKS = [
    (b"0\r\n\r\n", b""), (b"5\r\nhello\r\n0\r\n\r\n", b"hello"), (b"1\r\na\r\n2\r\nbc\r\n000\r\n\r\n", b"abc"),
    (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"), (b"a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    (b"5;a;b=c;d=\"\\\";\"\r\nhello\r\n0\r\n\r\n", b"hello"),
    (b"0005;x=\"y z\"\r\nhello\r\n0;q\r\nA: b\r\nC:\r\n\r\n", b"hello"), (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n"),
]
SMUGGLED = b"GET /info?smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@test
def refused_and_closed():
    with Echo() as e:
        for name, data, status in REFUSED:
            got = e.raw(data)
            answer, rest = take(got)
            assert answer[0] == status, (name, answer)
            assert answer[1]["connection"] == "close", (name, answer)
            assert rest == b"" and b"smuggled" not in got, (name, got)


@test
def nothing_behind_a_refusal_is_a_request():
    with Echo() as e:
        for name, data, status in REFUSED:
            got = e.raw(data + SMUGGLED)
            answer, rest = take(got)
            assert rest == b"" and b"smuggled" not in got, (name, got)


@test
def refused_byte_by_byte():
    with Echo() as e:
        for name, data, status in REFUSED:
            if len(data) > 300:
                continue
            s = e.connect()
            try:
                for i in range(len(data)):
                    s.send(data[i:i + 1])
            except OSError:
                pass
            assert read_answer(s)[0] == status, name
            s.close()


@test
def bad_chunks():
    with Echo() as e:
        for name, chunks in BAD_CHUNKS:
            got = e.raw(CHUNKED + chunks + SMUGGLED)
            assert b"smuggled" not in got, (name, got)
            answer = one(got)
            assert answer[0] in (400, 413) and answer[1]["connection"] == "close", (name, answer)


@test
def good_chunks_whole_and_byte_by_byte():
    with Echo() as e:
        s = e.connect()
        for chunks, body in GOOD_CHUNKS:
            s.sendall(CHUNKED + chunks)
            assert read_answer(s)[2] == body, chunks
            for c in CHUNKED + chunks:
                s.send(bytes([c]))
            assert read_answer(s)[2] == body, chunks


@test
def accepted():
    cases = [
        (b"\r\nGET /info HTTP/1.1\r\nHost: x\r\n\r\n", b"target=/info"),
        (b"GET http://x/info?a HTTP/1.1\r\nHost: x\r\n\r\n", b"path=/info\nquery=a"),
        (b"GET /info?a=%41&b=//../x HTTP/1.1\r\nHost: x:80\r\n\r\n", b"target=/info?a=%41&b=//../x"),
        (b"GET /info HTTP/1.1\r\nHOST:x\r\n\r\n", b"headers=1"),
        (b"GET /info HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", b"h:Host=[::1]:80"),
        (GET + b"A:  \t b \t \r\nB:\r\nC: \xc3\xb6\r\n\r\n", b"h:A=b\nh:B=\nh:C=\xc3\xb6\n"),
        (GET + b"Cookie: a=b; sid=s3=x; sid=no\r\n\r\n", b"sid=s3=x\n"),
        (GET + b"A: b\r\n" * 99 + b"\r\n", b"headers=100"),
        (GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n", b"method=GET"),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b"method=OPTIONS\ntarget=*"),
        (b"GET /info HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b"body=0"),
        (b"DELETE /info HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", b"method=DELETE"),
        (b"POST /info HTTP/1.1\r\nHost: x\r\nContent-Length: 003\r\n\r\nabc", b"body=3"),
    ]
    with Echo() as e:
        s = e.connect()
        for data, want in cases:
            s.sendall(data)
            status, headers, body = read_answer(s)
            assert status == 200 and want in body, (data, status, body)
            assert "connection" not in headers and headers["x-content-type-options"] == "nosniff" and headers["date"]
            for c in data:
                s.send(bytes([c]))
            assert want in read_answer(s)[2]


@test
def methods_and_statuses():
    with Echo() as e:
        s = e.connect()
        s.sendall(b"HEAD /info HTTP/1.1\r\nHost: x\r\n\r\n")
        status, headers, _ = read_answer(s, head_only=True)
        assert status == 200 and int(headers["content-length"]) > 50
        s.sendall(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
        status, headers, body = read_answer(s)
        assert status == 404 and headers["content-type"] == "application/problem+json" and b'"title":"Not Found"' in body
        assert headers.get("connection") is None
        s.sendall(b"HEAD /pieces?5000 HTTP/1.1\r\nHost: x\r\n\r\n" + GET + b"\r\n")
        got = b""
        while b"headers=1" not in got:
            got += s.recv(65536)
        first, rest = take(got, head_only=True)
        assert first[1]["content-length"] == "5000" and take(rest)[0][0] == 200


@test
def pipelined_in_order():
    with Echo() as e:
        for size in (10 ** 9, 1, 7, 100, 1460):
            data, want = b"", []
            for i in range(60):
                body = b"%d" % i * (i * 7 % 50)
                kind = i % 4
                if kind == 0:
                    data += b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
                elif kind == 1:
                    data += CHUNKED + b"".join(b"%x\r\n%s\r\n" % (len(body[k:k + 9]), body[k:k + 9])
                                               for k in range(0, len(body), 9)) + b"0\r\n\r\n"
                elif kind == 2:
                    body = b"%d" % (i % 30)
                    data += b"GET /late?%s HTTP/1.1\r\nHost: x\r\n\r\n" % body
                else:
                    body = b'{"ok":true}'
                    data += b"GET /fixed HTTP/1.1\r\nHost: x\r\n\r\n"
                want.append(body)
            data += GET + b"Connection: close\r\n\r\n" + SMUGGLED
            s = e.connect()
            for i in range(0, len(data), size):
                s.sendall(data[i:i + size])
            got = b""
            while True:
                part = s.recv(65536)
                if not part:
                    break
                got += part
            for body in want:
                answer, got = take(got)
                assert answer[2] == body, (size, body, answer)
            answer, got = take(got)
            assert answer[1]["connection"] == "close" and got == b""


@test
def one_write_for_head_and_body():
    with Echo() as e:
        s = e.connect()
        for _ in range(20):
            s.sendall(GET + b"\r\n")
            take(s.recv(65536))
            s.sendall(POST + b"Content-Length: 20000\r\n\r\n" + b"x" * 20000)
            read_answer(s)


@test
def connection_close_and_http_1_0():
    with Echo() as e:
        assert one(e.raw(GET + b"Connection: close\r\n\r\n" + SMUGGLED))[1]["connection"] == "close"
        assert one(e.raw(GET + b"Connection: x, CLOSE\r\n\r\n"))[1]["connection"] == "close"
        assert one(e.raw(b"GET /info HTTP/1.0\r\n\r\n"))[0] == 200
        assert one(e.raw(b"GET /info HTTP/1.0\r\nConnection: close\r\n\r\n" + SMUGGLED))[0] == 200
        s = e.connect()
        for _ in range(3):
            s.sendall(b"GET /info HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert read_answer(s)[1]["connection"] == "keep-alive"


@test
def expect_100():
    with Echo() as e:
        s = e.connect()
        s.sendall(POST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert s.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(b"hello")
        assert read_answer(s)[2] == b"hello"
        s.sendall(POST + b"Content-Length: 5\r\nExpect: 100-Continue\r\n\r\nhello")  # it did not wait
        got = s.recv(1000)
        answer = take(got)
        assert answer[0][2] == b"hello", got
        s.sendall(b"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\nExpect: 100-continue\r\n\r\n")
        assert read_answer(s)[0] == 413  # and no 100 before
        assert s.recv(100) == b""


@test
def a_refusal_is_read_although_the_body_keeps_coming():
    with Echo() as e:
        for path in (b"/small", b"/nowhere", b"/early"):
            s = e.connect()
            try:
                s.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" % path + b"x" * 3000000)
            except OSError:
                pass
            assert read_answer(s)[0] in (413, 404, 401)
            s.close()


@test
def large_bodies():
    body = os.urandom(4 << 20)
    with Echo() as e:
        s = e.connect()
        s.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert read_answer(s)[2] == body
        s.sendall(CHUNKED + b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 70001]), body[i:i + 70001])
                                     for i in range(0, len(body), 70001)) + b"0\r\n\r\n")
        assert read_answer(s)[2] == body
        s.sendall(POST + b"Content-Length: %d\r\n\r\n" % ((4 << 20) + 1))
        assert read_answer(s)[0] == 413


@test
def slow_heads_and_idle_connections():
    with Echo("--head-ms", "1500", "--idle-ms", "1500") as e:
        began = time.time()
        silent, half, idle = e.connect(), e.connect(), e.connect()
        half.sendall(b"GET /info HT")
        idle.sendall(GET + b"\r\n")
        read_answer(idle)
        drip = e.connect()
        drip.settimeout(0.1)
        dripped = b""
        for c in b"GET /info HTTP/1.1\r\nHost: x\r\nA: bbbbbbbbbbbbbbbbbbbbbbbbbb":
            try:
                drip.send(bytes([c]))
                dripped += drip.recv(1000)
            except TimeoutError:
                pass
            except OSError:
                break
        assert b" 408 " in dripped, dripped  # time is measured from the first byte, not from the last
        assert read_answer(half)[0] == 408
        assert silent.recv(100) == b""
        assert idle.recv(100) == b""
        assert time.time() - began < 25


@test
def too_many_connections():
    with Echo("--max", "5") as e:
        held = [e.connect() for _ in range(5)]
        for s in held:
            s.sendall(GET + b"\r\n")
            read_answer(s)
        for _ in range(20):
            got = e.raw(b"")
            assert got == b"" or take(got)[0][0] == 503, got
        held.pop().close()
        eventually(lambda: take(e.raw(GET + b"Connection: close\r\n\r\n") or b"HTTP/1.1 1 x\r\n\r\n")[0][0] == 200)


@test
def the_peer_leaves():
    with Echo() as e:
        s = e.connect()
        s.sendall(b"GET /late?1000 HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(lambda: e.count("late") == "1")
        s.close()
        eventually(lambda: e.count("gone") == "1")
        s = e.connect()
        s.sendall(b"GET /late?200 HTTP/1.1\r\nHost: x\r\n\r\n" + GET + b"\r\n")
        s.shutdown(socket.SHUT_WR)  # half closed: it still reads
        got = b""
        while True:
            part = s.recv(65536)
            if not part:
                break
            got += part
        first, rest = take(got)
        assert first[2] == b"200" and one(rest)[0] == 200
        eventually(lambda: e.count("gone") == "2")
        s = e.connect()
        s.sendall(b"GET /late?1000 HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(lambda: e.count("late") == "3")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
        s.close()
        eventually(lambda: e.count("gone") == "3")
        time.sleep(1.2)


@test
def half_bodies_leave_nothing_behind():
    """The sanitizer looks when the server ends."""
    with Echo() as e:
        for data in (POST + b"Content-Length: 5\r\n\r\nhel", CHUNKED + b"5\r\nhel", GET, POST + b"Content-Length: 5\r\n\r\n"):
            for how in (b"", b"\1\0\0\0\0\0\0\0"):
                s = e.connect()
                s.sendall(data)
                time.sleep(0.02)
                if how:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, how)
                s.close()
        assert e.get("/info")[0] == 200


@test
def reading_stops_while_an_answer_is_pending():
    with Echo() as e:
        s = e.connect()
        s.sendall(b"GET /late?1500 HTTP/1.1\r\nHost: x\r\n\r\n")
        s.settimeout(0.3)
        sent = 0
        piece = (GET + b"\r\n") * 1000
        try:
            while sent < 200 << 20:
                sent += s.send(piece)
        except TimeoutError:
            pass
        assert sent < 64 << 20, sent
        s.settimeout(5)
        s.close()


@test
def streams():
    want = bytes(97 + i % 26 for i in range(260)) * 20000
    with Echo() as e:
        s = e.connect()
        for path, n in ((b"pieces", 0), (b"pieces", 1), (b"pieces", 9999), (b"pieces", 5000000), (b"slow", 200000)):
            s.sendall(b"GET /%s?%d HTTP/1.1\r\nHost: x\r\n\r\n" % (path, n))
            status, headers, body = read_answer(s)
            assert status == 200 and body == want[:n], (path, n, len(body))
        s.sendall(b"GET /pieces?100000 HTTP/1.1\r\nHost: x\r\n\r\n" + GET + b"\r\n")  # pipelined behind
        got = b""
        while b"headers=1" not in got:
            got += s.recv(65536)
        first, rest = take(got)
        assert first[2] == want[:100000] and take(rest)[0][0] == 200
        before = int(e.count("closed"))
        s.sendall(b"GET /cut?1000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        got = 0
        try:
            while True:
                part = s.recv(65536)
                if not part:
                    break
                got += len(part)
        except ConnectionResetError:
            pass
        assert got < 1000000
        s = e.connect()
        s.sendall(b"GET /pieces?500000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        s.recv(100000)
        s.close()
        eventually(lambda: int(e.count("closed")) == before + 2)


@test
def who_it_is():
    with Echo("--trust", "127.0.0.1/32,10.0.0.0/8,::1/128") as e:
        for headers, peer in (("", "127.0.0.1"), ("X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7"),
                              ("X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.1.1.1\r\n", "192.0.2.7"),
                              ("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7"),
                              ("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 10.9.9.9\r\n", "6.6.6.6"),
                              ("X-Forwarded-For: [2001:db8::7]:99\r\n", "2001:db8::7"),
                              ("X-Forwarded-For: 192.0.2.7:5555\r\n", "192.0.2.7"),
                              ("X-Forwarded-For: 6.6.6.6, unknown\r\n", "127.0.0.1"),
                              ("X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.3")):
            body = e.get("/info", headers)[2].decode()
            assert f"peer={peer}\n" in body, (headers, body)
            assert ("loopback=1" in body) == (peer == "127.0.0.1" and "unknown" not in headers) or "unknown" in headers
        assert b"secure=1" in e.get("/info", "X-Forwarded-Proto: https\r\n")[2]
        assert b"secure=0" in e.get("/info", "X-Forwarded-Proto: http\r\n")[2]
    with Echo() as e:
        body = e.get("/info", "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n")[2]
        assert b"peer=127.0.0.1\n" in body and b"secure=0" in body and b"loopback=0" in body


@test
def ipv6_and_bad_addresses():
    with Echo("--listen", "[::]:0") as e:
        assert b"peer=127.0.0.1\nsecure=0\nloopback=1" in e.get("/info")[2]
        s = e.connect(host="::1")
        s.sendall(GET + b"\r\n")
        assert b"peer=::1\n" in read_answer(s)[2]
    for bad in ("", "localhost:1", "1.2.3.4", "1.2.3.4:", "1.2.3.4:99999", "::1:80", "[::1]", ":80", "[1.2.3.4]:1"):
        try:
            with Echo("--listen", bad):
                raise AssertionError(bad)
        except RuntimeError as why:
            assert "127.0.0.1:8080" in str(why), why


@test
def draining():
    e = Echo()
    fresh, late, half, late_comer, idle = (e.connect() for _ in range(5))
    idle.sendall(GET + b"\r\n")
    read_answer(idle)  # the last to come was answered: all have been accepted
    late.sendall(b"GET /late?400 HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED)
    half.sendall(POST + b"Content-Length: 5\r\n\r\nhel")
    e.child.send_signal(signal.SIGTERM)
    assert idle.recv(100) == b""
    late_comer.sendall(GET + b"\r\n")  # connected before, asks now: no connection is refused
    try:
        e.connect()
        raise AssertionError("still listening")
    except ConnectionRefusedError:
        pass
    answer = read_answer(late_comer)
    assert answer[0] == 200 and answer[1]["connection"] == "close"
    assert fresh.recv(100) == b""
    half.sendall(b"lo")
    answer = read_answer(half)
    assert answer[2] == b"hello" and answer[1]["connection"] == "close"
    got = read_answer(late)
    assert got[2] == b"400" and got[1]["connection"] == "close"
    for s in (idle, fresh, late, half, late_comer):
        s.close()
    assert e.child.wait(30) == 0
    # one that never ends is cut after the grace
    e = Echo()
    s = e.connect()
    s.sendall(GET + b"\r\n")
    read_answer(s)
    s.sendall(POST + b"Content-Length: 5\r\n\r\nhel")
    e.child.send_signal(signal.SIGTERM)
    assert s.recv(100) == b""
    assert e.child.wait(30) == 0


@test
def random_bytes_do_no_harm():
    import random
    rnd = random.Random(7)
    with Echo() as e:
        seeds = [d for _, d, _ in REFUSED if len(d) < 400] + [CHUNKED + c for c, _ in GOOD_CHUNKS]
        for _ in range(400):
            data = bytearray(rnd.choice(seeds) + rnd.choice(seeds))
            for _ in range(rnd.randrange(4)):
                data[rnd.randrange(len(data))] = rnd.choice(b"\0\r\n :;09aZ\xff")
            s = e.connect()
            s.sendall(bytes(data))
            s.shutdown(socket.SHUT_WR)
            try:
                while s.recv(65536):
                    pass
            except ConnectionResetError:
                pass
            s.close()
        assert e.get("/info")[0] == 200


if __name__ == "__main__":
    main()
