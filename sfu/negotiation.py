"""What an offer and our answer agreed on: the seam between signalling (SDP, HTTP) and the media plane.

Frozen values only. Signalling makes a `Negotiated` from an offer; the media plane acts on it and never sees SDP.
Nothing here knows about HTTP, sockets or accounts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Kind = Literal["audio", "video"]


class DtlsRole(StrEnum):
    """Who sends the ClientHello; from the offer's `a=setup` (RFC 5763, section 5)."""

    CLIENT = "client"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """One side's short-term credentials (RFC 8445, section 5.3)."""

    ufrag: str
    pwd: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A certificate's digest as `a=fingerprint` prints it, for example `sha-256` and `AB:CD:…`."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host candidate that we announce: an address and port where the one UDP socket can be reached."""

    address: str
    port: int


MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the media plane really does, so that no answer promises more (docs/conformance.md, P14, and P19 there)."""

    publish_extensions: frozenset[str] = frozenset({MID, RID, REPAIRED_RID, TRANSPORT_CC})
    """Header extensions that are read from publishers."""
    play_extensions: frozenset[str] = frozenset()
    """Header extensions that are written for viewers. None: the answer's SSRCs are enough to tell tracks apart."""
    remb: bool = True
    """REMB is sent to publishers that offer `goog-remb` and no `transport-cc`."""
    transport_cc: bool = True
    """Transport-wide feedback is sent to publishers that offer it and its header extension. Viewers never negotiate it:
    nothing here would act on what they report."""
    publish_rtx: bool = True
    play_rtx: bool = True
    simulcast: bool = True


@dataclass(frozen=True, slots=True)
class LocalEndpoint:
    """What every answer prints about this node: certificate, addresses, and what it can do."""

    fingerprints: tuple[Fingerprint, ...]
    candidates: tuple[Candidate, ...]
    capabilities: Capabilities = field(default_factory=Capabilities)


@dataclass(frozen=True, slots=True)
class Codec:
    """A media format without its payload type, as both sides of a node may know it.

    `parameters` are the `a=fmtp` pairs as offered (publisher) or as they shall be answered (viewer).
    """

    name: str
    """Canonical upper-case encoding name: H264, VP8, VP9, AV1, H265, OPUS, PCMU, PCMA, G722, MULTIOPUS."""
    clock_rate: int
    channels: int = 1
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Media:
    """One accepted m= section: one codec, the only one that the answer names (docs/conformance.md, P12)."""

    mid: str
    kind: Kind
    codec: Codec
    payload_type: int
    rtx_payload_type: int | None = None
    """Set when RTX (RFC 4588) was negotiated with this peer."""
    extensions: Mapping[str, int] = field(default_factory=dict)
    """Accepted header extensions: URI -> id, the offer's ids (RFC 8285)."""
    nack: bool = False
    """Generic NACK may be sent and is expected (`a=rtcp-fb:* nack`)."""
    pli: bool = False
    fir: bool = False
    remb: bool = False
    transport_cc: bool = False
    ssrcs: tuple[int, ...] = ()
    """Publisher: the primary SSRCs that the offer announces (may be empty: learn from the wire). Viewer: empty."""
    rtx_ssrcs: Mapping[int, int] = field(default_factory=dict)
    """Publisher: repair SSRC -> primary SSRC, from `a=ssrc-group:FID`."""
    rids: tuple[str, ...] = ()
    """Publisher: simulcast layers in the order of `a=simulcast` (RFC 8853), or empty."""
    ssrc: int | None = None
    """Viewer: the SSRC that our answer announces for this track."""
    rtx_ssrc: int | None = None
    """Viewer: the SSRC for our RTX stream, when negotiated."""
    reduced_size: bool = False
    """The peer offered `a=rtcp-rsize`: RTCP feedback may travel alone (RFC 5506)."""


@dataclass(frozen=True, slots=True)
class Negotiated:
    """Everything the media plane needs of one accepted offer and its answer."""

    answer: str = field(repr=False)  # it holds our ICE password
    """The SDP answer as sent: CRLF line ends."""
    local: IceCredentials
    remote: IceCredentials
    remote_fingerprints: tuple[Fingerprint, ...]
    dtls_role: DtlsRole
    """Our role in the DTLS handshake."""
    media: tuple[Media, ...]
    """Accepted sections in the order of the offer; rejected ones are only in `answer`."""
    cname: str = ""
    """Viewer: the CNAME that the answer announces, for SDES (one for all tracks, RFC 8834, section 4.9)."""
    hears_close: bool = True
    """Whether the peer understands a close_notify; FFmpeg's WHIP muxer waits for ever after one."""


@dataclass(frozen=True, slots=True)
class SourceTrack:
    """What a live stream carries in one kind, as a viewer's negotiation needs to know it."""

    kind: Kind
    codec: Codec
    """The publisher's codec; the profile of H264 is the one that its SPS states, once that was seen (docs/conformance.md, P10)."""


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """What a live stream carries now: at most one track a kind."""

    tracks: tuple[SourceTrack, ...]
