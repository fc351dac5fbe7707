import struct
from dataclasses import replace

import pylibsrtp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.transport.srtp import PROFILES, REPEATABLE, Protection, SrtpKeys, SrtpProfile, split

MATERIAL = bytes(range(100))


def pair(profile: SrtpProfile) -> tuple[Protection, Protection]:
    """Both ends of one association."""
    return (
        Protection(split(profile, MATERIAL, client=True)),
        Protection(split(profile, MATERIAL, client=False)),
    )


def header(sequence: int, ssrc: int = 5) -> bytes:
    """The header of an RTP packet."""
    return struct.pack("!BBHII", 0x80, 96, sequence & 0xFFFF, 1000, ssrc)


@pytest.mark.parametrize("profile", PROFILES)
def test_what_one_end_seals_the_other_opens(profile: SrtpProfile) -> None:
    """RTP and RTCP, both ways, each packet longer by the profile's tag. libsrtp opens what AESGCM sealed."""
    client, server = pair(profile)
    for sender, receiver in ((client, server), (server, client)):
        sealed = sender.seal_rtp(header(7), b"payload", 7)
        assert len(sealed) == 12 + 7 + profile.tag
        assert receiver.open_rtp(sealed) == header(7) + b"payload"
        compound = struct.pack("!BBHI", 0x80, 201, 1, 9)
        assert receiver.open_rtcp(sender.seal_rtcp(compound)) == compound


@pytest.mark.parametrize("profile", PROFILES)
def test_the_rollover_counter_is_followed(profile: SrtpProfile) -> None:
    """Over two wraps of the sequence, with 1 of 100 packets."""
    client, server = pair(profile)
    for index in range(60_000, 200_000, 100):
        assert server.open_rtp(client.seal_rtp(header(index), b"x", index)) is not None, index


@pytest.mark.parametrize("profile", PROFILES)
def test_a_replay_is_refused_and_a_late_packet_within_the_window_is_not(profile: SrtpProfile) -> None:
    """The window is 1024 packets: OBS repeats packets late on the same SSRC (P17)."""
    client, server = pair(profile)
    sealed = [client.seal_rtp(header(n), b"x", n) for n in range(1, 1200)]
    for packet in sealed[900:]:
        assert server.open_rtp(packet) is not None
    assert server.open_rtp(sealed[950]) is None
    assert server.open_rtp(sealed[300]) is not None
    assert server.open_rtp(sealed[300]) is None
    assert server.open_rtp(sealed[10]) is None


@pytest.mark.parametrize("profile", PROFILES)
def test_the_same_packet_may_be_sealed_again(profile: SrtpProfile) -> None:
    """A retransmission is bit for bit the first one: no nonce is used for two texts."""
    client, _server = pair(profile)
    first = client.seal_rtp(header(7), b"payload", 7)
    for n in range(8, 50):
        client.seal_rtp(header(n), b"other", n)
    assert client.seal_rtp(header(7), b"payload", 7) == first


def test_without_aead_packets_of_the_whole_history_can_be_sealed_again() -> None:
    """Up to REPEATABLE packets back; libsrtp's own window would be 1024."""
    client, _server = pair(PROFILES[2])
    first = client.protect(header(1) + b"x")
    for n in range(2, REPEATABLE):
        client.protect(header(n) + b"x")
    assert client.protect(header(1) + b"x") == first


@settings(max_examples=60)
@given(st.integers(0, 34), st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_refused(byte: int, bit: int) -> None:
    """Of RTP and of RTCP: nothing gets in that the peer did not send."""
    client, server = pair(PROFILES[0])
    for sealed, opened in (
        (client.seal_rtp(header(7), b"payload", 7), server.open_rtp),
        (client.seal_rtcp(struct.pack("!BBHII", 0x80, 201, 2, 9, 8)), server.open_rtcp),
    ):
        at = byte % len(sealed)
        damaged = sealed[:at] + bytes((sealed[at] ^ 1 << bit,)) + sealed[at + 1 :]
        assert opened(damaged) is None


@given(st.binary(max_size=2000))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    """Short, long, whatever: None, never an exception."""
    _client, server = pair(PROFILES[2])
    assert server.open_rtp(data) is None
    assert server.open_rtcp(data) is None


def test_large_packets_are_sealed_without_aead_too() -> None:
    """Its own protect() stops at 1356 bytes; some encoders send 1460."""
    client, server = pair(PROFILES[2])
    assert server.open_rtp(client.protect(header(1) + bytes(1450))) == header(1) + bytes(1450)


def test_the_private_names_of_pylibsrtp_that_we_use_exist() -> None:
    """An upgrade that moves them fails here and not on the packet path."""
    assert pylibsrtp.__version__ == "1.0.0"
    session = pylibsrtp.Session()
    assert session._srtp[0]
    assert pylibsrtp._binding.lib.srtp_protect


def test_keys_are_not_in_a_repr() -> None:
    """A log line with the keys would be a log line with the media."""
    keys = replace(split(PROFILES[0], MATERIAL, client=True))
    assert isinstance(keys, SrtpKeys)
    assert "\\x" not in repr(keys)
    assert "send" not in repr(keys)
