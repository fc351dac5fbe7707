"""A publisher who ends and comes back is placed where his viewers wait, as long as that node lives and has room."""

from typing import Any

import pytest

from functions.domain.accounts import AUDIENCE_SECONDS
from functions.nodes.audiences import PER_BEAT, REPEAT_SECONDS, due
from shared.tiers import Tier
from tests.functions.world import Answer, Beating, World, load_event


class Scene:
    """Two nodes, and a publisher on the second, which is the fuller one and in another region: nobody is placed there by himself."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.first = Beating(load={"max_sessions": 400})
        self.second = Beating(
            "node2", "bootbootbootb222", "http://127.0.0.1:8890", "far", load={"max_sessions": 400, "viewers": 100}
        )
        self.beat()
        world.account("acme", Tier.SOLO_CREATOR)
        self.key, self.stream = world.key("acme")

    def beat(self) -> None:
        """Both nodes are heard of."""
        assert {self.world.beat(node).status for node in (self.first, self.second)} == {200}

    def goes_live(self) -> str:
        """On the second node, as it asks for itself; the session."""
        asked = {"action": "publish", "key": self.key, "node": "node2"}
        session = self.second.publishes(self.world, self.world.ask_grant(asked), viewers=3)
        self.beat()
        return session

    def ends(self, session: str, waiting: bool = True) -> None:  # noqa: FBT001, FBT002 - a switch of the scene
        """By DELETE; its viewers stay or not."""
        self.second.streams.clear()
        self.second.waiting = [self.stream] if waiting else []
        self.second.ended = [
            {"session": session, "stream": self.stream, "account": "acme", "action": "publish", "reason": "delete"}
        ]
        self.beat()

    def back(self, **query: str) -> Answer:
        """The publisher comes again with his key."""
        return self.world.publish(self.key, query=query)


@pytest.fixture(name="scene")
def _scene(world: World) -> Scene:
    return Scene(world)


def node_of(world: World, answer: Answer) -> str:
    """Where a publisher was placed."""
    return str(world.verified(answer).claims.node)


def test_he_is_placed_where_his_viewers_wait_in_two_calls(world: World, scene: Scene) -> None:
    """Whatever region he asks for; with no viewers he is placed as anybody is."""
    session = scene.goes_live()
    scene.ends(session)
    world.calls["admission"].clear()

    again = scene.back(region="local")

    assert node_of(world, again) == "node2"
    calls = [call.action for call in world.calls["admission"] if call.action.startswith("dynamodb")]
    assert calls == ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"]


def test_without_waiting_viewers_he_is_placed_as_anybody_is(world: World, scene: Scene) -> None:
    """In the region that he asks for."""
    scene.ends(scene.goes_live(), waiting=False)

    assert node_of(world, scene.back(region="local")) == "node1"


@pytest.mark.parametrize(
    "changes",
    [{"state": "draining"}, {"load": {"max_sessions": 2, "viewers": 2}}, {"state": "stopped", "waiting": []}],
    ids=["draining", "full", "stopped"],
)
def test_a_node_that_takes_nobody_keeps_nobody(world: World, scene: Scene, changes: dict[str, Any]) -> None:
    """He is placed elsewhere, and his viewers are sent after him as ever."""
    scene.ends(scene.goes_live())
    for name, value in changes.items():
        setattr(scene.second, name, value)
    scene.beat()

    assert node_of(world, scene.back()) == "node1"


def test_a_node_that_died_is_left_for_another(world: World, scene: Scene) -> None:
    """Once its lease is over; and the restarted node of the same name has none of his viewers."""
    scene.ends(scene.goes_live())
    world.now += 11
    world.beat(scene.first)
    assert node_of(world, scene.back()) == "node1"


def test_the_node_that_asks_comes_before_the_one_where_viewers_wait(world: World, scene: Scene) -> None:
    """A publisher who posted straight to a node has his session there."""
    scene.ends(scene.goes_live())

    assert node_of(world, world.ask_grant({"action": "publish", "key": scene.key, "node": "node1"})) == "node1"


def test_who_came_early_is_come_to_as_well(world: World, scene: Scene) -> None:
    """Viewers who wait for the first publish of all; and an anonymous key is a key."""
    made = world.request(load_event("anonymous")).json
    scene.second.waiting = [scene.stream, made["stream_id"], "no" * 8]
    scene.beat()

    assert node_of(world, scene.back()) == "node2"
    assert node_of(world, world.publish(made["stream_key"])) == "node2"


def test_viewers_who_were_left_count_more_than_one_who_came_early(world: World, scene: Scene) -> None:
    """Somebody waits at the first node; then the publisher leaves three at the second."""
    session = scene.goes_live()
    scene.first.waiting = [scene.stream]
    scene.beat()
    scene.ends(session)
    world.now += 1
    scene.beat()

    assert node_of(world, scene.back()) == "node2"


def test_a_grant_that_was_not_used_makes_way_to_where_viewers_wait(world: World, scene: Scene) -> None:
    """Placed before anybody waited; three seconds later the same key is where they are."""
    assert node_of(world, scene.back()) == "node1"
    scene.second.waiting = [scene.stream]
    world.now += 3
    scene.beat()

    assert node_of(world, scene.back()) == "node2"


def test_the_session_that_is_replaced_decides_where_it_has_the_viewers(world: World, scene: Scene) -> None:
    """A silent session and its viewers are on the second node; whoever waits at the first is sent there."""
    scene.goes_live()
    scene.first.waiting = [scene.stream]
    scene.second.streams[scene.stream]["silent_ms"] = 3500
    scene.beat()

    assert node_of(world, scene.back()) == "node2"


def test_both_secrets_of_a_rotated_key_know(world: World, scene: Scene) -> None:
    """During the overlap an encoder with the old one is placed as well as one with the new."""
    token = world.account("mine", Tier.SOLO_CREATOR)
    old, scene.stream = world.key("mine")
    new = world.own("POST", f"/keys/{scene.stream}/rotate", token, {"overlap_seconds": 3600}).json["stream_key"]
    scene.second.waiting = [scene.stream]
    scene.beat()

    for secret in (old, new):
        assert node_of(world, world.publish(secret, query={"force": "1"})) == "node2"
        world.now += 4
        scene.beat()


@pytest.mark.parametrize("stay", [True, False])
def test_a_note_is_repeated_while_they_wait_and_lapses_once_they_left(world: World, scene: Scene, stay: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """One note in half a minute, however often the node is heard of; a minute after the last it counts for nothing."""
    scene.ends(scene.goes_live())
    world.calls["nodes"].clear()
    for _ in range(20):
        world.now += 1
        scene.beat()
    read = [call for call in world.calls["nodes"] if call.action == "dynamodb:GetItem"]
    assert [call for call in read if "accounts" in call.resources] == []
    if not stay:
        scene.second.waiting = []
    for _ in range(AUDIENCE_SECONDS):
        world.now += 1
        scene.beat()

    assert node_of(world, scene.back()) == ("node2" if stay else "node1")


def test_one_heartbeat_tells_few_keys_and_the_next_ones_the_others() -> None:
    """Those that were left come first, and nobody is forgotten."""
    waiting = [f"stream{number}" for number in range(2 * PER_BEAT)]

    first = due(waiting, {}, frozenset({"stream19"}), 100.0)
    second = due(waiting, dict.fromkeys(first, 100.0), frozenset(), 101.0)

    assert first[0] == "stream19"
    assert len(first) == PER_BEAT
    assert set(first) | set(second) == set(waiting)
    assert due(waiting, dict.fromkeys(waiting, 100.0), frozenset(), 100.0 + REPEAT_SECONDS - 1) == []


def test_a_dry_run_names_the_same_node(world: World, scene: Scene) -> None:
    """By the stream's id and by the secret alike."""
    token = world.account("mine", Tier.SOLO_CREATOR)
    scene.key, scene.stream = world.key("mine")
    scene.second.waiting = [scene.stream]
    scene.beat()

    for named in ({"stream_id": scene.stream}, {"stream_key": scene.key}):
        said = world.own("POST", "/dry-run", token, {"action": "publish", **named})
        assert said.json["node"] == "node2"
    assert node_of(world, scene.back()) == "node2"
