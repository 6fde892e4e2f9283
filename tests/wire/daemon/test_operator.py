# SPDX-License-Identifier: Apache-2.0
"""The operator's tool: exit statuses, apply and export, users, tokens, the first start."""
import copy
import json
import os
import subprocess
import tempfile

from daemon import BUILD, TOP, Daemon, run_tests, until

OPERATION = {
    "operation": "office", "name": {"en": "Office"}, "languages": ["en", "ar"], "timezone": "Europe/Istanbul",
    "areas": [{"id": "tr", "name": {"en": "Türkiye"}}], "teams": [{"id": "t", "name": {"en": "Team"}}],
    "topics": [{"id": "cash", "words": {"en": ["cash"]}}, {"id": "health", "words": {"en": ["doctor"]}}],
    "agents": [{"login": "ann", "name": "Ann", "team": "t", "areas": ["tr"], "languages": {"en": 5}, "topics": ["*"], "capacity": {"chat": 2}},
               {"login": "bob", "name": "Bob", "roles": ["agent", "supervisor"], "languages": {"ar": 5}, "topics": ["cash"]}],
    "channels": [{"id": "web", "connector": "webchat"},
                 {"id": "app", "connector": "http", "settings": {"url": "http://127.0.0.1:9/out", "secret": "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}}],
}


def cli(*args, stdin=None):
    return subprocess.run([os.path.join(BUILD, "parley"), *args], input=stdin, capture_output=True, text=True, timeout=60)


def test_usage():
    assert cli("--help").returncode == 0
    assert cli().returncode == 2
    assert cli("juggle").returncode == 2
    assert cli("apply").returncode == 2
    assert cli("apply", "a", "b").returncode == 2
    assert cli("export", "x", "--colour").returncode == 2
    for verb in ("apply", "export", "token", "user add", "user passwd", "user list", "user disable", "detect", "status", "backup", "restore",
                 "rotate-keys", "erase", "audit verify"):
        r = cli(*verb.split(), "--help")
        assert r.returncode == 0 and r.stdout.startswith(f"usage: parley {verb}"), verb


def test_without_a_daemon():
    with tempfile.TemporaryDirectory() as empty:
        r = cli("--data", empty, "status")
        assert r.returncode == 1 and "no parleyd is running" in r.stderr
        r = cli("--data", empty, "--json", "status")
        assert r.returncode == 1 and json.loads(r.stdout)["error"]["code"] == "UNAVAILABLE"


def test_detect():
    r = cli("detect", "--model", os.path.join(TOP, "router", "language.model"), stdin="I want to register my children\nكيف يمكنني التسجيل في المدرسة\n12345\n")
    assert r.returncode == 0
    lines = [line.split("\t") for line in r.stdout.strip().split("\n")]
    assert [line[0] for line in lines] == ["en", "ar", "und"]
    assert all(0 <= float(line[1]) <= 1 for line in lines)


def test_apply_and_export():
    with Daemon() as d:
        dry = d.cli_json("apply", "-", "--dry-run", stdin=json.dumps(OPERATION))
        assert "added channels/app" in dry["changes"] and "added agents/ann" in dry["changes"]
        assert d.cli("export", "office").returncode == 1  # a dry run makes nothing
        done = d.apply(OPERATION)
        assert sorted(p["login"] for p in done["passwords"]) == ["ann", "bob"]
        again = d.apply(OPERATION)
        assert again["changes"] == [] and again["passwords"] == []
        text = d.cli("export", "office", check=0).stdout
        assert "whsec_" not in text
        file = json.loads(text)
        assert {a["login"] for a in file["agents"]} == {"ann", "bob"}
        done = d.cli_json("apply", "-", stdin=text)
        assert done["changes"] == [], done
        assert d.cli("export", "office", check=0).stdout == text


def test_a_present_section_is_the_whole_truth():
    with Daemon(operation=OPERATION) as d:
        d.apply({"operation": "office", "topics": [{"id": "health", "words": {"en": ["doctor", "nurse"]}}], "agents": [OPERATION["agents"][0]]})
        file = json.loads(d.cli("export", "office", check=0).stdout)
        topics = {t["id"]: t for t in file["topics"]}
        assert topics["cash"]["disabled"] is True and "disabled" not in topics["health"]
        agents = {a["login"]: a for a in file["agents"]}
        assert agents["bob"]["disabled"] is True and "disabled" not in agents["ann"]
        assert [c["id"] for c in file["channels"]] == ["web", "app"]
        # The secret that the export left out is still there: the channel works on.
        assert d.apply({"operation": "office", "channels": [{"id": "web", "connector": "webchat"},
                                                             {"id": "app", "connector": "http", "settings": {"url": "http://127.0.0.1:9/out"}}]})["changes"] == []


def test_errors_have_their_place():
    with Daemon() as d:
        bad = copy.deepcopy(OPERATION)
        bad["topics"][0]["colour"] = 1
        bad["agents"][0]["languages"]["en"] = 9
        r = d.cli("apply", "-", stdin=json.dumps(bad))
        assert r.returncode == 1
        assert "/topics/0/colour: there is no such member" in r.stderr
        assert "/agents/0/languages/en: a number from 1 to 5" in r.stderr
        bad = copy.deepcopy(OPERATION)
        del bad["channels"][1]["settings"]["secret"]
        bad["channels"][0]["connector"] = "pigeon"
        r = d.cli("apply", "-", stdin=json.dumps(bad))
        assert r.returncode == 1
        assert "/channels/0/connector: there is no connector called pigeon" in r.stderr, r.stderr
        assert "/channels/1/settings/secret: " in r.stderr, r.stderr
        bad = {**copy.deepcopy(OPERATION), "timezone": "Istanbul", "texts": {"en": {"notice.first": "a", "choice.hint": "b", "chat.who_reads": "c", "notice.frist": "d"}}}
        r = d.cli("apply", "-", stdin=json.dumps(bad))
        assert r.returncode == 1 and "/timezone: " in r.stderr and r.stderr.count("/texts/") == 1, r.stderr
        assert "/texts/en/notice.frist: there is no text with this name" in r.stderr, r.stderr
        r = d.cli("apply", "-", stdin='{"operation":"a",}')
        assert r.returncode == 1 and "line 1" in r.stderr
        assert d.cli("apply", "/nowhere.json").returncode == 1
        assert d.cli("export", "office").returncode == 1


def test_users_and_tokens():
    with Daemon(operation=OPERATION) as d:
        sign_in = d.sign_in
        assert sign_in("ann", d.passwords["ann"]) == 200
        new = d.cli_json("user", "passwd", "ann")["password"]
        assert sign_in("ann", d.passwords["ann"]) == 401 and sign_in("ann", new) == 200
        d.cli("user", "passwd", "ann", "--stdin", stdin="correct horse\n", check=0)
        assert sign_in("ann", "correct horse") == 200
        assert d.cli("user", "passwd", "ann", "--stdin", stdin="short\n").returncode == 1
        d.cli("user", "disable", "ann", check=0)
        assert sign_in("ann", "correct horse") == 401
        d.cli("user", "enable", "ann", check=0)
        assert sign_in("ann", "correct horse") == 200
        d.cli("user", "add", "carl", "--name", "Carl", check=0)
        assert d.cli("user", "add", "carl").returncode == 1
        assert d.cli("user", "passwd", "nobody").returncode == 1
        assert d.cli("user", "disable", "nobody").returncode == 1
        users = {u["login"]: u for u in d.cli_json("user", "list")["users"]}
        assert set(users) >= {"ann", "bob", "carl"} and users["bob"]["operations"] == "office"

        token = d.token("office", "administrator")
        assert token.startswith("parley_")
        ask = lambda t: d.get("/api/v1/ops/office/operation", token=t).status
        assert ask(token) == 200 and ask(token + "x") == 401
        seer = d.cli("token", "office", "--role", "administrator", "--clearance", "2").stdout.split()[-1]
        far = {"X-Forwarded-For": "203.0.113.9"}
        assert [d.get("/metrics", token=t, headers=far).status for t in (token, seer)] == [403, 200]  # sealed messages are counted there as well
        d.cli("token", "end", next(t["id"] for t in d.cli_json("token", "list", "office")["tokens"] if t["clearance"] == 2), check=0)
        ids = [t["id"] for t in d.cli_json("token", "list", "office")["tokens"]]
        assert len(ids) == 1
        d.cli("token", "end", ids[0], check=0)
        assert ask(token) == 401
        assert d.cli("token", "office", "--role", "king").returncode == 1
        assert d.cli("token", "office").returncode == 1
        assert d.cli("token", "nowhere", "--role", "integrator").returncode == 1
        assert d.cli("token", "office", "--role", "agent", "--agent", "zoe").returncode == 1
        alone = d.cli("token", "office", "--role", "agent")
        assert alone.returncode == 1 and "--agent is needed" in alone.stderr, alone


def test_agents_without_passwords():
    with Daemon() as d:
        done = d.cli_json("apply", "-", "--no-passwords", stdin=json.dumps(OPERATION))
        assert done["passwords"] == [] and done["behind"] == []
        assert d.sign_in("ann", "") != 200 and d.sign_in("ann", "anything at all") == 401
        assert d.sign_in("ann", d.cli_json("user", "passwd", "ann")["password"]) == 200
        again = d.cli_json("apply", "-", "--no-passwords", stdin=json.dumps(OPERATION))
        assert again["changes"] == []


def test_status_and_audit():
    with Daemon(operation=OPERATION) as d:
        s = d.cli_json("status")
        assert s["ready"] is True
        assert {c["name"] for c in s["processes"]["children"]} == {"redis-data", "redis-keys"}
        (op,) = s["operations"]
        assert op["operation"] == "office" and {c["id"] for c in op["channels"]} == {"web", "app"}
        assert "ready" in d.cli("status", check=0).stdout
        assert until(lambda: d.cli_json("audit", "verify", "office")["sealed"] > 0, 10)
        verdict = d.cli_json("audit", "verify", "office")
        assert verdict["intact"] is True
        assert d.cli("audit", "verify", "office", "--root", verdict["root"]).returncode == 0
        assert d.cli("audit", "verify", "office", "--root", "0" * 64).returncode == 1
        assert d.cli("erase", "office", "notanid").returncode == 1
        assert d.cli("erase", "office", "a" * 26).returncode == 1


def test_the_first_start():
    with Daemon(demo=True) as d:
        assert len(d.passwords) >= 9 and d.recovery and d.secrets["app"].startswith("whsec_")
        assert f"http://127.0.0.1:{d.port}/" in d.output() and "/chat/demo/web" in d.output()
        secrets = list(d.passwords.values()) + [d.recovery, d.secrets["app"]]
        log = json.dumps(d.logged())
        assert not any(s in log for s in secrets)
        operation = json.loads(d.cli("export", "demo", check=0).stdout)
        assert operation["languages"] == ["en", "ar", "fa", "prs", "ps", "ur", "so", "fr", "tr"] and len(operation["areas"]) == 2
        assert d.sign_in("amal", d.passwords["amal"]) == 200
        # Started again: no new passwords, and a reminder of the recovery key until it is saved.
        d.stop()
        os.truncate(d.log, 0)
        d.start()
        assert "First sign-in" not in d.output() and "was not saved yet" in d.output()
        d.cli("recovery", "saved", check=0)
        assert d.cli("recovery", "saved").returncode == 1
        d.stop()
        os.truncate(d.log, 0)
        d.start()
        assert "was not saved" not in d.output()
        # One command removes it.
        d.cli("demo", "remove", check=0)
        assert d.cli("export", "demo").returncode == 1
        assert d.sign_in("amal", d.passwords["amal"]) == 401
        d.stop()
        d.start()
        assert d.cli("export", "demo").returncode == 1


if __name__ == "__main__":
    run_tests(globals())
