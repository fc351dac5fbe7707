"""The offers of real clients, whole and damaged, through the whole negotiation."""

import re
from collections.abc import Callable, Mapping

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.negotiation import TRANSPORT_CC, Codec, DtlsRole, Media, Negotiated
from sfu.sdp.answer import ViewerSsrcs, answer_play, answer_publish
from sfu.sdp.offer import Offer, parse_offer
from shared.refusals import Refused
from tests.sfu.answers import check
from tests.sfu.signalling.fakes import H264, LOCAL, OPUS, OURS, STREAM, offer_names, offer_text, source

PUBLISHERS: Mapping[str, tuple[str, str | None, DtlsRole]] = {
    # name: audio format, video format, our DTLS role
    "chrome-publish": ("111 OPUS", "96 VP8", DtlsRole.SERVER),
    "chrome-maxbundle": ("111 OPUS", "96 VP8", DtlsRole.SERVER),
    "chrome-simulcast": ("111 OPUS", "96 VP8", DtlsRole.SERVER),
    "chrome-addtrack": ("111 OPUS", "96 VP8", DtlsRole.SERVER),
    "firefox-publish": ("109 OPUS", "120 VP8", DtlsRole.SERVER),
    "firefox-maxbundle": ("109 OPUS", "120 VP8", DtlsRole.SERVER),
    "safari-addtrack": ("111 OPUS", "96 H264", DtlsRole.SERVER),
    "vdo-bitrate": ("111 OPUS", "102 H264", DtlsRole.SERVER),
    "obs": ("111 OPUS", "96 H264", DtlsRole.SERVER),
    "obs-simulcast": ("111 OPUS", "96 H264", DtlsRole.SERVER),
    "obs-session-level": ("111 OPUS", "96 H264", DtlsRole.SERVER),
    "obs-av1": ("111 OPUS", "96 AV1", DtlsRole.SERVER),
    "obs-h265": ("111 OPUS", "96 H265", DtlsRole.SERVER),
    "ffmpeg-9": ("111 OPUS", "106 H264", DtlsRole.CLIENT),
    "ffmpeg-audio-only": ("111 OPUS", None, DtlsRole.CLIENT),
    "ffmpeg-seven-digits": ("111 OPUS", "106 H264", DtlsRole.CLIENT),
    "ffmpeg-interim-rtcp-fb": ("111 OPUS", "106 H264", DtlsRole.CLIENT),
    "ffmpeg-dtls-active": ("111 OPUS", "106 H264", DtlsRole.SERVER),
    "gst-maxbundle": ("96 OPUS", "97 H264", DtlsRole.SERVER),
}
VIEWERS: Mapping[str, tuple[str, str]] = {
    # name: audio format, video format for a source of H264 42e01f in mode 1
    "chrome-view": ("111 OPUS", "108 H264"),
    "firefox-view": ("109 OPUS", "126 H264"),
    "safari-view": ("111 OPUS", "98 H264"),
    "gst-whepsrc": ("96 OPUS", "103 H264"),
    "mediamtx-reader": ("111 OPUS", "108 H264"),
}

Answers = Callable[[Offer], Negotiated | Refused]


def publish(offer: Offer) -> Negotiated | Refused:
    """As a node answers a publisher."""
    return answer_publish(offer, LOCAL, OURS, max_kbps=8000)


def play(offer: Offer, video: Codec | None = H264, audio: Codec | None = OPUS) -> Negotiated | Refused:
    """As a node answers a viewer."""
    return answer_play(offer, source(video, audio), LOCAL, OURS, ViewerSsrcs(11, 12, 13, 14), STREAM)


def negotiated(name: str, answer: Answers, direction: str) -> Negotiated:
    """The checked answer to a fixture."""
    text = offer_text(name)
    offer = parse_offer(text)
    assert isinstance(offer, Offer)
    outcome = answer(offer)
    assert isinstance(outcome, Negotiated)
    check(text, outcome.answer, direction)
    # A parser that is not ours reads it too.
    assert len(SessionDescription.parse(outcome.answer).media) == len(offer.sections)
    return outcome


def shown(media: Media | None) -> str | None:
    """A section's format, for comparing."""
    return None if media is None else f"{media.payload_type} {media.codec.name}"


def of_kind(outcome: Negotiated, kind: str) -> Media | None:
    """The accepted section of a kind."""
    return next((media for media in outcome.media if media.kind == kind), None)


def test_every_fixture_is_used() -> None:
    """Whoever adds a fixture says what is expected of it."""
    assert sorted([*PUBLISHERS, *VIEWERS]) == offer_names()


@pytest.mark.parametrize("name", PUBLISHERS)
def test_a_publisher_s_offer_is_answered(name: str) -> None:
    """One codec a section, our DTLS role, and a structure that the client accepts."""
    outcome = negotiated(name, publish, "recvonly")

    audio, video, role = PUBLISHERS[name]
    assert (shown(of_kind(outcome, "audio")), shown(of_kind(outcome, "video"))) == (audio, video)
    assert outcome.dtls_role is role


@pytest.mark.parametrize("name", VIEWERS)
def test_a_viewer_s_offer_is_answered(name: str) -> None:
    """The source's codec, under the viewer's payload types."""
    outcome = negotiated(name, play, "sendonly")

    assert (shown(of_kind(outcome, "audio")), shown(of_kind(outcome, "video"))) == VIEWERS[name]
    assert outcome.cname == STREAM


