"""Which payload type of an offered section carries which codec: one for a publisher, the source's for a viewer.

Nothing is ever transcoded, so a viewer can be answered only what the publisher sends. Names are matched without regard
to case; H264 by packetization mode and profile, never by level (docs/conformance.md, P04, and there P09 to P13). Redundancy
(red, ulpfec, flexfec) and comfort noise are never chosen.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sfu.negotiation import Codec
from sfu.sdp.offer import Format, OfferedSection

_CLOCKS = {
    "audio": {"OPUS": 48000, "MULTIOPUS": 48000, "PCMU": 8000, "PCMA": 8000, "G722": 8000},
    "video": {"H264": 90000, "VP8": 90000, "VP9": 90000, "AV1": 90000, "H265": 90000},
}
_COMPARED: Mapping[str, Mapping[str, str]] = {
    "VP9": {"profile-id": "0"},
    "AV1": {"profile": "0"},
    "H265": {"profile-id": "1", "tx-mode": "SRST"},
    "MULTIOPUS": {"channel_mapping": "", "num_streams": "", "coupled_streams": ""},
}
"""Parameters on which both sides must agree, with what their absence means."""

_KEY = re.compile(r"[a-z0-9_-]+")
_PROFILE = re.compile(r"[0-9A-Fa-f]{6}")


@dataclass(frozen=True, slots=True)
class Choice:
    """The format that a section is answered with, and the RTX format (RFC 4588) that repairs it where there is one."""

    format: Format
    rtx: Format | None


def for_publisher(section: OfferedSection) -> Choice | None:
    """What a publisher shall send: the first of its formats that can be forwarded (VDO.Ninja moves H264 to the front)."""
    usable = [f for f in section.formats if _forwardable(section.kind, f)]
    if not usable:
        return None
    first = usable[0]
    if first.name == "H264" and _mode(first.parameters) == 0:
        # Single NAL unit mode limits a publisher to small slices; the same codec in mode 1 serves everybody better.
        first = next((f for f in usable if f.name == "H264" and _mode(f.parameters) == 1), first)
    return Choice(first, _rtx(section, first))


def for_viewer(section: OfferedSection, source: Codec) -> Choice | None:
    """The viewer's payload type that fits *source* best; the viewer's order decides between equals."""
    ranked = [
        (rank, order, offered)
        for order, offered in enumerate(section.formats)
        if _forwardable(section.kind, offered) and (rank := _rank(source, offered)) is not None
    ]
    if not ranked:
        return None
    best = min(ranked, key=lambda entry: entry[:2])[2]
    return Choice(best, _rtx(section, best))


def publisher_codec(offered: Format) -> Codec:
    """What the stream carries, as its publisher declared it."""
    return Codec(offered.name, offered.clock_rate, _channels(offered), _own_parameters(offered))


def viewer_codec(offered: Format, source: Codec) -> Codec:
    """*source* as this viewer shall be answered it: the parameters of its own payload type."""
    parameters = _own_parameters(offered)
    if offered.name == "H264" and parameters:
        parameters["level-asymmetry-allowed"] = "1"
    if offered.name == "OPUS" and _may_be_stereo(source.parameters):
        # Without it Chrome decodes mono (P13).
        parameters |= {"stereo": "1", "sprop-stereo": "1"}
    return Codec(offered.name, offered.clock_rate, _channels(offered), parameters)


def names(section: OfferedSection) -> list[str]:
    """The codecs that a section offers, for the refusal that names both sides."""
    return list(dict.fromkeys(describe(publisher_codec(f)) for f in section.formats if f.name != "RTX"))


def describe(codec: Codec) -> str:
    """*codec* as refusals name it: its name, and the parameters that decide a match."""
    details = []
    if codec.name == "H264" and "profile-level-id" in codec.parameters:
        details.append(codec.parameters["profile-level-id"])
    details += [f"{key}={codec.parameters[key]}" for key in _COMPARED.get(codec.name, {}) if key in codec.parameters]
    return f"{codec.name}({', '.join(details)})" if details else codec.name


def _forwardable(kind: str, offered: Format) -> bool:
    if _CLOCKS.get(kind, {}).get(offered.name) != offered.clock_rate:
        return False
    if offered.name in ("PCMU", "PCMA", "G722"):
        return offered.channels == 1
    return offered.name != "H264" or _mode(offered.parameters) in (None, 0, 1)


def _rtx(section: OfferedSection, primary: Format) -> Format | None:
    """RFC 4588 repairs what NACKs ask for; without `nack` nobody would ask."""
    if "nack" not in primary.feedback:
        return None
    apt = str(primary.payload_type)
    return next((f for f in section.formats if f.name == "RTX" and f.parameters.get("apt") == apt), None)


def _own_parameters(offered: Format) -> dict[str, str]:
    """The parameters that describe the stream.

    Left out: `x-google-…`, a sender's notes to its own browser, what is no parameter (VDO.Ninja's `maxptime:60`), and values
    that no codec of ours has and an answer could not repeat to the byte.
    """
    return {
        k: v
        for k, v in offered.parameters.items()
        if _KEY.fullmatch(k) and not k.startswith("x-google-") and v.isascii() and v.isprintable()
    }


def _channels(offered: Format) -> int:
    # GStreamer's whepsrc offers OPUS/48000; RTP has Opus at 48000/2 always (RFC 7587, section 7).
    return 2 if offered.name == "OPUS" else offered.channels


def _may_be_stereo(parameters: Mapping[str, str]) -> bool:
    """FFmpeg states nothing at all and sends stereo; a stereo decoder plays mono as well."""
    return not parameters or "1" in (parameters.get("stereo"), parameters.get("sprop-stereo"))


def _rank(source: Codec, offered: Format) -> int | None:
    """How well *offered* fits, 0 is best; None: not at all."""
    if offered.name != source.name or _channels(offered) != source.channels:
        return None
    if source.name == "H264":
        return _rank_h264(source.parameters, offered.parameters)
    if not source.parameters or not offered.parameters:
        return 0  # who states nothing (OBS for AV1 and H265, GStreamer for all) takes or sends the usual
    compared = _COMPARED.get(source.name, {})
    same = all(
        source.parameters.get(k, default) == offered.parameters.get(k, default) for k, default in compared.items()
    )
    return 0 if same else None


def _rank_h264(source: Mapping[str, str], offered: Mapping[str, str]) -> int | None:
    sent, taken = _mode(source), _mode(offered)
    if sent == 1 and taken == 0:
        return None
    mode = 0 if sent == taken or None in (sent, taken) else 1
    ours, theirs = _profile(source), _profile(offered)
    if ours is None or theirs is None:
        profile = 0
    elif ours == theirs:
        # Baseline and constrained baseline are one profile here (P09); the very same bytes still come first.
        profile = int(source.get("profile-level-id", "")[:4].lower() != offered.get("profile-level-id", "")[:4].lower())
    else:
        # A decoder of a richer profile decodes the poorer one (2). The other way round (3) is the last resort and not a
        # refusal: declared profiles lie (P10), and Chrome and Firefox play High under a Baseline payload type.
        profile = 2 if theirs > ours else 3
    return 2 * profile + mode


def _mode(parameters: Mapping[str, str]) -> int | None:
    """Packetization mode; None, which fits any, only where there is no fmtp at all (P09)."""
    if not parameters:
        return None
    value = parameters.get("packetization-mode", "0")
    return int(value) if value in ("0", "1", "2") else 0


def _profile(parameters: Mapping[str, str]) -> int | None:
    """Profiles in the order of their tools: 0 (constrained) baseline, 1 main, 2 high, beyond it profile_idc itself.

    None fits any: no fmtp at all, or an id that cannot be read (early FFmpeg 8 prints seven digits).
    """
    if not parameters:
        return None
    text = parameters.get("profile-level-id", "420010")
    if not _PROFILE.fullmatch(text):
        return None
    idc, flags = int(text[:2], 16), int(text[2:4], 16)
    # RFC 6184, table 5: main or extended streams with these constraints are constrained baseline.
    if idc == 0x42 or (idc == 0x4D and flags & 0x80) or (idc == 0x58 and flags & 0xC0 == 0xC0):
        return 0
    return {0x4D: 1, 0x58: 1, 0x64: 2}.get(idc, idc)
