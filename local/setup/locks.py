"""What is installed, to the byte: every package that a deployable needs, with its version and the hashes of its files.

`requirements.txt` and the dependency group say what we import, one version each. A lock beside them says all that comes
with it, for every Python and machine that we run on, and pip takes nothing else (`--require-hashes`). A lock names no
place to fetch from: that is pip's own configuration. `make lock` writes them all anew, with uv (UV=/path/to/uv).
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OLDEST = "3.11"
"""The Python that the locks begin with; they hold for all later ones, too."""
_MADE_FROM = "# Written by `make lock`. Made from sha256:"
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[a-z0-9,._-]+\])?==(?P<version>[^\s;\\]+)")


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock file and what it is made from."""

    file: str
    inputs: tuple[str, ...]
    groups: tuple[str, ...] = ()
    """Dependency groups of pyproject.toml that go into it."""

    def pins(self, root: Path = ROOT) -> list[str]:
        """The requirements that it is made from: of the files, of what they include, of the groups."""
        found = [line for name in self.inputs for line in _requirements(root / name)]
        groups = tomllib.loads((root / "pyproject.toml").read_text())["dependency-groups"] if self.groups else {}
        return sorted({*found, *(pin for group in self.groups for pin in groups[group])})

    def digest(self, root: Path = ROOT) -> str:
        """The hash of the pins, which the lock's first line repeats."""
        return hashlib.sha256("\n".join(self.pins(root)).encode()).hexdigest()


LOCKS: tuple[Lock, ...] = (
    Lock("functions/requirements.lock", ("functions/requirements.txt",)),
    Lock("sfu/requirements.lock", ("sfu/requirements.txt",)),
    Lock("local/requirements.lock", ("local/requirements.txt",)),
    Lock("local/emulator.lock", ("local/emulator.txt",)),
    Lock("local/demo.lock", ("local/demo.txt",)),
    Lock(
        "local/dev.lock",
        ("functions/requirements.txt", "sfu/requirements.txt", "local/requirements.txt"),
        ("dev",),
    ),
)


def locked(text: str) -> dict[str, tuple[str, int]]:
    """The packages of a lock: normalized name, version, number of hashes. Raises `ValueError` for any other line."""
    found: dict[str, tuple[str, int]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        requirement, *hashes = re.split(r"\s+--hash=", line.strip())
        pinned = _PINNED.match(requirement)
        if pinned is None or not all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes):
            raise ValueError(f"this is no pinned requirement with sha256 hashes: {line[:80]}")
        found[normalized(pinned["name"])] = (pinned["version"], len(hashes))
    return found


def normalized(name: str) -> str:
    """A package's name as it is compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_current(lock: Lock, root: Path = ROOT) -> bool:
    """Whether *lock* was made from the pins as they are now."""
    return (root / lock.file).read_text().startswith(f"{_MADE_FROM}{lock.digest(root)}\n")


def write(lock: Lock, uv: str, environ: Mapping[str, str]) -> None:
    """Resolve *lock* anew. Raises `subprocess.CalledProcessError`, after uv has said why."""
    pins = lock.pins()
    command = [
        uv, "pip", "compile", "--quiet", "--universal", "--python-version", OLDEST, "--generate-hashes", "--no-header",
        "--no-annotate", "--fork-strategy", "fewest", "-",
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - the tool that the user names
        command, cwd=ROOT, env=environ, input="\n".join(pins), stdout=subprocess.PIPE, text=True, check=True
    )
    (ROOT / lock.file).write_text(f"{_MADE_FROM}{lock.digest()}\n{done.stdout}")


def main() -> int:
    """Write every lock anew; the exit code."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        print("uv writes the locks: install it (pip install uv), or name it: make lock UV=/path/to/uv")  # noqa: T201
        return 2
    for lock in LOCKS:
        try:
            write(lock, uv, os.environ)
        except subprocess.CalledProcessError as error:
            return int(error.returncode)
        print(f"{lock.file}: {len(locked((ROOT / lock.file).read_text()))} packages")  # noqa: T201
    return 0


def _requirements(file: Path) -> Iterator[str]:
    for line in file.read_text().splitlines():
        text = line.partition("#")[0].strip()
        option, _, name = text.partition(" ")
        if option in {"-r", "--requirement"}:
            yield from _requirements((file.parent / name.strip()).resolve())
        elif text:
            yield text


if __name__ == "__main__":
    sys.exit(main())
