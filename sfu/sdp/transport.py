"""What the accepted sections of an offer say of their one transport: BUNDLE, ICE credentials, DTLS fingerprint and role.

All media of a session shares one 5-tuple of one UDP port, so sections that cannot be bundled, or whose RTCP is not
multiplexed, cannot be served (RFC 9725, section 4.4.1).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sfu.negotiation import DtlsRole, Fingerprint, IceCredentials
from sfu.sdp.offer import Offer, OfferedSection
from shared.refusals import Refused, unsupported_offer

T = TypeVar("T")

_DIGEST_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
"""What DTLS can check here; SHA-1 and MD5 are no evidence of a certificate any more."""
_HEX_PAIRS = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})*")
# RFC 8839 has letters, digits, `+` and `/`; the other four Chromium takes too, and some servers' and bots' libraries make them.
_UFRAG = re.compile(r"[A-Za-z0-9+/=_#-]{4,256}")
_PWD = re.compile(r"[A-Za-z0-9+/=_#-]{22,256}")
_ROLES = {
    "actpass": DtlsRole.SERVER,
    "active": DtlsRole.SERVER,
    # FFmpeg's default. RFC 9725 has only actpass and active, and an ICE-lite server may well be the DTLS client.
    "passive": DtlsRole.CLIENT,
}


@dataclass(frozen=True, slots=True)
class RemoteTransport:
    """What an offer says of the client's side of the transport, and the DTLS role that follows for ours."""

    credentials: IceCredentials
    fingerprints: tuple[Fingerprint, ...]
    role: DtlsRole
    """Our role, not the client's."""


def remote_transport(offer: Offer, accepted: Sequence[OfferedSection]) -> RemoteTransport | Refused:
    """The one transport of *accepted* (never empty); the first of them heads our BUNDLE group (RFC 9143, 7.3.3)."""
    refused = _not_bundled(offer, accepted)
    if refused is not None:
        return refused
    speakers = _speakers(offer, accepted)
    ufrag, pwd = _stated(speakers, lambda s: s.ufrag), _stated(speakers, lambda s: s.pwd)
    if ufrag is None or pwd is None:
        return unsupported_offer("The offer has no ICE credentials (a=ice-ufrag and a=ice-pwd).")
    if not _UFRAG.fullmatch(ufrag) or not _PWD.fullmatch(pwd):
        return unsupported_offer(
            "The ICE credentials are not usable: a=ice-ufrag has 4 and a=ice-pwd 22 letters and digits at least (+/=_#- too)."
        )
    lines = _stated(speakers, lambda s: s.fingerprints or None) or ()
    fingerprints = tuple(filter(None, map(_fingerprint, lines)))
    if not fingerprints:
        return unsupported_offer("The offer has no usable a=fingerprint. Offer one of sha-256, sha-384 or sha-512.")
    # Without a=setup the offerer is active (RFC 4145, section 4).
    role = _ROLES.get((_stated(speakers, lambda s: s.setup) or "active").lower())
    if role is None:
        return unsupported_offer("The offer's a=setup must be actpass, active or passive.")
    return RemoteTransport(IceCredentials(ufrag, pwd), fingerprints, role)


def credentials_usable(credentials: IceCredentials) -> bool:
    """Whether a browser would take them (RFC 8839, section 5.4, and a little more)."""
    return bool(_UFRAG.fullmatch(credentials.ufrag) and _PWD.fullmatch(credentials.pwd))


def _not_bundled(offer: Offer, accepted: Sequence[OfferedSection]) -> Refused | None:
    mids = [section.mid for section in offer.sections if section.mid is not None]
    if len(set(mids)) != len(mids):
        return unsupported_offer("Two media sections have the same a=mid.")
    if len(accepted) > 1 and not all(section.mid in (offer.bundle or ()) for section in accepted):
        return unsupported_offer("All media must be bundled on one transport: add a=group:BUNDLE with every a=mid.")
    if not all(section.rtcp_mux for section in accepted):
        return unsupported_offer("RTP and RTCP must share one port: add a=rtcp-mux to every media section.")
    return None


def _speakers(offer: Offer, accepted: Sequence[OfferedSection]) -> tuple[OfferedSection, ...]:
    """The sections whose word on the transport counts, the first first: the tagged one speaks for all that are bundled with
    it, whether it is accepted or not (RFC 9143, section 7.2); where it says nothing, so does any other.
    """
    tagged = offer.tagged
    bundled = tagged is not None and any(section.mid in (offer.bundle or ()) for section in accepted)
    return (*([tagged] if tagged is not None and bundled else []), *accepted, *offer.sections)


def _stated(speakers: Sequence[OfferedSection], read: Callable[[OfferedSection], T | None]) -> T | None:
    """The first statement that there is."""
    return next((value for section in speakers if (value := read(section)) is not None), None)


def _fingerprint(line: str) -> Fingerprint | None:
    words = line.split()
    algorithm, value = (words[0].lower(), words[1]) if len(words) == 2 else ("", "")
    if not _HEX_PAIRS.fullmatch(value) or len(value) != 3 * _DIGEST_BYTES.get(algorithm, 0) - 1:
        return None
    return Fingerprint(algorithm, value.upper())
