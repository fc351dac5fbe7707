"""Which payload type carries which codec (docs/conformance.md, P04 and P09 to P13)."""

import pytest

from sfu.negotiation import Codec
from sfu.sdp.codecs import Choice, describe, for_publisher, for_viewer, names, viewer_codec
from sfu.sdp.offer import Offer, OfferedSection, parse_offer


def section(kind: str, *lines: str, formats: str) -> OfferedSection:
    """A section that offers *formats* with *lines*."""
    offer = parse_offer("\r\n".join(["v=0", f"m={kind} 9 UDP/TLS/RTP/SAVPF {formats}", *lines, ""]))
    assert isinstance(offer, Offer)
    return offer.sections[0]


def h264(**profiles: str) -> OfferedSection:
    """A video section with H264 under each `p<payload type>` and its fmtp."""
    lines = [f"a=rtpmap:{name[1:]} H264/90000" for name in profiles]
    lines += [f"a=fmtp:{name[1:]} {fmtp}" for name, fmtp in profiles.items() if fmtp]
    return section("video", *lines, formats=" ".join(name[1:] for name in profiles))


def source(profile: str | None, mode: str | None = "1") -> Codec:
    """The H264 that a publisher sends."""
    pairs = {"profile-level-id": profile, "packetization-mode": mode}
    return Codec("H264", 90000, 1, {key: value for key, value in pairs.items() if value is not None})


def chosen(choice: Choice | None) -> int | None:
    """The payload type of a choice."""
    return None if choice is None else choice.format.payload_type


BROWSER = h264(
    p100="packetization-mode=1;profile-level-id=42001f",
    p101="packetization-mode=0;profile-level-id=42001f",
    p102="packetization-mode=1;profile-level-id=42e01f",
    p103="packetization-mode=1;profile-level-id=4d001f",
    p104="packetization-mode=1;profile-level-id=64001f",
)


@pytest.mark.parametrize(
    ("profile", "mode", "expected"),
    [
        ("42001e", "1", 100),
        ("42e01f", "1", 102),
        ("42E034", "1", 102),
        ("42c01f", "1", 100),  # constrained baseline by other bits: the first of the class
        ("4d0028", "1", 103),
        ("4de01f", "1", 100),  # main that keeps to constrained baseline (RFC 6184, table 5)
        ("640c1f", "1", 104),
        ("64002a", "1", 104),
        ("7a001f", "1", 100),  # high 4:2:2: nobody offers it, and the browser's decoder has the last word
        ("422001f", "1", 100),  # seven digits of early FFmpeg 8
        ("42001f", "0", 101),
        ("42001f", None, 101),  # an fmtp without the mode means mode 0 (RFC 6184)
        (None, None, 100),  # no fmtp at all fits any
        (None, "1", 100),  # no profile means baseline
    ],
)
def test_p09_h264_is_matched_by_profile_and_mode(profile: str | None, mode: str | None, expected: int) -> None:
    """It is never matched by level."""
    assert chosen(for_viewer(BROWSER, source(profile, mode))) == expected


def test_p09_a_mode_1_stream_is_not_sent_to_a_mode_0_receiver() -> None:
    """It could not put fragments together; the other way round is legal."""
    single = h264(p96="packetization-mode=0;profile-level-id=42e01f")

    assert for_viewer(single, source("42e01f", "1")) is None
    assert chosen(for_viewer(h264(p96="packetization-mode=1"), source("42e01f", "0"))) == 96


def test_p10_the_sps_decides_at_safari() -> None:
    """The media plane puts the SPS's profile in the source; Safari shows black under the wrong payload type."""
    safari = h264(
        p96="packetization-mode=1;profile-level-id=640c1f", p98="packetization-mode=1;profile-level-id=42e01f"
    )

    assert chosen(for_viewer(safari, source("42e01f"))) == 98
    assert chosen(for_viewer(safari, source("640c1f"))) == 96
    assert chosen(for_viewer(safari, source("64001f"))) == 96


def test_p09_a_richer_profile_plays_a_poorer_stream() -> None:
    """And a poorer one is the last resort, not a refusal."""
    assert chosen(for_viewer(h264(p96="packetization-mode=1;profile-level-id=640c1f"), source("42e01f"))) == 96
    assert chosen(for_viewer(h264(p96="packetization-mode=1;profile-level-id=42e01f"), source("640c1f"))) == 96


def test_p11_every_profile_is_taken_from_publishers() -> None:
    """Whatever the id says, or when it says nothing that can be read."""
    for profile in ("42e01f", "640028", "f4001f", "4220 01f", "zz"):
        assert chosen(for_publisher(h264(p96=f"packetization-mode=1;profile-level-id={profile}"))) == 96
    assert chosen(for_publisher(h264(p96=""))) == 96


def test_a_publisher_of_single_nal_units_first_gets_mode_1() -> None:
    """The same codec, better packed; and mode 2 (interleaved) is nothing that anybody plays."""
    both = h264(p96="packetization-mode=0;profile-level-id=42e01f", p97="packetization-mode=1;profile-level-id=42e01f")

    assert chosen(for_publisher(both)) == 97
    assert for_publisher(h264(p96="packetization-mode=2")) is None


def test_answers_allow_level_asymmetry() -> None:
    """So that nobody takes the answered level for a limit (P09)."""
    choice = for_viewer(BROWSER, source("42e01f"))
    assert choice is not None

    assert viewer_codec(choice.format, source("42e01f")).parameters["level-asymmetry-allowed"] == "1"


