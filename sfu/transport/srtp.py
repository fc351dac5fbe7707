"""SRTP and SRTCP for one session (RFC 3711, RFC 7714). The only module that touches pylibsrtp.

Receiving, and everything but the hot path of sending, is libsrtp. RTP to viewers under AES-GCM is sealed by
sfu/media/sealing.py, in C or with cryptography's AESGCM: 0.23 or 0.7 us a packet against 1.6 us through pylibsrtp.
SrtpKeys never leave the objects here, and have no repr.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import pylibsrtp
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pylibsrtp import Policy, Session, _binding
from pylibsrtp._binding import ffi, lib

from sfu.native.fanout import Fanout, NativeDestination

OPENSSL: Final[str] = _binding.__file__
"""A library with an OpenSSL of its own inside, whose symbols can be found: that of pylibsrtp's wheels."""

WINDOW: Final = 1024
"""Packets that a replay window reaches back: OBS repeats packets on the same SSRC, and libsrtp's default of 128 would drop them."""

SEND_WINDOW: Final = 0x4000
"""How far back libsrtp seals a packet again. Beyond it `protect` raises: what is repeated is younger than REPEATABLE."""
REPEATABLE: Final = SEND_WINDOW - 1024


@dataclass(frozen=True, slots=True)
class SrtpProfile:
    """A DTLS-SRTP protection profile (RFC 5764, section 4.1.2; RFC 7714, section 14.2)."""

    name: bytes
    """The name that OpenSSL has for it."""
    number: int
    """The number that libsrtp has for it."""
    key: int
    """Bytes of the master key."""
    salt: int
    """Bytes of the master salt."""
    tag: int
    """Bytes that protection adds to an RTP packet."""
    aead: bool
    """Whether encryption authenticates too (AES-GCM)."""


PROFILES: Final = (
    SrtpProfile(b"SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12, 16, aead=True),
    SrtpProfile(b"SRTP_AEAD_AES_256_GCM", Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12, 16, aead=True),
    SrtpProfile(b"SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14, 10, aead=False),
)
"""In the order of our preference: the first that the peer knows too is used. FFmpeg knows only the last."""


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """The master key and salt of each direction, as a DTLS handshake exported them."""

    profile: SrtpProfile
    send: bytes = field(repr=False)
    receive: bytes = field(repr=False)


def split(profile: SrtpProfile, material: bytes, *, client: bool) -> SrtpKeys:
    """The keys in *material*, which DTLS exported (RFC 5764, section 4.2): both keys, then both salts, the client's first.

    *client*: we were the DTLS client, whose keys are for what we send.
    """
    k, s = profile.key, profile.salt
    of_client = material[:k] + material[2 * k : 2 * k + s]
    of_server = material[k : 2 * k] + material[2 * k + s : 2 * k + 2 * s]
    return SrtpKeys(profile, of_client, of_server) if client else SrtpKeys(profile, of_server, of_client)


def derive(master: bytes, salt: bytes, label: int, size: int) -> bytes:
    """The session key of *size* bytes for *label* (RFC 3711, section 4.3.3; RFC 7714, section 11 pads a 12-byte salt)."""
    start = int.from_bytes(salt.ljust(14, b"\0"), "big") ^ label << 48
    counter = start.to_bytes(14, "big") + b"\0\0"
    # Not encryption: AES in counter mode is the key derivation function that the RFC prescribes.
    stream = Cipher(algorithms.AES(master), modes.CTR(counter)).encryptor()
    return stream.update(bytes(size))


class Protection:
    """Encrypts what one session sends, and verifies and decrypts what it receives.

    With *fanout*, the compiled sender, it can also hand out its key for that (`native_destination`).
    """

    __slots__ = ("_cipher", "_fanout", "_receive", "_send", "encrypt", "profile", "protect", "salt")

    def __init__(self, keys: SrtpKeys, fanout: Fanout | None = None) -> None:
        self.profile = keys.profile
        self._receive = _session(keys.profile, keys.receive, Policy.SSRC_ANY_INBOUND)
        self._send = _session(keys.profile, keys.send, Policy.SSRC_ANY_OUTBOUND)
        master, salt = keys.send[: keys.profile.key], keys.send[keys.profile.key :]
        key = derive(master, salt, 0, keys.profile.key)
        self.encrypt = AESGCM(key).encrypt if keys.profile.aead else None
        """AEAD only: `encrypt(nonce, payload, header)`; the nonce is `nonce_base ^ salt`, see `nonce_base()`."""
        self.salt = int.from_bytes(derive(master, salt, 2, 12), "big")
        self._fanout = fanout if keys.profile.aead else None
        self._cipher = None if self._fanout is None else self._fanout.cipher(key)
        self.protect = _protector(self._send)
        """One RTP packet through libsrtp, which keeps the rollover counter itself: the hot path without AEAD."""

    def native_destination(self) -> NativeDestination | None:
        """The session's key for the compiled sender; None without AEAD, or where there is no compiled sender."""
        if self._fanout is None or self._cipher is None:
            return None
        return self._fanout.destination(self._cipher, self.salt.to_bytes(12, "big"))

    def open_rtp(self, packet: bytes) -> bytes | None:
        """The RTP packet in an SRTP *packet*; None where it is not authentic, or a replay."""
        try:
            return self._receive.unprotect(packet)
        except (pylibsrtp.Error, ValueError):
            return None

    def open_rtcp(self, packet: bytes) -> bytes | None:
        """The RTCP compound in an SRTCP *packet*; None where it is not authentic, or a replay."""
        try:
            return self._receive.unprotect_rtcp(packet)
        except (pylibsrtp.Error, ValueError):
            return None

    def seal_rtp(self, header: bytes, payload: bytes, index: int) -> bytes:
        """The SRTP packet of *header* and *payload*; *index* is rollover counter and sequence number in 48 bits."""
        if self.encrypt is None:
            return self.protect(header + payload)
        nonce = (nonce_base(int.from_bytes(header[8:12], "big"), index) ^ self.salt).to_bytes(12, "big")
        return header + self.encrypt(nonce, payload, header)

    def seal_rtcp(self, compound: bytes) -> bytes:
        """The SRTCP packet of an RTCP *compound*."""
        return self._send.protect_rtcp(compound)


def nonce_base(ssrc: int, index: int) -> int:
    """The packet's part of the AEAD nonce (RFC 7714, section 8.1): the same for all viewers of a profile."""
    return ssrc << 48 | index


def _protector(session: Session) -> Callable[[bytes], bytes]:
    """As `session.protect`, without its limit of 1356 bytes a packet, and a third faster: no allocation a packet."""
    size = ffi.new("int *")
    memory = ffi.new("char[]", 2304)
    view = ffi.buffer(memory)
    context = session._srtp[0]  # noqa: SLF001 - the pinned version's; tests/sfu/transport/test_srtp.py holds that it exists
    protect, done = lib.srtp_protect, lib.srtp_err_status_ok

    def sealed(packet: bytes, _owner: Session = session) -> bytes:
        length = size[0] = len(packet)
        view[0:length] = packet
        if protect(context, memory, size) != done:
            raise pylibsrtp.Error("libsrtp would not protect a packet")
        protected: bytes = view[0 : size[0]]
        return protected

    return sealed


def _session(profile: SrtpProfile, key: bytes, direction: int) -> Session:
    policy = Policy(key=key, ssrc_type=direction, srtp_profile=profile.number)
    policy.window_size = WINDOW if direction == Policy.SSRC_ANY_INBOUND else SEND_WINDOW
    policy.allow_repeat_tx = True
    return Session(policy)
