"""A dry run says what admission does: the same states, decided in the mind and then in earnest."""

from dataclasses import replace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.domain.accounts import Account, Audience, Key, Slot, Usage
from functions.domain.dry_run import DryRunInput, dry_run
from functions.domain.fleet import Fleet, Node, NodeLoad, NodeReport, NodeState, PublishSession
from functions.domain.publishing import AdmittedPublisher, Publish, PublishDependencies, admit
from shared.grants import GRANT_SECONDS
from shared.keys import new_session_id, new_stream_key
from shared.refusals import Code, Refused
from shared.tiers import Overrides, Tier
from tests.drawn import repeatable
from tests.functions.fakes import MemoryDirectory, MemoryNodes, MemoryRosters

NOW = 1_795_532_400.0
STREAMS = ("a" * 16, "b" * 16, "c" * 16)
SECRET = new_stream_key(repeatable(0))
BOOTS = {"node1": "bootbootboota222", "node2": "bootbootbootb222"}

AGES = st.sampled_from([0.1, 1.0, 1.9, 3.5, 9.5, 11.0])
"""Of a heartbeat: the first three are timely; with the others the node is dead."""
SILENCES = st.sampled_from([20, 400, 600, 1500, 2900, 3100])


@st.composite
def scenes(draw: st.DrawFn) -> DryRunInput:
    """An account in some state, and two nodes in theirs."""
    nodes = {
        name: Node(
            name, boot, NOW - draw(AGES), "http://127.0.0.1:1", draw(st.sampled_from(["local", "far"])),
            draw(st.sampled_from([*[NodeState.SERVING] * 4, *NodeState])),
            NodeLoad(publishers=draw(st.sampled_from([0, 0, 10])), max_sessions=10), draw(st.integers(0, 5)) == 0,
        )
        for name, boot in BOOTS.items()
    }  # fmt: skip
    slots: dict[str, Slot] = {}
    sessions: dict[str, dict[str, PublishSession]] = {name: {} for name in nodes}
    for stream in draw(st.sets(st.sampled_from(STREAMS))):
        name = draw(st.sampled_from([*nodes, "gone"]))
        granted = NOW - draw(st.sampled_from([0, 1, 2, 4, 20, 34, 40]))
        used = draw(st.sampled_from([None, granted + 0.1]))
        slot = Slot(
            new_session_id(repeatable(stream)), BOOTS.get(name, "bootbootbootz222"), int(granted) + GRANT_SECONDS, used,
            draw(st.integers(0, 2)), awaited_until=draw(st.sampled_from([None, None, None, NOW - 1, NOW + 3])),
        )  # fmt: skip
        slots[stream] = slot
        if name in nodes and used is not None and draw(st.integers(0, 4)):
            sessions[name][stream] = PublishSession(slot.session, "acme", 1, silent_ms=draw(SILENCES))
    account = Account(
        "acme",
        draw(st.sampled_from([Tier.ANONYMOUS, Tier.REGISTERED])),
        Overrides(streams=draw(st.integers(1, 3))),
        slots,
        blocked=draw(st.sampled_from([None, None, None, Usage("2026-11", 60, 50), Usage("2026-10", 60, 50)])),
        suspended=draw(st.integers(0, 7)) == 0,
    )
    key = Key(
        SECRET.digest, "acme", STREAMS[0], revoked_at=draw(st.sampled_from([None, None, NOW - 1, NOW + 100])),
        protocols=draw(st.sampled_from([None, None, frozenset({"rtmp"}), frozenset({"whip"})])),
        audience=draw(st.sampled_from([None, None, *(Audience(boot, NOW - ago) for boot in ("bootbootbootz222", *BOOTS.values())
                                                   for ago in (1, 57, 61))])),
    )  # fmt: skip
    reports = {name: NodeReport(node, streams=sessions[name]) for name, node in nodes.items()}
    return DryRunInput(key, account, Fleet(nodes.values()), reports)


def used_on_a_drained_node(*, named: bool, sibling: bool = False) -> DryRunInput:
    """The key's session began after its node's last beat, 1.9 s ago, which names it or not; both nodes are drained.

    With a *sibling*, it is another stream of the account on that node that is younger than the beat.
    """
    nodes = [
        Node(
            name,
            BOOTS[name],
            NOW - age,
            "http://127.0.0.1:1",
            "local",
            NodeState.SERVING,
            NodeLoad(max_sessions=10),
            drained=True,
        )
        for name, age in (("node1", 0.1), ("node2", 1.9))
    ]
    granted = NOW - (20 if sibling else 1)
    slot = Slot("s" * 26, BOOTS["node2"], int(granted) + GRANT_SECONDS, granted + 0.1)
    slots = {STREAMS[0]: slot}
    if sibling:
        slots[STREAMS[1]] = Slot("t" * 26, BOOTS["node2"], int(NOW) - 1 + GRANT_SECONDS, NOW - 0.9)
    account = Account("acme", Tier.REGISTERED, Overrides(streams=len(slots)), slots)
    streams = {STREAMS[0]: PublishSession(slot.session, "acme", 1, silent_ms=20)} if named else {}
    reports = {node.id: NodeReport(node, streams=streams if node.id == "node2" else {}) for node in nodes}
    return DryRunInput(Key(SECRET.digest, "acme", STREAMS[0]), account, Fleet(nodes), reports)


