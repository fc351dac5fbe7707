import os

import pytest
from pylibsrtp import Policy, Session

from tests.peers.protocol import dtls, rtcp, srtp

HEADER = bytes((0x80, 0xE0)) + (65535).to_bytes(2, "big") + bytes(4) + b"\1\2\3\4"
SSRC = 0x01020304
PROFILES = list(dtls.Profile)


def keys(profile: dtls.Profile) -> tuple[dtls.Keys, dtls.Keys]:
    """The two sides' view of one set of keys."""
    salt = profile.salt_length
    a, b = (os.urandom(16), os.urandom(salt)), (os.urandom(16), os.urandom(salt))
    return dtls.Keys(profile, *a, *b), dtls.Keys(profile, *b, *a)


@pytest.mark.parametrize("profile", PROFILES)
def test_rtp_goes_round(profile: dtls.Profile) -> None:
    """What one side protects the other opens, over a wrap of the sequence number too."""
    ours, theirs = keys(profile)
    sender, receiver = srtp.sender(ours), srtp.receiver(theirs)
    wrapped = HEADER[:2] + bytes(2) + HEADER[4:]

    first = sender.rtp(HEADER, b"payload", 65535)
    second = sender.rtp(wrapped, b"after the wrap", 65536)

    assert receiver.rtp(memoryview(first), 12, SSRC, 65535) == b"payload"
    assert receiver.rtp(memoryview(second), 12, SSRC, 65536) == b"after the wrap"


@pytest.mark.parametrize("profile", PROFILES)
def test_rtcp_goes_round(profile: dtls.Profile) -> None:
    """A compound of two packets, twice: the index moves."""
    ours, theirs = keys(profile)
    sender, receiver = srtp.sender(ours), srtp.receiver(theirs)
    compound = rtcp.receiver_report(SSRC, []) + rtcp.source_description(SSRC, "peer")

    protected = [sender.rtcp(compound), sender.rtcp(compound)]

    assert protected[0] != protected[1]
    assert [receiver.rtcp(memoryview(packet)) for packet in protected] == [compound, compound]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_flipped_bit_is_noticed(profile: dtls.Profile) -> None:
    """In the header, the payload and the tag."""
    ours, theirs = keys(profile)
    packet = srtp.sender(ours).rtp(HEADER, b"payload", 65535)

    for at in (1, 14, len(packet) - 1):
        damaged = bytearray(packet)
        damaged[at] ^= 1
        with pytest.raises(srtp.Unauthentic):
            srtp.receiver(theirs).rtp(memoryview(damaged), 12, SSRC, 65535)


LIBSRTP = {
    dtls.Profile.GCM: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    dtls.Profile.CM: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}


@pytest.mark.parametrize("profile", PROFILES)
def test_libsrtp_agrees(profile: dtls.Profile) -> None:
    """Libsrtp opens what we protect and we open what it protects, RTP and RTCP."""
    ours, theirs = keys(profile)
    key, number = ours.local_key + ours.local_salt, LIBSRTP[profile]
    opener = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=number))
    other = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=number))
    sender, receiver = srtp.sender(ours), srtp.receiver(theirs)
    report = rtcp.receiver_report(SSRC, [])

    assert opener.unprotect(sender.rtp(HEADER, b"payload", 65535)) == HEADER + b"payload"
    assert opener.unprotect_rtcp(sender.rtcp(report)) == report
    assert receiver.rtp(memoryview(other.protect(HEADER + b"payload")), 12, SSRC, 65535) == b"payload"
    assert receiver.rtcp(memoryview(other.protect_rtcp(report))) == report


@pytest.mark.parametrize("profile", PROFILES)
def test_the_same_packet_may_come_twice(profile: dtls.Profile) -> None:
    """A repetition opens again: whether it is one is the caller's to say."""
    ours, theirs = keys(profile)
    packet = srtp.sender(ours).rtp(HEADER, b"payload", 65535)
    receiver = srtp.receiver(theirs)

    assert [receiver.rtp(memoryview(packet), 12, SSRC, 65535) for _ in range(2)] == [b"payload", b"payload"]
