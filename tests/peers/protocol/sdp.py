"""Offers as our peers make them, and what they need to know of an answer. Deliberately not a general SDP parser."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["video", "audio"]
VIDEO_PT, AUDIO_PT = 96, 111
FORMATS: Mapping[Kind, tuple[int, str, str]] = {
    "video": (VIDEO_PT, "H264/90000", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
    "audio": (AUDIO_PT, "opus/48000/2", "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"),
}


@dataclass(frozen=True, slots=True)
class Local:
    """The ICE credentials of our side of a session."""

    ufrag: str
    pwd: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Section:
    """One m= section of an answer."""

    kind: str
    port: int
    payload_type: int
    direction: str
    ssrc: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer needs to connect."""

    ufrag: str
    pwd: str = field(repr=False)
    fingerprint: str
    setup: str
    candidates: tuple[tuple[str, int], ...]
    sections: tuple[Section, ...]

    def accepted(self, kind: Kind) -> Section | None:
        """The section of *kind*, unless it was rejected."""
        return next((s for s in self.sections if s.kind == kind and s.port), None)


def offer(
    local: Local,
    *,
    fingerprint: str,
    direction: Literal["sendonly", "recvonly"],
    setup: str = "actpass",
    kinds: tuple[Kind, ...] = ("video", "audio"),
    ssrcs: Mapping[Kind, int] | None = None,
    candidate: tuple[str, int] | None = None,
) -> str:
    """An offer in the way of OBS: bundled, no trickle, H264 and Opus alone, candidates not needed."""
    lines = [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE " + " ".join(map(str, range(len(kinds)))),
    ]
    lines += ["a=msid-semantic:WMS *"]
    for mid, kind in enumerate(kinds):
        pt, name, fmtp = FORMATS[kind]
        lines += [
            f"m={kind} 9 UDP/TLS/RTP/SAVPF {pt}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{mid}",
            f"a={direction}",
            "a=rtcp-mux",
            f"a=ice-ufrag:{local.ufrag}",
            f"a=ice-pwd:{local.pwd}",
            f"a=fingerprint:sha-256 {fingerprint}",
            f"a=setup:{setup}",
            f"a=rtpmap:{pt} {name}",
            f"a=fmtp:{pt} {fmtp}",
        ]
        if kind == "video":
            lines += [f"a=rtcp-fb:{pt} {feedback}" for feedback in ("nack", "nack pli", "ccm fir", "goog-remb")]
        if direction == "sendonly":
            lines += [f"a=msid:peer {kind}"]
        if ssrcs and kind in ssrcs:
            lines += [f"a=ssrc:{ssrcs[kind]} cname:peer"]
        if candidate and mid == 0:
            lines += [f"a=candidate:1 1 udp 2130706431 {candidate[0]} {candidate[1]} typ host", "a=end-of-candidates"]
    return "\r\n".join([*lines, ""])


def parse_answer(text: str) -> Answer:
    """The answer's transport and sections; raises ValueError when something that we need is missing."""
    blocks: list[list[str]] = [[]]
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.startswith("m="):
            blocks.append([])
        blocks[-1].append(line)

    def first(prefix: str) -> str:
        for block in blocks:
            for line in block:
                if line.startswith(prefix):
                    return line[len(prefix) :].strip()
        raise ValueError(f"the answer has no {prefix!r}")

    candidates: list[tuple[str, int]] = []
    for line in (line for block in blocks for line in block if line.startswith("a=candidate:")):
        parts = line.split()
        # Component 1 over UDP is all that our sockets speak.
        if parts[1] == "1" and parts[2].lower() == "udp":
            candidate = parts[4], int(parts[5])
            if candidate not in candidates:
                candidates.append(candidate)
    digest = first("a=fingerprint:sha-256 ")
    return Answer(
        ufrag=first("a=ice-ufrag:"),
        pwd=first("a=ice-pwd:"),
        fingerprint=digest,
        setup=first("a=setup:"),
        candidates=tuple(candidates),
        sections=tuple(_section(block) for block in blocks[1:]),
    )


def _section(block: list[str]) -> Section:
    kind, port, _, pt = block[0][2:].split()[:4]
    directions = [d for d in ("sendonly", "recvonly", "sendrecv", "inactive") if f"a={d}" in block]
    ssrcs = [int(line[7:].split()[0]) for line in block if line.startswith("a=ssrc:")]
    return Section(kind, int(port), int(pt), directions[0] if directions else "sendrecv", ssrcs[0] if ssrcs else None)
