"""How a target says something to its user, and how it runs a program or becomes one."""

import os
import subprocess
from collections.abc import Mapping
from typing import NoReturn

from local.setup.environments import ROOT, Environment

_MAKES = {"ARGS", "COVERAGE", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"}


def say(text: str) -> None:
    """Print *text* for the user, at once."""
    print(text, flush=True)  # noqa: T201  # this program's output is for a terminal


def asked() -> list[str]:
    """The words of ARGS: what the user passes on to the program that the target runs."""
    return os.environ.get("ARGS", "").split()


def inherited() -> dict[str, str]:
    """The environment without what this make was told: tests call make themselves, and are not to inherit it."""
    return {name: value for name, value in os.environ.items() if name not in _MAKES}


def run(command: list[str], environ: Mapping[str, str]) -> int:
    """Run *command* from the root of the repository; its exit code."""
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode  # noqa: S603  # our own tools


def become(environment: Environment, *arguments: str) -> NoReturn:
    """Replace this process by the Python of *environment* with *arguments*: signals and exit code are then its own."""
    os.chdir(ROOT)
    os.execv(environment.python, [str(environment.python), *arguments])  # noqa: S606  # the target is that program
