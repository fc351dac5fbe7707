"""The fleet's item: every node in summary, for placement and for viewers."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from functions.domain.fleet import Fleet, Node, NodeLoad, NodeState
from functions.storage.attributes import Item

FLEET_KEY = {"pk": "FLEET"}


def fleet_of(items: Iterable[Item]) -> Fleet:
    """The fleet that the FLEET item means, if it is there."""
    return Fleet(summary_of(name, entry) for item in items for name, entry in item.get("nodes", {}).items())


def summary_item(node: Node) -> Item:
    """A node in the fleet's item."""
    return {
        "boot": node.boot,
        "at": node.at,
        "url": node.url,
        "region": node.region,
        "state": node.state.value,
        "load": load_item(node.load),
        "drained": node.drained or None,
        "kind": node.kind,
        "from": node.address,
    }


def summary_of(identity: str, item: Item) -> Node:
    """The node that an entry of the fleet's item means."""
    return Node(
        identity, item["boot"], item["at"], item["url"], item["region"], NodeState(item["state"]),
        load_of(item.get("load")), item.get("drained", False), item.get("kind", "sfu"), item.get("from", ""),
    )  # fmt: skip


def load_item(load: NodeLoad) -> Item:
    """A node's load, what is not zero of it."""
    return {field.name: getattr(load, field.name) or None for field in fields(NodeLoad)}


def load_of(item: Mapping[str, Any] | None) -> NodeLoad:
    """The load that an item means."""
    return NodeLoad(**{field.name: (item or {}).get(field.name, 0) for field in fields(NodeLoad)})
