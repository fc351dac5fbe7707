"""The metrics keep Prometheus's conventions, and their number does not depend on traffic."""

import re
from collections import Counter
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from sfu.negotiation import Candidate
from sfu.node.loopdelay import LoopDelay
from sfu.node.metrics import REASONS, EndCounts, NodeCollector, Sources
from sfu.node.selftest import Reached
from sfu.stats import PlaneStats
from shared.end_reasons import EndReason
from shared.messages import Load
from shared.verifier import Reason
from tests.sfu.control.links import silent_link


def _sources(stats: PlaneStats, ends: EndCounts | None = None) -> Sources:
    link = silent_link(1795532400.0)
    link.meter.sent("demo", 1000, "s")
    link.enter("draining")
    return Sources(
        info={"node": "node1", "boot": "b" * 16, "region": "local"},
        link=link,
        load=lambda: Load(publishers=1, viewers=2, max_sessions=400, egress_kbps=5, max_egress_kbps=900),
        stats=stats,
        loop_delay=LoopDelay(),
        monotonic=lambda: 10.0,
        addresses=lambda: (
            Reached(Candidate("192.0.2.1", 8189), reachable=True),
            Reached(Candidate("2001:db8::1", 8189)),
        ),
        handed_over=lambda: {("publish",): 1, ("play",): 2},
        answers=Counter({("publish", "created"): 3}),
        rejections=Counter({Reason.EXPIRED: 2}),
        ended=(ends or EndCounts()).counts,
    )


def _scrape(sources: Sources) -> str:
    registry = CollectorRegistry()
    registry.register(NodeCollector(sources))
    return generate_latest(registry).decode()


async def test_the_numbers_are_those_of_the_node() -> None:
    """Gauges and counters, collected at the scrape."""
    stats = PlaneStats(received_packets=4, dropped_stun=7)
    ends = EndCounts()
    ends.count("publish", "timeout")
    text = _scrape(_sources(stats, ends))
    for line in (
        'sluice_node_state{state="draining"} 1.0',
        'sluice_sessions{action="play"} 2.0',
        'sluice_announced_address_reachable{address="192.0.2.1:8189"} 1.0',
        'sluice_sessions_handed_over_total{action="play"} 2.0',
        "sluice_egress_bits_per_second 5000.0",
        'sluice_requests_total{action="publish",outcome="created"} 3.0',
        'sluice_grants_rejected_total{reason="expired"} 2.0',
        'sluice_sessions_ended_total{action="publish",reason="timeout"} 1.0',
        "sluice_usage_unreported_bytes 1000.0",
        "sluice_media_received_packets_total 4.0",
        'sluice_media_datagrams_dropped_total{kind="stun"} 7.0',
    ):
        assert line in text.splitlines()


async def test_durations_are_histograms() -> None:
    """Cumulative buckets with a sum and a count, in seconds."""
    stats = PlaneStats()
    for seconds in (0.04, 0.05, 0.3, 20.0):
        stats.play_first_keyframe.observe(seconds)
    text = _scrape(_sources(stats)).splitlines()
    name = "sluice_media_play_first_keyframe_seconds"
    for line in (
        f'{name}_bucket{{le="0.05"}} 2.0',
        f'{name}_bucket{{le="0.35"}} 3.0',
        f'{name}_bucket{{le="+Inf"}} 4.0',
        f"{name}_count 4.0",
        f"{name}_sum 20.39",
    ):
        assert line in text


async def test_every_count_of_the_media_plane_is_there() -> None:
    """A counter that the media plane adds needs nothing here."""
    text = _scrape(_sources(PlaneStats()))
    for name in PlaneStats.__slots__:
        assert name.removeprefix("dropped_") in text


async def test_names_keep_the_conventions() -> None:
    """One prefix, `_total` on counters and only there, base units."""
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", _scrape(_sources(PlaneStats())), re.MULTILINE))
    for name, kind in kinds.items():
        assert name.startswith("sluice_")
        assert name.endswith("_total") == (kind == "counter")
        assert not re.search(r"_(ms|milliseconds|kb|kbps|mbps)(_|$)", name)


async def test_a_reason_that_is_not_known_has_no_series_of_its_own() -> None:
    """Reasons come from the control plane: whatever it says, the number of series is bounded."""
    ends = EndCounts()
    for number in range(100):
        ends.count("play", f"reason {number}")
    assert ends.counts == {("play", "other"): 100}
    assert "superseded" in REASONS


async def test_every_reason_that_is_known_has_a_series_of_its_own() -> None:
    """Those of the node itself and those of the control plane's commands, as `revoked`."""
    ends = EndCounts()
    for reason in EndReason:
        ends.count("publish", reason)
    text = _scrape(_sources(PlaneStats(), ends))

    assert ends.counts["publish", "revoked"] == 1
    assert 'sluice_sessions_ended_total{action="publish",reason="revoked"} 1.0' in text.splitlines()
    labels = re.findall(r'^sluice_sessions_ended_total\{action="publish",reason="(.*)"\}', text, re.MULTILINE)
    assert set(labels) == {reason.value for reason in EndReason}


async def test_every_metric_that_the_manual_names_is_there() -> None:
    """It is exposed under exactly that name."""
    manual = (Path(__file__).parents[3] / "docs/nodes.md").read_text()
    named = set(re.findall(r"\bsluice_[a-z_]+\b", manual)) - {
        "sluice_heartbeat_age_seconds"
    }  # from the first answer on
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", _scrape(_sources(PlaneStats())), re.MULTILINE))

    assert named <= set(kinds)
