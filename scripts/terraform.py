"""Find a Terraform for scripts: the one on PATH when it is new enough, else the one in target/tools."""

import os
import re
import shutil
import subprocess

import tools

OLDEST = (1, 11)


def find():
    """Path and version of a Terraform with write-only arguments, or None and the reason."""
    path = os.environ.get("TF_ACC_TERRAFORM_PATH") or shutil.which("terraform")
    found = version(path) if path else None
    if found and found >= OLDEST:
        return path, found
    path, reason = tools.ensure("terraform-1.15")
    return (str(path), version(path)) if path else (None, reason)


def version(path):
    """Version of a CLI as numbers, or None when it does not run."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    environment["CHECKPOINT_DISABLE"] = "1"
    try:
        done = subprocess.run(
            [path, "version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment,
        )
    except OSError:
        return None
    match = re.search(r"v(\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(int(part) for part in match.groups()) if match else None
