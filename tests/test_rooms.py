"""The layout: no folder is crowded, and whoever knows where a module is knows where its tests are."""

import tomllib
from collections import Counter
from pathlib import Path

from tests.repository import PRODUCT, ROOT, modules

MOST = 20
"""Modules in a folder, `__init__.py` not counted."""
OWN_ROOMS = {"bench", "browser", "clients", "fuzz", "integration", "page", "peers", "simulation"}
"""Folders of `tests/` that mirror no tree: each is about several parts at once, or about none."""

TESTED_ELSEWHERE: dict[str, str] = tomllib.loads((ROOT / "tests" / "tested_elsewhere.toml").read_text())
"""Modules without a test file of their name, and where their tests are or why there are none."""


def test_no_folder_is_crowded() -> None:
    """A folder's listing is its table of contents, and a table of contents is read at a glance."""
    counted = Counter(module.parent.as_posix() for module in modules(*PRODUCT, "tests") if module.name != "__init__.py")

    assert {folder: count for folder, count in counted.items() if count > MOST} == {}


def test_tests_stand_where_their_module_stands() -> None:
    """Every folder of tests, but those with a purpose of their own, is a folder of the product."""
    folders = {path.parent.relative_to("tests") for path in modules("tests")} - {Path()}
    lost = {each.as_posix() for each in folders if each.parts[0] not in OWN_ROOMS and not (ROOT / each).is_dir()}

    assert lost == set()


def _own_test(module: Path) -> Path:
    """Where the tests of *module* are looked for first."""
    return ROOT / "tests" / module.parent / f"test_{module.stem.strip('_')}.py"


def test_each_module_has_its_test_file_or_a_reason() -> None:
    """A module whose tests are elsewhere says where; nothing is listed that has tests of its own or is gone."""
    bare = {
        each.as_posix() for each in modules(*PRODUCT) if each.name != "__init__.py" and not _own_test(each).exists()
    }

    assert bare - set(TESTED_ELSEWHERE) == set()
    assert set(TESTED_ELSEWHERE) - bare == set()


def test_a_test_that_is_named_for_a_module_is_there() -> None:
    """A reason that names a file of tests names one that exists."""
    named = {word.strip(",.;:") for reason in TESTED_ELSEWHERE.values() for word in reason.split() if "tests/" in word}

    assert {name for name in named if not (ROOT / name).exists()} == set()
