"""`make lint`: everything that can be checked without running it, offline."""

import os

from local.setup import page_tools
from local.setup.environments import DEV, ROOT, prepare
from local.targets.program import run, say

CODE = ("functions", "shared", "sfu", "local", "operator", "tests", "docs")
"""The folders of Python code."""
_TEMPLATES = ("template.yaml", "sfu/template.yaml")


def lint() -> int:
    """Run every check, whatever the first one says, and name those that fail; 1 where one does."""
    prepare((DEV,), say)
    page_tools.ensure(say)
    templates = [name for name in _TEMPLATES if (ROOT / name).exists()]
    checks = {
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "."],
        "mypy": ["mypy", *(folder for folder in CODE if any((ROOT / folder).rglob("*.py")))],
        "import rules": ["lint-imports"],
        **({"cfn-lint": ["cfn-lint", *templates]} if templates else {}),
        **{f"SAM translator, {path}": ["python", "-m", "local.aws.translate", path] for path in templates},
        **page_tools.checks(),
    }
    failed = []
    for name, command in checks.items():
        say(f"{name} ...")
        program = str(DEV.path / "bin" / command[0])
        # `sluice` is a distribution of its own, and lint-imports finds what can be imported.
        environ = os.environ | {"AWS_DEFAULT_REGION": "us-east-1", "PYTHONPATH": str(ROOT / "operator")}
        if run([program, *command[1:]], environ):
            failed.append(name)
    say(f"Failed: {', '.join(failed)}" if failed else "All checks pass.")
    return bool(failed)
