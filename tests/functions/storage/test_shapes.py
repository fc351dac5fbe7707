"""Items: what goes in comes out, and what docs/data-model.md shows is what is written."""

from hypothesis import given
from hypothesis import strategies as st

from functions.domain.accounts import Account, Key, Live, Slot, Stream, Usage
from functions.domain.fleet import Load, Node, NodeReport, NodeState, PendingCommand, Session
from functions.storage.attributes import from_item, to_item
from functions.storage.shapes import (
    account_item,
    account_of,
    command_item,
    command_of,
    fleet_of,
    key_item,
    key_of,
    live_item,
    node_key,
    owned_item,
    pack,
    report_item,
    report_of,
    slot_item,
    slot_of,
    stream_item,
    stream_of,
    summary_item,
    unpack,
)
from shared.tiers import HlsEmbed, Overrides, Tier

NODE = Node(
    "node1",
    "bootbootboota222",
    5.25,
    "http://h:1",
    "eu",
    NodeState.DRAINING,
    Load(1, 2, 3, 4, 5),
    drained=True,
    address="198.51.100.20",
)


@given(st.text(max_size=40) | st.from_regex(r"[a-z2-7]{16}|[a-z2-7]{26}", fullmatch=True))
def test_any_id_survives_packing(identity: str) -> None:
    """Ours shrink to the bytes that they spell; all others stay as they are."""
    assert unpack(pack(identity)) == identity


def test_our_ids_are_packed() -> None:
    """A boot to ten bytes, a session id to sixteen."""
    assert pack("a" * 16) == b"\0" * 10
    assert pack("a" * 26) == b"\0" * 16


def test_a_slot_is_compact() -> None:
    """One-letter names and no empty fields: docs/data-model.md says why."""
    unused = Slot("a" * 26, "b" * 16, 1_795_532_430)
    used = Slot("a" * 26, "b" * 16, 1_795_532_430, 1_795_532_401.25, 2)

    assert set(to_item(slot_item(unused))) == {"s", "b", "x"}
    assert set(to_item(slot_item(used))) == {"s", "b", "x", "u", "f"}
    assert [slot_of(from_item(to_item(slot_item(slot)))) for slot in (unused, used)] == [unused, used]


def test_an_account_survives_storage() -> None:
    """Tier, every override, roster and epoch."""
    overrides = Overrides(1, 2, 3, 4, frozenset({"whip"}), HlsEmbed.ANYWHERE)
    account = Account("acme", Tier.STUDIO_PRO, overrides, {"c" * 16: Slot("a" * 26, "b" * 16, 7)}, 17, created=3)

    assert account_of(from_item(to_item(account_item(account)))) == account


def test_keys_and_streams_survive_storage() -> None:
    """The key's own item and the account's entry of it mean the same key."""
    key = Key("d" * 64, "acme", "c" * 16, "studio", 1.5, 2.5, 3.5)
    usage, live = Usage("2026-11", 5, 4), Live("s", "node1", "b", 3, 2, 1.5)
    stream = Stream("c" * 16, "acme", Tier.ANONYMOUS, 20, 6000, frozenset({"whep"}), usage)

    assert key_of(from_item(to_item(key_item(key)))) == key_of(from_item(to_item(owned_item(key)))) == key
    assert stream_of(from_item(to_item(stream_item(stream)))) == stream
    assert stream_of(from_item(to_item({**stream_item(stream), "live": live_item(live)}))).live == live


def test_a_node_survives_storage() -> None:
    """Its report with sessions and commands, and its summary."""
    session = Session("s", "acme", 3, 2, 20, 1.5, 40, 2500)
    command = PendingCommand("c1", "admin", session="s", not_before=9.5)
    report = NodeReport(NODE, 1.5, {"c" * 16: session}, {"c1": command}, 2.5, 3.5)
    item = {**node_key("node1"), **report_item(report), "cmds": {"c1": command_item(command)}}

    assert report_of(from_item(to_item(item))) == report
    assert command_of("c1", from_item(to_item(command_item(command)))) == command
    assert fleet_of([from_item(to_item({"pk": "FLEET", "nodes": {"node1": summary_item(NODE)}}))]).nodes == (NODE,)
