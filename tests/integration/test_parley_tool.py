# SPDX-License-Identifier: Apache-2.0
"""The operator's tool on a running daemon with people's messages in it: every verb, its exit status, what it says, and that what it promises holds."""
import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import parley as p
from daemon import Daemon, until
from look import entries, everything, files_below, redis_of, texts, threads, wait

PEOPLE = {"tel:+905551000001": ["I want to register my children", "zqfirstqz is my street"],
          "tel:+905551000002": ["Where is a doctor, zqsecondqz?"],
          "tel:+905551000003": ["zqthirdqz must go"]}


@contextlib.contextmanager
def office(settings=None):
    """A daemon with an operation, three people and their messages, a file among them."""
    with Daemon(settings) as d:
        d.apply(p.operation(d))
        for who, list_ in PEOPLE.items():
            for text in list_:
                assert d.write(who, text) == 200
        file = {"data": base64.b64encode(b"zqfileqz" * 100).decode(), "name": "zqnameqz.txt", "type": "text/plain"}
        status, said = d.hook({"messages": [{"id": "f1", "from": {"address": "tel:+905551000003"}, "attachments": [file]}]})
        assert status == 200, said
        yield d


def token_of(d):
    r = wait(lambda: (lambda r: r if r.returncode == 0 else None)(d.cli("token", "demo", "--role", "integrator", "--clearance", "2")), 20, 0.2)
    return r.stdout.strip()


def all_texts(d, token=None):
    """What people wrote, thread by thread; Parley's own answers come when they come."""
    token = token or token_of(d)
    return sorted(tuple(texts(d, token, t["id"], "in")) for t in threads(d, token))


def contact_of(d, token, who):
    _, found = d.api("GET", "contacts?address=" + who.replace("+", "%2B"), token=token)
    return found["items"][0]["id"] if found["items"] else None


def refused(d, *args, status=1, says=(), stdin=None):
    """The tool says no, says why on stderr alone, and as JSON on stdout when asked for it."""
    r = d.cli(*args, stdin=stdin, check=status)
    assert r.stdout == "" and r.stderr, (args, r)
    for word in [says] if isinstance(says, str) else says:
        assert word in r.stderr, (args, word, r.stderr)
    return r.stderr


# ---- help ----


def every_verb_has_help_and_refuses_nonsense():
    with tempfile.TemporaryDirectory() as nowhere:
        run = lambda *a: subprocess.run([os.path.join(p.BUILD, "parley"), "--data", nowhere, *a], capture_output=True, text=True, timeout=30)
        r = run("--help")
        verbs = [line[2:22].strip() for line in r.stdout.split("\n")[2:] if re.match(r"  [a-z]", line)]
        assert r.returncode == 0 and len(verbs) >= 19, verbs
        for verb in verbs:
            help_ = run(*verb.split(), "--help")
            assert help_.returncode == 0 and help_.stdout.startswith(f"usage: parley {verb}") and help_.stderr == "", (verb, help_)
            wants = re.sub(r"\[.*?\]", "", help_.stdout.split("\n")[0][len(f"usage: parley {verb}"):]).split()
            args = ["x"] * len(wants)
            r = run(*verb.split(), *args, "--colour", "red")
            assert r.returncode == 2 and r.stderr.startswith("parley: --colour is not an option") and f"usage: parley {verb}" in r.stderr, (verb, r)
            r = run(*verb.split(), *args, "one", "more", "too", "much")
            assert r.returncode == 2, (verb, r)
            if wants:
                assert run(*verb.split()).returncode == 2, verb
        r = run("user", "--help")
        assert r.returncode == 0 and r.stdout.startswith("usage: parley user add LOGIN\n") and "status" not in r.stdout, r
        r = run("aply", "x")
        assert r.returncode == 2 and 'no verb "aply"' in r.stderr and len(r.stderr) < 100, r
        assert run("status").returncode == 1 and "no parleyd is running" in run("status").stderr


# ---- applying ----


