# SPDX-License-Identifier: Apache-2.0
"""Assigning as agents see it: who declines is left alone for a pause, who frees a place gets the next thread at once."""
import asyncio
import time

from look import Office, run_shared, texts

PAUSE = 3


def document(_, doc):
    doc["decline_pause"] = PAUSE
    doc["agents"][1]["capacity"] = {"chat": 1}  # farid


class World(Office):
    def __init__(self):
        super().__init__(document)

    async def open(self):
        return await super().open("amal", "farid")


async def who_declines_alone_is_asked_again_after_the_pause(o):
    amal = o.agents["amal"]
    assert await asyncio.to_thread(o.d.write, "tel:+905550000001", "أريد التسجيل") == 200
    t = (await amal.frame("thread.offered"))["thread"]
    began = time.monotonic()
    ok = await amal.ask("decline", thread=t["id"], reason="busy")
    assert ok["type"] == "ok", ok
    again = await amal.frame("thread.offered", PAUSE + 5, where=lambda f: f["thread"]["id"] == t["id"])
    took = time.monotonic() - began
    assert PAUSE - 0.1 <= took < PAUSE + 3, took
    ok = await amal.ask("accept", thread=again["thread"]["id"])
    assert ok["type"] == "ok", ok


async def a_declined_thread_goes_to_somebody_else_at_once(o):
    amal = o.agents["amal"]
    assert await asyncio.to_thread(o.d.write, "tel:+905550000002", "I want to register, please help me with this") == 200
    t = (await amal.frame("thread.offered"))["thread"]  # english: amal and farid both have level 3
    await amal.ask("decline", thread=t["id"])
    other = o.agents["farid"]
    offered = await other.frame("thread.offered", 2, where=lambda f: f["thread"]["id"] == t["id"])
    ok = await other.ask("accept", thread=offered["thread"]["id"])
    assert ok["type"] == "ok", ok
    o.farids = t["id"]


async def a_place_that_becomes_free_is_filled_at_once(o):
    farid = o.agents["farid"]
    assert await asyncio.to_thread(o.d.write, "tel:+905550000003", "سلام، می‌خواهم ثبت نام کنم، چه کار باید بکنم؟") == 200
    await asyncio.sleep(0.5)
    assert not [f for f in farid.frames if f["type"] == "thread.offered"], "one place, and it is taken"
    began = time.monotonic()
    ok = await farid.ask("resolve", thread=o.farids, reason="answered_in_person")
    assert ok["type"] == "ok", ok
    t = (await farid.frame("thread.offered", 3))["thread"]
    print(f"offered {1000 * (time.monotonic() - began):.0f} ms after resolving", flush=True)
    assert texts(o.d, o.token, t["id"], "in")[0].startswith("سلام")


if __name__ == "__main__":
    run_shared(World, [who_declines_alone_is_asked_again_after_the_pause, a_declined_thread_goes_to_somebody_else_at_once,
                       a_place_that_becomes_free_is_filled_at_once])
