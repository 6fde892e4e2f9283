#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A data directory that an earlier version wrote is opened by this one: everything is there, nothing is doubled, who was erased stays
erased, and work goes on. upgrade/VERSION.tar.xz holds such directories, with what the API of that version told of them.

`test_upgrade.py make VERSION`, run with that version's build and tests/lib, makes one."""
import asyncio
import json
import lzma
import os
import shutil
import sys
import tarfile
import tempfile
import time

import parley as p

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "upgrade")
AMAL, FARID, SEALED, GONE = "tel:+905551110001", "tel:+989121110002", "tel:+905551110003", "tel:+905551110004"
# What a later version may tell otherwise, since it knows more or counts from now.
MAY_DIFFER = {"unread", "load", "presence", "offer_expires", "version", "updated", "waiting_since", "last_seen", "url"}


def told(d, token):
    """All that the API tells: threads with their entries, people, agents."""
    out = {"threads": {}, "entries": {}, "contacts": {}, "agents": {}}
    for t in d.api("GET", "threads?limit=200", token=token)[1]["items"]:
        out["threads"][t["id"]] = t
        out["entries"][t["id"]] = d.api("GET", f"threads/{t['id']}/entries?limit=200", token=token)[1]["items"]
        if t["contact"]:
            status, c = d.api("GET", f"contacts/{t['contact']['id']}", token=token)
            out["contacts"][t["contact"]["id"]] = c if status == 200 else None
    out["agents"] = {a["id"]: a for a in d.api("GET", "agents", token=token)[1]["items"]}
    return out


# ---- making one ----

async def fill(d):
    d.apply(p.operation(d))
    token, amal = d.token(role="supervisor", clearance=2), d.token(agent="amal", role="agent")
    d.tool("user", "passwd", "amal", "--stdin", text="the upgrade's password\n")
    socket = await p.AgentSocket(d, amal).open()
    assert d.write(AMAL, "السلام عليكم، أريد التسجيل", id="m1") == 200
    offer = (await socket.frame("thread.offered", 15))["thread"]
    await socket.ask("accept", thread=offer["id"])
    status, _, data = d.request("POST", "/api/v1/ops/demo/attachments", b"a photograph of a form", {"Content-Type": "application/octet-stream", "X-Parley-Name": "form.bin"}, amal)
    assert status == 201, data
    blob = json.loads(data)["id"]
    await socket.ask("send", thread=offer["id"], text="أهلاً، التسجيل يوم الاثنين", attachments=[blob])
    await socket.ask("note", thread=offer["id"], text="CANARY: came with two children")
    await socket.ask("tag", thread=offer["id"], add=["family"])
    contact = offer["contact"]["id"]
    assert d.api("PATCH", f"contacts/{contact}", {"name": "CANARY Layla", "fields": {"case": "12-345"}}, amal)[0] == 200
    assert d.write(FARID, "سلام، من برای ثبت نام چه مدارکی لازم دارم؟", id="m2") == 200
    assert d.write(SEALED, "a staff member demanded sex for aid, I want to report misconduct", id="m3") == 200
    assert d.write(GONE, "who was erased: I want to register", id="m4") == 200
    await asyncio.sleep(1)
    gone = d.api("GET", f"contacts?address={GONE.replace('+', '%2B')}", token=token)[1]["items"][0]["id"]
    d.tool("erase", "demo", gone)
    d.tool("recovery", "saved")
    await socket.close()
    await asyncio.sleep(2)  # the audit's seal
    return {"token": token, "secret": d.secret, "gone": gone, "told": told(d, token),
            "audit": json.loads(d.tool("--json", "audit", "verify", "demo"))}


def make(version):
    d = p.Parley()
    d.start()
    try:
        facts = asyncio.run(fill(d))
    finally:
        d.stop()
    with open(os.path.join(d.dir, "facts.json"), "w", encoding="utf-8") as f:
        json.dump(facts, f, ensure_ascii=False, indent=1)

    def plain(info):
        """Nothing of the machine that made it."""
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        return None if info.name.endswith((".sock", "/lock", ".pid")) or not (info.isfile() or info.isdir()) else info

    with lzma.open(os.path.join(FOLDER, f"{version}.tar.xz"), "wb", preset=9) as out, tarfile.open(fileobj=out, mode="w") as tar:
        tar.add(d.data, "data", filter=plain)
        tar.add(os.path.join(d.dir, "facts.json"), "facts.json", filter=plain)
    d.close()
    print(os.path.getsize(os.path.join(FOLDER, f"{version}.tar.xz")), "bytes")


