#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What was run of each file, from a build of the preset `coverage`: coverage.py [build folder]. With --lines the lines that were not."""
import json
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OURS = ("gateway/", "store/", "router/", "connectors/")


def objects_of(build):
    for folder, _, names in os.walk(build):
        for name in names:
            if name.endswith(".gcno"):
                yield os.path.join(folder, name)


def lines_run(build):
    """{file: {line: times}}, summed over all programs."""
    found = {}
    objects = sorted(objects_of(build))
    for i in range(0, len(objects), 50):
        run = subprocess.run(["gcov", "--json-format", "--stdout"] + objects[i:i + 50], cwd=build, capture_output=True, check=True)
        for text in filter(None, run.stdout.split(b"\n")):
            for part in json.loads(text)["files"]:
                name = os.path.relpath(os.path.join(build, part["file"]), TOP)
                if name.startswith(OURS):
                    lines = found.setdefault(name, {})
                    for line in part["lines"]:
                        lines[line["line_number"]] = lines.get(line["line_number"], 0) + line["count"]
    return found


def ranges(lines):
    """1, 2, 3, 7 -> 1-3, 7."""
    said = []
    for n in lines:
        if said and said[-1][1] == n - 1:
            said[-1][1] = n
        else:
            said.append([n, n])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in said)


def main():
    options = [a for a in sys.argv[1:] if a.startswith("--")]
    build = os.path.abspath(([a for a in sys.argv[1:] if a not in options] + [os.path.join(TOP, "build-coverage")])[0])
    found = lines_run(build)
    if not any(any(lines.values()) for lines in found.values()):
        print(f"no counters below {build}: build the preset coverage and run its tests first")
        return 1
    folders = {}
    for name, lines in sorted(found.items()):
        run = sum(1 for times in lines.values() if times)
        folder = folders.setdefault(os.path.dirname(name), [0, 0])
        folder[0], folder[1] = folder[0] + run, folder[1] + len(lines)
        print(f"{100 * run / max(len(lines), 1):5.1f} %  {run:5} of {len(lines):5}  {name}")
        if "--lines" in options:
            print("         not: " + ranges(n for n, times in sorted(lines.items()) if not times))
    print()
    for folder, (run, all_lines) in sorted(folders.items()) + [("all", [sum(f[k] for f in folders.values()) for k in (0, 1)])]:
        print(f"{100 * run / max(all_lines, 1):5.1f} %  {run:5} of {all_lines:5}  {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
