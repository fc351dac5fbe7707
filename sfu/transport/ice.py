"""ICE-lite: answers connectivity checks and says which session they belong to. The only module that touches aioice.

A check is believed when its MESSAGE-INTEGRITY verifies with the session's password; PRIORITY and ICE-CONTROLLING may be
missing, as FFmpeg 8.0 leaves them out. Whatever else arrives is dropped without an answer: whoever got error responses could have
them sent to others. No I/O; the caller owns addresses.
"""

import contextlib
import hmac
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aioice import stun

from sfu.negotiation import IceCredentials

LARGEST: Final = 600
"""Bytes of a check at most; it has 100 to 200. Longer datagrams are not looked at."""
MOST_ATTRIBUTES: Final = 16
"""Attributes that are looked at in one check; it has six to nine."""
_USERNAME: Final = 0x0006
_INTEGRITY: Final = 0x0008
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(frozen=True, slots=True)
class ValidCheck:
    """A connectivity check that verified (RFC 8445, section 7.3), and what it asks for."""

    response: bytes
    """The datagram that answers it."""
    nominates: bool
    """Whether it has USE-CANDIDATE: packets are to go to where it came from."""
    transaction: bytes
    """Its transaction id, 12 bytes."""


def new_credentials(random_bytes: Callable[[int], bytes]) -> IceCredentials:
    """Fresh credentials that nobody can guess: 47 and 142 bits (RFC 8445, section 5.3 asks for 24 and 128).

    *random_bytes* gives as many bytes as it is asked for, from a source fit for secrets (`secrets.token_bytes`).
    """
    return IceCredentials(ufrag=_random_word(8, random_bytes), pwd=_random_word(24, random_bytes))


def _random_word(length: int, random_bytes: Callable[[int], bytes]) -> str:
    """*length* characters of the alphabet, drawn evenly: 64 bits more than they need leave a bias below 2**-64."""
    drawn = int.from_bytes(random_bytes(length + 8), "big")
    characters = []
    for _ in range(length):
        drawn, place = divmod(drawn, len(_ALPHABET))
        characters.append(_ALPHABET[place])
    return "".join(characters)


def local_ufrag(datagram: bytes) -> str | None:
    """Our ufrag in the USERNAME of a binding request; None in any other datagram.

    The rest is not parsed, because a flood must cost little.
    """
    size = len(datagram)
    if size < 28 or size > LARGEST or datagram[:2] != b"\0\1" or datagram[4:8] != b"\x21\x12\xa4\x42":
        return None
    at = _find(datagram, _USERNAME)
    if at is None:
        return None
    name = datagram[at + 4 : at + 4 + (datagram[at + 2] << 8 | datagram[at + 3])].partition(b":")[0]
    return name.decode("ascii", "replace")


def _find(datagram: bytes, wanted: int) -> int | None:
    """Where the first attribute of type *wanted* begins; None where there is none."""
    at, size = 20, len(datagram)
    for _ in range(MOST_ATTRIBUTES):
        if at + 4 > size:
            return None
        if datagram[at] << 8 | datagram[at + 1] == wanted:
            return at
        length = datagram[at + 2] << 8 | datagram[at + 3]
        at += 4 + length + (-length & 3)
    return None


def _is_authentic(datagram: bytes, pwd: str) -> bool:
    """Whether the MESSAGE-INTEGRITY was made with *pwd* (RFC 8489, section 14.5), before anything is parsed."""
    at = _find(datagram, _INTEGRITY)
    if at is None or at + 24 > len(datagram):
        return False
    # As if MESSAGE-INTEGRITY were the last attribute: what follows it is not covered.
    covered = datagram[:2] + (at + 4).to_bytes(2, "big") + datagram[4:at]
    return hmac.compare_digest(hmac.digest(pwd.encode(), covered, "sha1"), datagram[at + 4 : at + 24])


def answer_check(datagram: bytes, pwd: str, address: tuple[str, int]) -> ValidCheck | None:
    """Verify a binding request from *address* with *pwd* and answer it; None where it is not valid."""
    if len(datagram) > LARGEST or not _is_authentic(datagram, pwd):
        return None
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
            return ValidCheck(bytes(response), "USE-CANDIDATE" in request.attributes, request.transaction_id)
    return None


def request(transaction: bytes, credentials: IceCredentials) -> bytes:
    """A check that the node sends to its own address, to see whether it can be reached; nominates nothing."""
    message = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        transaction_id=transaction,
        attributes={"USERNAME": f"{credentials.ufrag}:self"},
    )
    message.add_message_integrity(credentials.pwd.encode())
    return bytes(message)


def answers(datagram: bytes, transaction: bytes, credentials: IceCredentials) -> bool:
    """Whether *datagram* is the authentic answer to our own `request` with this *transaction* id."""
    with contextlib.suppress(ValueError, KeyError, IndexError, struct.error):
        message = stun.parse_message(datagram)
        return (
            message.message_class is stun.Class.RESPONSE
            and message.transaction_id == transaction
            and bool(message.check_message_integrity(credentials.pwd.encode()))
        )
    return False
