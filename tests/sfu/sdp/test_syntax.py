"""The structure of an SDP, and what is none."""

import pytest

from sfu.sdp.syntax import Description, parse_description
from shared.refusals import Refused

MEDIA = "m=audio 9 UDP/TLS/RTP/SAVPF 111"


def parsed(text: str) -> Description:
    """The description that *text* must be."""
    outcome = parse_description(text)
    assert isinstance(outcome, Description)
    return outcome


def test_attributes_belong_to_their_level() -> None:
    """The session's, then each section's; names without case, values trimmed, repeated names in order."""
    description = parsed(f"v=0\r\na=ice-lite\r\n{MEDIA}\r\na=mid:0\r\na=RTCP-mux\r\na=x: 1 \r\na=x:2\r\n")

    assert description.attributes.has("ice-lite")
    attributes = description.sections[0].attributes
    assert (attributes.first("mid"), attributes.has("rtcp-mux"), attributes.every("x")) == ("0", True, ("1", "2"))
    assert attributes.first("missing") is None


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_both_line_ends_are_read(end: str) -> None:
    """LF alone is not RFC 8866, and many clients send it."""
    assert len(parsed(end.join(["v=0", MEDIA, "a=mid:0", "", MEDIA])).sections) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "v=0",
        "v=0\r\n",
        "v=1\r\n" + MEDIA,
        MEDIA,
        "v=0\r" + MEDIA + "\r",
        f"v=0\r\n{MEDIA}\r\na=mid\0:0",
        f"v=0\r\n{MEDIA}\r\na=mid:0\ra=x",
        f"v=0\r\n{MEDIA}\r\nhello",
        "v=0\r\nm=audio",
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF",
        "v=0\r\nm=audio nine UDP/TLS/RTP/SAVPF 111",
        "v=0\r\nm=audio 65536 UDP/TLS/RTP/SAVPF 111",
        "v=0\r\n" + "a=x\r\n" * 5000,
        '{"type":"offer"}',
    ],
)
def test_1a_03_what_is_no_sdp_is_a_400(text: str) -> None:
    """One status for all that cannot be parsed."""
    outcome = parse_description(text)

    assert isinstance(outcome, Refused)
    assert outcome.status == 400


@pytest.mark.parametrize("mid", ["a b", "a(b)", "\ufffd", "ä", "a/b", 'a"b'])
def test_1a_03_a_mid_is_a_token(mid: str) -> None:
    """It is repeated in the answer (RFC 5888, section 4)."""
    outcome = parse_description(f"v=0\r\n{MEDIA}\r\na=mid:{mid}\r\n")

    assert isinstance(outcome, Refused)
    assert (outcome.status, "a=mid" in outcome.error) == (400, True)


@pytest.mark.parametrize("part", ["audio", "UDP/TLS/RTP/SAVPF", "111", "9"])
def test_1a_03_a_media_line_is_of_tokens(part: str) -> None:
    """A rejected section repeats it."""
    outcome = parse_description(f"v=0\r\n{MEDIA.replace(part, part + chr(0xFFFD))}\r\n")

    assert isinstance(outcome, Refused)
    assert (outcome.status, "m= line" in outcome.error) == (400, True)


@pytest.mark.parametrize(("damage", "word"), [("\0", "NUL"), ("\r", "carriage return")])
def test_1a_03_what_no_line_may_hold_is_named(damage: str, word: str) -> None:
    """RFC 8866, section 9: any byte but these, and the line feed."""
    outcome = parse_description(f"v=0\r\ns=a{damage}b\r\n{MEDIA}\r\n")

    assert isinstance(outcome, Refused)
    assert word in outcome.error


def test_1a_03_too_large_is_a_413() -> None:
    """The bound of `shared.offers` holds for whoever parses without having checked the body."""
    outcome = parse_description("v=0\r\n" + "a" * 70_000)

    assert isinstance(outcome, Refused)
    assert outcome.status == 413


def test_a_hundred_sections_are_a_422() -> None:
    """They parse, and nobody can mean them."""
    outcome = parse_description("v=0\r\n" + f"{MEDIA}\r\n" * 100)

    assert isinstance(outcome, Refused)
    assert outcome.status == 422
