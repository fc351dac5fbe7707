"""A Chromium for the browser tests: one that the machine has, or Debian's package.

Playwright's own downloads are not used: they need a host that many networks do not let through. CHROMIUM=/path names
one that is found nowhere else.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from local.setup.environments import SetupError

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_INSTALL = "apt-get install --yes --no-install-recommends chromium"


def find() -> str | None:
    """The path of a Chromium on this machine, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


def ensure(say: Callable[[str], None]) -> str:
    """The path of a Chromium, installed if root may; raises `SetupError` with the command otherwise."""
    found = find()
    if found is not None:
        return found
    if os.environ.get("CHROMIUM"):
        raise SetupError(f"CHROMIUM is {os.environ['CHROMIUM']}, which does not exist.")
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("Installing chromium for the browser tests ...")
        for command in ("apt-get update --quiet --quiet", _INSTALL):
            done = subprocess.run(  # noqa: S603  # two constant commands
                command.split(),
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode == 0 and (found := find()):
            return found
        raise SetupError(f"chromium could not be installed with `{_INSTALL}`:\n{done.stderr.strip()[-800:]}")
    raise SetupError(
        "The browser tests need Chromium, and none is on this machine. Install it (on Debian and Ubuntu:"
        f" sudo {_INSTALL}), or set CHROMIUM=/path/to/chrome, then run this again."
    )
