"""What `make bench` is told becomes a command line, or a sentence before anything is installed."""

from pathlib import Path

import pytest

from local.setup.environments import ROOT, SetupError
from local.targets.bench import against_options, bench_options


def test_nothing_told_is_the_usual_run(tmp_path: Path) -> None:
    """Empty variables count as none, and FULL=0 is no full run."""
    assert bench_options({}, tmp_path) == []
    assert bench_options({"AGAINST": "", "JSON": "", "FULL": "0"}, tmp_path) == []


def test_paths_are_relative_to_where_make_was_called(tmp_path: Path) -> None:
    """The benchmark itself runs in the root of the repository."""
    (tmp_path / "old" / "sfu").mkdir(parents=True)
    (tmp_path / "old" / "sfu" / "__main__.py").touch()

    told = {"AGAINST": "old", "JSON": "figures.json", "FULL": "1"}

    assert bench_options(told, tmp_path) == [
        "--full", "--against", str(tmp_path / "old"), "--json", str(tmp_path / "figures.json"),
    ]  # fmt: skip
    assert bench_options({"AGAINST": str(ROOT)}, tmp_path) == ["--against", str(ROOT)]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"AGAINST": "nowhere"}, "AGAINST is nowhere, which is no checkout of Sluice"),
        ({"AGAINST": "."}, "it has no sfu/__main__.py"),
        ({"JSON": "nowhere/figures.json"}, "JSON is nowhere/figures.json, where no file can be written"),
        ({"JSON": "."}, "say another: make bench JSON=bench.json"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(tmp_path: Path, told: dict[str, str], said: str) -> None:
    """It names the variable and says what would do."""
    with pytest.raises(SetupError, match=said):
        bench_options(told, tmp_path)


def test_admission_is_measured_against_a_checkout_that_has_it(tmp_path: Path) -> None:
    """The folder needs admission's handler, not a node."""
    handler = "functions/admission/handler.py"

    assert against_options({}, tmp_path, handler, "make bench-admission") == []
    assert against_options({"AGAINST": str(ROOT)}, tmp_path, handler, "make bench-admission") == [
        "--against",
        str(ROOT),
    ]
    with pytest.raises(SetupError, match="Say the folder of one: make bench-admission AGAINST="):
        against_options({"AGAINST": "."}, tmp_path, handler, "make bench-admission")
