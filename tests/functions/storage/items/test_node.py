"""The node's item: what goes in comes out."""

from functions.domain.fleet import Node, NodeLoad, NodeReport, NodeState, PendingCommand, PublishSession
from functions.storage.attributes import from_item, to_item
from functions.storage.items.node import command_item, command_of, locate_node, report_item, report_of

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


def test_a_node_survives_storage() -> None:
    """Its report with sessions and commands."""
    session = PublishSession("s", "acme", 3, 2, 20, 1.5, 40, 2500)
    command = PendingCommand("c1", "admin", session="s", not_before=9.5)
    report = NodeReport(NODE, 1.5, {"c" * 16: session}, {"c1": command}, 2.5, 3.5)
    item = {**locate_node("node1"), **report_item(report), "cmds": {"c1": command_item(command)}}

    assert report_of(from_item(to_item(item))) == report
    assert command_of("c1", from_item(to_item(command_item(command)))) == command
