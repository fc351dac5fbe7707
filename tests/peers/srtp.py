"""SRTP and SRTCP for one direction of one session: AEAD_AES_128_GCM in this file, AES_CM by libsrtp.

GCM follows RFC 7714 with the key derivation of RFC 3711, section 4.3, written anew here so that a server that uses
libsrtp is checked by something else. A receiver is given the packet's extended index by its caller, who keeps the
sequence state; replays are therefore the caller's to see (it counts them).
"""

import struct
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pylibsrtp import Error, Policy, Session

from tests.peers.dtls import Keys, Profile


class Unauthentic(Exception):  # noqa: N818 - a fact about a packet, not a bug
    """A packet whose tag does not verify."""


class Sender(Protocol):
    """Protects what we send."""

    def rtp(self, header: bytes, payload: bytes, index: int) -> bytes:
        """An SRTP packet; *index* is ROC << 16 | sequence number."""
        ...

    def rtcp(self, packet: bytes) -> bytes:
        """An SRTCP packet of a (compound) RTCP packet."""
        ...


class Receiver(Protocol):
    """Opens what the peer sent."""

    def rtp(self, packet: memoryview, header: int, ssrc: int, index: int) -> bytes:
        """The payload of an SRTP packet whose header is *header* octets long; raises Unauthentic."""
        ...

    def rtcp(self, packet: memoryview) -> bytes:
        """The RTCP packet in an SRTCP packet; raises Unauthentic."""
        ...


def sender(keys: Keys) -> Sender:
    """What protects our side."""
    if keys.profile is Profile.GCM:
        return GcmSender(keys.local_key, keys.local_salt)
    return CmSender(keys.local_key + keys.local_salt)


def receiver(keys: Keys) -> Receiver:
    """What opens the peer's side."""
    if keys.profile is Profile.GCM:
        return GcmReceiver(keys.remote_key, keys.remote_salt)
    return CmReceiver(keys.remote_key + keys.remote_salt)


def derive(key: bytes, salt: bytes, label: int, length: int) -> bytes:
    """A session key or salt (RFC 3711, section 4.3.1; a 96-bit salt is padded as RFC 7714, section 11 says)."""
    x = int.from_bytes(salt.ljust(14, b"\0"), "big") ^ (label << 48)
    stream = Cipher(algorithms.AES(key), modes.CTR((x << 16).to_bytes(16, "big"))).encryptor()
    return stream.update(bytes(length))


class _Gcm:
    """The four session secrets of one direction."""

    def __init__(self, key: bytes, salt: bytes) -> None:
        self._rtp = AESGCM(derive(key, salt, 0, 16))
        self._rtp_salt = int.from_bytes(derive(key, salt, 2, 12), "big")
        self._rtcp = AESGCM(derive(key, salt, 3, 16))
        self._rtcp_salt = int.from_bytes(derive(key, salt, 5, 12), "big")

    def _rtcp_nonce(self, ssrc: bytes, index: int) -> bytes:
        return ((int.from_bytes(ssrc, "big") << 48 | index) ^ self._rtcp_salt).to_bytes(12, "big")


class GcmSender(_Gcm):
    """AEAD_AES_128_GCM, outgoing."""

    _index = -1

    def rtp(self, header: bytes, payload: bytes, index: int) -> bytes:
        """See Sender."""
        nonce = ((int.from_bytes(header[8:12], "big") << 48 | index) ^ self._rtp_salt).to_bytes(12, "big")
        return header + self._rtp.encrypt(nonce, payload, header)

    def rtcp(self, packet: bytes) -> bytes:
        """See Sender."""
        self._index += 1
        word = struct.pack("!I", 0x80000000 | self._index)
        nonce = self._rtcp_nonce(packet[4:8], self._index)
        return packet[:8] + self._rtcp.encrypt(nonce, packet[8:], packet[:8] + word) + word


class GcmReceiver(_Gcm):
    """AEAD_AES_128_GCM, incoming."""

    def rtp(self, packet: memoryview, header: int, ssrc: int, index: int) -> bytes:
        """See Receiver."""
        try:
            nonce = ((ssrc << 48 | index) ^ self._rtp_salt).to_bytes(12, "big")
            return self._rtp.decrypt(nonce, packet[header:], packet[:header])
        except (InvalidTag, OverflowError, ValueError) as error:
            raise Unauthentic from error

    def rtcp(self, packet: memoryview) -> bytes:
        """See Receiver."""
        head, word = bytes(packet[:8]), bytes(packet[-4:])
        index = int.from_bytes(word, "big") & 0x7FFFFFFF
        try:
            body = self._rtcp.decrypt(self._rtcp_nonce(head[4:], index), packet[8:-4], head + word)
        except (InvalidTag, ValueError) as error:
            raise Unauthentic from error
        return head + body


class CmSender:
    """AES_CM_128_HMAC_SHA1_80, outgoing, by libsrtp (which keeps the index itself)."""

    def __init__(self, key: bytes) -> None:
        self._session = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND))

    def rtp(self, header: bytes, payload: bytes, index: int) -> bytes:
        """See Sender."""
        del index
        return bytes(self._session.protect(header + payload))

    def rtcp(self, packet: bytes) -> bytes:
        """See Sender."""
        return bytes(self._session.protect_rtcp(packet))


class CmReceiver:
    """AES_CM_128_HMAC_SHA1_80, incoming, by libsrtp (which refuses replays itself)."""

    def __init__(self, key: bytes) -> None:
        self._session = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND))

    def rtp(self, packet: memoryview, header: int, ssrc: int, index: int) -> bytes:
        """See Receiver."""
        del ssrc, index
        try:
            return bytes(self._session.unprotect(bytes(packet)))[header:]
        except Error as error:
            raise Unauthentic from error

    def rtcp(self, packet: memoryview) -> bytes:
        """See Receiver."""
        try:
            return bytes(self._session.unprotect_rtcp(bytes(packet)))
        except Error as error:
            raise Unauthentic from error
