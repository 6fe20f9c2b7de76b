#!/usr/bin/env python3
"""Check that the examples are formatted as `terraform fmt` formats them; --write formats them."""

import subprocess
import sys
from pathlib import Path

import terraform

ROOT = Path(__file__).resolve().parent.parent


def main(arguments):
    path, reason = terraform.find()
    if path is None:
        print(f"examples: formatting not checked, no Terraform here ({reason})")
        return
    check = [] if "--write" in arguments else ["-check", "-diff"]
    command = [path, "fmt", "-recursive", *check, str(ROOT / "examples")]
    sys.exit(subprocess.run(command, stdin=subprocess.DEVNULL).returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
