"""What Prometheus reads: counters and gauges collected at the moment of a scrape, nothing on the packet path.

Cardinality is that of the code, not of the traffic: no label holds a stream, an account, a session or a peer's address, and a
command's reason that we do not know counts as `other`. Names are prefixed `sluice_`, counters end in `_total`, units are
seconds and bytes.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Final

from prometheus_client import Histogram
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from sfu.control.link import Link
from sfu.node.loopdelay import LoopDelay
from sfu.node.selftest import Reached
from sfu.stats import PlaneStats
from shared.end_reasons import EndReason
from shared.messages import Load
from shared.verifier import Reason

REASONS: Final = frozenset(reason.value for reason in EndReason)
"""Reasons of a session's end that have a series of their own."""
_DROPPED: Final = "dropped_"


class EndCounts:
    """How many sessions ended, by action and reason; a reason that is not known counts as `other`."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        """(publish or play, reason) -> how many sessions ended so."""

    def count(self, action: str, reason: str) -> None:
        """Count one session that ended."""
        self.counts[action, reason if reason in REASONS else "other"] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the collector finds the numbers at each scrape."""

    info: Mapping[str, str]
    """Labels of the one `sluice_node_info` series."""
    link: Link
    load: Callable[[], Load]
    stats: PlaneStats
    loop_delay: LoopDelay
    monotonic: Callable[[], float]
    """The clock of `HeartbeatSender.last_answer`."""
    answers: Mapping[tuple[str, str], int]
    """(publish or play, refusal code or `created`) -> how often."""
    addresses: Callable[[], Iterable[Reached]]
    """The announced addresses, and whether they were reached."""
    handed_over: Callable[[], Mapping[tuple[str], int]]
    """(publish or play,) -> how many sessions were sent to other nodes."""
    rejections: Mapping[Reason, int]
    """Reason -> how often a grant was rejected for it."""
    ended: Mapping[tuple[str, str], int]
    """(publish or play, reason) -> how many sessions ended so (`EndCounts`)."""


class NodeCollector(Collector):
    """Turns the sources into metrics at every scrape."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources

    def collect(self) -> Iterator[Metric]:
        """All metrics of the node."""
        yield from self._node()
        yield from self._sessions()
        yield from self._control_plane()
        yield from self._media()

    def _node(self) -> Iterator[Metric]:
        info = InfoMetricFamily("sluice_node", "Who this process is.")
        info.add_metric([], dict(self._from.info))
        yield info
        state = GaugeMetricFamily("sluice_node_state", "1 for the state that the node is in.", labels=["state"])
        for name in ("serving", "draining", "stopped"):
            state.add_metric([name], float(self._from.link.state == name))
        yield state
        reached = GaugeMetricFamily(
            "sluice_announced_address_reachable", "1 where the self-test reached it from this host.", labels=["address"]
        )
        for result in self._from.addresses():
            if result.reachable is not None:
                reached.add_metric([result.text], float(result.reachable))
        yield reached
        yield _gauge("sluice_node_ready", "1 once grants can be checked.", float(self._from.link.heartbeats.ready))
        yield _gauge(
            "sluice_event_loop_delay_seconds",
            "How late the event loop was at worst in the last 10 s; above 0.02 the node has too much to do.",
            self._from.loop_delay.worst,
        )

        yield _gauge(
            "sluice_clock_offset_seconds",
            "What the control plane's clock is ahead of this host's; beyond 2 s the node corrects for it.",
            self._from.link.clock.offset,
        )

    def _sessions(self) -> Iterator[Metric]:
        load = self._from.load()
        sessions = GaugeMetricFamily("sluice_sessions", "Sessions now.", labels=["action"])
        sessions.add_metric(["publish"], load.publishers)
        sessions.add_metric(["play"], load.viewers)
        yield sessions
        yield _gauge("sluice_sessions_limit", "Sessions that the node will take.", load.max_sessions)
        yield _gauge("sluice_egress_bits_per_second", "Sent to viewers, lately.", load.egress_kbps * 1000)
        yield _gauge("sluice_egress_limit_bits_per_second", "Egress that the node offers.", load.max_egress_kbps * 1000)
        yield _counter(
            "sluice_requests", "Session requests by outcome.", ("action", "outcome"), self._from.answers.items()
        )
        rejections = (((reason.value,), count) for reason, count in self._from.rejections.items())
        yield _counter("sluice_grants_rejected", "Grants rejected, by the reason for the log.", ("reason",), rejections)
        yield _counter(
            "sluice_sessions_handed_over", "Sent to other nodes.", ("action",), self._from.handed_over().items()
        )
        yield _counter("sluice_sessions_ended", "Sessions that ended.", ("action", "reason"), self._from.ended.items())

    def _control_plane(self) -> Iterator[Metric]:
        heartbeats, usage, meter = self._from.link.heartbeats, self._from.link.usage, self._from.link.meter
        yield _count("sluice_heartbeats", "Heartbeats sent.", heartbeats.sent)
        yield _count("sluice_heartbeat_failures", "Heartbeats without a usable answer.", heartbeats.failed)
        if heartbeats.last_answer is not None:
            age = self._from.monotonic() - heartbeats.last_answer
            yield _gauge("sluice_heartbeat_age_seconds", "Since the control plane last answered.", age)
        yield _count("sluice_usage_reports", "Usage messages that the queue took.", usage.sent)
        yield _count("sluice_usage_report_failures", "Usage messages that it did not take.", usage.failed)
        yield _gauge("sluice_usage_unreported_bytes", "Media bytes that the queue does not know.", meter.unreported())
        yield _gauge("sluice_usage_totals", "Accounts and months with a total in memory.", meter.accounts())

    def _media(self) -> Iterator[Metric]:
        stats = self._from.stats
        dropped: dict[tuple[str, ...], int] = {}
        for counted in fields(stats):
            name, value = counted.name, getattr(stats, counted.name)
            if isinstance(value, Histogram):
                yield from map(_without_created, value.collect())
            elif name.startswith(_DROPPED):
                dropped[(name.removeprefix(_DROPPED),)] = value
            else:
                yield _count(f"sluice_media_{name}", f"PlaneStats.{name}.", value)
        yield _counter("sluice_media_datagrams_dropped", "Datagrams dropped unanswered.", ("kind",), dropped.items())


def _without_created(metric: Metric) -> Metric:
    """*metric* without the sample that says when it was made, which no metric of ours has."""
    metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
    return metric


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(name, says, value=value)


def _count(name: str, says: str, value: float) -> Metric:
    return CounterMetricFamily(name, says, value=value)


def _counter(name: str, says: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], int]]) -> Metric:
    family = CounterMetricFamily(name, says, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family
