"""`make test-repeat`: a line a run, and a code that does not hide one red among ten."""

import sys
from pathlib import Path

import pytest

from local.targets.repetition import line, repeat

GREEN = """
Tests that may run side by side:
=========== 2400 passed, 3 skipped in 201.10s (0:03:21) ============
Tests of the whole stack, on two of them:
=========== 200 passed in 100.00s (0:01:40) ============
Installing took 31 s, the tests 402 s.
"""
RED = """
FAILED tests/a.py::test_b - AssertionError: 1 passed in 2.0s
ERROR tests/c.py::test_d
===== 1 failed, 2399 passed, 1 error in 201.10s =====
"""


def test_a_line_says_counts_and_seconds() -> None:
    """Summed over the parts of a run; without what was installed."""
    assert line(3, 0, GREEN, 440.0) == "3: green, 2600 passed, 3 skipped, 402 s"


def test_what_failed_is_named() -> None:
    """Each failed test is a line below its run's."""
    told = line(4, 1, RED, 201.4)
    assert told == "4: RED, 1 failed, 2399 passed, 1 error, 201 s\n  tests/a.py::test_b\n  tests/c.py::test_d"
    assert line(1, 1, "make: no python", 1.0) == "1: RED, no test ran, 1 s"


def test_one_red_run_makes_it_red_and_the_others_run(tmp_path: Path) -> None:
    """The second of three fails."""
    said: list[str] = []
    code = (
        "import pathlib, sys; file = pathlib.Path(sys.argv[1]); file.write_text(file.read_text() + 'x' if file.exists() else 'x');"
        "print('==== 5 passed in 0.10s ===='); sys.exit(len(file.read_text()) == 2)"
    )
    command = (sys.executable, "-c", code, str(tmp_path / "runs"))

    assert repeat("3", said.append, command, tmp_path / "logs") == 1
    assert [text.split(",")[0] for text in said if ":" in text[:3]] == ["1: green", "2: RED", "3: green"]
    assert said[-1] == "2 of 3 runs were green."
    assert str(tmp_path / "logs" / "2.log") in said[2]
    assert "5 passed" in (tmp_path / "logs" / "2.log").read_text()


@pytest.mark.parametrize("times", ["0", "-1", "many"])
def test_no_number_of_runs_is_a_sentence(tmp_path: Path, times: str) -> None:
    """And then no test is run."""
    said: list[str] = []
    assert repeat(times, said.append, ("false",), tmp_path) == 2
    assert said == ["TIMES is a number of runs: make test-repeat TIMES=10"]
