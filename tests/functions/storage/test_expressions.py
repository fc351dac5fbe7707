"""No expression grows with data, and none names a path twice: held by the world's clients, and by emulators that know it.

moto has neither limit; `make test-second-emulator` runs this on one that has both, and tests/integration/test_expressions.py
holds the length on the emulator of the whole stack.
"""

from functions.domain.fleet import PendingCommand
from functions.storage.nodes import Nodes
from shared.tiers import Overrides, Tier
from tests.functions.world import Beating, World

STREAMS = 70


def test_an_account_full_of_dead_grants_can_publish(world: World, node: Beating) -> None:
    """At its limit, and where that was lowered below what one write can reclaim."""
    world.account("acme", Tier.STUDIO_PRO, Overrides(streams=STREAMS))
    for _ in range(STREAMS):
        assert world.publish(world.key("acme")[0]).status == 307
    world.now += 60
    world.beat(node)

    assert world.publish(world.key("acme")[0]).status == 307
    acme = world.registry.account("acme")
    assert acme is not None
    world.registry.set_limits(acme, Tier.STUDIO_PRO, Overrides(streams=1))
    world.now += 60
    world.beat(node)
    key, stream = world.key("acme")
    assert world.publish(key).status == 307

    assert stream in world.slots("acme")


def test_a_heartbeat_may_acknowledge_any_number_of_commands(world: World, node: Beating) -> None:
    """The longest names, each of them twice, with others that nobody gave."""
    nodes = Nodes(world.dynamo, world.settings.fleet_table)
    ids = [f"{number:064}" for number in range(300)]
    for id_ in ids:
        nodes.leave_command(node.id, node.boot, PendingCommand(id_, "admin", session="s"))
    assert len(world.beat(node).json["commands"]) == 300

    node.done = [*ids, *ids, "never-was"]
    answer = world.beat(node)

    assert (answer.status, answer.json["commands"]) == (200, [])
