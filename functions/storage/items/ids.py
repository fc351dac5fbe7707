"""Ids of ours in items: as the bytes that they spell, because items are paid by the kilobyte."""

from base64 import b32decode, b32encode
from binascii import Error as Base32Error


def pack(identity: str) -> bytes | str:
    """An id of ours as the bytes that it spells; any other text as it is."""
    try:
        raw = b32decode(identity.upper() + "=" * (-len(identity) % 8))
    except (Base32Error, ValueError):
        return identity
    return raw if unpack(raw) == identity else identity


def unpack(packed: bytes | str) -> str:
    """The id that `pack` packed."""
    return packed if isinstance(packed, str) else b32encode(packed).decode().rstrip("=").lower()
