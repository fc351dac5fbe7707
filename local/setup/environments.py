"""The virtual environments of the repository, made and kept up to date by bare Python: no dependency but pip itself.

Each is stamped with a hash of what it was made from (its lock and the interpreter), so a second run installs nothing and
a changed lock installs once. Nothing is installed whose bytes the lock does not name (local/setup/locks.py). Environments are
made side by side.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Say = Callable[[str], None]


class SetupError(Exception):
    """Something cannot be installed; the text is a sentence with what to do."""


@dataclass(frozen=True, slots=True)
class Environment:
    """One virtual environment: its folder, and the lock of what goes into it."""

    folder: str
    lock: str
    kept: bool = False
    """It is a developer's: brought up to date where the lock changes, because people keep tools of their own there."""
    commands: bool = False
    """Whether it can run `sluice`, and has it in its `bin`."""

    @property
    def path(self) -> Path:
        """The folder of the environment, absolute."""
        return ROOT / self.folder

    @property
    def python(self) -> Path:
        """The Python interpreter of the environment."""
        return self.path / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """The file with the hash of what is installed."""
        return self.path / ".stamp"

    def wanted(self) -> str:
        """The hash of what should be installed."""
        digest = hashlib.sha256(f"{sys.implementation.cache_tag} {sys.base_prefix}".encode())
        digest.update((ROOT / self.lock).read_bytes())
        return digest.hexdigest()

    def is_current(self) -> bool:
        """Whether exactly what the lock names is installed."""
        return self.stamp.exists() and self.python.exists() and self.stamp.read_text() == self.wanted()


FUNCTIONS = Environment(".venv-functions", "functions/requirements.lock")  # what Lambda has, for measurements
LOCAL = Environment(".venv-local", "local/requirements.lock", commands=True)
SFU = Environment(".venv-sfu", "sfu/requirements.lock")
EMULATOR = Environment(".venv-emulator", "local/emulator.lock")
DEMO = Environment(".venv-demo", "local/demo.lock")
DEV = Environment(".venv", "local/dev.lock", kept=True, commands=True)
EVERY = (LOCAL, SFU, EMULATOR, DEMO, DEV)
"""What the tests need; measurements of cold starts alone need `FUNCTIONS`."""

# As pip writes it: the kernel takes no long interpreter names in a script's first line, the shell does.
_SLUICE = """\
#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys
from pathlib import Path

sys.path.insert(0, "{root}/operator")

from sluice.console import console

sys.exit(console(Path("{root}")))
"""


def prepare(environments: Sequence[Environment], say: Say) -> None:
    """Install what is missing in *environments*, and build what nodes run compiled. Raises `SetupError`."""
    _install_stale(environments, say)
    for environment in environments:
        if environment.commands:
            _write_sluice(environment)
    if {SFU, DEV} & set(environments):
        # Its own process: importing `sfu` chooses OpenSSL's configuration, which is the node's and nobody else's.
        build = [sys.executable, "-m", "sfu.native.build"]
        built = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  # ours
        if built.returncode:
            say(f"Nodes will send media in Python, which costs almost twice the processor time. {built.stderr.strip()}")


def _write_sluice(environment: Environment) -> None:
    """The console script of operator/pyproject.toml: written here, so that the command runs from where it is."""
    script, text = environment.path / "bin" / "sluice", _SLUICE.format(python=environment.python, root=ROOT)
    if not script.exists() or script.read_text() != text:
        part = script.with_suffix(f".{os.getpid()}")
        part.write_text(text)
        part.chmod(0o755)
        part.rename(script)


def _install_stale(environments: Sequence[Environment], say: Say) -> None:
    stale = [environment for environment in environments if not environment.is_current()]
    if not stale:
        return
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetupError(
            f"{sys.executable} cannot make virtual environments; install its venv package first"
            f" (on Debian and Ubuntu: apt-get install python{version}-venv), then run this again."
        )
    names = ", ".join(environment.folder for environment in stale)
    say(f"Installing {names} (once; until the pinned versions change) ...")
    with (ROOT / ".venv.lock").open("w") as lock:
        flock(lock, LOCK_EX)  # two runs at once, on a fresh clone, say
        stop = threading.Event()
        with ThreadPoolExecutor(max_workers=len(stale)) as threads:
            results = [threads.submit(_install, environment, say, stop) for environment in stale]
            try:
                for result in results:
                    result.result()
            except BaseException:
                stop.set()
                raise


def _install(environment: Environment, say: Say, stop: threading.Event) -> None:
    wanted = environment.wanted()
    if environment.is_current():
        return
    begun = time.monotonic()
    # What runs the product is made anew, so that it never leans on a package that is no longer asked for.
    if not environment.kept or not environment.python.exists() or not _works(environment.python):
        shutil.rmtree(environment.path, ignore_errors=True)
        _run(environment, stop, [sys.executable, "-m", "venv", str(environment.path)])
    environment.stamp.unlink(missing_ok=True)
    pip = [str(environment.python), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    # Python compiles what is imported when it is, which is little of what is installed: half of pip's work is saved.
    _run(environment, stop, [*pip, "--no-compile", "--require-hashes", "-r", str(ROOT / environment.lock)])
    environment.stamp.write_text(wanted)
    say(f"  {environment.folder} is ready ({time.monotonic() - begun:.0f} s)")


def _works(python: Path) -> bool:
    """False for an environment whose interpreter was removed or replaced by another version."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    check = f"import pip, sys; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    return subprocess.run([str(python), "-c", check], capture_output=True, check=False).returncode == 0  # noqa: S603  # ours


def _run(environment: Environment, stop: threading.Event, command: list[str]) -> None:
    environ = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PYTHONHOME"}}
    with subprocess.Popen(  # noqa: S603  # pip and venv of our own interpreter
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        said, done = "", False
        while not done:
            try:
                said, _ = process.communicate(timeout=0.5)
                done = True
            except subprocess.TimeoutExpired:
                if stop.is_set():
                    process.terminate()
    if process.returncode != 0 and not stop.is_set():
        tail = "\n".join(f"  {line}" for line in said.strip().splitlines()[-12:])
        raise SetupError(
            f"{environment.folder} could not be installed; the last lines were:\n{tail}\n"
            "With a network, running the same command again goes on where this stopped."
        )
