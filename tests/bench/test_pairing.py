"""Two checkouts in turns: the order, what their pairs say together, and what is written of a run."""

import dataclasses
import json
from pathlib import Path

import pytest

from tests.bench import bars, machine, pairing, report, servers
from tests.bench.servers import ROOT
from tests.bench.test_report import MEDIAMTX, OURS
from tests.peers.mediamtx import Missing

WHOLE = dataclasses.replace(OURS, lost=0, lost_percent=0.0)
OTHER = dataclasses.replace(WHOLE, server="against")


def costing(ours: float, other: float, viewers: int = 100) -> pairing.Pair:
    """A pair in which a gigabit costs so many seconds of CPU."""
    return (
        dataclasses.replace(WHOLE, cpu_per_gbit=ours, viewers=viewers, joined=viewers),
        dataclasses.replace(OTHER, cpu_per_gbit=other, viewers=viewers, joined=viewers),
    )


def test_each_goes_first_in_turn() -> None:
    """A machine that gets slower while it measures is then as unfair to one as to the other."""
    assert list(pairing.turns(3)) == [("sluice", "against"), ("against", "sluice"), ("sluice", "against")]


def test_the_ratio_is_the_middle_one_of_the_pairs() -> None:
    """One disturbed pair moves it no further than to its neighbour, and the spread shows that it was disturbed."""
    (found,) = pairing.comparisons([costing(0.6, 0.6), costing(0.61, 0.6), costing(1.2, 0.6)])

    assert (found.viewers, found.pairs, found.lowest, found.highest) == (100, 3, 1.0, 2.0)
    assert found.ratio["cpu_per_gbit"] == pytest.approx(0.61 / 0.6)
    assert found.ratio["rss_mb"] == 1.0


def test_numbers_of_viewers_are_kept_apart() -> None:
    """What 200 viewers cost is not what 100 cost; a figure that was zero has no ratio."""
    first, second = pairing.comparisons([costing(0.5, 1.0), costing(1.0, 1.0, 200), costing(0.5, 0.0, 200)])

    assert (first.viewers, first.ratio["cpu_per_gbit"]) == (100, 0.5)
    assert (second.viewers, second.pairs, second.ratio["cpu_per_gbit"]) == (200, 2, 1.0)
    (zero,) = pairing.comparisons([costing(0.5, 0.0)])
    assert (zero.ratio["cpu_per_gbit"], zero.lowest, zero.highest) == (None, None, None)


def test_several_runs_of_a_server_are_one_row() -> None:
    """The middle of the figures and the sum of the counts: a packet that was lost in any run is lost."""
    runs = [dataclasses.replace(OURS, cpu_per_gbit=cpu, lost=lost) for cpu, lost in ((0.5, 0), (0.6, 1), (0.9, 0))]
    ours, base = pairing.together([runs[0], MEDIAMTX, *runs[1:]])

    assert (ours.cpu_per_gbit, ours.lost, ours.packets, ours.viewers) == (0.6, 1, 3 * OURS.packets, 100)
    assert base == MEDIAMTX


def test_more_than_three_percent_dearer_misses_the_bar() -> None:
    """The bar is on the CPU of a delivered gigabit, the dearest thing that a node does."""
    (held,), (missed,) = (bars.beside(pairing.comparisons([costing(cost, 0.6)])) for cost in (0.618, 0.619))

    assert (held.bar, held.passed, missed.passed) == ("<= 1.03 of AGAINST", True, False)


def test_a_run_is_written_for_programs() -> None:
    """Every run by itself, and the ratios of the first number of viewers before those of all."""
    pairs = [costing(0.6, 0.5), costing(1.0, 1.0, 200)]
    told = json.loads(json.dumps(pairing.document([MEDIAMTX, *pairs[0], *pairs[1]], pairs)))

    assert [(run["server"], run["viewers"]) for run in told["runs"]] == [
        ("mediamtx", 100), ("sluice", 100), ("against", 100), ("sluice", 200), ("against", 200),
    ]  # fmt: skip
    assert set(told["runs"][0]) == {"server", "viewers", "cpu_per_gbit", "lost", "p50_ms", "p99_ms", "rss_mb"}
    assert (told["ratio"]["to"], told["ratio"]["cpu_per_gbit"]) == ("against", 1.2)
    assert told["ratio"]["by_viewers"]["200"]["cpu_per_gbit"] == 1.0


def test_without_another_checkout_the_ratio_is_to_mediamtx() -> None:
    """And where that is missing as well, there is none."""
    told = pairing.document([MEDIAMTX, WHOLE], [])

    assert (told["ratio"]["to"], told["ratio"]["cpu_per_gbit"], told["ratio"]["rss_mb"]) == ("mediamtx", 0.4, 0.25)
    assert pairing.document([WHOLE], [])["ratio"] == {}


def test_the_report_shows_the_pairs_without_mediamtx() -> None:
    """Only what was measured has a table, and a bar that needs MediaMTX is open."""
    pairs = [costing(0.6, 0.6)]
    compared = pairing.comparisons(pairs)
    loads = pairing.together(pairs[0])
    page = report.page({"cpu": "2 x any"}, {"load": loads}, compared, bars.short(loads) + bars.beside(compared))

    assert "This checkout's figures divided by the other one's:\nviewers  pairs" in page
    assert "CPU s a delivered Gbit, 100 viewers, in pairs" in page
    assert "open" in page
    assert "Join, encoder" not in page


async def test_a_folder_without_a_node_is_one_sentence(tmp_path: Path) -> None:
    """It is missing like any other server, and the run goes on without it."""
    with pytest.raises(Missing, match=r"against is left out: there is no sfu/__main__\.py in"):
        async with servers.start("against", machine.cores()[0], tmp_path):
            pass


def test_another_checkout_runs_in_its_own_environment_or_in_ours(tmp_path: Path) -> None:
    """An old tree was made for the packages that it pins; where none are installed, ours have to do."""
    assert servers.python_of(tmp_path) == servers.python_of(ROOT)
    own = tmp_path / ".venv-sfu" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.touch()
    assert servers.python_of(tmp_path) == own
