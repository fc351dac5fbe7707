"""Answers offers: what of an offer is accepted, for a publisher and for a viewer (RFC 9725, section 4.4; WHEP draft, 4.5).

Pure: credentials and SSRCs are arguments. A publisher gets all or nothing, a viewer may get audio alone where its
browser cannot play the video. An answer promises only what `Capabilities` says that the media plane does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from sfu.negotiation import (
    TRANSPORT_CC,
    Capabilities,
    Codec,
    IceCredentials,
    Kind,
    LocalEndpoint,
    Media,
    Negotiated,
    SourceDescription,
)
from sfu.sdp import codecs
from sfu.sdp.offer import Offer, OfferedSection
from sfu.sdp.transport import remote_transport
from sfu.sdp.writer import AcceptedSection, InactiveSection, OurTransport, render_answer
from shared.refusals import Refused, unsupported_offer

_KINDS: Mapping[str, Kind] = {"audio": "audio", "video": "video"}
_FLOWS = {"publish": ("sendonly", "sendrecv"), "play": ("recvonly", "sendrecv")}


@dataclass(frozen=True, slots=True)
class ViewerSsrcs:
    """The SSRCs of what a viewer is sent (RFC 3550, section 8): four different numbers, none of them 0."""

    audio: int
    audio_rtx: int
    video: int
    video_rtx: int

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """SSRCs out of the first 16 bytes of *data*, made distinct and other than 0 whatever the bytes."""
        values: list[int] = []
        for start in range(0, 16, 4):
            value = int.from_bytes(data[start : start + 4])
            while value == 0 or value in values:
                value = (value + 1) % 2**32
            values.append(value)
        return cls(*values)

    def of(self, kind: Kind) -> tuple[int, int]:
        """The SSRC of the track of *kind*, and that of its RTX stream."""
        return (self.audio, self.audio_rtx) if kind == "audio" else (self.video, self.video_rtx)


def answer_publish(
    offer: Offer, local: LocalEndpoint, credentials: IceCredentials, *, max_kbps: int = 0
) -> Negotiated | Refused:
    """The answer to a WHIP offer: every section of audio and video is received, or none is (RFC 9725, section 4.4.3)."""
    wanted = _wanted(offer, "publish")
    if isinstance(wanted, Refused):
        return wanted
    accepted: dict[int, AcceptedSection] = {}
    for index, section, kind in wanted:
        choice = codecs.for_publisher(section)
        if choice is None:
            offered = codecs.names(section)
            return unsupported_offer(
                f"No {kind} codec of the offer can be forwarded. Offer one of {', '.join(_FORWARDED[kind])}.",
                media=kind,
                offered=offered,
                supported=list(_FORWARDED[kind]),
            )
        media = _publisher_media(section, kind, choice, local.capabilities)
        accepted[index] = AcceptedSection(section, media, "recvonly")
    return _negotiated(offer, accepted, local, credentials, max_kbps=max_kbps)


def answer_play(
    offer: Offer,
    source: SourceDescription,
    local: LocalEndpoint,
    credentials: IceCredentials,
    ssrcs: ViewerSsrcs,
    stream: str,
) -> Negotiated | Refused:
    """The answer to a WHEP offer: the tracks of *source* that the viewer asks for and can play."""
    wanted = _wanted(offer, "play")
    if isinstance(wanted, Refused):
        return wanted
    tracks = {track.kind: track for track in source.tracks}
    accepted: dict[int, AcceptedSection] = {}
    for index, section, kind in wanted:
        track = tracks.get(kind)
        choice = codecs.for_viewer(section, track.codec) if track else None
        if track and choice:
            media = _viewer_media(section, kind, choice, track.codec, local.capabilities, ssrcs)
            accepted[index] = AcceptedSection(section, media, "sendonly")
    if not accepted:
        return _nothing_in_common(wanted, source)
    return _negotiated(offer, accepted, local, credentials, stream=stream)


_FORWARDED: Mapping[Kind, Sequence[str]] = {
    "audio": ("opus", "PCMU", "PCMA", "G722"),
    "video": ("H264", "VP8", "VP9", "AV1", "H265"),
}

_Wanted = list[tuple[int, OfferedSection, Kind]]


def _wanted(offer: Offer, action: str) -> _Wanted | Refused:
    """The audio and the video section of *offer*, at most one of each, pointed the right way."""
    wanted: _Wanted = []
    for index, section in enumerate(offer.sections):
        kind = _KINDS.get(section.kind)
        # MediaMTX's reader always offers a data channel; a rejected section (port 0) is the answer to one.
        if kind is None or section.disabled:
            continue
        if "SAVP" not in section.protocol.upper():
            return unsupported_offer(f"Media must be encrypted: offer UDP/TLS/RTP/SAVPF, not {section.protocol}.")
        if any(kind == other for _, _, other in wanted):
            return unsupported_offer(f"The offer has more than one {kind} section. Offer one audio and one video.")
        if section.direction not in _FLOWS[action]:
            allowed = " or ".join(_FLOWS[action])
            return unsupported_offer(f"The {kind} section is {section.direction}. To {action}, offer {allowed}.")
        wanted.append((index, section, kind))
    return wanted or unsupported_offer("The offer has neither audio nor video. Offer one section of each.")


def _publisher_media(section: OfferedSection, kind: Kind, choice: codecs.Choice, can: Capabilities) -> Media:
    feedback = choice.format.feedback
    extensions = _extensions(section, can.publish_extensions, "sendonly")
    transport_cc = can.transport_cc and "transport-cc" in feedback and TRANSPORT_CC in extensions
    if not transport_cc:
        extensions.pop(TRANSPORT_CC, None)
    return Media(
        mid=section.mid or "",
        kind=kind,
        codec=codecs.publisher_codec(choice.format),
        payload_type=choice.format.payload_type,
        rtx_payload_type=choice.rtx.payload_type if choice.rtx and can.publish_rtx else None,
        extensions=extensions,
        nack="nack" in feedback,
        pli="nack pli" in feedback,
        fir="ccm fir" in feedback,
        # One way of congestion feedback, not two that contradict each other (P19).
        remb=can.remb and not transport_cc and "goog-remb" in feedback,
        transport_cc=transport_cc,
        ssrcs=section.ssrcs,
        rtx_ssrcs=section.repairs,
        rids=section.layers if can.simulcast else (),
        reduced_size=section.reduced_size,
    )


def _viewer_media(
    section: OfferedSection, kind: Kind, choice: codecs.Choice, source: Codec, can: Capabilities, ssrcs: ViewerSsrcs
) -> Media:
    feedback = choice.format.feedback
    rtx = choice.rtx if can.play_rtx else None
    ssrc, rtx_ssrc = ssrcs.of(kind)
    return Media(
        mid=section.mid or "",
        kind=kind,
        codec=codecs.viewer_codec(choice.format, source),
        payload_type=choice.format.payload_type,
        rtx_payload_type=rtx.payload_type if rtx else None,
        extensions=_extensions(section, can.play_extensions, "recvonly"),
        nack="nack" in feedback,
        pli="nack pli" in feedback,
        fir="ccm fir" in feedback,
        ssrc=ssrc,
        rtx_ssrc=rtx_ssrc if rtx else None,
        reduced_size=section.reduced_size,
    )


def _extensions(section: OfferedSection, supported: frozenset[str], direction: str) -> dict[str, int]:
    """URI -> the offer's id of the extensions that we support and the client uses in *direction*."""
    found: dict[str, int] = {}
    for extension in section.extensions:
        if extension.uri in supported and extension.direction in ("sendrecv", direction):
            found.setdefault(extension.uri, extension.id)
    return found


