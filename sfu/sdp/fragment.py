"""Trickle-ICE fragments (RFC 8840) in PATCH requests: what one means for a session, and our answer to an ICE restart.

An ICE-lite server needs no candidate of the client, so a fragment matters only by its credentials. They may stand at
session level or in a section, under whatever m= line the client finds fit (docs/conformance.md, 1A.42).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from sfu.negotiation import Candidate, IceCredentials, Media
from sfu.sdp.syntax import Attributes, split_lines
from sfu.sdp.transport import credentials_usable
from sfu.sdp.writer import ICE_OPTIONS, candidate_lines, crlf
from shared.refusals import Refused, invalid_request

SDPFRAG = "application/trickle-ice-sdpfrag"


@dataclass(frozen=True, slots=True)
class Fragment:
    """What matters of a fragment: the ICE credentials in it, of which either may be missing."""

    ufrag: str | None
    pwd: str | None = field(repr=False)


class Meaning(Enum):
    """What a fragment asks of the session."""

    TRICKLE = auto()
    """Nothing: it only tells candidates of the client, which an ICE-lite server needs not know."""
    OURS = auto()
    """Nothing either: it carries our own credentials, which VDO.Ninja's viewer copies from the answer."""
    LATE = auto()
    """Nothing any more: it is for credentials that an ICE restart has replaced."""
    RESTART = auto()
    """An ICE restart with the new credentials that it carries (RFC 9725, section 4.3.3)."""
    MALFORMED = auto()
    """It has one credential without the other, or one that RFC 8839 does not allow."""


def parse_fragment(text: str) -> Fragment | Refused:
    """The fragment that *text* is, or why it is none."""
    lines = split_lines(text)
    if isinstance(lines, Refused) or not any(line.startswith(("a=", "m=")) for line in lines):
        return invalid_request(f"The body is not an SDP fragment. Send {SDPFRAG} (RFC 8840) with CRLF line ends.")
    attributes = Attributes.of([line[2:] for line in lines if line.startswith("a=")])
    return Fragment(attributes.first("ice-ufrag"), attributes.first("ice-pwd"))


def meaning(fragment: Fragment, *, ours: str, theirs: str, former: Sequence[str]) -> Meaning:
    """What *fragment* asks for, given our ufrag, the client's current one, and its former ones."""
    if fragment.ufrag is None and fragment.pwd is None:
        return Meaning.TRICKLE
    if fragment.ufrag == ours:
        return Meaning.OURS
    if fragment.ufrag == theirs:
        return Meaning.TRICKLE
    if fragment.ufrag in former:
        return Meaning.LATE
    if fragment.ufrag is None or fragment.pwd is None:
        return Meaning.MALFORMED
    usable = credentials_usable(IceCredentials(fragment.ufrag, fragment.pwd))
    return Meaning.RESTART if usable else Meaning.MALFORMED


def render_restart(media: Sequence[Media], credentials: IceCredentials, candidates: Sequence[Candidate]) -> str:
    """Our side of an ICE restart (RFC 9725, section 4.3.3): as in the answer, with new credentials."""
    tagged = media[0]
    lines = ["a=ice-lite", ICE_OPTIONS]
    if all(m.mid for m in media):
        lines.append(f"a=group:BUNDLE {' '.join(m.mid for m in media)}")
    lines.append(f"m={tagged.kind} 9 UDP/TLS/RTP/SAVPF {tagged.payload_type}")
    if tagged.mid:
        lines.append(f"a=mid:{tagged.mid}")
    lines += [f"a=ice-ufrag:{credentials.ufrag}", f"a=ice-pwd:{credentials.pwd}", *candidate_lines(candidates)]
    return crlf(lines)