def test_obs_has_no_transport_in_its_audio_but_its_streams_are_known() -> None:
    """OBS sends no MID for audio: the announced SSRCs and payload types must do."""
    outcome = negotiated("obs", publish, "recvonly")

    assert [media.ssrcs for media in outcome.media] == [(1322450331,), (1322450332,)]
    assert all(media.pli and media.remb for media in outcome.media if media.kind == "video")
    assert outcome.remote.ufrag == "Kx3d"


def test_1a_17_obs_simulcast_is_accepted_whole() -> None:
    """OBS counts the layers of the answer's CRLF-terminated line, and gives up when one is missing."""
    outcome = negotiated("obs-simulcast", publish, "recvonly")

    assert "a=simulcast:recv 0;1;2\r\n" in outcome.answer
    assert [f"a=rid:{n} recv\r\n" in outcome.answer for n in range(3)] == [True] * 3
    assert outcome.media[1].rids == ("0", "1", "2")


def test_a_repair_stream_is_known_by_its_primary() -> None:
    """FFmpeg's repair SSRC has no a=ssrc line of its own; Chrome's has."""
    assert negotiated("ffmpeg-9", publish, "recvonly").media[1].rtx_ssrcs == {4039279581: 4039279580}
    chrome = negotiated("chrome-publish", publish, "recvonly").media[1]
    assert chrome.ssrcs == tuple(chrome.rtx_ssrcs.values())
    assert chrome.rtx_payload_type == 97


def test_p02_a_second_fmtp_line_is_merged() -> None:
    """VDO.Ninja's bitrate line does not cost the profile, and is not sent back."""
    outcome = negotiated("vdo-bitrate", publish, "recvonly")

    assert outcome.media[1].codec.parameters["profile-level-id"] == "42001f"
    assert "x-google" not in outcome.answer
    assert "maxptime:" not in outcome.answer


def test_p13_stereo_is_answered_when_the_publisher_has_it() -> None:
    """And not when it says mono; FFmpeg says nothing and gets the benefit of the doubt."""
    offer = parse_offer(offer_text("chrome-view"))
    assert isinstance(offer, Offer)
    for parameters, stereo in (({"stereo": "1"}, True), ({"sprop-stereo": "1"}, True), ({}, True), ({"x": "1"}, False)):
        outcome = play(offer, audio=Codec("OPUS", 48000, 2, parameters))
        assert isinstance(outcome, Negotiated)
        assert ("stereo=1;sprop-stereo=1" in outcome.answer) is stereo


def test_gst_bundle_only_sections_are_accepted() -> None:
    """Port 0 with bundle-only is not a rejection (P05), and forward error correction is not chosen (P19)."""
    outcome = negotiated("gst-maxbundle", publish, "recvonly")

    assert "m=video 9 UDP/TLS/RTP/SAVPF 97 100\r\n" in outcome.answer


def test_congestion_feedback_is_promised_where_it_is_sent() -> None:
    """P19: transport-cc to publishers that offer it with its extension, REMB to the others, neither to viewers."""
    for name in PUBLISHERS:
        for media in negotiated(name, publish, "recvonly").media:
            assert not (media.transport_cc and media.remb)
            assert media.transport_cc == (TRANSPORT_CC in media.extensions)
    for name in VIEWERS:
        assert not re.search("transport-cc|transport-wide-cc|goog-remb", negotiated(name, play, "sendonly").answer)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_a_damaged_offer_is_refused_or_answered(data: st.DataObject) -> None:
    """One line removed, doubled or damaged: 4xx or a working answer, never an exception (issue 6, section 1)."""
    name = data.draw(st.sampled_from(offer_names()))
    lines = offer_text(name).split("\r\n")
    place = data.draw(st.integers(0, len(lines) - 1))
    line = lines[place]
    match data.draw(st.sampled_from(["remove", "double", "cut", "insert", "replace", "swap"])):
        case "remove":
            lines.pop(place)
        case "double":
            lines.insert(place, line)
        case "cut":
            lines[place] = line[: data.draw(st.integers(0, len(line)))]
        case "insert":
            at = data.draw(st.integers(0, len(line)))
            lines[place] = line[:at] + data.draw(st.text(max_size=8)) + line[at:]
        case "replace":
            lines[place] = (
                data.draw(st.sampled_from(["a=", "m=", "", "a=fmtp:96", "a=rtpmap:", "m=audio 9 x"])) + line[2:]
            )
        case "swap":
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[place], lines[other] = lines[other], lines[place]
    text = "\r\n".join(lines)

    offer = parse_offer(text)

    if isinstance(offer, Refused):
        assert offer.status in (400, 413, 422)
        return
    answer, direction = (publish, "recvonly") if name in PUBLISHERS else (play, "sendonly")
    outcome = answer(offer)
    if isinstance(outcome, Refused):
        assert outcome.status == 422
    else:
        _check_damaged(text, outcome.answer, direction)


@settings(max_examples=300, deadline=None)
@given(text=st.text() | st.text().map(lambda rest: "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" + rest))
def test_any_text_is_refused_or_answered(text: str) -> None:
    """Nothing raises, whatever text arrives."""
    offer = parse_offer(text)

    outcome = offer if isinstance(offer, Refused) else publish(offer)
    assert isinstance(outcome, Refused | Negotiated)


def _check_damaged(offer: str, answer: str, direction: str) -> None:
    """What a damaged offer leaves of `check`: doubled lines make comparisons with the offer meaningless."""
    assert answer.startswith("v=0\r\n")
    assert answer.endswith("\r\n")
    assert answer.count("\r\nm=") == offer.replace("\r", "").count("\nm=")
    assert f"a={direction}\r\n" in answer
    assert answer.count("\n") == answer.count("\r\n")
