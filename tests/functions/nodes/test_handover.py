"""What a node learns that empties itself: that others have room, where streams went, and that its operator wants it."""

from shared.tiers import Tier
from tests.functions.world import Beating, World


def two(world: World) -> tuple[Beating, Beating]:
    """Two nodes that serve in one region."""
    first, second = Beating(), Beating("node2", "bootbootbootb222", "http://127.0.0.1:8890")
    world.beat(first)
    world.beat(second)
    return first, second


def test_a_draining_node_hears_of_a_successor(world: World) -> None:
    """Only while another node has room: a publisher is not let go for nothing."""
    first, second = two(world)
    first.state = "draining"

    assert world.beat(first).json["successor"] is True
    second.load = {"max_sessions": 1, "publishers": 1}
    world.beat(second)
    assert world.beat(first).json["successor"] is False
    second.load, second.state = {"max_sessions": 400}, "draining"
    world.beat(second)
    assert world.beat(first).json["successor"] is False


def test_a_serving_node_costs_no_further_reads(world: World) -> None:
    """Nobody asks, nobody is told."""
    first, _ = two(world)
    world.calls["nodes"].clear()

    reply = world.beat(first).json

    assert (reply["successor"], reply["drain"], reply["moved"]) == (False, False, [])
    assert [call.action for call in world.calls["nodes"] if "Get" in call.action] == ["dynamodb:GetItem"]


def test_a_publisher_that_was_let_go_is_placed_elsewhere_at_once(world: World) -> None:
    """Its end is in a heartbeat before the connection closes, so its key is not in use when it comes again."""
    world.account("acme", Tier.SOLO_CREATOR)
    key, stream = world.key("acme")
    first, second = two(world)
    begun = world.publish(key)
    if begun.headers["Location"].startswith(second.url):
        # Which of two nodes comes first in a map is the store's affair.
        first, second = second, first
    assert begun.headers["Location"].startswith(first.url)
    session = first.publishes(world, begun)
    world.beat(first)
    first.state = "draining"
    world.beat(first)
    first.streams.clear()
    first.waiting = [stream]
    ended = [{"session": session, "stream": stream, "account": "acme", "action": "publish", "reason": "handover"}]

    assert world.beat(first, ended=ended).json["moved"] == []
    again = world.publish(key)
    second.publishes(world, again)
    world.beat(second)

    assert again.status == 307
    assert again.headers["Location"].startswith(second.url)
    assert world.beat(first).json["moved"] == [stream]


def test_an_operator_s_drain_reaches_the_node_and_ends_with_undrain(world: World) -> None:
    """In the answer to each heartbeat."""
    first, _ = two(world)
    said = [world.beat(first).json["drain"]]
    world.administer("POST", "nodes/node1/drain")
    said.append(world.beat(first).json["drain"])
    world.administer("POST", "nodes/node1/undrain")
    said.append(world.beat(first).json["drain"])

    assert said == [False, True, False]
