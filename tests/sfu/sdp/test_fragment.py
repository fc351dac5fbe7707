"""What a trickle fragment means, and what our side of a restart looks like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.negotiation import Codec, IceCredentials, Media
from sfu.sdp.fragment import Fragment, Meaning, meaning, parse_fragment, render_restart
from shared.refusals import Refused
from tests.sfu.signalling.fakes import LOCAL

PWD = "p" * 22


@pytest.mark.parametrize(
    "text",
    [
        "a=ice-ufrag:abcd\r\na=ice-pwd:x\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 1.2.3.4 5 typ host",
        "a=group:BUNDLE 0 1\nm=audio 9 RTP/AVP 0\na=mid:0\na=ice-ufrag:abcd\na=ice-pwd:x\nm=video 9 RTP/AVP 0\na=mid:1\n",
        "m=video 9 RTP/AVP 0\r\na=mid:7\r\na=ice-ufrag:abcd\r\na=ice-pwd:x\r\na=candidate:nonsense\r\n",
    ],
)
def test_1a_42_credentials_are_found_at_any_level(text: str) -> None:
    """Session level, first section, wrong kind, several m= lines, no group."""
    assert parse_fragment(text) == Fragment("abcd", "x")


@pytest.mark.parametrize("text", ["", "\r\n", '{"candidate": "x"}', "hello", "v=0\r\n", "a=mid:0\rm=x", "a=\0"])
def test_1a_32_what_is_no_fragment_is_a_400(text: str) -> None:
    """JSON under the right type, as ex_webrtc sends it, among them."""
    outcome = parse_fragment(text)

    assert isinstance(outcome, Refused)
    assert outcome.status == 400


@given(text=st.text() | st.text().map(lambda rest: "a=ice-ufrag:x\r\n" + rest))
def test_any_text_is_a_fragment_or_refused(text: str) -> None:
    """Nothing raises, whatever text arrives."""
    assert isinstance(parse_fragment(text), Fragment | Refused)


@pytest.mark.parametrize(
    ("ufrag", "pwd", "expected"),
    [
        (None, None, Meaning.TRICKLE),
        ("theirs", PWD, Meaning.TRICKLE),
        ("theirs", None, Meaning.TRICKLE),
        ("ours", PWD, Meaning.OURS),
        ("ours", None, Meaning.OURS),
        ("former", PWD, Meaning.LATE),
        ("fresh", PWD, Meaning.RESTART),
        ("fresh", None, Meaning.MALFORMED),
        (None, PWD, Meaning.MALFORMED),
        ("fr", PWD, Meaning.MALFORMED),
        ("fresh", "short", Meaning.MALFORMED),
    ],
)
def test_1a_39_a_fragment_s_credentials_say_what_it_asks(ufrag: str | None, pwd: str | None, expected: Meaning) -> None:
    """The first rule that fits decides (docs/conformance.md, "1C. Clients")."""
    assert meaning(Fragment(ufrag, pwd), ours="ours", theirs="theirs", former=["former"]) is expected


def test_1a_39_the_answer_to_a_restart_repeats_what_the_sdp_answer_said() -> None:
    """ice-lite, ice-options, BUNDLE, the tagged section, new credentials, all candidates; CRLF."""
    media = [Media(mid, "audio", Codec("OPUS", 48000, 2), 111) for mid in ("1", "0")]

    text = render_restart(media, IceCredentials("newUfrag", PWD), LOCAL.candidates)

    assert text.split("\r\n") == [
        "a=ice-lite",
        "a=ice-options:trickle ice2",
        "a=group:BUNDLE 1 0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "a=mid:1",
        "a=ice-ufrag:newUfrag",
        f"a=ice-pwd:{PWD}",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host",
        "a=candidate:2 1 udp 2130706175 192.0.2.2 8189 typ host",
        "a=candidate:3 1 udp 2130705919 2001:db8::1 8189 typ host",
        "a=end-of-candidates",
        "",
    ]


def test_a_session_without_mids_has_no_group() -> None:
    """As its answer had none."""
    text = render_restart(
        [Media("", "audio", Codec("OPUS", 48000, 2), 111)], IceCredentials("u", PWD), LOCAL.candidates
    )

    assert "group" not in text
    assert "mid" not in text