@pytest.mark.parametrize(
    ("codec", "offered", "fits"),
    [
        (Codec("VP8", 90000), "a=rtpmap:96 vp8/90000", True),
        (Codec("VP8", 90000), "a=rtpmap:96 VP8/48000", False),
        (Codec("VP9", 90000, 1, {"profile-id": "0"}), "a=rtpmap:96 VP9/90000\r\na=fmtp:96 profile-id=2", False),
        (Codec("VP9", 90000, 1, {"profile-id": "2"}), "a=rtpmap:96 VP9/90000\r\na=fmtp:96 profile-id=2", True),
        (Codec("VP9", 90000, 1, {"x": "y"}), "a=rtpmap:96 VP9/90000\r\na=fmtp:96 profile-id=0", True),
        (Codec("AV1", 90000), "a=rtpmap:96 AV1/90000\r\na=fmtp:96 level-idx=5;profile=0;tier=0", True),
        (Codec("AV1", 90000, 1, {"profile": "1"}), "a=rtpmap:96 AV1/90000\r\na=fmtp:96 profile=0", False),
        (Codec("H265", 90000), "a=rtpmap:96 H265/90000\r\na=fmtp:96 level-id=93;profile-id=1", True),
        (Codec("H265", 90000, 1, {"profile-id": "2"}), "a=rtpmap:96 H265/90000\r\na=fmtp:96 profile-id=1", False),
        (Codec("H265", 90000, 1, {"level-id": "120"}), "a=rtpmap:96 H265/90000\r\na=fmtp:96 level-id=93", True),
        (Codec("H264", 90000), "a=rtpmap:96 VP8/90000", False),
    ],
)
def test_p04_video_codecs_are_matched_by_what_makes_them_decodable(codec: Codec, offered: str, *, fits: bool) -> None:
    """Names without case; profiles, not levels; absent parameters mean their defaults."""
    assert (for_viewer(section("video", offered, formats="96"), codec) is not None) is fits


@pytest.mark.parametrize(
    ("codec", "lines", "formats", "expected"),
    [
        (Codec("OPUS", 48000, 2), ["a=rtpmap:96 OPUS/48000"], "96", 96),  # GStreamer, without /2
        (Codec("OPUS", 48000, 2), ["a=rtpmap:63 red/48000/2", "a=rtpmap:111 opus/48000/2"], "63 111", 111),
        (Codec("PCMU", 8000), [], "0 8 9", 0),
        (Codec("PCMA", 8000), [], "0 8 9", 8),
        (Codec("G722", 8000), ["a=rtpmap:9 G722/8000/1"], "0 8 9", 9),
        (Codec("PCMA", 8000), ["a=rtpmap:33 PCMA/8000/2"], "33", None),
        (Codec("OPUS", 48000, 2), [], "0 8 9", None),
        (
            Codec("MULTIOPUS", 48000, 6, {"channel_mapping": "0,4,1,2,3,5", "num_streams": "4"}),
            ["a=rtpmap:31 multiopus/48000/6", "a=fmtp:31 channel_mapping=0,4,1,2,3,5;num_streams=4"],
            "31",
            31,
        ),
        (
            Codec("MULTIOPUS", 48000, 6, {"channel_mapping": "0,4,1,2,3,5"}),
            ["a=rtpmap:31 multiopus/48000/6", "a=fmtp:31 channel_mapping=0,1,2,3,4,5"],
            "31",
            None,
        ),
    ],
)
def test_audio_codecs_are_matched(codec: Codec, lines: list[str], formats: str, expected: int | None) -> None:
    """Static payload types need no rtpmap; redundancy is never chosen; channels count, but for Opus."""
    assert chosen(for_viewer(section("audio", *lines, formats=formats), codec)) == expected


def test_p12_a_publisher_s_first_forwardable_format_is_taken() -> None:
    """Its own order is its preference."""
    lines = ["a=rtpmap:96 red/90000", "a=rtpmap:97 FOO/90000", "a=rtpmap:98 VP9/90000", "a=rtpmap:99 VP8/90000"]

    assert chosen(for_publisher(section("video", *lines, formats="96 97 98 99"))) == 98
    assert for_publisher(section("video", *lines, formats="96 97")) is None


def test_rtx_is_taken_with_nack_and_not_without() -> None:
    """Nobody would ask for a repair."""
    lines = ["a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96"]

    with_nack = for_publisher(section("video", *lines, "a=rtcp-fb:* nack", formats="96 97"))
    without = for_publisher(section("video", *lines, formats="96 97"))

    assert with_nack is not None
    assert with_nack.rtx is not None
    assert with_nack.rtx.payload_type == 97
    assert without is not None
    assert without.rtx is None


@pytest.mark.parametrize("payload_type", [64, 72, 95, 128, 999])
def test_p05_payload_types_of_rtcp_are_passed_over(payload_type: int) -> None:
    """They could not be told from RTCP on one port."""
    lines = [f"a=rtpmap:{payload_type} VP8/90000", "a=rtpmap:35 VP9/90000"]

    assert chosen(for_publisher(section("video", *lines, formats=f"{payload_type} 35"))) == 35


def test_names_of_both_sides_can_be_shown() -> None:
    """With the parameters that decide."""
    assert names(h264(p96="profile-level-id=42e01f")) == ["H264(42e01f)"]
    assert describe(Codec("VP9", 90000, 1, {"profile-id": "2"})) == "VP9(profile-id=2)"
    assert describe(Codec("VP8", 90000)) == "VP8"
