"""docs/clients.md and the tests agree on each other; runs in `make test`, and needs no client."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "clients.md").read_text()
TABLES = re.findall(r"^\| client .*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
ROWS = [line for table in TABLES for line in table.splitlines() if line.startswith("| ")]
CLAIM = re.compile(r"(† )?`(tests/\S+\.py)::(test_\w+)` \|$")


def test_each_row_of_the_matrix_names_a_test_that_exists() -> None:
    """A row without a test is a claim that nobody holds; † says that `make test` runs it."""
    assert len(ROWS) > 10
    for row in ROWS:
        claim = CLAIM.search(row)
        assert claim, row
        dagger, path, name = claim.groups()
        assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE), row
        assert bool(dagger) is not path.startswith("tests/clients/"), row


def test_each_test_of_a_client_is_in_the_matrix() -> None:
    """What was tried with somebody else's client shows where a reader looks."""
    for path in (ROOT / "tests" / "clients").glob("test_*.py"):
        if path.name != Path(__file__).name:
            for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE):
                assert name in PAGE, name