class Earnest:
    """The same scene in stores that are written to, and nodes that go on beating while admission waits."""

    def __init__(self, scene: DryRunInput) -> None:
        self.now = NOW
        self.rosters = MemoryRosters([scene.account])
        self.nodes = MemoryNodes()
        self.nodes.reports = dict(scene.reports)
        self.nodes.summaries = {node.id: node for node in scene.fleet.nodes}
        self._began = dict(scene.reports)
        parts: dict[str, Any] = {
            "directory": MemoryDirectory([scene.key], [], self.nodes), "rosters": self.rosters, "nodes": self.nodes,
        }  # fmt: skip
        self.ports = PublishDependencies(
            **parts, region="local", clock=lambda: self.now, sleep=self.sleep, random=repeatable(1), choose=lambda _: 0
        )

    def sleep(self, seconds: float) -> None:
        """Nodes that live beat every two seconds: who was silent is longer so, and whoever had begun is in the report."""
        self.now += seconds
        for name, report in self.nodes.reports.items():
            first = self._began[name]
            if NOW - first.node.at > 2 or self.now - report.node.at < 2:
                continue
            quiet = {
                stream: replace(session, silent_ms=session.silent_ms + int((self.now - first.node.at) * 1000))
                if session.silent_ms >= 500
                else session
                for stream, session in first.streams.items()
            }
            for stream, slot in self.rosters.accounts["acme"].slots.items():
                if slot.boot == first.node.boot and slot.used_at is not None and slot.used_at > first.node.at:
                    quiet.setdefault(stream, PublishSession(slot.session, "acme", 1, silent_ms=20))
            self.nodes.reports[name] = replace(report, node=replace(report.node, at=self.now), streams=quiet)


def told(outcome: AdmittedPublisher | Refused) -> Any:
    """What a client would see."""
    return (
        outcome.node.id
        if isinstance(outcome, AdmittedPublisher)
        else (outcome.status, outcome.body(), outcome.retry_after)
    )


@settings(max_examples=400, deadline=None)
@example(scene=used_on_a_drained_node(named=True), force=False, protocol="whip")
@example(scene=used_on_a_drained_node(named=False), force=False, protocol="whip")
@example(scene=used_on_a_drained_node(named=True, sibling=True), force=False, protocol="whip")
@given(scene=scenes(), force=st.booleans(), protocol=st.sampled_from(["whip", "whip", "rtmp"]))
def test_a_dry_run_ends_as_the_real_admission_does(scene: DryRunInput, force: bool, protocol: str) -> None:  # noqa: FBT001 - Hypothesis passes by name
    """Admitted to the same node, or refused with the same status, body and Retry-After, at once or after a wait alike."""
    mind = dry_run(
        scene, protocol=protocol, force=force, region="local", now=NOW, random=repeatable(1), choose=lambda _: 0
    )
    earnest = Earnest(scene)

    outcome = admit(earnest.ports, Publish(SECRET, protocol, force))

    assert told(mind.outcome) == told(outcome)
    assert (mind.waited > 0) == (earnest.now > NOW)


def test_a_key_whose_encoder_sends_is_in_use_though_no_node_takes_newcomers() -> None:
    """The node lives and names the session: its owner is told so, not that there is no room; and not after seven seconds."""
    for scene in (used_on_a_drained_node(named=True), used_on_a_drained_node(named=False)):
        mind = dry_run(
            scene, protocol="whip", force=False, region="local", now=NOW, random=repeatable(1), choose=lambda _: 0
        )

        assert isinstance(mind.outcome, Refused)
        assert (mind.outcome.code, mind.outcome.context["server"]) == (Code.KEY_ALREADY_IN_USE, "node2")
        assert 0 < mind.waited < 3


@given(scene=scenes())
def test_a_dry_run_changes_nothing(scene: DryRunInput) -> None:
    """Not the account that it was given, nor the reports."""
    slots, streams = dict(scene.account.slots), {name: dict(one.streams) for name, one in scene.reports.items()}

    dry_run(scene, protocol="whip", force=True, region="local", now=NOW, random=repeatable(1), choose=lambda _: 0)

    assert scene.account.slots == slots
    assert {name: dict(one.streams) for name, one in scene.reports.items()} == streams
