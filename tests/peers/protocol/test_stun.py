import secrets

import aioice.stun
import pytest

from tests.peers.protocol import stun

TRANSACTION = secrets.token_bytes(12)


def test_a_request_is_what_another_implementation_reads() -> None:
    """Aioice verifies our integrity and fingerprint, and sees the nomination."""
    data = stun.binding_request(TRANSACTION, username="them:us", password="secret", tie_breaker=7)

    message = aioice.stun.parse_message(data)
    message.check_message_integrity(b"secret")

    assert message.attributes["USERNAME"] == "them:us"
    assert message.attributes["ICE-CONTROLLING"] == 7
    assert "USE-CANDIDATE" in message.attributes


def test_a_response_carries_the_address_back() -> None:
    """XOR-MAPPED-ADDRESS survives the way there and back, here and at aioice."""
    data = stun.binding_response(TRANSACTION, address=("192.0.2.33", 40000), password="secret")

    message = stun.parse(data)

    assert message is not None
    assert message.authentic("secret")
    assert not message.authentic("Secret")
    assert stun.mapped_address(message) == ("192.0.2.33", 40000)
    read = aioice.stun.parse_message(data)
    read.check_message_integrity(b"secret")
    assert read.attributes["XOR-MAPPED-ADDRESS"] == ("192.0.2.33", 40000)


@pytest.mark.parametrize("cut", [0, 1, 19, 20, 27, 50])
def test_what_is_cut_short_is_no_message(cut: int) -> None:
    """Neither a traceback nor half a message."""
    data = stun.binding_request(TRANSACTION, username="a:b", password="secret", tie_breaker=7)

    assert stun.parse(data[:cut]) is None


def test_one_flipped_bit_breaks_the_integrity() -> None:
    """In the username, that is: the header's and the attribute's lengths stay as they were."""
    data = bytearray(stun.binding_request(TRANSACTION, username="a:b", password="secret", tie_breaker=7))
    data[24] ^= 1

    message = stun.parse(bytes(data))

    assert message is not None
    assert not message.authentic("secret")
