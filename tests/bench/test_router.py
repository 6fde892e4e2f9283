# SPDX-License-Identifier: Apache-2.0
"""Language and assignment against their goals. The training text is in the folder that PARLEY_LANGID names."""
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("PARLEY_BUILD", os.path.join(TOP, "build"))
passed = failed = skipped = 0


def check(what, ok):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    print("ok    " if ok else "FAILED", what)


def run(*args):
    out = subprocess.run(args, capture_output=True, text=True, cwd=TOP, check=True).stdout
    print(out, end="")
    return out


def figures(out, name):
    """The three accuracies, the three of Latin letters, and texts a second of one line of language_eval."""
    m = re.search(name + r" +([\d. ]+?) +roman +([\d. ]+?) +(\d+) texts/s", out)
    return ([float(x) for x in m[1].split()], [float(x) for x in m[2].split()], float(m[3])) if m else None


def language(texts):
    tool = os.path.join(BUILD, "language_eval")
    with tempfile.TemporaryDirectory() as tmp:
        model, dev, roman = (os.path.join(tmp, n) for n in ("model", "dev.tsv", "roman.tsv"))
        for name, to in (("train.tsv", dev), ("train_roman.tsv", roman)):
            with open(os.path.join(texts, name), encoding="utf-8") as f, open(to, "w", encoding="utf-8") as g:
                g.writelines(line for i, line in enumerate(f) if i % 10 == 9)
        words = os.path.join(TOP, "router/train/words.tsv")
        run(os.path.join(BUILD, "parley-language-train"), "-d", "9", model,
            os.path.join(texts, "train.tsv"), os.path.join(texts, "train_roman.tsv"), words)
        out = run(tool, "-c", "-v", model, dev)
        for name, goals in (("ours, clean", (93, 99, 99)), ("ours, keyboard", (91, 98, 98))):
            got = figures(out, name)
            check(f"{name}: {got[0]} for {goals}", all(a >= b for a, b in zip(got[0], goals)))
        sure = [float(x) for x in re.findall(r"at least 0\.9: [\d.]+ % of the texts, ([\d.]+) % right", out)]
        check(f"confidence of 0.9 and more is right in {sure} % for 97", sure and min(sure) >= 97)
        ours, other = figures(out, "ours, clean"), figures(out, "CLD2, clean")
        if other:
            check(f"{ours[2]:.0f} texts/s for CLD2's {other[2]:.0f}", ours[2] >= other[2])
        got = figures(run(tool, "-v", model, roman), "ours, clean")
        check(f"Latin letters: {sum(got[1]) / 3:.1f} for 90", sum(got[1]) / 3 >= 90)


def main():
    global skipped
    subprocess.run(["cmake", "--build", BUILD, "--target", "language_eval", "assign_bench", "parley-language-train"],
                   check=True, stdout=subprocess.DEVNULL)
    size = os.path.getsize(os.path.join(TOP, "router/language.model"))
    check(f"the model has {size} bytes for 16 MB", size <= 16 << 20)
    texts = os.environ.get("PARLEY_LANGID", "")
    if os.path.exists(os.path.join(texts, "train.tsv")):
        language(texts)
    else:
        skipped += 1
        print("skipped: PARLEY_LANGID names no folder with training text")
    out = run(os.path.join(BUILD, "assign_bench"))
    for name in ("agent for a thread", "thread for an agent"):
        p99 = float(re.search(name + r" .*?p99 +(\d+) us", out)[1])
        check(f"{name}: p99 {p99:.0f} us for 1,000", p99 < 1000)
    waits = [float(x) for x in re.findall(r"so to the larger of the others ([\d.]+)", out)]
    check(f"the small language waits {waits} times as long as the others for 2", waits and max(waits) <= 2)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
