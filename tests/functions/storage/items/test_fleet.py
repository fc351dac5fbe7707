"""The fleet's item: what goes in comes out."""

from functions.domain.fleet import Node, NodeLoad, NodeState
from functions.storage.attributes import from_item, to_item
from functions.storage.items.fleet import fleet_of, summary_item

NODE = Node(
    "node1",
    "bootbootboota222",
    5.25,
    "http://h:1",
    "eu",
    NodeState.DRAINING,
    NodeLoad(1, 2, 3, 4, 5),
    drained=True,
    address="198.51.100.20",
)


def test_a_summary_survives_storage() -> None:
    """Of a node among all of them."""
    item = {"pk": "FLEET", "nodes": {"node1": summary_item(NODE)}}

    assert fleet_of([from_item(to_item(item))]).nodes == (NODE,)
