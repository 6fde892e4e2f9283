#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The program in connectors/http/README.md, as it stands there, against the daemon: a person writes, an agent answers. And the C of connectors/README.md
is that of the example."""
import asyncio
import os
import re
import subprocess
import sys
import tempfile

import parley as p


def blocks(path, language):
    with open(os.path.join(p.TOP, path), encoding="utf-8") as f:
        return re.findall(rf"```{language}\n(.*?)```", f.read(), re.S)


async def the_readmes_program_works():
    (source,) = blocks("connectors/http/README.md", "python")
    assert source.count("\n") <= 45, "it is to be read"
    d, port = p.Parley().start(), p.free_port()
    program = None
    try:
        doc = p.operation(d)
        doc["channels"][1]["settings"]["url"] = f"http://127.0.0.1:{port}/"
        d.apply(doc)
        with tempfile.NamedTemporaryFile("w", suffix=".py", dir=d.dir, delete=False) as f:
            f.write(source)
        program = subprocess.Popen([sys.executable, f.name, f"{d.base}/hooks/demo/app", d.secret, str(port)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True, bufsize=1)
        lines = []
        loop = asyncio.get_running_loop()
        reader = loop.run_in_executor(None, lambda: lines.extend(iter(lambda: program.stdout.readline().strip() or None, None)))
        said = asyncio.ensure_future(reader)
        amal = await p.AgentSocket(d, d.token(agent="amal", role="agent")).open()
        program.stdin.write("I want to register my family\n")
        offer = await amal.frame("thread.offered")
        await amal.ask("accept", thread=offer["thread"]["id"])
        ok = await amal.ask("send", thread=offer["thread"]["id"], text="On Monday.")
        await amal.frame("entry.status", where=lambda f: f["entry"] == ok["entry"]["id"] and f["status"] == "sent")
        program.stdin.close()
        program.wait(10)
        await asyncio.wait_for(said, 10)
        assert lines == ['> {"stored":1,"duplicates":0}', "< On Monday."], lines
        await amal.close()
    finally:
        if program and program.poll() is None:
            program.kill()
        d.close()


def the_c_of_the_readme_is_the_examples():
    def bare(text):
        return re.sub(r"\s+", "", re.sub(r"/\*.*?\*/", "", text, flags=re.S))
    with open(os.path.join(p.TOP, "connectors/testkit/example/pager.c"), encoding="utf-8") as f:
        example = bare(f.read())
    with open(os.path.join(p.TOP, "tests/unit/connectors/test_pager.c"), encoding="utf-8") as f:
        example += bare(f.read())
    for block in blocks("connectors/README.md", "c"):
        for piece in re.split(r"\n\s*…\n", block):
            # Lines that only silence the compiler are left out of the page.
            wanted = bare(piece)
            assert wanted in re.sub(r"\(void\)\w+(,\(void\)\w+)*;", "", example), piece


p.run([the_readmes_program_works, the_c_of_the_readme_is_the_examples])