def apply_tells_file_and_place_and_changes_nothing_when_refused():
    with Daemon() as d:
        path = os.path.join(d.dir, "office.json")

        def write(text):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text if isinstance(text, str) else json.dumps(text))
        write('{"operation":"demo",\n "languages":["en",],\n}')
        refused(d, "apply", path, says=[path, "line 2"])
        write('{"operation":"demo","operation":"other"}')
        refused(d, "apply", path, says=path)
        write("[1]")
        refused(d, "apply", path)
        write({**p.operation(d), "channels": [{"id": "app", "connector": "http", "settings": {"url": "nonsense", "secret": d.secret, "colour": "1"}}]})
        said = refused(d, "apply", path, says="/channels/0/settings")
        assert d.secret not in said
        refused(d, "apply", os.path.join(d.dir, "nowhere.json"), says=["nowhere.json", "No such file"])
        refused(d, "apply", d.dir, says="directory")
        refused(d, "export", "demo", says="no operation called demo")
        write(p.operation(d))
        dry = d.cli("apply", path, "--dry-run", check=0).stdout
        assert "added channels/app" in dry and re.search(r"^\d+ changes$", dry, re.M) and "password" not in dry, dry
        refused(d, "export", "demo")
        done = d.cli("apply", path, check=0).stdout
        assert "amal" in done and re.findall(r"\b[a-z2-9]{5}(?:-[a-z2-9]{5}){3}\b", done), done
        before = d.cli("export", "demo", check=0).stdout
        write({**p.operation(d), "topics": [{"id": "t", "words": {"en": ["x"]}, "colour": 1}], "name": {"en": "Changed"}})
        refused(d, "apply", path, says="/topics/0/colour")
        assert d.cli("export", "demo", check=0).stdout == before
        write({"operation": "demo", "name": {"en": "Changed"}})
        assert d.cli("apply", path, "--dry-run", check=0).stdout.strip().endswith("1 change")
        assert d.cli("export", "demo", check=0).stdout == before
        assert d.cli("apply", path, check=0).stdout.strip().endswith("1 change")
        assert d.cli("apply", path, check=0).stdout.strip() == "0 changes"
        exported = d.cli("export", "demo", check=0).stdout
        assert '"Changed"' in exported and d.secret not in exported
        write(exported)
        assert d.cli("apply", path, check=0).stdout.strip() == "0 changes"


def users_tokens_and_status_as_people_read_them():
    with office() as d:
        said = d.cli("user", "add", "newbie", "--name", "New Bie", check=0).stdout
        password = re.search(r"^  (\S+)$", said, re.M).group(1)
        assert d.sign_in("newbie", password) == 200
        refused(d, "user", "add", "newbie", says="newbie")
        refused(d, "user", "add", "Not A Login")
        refused(d, "user", "passwd", "newbie", "--stdin", stdin="", says="no password came on stdin")
        assert "newbie" in d.cli("user", "list", check=0).stdout
        d.cli("user", "disable", "newbie", check=0)
        assert re.search(r"^newbie .*disabled$", d.cli("user", "list", check=0).stdout, re.M)
        assert d.sign_in("newbie", password) == 401
        token = d.cli("token", "demo", "--role", "integrator", "--note", "for the archive", check=0).stdout
        assert re.fullmatch(r"parley_\S+\n", token)
        line = d.cli("token", "list", "demo", check=0).stdout.strip()
        assert "integrator" in line and "for the archive" in line and token.strip() not in line
        assert d.api("GET", "threads", token=token.strip())[0] == 200
        d.cli("token", "end", line.split()[0], check=0)
        assert d.api("GET", "threads", token=token.strip())[0] == 401
        refused(d, "token", "end", line.split()[0])
        refused(d, "token", "demo", says="--role")
        said = d.cli("status", check=0).stdout
        assert said.startswith("ready") and "demo: 3 contacts, 3 threads (3 open)" in said and "channel app" in said, said
        assert "recovery saved" in said
        langs = [line.split("\t")[0] for line in d.cli("detect", "--model", p.PATHS["model"], stdin="ben kayıt olmak istiyorum\nأريد التسجيل في المدرسة\n", check=0).stdout.split("\n") if line]
        assert langs == ["tr", "ar"], langs


# ---- erasing ----


def raw_of(d):
    """Everything that lies in both servers and in the data directory."""
    for which in ("data", "keys"):
        yield from (v for _, v in everything(redis_of(d, which)))
    for path in files_below(d.data):
        if os.path.exists(path):
            with open(path, "rb") as f:
                yield f.read()


