# SPDX-License-Identifier: Apache-2.0
"""Flows against somebody else's idea of them: @floip/flow-runner of npm says the same at the same inputs, on the blocks that both have."""
import json
import os
import random
import subprocess

import parley as p

HERE = os.path.dirname(os.path.abspath(__file__))
LANGUAGES = ["eng", "ara", "fra"]


def uid(n):
    return f"00000000-0000-4000-8000-{n:012x}"


class Maker:
    """Containers made by chance from the blocks that both know."""

    def __init__(self, seed):
        self.r, self.n, self.resources = random.Random(seed), 0, []

    def next(self):
        self.n += 1
        return uid(self.n)

    def text(self, what):
        i = self.next()
        self.resources.append({"uuid": i, "values": [
            {"language_id": l, "content_type": "TEXT", "mime_type": "text/plain", "modes": [m], "value": f"{what} {l} {m}"}
            for l in LANGUAGES for m in ("TEXT", "SMS", "RICH_MESSAGING")]})
        return i

    def exit(self, to, test=None, default=False):
        e = {"uuid": self.next(), "name": "x"}
        e.update({"destination_block": to} if to else {})
        e.update({"test": test} if test else {})
        e.update({"default": True} if default else {})
        return e

    def block(self, kind, me, later, name, before, inner):
        """later: blocks that it may lead to (never back: it ends); before: results that are there by then, on every way."""
        to = lambda: self.r.choice(later[:3]) if later and self.r.random() < 0.95 else None
        b = {"uuid": me, "name": name, "label": name, "type": kind, "config": {}}
        if kind == "MobilePrimitives.Message":
            b.update(config={"prompt": self.text(name)}, exits=[self.exit(to())])
        elif kind == "MobilePrimitives.OpenResponse":
            b.update(config={"prompt": self.text(name)}, exits=[self.exit(to())])
        elif kind == "MobilePrimitives.NumericResponse":
            b.update(config={"prompt": self.text(name), "validation_minimum": 1, "validation_maximum": 90}, exits=[self.exit(to())])
        elif kind == "MobilePrimitives.SelectOneResponse":
            names = ["red", "green", "blue"][:self.r.randint(2, 3)]
            b.update(config={"prompt": self.text(name), "choices": [{"name": n, "prompt": self.text(n)} for n in names]},
                     exits=[self.exit(to(), f'block.value = "{n}"') for n in names[1:]] + [self.exit(to(), "TRUE")])
        elif kind == "Core.Case":
            tests = self.r.sample(["1 > 2", "3 >= 3", "AND(1 = 1, 2 < 3)", "OR(1 = 2, 2 = 3)", 'flow.language = "eng"', 'channel.mode = "SMS"'], 2)
            tests += [f"flow.{n}.value > 40" for n in before[-1:]]
            b.update(exits=[self.exit(to(), t) for t in tests] + [self.exit(to(), default=True)])
        elif kind == "Core.Output":
            b.update(config={"value": "1 + 2"}, exits=[self.exit(to())])
        elif kind == "Core.RunFlow":
            b.update(config={"flow_id": inner}, exits=[self.exit(to())])
        return b

    def flow(self, me, size, inner, tag):
        ids, before, blocks = [self.next() for _ in range(size)], [], []
        kinds = ["MobilePrimitives.Message", "MobilePrimitives.OpenResponse", "MobilePrimitives.NumericResponse", "MobilePrimitives.SelectOneResponse",
                 "Core.Case", "Core.Output"] + (["Core.RunFlow"] if inner else [])
        for i, b in enumerate(ids):
            kind = self.r.choice(kinds) if i else "MobilePrimitives.NumericResponse"
            blocks.append(self.block(kind, b, ids[i + 1:], f"{tag}{i}", [f"{tag}0"], inner))
        return {"uuid": me, "name": tag, "label": tag, "last_modified": "2026-01-01T00:00:00.000Z", "interaction_timeout": 60,
                "supported_modes": ["TEXT", "SMS", "RICH_MESSAGING"], "languages": [{"id": l, "label": l, "iso_639_3": l} for l in LANGUAGES],
                "first_block_id": ids[0], "blocks": blocks}

    def container(self):
        outer, inner = self.next(), self.next()
        flows = [self.flow(outer, self.r.randint(3, 9), inner, "a"), self.flow(inner, self.r.randint(1, 4), None, "b")]
        return {"specification_version": "1.0.0-rc4", "uuid": self.next(), "name": "t", "flows": flows, "resources": self.resources}


def run(program, what):
    r = subprocess.run(program, input=json.dumps(what), capture_output=True, text=True, timeout=30, cwd=HERE)
    assert r.returncode == 0, r.stderr[-2000:]
    return json.loads(r.stdout)


def ours(case):
    return run([os.path.join(p.BUILD, "flow_step")], case)


def answer(case, r):
    """Answers one after the other, until the flow ends; what a question wants is known from its prompt. What ours said."""
    while True:
        said = ours(case)
        if said[-1]["ended"] or len(case["inputs"]) == 12:
            return said
        last = said[-1]["say"][-1]
        name = last["text"].split()[0]
        block = next(b for f in case["container"]["flows"] for b in f["blocks"] if b["name"] == name)
        case["inputs"].append(r.choice([c["id"] for c in last["choices"]]) if "choices" in last
                              else str(r.randint(1, 90)) if block["type"].endswith("NumericResponse") else "any words")


def the_same_prompts():
    cases, mine = [], []
    for seed in range(14):
        r = random.Random(seed)
        cases.append({"container": Maker(seed).container(), "mode": r.choice(["TEXT", "SMS", "RICH_MESSAGING"]), "language": r.choice(LANGUAGES), "inputs": []})
        mine.append(answer(cases[-1], r))
    # At its end ours hands over; what it says then is Parley's, and nothing is said here.
    for case, a, b in zip(cases, mine, run(["node", os.path.join(HERE, "flow_runner.mjs")], cases)):
        assert a == b, (case["mode"], case["language"], case["inputs"], a, b)
    prompts = sum(len(s["say"]) for said in mine for s in said)
    assert prompts > 40, prompts
    print(f"{len(cases)} walks, {prompts} prompts the same")


if __name__ == "__main__":
    p.run([the_same_prompts])
