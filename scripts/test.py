#!/usr/bin/env python3
"""Run the tests and say what ran: the closing lines of cargo test, and which CLIs took part.

  test.py [FILTER]    all tests, or those whose name contains FILTER
"""

import collections
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "target" / "acceptance-report"


def main(arguments):
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("")
    scope = ["--test", "it"] if arguments else []
    command = [os.environ.get("CARGO", "cargo"), "test", "--locked", *scope, "--", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    closing = []
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        if line.startswith("test result:"):
            closing.append(line.rstrip())
    code = process.wait()
    print("\nTests, one line per binary:")
    for line in closing:
        print(f"  {line}")
    print("Acceptance, by command line interface:")
    for line in acceptance():
        print(f"  {line}")
    if code == 0 and not arguments:
        code = quickstart()
    sys.exit(code)


def quickstart():
    """The story is a test, too: it checks what it tells."""
    command = [sys.executable, str(ROOT / "scripts" / "quickstart.py")]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        print(done.stdout)
    print(f"Quickstart: {'as told' if done.returncode == 0 else 'failed, see above'}")
    return done.returncode


def acceptance():
    ran = collections.Counter()
    ignored = collections.Counter()
    for line in REPORT.read_text().splitlines():
        what, cli, *rest = line.split("\t")
        if what == "ran":
            ran[cli] += 1
        else:
            ignored[cli, rest[-1]] += 1
    lines = [f"{cli}: {count} ran" for cli, count in sorted(ran.items())]
    lines += [f"{cli}: {count} ignored, {why}" for (cli, why), count in sorted(ignored.items())]
    return lines or ["none ran"]


if __name__ == "__main__":
    main(sys.argv[1:])
