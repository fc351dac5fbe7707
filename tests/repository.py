"""The repository as its own tests read it: its modules, its text files, and what Python's parser says of a module."""

import ast
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("sfu", "functions", "shared", "local", "operator")
"""The trees that people run. `tests` mirrors them."""
_TEXT = {".c", ".css", ".html", ".js", ".json", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml"}
_HIDDEN = {".ci", ".github"}
_MADE = {"__pycache__", "build", "htmlcov", "node_modules"}


def modules(*trees: str) -> list[Path]:
    """The Python files of *trees*, relative to the root and sorted; a tree that is not there has none."""
    return sorted(
        path.relative_to(ROOT)
        for tree in trees
        for path in (ROOT / tree).rglob("*.py")
        if not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(ROOT).parts)
    )


@cache
def parsed(module: Path) -> ast.Module:
    """The syntax tree of *module*, a path relative to the root."""
    return ast.parse((ROOT / module).read_text(), str(module))


def text_files() -> Iterator[Path]:
    """The text files of the repository, relative to the root; what is installed or built is none of it."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [each for each in folders if each not in _MADE and (each in _HIDDEN or not each.startswith("."))]
        for name in names:
            path = Path(folder, name)
            if path.suffix in _TEXT or not path.suffix:
                yield path.relative_to(ROOT)
