"""The ends of streams whose node died: told within a minute, once, and never of a node that lives."""

from typing import Any

from functions.storage.nodes import Nodes
from tests.functions.world import Beating, World, template


def kinds(world: World) -> list[tuple[str, str]]:
    """What was told so far, and of which session."""
    return [(entry["DetailType"], entry["Detail"]["session"]) for entry in world.told]


def live(world: World, node: Beating) -> tuple[str, str]:
    """A key and the session that it publishes."""
    world.account("acme")
    key, _ = world.key("acme")
    session = node.publishes(world, world.publish(key))
    world.beat(node)
    return key, session


def test_a_dead_node_s_streams_end_once(world: World, node: Beating) -> None:
    """However often, and by however many, it is swept; and a node that lives is left alone."""
    _, session = live(world, node)
    other = Beating("node2", "bootbootbootb222", "http://127.0.0.1:8890")
    world.now += 9
    world.beat(other)
    assert world.sweep() == 0, "its lease is not over"
    world.now += 2
    nodes = Nodes(world.dynamo, world.settings.fleet_table)
    seen = nodes.read(node.id)
    assert seen is not None

    assert world.sweep() == 1

    assert kinds(world) == [("Stream Started", session), ("Stream Ended", session)]
    assert world.told[-1]["Detail"]["node"] == "node1"
    assert world.sweep() == 0
    assert not nodes.take_sessions(seen, world.now), "a sweep at the same time finds nothing any more"


def test_a_node_that_comes_back_in_another_life_tells_nothing_twice(world: World, node: Beating) -> None:
    """Its new boot ends the old sessions too; that was told already."""
    _, session = live(world, node)
    world.now += 60
    world.sweep()
    node.boot, node.started_at = "bootbootbootd222", world.now
    node.streams.clear()
    world.beat(node)

    assert kinds(world) == [("Stream Started", session), ("Stream Ended", session)]


def test_a_node_that_was_only_cut_off_starts_its_streams_anew(world: World, node: Beating) -> None:
    """The API called them offline meanwhile; the session is the same, and its slot was never lost."""
    _, session = live(world, node)
    world.now += 60
    assert world.sweep() == 1
    world.beat(node)
    node.streams.clear()
    world.beat(node)

    assert kinds(world) == [
        ("Stream Started", session), ("Stream Ended", session), ("Stream Started", session), ("Stream Ended", session),
    ]  # fmt: skip


def test_a_heartbeat_in_the_midst_of_a_sweep_tells_the_truth_after_it(world: World, node: Beating) -> None:
    """The sweep takes the sessions after the heartbeat has read them: they are told of as started again."""
    _, session = live(world, node)
    world.now += 60
    swept: list[int] = []
    client = world.nodes_client

    def just_before_the_write(params: dict[str, Any], **_: Any) -> None:
        if params["Key"]["pk"]["S"] == "NODE#node1" and not swept:
            swept.append(0)
            swept[0] = world.sweep()

    client.meta.events.register_first("before-parameter-build.dynamodb.UpdateItem", just_before_the_write)
    world.beat(node)

    assert swept == [1]
    assert kinds(world)[-2:] == [("Stream Ended", session), ("Stream Started", session)]


def test_a_stopped_node_is_not_looked_at(world: World, node: Beating) -> None:
    """Its last word ended its streams; a sweep costs one read of the summary."""
    _, session = live(world, node)
    node.state = "stopped"
    world.beat(node)
    assert kinds(world)[-1] == ("Stream Ended", session)
    world.now += 60
    world.calls["nodes"].clear()

    assert world.sweep() == 0
    assert [call.action for call in world.calls["nodes"]] == ["dynamodb:GetItem"]


def test_the_template_sweeps_every_minute() -> None:
    """With the event that the handler knows."""
    sweep = template()["Resources"]["NodesFunction"]["Properties"]["Events"]["Sweep"]

    assert sweep == {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)", "Input": '{"do": "sweep"}'}}
