#!/usr/bin/env python3
"""A story: a secret is created, changed, left alone, searched for, destroyed and brought back.

Builds the provider, puts it where a Terraform started below target/quickstart finds it, and runs
the commands a newcomer would type. Nothing outside target/ is written: home directory, CLI
configuration and vault are all below target/quickstart, which every run starts afresh.
"""

import base64
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import install
import terraform

ROOT = Path(__file__).resolve().parent.parent
STAGE = ROOT / "target" / "quickstart"
PROJECT = STAGE / "project"
HOST = "registry.terraform.io"
BOLD, DIM, END = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")


def main():
    title("coffer in two minutes")
    say(
        "Terraform writes what it manages into its state file, secrets too. coffer keeps the",
        "secret in a vault and only a fingerprint of it in the state. See for yourself.",
    )

    step("Build the provider")
    binary = build()

    step("Find a Terraform")
    cli, version = terraform.find()
    if cli is None:
        sys.exit(f"No Terraform on PATH, and none could be installed: {version}")
    say(f"Terraform {'.'.join(map(str, version))} ({cli})")

    stage = Stage(cli, binary)
    tell(stage)


def tell(stage):
    first, second = (f"token-{secrets.token_hex(12)}" for _ in range(2))

    step("Look at the configuration")
    show_file("main.tf")
    run = stage.terraform("init")
    expect(run, "successfully initialized")
    say("Terraform found the provider in terraform.d/plugins; nothing was downloaded.")

    step("Create the secret")
    say("The value comes from an environment variable. It could come from any other source.")
    stage.value(first)
    run = stage.terraform("apply", "-auto-approve")
    expect(run, "1 added, 0 changed, 0 destroyed")

    step("Plan again: nothing to do")
    run = stage.terraform("plan")
    expect(run, "No changes")
    say("coffer compared the fingerprint of your value with the one in the state: equal.")

    step("Change the value, and nothing else")
    stage.value(second)
    run = stage.terraform("plan", "-out=saved.plan")
    expect(run, "0 to add, 1 to change, 0 to destroy")
    say("There is no version number to raise: the fingerprint differs, so the plan has a change.")
    run = stage.terraform("apply", "saved.plan")
    expect(run, "0 added, 1 changed, 0 destroyed")

    step("Ask the vault")
    run = stage.provider("vault", "history", "demo/api-token")
    run = stage.provider("vault", "get", "demo/api-token")
    expect(run, second)
    say("Both versions are there. A value is printed only when you ask for it by its name.")

    step("Search everything that Terraform wrote for the two values")
    search(stage, [first, second], control=run)

    step("Destroy it by mistake, and get it back")
    run = stage.terraform("destroy", "-auto-approve")
    expect(run, "1 destroyed")
    stage.provider("vault", "list", "--deleted")
    say("Deleted, but recoverable. The same configuration brings it back:")
    run = stage.terraform("apply", "-auto-approve")
    expect(run, "1 added")
    run = stage.provider("vault", "get", "demo/api-token")
    expect(run, second)

    title("That is all")
    say(
        f"Everything is in {STAGE.relative_to(ROOT)}; play with it:",
        f"    cd {PROJECT.relative_to(ROOT)} && . ../environment",
        "Next: README.md says how to use coffer in a configuration of your own,",
        "docs/ has the reference, examples/scenarios/ has configurations to copy from.",
    )


