"""Admission and heartbeats against a model of what really happens, in any order that Hypothesis can think of.

The machine knows the truth: which sessions run on which node, who sends, who is cut off. After every step it holds the
system to design.md's rules: never more occupied slots than the limit, nobody displaced who was heard and not forced,
epochs that only rise; and in the end, once all is quiet, exactly the limit is admitted again.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from functions.admin.sessions import AccountSessions
from functions.domain.accounts import Account, Key, Stream
from functions.domain.fleet import LEASE_SECONDS
from functions.domain.publishing import AdmittedPublisher, Publish, PublishDependencies, admit
from functions.domain.roster import occupied
from functions.nodes.service import HeartbeatService, HeartbeatStores
from shared.keys import StreamKey, new_boot, new_stream_id, new_stream_key
from shared.messages import Heartbeat, HeartbeatReply, PublicKeys
from shared.refusals import Code, Refused
from shared.tiers import Overrides, Tier
from tests.drawn import repeatable
from tests.functions.fakes import MemoryDirectory, MemoryKeys, MemoryNodes, MemoryRosters, MemoryStreams, SilentLog

LIMIT = 2
STREAMS = 4
NOW = 1_795_532_400.0
TICK = 0.1


@dataclass
class Running:
    """A session that a node holds."""

    session: str
    stream: str
    epoch: int
    since: float
    heard: float
    """When its last packet came."""
    sending: bool = True


@dataclass
class Edge:
    """A node as it really is."""

    id: str
    boot: str
    started_at: float
    alive: bool = True
    connected: bool = True
    """Whether its heartbeats arrive."""
    beaten: float = 0
    running: dict[str, Running] = field(default_factory=dict)
    ended: list[dict[str, Any]] = field(default_factory=list)
    told_silent: set[str] = field(default_factory=set)
    obeyed: set[str] = field(default_factory=set)
    """Commands that were carried out."""


class Rosters(RuleBasedStateMachine):
    """The control plane's real code over a store in memory, and two nodes that the model moves."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.random = repeatable(1)
        self.keys = [new_stream_key(self.random) for _ in range(STREAMS)]
        ids = [new_stream_id(self.random) for _ in range(STREAMS)]
        account = Account("acme", Tier.REGISTERED, Overrides(streams=LIMIT))
        self.rosters = MemoryRosters([account])
        self.nodes = MemoryNodes()
        keys = [Key(key.digest, "acme", stream) for key, stream in zip(self.keys, ids, strict=True)]
        limits = account.limits
        streams = [
            Stream(stream, "acme", account.tier, limits.viewers, limits.kbps, limits.protocols) for stream in ids
        ]
        self.directory = MemoryDirectory(keys, streams, self.nodes)
        self.stream_of = dict(zip((key.digest for key in self.keys), ids, strict=True))
        parts: Any = {"directory": self.directory, "rosters": self.rosters, "nodes": self.nodes}
        self.ports = PublishDependencies(
            **parts,
            region="local",
            clock=lambda: self.now,
            sleep=self.pass_time,
            random=self.random,
            choose=lambda _: 0,
        )
        made: dict[str, Any] = {
            "nodes": self.nodes,
            "rosters": self.rosters,
            "streams": MemoryStreams(self.directory),
            "directory": self.directory,
            "registry": MemoryKeys(self.directory),
        }
        self.heartbeats = HeartbeatService(
            HeartbeatStores(**made),
            keys=lambda _: PublicKeys(),
            clock=lambda: self.now,
            log=SilentLog(),
            tell=lambda _: None,
        )
        self.closing = AccountSessions(**parts, clock=lambda: self.now)
        self.edges = [Edge(f"node{number}", new_boot(self.random), NOW - 10) for number in range(2)]
        self.granted: list[AdmittedPublisher] = []
        self.epochs: dict[str, int] = {}
        self.outside: dict[tuple[str, str | None], float] = {}
        """Since when sessions have run without a slot, by session and by who has the slot instead."""
        for edge in self.edges:
            self.beat(edge)

    # The world

    def pass_time(self, seconds: float) -> None:
        """Let time pass; live nodes beat every two seconds, and at once when somebody falls silent."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now = min(end, self.now + TICK)
            for edge in self.edges:
                if not edge.alive:
                    continue
                self._receive(edge)
                quiet = {stream for stream, one in edge.running.items() if self.now - one.heard > 0.5}
                if self.now - edge.beaten >= 2 or quiet != edge.told_silent:
                    edge.told_silent = quiet
                    self.beat(edge)

    def _receive(self, edge: Edge) -> None:
        for one in list(edge.running.values()):
            if one.sending:
                one.heard = self.now
            elif self.now - one.heard > 10:
                self._end(edge, one, "timeout")

    def _end(self, edge: Edge, one: Running, reason: str) -> None:
        del edge.running[one.stream]
        edge.ended.append(
            {"session": one.session, "stream": one.stream, "account": "acme", "action": "publish", "reason": reason}
        )

    def beat(self, edge: Edge) -> None:
        """One heartbeat, and what it commands."""
        edge.beaten = self.now
        if not edge.connected:
            return
        message = Heartbeat.model_validate(
            {
                "node": edge.id, "boot": edge.boot, "at": self.now, "url": "http://127.0.0.1:1", "state": "serving",
                "started_at": edge.started_at, "ended": edge.ended,
                "streams": [
                    {"stream": one.stream, "account": "acme", "session": one.session, "epoch": one.epoch,
                     "since": one.since, "silent_ms": int((self.now - one.heard) * 1000)}
                    for one in edge.running.values()
                ],
            }
        )  # fmt: skip
        reply = self.heartbeats.beat(edge.id, message)
        assert isinstance(reply, HeartbeatReply)
        edge.ended = []
        for command in reply.commands:
            if command.id in edge.obeyed:
                continue
            edge.obeyed.add(command.id)
            for one in list(edge.running.values()):
                if one.session == command.session or command.account == "acme":
                    self._end(edge, one, command.reason)

    def admit(self, number: int, **wish: Any) -> AdmittedPublisher | Refused:
        """One publish, held to the rules."""
        key = self.keys[number]
        stream = self.stream_of[key.digest]
        heard = [
            (edge, one)
            for edge in self.edges
            for one in edge.running.values()
            if one.stream == stream and edge.alive and edge.connected and one.sending and stream not in edge.told_silent
            and self._slot(stream) == one.session and self.now - self.nodes.reports[edge.id].node.at < 2.3
        ]  # fmt: skip
        known = [(edge, one) for edge, one in heard if one.session in self._reported(edge)]
        slot = self.rosters.accounts["acme"].slots.get(stream)
        lost = [
            edge for edge in self.edges if slot is not None and edge.boot == slot.boot
            and not (edge.alive and edge.connected) and self.nodes.reports[edge.id].node.at < self.now
        ]  # fmt: skip
        outcome = admit(self.ports, Publish(StreamKey.parse(key.reveal()) or key, **wish))
        if isinstance(outcome, AdmittedPublisher):
            assert outcome.account.epoch > self.epochs.get(stream, 0)
            self.epochs[stream] = max(outcome.account.epoch, self.epochs.get(stream, 0))
            self.granted.append(outcome)
            assert not known or wish.get("force"), "a session was displaced that was heard and not forced"
        else:
            in_use = outcome.code is Code.KEY_ALREADY_IN_USE
            assert not (lost and in_use and not wish.get("force")), (
                "a key was refused because of a node that is not heard"
            )
            assert (outcome.code is Code.INVALID_KEY) == self.rosters.accounts["acme"].suspended
            assert outcome.code in {
                Code.STREAM_LIMIT_REACHED,
                Code.KEY_ALREADY_IN_USE,
                Code.NO_CAPACITY,
                Code.INVALID_KEY,
            }
        return outcome

    def _slot(self, stream: str) -> str | None:
        slot = self.rosters.accounts["acme"].slots.get(stream)
        return slot.session if slot is not None else None

    def _reported(self, edge: Edge) -> set[str]:
        return {session.session for session in self.nodes.reports[edge.id].streams.values()}

    # What happens

    @rule(number=st.integers(0, STREAMS - 1), force=st.booleans())
    def publish(self, number: int, force: bool) -> None:  # noqa: FBT001 - Hypothesis passes by name
        """Somebody publishes with one of the keys."""
        self.admit(number, force=force)

    @rule(number=st.integers(0, STREAMS - 1))
    def publish_twice(self, number: int) -> None:
        """A client whose first answer got lost repeats itself: the same session, or the same refusal's kind."""
        name = self.random(8).hex()
        first = self.admit(number, idempotency_key=name)
        if isinstance(first, AdmittedPublisher):
            again = admit(self.ports, Publish(self.keys[number], idempotency_key=name))
            assert isinstance(again, AdmittedPublisher)
            assert again.slot == first.slot

    @precondition(lambda self: self.granted)
    @rule(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """A client uses a grant at its node."""
        place = self.granted.pop(data.draw(st.integers(0, len(self.granted) - 1)))
        edge = next(edge for edge in self.edges if edge.id == place.node.id)
        if not edge.alive or edge.boot != place.slot.boot or self.now >= place.slot.expires_at:
            return
        present = edge.running.get(place.stream)
        if present is not None and present.epoch >= place.account.epoch:
            return
        if present is not None:
            self._end(edge, present, "superseded")
        edge.running[place.stream] = Running(place.slot.session, place.stream, place.account.epoch, self.now, self.now)
        self.beat(edge)

    @rule(seconds=st.sampled_from([0.2, 0.7, 1.5, 3.2, 6.0, 20.0]))
    def wait(self, seconds: float) -> None:
        """Some time passes, and nothing else happens."""
        self.pass_time(seconds)

    @precondition(lambda self: any(edge.running for edge in self.edges))
    @rule(data=st.data(), what=st.sampled_from(["silence", "voice", "end"]))
    def touch(self, data: st.DataObject, what: str) -> None:
        """A publisher loses its network, finds it again, or ends."""
        edge, one = data.draw(st.sampled_from([(e, o) for e in self.edges for o in e.running.values()]))
        if what == "end":
            self._end(edge, one, "delete")
            if edge.alive:
                self.beat(edge)
        else:
            one.sending = what == "voice"

    @rule(number=st.integers(0, 1), what=st.sampled_from(["kill", "restart", "cut", "heal"]))
    def upset(self, number: int, what: str) -> None:
        """A node dies, restarts, loses the API or finds it again."""
        edge = self.edges[number]
        match what:
            case "kill":
                edge.alive = False
                edge.running.clear()
            case "restart":
                fresh = Edge(edge.id, new_boot(self.random), max(self.now, edge.started_at + 0.001))
                self.edges[number] = fresh
                self.beat(fresh)
            case "cut":
                edge.connected = False
            case "heal":
                edge.connected = True
                if edge.alive:
                    self.beat(edge)

    @rule(suspended=st.booleans())
    def close(self, suspended: bool) -> None:  # noqa: FBT001 - Hypothesis passes by name
        """The operator suspends the account, or resumes it; what runs ends within a heartbeat of the nodes that are heard."""
        self.rosters.accounts["acme"] = replace(self.rosters.accounts["acme"], suspended=suspended)
        if not suspended:
            return
        self.closing.end_all(self.rosters.accounts["acme"])
        self.pass_time(2.2)
        assert not [one for edge in self.edges if edge.alive and edge.connected for one in edge.running.values()]

    @rule(limit=st.integers(0, LIMIT))
    def lower(self, limit: int) -> None:
        """The operator changes the limit; what is above it ends within a heartbeat of the nodes that are heard."""
        self.rosters.accounts["acme"] = changed = replace(
            self.rosters.accounts["acme"], overrides=Overrides(streams=limit)
        )
        self.closing.end_surplus(changed, self.now)
        self.pass_time(2.2)
        heard = [one for edge in self.edges if edge.alive and edge.connected for one in edge.running.values()]
        assert len([one for one in heard if self._slot(one.stream) == one.session]) <= limit

    # What always holds

    @invariant()
    def never_more_than_the_limit(self) -> None:
        """Occupied slots, by grant or by report, are at most the limit."""
        account = self.rosters.accounts["acme"]
        by_boot = {report.node.boot: report for report in self.nodes.reports.values()}
        live = [
            stream for stream, slot in account.slots.items() if occupied(stream, slot, by_boot.get(slot.boot), self.now)
        ]
        assert len(live) <= LIMIT
        assert len(account.slots) <= LIMIT

    @invariant()
    def nothing_runs_outside_the_roster_for_long(self) -> None:
        """A session without a slot on a node that is heard of ends: at once, or when its successor's grant has lapsed.

        Whoever asks for grants of a stream without using them has its session left alone for as long: the slot is the
        stream's one slot all the while, so nothing is exceeded.
        """
        outside = {
            (one.session, self._slot(one.stream))
            for edge in self.edges
            for one in edge.running.values()
            if edge.alive and edge.connected and self._slot(one.stream) != one.session
        }
        self.outside = {pair: self.outside.get(pair, self.now) for pair in outside}
        # A grant's life and grace, the next check of the rosters, and the longest step of this machine.
        assert all(self.now - since < 35 + 2 + 20 for since in self.outside.values())

    def teardown(self) -> None:
        """Once everybody has gone and all grants have lapsed, exactly the limit is admitted."""
        for number, edge in enumerate(self.edges):
            for one in list(edge.running.values()):
                self._end(edge, one, "delete")
            if not edge.alive:
                self.edges[number] = Edge(edge.id, new_boot(self.random), max(self.now, edge.started_at + 0.001))
            self.edges[number].connected = True
            self.beat(self.edges[number])
        self.pass_time(LEASE_SECONDS + 30)
        self.rosters.accounts["acme"] = replace(
            self.rosters.accounts["acme"], suspended=False, overrides=Overrides(streams=LIMIT)
        )
        admitted = [admit(self.ports, Publish(key)) for key in self.keys]
        assert sum(isinstance(outcome, AdmittedPublisher) for outcome in admitted) == LIMIT


TestRosters = pytest.mark.no_cover(Rosters.TestCase)  # its branches are covered elsewhere; traced it takes three times
TestRosters.settings = settings(
    max_examples=300, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