def an_erased_person_cannot_be_read_by_anybody():
    with office() as d:
        token = token_of(d)
        who = "tel:+905551000003"
        contact = contact_of(d, token, who)
        (thread,) = [t for t in threads(d, token) if t["contact"]["id"] == contact]
        url = [a["url"] for e in entries(d, token, thread["id"], "message") for a in e["attachments"]][0]
        assert d.get(url, token=token).status == 200
        # Their key, as it lies wrapped in the key store: gone from there and from its file afterwards.
        keys = redis_of(d, "keys")
        before = {(k, f): v for k in keys.scan_iter("p:{demo}:k:*") for f, v in keys.hgetall(k).items()}
        refused(d, "erase", "demo", "x" * 26)
        refused(d, "erase", "nowhere", contact, says="no operation called nowhere")
        said = d.cli("erase", "demo", contact, check=0).stdout
        assert said.startswith("erased") and "no backup that is still to be kept" in said, said
        after = {(k, f): v for k in keys.scan_iter("p:{demo}:k:*") for f, v in keys.hgetall(k).items()}
        gone = [v for k, v in before.items() if k not in after or after[k] != v]
        assert len(gone) == 1, len(gone)
        assert not any(gone[0] in piece for piece in raw_of(d)), "the wrapped key is still somewhere"
        assert contact_of(d, token, who) is None
        for path in (f"threads/{thread['id']}", f"contacts/{contact}", f"threads/{thread['id']}/entries", "threads?q=zqthirdqz"):
            shown = json.dumps(d.api("GET", path, token=token)[1])  # "zq" alone may stand in an id
            assert not [mark for mark in ("zqthird", "zqname", "zqfile") if mark in shown], path
        assert d.get(url, token=token).status == 404
        assert len([t for t in all_texts(d, token) if "Where is a doctor, zqsecondqz?" in t]) == 1  # nobody else is
        d.cli("erase", "demo", contact, check=0)  # again: fine
        with open(os.path.join(d.data, "ledger.txt"), encoding="utf-8") as f:
            assert len({line.split()[1] for line in f if line.startswith("demo ")}) == 1
        d.stop()
        d.start()
        assert d.api("GET", "threads?q=zqthirdqz", token=token)[1]["items"] == [] and contact_of(d, token, who) is None


# ---- master keys ----


