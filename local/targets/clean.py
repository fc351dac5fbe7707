"""`make clean`: removes what was installed and written, unless a stack is using it."""

import json
import os
import shutil
from contextlib import suppress

from local.setup import page_tools
from local.setup.environments import EVERY, FUNCTIONS, ROOT, SetupError
from local.targets.lint import CODE
from local.targets.program import say


def clean() -> int:
    """Remove the environments, the state of stacks and all caches; `SetupError` while a stack is up."""
    for file in (ROOT / ".local").glob("**/stack.json"):
        with suppress(OSError, ValueError):
            pid = json.loads(file.read_text())["pid"]
            os.kill(pid, 0)
            raise SetupError(f"A stack is up (pid {pid}, {file.relative_to(ROOT)}); stop it first.")
    paths = [environment.path for environment in (*EVERY, FUNCTIONS)]
    paths += [ROOT / name for name in (".local", "build", "htmlcov", ".hypothesis", ".venv.lock", page_tools.MODULES)]
    paths += [ROOT / f".{tool}_cache" for tool in ("pytest", "mypy", "ruff", "import_linter")]
    paths += ROOT.glob(".coverage*")
    paths += [file for made in ("*.so", ".build-*") for file in (ROOT / "sfu" / "native").glob(made)]
    paths += [path for folder in CODE for path in (ROOT / folder).rglob("__pycache__")]
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    say("Removed the virtual environments, the state of the stack and all caches.")
    return 0
