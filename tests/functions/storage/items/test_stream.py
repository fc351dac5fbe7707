"""The stream's item: what goes in comes out."""

from functions.domain.accounts import Live, Stream, Usage
from functions.storage.attributes import from_item, to_item
from functions.storage.items.stream import live_item, stream_item, stream_of
from shared.tiers import Tier


def test_a_stream_survives_storage() -> None:
    """With a month's use that blocks it, and with the session that is live."""
    usage, live = Usage("2026-11", 5, 4), Live("s", "node1", "b", 3, 2, 1.5)
    stream = Stream("c" * 16, "acme", Tier.ANONYMOUS, 20, 6000, frozenset({"whep"}), usage)

    assert stream_of(from_item(to_item(stream_item(stream)))) == stream
    assert stream_of(from_item(to_item({**stream_item(stream), "live": live_item(live)}))).live == live
