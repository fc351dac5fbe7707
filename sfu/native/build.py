"""Builds fanout.c with the machine's C compiler: `python -m sfu.native.build`. Needs nothing but the standard library.

The library's name carries a digest of its source and of how it is built, so that one of another version is never loaded. Exit code 0: it is
there; 1: it could not be built, and standard error says why. A node without it sends in Python.
"""

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import suppress
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("fanout.c")
COMPILERS: Final = ("cc", "gcc", "clang")
HARDENED: Final = (
    "-fstack-protector-strong",
    "-U_FORTIFY_SOURCE",  # some compilers define it themselves
    "-D_FORTIFY_SOURCE=2",
    "-Wl,-z,relro,-z,now,-z,noexecstack",
)
"""A write past a buffer ends the node instead of going on, and what the loader fills in is read-only afterwards."""
FLAGS: Final = ("-O2", "-std=gnu11", "-Wall", "-Wextra", "-Wformat=2", "-fPIC", "-shared", *HARDENED)


class BuildError(Exception):
    """The library could not be built; the text is a sentence for the operator."""


def library() -> Path:
    """Where the library of this source, these flags and this kind of machine lies, built or not."""
    digest = hashlib.sha256(SOURCE.read_bytes() + "\0".join(FLAGS).encode()).hexdigest()[:12]
    return SOURCE.with_name(f"fanout-{_machine()}-{digest}.so")


def _machine() -> str:
    """The processor and, where Python knows it, the kind of C library: x86_64-linux-gnu, aarch64-linux-musl."""
    return sysconfig.get_config_var("MULTIARCH") or platform.machine()


def build() -> Path:
    """Build the library where that is not done yet; returns where it lies. Raises `BuildError`."""
    target = library()
    if target.exists():
        return target
    with SOURCE.open() as lock:
        flock(lock, LOCK_EX)  # two runs at once
        if not target.exists():
            compile_into(target, shlex.split(os.environ.get("CC") or next(filter(shutil.which, COMPILERS), "")))
    for other in target.parent.glob(f"fanout-{_machine()}-*.so"):
        if other != target:
            with suppress(OSError):
                other.unlink()
    return target


def compile_into(target: Path, command: list[str]) -> None:
    """Make *target* with the compiler *command*; raises `BuildError`."""
    if not command:
        raise BuildError("There is no C compiler here (cc, gcc or clang); install one, or set CC.")
    try:
        # Renamed when whole: a node may be loading it now.
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".build-") as folder:
            made = Path(folder, target.name)
            _compile(made, command)
            made.replace(target)
    except OSError as error:
        raise BuildError(f"{target.parent} cannot be written: {error.strerror}.") from None


def _compile(made: Path, command: list[str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - the compiler that the machine or its user names
            [*command, *FLAGS, "-o", str(made), str(SOURCE), "-ldl"], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise BuildError(f"{command[0]} could not be started: {error.strerror}.") from None
    if done.returncode:
        raise BuildError(f"{shlex.join(command)} did not compile {SOURCE.name}:\n{done.stderr.strip()}")


def main() -> int:
    """Build the library and print where it lies; returns the exit code."""
    try:
        print(build())  # noqa: T201 - the command's answer
    except BuildError as error:
        print(error, file=sys.stderr)  # noqa: T201 - likewise
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
