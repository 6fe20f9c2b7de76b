#!/usr/bin/env python3
"""Put the built provider where Terraform and OpenTofu find it without a registry.

  install.py PLUGINS VERSION [BINARY]

Writes the unpacked layout HOST/coffer/coffer/VERSION/OS_ARCH/ for the default hosts of both.
"""

import os
import platform
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOSTS = ["registry.terraform.io", "registry.opentofu.org"]
SYSTEMS = {"Linux": "linux", "Darwin": "darwin", "Windows": "windows"}
MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def main(plugins, version, binary=None):
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    suffix = ".exe" if platform.system() == "Windows" else ""
    binary = Path(binary or target / "release" / f"terraform-provider-coffer{suffix}")
    for host in HOSTS:
        print(f"installed {install(Path(plugins), host, version, binary)}")
    print("A configuration that used an earlier build must forget its checksum: delete")
    print(".terraform.lock.hcl next to it, then run `terraform init` again.")


def install(plugins, host, version, binary):
    """Copies the provider into the tree of one host and returns its path."""
    folder = plugins / host / "coffer" / "coffer" / version / os_arch()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"terraform-provider-coffer_v{version}{binary.suffix}"
    # Beside and renamed: a provider that runs right now keeps its file.
    fresh = folder / f".{target.name}.new"
    shutil.copy2(binary, fresh)
    fresh.replace(target)
    return target


def os_arch():
    """The platform in Terraform's words."""
    system, machine = platform.system(), platform.machine()
    return f"{SYSTEMS.get(system, system.lower())}_{MACHINES.get(machine, machine.lower())}"


if __name__ == "__main__":
    main(*sys.argv[1:])
