"""Reads SDP offers (RFC 8866): sections with their formats, header extensions, streams and layers, and the transport.

Damaged attributes are passed over one by one, as RFC 8866 wants of unknown ones; whether what is left can be served is
decided by `sfu.sdp.transport` and `sfu.sdp.answer`. Quirks of real clients that are met here are named where they are met.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sfu.sdp.syntax import Attributes, Section, parse_description
from shared.refusals import Refused, invalid_request

_STATIC = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000"}
"""Payload types that need no rtpmap (RFC 3551, section 6)."""
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_RID = re.compile(r"[A-Za-z0-9_-]{1,16}")
MAX_LAYERS = 8


@dataclass(frozen=True, slots=True)
class Format:
    """One payload type of a section, with all that the offer says of it."""

    payload_type: int
    name: str
    """Encoding name in upper case."""
    clock_rate: int
    channels: int
    parameters: Mapping[str, str]
    """All `a=fmtp` lines of the payload type merged, keys in lower case; empty when there is none."""
    feedback: frozenset[str]
    """`a=rtcp-fb` of the payload type and of `*`, for example `nack pli`."""


@dataclass(frozen=True, slots=True)
class Extension:
    """One header extension that is offered: an `a=extmap` line (RFC 8285)."""

    id: int
    uri: str
    direction: str
    """From the offerer's side; `sendrecv` when not stated."""


@dataclass(frozen=True, slots=True)
class OfferedSection:
    """One `m=` section of an offer, as far as its answer depends on it."""

    kind: str
    port: int
    protocol: str
    raw_formats: tuple[str, ...]
    mid: str | None
    direction: str
    bundle_only: bool
    rtcp_mux: bool
    reduced_size: bool
    formats: tuple[Format, ...]
    extensions: tuple[Extension, ...]
    ssrcs: tuple[int, ...]
    """Primary SSRCs: neither repair nor FEC streams."""
    repairs: Mapping[int, int]
    """Repair SSRC -> primary SSRC."""
    layers: tuple[str, ...]
    """Simulcast `rid`s to be sent (RFC 8853), in their order."""
    ufrag: str | None
    pwd: str | None = field(repr=False)
    fingerprints: tuple[str, ...]
    setup: str | None
    msid: str = ""

    @property
    def disabled(self) -> bool:
        """Port 0 means bundle-only when it says so, and "not wanted" otherwise (RFC 9143, section 7.2)."""
        return self.port == 0 and not self.bundle_only


@dataclass(frozen=True, slots=True)
class Offer:
    """A whole offer, as answers are made from it."""

    sections: tuple[OfferedSection, ...]
    bundle: tuple[str, ...] | None
    """The mids of the first BUNDLE group; None when there is none."""

    @property
    def tagged(self) -> OfferedSection | None:
        """The offerer-tagged section, which speaks for the transport of its BUNDLE group (RFC 9143, section 7.2.1)."""
        by_mid = {section.mid: section for section in self.sections if not section.disabled}
        return next((by_mid[mid] for mid in self.bundle or () if mid in by_mid), None)


def parse_offer(text: str) -> Offer | Refused:
    """The offer that *text* is, or why it cannot be read (400)."""
    description = parse_description(text)
    if isinstance(description, Refused):
        return description
    for number, section in enumerate(description.sections, 1):
        if section.kind in ("audio", "video") and not any(_payload_type(f) is not None for f in section.formats):
            return invalid_request(
                f"The body is not an SDP that can be read: section {number} has no numeric payload type."
            )
    session = description.attributes
    groups = [group.split() for group in session.every("group")]
    bundle = next((tuple(group[1:]) for group in groups if group and group[0] == "BUNDLE"), None)
    return _inherited(Offer(tuple(_section(section, session) for section in description.sections), bundle))


def _inherited(offer: Offer) -> Offer:
    """*offer* with what bundled sections leave to the tagged one to say, RTCP's form: a max-bundle client may write it there
    alone (RFC 9143, section 7.2.2; RFC 8859 has both attributes under IDENTICAL).
    """
    tagged = offer.tagged
    if tagged is None:
        return offer
    sections = (
        replace(
            section,
            rtcp_mux=section.rtcp_mux or tagged.rtcp_mux,
            reduced_size=section.reduced_size or tagged.reduced_size,
        )
        if section.mid in (offer.bundle or ())
        else section
        for section in offer.sections
    )
    return Offer(tuple(sections), offer.bundle)


def _section(section: Section, session: Attributes) -> OfferedSection:
    own = section.attributes
    repairs, aside = _groups(own)
    announced = (_integer(value.split(" ", 1)[0], 2**32) for value in own.every("ssrc"))
    primaries = dict.fromkeys(s for s in (*announced, *repairs.values()) if s and s not in repairs and s not in aside)
    # OBS 30 and Firefox state some of these at session level only.
    inherited = {name: own.first(name) or session.first(name) for name in ("ice-ufrag", "ice-pwd", "setup")}
    return OfferedSection(
        kind=section.kind,
        port=section.port,
        protocol=section.protocol,
        raw_formats=section.formats,
        mid=own.first("mid") or None,
        direction=_direction(own) or _direction(session) or "sendrecv",
        bundle_only=own.has("bundle-only"),
        rtcp_mux=own.has("rtcp-mux") or own.has("rtcp-mux-only"),
        reduced_size=own.has("rtcp-rsize"),
        formats=_formats(section),
        extensions=_extensions(own, session),
        ssrcs=tuple(primaries),
        repairs=repairs,
        layers=_layers(own),
        ufrag=inherited["ice-ufrag"],
        pwd=inherited["ice-pwd"],
        fingerprints=own.every("fingerprint") or session.every("fingerprint"),
        setup=inherited["setup"],
        msid=own.first("msid") or "",
    )