def build():
    command = [os.environ.get("CARGO", "cargo"), "build", "--locked"]
    show_command(" ".join(command))
    say("The first time, this compiles all dependencies and takes some minutes.")
    began = time.monotonic()
    output = subprocess.run(
        [*command, "--message-format=json-render-diagnostics"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    if output.returncode != 0:
        sys.exit("The build failed; the messages above say why.")
    say(f"Built in {time.monotonic() - began:.0f} s.")
    for line in output.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "terraform-provider-coffer":
            return Path(message["executable"])
    sys.exit("The build left no executable.")


class Stage:
    """A directory with a project, a home of its own and the provider installed for it."""

    def __init__(self, cli, binary):
        shutil.rmtree(STAGE, ignore_errors=True)
        (STAGE / "home").mkdir(parents=True)
        shutil.copytree(ROOT / "examples" / "quickstart", PROJECT)
        (STAGE / "cli.tfrc").write_text("disable_checkpoint = true\n")
        number = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
        # Terraform looks for providers in terraform.d/plugins of the working directory by itself.
        mirror = PROJECT / "terraform.d" / "plugins"
        self.binary = install.install(mirror, HOST, number, binary)
        self.cli = cli
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TF_", "COFFER_"))
        }
        self.environment.update(
            HOME=str(STAGE / "home"),
            TF_CLI_CONFIG_FILE=str(STAGE / "cli.tfrc"),
            CHECKPOINT_DISABLE="1",
            TF_IN_AUTOMATION="1",
        )
        self.log = STAGE / "trace.log"

    def value(self, value):
        """Sets the ephemeral variable, as the reader would."""
        self.environment["TF_VAR_api_token"] = value
        show_command(f"export TF_VAR_api_token='{value}'")
        (STAGE / "environment").write_text(
            f"export TF_CLI_CONFIG_FILE='{STAGE / 'cli.tfrc'}'\n"
            f"export TF_VAR_api_token='{value}'\n"
            f"alias terraform='{self.cli}'\n"
            f"alias terraform-provider-coffer='{self.binary}'\n"
        )

    def terraform(self, *arguments):
        show_command(" ".join(["terraform", *arguments]))
        command = [self.cli, arguments[0], "-no-color", "-input=false", *arguments[1:]]
        # The log at its loudest, to be searched later.
        environment = {**self.environment, "TF_LOG": "TRACE", "TF_LOG_PATH": str(self.log)}
        output = finish(command, environment)
        for line in important(output):
            # What init warns about is the checksums of other platforms.
            if arguments[0] != "init" or not line.startswith(("Warning", " ")):
                print(f"    {line}")
        return output

    def provider(self, *arguments):
        show_command(" ".join(["terraform-provider-coffer", *arguments]))
        output = finish([str(self.binary), *arguments], self.environment)
        for line in output.splitlines():
            print(f"    {line}")
        return output


def finish(command, environment):
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        print(done.stdout)
        sys.exit(f"The command failed with exit code {done.returncode}.")
    return done.stdout


IMPORTANT = re.compile(
    r"""
      \ +\#\ coffer_secret            # what happens to a resource
    | \ +[~+-]\ (fingerprint|version)\  # the attributes of this story
    | coffer_secret\..*\ complete      # that it has happened
    | (Plan|Apply\ complete|Destroy\ complete|No\ changes|Terraform\ has\ been)
    """,
    re.VERBOSE,
)


def important(output):
    """The lines of a command's output that tell the story; warnings in full."""
    lines = iter(output.splitlines())
    for line in lines:
        if line.startswith("Warning: "):
            yield line
            yield from message(lines)
        elif IMPORTANT.match(line):
            yield line.strip().replace("     =", " =")


def message(lines):
    """The text of a warning: what follows the place it is about, up to the next empty line."""
    text = []
    for line in lines:
        if line and not line.startswith(" "):
            text.append(f"  {line}")
        elif not line and text:
            break
    return text


def search(stage, values, control):
    """Looks for the values in every file Terraform left, archives unpacked, and in the log."""

    def hits(text):
        return sum(text.count(form) for value in values for form in forms(value))

    places = [path for path in PROJECT.iterdir() if path.is_file()] + [stage.log]
    vault = PROJECT / ".coffer" / "vault.db"
    found = 0
    for path in sorted(places) + [vault]:
        text = content(path)
        found += hits(text)
        print(f"    {path.relative_to(STAGE)!s:<34} {len(text):>9} bytes  {hits(text)} found")
    if hits(control.encode()) == 0:
        sys.exit("The search is broken: it does not find the value that the vault printed.")
    print(f"    {'(what the vault printed in step 7)':<34} {len(control):>9} bytes  {hits(control.encode())} found")
    if found:
        sys.exit("A value was found. Please report this as a security problem: SECURITY.md")
    say(
        "Not one byte of them: not in the state, its backup, the plan, the log, nor in the clear",
        "in the vault file. What the state holds instead:",
    )
    state = json.loads((PROJECT / "terraform.tfstate").read_text())
    attributes = state["resources"][0]["instances"][0]["attributes"]
    for name in ["id", "version", "fingerprint", "value_wo"]:
        print(f"    {name:<12} {json.dumps(attributes[name])}")


def content(path):
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return b"".join(archive.read(name) for name in archive.namelist())
    return path.read_bytes()


def forms(value):
    """The value as it is, in base64 and in hexadecimal."""
    raw = value.encode()
    return [raw, base64.b64encode(raw).rstrip(b"="), raw.hex().encode()]


def expect(output, words):
    """The story is also a test: what it tells must have happened."""
    if words not in " ".join(output.split()):
        print(output)
        sys.exit(f"The output above should say {words!r}. Please report this.")


def title(text):
    print(f"\n{BOLD}{text}{END}\n{'=' * len(text)}", flush=True)


STEPS = 0


def step(text):
    global STEPS
    STEPS += 1
    print(f"\n{BOLD}{STEPS}. {text}{END}", flush=True)


def say(*lines):
    for line in lines:
        print(f"   {line}", flush=True)


def show_command(command):
    print(f"   {DIM}${END} {command}", flush=True)


def show_file(name):
    show_command(f"cat {name}")
    for line in (PROJECT / name).read_text().splitlines():
        print(f"    {line}")


if __name__ == "__main__":
    main()
