"""Ids as items carry them: ours shrink, and every id comes out as it went in."""

from hypothesis import given
from hypothesis import strategies as st

from functions.storage.items.ids import pack, unpack


@given(st.text(max_size=40) | st.from_regex(r"[a-z2-7]{16}|[a-z2-7]{26}", fullmatch=True))
def test_any_id_survives_packing(identity: str) -> None:
    """Ours shrink to the bytes that they spell; all others stay as they are."""
    assert unpack(pack(identity)) == identity


def test_our_ids_are_packed() -> None:
    """A boot to ten bytes, a session id to sixteen."""
    assert pack("a" * 16) == b"\0" * 10
    assert pack("a" * 26) == b"\0" * 16
