"""The targets that measure: a node beside MediaMTX or beside another checkout of ours, a node for a long time, admission.

`make bench` takes AGAINST (a folder with another checkout), FULL and JSON (a file), `make bench-admission` takes AGAINST;
what cannot be used is said before anything is installed.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from local.setup.environments import DEV, EMULATOR, EVERY, FUNCTIONS, SetupError, prepare
from local.targets.program import asked, become, say


def bench() -> int:
    """Measure against MediaMTX and, where AGAINST names one, another checkout; FULL=1 measures every bar."""
    options = bench_options(os.environ, Path.cwd())
    prepare(EVERY, say)
    become(DEV, "-m", "tests.bench", *options, *asked())


def bench_options(environ: Mapping[str, str], here: Path) -> list[str]:
    """The command line of the benchmark for the variables in *environ*; paths are relative to the folder *here*.

    `SetupError` where AGAINST is no checkout of ours or JSON names no file that could be written.
    """
    full, file = (environ.get(name, "") for name in ("FULL", "JSON"))
    options = ["--full"] if full == "1" else []
    options += against_options(environ, here, "sfu/__main__.py", "make bench")
    if file:
        path = (here / Path(file).expanduser()).resolve()
        if path.is_dir() or not path.parent.is_dir():
            raise SetupError(f"JSON is {file}, where no file can be written; say another: make bench JSON=bench.json")
        options += ["--json", str(path)]
    return options


def against_options(environ: Mapping[str, str], here: Path, has: str, command: str) -> list[str]:
    """What names the other checkout on a command line: nothing without AGAINST; `SetupError` where it has no file *has*."""
    against = environ.get("AGAINST", "")
    if not against:
        return []
    folder = (here / Path(against).expanduser()).resolve()
    if not (folder / has).is_file():
        raise SetupError(
            f"AGAINST is {against}, which is no checkout of Sluice: it has no {has}."
            f" Say the folder of one: {command} AGAINST=/path/to/checkout"
        )
    return ["--against", str(folder)]


def soak() -> int:
    """Run a node for SECONDS with viewers that come and go."""
    prepare(EVERY, say)
    become(DEV, "-m", "tests.bench.soak", "--seconds", os.environ.get("SECONDS", "600"))


def bench_admission() -> int:
    """Measure a cold start of admission, a warm one, and how many a second."""
    handler = "functions/admission/handler.py"
    options = against_options(os.environ, Path.cwd(), handler, "make bench-admission")
    prepare((DEV, EMULATOR, FUNCTIONS), say)
    become(DEV, "-m", "tests.bench.control_plane.admission", *options, *asked())
