"""Two checkouts of ours, measured in turns: who comes first, what the pairs say together, and what is written of a run.

A machine drifts while it measures: it gets warm, and others work on it. So the two are measured one right after the
other, the first of a pair is the second of the next, and a ratio is the middle one of the pairs' ratios. Pure.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from statistics import median
from typing import Any

from tests.bench.load import LoadResult

OURS, AGAINST, BASE = "sluice", "against", "mediamtx"
"""The names of this checkout, of the other one, and of the server that both are compared with."""

_FIGURES: Mapping[str, Callable[[LoadResult], float]] = {
    "cpu_per_gbit": lambda load: load.cpu_per_gbit,
    "p50_ms": lambda load: load.latency_p50_ms,
    "p99_ms": lambda load: load.latency_p99_ms,
    "rss_mb": lambda load: load.memory_mb,
}
"""What is compared, by its name in the JSON."""

Pair = tuple[LoadResult, LoadResult]
"""Ours and the other one's, of the same number of viewers, measured one right after the other."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What all pairs of one number of viewers say together: a figure of ours divided by the other one's."""

    viewers: int
    pairs: int
    ratio: Mapping[str, float | None]
    """The middle ratio of each figure; None where the other one's is zero."""
    lowest: float | None
    """The lowest ratio of `cpu_per_gbit`, which says with `highest` how far the pairs are apart."""
    highest: float | None


def turns(pairs: int) -> Iterator[tuple[str, str]]:
    """The names of who is measured first and second, pair by pair: what drifts favours nobody."""
    for number in range(pairs):
        yield (OURS, AGAINST) if number % 2 == 0 else (AGAINST, OURS)


def comparisons(pairs: Sequence[Pair]) -> list[Comparison]:
    """One for each number of viewers, in the order in which they were measured."""
    return [
        _comparison(viewers, [pair for pair in pairs if pair[0].viewers == viewers])
        for viewers in dict.fromkeys(ours.viewers for ours, _ in pairs)
    ]


def _comparison(viewers: int, pairs: Sequence[Pair]) -> Comparison:
    ratios = {name: [of(ours) / of(other) for ours, other in pairs if of(other)] for name, of in _FIGURES.items()}
    cpu = ratios["cpu_per_gbit"]
    return Comparison(
        viewers,
        len(pairs),
        {name: median(found) if found else None for name, found in ratios.items()},
        min(cpu, default=None),
        max(cpu, default=None),
    )


def together(loads: Iterable[LoadResult]) -> list[LoadResult]:
    """One row a server and number of viewers: the middle of each figure, and the sum of each count."""
    found: dict[tuple[str, int], list[LoadResult]] = {}
    for load in loads:
        found.setdefault((load.server, load.viewers), []).append(load)
    return [_merged(each) for each in found.values()]


def _merged(loads: Sequence[LoadResult]) -> LoadResult:
    first, *more = loads
    if not more:
        return first
    merged: dict[str, Any] = {}
    for field in fields(LoadResult):
        values = [getattr(load, field.name) for load in loads]
        if isinstance(values[0], float):
            merged[field.name] = median(values)
        elif field.name == "joined":
            merged[field.name] = min(values)
        elif field.name not in {"server", "viewers"}:
            merged[field.name] = sum(values)
    return replace(first, **merged)


def document(loads: Sequence[LoadResult], pairs: Sequence[Pair]) -> dict[str, Any]:
    """What a run writes for programs: every run by itself, and the ratios of ours to the other checkout.

    Without another checkout they are to MediaMTX of the same run. `ratio` has the figures of the first number of
    viewers, and those of all in `by_viewers`; it is empty where nothing was there to compare with.
    """
    to, used = AGAINST, list(pairs)
    if not used:
        found = {(load.server, load.viewers): load for load in together(loads)}
        to = BASE
        used = [(load, found[BASE, n]) for (name, n), load in found.items() if name == OURS and (BASE, n) in found]
    compared = [
        (each.viewers, {name: _short(value) for name, value in each.ratio.items()}) for each in comparisons(used)
    ]
    ratio: dict[str, Any] = {}
    if compared:
        ratio = {"to": to, **compared[0][1], "by_viewers": {str(viewers): figures for viewers, figures in compared}}
    return {"runs": [_run(load) for load in loads], "ratio": ratio}


def _run(load: LoadResult) -> dict[str, Any]:
    figures = {name: _short(of(load)) for name, of in _FIGURES.items()}
    return {"server": load.server, "viewers": load.viewers, "lost": load.lost, **figures}


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
