import dataclasses
import os
from pathlib import Path

import pytest

from tests.bench import bars, machine, report, servers
from tests.bench.load import LoadResult
from tests.peers.mediamtx import Missing

MEDIAMTX = LoadResult(
    server="mediamtx",
    viewers=100,
    joined=100,
    seconds=15.0,
    cpu=0.4,
    cpu_per_gbit=1.5,
    mbit_per_s=272.0,
    packets=450_000,
    lost=0,
    lost_percent=0.0,
    gaps=0,
    dropped_by_load=0,
    altered=0,
    unauthentic=0,
    duplicates=0,
    latency_p50_ms=5.0,
    latency_p99_ms=90.0,
    memory_mb=400.0,
    memory_idle_mb=30.0,
    load_cpu=0.25,
    publisher_late_ms=3.0,
    disturbed=0.0,
)
OURS = dataclasses.replace(MEDIAMTX, server="sluice", cpu_per_gbit=0.6, memory_mb=100.0, lost=7, lost_percent=0.0016)


def test_ratios_are_to_mediamtx_of_the_same_run() -> None:
    """CPU and memory, for the same number of viewers; without MediaMTX there is no ratio."""
    (_, _, _, row) = report.loads([MEDIAMTX, OURS]).splitlines()

    assert row.split()[:6] == ["sluice", "100", "272", "40%", "0.60", "0.40"]
    assert "0.25" in row
    assert "7 (0.002 %)" in row
    assert "0.40" not in report.loads([OURS]).splitlines()[2]


def test_a_load_generator_that_was_the_bottleneck_is_named() -> None:
    """Then the figures say nothing about the server."""
    text = report.loads([dataclasses.replace(OURS, load_cpu=0.97, dropped_by_load=12)])

    assert "the load generator used 97% of its core and was the bottleneck" in text
    assert "12 datagrams found a viewer's socket full" in text


def test_a_bar_is_passed_missed_or_open() -> None:
    """0.40 of MediaMTX's CPU passes, 1.1 ms misses, and what was not measured is not claimed."""
    fast = dataclasses.replace(OURS, lost=0, latency_p50_ms=1.1)
    found = {bar.what: bar.passed for bar in bars.bars({"load": [MEDIAMTX, fast]})}

    assert found["CPU s a delivered Gbit, 100 viewers"] is True
    assert found["forwarding latency p50, 100 viewers"] is False
    assert found["viewers a core without a lost packet"] is None
    assert found["join to first keyframe p95, 10 s GOP"] is None


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        ({}, set()),
        ({"lost": 1}, {"lost, altered, not authentic, 100 viewers"}),
        ({"altered": 1}, {"lost, altered, not authentic, 100 viewers"}),
        ({"unauthentic": 1}, {"lost, altered, not authentic, 100 viewers"}),
        ({"joined": 99}, {"lost, altered, not authentic, 100 viewers"}),
        ({"cpu_per_gbit": 1.06}, {"CPU s a delivered Gbit, 100 viewers"}),
        ({"memory_mb": 101.0}, {"memory, 100 viewers"}),
    ],
)
def test_every_run_holds_loss_cpu_and_memory(change: dict[str, float], missed: set[str]) -> None:
    """No packet lost or altered, at most 0.7 of MediaMTX's CPU, at most a quarter of its memory; open without MediaMTX."""
    ours = dataclasses.replace(OURS, **{"lost": 0} | change)  # type: ignore[arg-type]  # the names are the dataclass's own

    assert {bar.what for bar in bars.short([MEDIAMTX, ours]) if bar.passed is False} == missed
    assert [bar.passed for bar in bars.short([ours])[1:]] == [None, None]


def test_the_viewers_a_core_must_carry_follow_from_mediamtx() -> None:
    """1.4 times its highest without loss, and 300 at least; what our own load generator dropped is nobody's loss."""
    at = [dataclasses.replace(MEDIAMTX, viewers=n, joined=n, lost=lost) for n, lost in ((200, 0), (250, 0), (300, 9))]

    assert bars.target(at[:1]) == 300
    assert bars.target(at) == 350
    assert bars.lossless(dataclasses.replace(at[2], dropped_by_load=9))


def test_the_next_number_of_viewers_follows_from_how_the_last_ones_got_on() -> None:
    """MediaMTX climbs by fifties until it loses something, and we must carry 1.4 times what it did."""
    loads: list[LoadResult] = []
    tried = []
    for kind, n in bars.plan("mediamtx", loads):
        if kind == "load":
            tried.append(n)
            loads.append(dataclasses.replace(MEDIAMTX, viewers=n, joined=n, lost=5 if n > 250 else 0))

    assert tried == [100, 200, 250, 300]
    assert [n for kind, n in bars.plan("sluice", loads) if kind == "load"] == [100, 200, 300, 350]


def test_what_the_packet_path_prints_is_read() -> None:
    """Way by way, in microseconds."""
    printed = (
        "kernel alone     0.94 µs a packet  0.47 of the floor\nfloor: kernel and AES-GCM   1.98 µs a packet  1.00 of"
    )

    assert bars.costs(printed) == {"kernel alone": 0.94, "floor: kernel and AES-GCM": 1.98}


def test_the_kernel_is_asked_for_what_a_process_used() -> None:
    """Our own time and memory are more than nothing; a process that is gone counts as nothing."""
    assert machine.cpu_seconds([os.getpid()]) > 0
    assert machine.memory_mb([os.getpid()]) > 5
    assert machine.cpu_seconds([2**22 + 1]) == 0


async def test_a_missing_peer_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It says how to name one."""
    monkeypatch.setenv("SLUICE_PEERS", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("MEDIAMTX", raising=False)

    with pytest.raises(Missing, match="set MEDIAMTX to its program"):
        async with servers.start("mediamtx", machine.cores()[0]):
            pass
    with pytest.raises(Missing, match="set SLUICE_PEERS to the folder"):
        async with servers.start("broadcast-box", machine.cores()[0]):
            pass