# ---- opening one ----

def same(was, now, where):
    """What was told is told again; what is new beside it is welcome."""
    if isinstance(was, dict):
        assert isinstance(now, dict), (where, now)
        for key, value in was.items():
            if key not in MAY_DIFFER:
                assert key in now, f"{where}.{key} is no longer told"
                same(value, now[key], f"{where}.{key}")
    elif isinstance(was, list):
        assert isinstance(now, list) and len(was) == len(now), (where, was, now)
        for i, (a, b) in enumerate(zip(was, now)):
            same(a, b, f"{where}[{i}]")
    else:
        assert was == now, (where, was, now)


def steady(facts):
    """Of what agents held or were offered when they went away, the state is the router's to change."""
    for t in facts["threads"].values():
        t.pop("state"), t.pop("assignee")
    for entries in facts["entries"].values():
        entries[:] = [e for e in entries if e["kind"] != "event"]
    return facts


def opens(path):
    folder = tempfile.mkdtemp(prefix="parley-upgrade-")
    with lzma.open(path) as f, tarfile.open(fileobj=f) as tar:
        tar.extractall(folder)
    with open(os.path.join(folder, "facts.json"), encoding="utf-8") as f:
        facts = json.load(f)
    d = p.Parley()
    shutil.rmtree(d.data, ignore_errors=True)
    shutil.move(os.path.join(folder, "data"), d.data)
    shutil.rmtree(folder)
    for root, dirs, files in os.walk(d.data):
        for name in dirs + files:
            os.chmod(os.path.join(root, name), 0o700 if name in dirs else 0o600)
    d.secret = facts["secret"]
    try:
        d.start()
        check(d, facts)
        d.stop()
        d.start()  # and once more, upgraded as it is
        check(d, facts)
    except BaseException:
        print(d.tail(), flush=True)
        raise
    finally:
        d.close()


def check(d, facts):
    token = facts["token"]
    end = time.time() + 15
    while d.api("GET", "threads", token=token)[0] != 200:
        assert time.time() < end, "the token of before does not open it"
        time.sleep(0.1)
    same(steady(facts["told"]) if "steady" not in facts else facts["told"], steady(told(d, token)), "told")
    facts["steady"] = True
    verdict = json.loads(d.tool("--json", "audit", "verify", "demo"))
    assert verdict["intact"] and verdict["lines"] >= facts["audit"]["lines"], verdict
    status, _, data = d.request("POST", "/api/v1/sign-in", {"login": "amal", "password": "the upgrade's password"}, {"Origin": d.base})
    assert status == 200, data
    url = next(a["url"] for list in told(d, token)["entries"].values() for e in list for a in e["attachments"])
    status, _, data = d.get(url, token)
    assert status == 200 and data == b"a photograph of a form", (status, data)
    assert d.api("GET", f"contacts?address={GONE.replace('+', '%2B')}", token=token)[1]["items"] == []
    # A provider that repeats what it had sent before changes nothing; who writes again is known.
    threads = len(d.api("GET", "threads?limit=200", token=token)[1]["items"])
    assert d.write(AMAL, "السلام عليكم، أريد التسجيل", id="m1") == 200
    assert len(d.api("GET", "threads?limit=200", token=token)[1]["items"]) == threads
    name = d.api("GET", f"contacts?address={AMAL.replace('+', '%2B')}", token=token)[1]["items"][0]["name"]
    assert name == "CANARY Layla", name


def main():
    if sys.argv[1:2] == ["make"]:
        make(sys.argv[2])
        return 0
    passed = 0
    for name in sorted(os.listdir(FOLDER)):
        if name.endswith(".tar.xz"):
            began = time.time()
            opens(os.path.join(FOLDER, name))
            passed += 1
            print(f"ok {name} ({time.time() - began:.1f} s)", flush=True)
    assert passed, "there is no version to upgrade from"
    print(f"{passed} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
