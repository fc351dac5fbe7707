"""Prints answers: decisions in, SDP text out, CRLF line ends and all (RFC 8866; RFC 9429, section 5.3).

Every accepted section states the transport, the first of them alone the candidates; then every client finds them,
whether it reads all sections or only the first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from sfu.negotiation import Candidate, Codec, DtlsRole, IceCredentials, LocalEndpoint, Media
from sfu.sdp.offer import Format, Offer, OfferedSection

ICE_OPTIONS = "a=ice-options:trickle ice2"
END_OF_CANDIDATES = "a=end-of-candidates"
_SETUP = {DtlsRole.CLIENT: "active", DtlsRole.SERVER: "passive"}
_REVERSED = {"sendonly": "recvonly", "recvonly": "sendonly"}


@dataclass(frozen=True, slots=True)
class AcceptedSection:
    """An accepted section: what was offered, and what was agreed."""

    offered: OfferedSection
    media: Media
    direction: str


@dataclass(frozen=True, slots=True)
class InactiveSection:
    """A section that carries no media and cannot be rejected, because it speaks for the transport of the others."""

    index: int
    format: Format
    """Any format of the offered section: an m= line needs one, and no media comes of it."""


@dataclass(frozen=True, slots=True)
class OurTransport:
    """What an answer says of our side of the transport, and of what we send, in one session."""

    local: LocalEndpoint
    credentials: IceCredentials
    role: DtlsRole
    stream: str = ""
    """MediaStream id and CNAME of what we send, one for both kinds (docs/conformance.md, P22); empty where we send nothing."""
    max_kbps: int = 0
    """What a publisher may send, video included; 0: not stated."""


def render_answer(
    offer: Offer, accepted: Mapping[int, AcceptedSection], ours: OurTransport, inactive: InactiveSection | None = None
) -> str:
    """The answer to *offer*, in which *accepted* are the accepted sections by index and all others but *inactive* are rejected."""
    # A session id that tells sessions apart and nothing else; the version never rises, because nobody renegotiates.
    lines = ["v=0", f"o=- {crc32(ours.credentials.ufrag.encode()) + 1} 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    used = {
        offer.sections[index].mid: index
        for index in sorted((*accepted, *([] if inactive is None else [inactive.index])))
    }
    if offer.bundle is not None:
        # In the order of the offer: the first is the tagged section here as there (RFC 9143, section 7.3.1).
        mids = [mid for mid in dict.fromkeys(offer.bundle) if mid in used]
        lines.append("a=group:BUNDLE" + "".join(f" {mid}" for mid in mids))
        used = {mid: used[mid] for mid in mids} or used
    lines += ["a=msid-semantic:WMS *", "a=ice-lite", ICE_OPTIONS]
    tagged = next(iter(used.values()), None)
    for index, section in enumerate(offer.sections):
        entry = accepted.get(index)
        if entry is not None:
            lines += _accepted(entry, ours, tagged=index == tagged)
        elif inactive is not None and inactive.index == index:
            lines += _inactive(section, inactive.format, ours)
        else:
            lines += _rejected(section)
    return crlf(lines)


def crlf(lines: Iterable[str]) -> str:
    """*lines* as one text. OBS, VDO.Ninja and medooze look for CRLF, after the last line too (docs/conformance.md, P24)."""
    return "".join(f"{line}\r\n" for line in lines)


def candidate_lines(candidates: Sequence[Candidate]) -> list[str]:
    """All our host candidates, IPv4 first: FFmpeg takes the first and no other."""
    ordered = sorted(candidates, key=lambda candidate: ":" in candidate.address)
    lines = []
    for place, candidate in enumerate(ordered):
        # RFC 8445, section 5.1.2.1, for a host candidate of component 1.
        priority = (126 << 24) + ((65535 - place) << 8) + 255
        lines.append(
            f"a=candidate:{place + 1} 1 udp {priority} {candidate.address} {candidate.port} typ host",
        )
    return [*lines, END_OF_CANDIDATES]


def _rejected(section: OfferedSection) -> list[str]:
    lines = [f"m={section.kind} 0 {section.protocol} {' '.join(section.raw_formats)}", "c=IN IP4 0.0.0.0"]
    return lines if section.mid is None else [*lines, f"a=mid:{section.mid}"]


def _inactive(section: OfferedSection, offered: Format, ours: OurTransport) -> list[str]:
    channels = f"/{offered.channels}" if offered.channels > 1 else ""
    return [
        f"m={section.kind} 9 {section.protocol} {offered.payload_type}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{section.mid}",
        "a=inactive",
        *_transport(ours),
        *candidate_lines(ours.local.candidates),
        f"a=rtpmap:{offered.payload_type} {offered.name}/{offered.clock_rate}{channels}",
    ]


def _accepted(entry: AcceptedSection, ours: OurTransport, *, tagged: bool) -> list[str]:
    offered, media = entry.offered, entry.media
    formats = [str(media.payload_type), *([str(media.rtx_payload_type)] if media.rtx_payload_type is not None else [])]
    lines = [f"m={offered.kind} 9 {offered.protocol} {' '.join(formats)}", "c=IN IP4 0.0.0.0"]
    if offered.kind == "video" and ours.max_kbps:
        lines.append(f"b=TIAS:{ours.max_kbps * 1000}")
    if offered.mid is not None:
        lines.append(f"a=mid:{offered.mid}")
    lines += [f"a={entry.direction}", *_transport(ours)]
    if tagged:
        lines += candidate_lines(ours.local.candidates)
    if media.reduced_size:
        lines.append("a=rtcp-rsize")
    lines += _extensions(entry)
    lines += _formats(media)
    lines += [f"a=rid:{rid} recv" for rid in media.rids]
    if media.rids:
        lines.append(f"a=simulcast:recv {';'.join(media.rids)}")
    return lines + _streams(media, ours.stream)


def _transport(ours: OurTransport) -> list[str]:
    return [
        "a=rtcp-mux",
        "a=rtcp-mux-only",
        f"a=ice-ufrag:{ours.credentials.ufrag}",
        f"a=ice-pwd:{ours.credentials.pwd}",
        *(f"a=fingerprint:{f.algorithm} {f.value}" for f in ours.local.fingerprints),
        f"a=setup:{_SETUP[ours.role]}",
    ]


def _extensions(entry: AcceptedSection) -> list[str]:
    lines = []
    for extension in entry.offered.extensions:
        if entry.media.extensions.get(extension.uri) == extension.id:
            reverse = _REVERSED.get(extension.direction)
            lines.append(f"a=extmap:{extension.id}{f'/{reverse}' if reverse else ''} {extension.uri}")
    return lines


def _formats(media: Media) -> list[str]:
    lines = _format(media.payload_type, media.codec)
    feedback = {
        "nack": media.nack,
        "nack pli": media.pli,
        "ccm fir": media.fir,
        "goog-remb": media.remb,
        "transport-cc": media.transport_cc,
    }
    lines += [f"a=rtcp-fb:{media.payload_type} {name}" for name, wanted in feedback.items() if wanted]
    if media.rtx_payload_type is not None:
        rtx = Codec("rtx", media.codec.clock_rate, 1, {"apt": str(media.payload_type)})
        lines += _format(media.rtx_payload_type, rtx)
    return lines


def _format(payload_type: int, codec: Codec) -> list[str]:
    # Names as RFC 7587 and friends register them; they are compared without case, but some players look for `opus`.
    name = codec.name.lower() if codec.name in ("OPUS", "MULTIOPUS") else codec.name
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    lines = [f"a=rtpmap:{payload_type} {name}/{codec.clock_rate}{channels}"]
    if codec.parameters:
        pairs = (f"{key}={value}" if value else key for key, value in codec.parameters.items())
        lines.append(f"a=fmtp:{payload_type} {';'.join(pairs)}")
    return lines


def _streams(media: Media, stream: str) -> list[str]:
    """What we send to a viewer: one stream, and for each SSRC a line of its own, or Chrome rejects the group (docs/conformance.md, P17)."""
    if media.ssrc is None:
        return []
    msid = f"msid:{stream} {media.kind}"
    lines = [f"a={msid}"]
    ssrcs = [media.ssrc]
    if media.rtx_ssrc is not None:
        ssrcs.append(media.rtx_ssrc)
        lines.append(f"a=ssrc-group:FID {media.ssrc} {media.rtx_ssrc}")
    for ssrc in ssrcs:
        lines += [f"a=ssrc:{ssrc} cname:{stream}", f"a=ssrc:{ssrc} {msid}"]
    return lines
