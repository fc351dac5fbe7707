"""`make test` draws the same examples at every run; `make fuzz` others, by its seed, and says what it found."""

import subprocess
import sys
import time
from pathlib import Path

import hypothesis
import pytest

from local.process.processes import ROOT
from tests.fuzz.__main__ import Wish, property_command, wish, with_properties

WRONG = """
from hypothesis import given, strategies as st

@given(st.integers())
def test_wrong(number):
    print("drew", number)
    assert number < 100_000

@given(st.integers())
def test_right(number):
    assert number == number
"""


def test_the_suite_draws_the_same_examples_at_every_run() -> None:
    """Whatever a property sets for itself, this it has from the profile."""
    assert hypothesis.settings.get_profile("sluice").derandomize
    assert not hypothesis.settings.get_profile("fuzz").derandomize
    for file in set(with_properties()) - {str(Path(__file__).relative_to(ROOT))}:
        assert "derandomize=False" not in (ROOT / file).read_text()


def test_every_property_is_found() -> None:
    """The files are chosen by a word that each needs."""
    named = {
        str(file.relative_to(ROOT)) for file in (ROOT / "tests").rglob("test_*.py") if "@given" in file.read_text()
    }
    assert named <= set(with_properties())


def test_what_make_is_told() -> None:
    """And what it takes where it is told nothing."""
    assert wish({}, 1234.9) == Wish(300, 1234)
    assert wish({"SECONDS": "600", "SEED": "7"}, 0).command == "make fuzz SECONDS=600 SEED=7"
    with pytest.raises(ValueError, match="seven"):
        wish({"SEED": "seven"}, 0)


def round_of(folder: Path, seed: int, seconds: float) -> tuple[int, str]:
    """Exit code and output of one round over WRONG."""
    (folder / "test_it.py").write_text(WRONG)
    (folder / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
    command = [part for part in property_command(seed, time.time() + seconds) if part not in with_properties()]
    command[command.index("auto")] = "0"
    done = subprocess.run(
        [*command, f"--rootdir={folder}", "-c", "/dev/null", "-s", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout


def drawn(text: str) -> list[str]:
    """The examples in the order in which they came."""
    return [line for line in text.splitlines() if line.startswith("drew")]


@pytest.mark.long
def test_a_seed_draws_its_own_examples_again_and_again(tmp_path: Path) -> None:
    """Another one draws others; what does not hold is found, and ends in a code that says so."""
    (code, one), (_, again), (_, other) = (round_of(tmp_path, seed, 60) for seed in (1, 1, 2))

    assert code == 1
    assert "test_wrong" in one
    assert "1 failed, 1 passed" in one
    assert drawn(one) == drawn(again) != drawn(other)


@pytest.mark.long
def test_after_the_end_nothing_begins(tmp_path: Path) -> None:
    """It is skipped and not passed."""
    code, said = round_of(tmp_path, 1, -1)

    assert code == 0
    assert "2 skipped" in said


def test_a_seed_that_is_no_number_is_a_sentence() -> None:
    """And it shows no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz"], cwd=ROOT, env={"SEED": "x"}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "")
    assert "SEED=7" in done.stdout