def _direction(attributes: Attributes) -> str | None:
    return next((name for name in _DIRECTIONS if attributes.has(name)), None)


def _formats(section: Section) -> tuple[Format, ...]:
    """Each attribute line is read once: a browser offers forty formats, and a join must not hold up the packets."""
    attributes = section.attributes
    maps = {**_STATIC, **dict(_by_payload_type(attributes.every("rtpmap")))}
    parameters: dict[int, dict[str, str]] = {}
    for payload_type, text in _by_payload_type(attributes.every("fmtp")):
        # VDO.Ninja adds a second a=fmtp line to a payload type: merged, and the first value of a key stays (P02).
        found = parameters.setdefault(payload_type, {})
        for pair in text.split(";"):
            key, _, value = pair.partition("=")
            if key := key.strip().lower():
                found.setdefault(key, value.strip())
    feedback: dict[str, set[str]] = {}
    for number, _, name in (value.partition(" ") for value in attributes.every("rtcp-fb")):
        feedback.setdefault(number, set()).add(" ".join(name.split()))
    of_all = feedback.get("*", set())
    return tuple(
        _format(number, maps[number], parameters.get(number, {}), frozenset(of_all | feedback.get(str(number), set())))
        for number in dict.fromkeys(map(_payload_type, section.formats))
        if number is not None and number in maps
    )


def _by_payload_type(values: Iterable[str]) -> Iterator[tuple[int, str]]:
    """`96 text` of rtpmap and fmtp lines, as far as they are that."""
    for number, _, text in (value.partition(" ") for value in values):
        if (payload_type := _payload_type(number)) is not None and (text := text.strip()):
            yield payload_type, text


def _format(payload_type: int, encoding: str, parameters: dict[str, str], feedback: frozenset[str]) -> Format:
    name, _, rest = encoding.partition("/")
    rate, _, channels = rest.partition("/")
    return Format(
        payload_type=payload_type,
        name=name.strip().upper(),
        clock_rate=_integer(rate, 2**31) or 0,
        channels=_integer(channels, 256) or 1,
        parameters=parameters,
        feedback=feedback,
    )


def _extensions(own: Attributes, session: Attributes) -> tuple[Extension, ...]:
    found: dict[int, Extension] = {}
    for value in (*own.every("extmap"), *session.every("extmap")):
        parts = value.split()
        if len(parts) < 2:
            continue
        number, _, direction = parts[0].partition("/")
        identifier = _integer(number, 15)  # one-byte headers hold 1 to 14; nobody needs the two-byte form from us
        if identifier and direction in ("", *_DIRECTIONS):
            found.setdefault(identifier, Extension(identifier, parts[1], direction or "sendrecv"))
    return tuple(found.values())


def _groups(attributes: Attributes) -> tuple[dict[int, int], set[int]]:
    """Repair SSRCs with their primaries (FID), and FEC SSRCs, which we never accept."""
    repairs: dict[int, int] = {}
    aside: set[int] = set()
    for value in attributes.every("ssrc-group"):
        semantics, *numbers = value.split() or [""]
        ssrcs = [_integer(number, 2**32) for number in numbers]
        if len(ssrcs) != 2 or not (primary := ssrcs[0]) or not (second := ssrcs[1]) or primary == second:
            continue
        if semantics == "FID":
            repairs[second] = primary
        elif semantics.startswith("FEC"):
            aside.add(second)
    return repairs, aside


def _layers(attributes: Attributes) -> tuple[str, ...]:
    """The layers of `a=simulcast:send 0;1,2;~3`, of alternatives the first, as far as `a=rid` declares them."""
    rids = (value.split() for value in attributes.every("rid"))
    declared = {parts[0] for parts in rids if len(parts) >= 2 and parts[1] == "send" and _RID.fullmatch(parts[0])}
    words = (attributes.first("simulcast") or "").split()
    if "send" not in words[:-1]:
        return ()
    # Drafts before RFC 8853 wrote `send rid=a;b`.
    listed = words[words.index("send") + 1].removeprefix("rid=").split(";")
    layers = tuple(dict.fromkeys(choice.split(",")[0].removeprefix("~") for choice in listed))
    return layers if declared.issuperset(layers) and 1 < len(layers) <= MAX_LAYERS else ()


def _payload_type(text: str) -> int | None:
    """0 to 63 and 96 to 127: the numbers between are RTCP's under rtcp-mux (RFC 5761, section 4)."""
    number = _integer(text, 128)
    return None if number is None or 64 <= number <= 95 else number


def _integer(text: str, limit: int) -> int | None:
    """A plain decimal below *limit*; `int()` alone would take signs, spaces, underscores and other scripts' digits."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    number = int(text)
    return number if number < limit else None
