"""ICE-lite: answers connectivity checks and says which session they belong to. The only module that touches aioice.

A check is believed when its MESSAGE-INTEGRITY verifies with the session's password; PRIORITY and ICE-CONTROLLING may be
missing (whip-whep.md, P6). Whatever else arrives is dropped without an answer: an error response to a stranger would make
us a reflector. No I/O; the caller owns addresses.
"""

import contextlib
import secrets
import struct
from dataclasses import dataclass
from typing import Final

from aioice import stun

from sfu.negotiation import IceCredentials

_USERNAME: Final = 0x0006
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(frozen=True, slots=True)
class Check:
    """A valid connectivity check."""

    response: bytes
    nominates: bool
    transaction: bytes


def new_credentials() -> IceCredentials:
    """Unguessable ones: 47 and 142 bits (RFC 8445, section 5.3 asks for 24 and 128)."""
    return IceCredentials(
        ufrag="".join(secrets.choice(_ALPHABET) for _ in range(8)),
        pwd="".join(secrets.choice(_ALPHABET) for _ in range(24)),
    )


def local_ufrag(datagram: bytes) -> str | None:
    """The ufrag that a binding request is meant for, found without parsing the rest: a flood must cost little."""
    if len(datagram) < 28 or datagram[:2] != b"\0\1" or datagram[4:8] != b"\x21\x12\xa4\x42":
        return None
    at = 20
    while at + 4 <= len(datagram):
        kind, length = struct.unpack_from("!HH", datagram, at)
        at += 4
        if kind == _USERNAME:
            name = datagram[at : at + length].partition(b":")[0]
            return name.decode("ascii", "replace")
        at += length + (-length % 4)
    return None


def check(datagram: bytes, pwd: str, address: tuple[str, int]) -> Check | None:
    """The answer to a binding request from *address*, or None where it is not valid."""
    with contextlib.suppress(ValueError, KeyError, IndexError, struct.error):
        request = stun.parse_message(datagram)
        if request.check_message_integrity(pwd.encode()):
            response = stun.Message(
                message_method=stun.Method.BINDING,
                message_class=stun.Class.RESPONSE,
                transaction_id=request.transaction_id,
                # On a dual-stack socket an IPv4 peer shows as ::ffff:a.b.c.d; it knows itself without the prefix.
                attributes={"XOR-MAPPED-ADDRESS": (address[0].removeprefix("::ffff:"), address[1])},
            )
            response.add_message_integrity(pwd.encode())
            return Check(bytes(response), "USE-CANDIDATE" in request.attributes, request.transaction_id)
    return None


def request(transaction: bytes, credentials: IceCredentials) -> bytes:
    """A check of our own address, by ourselves: nominates nothing."""
    message = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        transaction_id=transaction,
        attributes={"USERNAME": f"{credentials.ufrag}:self"},
    )
    message.add_message_integrity(credentials.pwd.encode())
    return bytes(message)


def answers(datagram: bytes, transaction: bytes, credentials: IceCredentials) -> bool:
    """Whether *datagram* is the authentic answer to our own `request`."""
    with contextlib.suppress(ValueError, KeyError, IndexError, struct.error):
        message = stun.parse_message(datagram)
        return (
            message.message_class is stun.Class.RESPONSE
            and message.transaction_id == transaction
            and bool(message.check_message_integrity(credentials.pwd.encode()))
        )
    return False
