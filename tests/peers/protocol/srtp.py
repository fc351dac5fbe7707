"""SRTP and SRTCP for one direction of one session: AEAD_AES_128_GCM and AES_CM_128_HMAC_SHA1_80.

RFC 3711 and RFC 7714, written anew here so that a server that uses libsrtp is checked by something else, and without its
replay window: the caller keeps the sequence state, and wants to see and count what comes twice.
"""

import hashlib
import hmac
import struct
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.peers.protocol.dtls import Keys, Profile


class Unauthentic(Exception):  # noqa: N818 - a fact about a packet, not a bug
    """A packet whose tag does not verify."""


class Sender(Protocol):
    """Protects the RTP and RTCP that we send."""

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
    """The `Sender` for our side's keys and profile."""
    if keys.profile is Profile.GCM:
        return GcmSender(keys.local_key, keys.local_salt)
    return CmSender(keys.local_key, keys.local_salt)


def receiver(keys: Keys) -> Receiver:
    """What opens the peer's side."""
    if keys.profile is Profile.GCM:
        return GcmReceiver(keys.remote_key, keys.remote_salt)
    return CmReceiver(keys.remote_key, keys.remote_salt)


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
    """Protects with AEAD_AES_128_GCM (RFC 7714)."""

    _index = -1

    def rtp(self, header: bytes, payload: bytes, index: int) -> bytes:
        """Protect one RTP packet; see `Sender`."""
        nonce = ((int.from_bytes(header[8:12], "big") << 48 | index) ^ self._rtp_salt).to_bytes(12, "big")
        return header + self._rtp.encrypt(nonce, payload, header)

    def rtcp(self, packet: bytes) -> bytes:
        """Protect one RTCP packet; see `Sender`."""
        self._index += 1
        word = struct.pack("!I", 0x80000000 | self._index)
        nonce = self._rtcp_nonce(packet[4:8], self._index)
        return packet[:8] + self._rtcp.encrypt(nonce, packet[8:], packet[:8] + word) + word


class GcmReceiver(_Gcm):
    """Opens what AEAD_AES_128_GCM protects (RFC 7714)."""

    def rtp(self, packet: memoryview, header: int, ssrc: int, index: int) -> bytes:
        """Open one RTP packet; see `Receiver`."""
        try:
            nonce = ((ssrc << 48 | index) ^ self._rtp_salt).to_bytes(12, "big")
            return self._rtp.decrypt(nonce, packet[header:], packet[:header])
        except (InvalidTag, OverflowError, ValueError) as error:
            raise Unauthentic from error

    def rtcp(self, packet: memoryview) -> bytes:
        """Open one RTCP packet; see `Receiver`."""
        head, word = bytes(packet[:8]), bytes(packet[-4:])
        index = int.from_bytes(word, "big") & 0x7FFFFFFF
        try:
            body = self._rtcp.decrypt(self._rtcp_nonce(head[4:], index), packet[8:-4], head + word)
        except (InvalidTag, ValueError) as error:
            raise Unauthentic from error
        return head + body


class _Cm:
    """The six session secrets of one direction."""

    def __init__(self, key: bytes, salt: bytes) -> None:
        self._keys = derive(key, salt, 0, 16), derive(key, salt, 3, 16)
        self._tags = derive(key, salt, 1, 20), derive(key, salt, 4, 20)
        self._salts = tuple(int.from_bytes(derive(key, salt, label, 14), "big") << 16 for label in (2, 5))

    def _crypt(self, what: int, ssrc: int, index: int, data: bytes) -> bytes:
        """Counter mode (RFC 3711, section 4.1.1); *what* is 0 for RTP, 1 for RTCP."""
        start = (self._salts[what] ^ ssrc << 64 ^ index << 16).to_bytes(16, "big")
        return Cipher(algorithms.AES(self._keys[what]), modes.CTR(start)).encryptor().update(data)

    def _tag(self, what: int, data: bytes) -> bytes:
        return hmac.new(self._tags[what], data, hashlib.sha1).digest()[:10]


class CmSender(_Cm):
    """Protects with AES_CM_128_HMAC_SHA1_80 (RFC 3711)."""

    _index = -1

    def rtp(self, header: bytes, payload: bytes, index: int) -> bytes:
        """Protect one RTP packet; see `Sender`."""
        packet = header + self._crypt(0, int.from_bytes(header[8:12], "big"), index, payload)
        return packet + self._tag(0, packet + (index >> 16).to_bytes(4, "big"))

    def rtcp(self, packet: bytes) -> bytes:
        """Protect one RTCP packet; see `Sender`."""
        self._index += 1
        body = self._crypt(1, int.from_bytes(packet[4:8], "big"), self._index, packet[8:])
        protected = packet[:8] + body + struct.pack("!I", 0x80000000 | self._index)
        return protected + self._tag(1, protected)


class CmReceiver(_Cm):
    """Opens what AES_CM_128_HMAC_SHA1_80 protects (RFC 3711)."""

    def rtp(self, packet: memoryview, header: int, ssrc: int, index: int) -> bytes:
        """Open one RTP packet; see `Receiver`."""
        whole, tag = bytes(packet[:-10]), bytes(packet[-10:])
        if index < 0 or not hmac.compare_digest(self._tag(0, whole + (index >> 16).to_bytes(4, "big")), tag):
            raise Unauthentic
        return self._crypt(0, ssrc, index, whole[header:])

    def rtcp(self, packet: memoryview) -> bytes:
        """Open one RTCP packet; see `Receiver`."""
        whole, tag = bytes(packet[:-10]), bytes(packet[-10:])
        if not hmac.compare_digest(self._tag(1, whole), tag):
            raise Unauthentic
        index = int.from_bytes(whole[-4:], "big") & 0x7FFFFFFF
        return whole[:8] + self._crypt(1, int.from_bytes(whole[4:8], "big"), index, whole[8:-4])
