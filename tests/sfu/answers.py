"""Reads an answer beside its offer and checks what holds for every answer, whoever offered (docs/conformance.md).

The reading is done here again, by plain string operations, so that a mistake of `sfu.sdp.syntax` does not hide itself.
"""

from dataclasses import dataclass


@dataclass
class Part:
    """One m= section: its head and its attribute lines."""

    head: list[str]
    lines: list[str]

    @property
    def port(self) -> int:
        """The port of the m= line."""
        return int(self.head[1])

    @property
    def formats(self) -> list[str]:
        """The payload types of the m= line."""
        return self.head[3:]

    def values(self, name: str) -> list[str]:
        """The values of all `a=name:` lines."""
        return [line[len(name) + 3 :] for line in self.lines if line.startswith(f"a={name}:")]

    def has(self, name: str) -> bool:
        """Whether there is an `a=name` or `a=name:` line."""
        return f"a={name}" in self.lines or bool(self.values(name))


@dataclass
class Parts:
    """A whole SDP, taken apart by section."""

    session: Part
    media: list[Part]

    @property
    def accepted(self) -> list[Part]:
        """The sections that were not rejected."""
        return [part for part in self.media if part.port]


def read(text: str) -> Parts:
    """Take the text of an SDP apart."""
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if line]
    parts = Parts(Part([], []), [])
    for line in lines:
        if line.startswith("m="):
            parts.media.append(Part(line[2:].split(), []))
        else:
            (parts.media[-1] if parts.media else parts.session).lines.append(line)
    return parts


def check(offer_text: str, answer_text: str, direction: str) -> Parts:
    """Check *answer_text* against *offer_text*, and return it taken apart."""
    assert answer_text.startswith("v=0\r\no=- ")
    assert answer_text.endswith("\r\n")
    assert answer_text.count("\n") == answer_text.count("\r\n") == answer_text.count("\r")
    assert len(answer_text) < 8192  # FFmpeg's buffer
    assert "actpass" not in answer_text
    assert "holdconn" not in answer_text
    offer, answer = read(offer_text), read(answer_text)
    assert "a=ice-lite" in answer.session.lines
    assert [part.head[0] for part in answer.media] == [part.head[0].lower() for part in offer.media]
    assert answer.accepted
    for offered, part in zip(offer.media, answer.media, strict=True):
        assert part.values("mid") == offered.values("mid")[:1]
        assert set(part.formats) <= set(offered.formats)
        if part.port:
            _check_accepted(offered, part, offer, direction)
    _check_transport(offer, answer)
    return answer


def _check_accepted(offered: Part, part: Part, offer: Parts, direction: str) -> None:
    directions = [line for line in part.lines if line in ("a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive")]
    assert directions == [f"a={direction}"]
    ids = {value.split()[0].split("/")[0]: value.split()[1] for value in part.values("extmap")}
    offered_ids = [v.split()[:2] for v in offered.values("extmap") + offer.session.values("extmap") if " " in v]
    assert all(
        [identifier, uri] in [[o[0].split("/")[0], o[1]] for o in offered_ids] for identifier, uri in ids.items()
    )
    maps = dict(value.split(" ", 1) for value in part.values("rtpmap"))
    assert set(maps) == set(part.formats)
    names = [value.split("/")[0].lower() for value in maps.values()]
    assert len([name for name in names if name != "rtx"]) == 1  # P12
    assert not {"red", "ulpfec", "flexfec-03"} & set(names)
    assert all(value.split()[0] in part.formats for value in part.values("rtcp-fb") + part.values("fmtp"))
    for group in part.values("ssrc-group"):
        for ssrc in group.split()[1:]:
            assert any(line.startswith(f"{ssrc} ") for line in part.values("ssrc"))  # P17


def _check_transport(offer: Parts, answer: Parts) -> None:
    groups = answer.session.values("group")
    mids = [mid for part in answer.accepted for mid in part.values("mid")]
    offered_groups = [group.split()[1:] for group in offer.session.values("group") if group.split()[:1] == ["BUNDLE"]]
    if offered_groups:
        assert groups == [" ".join(["BUNDLE", *(mid for mid in mids if mid in offered_groups[0])])]
    else:
        assert groups == []
    for part in answer.accepted:
        for name in ("ice-ufrag", "ice-pwd", "setup", "fingerprint"):
            assert len(part.values(name)) == 1
        assert part.lines.count("a=rtcp-mux") == part.lines.count("a=rtcp-mux-only") == 1
    tagged, *others = answer.accepted
    candidates = [value.split() for value in tagged.values("candidate")]
    assert candidates
    assert "a=end-of-candidates" in tagged.lines
    assert all(c[1] == "1" and c[2] == "udp" and c[6:8] == ["typ", "host"] for c in candidates)
    assert "." in candidates[0][4]  # IPv4: FFmpeg takes the first and no other
    assert not any(part.values("candidate") for part in others)