def _nothing_in_common(wanted: _Wanted, source: SourceDescription) -> Refused:
    sent = {track.kind: codecs.describe(track.codec) for track in source.tracks}
    offered = {kind: codecs.names(section) for _, section, kind in wanted}
    theirs = "; ".join(f"{kind}: {', '.join(names) or 'nothing'}" for kind, names in offered.items())
    ours = ", ".join(f"{kind}: {name}" for kind, name in sent.items())
    return unsupported_offer(
        f"The stream's codec cannot be played. It carries {ours or 'nothing'}; the offer has {theirs}.",
        stream=sent,
        offered=offered,
    )


def _inactive_section(offer: Offer, accepted: Sequence[OfferedSection]) -> InactiveSection | Refused | None:
    """What is to stay of the tagged section where it is not accepted and others of its group are.

    It cannot be rejected: whoever rejects it rejects the whole group (RFC 9143, section 7.3.3), and Chromium under max-bundle fails
    with an exception. A section of sound or picture can be answered `inactive`, which every client can apply.
    """
    tagged = offer.tagged
    if tagged is None or tagged in accepted or not any(section.mid in (offer.bundle or ()) for section in accepted):
        return None
    known = next((f for f in tagged.formats if f.name != "RTX"), None)
    if tagged.kind not in _KINDS or known is None:
        return unsupported_offer(
            f"The first section of a=group:BUNDLE is {tagged.kind} and cannot be served, and the others cannot be without it. "
            "Put the audio or the video section first."
        )
    return InactiveSection(offer.sections.index(tagged), known)


def _negotiated(
    offer: Offer,
    accepted: Mapping[int, AcceptedSection],
    local: LocalEndpoint,
    credentials: IceCredentials,
    *,
    stream: str = "",
    max_kbps: int = 0,
) -> Negotiated | Refused:
    remote = remote_transport(offer, [entry.offered for entry in accepted.values()])
    if isinstance(remote, Refused):
        return remote
    inactive = _inactive_section(offer, [entry.offered for entry in accepted.values()])
    if isinstance(inactive, Refused):
        return inactive
    ours = OurTransport(local, credentials, remote.role, stream, max_kbps)
    return Negotiated(
        answer=render_answer(offer, accepted, ours, inactive),
        local=credentials,
        remote=remote.credentials,
        remote_fingerprints=remote.fingerprints,
        dtls_role=remote.role,
        media=tuple(entry.media for entry in accepted.values()),
        cname=stream,
        # By what its offers alone have in common: it is DTLS server by default, and client with `-whip_flags dtls_active`.
        hears_close=not any(section.msid.startswith("FFmpeg ") for section in offer.sections),
    )
