#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The same bytes to our server and to Node's: both must refuse or accept, and see the same body; where they differ, the
difference is known and ours is the stricter side.
usage: test_second_server.py [path of echo_server]"""
import random
import shutil
import socket
import subprocess
import sys

import test_http
from wire import Echo

NODE = """
const http = require('http');
const s = http.createServer({maxHeaderSize: 16384, requireHostHeader: true}, (q, r) => {
  const parts = [];
  q.socket.asked = q;
  r.on('finish', () => { if (q.socket && q.socket.ending) q.socket.end(); });
  q.on('close', () => {});
  q.on('data', d => parts.push(d));
  q.on('end', () => { r.setHeader('Content-Length', Buffer.concat(parts).length); r.end(Buffer.concat(parts)); });
});
s.on('clientError', (e, c) => { if (c.asked) { if (c.asked.complete && c._httpMessage) c.ending = true; else c.end(); } else if (c.writable) c.end('HTTP/1.1 400 Bad Request\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n'); });
s.on('connect', (q, c) => c.end('HTTP/1.1 501 No\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n'));
s.listen(0, '127.0.0.1', () => console.log(s.address().port));
"""

# Node takes these and we refuse them. Each is allowed to us by RFC 9112 or refused for safety.
STRICTER = {
    "two Hosts", "two Hosts that differ",  # Node keeps the first
    "empty Host", "Host with a space", "Host with a path", "Host with user", "Host with a comma",
    "absolute form of another host", "absolute form without a host", "other scheme", "target without a slash", "star for GET",
    "fragment in the target", "two spaces", "two spaces before the version", "two empty lines first",
    "control byte in a value", "DEL in a value",
    "CONNECT", "TRACE", "unknown method",  # not spoken here
    "length of 2^64-1", "length of 2^64",
    "HTTP/0.9", "HTTP/0.9 told", "HTTP/2.0", "chunked on HTTP/1.0",
    "gzip, chunked", "other expectation", "101 headers", "websocket on a plain route",
    "upgrade with a length", "upgrade with chunks", "upgrade by POST",
    "body over the route's limit", "any body where none is wanted", "chunks over the route's limit",
    "an unknown path with a body", "answered before its body",
    "two lengths alike", "identity", "xchunked", "empty TE", "TE with VT", "HTTP/1.1x",
    "high byte in the target", "leading space", "endless extension", "extension without a value", "many trailers", "folded trailer", "folding", "folding by tab",
}


def status(port, data):
    """The first status and the body, or None when the server waits or closes without a word."""
    s = socket.create_connection(("127.0.0.1", port), 30)
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    got = b""
    try:
        while True:
            part = s.recv(65536)
            if not part:
                break
            got += part
    except OSError:
        pass
    s.close()
    while got.startswith(b"HTTP/1.1 100 "):
        got = got.partition(b"\r\n\r\n")[2]
    if not got:
        return None, b""
    head, _, rest = got.partition(b"\r\n\r\n")
    length = [h for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:")]
    return int(head.split(b" ")[1]), rest[:int(length[0].split(b":")[1])] if length else rest


def cases():
    for name, data, _ in test_http.REFUSED:
        yield name, data
    for name, chunks in test_http.BAD_CHUNKS:
        yield name, test_http.CHUNKED + chunks
    for i, (chunks, _) in enumerate(test_http.GOOD_CHUNKS):
        yield f"good chunks {i}", test_http.CHUNKED + chunks
    yield "plain", test_http.POST + b"Content-Length: 5\r\n\r\nhello"
    yield "no body", test_http.POST + b"\r\n"
    yield "empty line first", b"\r\n" + test_http.POST + b"Content-Length: 5\r\n\r\nhello"


def mutants():
    """Bytes changed here and there; what we accept, Node must accept with the same body."""
    rnd = random.Random(11)
    seeds = [test_http.CHUNKED + c for c, _ in test_http.GOOD_CHUNKS]
    seeds += [test_http.POST + b"Content-Length: 5\r\nA: b\r\n\r\nhello", test_http.POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]
    for i in range(1200):
        data = bytearray(rnd.choice(seeds))
        for _ in range(rnd.randrange(1, 3)):
            at = rnd.randrange(len(data))
            how = rnd.randrange(3)
            if how == 0:
                data[at] = rnd.choice(b"\0\t\r\n :;,0159aZ\x7f\xff")
            elif how == 1:
                del data[at]
            else:
                data.insert(at, rnd.choice(b"\0\t\r\n :;,0159aZ\x7f\xff"))
        yield f"mutant {i}", bytes(data)


def main():
    if not shutil.which("node"):
        print("0 passed, 0 failed, 1 skipped")
        return 0
    node = subprocess.Popen(["node", "-e", NODE], stdout=subprocess.PIPE)
    passed = failed = 0
    try:
        theirs_port = int(node.stdout.readline())
        with Echo() as e:
            for name, data in list(cases()) + list(mutants()):
                ours, our_body = status(e.port, data)
                theirs, their_body = status(theirs_port, data)
                we_take, they_take = ours is not None and ours < 400, theirs is not None and theirs < 400
                path_differs = ours == 404  # Node has no routes
                fine = we_take == they_take and (not we_take or our_body == their_body)
                if not fine and not we_take and (name in STRICTER or name.startswith("mutant")):
                    fine = True  # we refuse what Node takes
                if fine or (path_differs and they_take):
                    passed += 1
                else:
                    failed += 1
                    print("DIFFERS", name, data[:120], "ours", ours, our_body[:40], "node", theirs, their_body[:40])
    finally:
        node.kill()
        node.wait()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
