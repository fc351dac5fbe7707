"""The bars of the release: what was measured in one run, held against what was promised. Pure; printed by the report.

A bar that was not measured is said to be open, never passed. Lossless means that no packet was missing a second after
the window which the load generator itself had not dropped.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.load import LoadResult
from tests.bench.pairing import Comparison

OURS, BASE, OTHER = "sluice", "mediamtx", "broadcast-box"
FLOOR = "floor: kernel and AES-GCM"
PYTHON, COMPILED = "in Python, AEAD_AES_128_GCM", "in C, AEAD_AES_128_GCM"
WARM_GROWTH_MB = 1.0
"""What a heap may move between two looks without anything having been kept."""
MEMORY_KB = 200.0
MOST_OF_AGAINST = 1.03
"""What a viewer's gigabit may cost of what it costs in the other checkout."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One promise: what, how much, what we and the others got, and whether that is enough (None: not measured)."""

    what: str
    bar: str
    ours: str
    others: str
    passed: bool | None


def short(loads: Sequence[LoadResult]) -> list[Bar]:
    """What every run holds: nothing lost or altered, and CPU and memory against MediaMTX, for each number of viewers."""
    numbers = sorted({load.viewers for load in loads if load.server == OURS})
    return [bar for viewers in numbers for bar in (_whole(loads, viewers), _cpu(loads, viewers), _rss(loads, viewers))]


def beside(compared: Sequence[Comparison]) -> list[Bar]:
    """What a run with another checkout holds, for each number of viewers: no more CPU than there, but for noise."""
    return [_beside(each) for each in compared]


def _beside(compared: Comparison) -> Bar:
    ratio = compared.ratio["cpu_per_gbit"]
    return Bar(
        f"CPU s a delivered Gbit, {compared.viewers} viewers, in pairs",
        f"<= {MOST_OF_AGAINST:.2f} of AGAINST",
        "" if ratio is None else f"{ratio:.3f} ({compared.lowest:.3f} to {compared.highest:.3f})",
        "",
        None if ratio is None else ratio <= MOST_OF_AGAINST,
    )


def bars(results: Mapping[str, Sequence[Any]]) -> list[Bar]:
    """The bars of a full run: CPU, capacity, memory, latency, joins, loss, and the packet path."""
    loads: Sequence[LoadResult] = results.get("load", ())
    return [
        _cost(loads, 100),
        _cost(loads, 200),
        _capacity(loads),
        _memory(loads),
        _growth(_of(results, "churn")),
        _latency(loads),
        _tail(loads),
        _join(_of(results, "joins")),
        *_crowd(_of(results, "storms")),
        _recovery(_of(results, "recovery")),
        _packet_path(results.get("packet_path", ())),
    ]


def lossless(load: LoadResult) -> bool:
    """Whether every viewer got in and every packet arrived, whatever the load generator itself let fall."""
    return load.joined == load.viewers and load.lost <= load.dropped_by_load


def highest(loads: Iterable[LoadResult], server: str) -> int:
    """The most viewers that *server* served without loss; 0 when it never did."""
    return max((load.viewers for load in loads if load.server == server and lossless(load)), default=0)


