"""Docstrings say something, and a class's name is one class's."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.repository import PRODUCT, modules, parsed

FEWEST = 5
"""Words of a docstring."""

SAME_NAME: dict[str, str] = {}
"""Class names that more than one module has, and why."""

_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def documented(module: Path) -> Iterator[tuple[str, _Documented, bool]]:
    """Everything in *module* that may have a docstring: its name, itself, and whether it is public.

    Public is what has no underscore in front, nor stands in something that has one, nor inside a function.
    """

    def inside(node: ast.AST, prefix: str, *, public: bool) -> Iterator[tuple[str, _Documented, bool]]:
        for each in ast.iter_child_nodes(node):
            if isinstance(each, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                open_ = public and not each.name.startswith("_")
                yield f"{prefix}{each.name}", each, open_
                yield from inside(each, f"{prefix}{each.name}.", public=open_ and isinstance(each, ast.ClassDef))
            elif not isinstance(each, ast.expr):
                yield from inside(each, prefix, public=public)

    tree = parsed(module)
    yield "", tree, True
    yield from inside(tree, "", public=True)


def _repeats_another(node: _Documented) -> bool:
    """Whether *node* is a setter, an overload or an override: what it is for is said elsewhere."""
    names = {part for each in getattr(node, "decorator_list", ()) for part in ast.unparse(each).split(".")}
    return bool(names & {"setter", "deleter", "overload", "override"})


def faults(module: Path, *, missing: bool) -> list[str]:
    """The docstrings of *module* that are too short, and with *missing* the public ones that are not there."""
    found = []
    for name, node, public in documented(module):
        text = ast.get_docstring(node)
        if text is not None and len(text.split()) < FEWEST:
            found.append(f"{name or module.stem}: {text!r} is too short")
        elif text is None and missing and public and not _repeats_another(node):
            found.append(f"{name or module.stem}: no docstring")
    return found


def test_every_public_name_is_explained() -> None:
    """A module, a public class and a public function have a docstring, and nothing has one of fewer than five words."""
    found = {module.as_posix(): faults(module, missing=True) for module in modules(*PRODUCT)}

    assert {module: each for module, each in found.items() if each} == {}


def test_no_docstring_of_a_test_is_a_riddle() -> None:
    """A test may go without one where its name says everything."""
    found = {module.as_posix(): faults(module, missing=False) for module in modules("tests", "docs")}

    assert {module: each for module, each in found.items() if each} == {}


def test_one_class_has_one_name() -> None:
    """Whoever searches for a class finds it, and not another; what is listed is there."""
    found = defaultdict(set)
    for module in modules(*PRODUCT):
        for node in ast.walk(parsed(module)):
            if isinstance(node, ast.ClassDef):
                found[node.name].add(module.as_posix())
    twice = {name: sorted(where) for name, where in found.items() if len(where) > 1}

    assert {name: where for name, where in twice.items() if name not in SAME_NAME} == {}
    assert set(SAME_NAME) - set(twice) == set()
