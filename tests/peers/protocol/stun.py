"""STUN as a full ICE agent speaks it: binding requests and success responses (RFC 8489, RFC 8445).

Short-term credentials only; everything that is not a binding message parses to None. No sockets, no timers.
"""

import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from ipaddress import ip_address

MAGIC = 0x2112A442
REQUEST, RESPONSE, ERROR = 0x0001, 0x0101, 0x0111
USERNAME, INTEGRITY, ERROR_CODE, XOR_MAPPED = 0x0006, 0x0008, 0x0009, 0x0020
PRIORITY, USE_CANDIDATE, FINGERPRINT, CONTROLLING = 0x0024, 0x0025, 0x8028, 0x802A
HEADER = struct.Struct("!HHI12s")


@dataclass(frozen=True, slots=True)
class Message:
    """A binding message as it was on the wire; `raw` is kept because the integrity check covers its bytes."""

    kind: int
    transaction: bytes
    attributes: dict[int, bytes]
    raw: bytes
    integrity_at: int | None

    def authentic(self, password: str) -> bool:
        """Whether MESSAGE-INTEGRITY is there and was made with *password*."""
        if self.integrity_at is None:
            return False
        at = self.integrity_at
        return hmac.compare_digest(self.attributes[INTEGRITY], _integrity(self.raw[:at], password))


def parse(data: bytes) -> Message | None:
    """The message in *data*, or None when it is not a well-formed one."""
    if len(data) < HEADER.size or data[0] > 3:
        return None
    kind, length, magic, transaction = HEADER.unpack_from(data)
    if magic != MAGIC or length + HEADER.size != len(data) or length % 4:
        return None
    attributes: dict[int, bytes] = {}
    integrity_at = None
    at = HEADER.size
    while at < len(data):
        name, size = struct.unpack_from("!HH", data, at)
        value = data[at + 4 : at + 4 + size]
        if len(value) != size:
            return None
        if name == INTEGRITY:
            integrity_at = at
        attributes.setdefault(name, value)
        at += 4 + size + -size % 4
    return Message(kind, transaction, attributes, data, integrity_at)


def binding_request(
    transaction: bytes, *, username: str, password: str, tie_breaker: int, priority: int = 0x6E001FFF
) -> bytes:
    """A connectivity or consent check of a controlling agent that nominates at once."""
    body = (
        _attribute(USERNAME, username.encode())
        + _attribute(CONTROLLING, tie_breaker.to_bytes(8, "big"))
        + _attribute(PRIORITY, priority.to_bytes(4, "big"))
        + _attribute(USE_CANDIDATE, b"")
    )
    return _seal(REQUEST, transaction, body, password)


def binding_response(transaction: bytes, *, address: tuple[str, int], password: str) -> bytes:
    """The success response to the peer's own check from *address*."""
    ip = ip_address(address[0])
    mask = MAGIC.to_bytes(4, "big") + transaction
    packed = bytes(a ^ b for a, b in zip(ip.packed, mask, strict=False))
    value = struct.pack("!BBH", 0, 1 if ip.version == 4 else 2, address[1] ^ (MAGIC >> 16)) + packed
    return _seal(RESPONSE, transaction, _attribute(XOR_MAPPED, value), password)


def mapped_address(message: Message) -> tuple[str, int] | None:
    """The address in a response's XOR-MAPPED-ADDRESS."""
    value = message.attributes.get(XOR_MAPPED)
    if value is None or len(value) not in (8, 20):
        return None
    mask = MAGIC.to_bytes(4, "big") + message.transaction
    packed = bytes(a ^ b for a, b in zip(value[4:], mask, strict=False))
    return str(ip_address(packed)), int.from_bytes(value[2:4], "big") ^ (MAGIC >> 16)


def _attribute(name: int, value: bytes) -> bytes:
    return struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4)


def _header(kind: int, transaction: bytes, length: int) -> bytes:
    return HEADER.pack(kind, length, MAGIC, transaction)


def _integrity(before: bytes, password: str) -> bytes:
    # RFC 8489, section 14.5: the header's length counts up to and with MESSAGE-INTEGRITY, not what follows it.
    counted = before[:2] + struct.pack("!H", len(before) - HEADER.size + 24) + before[4:]
    return hmac.new(password.encode(), counted, hashlib.sha1).digest()


def _seal(kind: int, transaction: bytes, body: bytes, password: str) -> bytes:
    before = _header(kind, transaction, len(body)) + body
    body += _attribute(INTEGRITY, _integrity(before, password))
    whole = _header(kind, transaction, len(body) + 8) + body
    return whole + _attribute(FINGERPRINT, struct.pack("!I", binascii.crc32(whole) ^ 0x5354554E))
