# SPDX-License-Identifier: Apache-2.0
"""Files that people send to the chat: what comes at a time is limited for a session, for an address and in all, and is told as 429 with
Retry-After, not as a failure."""
import asyncio
import json

from look import Office, run_shared

MB = 1 << 20
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
                    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082")


class World:
    async def open(self):
        self.office = await Office().open()
        self.d = self.office.d
        return self

    async def close(self, failed):
        await self.office.close(failed)

    def session(self):
        body = {"session": None, "after": None, "cursor": None, "wait": 0,
                "frames": [{"type": "hello", "session": None, "after": None, "locale": "ar"}]}
        status, _, data = self.d.request("POST", "/chat/demo/web/poll", body)
        assert status == 200, data
        return json.loads(data)["frames"][0]["session"]


class Upload:
    """A file that is sent as slowly as the test wants."""

    def __init__(self, w, session, size, type="image/png", head=b""):
        self.w, self.session, self.size, self.type, self.head, self.sent = w, session, size, type, head, 0

    async def begin(self, first=0):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.w.d.port)
        length = self.head or b"Content-Length: %d\r\n" % self.size
        self.writer.write(b"POST /chat/demo/web/upload HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-Parley-Session: %s\r\nContent-Type: %s\r\nX-Parley-Name: a.png\r\n%s\r\n"
                          % (self.w.d.port, self.session.encode(), self.type.encode(), length))
        await self.send(first)
        return self

    async def send(self, n=None):
        n = self.size - self.sent if n is None else n
        while n > 0:
            piece = (PNG if self.sent == 0 else b"")[:n]
            piece += b"x" * (min(n, MB) - len(piece))
            self.writer.write(piece)
            try:
                await self.writer.drain()
            except OSError:
                return self
            self.sent += len(piece)
            n -= len(piece)
        return self

    async def answer(self, seconds=20):
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), seconds)
        headers = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(head.split()[1]), headers, body

    def close(self):
        self.writer.transport.abort()


async def one_is_taken(w):
    u = await Upload(w, w.session(), 3 * MB).begin()
    await u.send()
    status, _, body = await u.answer()
    assert status == 201 and json.loads(body)["size"] == 3 * MB, (status, body)
    u.close()


async def without_a_length_it_is_411(w):
    u = await Upload(w, w.session(), 10, head=b"Transfer-Encoding: chunked\r\n").begin()
    assert (await u.answer())[0] == 411
    u.close()


async def too_large_is_413_before_it_is_sent(w):
    u = await Upload(w, w.session(), 30 * MB).begin()
    assert (await u.answer())[0] == 413
    u.close()


async def a_session_sends_only_some_at_a_time(w):
    s = w.session()
    some = [await Upload(w, s, 20 * MB).begin(19 * MB) for _ in range(2)]
    await asyncio.sleep(0.5)
    more = await Upload(w, s, 20 * MB).begin()
    status, headers, body = await more.answer()
    assert status == 429 and int(headers["retry-after"]) > 0 and headers["content-type"] == "application/problem+json", (status, headers, body)
    more.close()
    other = await Upload(w, w.session(), 2 * MB).begin()  # somebody else is not disturbed
    await other.send()
    assert (await other.answer())[0] == 201
    for u in some:
        await u.send()
        assert (await u.answer())[0] == 201
        u.close()
    more = await Upload(w, s, 20 * MB).begin()  # now there is room
    await more.send()
    assert (await more.answer())[0] == 201
    more.close()
    other.close()


async def what_is_announced_and_not_sent_costs_others_nothing(w):
    idle = [await Upload(w, w.session(), 25 * MB).begin(1000) for _ in range(60)]
    u = await Upload(w, w.session(), 20 * MB).begin()
    await u.send()
    assert (await u.answer())[0] == 201
    for i in idle + [u]:
        i.close()


async def who_is_no_provider_leaves_room_for_people(w):
    """Nobody knows yet who sends to a provider's door: 250 bodies that never end, and nothing signed."""
    async def begin():
        _, writer = await asyncio.open_connection("127.0.0.1", w.d.port)
        writer.write(b"POST /hooks/demo/app HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % MB + b" " * (MB - 1))
        return writer
    some = [await begin() for _ in range(250)]
    await asyncio.sleep(1.5)
    u = await Upload(w, w.session(), 20 * MB).begin()
    await u.send()
    assert (await u.answer())[0] == 201
    u.close()
    for writer in some:
        writer.transport.abort()


async def an_address_has_its_limit_and_gets_it_back(w):
    many = [Upload(w, w.session(), 25 * MB) for _ in range(9)]
    for u in many:
        await u.begin()
        await u.send(24 * MB)
    await asyncio.sleep(1)
    late = await Upload(w, w.session(), 25 * MB).begin()
    status, headers, _ = await late.answer()
    assert status == 429 and int(headers["retry-after"]) > 0, status
    late.close()
    for u in many:
        u.close()
    await asyncio.sleep(1)
    late = await Upload(w, w.session(), 10 * MB).begin()
    await late.send()
    assert (await late.answer())[0] == 201
    late.close()


TESTS = [one_is_taken, without_a_length_it_is_411, too_large_is_413_before_it_is_sent, a_session_sends_only_some_at_a_time,
         what_is_announced_and_not_sent_costs_others_nothing, who_is_no_provider_leaves_room_for_people, an_address_has_its_limit_and_gets_it_back]

if __name__ == "__main__":
    run_shared(World, TESTS)
