"""The tables that a run prints: figures, and ratios to MediaMTX of the same run, because only those travel."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.bench.bars import Bar
from tests.bench.churn import Churn
from tests.bench.joins import Joins, Storm
from tests.bench.load import LoadResult
from tests.bench.pairing import Comparison
from tests.bench.recovery import Recovery

BASE = "mediamtx"


def particulars(facts: dict[str, str]) -> str:
    """The machine, one fact a line."""
    return "\n".join(f"  {name:13} {value}" for name, value in facts.items())


def page(
    facts: dict[str, str],
    results: Mapping[str, Sequence[Any]],
    compared: Sequence[Comparison],
    held: Sequence[Bar],
) -> str:
    """Everything that a run prints: the machine, a table of each kind of measurement that was made, and the bars."""
    kinds: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
        ("load", "", loads),
        ("compared", "This checkout's figures divided by the other one's:", ratios),
        ("joins", "Join, encoder with a 10 s GOP that ignores keyframe requests:", joins),
        ("storms", "A crowd that joins within 2 s:", storms),
        ("recovery", "Viewers behind 5 % loss, 50 ms and 10 ms of jitter each way:", recoveries),
        ("churn", "Viewers that come and go:", churns),
        ("bars", "The bars:", bars),
    )
    found = {**results, "compared": compared, "bars": held}
    parts = ["720p30 H264 2.5 Mbit/s + Opus, loopback, real DTLS-SRTP to every viewer", particulars(facts)]
    parts += [f"{title}\n{of(found[kind])}".lstrip() for kind, title, of in kinds if found.get(kind)]
    return "\n\n".join(parts)


def loads(results: Sequence[LoadResult]) -> str:
    """One row a server and number of viewers."""
    base = {load.viewers: load for load in results if load.server == BASE}
    rows = [
        (
            "server",
            "viewers",
            "Mbit/s",
            "CPU",
            "CPU-s/Gbit",
            "of MTX",
            "lost",
            "p50 ms",
            "p99 ms",
            "MB",
            "of MTX",
            "load CPU",
        )
    ]
    for load in results:
        peer = base.get(load.viewers)
        rows.append(
            (
                load.server,
                str(load.joined) if load.joined == load.viewers else f"{load.joined} of {load.viewers}",
                f"{load.mbit_per_s:.0f}",
                f"{load.cpu:.0%}",
                f"{load.cpu_per_gbit:.2f}",
                f"{load.cpu_per_gbit / peer.cpu_per_gbit:.2f}" if peer else "",
                f"{load.lost}" if not load.lost else f"{load.lost} ({load.lost_percent:.3f} %)",
                f"{load.latency_p50_ms:.1f}",
                f"{load.latency_p99_ms:.0f}",
                f"{load.memory_mb:.0f}",
                f"{load.memory_mb / peer.memory_mb:.2f}" if peer else "",
                f"{load.load_cpu:.0%}",
            )
        )
    notes = [note for load in results for note in _notes(load)]
    return "\n".join([table(rows), *notes])


def ratios(results: Sequence[Comparison]) -> str:
    """One row a number of viewers: this checkout's figures divided by the other one's, pair by pair."""

    def told(ratio: float | None) -> str:
        return "" if ratio is None else f"{ratio:.3f}"

    rows = [("viewers", "pairs", "CPU-s/Gbit", "lowest", "highest", "p50", "p99", "MB")]
    rows += [
        (
            str(each.viewers),
            str(each.pairs),
            told(each.ratio["cpu_per_gbit"]),
            told(each.lowest),
            told(each.highest),
            told(each.ratio["p50_ms"]),
            told(each.ratio["p99_ms"]),
            told(each.ratio["rss_mb"]),
        )
        for each in results
    ]
    return table(rows)


def joins(results: Sequence[Joins]) -> str:
    """One row a server: time from POST to a complete keyframe."""
    rows = [("server", "joins", "no picture", "keyframe p50 ms", "p95 ms", "first packet p50 ms", "connected p50 ms")]
    rows += [
        (
            j.server,
            str(j.joins),
            str(j.failed),
            f"{j.p50_ms:.0f}",
            f"{j.p95_ms:.0f}",
            f"{j.first_packet_p50_ms:.0f}",
            f"{j.connected_p50_ms:.0f}",
        )
        for j in results
    ]
    return table(rows)


def storms(results: Sequence[Storm]) -> str:
    """One row a server: a crowd that joins within two seconds."""
    rows = [("server", "crowd", "in", "all in after s", "lost by those there")]
    rows += [
        (s.server, str(s.crowd), str(s.in_), f"{s.all_in_seconds:.1f}", f"{s.watchers_lost} of {s.watchers_packets}")
        for s in results
    ]
    return table(rows)


def recoveries(results: Sequence[Recovery]) -> str:
    """One row a server: viewers behind a bad network."""
    rows = [("server", "viewers", "packets", "not in order", "missing after recovery", "twice", "asked for")]
    rows += [
        (
            r.server,
            str(r.viewers),
            str(r.packets),
            f"{r.gaps_percent:.2f} %",
            f"{r.missing_percent:.3f} %",
            f"{r.duplicates_percent:.2f} %",
            str(r.nacked),
        )
        for r in results
    ]
    return table(rows)


def churns(results: Sequence[Churn]) -> str:
    """One row a server: viewers that come and go."""
    rows = [("server", "came and went", "refused", "MB before", "after a tenth", "after all", "seconds")]
    rows += [
        (
            c.server,
            str(c.came),
            str(c.refused),
            f"{c.before_mb:.1f}",
            f"{c.warm_mb:.1f}",
            f"{c.after_mb:.1f}",
            f"{c.seconds:.0f}",
        )
        for c in results
    ]
    return table(rows)


def bars(results: Sequence[Bar]) -> str:
    """One row a bar: pass, MISS, or open where it was not measured."""
    verdicts = {True: "pass", False: "MISS", None: "open"}
    rows = [("what", "bar", "", "sluice", "others")]
    rows += [(b.what, b.bar, verdicts[b.passed], b.ours, b.others) for b in results]
    return table(rows)


def _notes(load: LoadResult) -> list[str]:
    who = f"{load.server} with {load.viewers} viewers"
    notes = []
    if load.saturated:
        notes.append(f"! {who}: the load generator used {load.load_cpu:.0%} of its core and was the bottleneck.")
    if load.dropped_by_load:
        notes.append(
            f"! {who}: {load.dropped_by_load} datagrams found a viewer's socket full; they are the load's, not the server's."
        )
    if load.publisher_late_ms > 100:
        notes.append(f"! {who}: the publisher was up to {load.publisher_late_ms:.0f} ms late.")
    if load.disturbed > 0.1:
        notes.append(f"! {who}: others used {load.disturbed:.0%} of the server's core; the figures are disturbed.")
    if load.unauthentic:
        notes.append(f"! {who}: {load.unauthentic} packets did not authenticate.")
    if load.altered:
        notes.append(f"! {who}: {load.altered} packets were not what was sent.")
    return notes


def table(rows: Sequence[Sequence[str]]) -> str:
    """*rows* below their headings, which are the first."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(w) if n == 0 else cell.rjust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(lines)
