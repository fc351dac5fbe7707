"""The lines of an SDP: a session level and `m=` sections of attributes (RFC 8866), without their meaning.

Parsing is bounded and total: whatever the text, the outcome is a `Description` or a refusal. Only what is no SDP at all
is refused here (400); lines of types that nobody needs are passed over. What attributes mean is `sfu.sdp.offer`'s.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from shared.offers import MAX_OFFER_BYTES, too_large
from shared.refusals import Refused, invalid_request, unsupported_offer

MAX_LINES = 4000
"""Chrome's largest offers have some 600."""
MAX_SECTIONS = 16

_LINE = re.compile(r"[a-z]=.*")
_WORD = r"[!#-'*+.0-9A-Z^-~-]+"
_MID = re.compile(_WORD)
_MEDIA = re.compile(rf"({_WORD})[ \t]+([0-9]{{1,5}})(?:/[0-9]+)?[ \t]+({_WORD}(?:/{_WORD})*)((?:[ \t]+{_WORD})+)[ \t]*")
"""RFC 8866, section 9: tokens, so that an answer may repeat them."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """The `a=` lines of the session or of one section, by name; each name's values are in their order."""

    values: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, lines: list[str]) -> Self:
        """Collect `name:value` texts; a property attribute has the value ''."""
        found: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.partition(":")
            found.setdefault(name.strip().lower(), []).append(value.strip())
        return cls({name: tuple(values) for name, values in found.items()})

    def every(self, name: str) -> tuple[str, ...]:
        """All values of *name*, in their order; none where the attribute is not there."""
        return self.values.get(name, ())

    def first(self, name: str) -> str | None:
        """The first value of *name*; None where the attribute is not there."""
        return next(iter(self.every(name)), None)

    def has(self, name: str) -> bool:
        """Whether an attribute *name* is there, with or without a value."""
        return name in self.values


@dataclass(frozen=True, slots=True)
class Section:
    """One `m=` section, split into its parts and not yet understood."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Description:
    """A whole SDP, split into levels and not yet understood."""

    attributes: Attributes
    sections: tuple[Section, ...]


def parse_description(text: str) -> Description | Refused:
    """*text* split into its levels, or why it is no SDP (400, or 422 for too many sections)."""
    if len(text) > MAX_OFFER_BYTES:
        return too_large()
    lines = split_lines(text)
    if isinstance(lines, Refused):
        return lines
    if not lines or lines[0].rstrip() != "v=0":
        return _malformed("it must start with v=0")
    return _sections(lines)


def split_lines(text: str) -> list[str] | Refused:
    """The lines of an SDP or of a fragment of one; LF alone ends a line too, as many clients have it."""
    # More newlines than that are refused before anything is built from them.
    if text.count("\n") > MAX_LINES:
        return _malformed(f"it has more than {MAX_LINES} lines")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    for number, line in enumerate(lines, 1):
        if "\0" in line:
            return _malformed(f"line {number} has a NUL byte; send text without any, at the end too")
        if "\r" in line:
            return _malformed(f"line {number} has a carriage return in it; end lines with CRLF")
        if line.strip() and not _LINE.fullmatch(line):
            return _malformed(f"line {number} is not of the form <letter>=<value>")
    return [line for line in lines if line.strip()]


def _sections(lines: list[str]) -> Description | Refused:
    heads: list[re.Match[str]] = []
    levels: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            head = _MEDIA.fullmatch(line[2:])
            if head is None or int(head[2]) > 65535:
                return _malformed(f"its media section {len(heads) + 1} has a bad m= line")
            heads.append(head)
            levels.append([])
        elif line.startswith("a="):
            levels[-1].append(line[2:])
    if not heads:
        return _malformed("it has no media section")
    if len(heads) > MAX_SECTIONS:
        return unsupported_offer(f"The offer has {len(heads)} media sections. Offer one audio and one video section.")
    sections = tuple(
        Section(head[1].lower(), int(head[2]), head[3], tuple(head[4].split()), Attributes.of(level))
        for head, level in zip(heads, levels[1:], strict=True)
    )
    for number, section in enumerate(sections, 1):
        if any(mid and not _MID.fullmatch(mid) for mid in section.attributes.every("mid")):
            return _malformed(f"its media section {number} has an a=mid that is no token (RFC 5888, section 4)")
    return Description(Attributes.of(levels[0]), sections)


def _malformed(why: str) -> Refused:
    return invalid_request(f"The body is not an SDP that can be read: {why}.")
