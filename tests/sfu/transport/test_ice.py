import secrets

from hypothesis import given
from hypothesis import strategies as st

from sfu.transport import ice
from tests.peers.protocol import stun

PWD = "p" * 24


def request(*, password: str = PWD, username: str = "ours:theirs") -> bytes:
    """The check that a full agent sends."""
    return stun.binding_request(secrets.token_bytes(12), username=username, password=password, tie_breaker=1)


def bare(password: str = PWD) -> bytes:
    """A check as early FFmpeg 8.0 sends it: no PRIORITY, no ICE-CONTROLLING (P6)."""
    from aioice import stun as aioice_stun  # noqa: PLC0415 - the one place in the tests that needs it

    message = aioice_stun.Message(
        message_method=aioice_stun.Method.BINDING,
        message_class=aioice_stun.Class.REQUEST,
        attributes={"USERNAME": "ours:theirs", "USE-CANDIDATE": None},
    )
    message.add_message_integrity(password.encode())
    return bytes(message)


def test_a_valid_check_is_answered_with_the_address_that_it_came_from() -> None:
    """Signed with our password, for the same transaction."""
    data = request()
    assert ice.local_ufrag(data) == "ours"
    answer = ice.answer_check(data, PWD, ("192.0.2.1", 4711))
    assert answer is not None
    response = stun.parse(answer.response)
    assert response is not None
    assert response.kind == stun.RESPONSE
    assert response.transaction == data[8:20]
    assert response.authentic(PWD)


def test_a_check_without_priority_and_controlling_is_valid() -> None:
    """And it nominates its pair of addresses."""
    answer = ice.answer_check(bare(), PWD, ("127.0.0.1", 1))
    assert answer is not None
    assert answer.nominates


def test_a_check_over_ipv6_is_answered() -> None:
    """The mapped address is 16 bytes then."""
    assert ice.answer_check(request(), PWD, ("2001:db8::1", 1)) is not None


def test_a_wrong_password_is_not_answered() -> None:
    """Not even with an error: that would make us a reflector."""
    assert ice.answer_check(request(password="q" * 24), PWD, ("127.0.0.1", 1)) is None


def test_truncated_and_flipped_checks_are_not_answered() -> None:
    """Each length, and a bit of each byte that MESSAGE-INTEGRITY covers; FINGERPRINT comes after it."""
    data = request()
    for length in range(len(data)):
        ice.local_ufrag(data[:length])
        assert ice.answer_check(data[:length], PWD, ("127.0.0.1", 1)) is None
    for at in range(len(data) - 8):
        damaged = data[:at] + bytes((data[at] ^ 0x10,)) + data[at + 1 :]
        ice.local_ufrag(damaged)
        assert ice.answer_check(damaged, PWD, ("127.0.0.1", 1)) is None


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    """This is what a stranger can reach."""
    for datagram in (data, b"\0\1\0\x10\x21\x12\xa4\x42" + data):
        ice.local_ufrag(datagram)
        assert ice.answer_check(datagram, PWD, ("127.0.0.1", 1)) is None


def test_credentials_are_unguessable_and_long_enough_for_browsers() -> None:
    """A ufrag of at least 4, a password of at least 22 (P20)."""
    made = [ice.new_credentials(secrets.token_bytes) for _ in range(1000)]
    assert len({credentials.ufrag for credentials in made}) == 1000
    assert len(made[0].pwd) >= 22
    assert made[0].pwd not in repr(made[0])


def test_every_bit_of_the_given_randomness_reaches_the_credentials() -> None:
    """The same bytes give the same credentials; bytes that differ in one bit give others."""
    one = ice.new_credentials(bytes)
    other = ice.new_credentials(lambda count: bytes(count - 1) + b"\1")

    assert one == ice.new_credentials(bytes)
    assert one.ufrag != other.ufrag
    assert one.pwd != other.pwd