def keys_rotate_and_a_rotation_that_was_killed_goes_on():
    with office() as d:
        master = os.path.join(d.data, "keys", "demo.master")
        read = lambda: open(master, encoding="utf-8").read().strip()
        want, first, olds = all_texts(d), read(), []
        d.cli("rotate-keys", "demo", check=0)
        assert read() != first and not os.path.exists(master + ".new")
        assert all_texts(d) == want
        olds.append(first)
        # Killed early, in the middle and late: everything stays readable, and saying it again ends it.
        for delay in (0.05, 2.2, 4.2):
            before = read()
            t = subprocess.Popen([os.path.join(p.BUILD, "parley"), "--data", d.data, "rotate-keys", "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            time.sleep(delay)
            Daemon.kill(d)
            out, said = t.communicate(timeout=60)
            assert t.returncode == 0 or "went away" in said or "can't reach" in said, (t.returncode, out, said)
            d.start()
            assert all_texts(d) == want, f"killed after {delay} s"
            assert d.write("tel:+905551000002", f"after {delay}") == 200
            d.cli("rotate-keys", "demo", check=0)
            want = all_texts(d)
            assert any(f"after {delay}" in x for t in want for x in t)
            assert read() != before and not os.path.exists(master + ".new")
            olds.append(before)
        d.stop()
        # No file holds a key of before, and with one of them the daemon does not open the operation.
        for path in files_below(os.path.join(d.data, "keys")):
            with open(path, encoding="utf-8", errors="replace") as f:
                text = f.read()
            assert not any(old in text for old in olds), path
        now = read()
        with open(master, "w", encoding="utf-8") as f:
            f.write(first + "\n")
        Daemon.start(d, wait=0)
        assert until(lambda: "key" in d.text() and [x for x in d.logged() if x["level"] == "error" and x["event"] != "store.not_ready"], 15), d.tail()
        assert d.cli("token", "demo", "--role", "integrator").returncode == 1
        d.stop()
        with open(master, "w", encoding="utf-8") as f:
            f.write(now + "\n")
        d.start()
        assert all_texts(d) == want


# ---- the audit ----


def every_change_of_the_audit_is_found_with_its_place():
    with office() as d:
        key, seals = "p:{demo}:audit", "p:{demo}:seals"
        for i in range(4):
            document = p.operation(d)
            document["agents"][i]["capacity"] = {"chat": 7 + i}
            d.apply(document)
            time.sleep(1.2)
        r = redis_of(d, "data")
        time.sleep(1)

        def all_sealed():
            v = d.cli_json("audit", "verify", "demo")
            return v["sealed"] == v["lines"] and r.xlen(seals) >= 4
        assert until(all_sealed, 20, 0.5)
        lines, chain = r.xrange(key), r.xrange(seals)
        said = d.cli("audit", "verify", "demo", check=0).stdout
        root = re.search(r"^root ([0-9a-f]{64})$", said, re.M).group(1)
        assert said.startswith(f"intact: {len(lines)} lines, {len(lines)} of them sealed"), (said, len(lines))
        sizes = [int(f[b"n"]) for _, f in chain]
        seal_of = lambda i: next(n + 1 for n in range(len(sizes)) if i < sum(sizes[:n + 1]))

        def put(stream, items):
            r.delete(stream)
            for id_, fields in items:
                r.xadd(stream, fields, id=id_)

        def found(items, at, root=None, stream=key):
            put(stream, items)
            try:
                r_ = d.cli("audit", "verify", "demo", *(["--root", root] if root else []), check=1)
                assert r_.stdout.startswith("NOT intact"), r_.stdout
                answer = d.cli("--json", "audit", "verify", "demo", *(["--root", root] if root else []), check=1)
                where = json.loads(answer.stdout)["where"]
                assert where == at or (at is None and where), (where, at)
                assert where in r_.stdout
                return where
            finally:
                put(key, lines)
                put(seals, chain)
        changed = lambda i, **f: [(id_, {**x, **{k.encode(): v for k, v in f.items()}} if n == i else x) for n, (id_, x) in enumerate(lines)]
        for i in (0, len(lines) // 2, len(lines) - 1):
            found(changed(i, a=b"nobody"), f"seal {seal_of(i)}")
            found(changed(i, z=b"more"), f"seal {seal_of(i)}")
            found([x for n, x in enumerate(lines) if n != i], f"seal {seal_of(i)}")
        i = next(i for i in range(len(lines) - 1) if lines[i][1] != lines[i + 1][1])
        swapped = list(lines)
        swapped[i], swapped[i + 1] = (lines[i][0], lines[i + 1][1]), (lines[i + 1][0], lines[i][1])
        found(swapped, f"seal {seal_of(i)}")
        found([(id_, {**x, b"h": b"0" * 64} if n == 1 else x) for n, (id_, x) in enumerate(chain)], "seal 2", stream=seals)
        found([x for n, x in enumerate(chain) if n != 1], "seal 2", stream=seals)
        # Both cut: only a root that was written down elsewhere shows it.
        cut = sum(sizes[:-1])
        put(seals, chain[:-1])
        put(key, lines[:cut])
        assert d.cli("audit", "verify", "demo").returncode == 0
        put(seals, chain[:-1])
        found(lines[:cut], None, root=root)
        refused(d, "audit", "verify", "demo", "--root", "xyz")
        assert d.cli("audit", "verify", "demo", "--root", root, check=0).stdout.startswith("intact")


# ---- backups ----


class Copy:
    """A backup in a folder of its own, with what was true when it was made."""

    def __init__(self, d):
        self.top = tempfile.mkdtemp(prefix="parley-test-")
        self.dir = os.path.join(self.top, "backup")
        self.report = json.loads(d.cli("backup", self.dir, check=0).stdout)

    def variant(self, name):
        to = os.path.join(self.top, name)
        shutil.copytree(self.dir, to)
        return to

    def close(self):
        shutil.rmtree(self.top, ignore_errors=True)


def a_backup_comes_back_on_a_new_machine_with_the_recovery_key_alone():
    with office() as d:
        # As an operator does it: the key is read off the first start, put away, and forgotten by the machine.
        d.read_first_start()
        written_down = d.recovery
        assert re.fullmatch(r"[A-Z2-7]{5}( [A-Z2-7]{5}){12}", written_down), written_down
        assert "was not saved" in d.cli("status", check=0).stdout
        d.cli("recovery", "saved", check=0)
        refused(d, "recovery", "saved", says="saved before")
        assert not os.path.exists(os.path.join(d.data, "keys", "recovery-key"))
        assert "was not saved" not in d.cli("status", check=0).stdout
        assert not any(written_down.encode() in piece for piece in raw_of(d))
        want = all_texts(d)
        c = Copy(d)
        try:
            refused(d, "backup", c.dir, says="backup")  # never over another one
            refused(d, "backup", "/nowhere/at/all")
            refused(d, "restore", c.dir, stdin=written_down + "\n", says="empty")
            assert {"data.parley", "keys.parley", "manifest.json"} <= set(os.listdir(c.dir))
            assert all(os.stat(os.path.join(c.dir, n)).st_mode & 0o077 == 0 for n in os.listdir(c.dir))
            # After the backup somebody is erased: the ledger beside the backup keeps it so.
            token = token_of(d)
            erased = contact_of(d, token, "tel:+905551000003")
            assert re.search(r"ends on 20\d\d-", d.cli("erase", "demo", erased, check=0).stdout)  # the backup holds the key
            ledger = c.variant("with-ledger")
            shutil.copy(os.path.join(d.data, "ledger.txt"), ledger)
            d.kill()  # the first machine is lost
            restored(c, ledger, written_down, want, erased)
            restored_with_workers(c, written_down)
        finally:
            c.close()


def damaged(c):
    """(what, folder) of backups that are not whole any more."""
    for name in ("data.parley", "keys.parley"):
        size = os.path.getsize(os.path.join(c.dir, name))
        for at in (0, 9, 40, size // 2, size - 1):
            to = c.variant(f"{name}-flip-{at}")
            with open(os.path.join(to, name), "r+b") as f:
                f.seek(at)
                byte = f.read(1)[0]
                f.seek(at)
                f.write(bytes([byte ^ 0x10]))
            yield f"bit {at} of {name}", to
        for n in (0, 1, size // 2, size - 1):
            to = c.variant(f"{name}-cut-{n}")
            os.truncate(os.path.join(to, name), n)
            yield f"{name} cut to {n}", to
        to = c.variant(f"{name}-longer")
        with open(os.path.join(to, name), "ab") as f:
            f.write(b"\0")
        yield f"{name} longer", to
        to = c.variant(f"{name}-gone")
        os.unlink(os.path.join(to, name))
        yield f"{name} gone", to


def restored(c, ledger, key, want, erased):
    with Daemon() as other:
        for wrong, says in (("", "recovery key"), ("AAAAA " * 13, "group"), (key[:-1] + ("A" if key[-1] != "A" else "B"), "group 13")):
            refused(other, "restore", ledger, stdin=wrong + "\n", says=says)
        own = open(os.path.join(other.data, "keys", "recovery-key"), encoding="utf-8").read().strip()
        refused(other, "restore", ledger, stdin=own + "\n", says="key")  # a right one of somebody else
        refused(other, "restore", os.path.join(c.top, "nowhere"), stdin=key + "\n")
        for what, folder in damaged(c):
            said = refused(other, "restore", folder, stdin=key + "\n")
            assert other.cli("status", check=0).stdout.find("demo") < 0, what
            print(f"{what}: {said.strip()[:110]}")
            shutil.rmtree(folder)
        # Nothing of all this was written: the good one finds the store empty. Typed as people type: small, with dashes.
        report = json.loads(other.cli("restore", ledger, stdin=key.lower().replace(" ", "-") + "\n", check=0).stdout)
        print(f"restored: {json.dumps(report)}")
        assert report["threads"] == 3 and report["erased"] == 1 and report["files"] == 1, report
        root = report["operations"]["demo"]["root"] if "demo" in report["operations"] else None
        token = token_of(other)
        have = all_texts(other, token)
        gone = [t for t in want if "zqthirdqz must go" in t]
        assert len(gone) == 1 and [t for t in have if any(t)] == [t for t in want if t not in gone], (have, want)
        assert contact_of(other, token, "tel:+905551000003") is None and "zqthirdqz" not in json.dumps(have)
        assert other.api("GET", f"contacts/{erased}", token=token)[0] in (404, 410) or "zqthird" not in json.dumps(other.api("GET", f"contacts/{erased}", token=token)[1])
        verdict = other.cli_json("audit", "verify", "demo", *(["--root", root] if root else []))
        assert verdict["intact"] is True and root, (verdict, root)
        assert d_write(other)
        other.stop()
        other.start()
        assert [t for t in all_texts(other) if any(t)] != [] and contact_of(other, token_of(other), "tel:+905551000003") is None
        refused(other, "restore", ledger, stdin=key + "\n", says="empty")


def restored_with_workers(c, key):
    """Each worker works with the keys that came back, not the one alone that read the backup."""
    with Daemon(workers=3) as other:
        before = set(other.workers())
        other.cli("restore", c.dir, stdin=key + "\n", check=0)
        wait(lambda: len(other.workers()) == 3 and not before & set(other.workers()), 20)
        other.wait_ready()
        token = token_of(other)
        for _ in range(24):  # a connection each, spread over the workers
            status, found = other.api("GET", "threads", token=token)
            assert status == 200 and len(found["items"]) == 3, (status, found)


def d_write(d):
    """Work goes on after a restore: the channel's secret came back too, in the backup of another machine."""
    document = json.loads(d.cli("export", "demo", check=0).stdout)
    assert {c["id"] for c in document["channels"]} == {"web", "app"}
    return d.cli("status", check=0).stdout.startswith("ready")


# ---- removing ----


def removing_takes_everything_along():
    with Daemon(demo=True) as d:
        d.apply({**p.operation(d), "operation": "kept", "agents": []})
        refused(d, "remove", "kept", says="twice")
        refused(d, "remove", "kept", "--confirm", "demo", says="twice")
        d.secret = d.secrets["app"]
        assert d.write("tel:+905551000009", "zqremovedqz") == 200
        token = token_of(d)
        said = d.cli("demo", "remove", check=0).stdout
        assert "destroyed" in said and "amal" in said, said
        assert d.api("GET", "threads", token=token)[0] in (401, 404)
        assert d.sign_in("amal", d.passwords["amal"]) == 401
        for which in ("data", "keys"):
            left = [k for k in redis_of(d, which).scan_iter("p:{demo}:*")]
            assert left == [] or (which == "data" and all(b"ledger" in k or b"audit" in k or b"seals" in k for k in left)), left
        assert not os.path.exists(os.path.join(d.data, "blobs", "demo")) or not list(files_below(os.path.join(d.data, "blobs", "demo")))
        assert not os.path.exists(os.path.join(d.data, "keys", "demo.master"))
        refused(d, "demo", "remove", says="no operation called demo")
        assert d.cli("export", "kept", check=0)
        d.cli("remove", "kept", "--confirm", "kept", check=0)
        refused(d, "export", "kept")
        assert d.cli("status", check=0).stdout.startswith("ready")
        the_office_that_is_copied_opens(d)


def the_office_that_is_copied_opens(d):
    """config/office.json, which the README tells newcomers to copy: taken as it is, its export changes nothing, its administrator can sign in."""
    path = os.path.join(p.TOP, "config", "office.json")
    told = json.loads(d.cli("--json", "apply", path, check=0).stdout)
    chief = next(one["password"] for one in told["passwords"] if one["login"] == "chief")
    assert d.sign_in("chief", chief) == 200
    assert f"http://127.0.0.1:{d.port}/chat/office/web" in told["addresses"] and not told["dry_run"], told
    assert "0 changes" in d.cli("apply", path, check=0).stdout
    assert "nothing was changed" in d.cli("apply", path, "--dry-run", check=0).stderr


TESTS = [every_verb_has_help_and_refuses_nonsense, apply_tells_file_and_place_and_changes_nothing_when_refused, users_tokens_and_status_as_people_read_them,
         an_erased_person_cannot_be_read_by_anybody, keys_rotate_and_a_rotation_that_was_killed_goes_on,
         every_change_of_the_audit_is_found_with_its_place, a_backup_comes_back_on_a_new_machine_with_the_recovery_key_alone,
         removing_takes_everything_along]

if __name__ == "__main__":
    p.run(TESTS)