def target(loads: Iterable[LoadResult]) -> int:
    """How many viewers a core must carry: 300, or 1.4 times MediaMTX's highest."""
    return max(300, -(-highest(loads, BASE) * 14 // 10))


def plan(server: str, loads: Sequence[LoadResult]) -> Iterator[tuple[str, int]]:
    """What the bars need of *server*, one after the other; *loads* grows meanwhile, and says how many viewers to try next."""
    yield from (("load", 100), ("load", 200))
    if server == OURS:
        for viewers in sorted({300, target(loads)}):
            yield "load", viewers
        yield "churn", 1000
    else:
        # The highest number without loss, in steps of fifty.
        for viewers in (250, 300, 350) if highest(loads, server) == 200 else (150,):
            yield "load", viewers
            if highest(loads, server) != viewers:
                break
    yield from (("joins", 20), ("storms", 200), ("recovery", 10))


def costs(printed: str) -> dict[str, float]:
    """What `python -m tests.bench.packet_path` printed: way -> µs a packet."""
    return {found[1]: float(found[2]) for found in re.finditer(r"(?m)^(.+?) +([\d.]+) µs a packet", printed)}


def _whole(loads: Sequence[LoadResult], viewers: int) -> Bar:
    found = {load.server: load for load in loads if load.viewers == viewers}

    def told(load: LoadResult) -> str:
        return f"{load.lost} of {load.packets}, {load.altered}, {load.unauthentic}"

    ours = found[OURS]
    return Bar(
        f"lost, altered, not authentic, {viewers} viewers",
        "0, 0, 0",
        told(ours),
        _others(found, told),
        lossless(ours) and not ours.altered and not ours.unauthentic,
    )


def _cpu(loads: Sequence[LoadResult], viewers: int) -> Bar:
    return _against_base(
        loads, viewers, "CPU s a delivered Gbit", 0.7, lambda load: load.cpu_per_gbit, lambda x: f"{x:.2f}"
    )


def _rss(loads: Sequence[LoadResult], viewers: int) -> Bar:
    return _against_base(loads, viewers, "memory", 0.25, lambda load: load.memory_mb, lambda x: f"{x:.0f} MB")


def _cost(loads: Sequence[LoadResult], viewers: int) -> Bar:
    return _against_base(
        loads, viewers, "CPU s a delivered Gbit", 0.5, lambda load: load.cpu_per_gbit, lambda x: f"{x:.2f}"
    )


def _against_base(
    loads: Sequence[LoadResult],
    viewers: int,
    what: str,
    most: float,
    of: Callable[[LoadResult], float],
    text: Callable[[float], str],
) -> Bar:
    """A figure of ours that may be at most *most* of MediaMTX's in the same run."""
    found = {load.server: load for load in loads if load.viewers == viewers}
    ours, base = found.get(OURS), found.get(BASE)
    ratio = of(ours) / of(base) if ours and base and of(base) else None
    return Bar(
        f"{what}, {viewers} viewers",
        f"<= {most:.2f} of MediaMTX",
        text(of(ours)) + (f" ({ratio:.2f})" if ratio is not None else "") if ours else "",
        _others(found, lambda load: text(of(load))),
        None if ratio is None else ratio <= most,
    )


def _capacity(loads: Sequence[LoadResult]) -> Bar:
    ours, wanted = highest(loads, OURS), target(loads)
    tried = [load for load in loads if load.server == OURS and load.viewers >= wanted]
    others = ", ".join(
        f"{name} {highest(loads, name)}" for name in (BASE, OTHER) if any(x.server == name for x in loads)
    )
    return Bar(
        "viewers a core without a lost packet", f">= {wanted}", str(ours), others, ours >= wanted if tried else None
    )


def _memory(loads: Sequence[LoadResult]) -> Bar:
    def a_viewer(load: LoadResult) -> float:
        return (load.memory_mb - load.memory_idle_mb) * 1e3 / load.joined

    found = {load.server: load for load in loads if load.viewers == 200}
    ours = found.get(OURS)
    return Bar(
        "memory a viewer, 200 viewers",
        f"<= {MEMORY_KB:.0f} kB",
        f"{a_viewer(ours):.0f} kB" if ours else "",
        _others(found, lambda load: f"{a_viewer(load):.0f} kB"),
        a_viewer(ours) <= MEMORY_KB if ours else None,
    )


def _growth(found: Mapping[str, Any]) -> Bar:
    ours = found.get(OURS)
    text = f"{ours.after_mb - ours.warm_mb:+.1f} MB of {ours.warm_mb:.0f} after {ours.came}" if ours else ""
    passed = ours.after_mb - ours.warm_mb <= WARM_GROWTH_MB and not ours.refused if ours else None
    return Bar(
        "growth by 1000 joins and leaves",
        "none",
        text,
        _others(found, lambda c: f"{c.after_mb - c.warm_mb:+.1f} MB"),
        passed,
    )


def _latency(loads: Sequence[LoadResult]) -> Bar:
    found = {load.server: load for load in loads if load.viewers == 100}
    ours = found.get(OURS)
    return Bar(
        "forwarding latency p50, 100 viewers",
        "<= 1 ms",
        f"{ours.latency_p50_ms:.2f} ms" if ours else "",
        _others(found, lambda load: f"{load.latency_p50_ms:.1f} ms"),
        ours.latency_p50_ms <= 1 if ours else None,
    )


def _tail(loads: Sequence[LoadResult]) -> Bar:
    found = {load.server: load for load in loads if load.viewers == 100}
    ours, base = found.get(OURS), found.get(BASE)
    return Bar(
        "forwarding latency p99, 100 viewers",
        "<= MediaMTX's",
        f"{ours.latency_p99_ms:.0f} ms" if ours else "",
        _others(found, lambda load: f"{load.latency_p99_ms:.0f} ms"),
        ours.latency_p99_ms <= base.latency_p99_ms if ours and base else None,
    )


def _join(found: Mapping[str, Any]) -> Bar:
    ours = found.get(OURS)
    return Bar(
        "join to first keyframe p95, 10 s GOP",
        "<= 500 ms",
        f"{ours.p95_ms:.0f} ms" + (f", {ours.failed} without" if ours.failed else "") if ours else "",
        _others(found, lambda j: f"{j.p95_ms:.0f} ms" + (f", {j.failed} without" if j.failed else "")),
        ours.p95_ms <= 500 and not ours.failed if ours else None,
    )


def _crowd(found: Mapping[str, Any]) -> list[Bar]:
    ours = found.get(OURS)
    return [
        Bar(
            "200 joins within 2 s: all in after",
            "<= 4 s",
            f"{ours.all_in_seconds:.1f} s, {ours.in_} of {ours.crowd}" if ours else "",
            _others(found, lambda s: f"{s.all_in_seconds:.1f} s, {s.in_} of {s.crowd}"),
            ours.all_in_seconds <= 4 and ours.in_ == ours.crowd if ours else None,
        ),
        Bar(
            "200 joins within 2 s: lost by those there",
            "0",
            str(ours.watchers_lost) if ours else "",
            _others(found, lambda s: str(s.watchers_lost)),
            ours.watchers_lost == 0 if ours else None,
        ),
    ]


def _recovery(found: Mapping[str, Any]) -> Bar:
    ours = found.get(OURS)
    return Bar(
        "5 % loss, 50 ms, 10 ms jitter: missing",
        "<= 0.1 %",
        f"{ours.missing_percent:.3f} %" if ours else "",
        _others(found, lambda r: f"{r.missing_percent:.3f} %"),
        ours.missing_percent <= 0.1 if ours else None,
    )


def _packet_path(figures: Sequence[Mapping[str, float]]) -> Bar:
    if not figures:
        return Bar("packet path, µs a packet", "1.5 times cheaper in C than in Python", "", "", None)
    ours, python, floor = (figures[0][name] for name in (COMPILED, PYTHON, FLOOR))
    return Bar(
        "packet path, µs a packet",
        "1.5 times cheaper in C than in Python",
        f"{ours:.2f} ({ours / floor:.2f} of the floor), in Python {python:.2f}",
        f"floor {floor:.2f}",
        passed=python / ours >= 1.5,
    )


def _of(results: Mapping[str, Sequence[Any]], kind: str) -> dict[str, Any]:
    return {each.server: each for each in results.get(kind, ())}


def _others(found: Mapping[str, Any], text: Any) -> str:
    return ", ".join(f"{name} {text(found[name])}" for name in (BASE, OTHER) if name in found)
