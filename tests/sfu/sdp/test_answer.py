"""What is accepted of an offer and what is refused: docs/conformance.md, by item."""

import re
from typing import Any

import pytest

from sfu.negotiation import (
    MID,
    RID,
    TRANSPORT_CC,
    Candidate,
    Capabilities,
    Codec,
    DtlsRole,
    IceCredentials,
    LocalEndpoint,
    Negotiated,
    SourceDescription,
    SourceTrack,
)
from sfu.sdp.answer import ViewerSsrcs, answer_play, answer_publish
from sfu.sdp.offer import parse_offer
from shared.refusals import Code, Refused
from tests.sfu.answers import read
from tests.sfu.signalling.fakes import H264, LOCAL, OPUS, OUR_FINGERPRINT, OURS, STREAM, offer_names, offer_text, source

SSRCS = ViewerSsrcs(audio=11, audio_rtx=12, video=13, video_rtx=14)
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
"""What browsers offer beside the extensions that we use."""
FINGERPRINT = "sha-256 " + ":".join(["C4"] * 32)


def small_offer(
    *kinds: str,
    direction: str = "sendonly",
    bundle: str | None = "BUNDLE 0 1",
    setup: str | None = "actpass",
    ufrag: str = "abcd",
    pwd: str = "a" * 22,
    fingerprint: str | None = FINGERPRINT,
    mux: bool = True,
    extra: str = "",
) -> str:
    """An offer of *kinds* (audio and video unless given), every section alike."""
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", *([f"a=group:{bundle}"] if bundle else [])]
    for mid, kind in enumerate(kinds or ("audio", "video")):
        codec = "opus/48000/2" if kind == "audio" else "H264/90000"
        lines += [f"m={kind} 9 UDP/TLS/RTP/SAVPF 96", f"a=mid:{mid}", f"a=rtpmap:96 {codec}", f"a={direction}"]
        lines += [f"a=ice-ufrag:{ufrag}", f"a=ice-pwd:{pwd}"]
        lines += [f"a=fingerprint:{fingerprint}"] if fingerprint else []
        lines += [f"a=setup:{setup}"] if setup else []
        lines += ["a=rtcp-mux"] if mux else []
        lines += [extra] if extra else []
    return "\r\n".join([*lines, ""])


def publish(text: str, local: LocalEndpoint = LOCAL, **more: Any) -> Negotiated | Refused:
    """Answer the offer of a publisher."""
    offer = parse_offer(text)
    return offer if isinstance(offer, Refused) else answer_publish(offer, local, OURS, **more)


def play(text: str, carried: SourceDescription | None = None, local: LocalEndpoint = LOCAL) -> Negotiated | Refused:
    """Answer the offer of a viewer."""
    offer = parse_offer(text)
    if isinstance(offer, Refused):
        return offer
    return answer_play(offer, carried or source(), local, OURS, SSRCS, STREAM)


def accepted(outcome: Negotiated | Refused) -> Negotiated:
    """The outcome, which must be an answer."""
    assert isinstance(outcome, Negotiated)
    return outcome


def refused(outcome: Negotiated | Refused) -> Refused:
    """The outcome, which must be 422 UNSUPPORTED_OFFER."""
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.status) == (Code.UNSUPPORTED_OFFER, 422)
    return outcome


# --- WHIP -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["inactive", "recvonly"])
def test_1a_04_whip_offers_that_do_not_send_are_refused(direction: str) -> None:
    """And say which direction is wanted."""
    assert "sendonly or sendrecv" in refused(publish(small_offer(direction=direction))).error


@pytest.mark.parametrize("direction", ["sendonly", "sendrecv", "nothing-stated"])
def test_1a_05_accepted_whip_sections_are_recvonly(direction: str) -> None:
    """Whatever way of sending was offered; without a direction it is sendrecv."""
    answer = accepted(publish(small_offer(direction=direction))).answer

    assert re.findall("a=(sendonly|recvonly|sendrecv|inactive)\r\n", answer) == ["recvonly", "recvonly"]


def test_1a_05_a_session_level_direction_holds_for_all_sections() -> None:
    """RFC 8866, section 6.7; Firefox states one."""
    text = small_offer(direction="x").replace("t=0 0\r\n", "t=0 0\r\na=recvonly\r\n")

    refused(publish(text))


def test_1a_07_all_candidates_are_in_the_answer_once() -> None:
    """Host candidates of component 1 over UDP, IPv4 first, the end marked."""
    tagged, other = read(accepted(publish(small_offer())).answer).media

    assert tagged.values("candidate") == [
        "1 1 udp 2130706431 192.0.2.1 8189 typ host",
        "2 1 udp 2130706175 192.0.2.2 8189 typ host",
        "3 1 udp 2130705919 2001:db8::1 8189 typ host",
    ]
    assert tagged.has("end-of-candidates")
    assert not other.has("candidate")


def test_1a_11_sections_are_bundled_and_muxed() -> None:
    """`rtcp-mux-only` is answered and not required."""
    answer = accepted(publish(small_offer())).answer

    assert "a=group:BUNDLE 0 1\r\n" in answer
    assert answer.count("a=rtcp-mux\r\n") == answer.count("a=rtcp-mux-only\r\n") == 2


@pytest.mark.parametrize("bundle", [None, "BUNDLE 0", "BUNDLE", "LS 0 1"])
def test_1a_12_two_sections_without_bundle_are_refused(bundle: str | None) -> None:
    """A session has one transport only."""
    assert "BUNDLE" in refused(publish(small_offer(bundle=bundle))).error


def test_1a_12_one_section_needs_no_bundle() -> None:
    """And then the answer has no group, because none was offered."""
    answer = accepted(publish(small_offer("audio", bundle=None))).answer

    assert "a=group" not in answer


def test_1a_12_without_rtcp_mux_is_refused() -> None:
    """A session has one port only."""
    assert "rtcp-mux" in refused(publish(small_offer(mux=False))).error


@pytest.mark.parametrize("kinds", [("video", "video"), ("audio", "audio"), ("audio", "video", "video")])
def test_1a_13_more_than_one_of_a_kind_is_refused(kinds: tuple[str, ...]) -> None:
    """With 422, so that nobody retries it."""
    assert "more than one" in refused(publish(small_offer(*kinds, bundle="BUNDLE 0 1 2"))).error


def test_1a_13_two_stream_ids_or_none_are_accepted() -> None:
    """VDO.Ninja without a microphone sends two."""
    two = small_offer(extra="a=msid:one track")
    two = two[::-1].replace("a=msid:one track"[::-1], "a=msid:two track"[::-1], 1)[::-1]

    assert len(accepted(publish(two)).media) == len(accepted(publish(small_offer())).media) == 2


def test_1a_14_no_partial_answers_for_publishers() -> None:
    """A section without a common codec refuses the whole offer, and the refusal names what would do."""
    outcome = refused(publish(small_offer().replace("opus/48000/2", "iLBC/8000")))

    assert outcome.context == {
        "media": "audio",
        "offered": ["ILBC"],
        "supported": ["opus", "PCMU", "PCMA", "G722"],
    }


@pytest.mark.parametrize(
    ("setup", "answered", "role"),
    [
        ("actpass", "passive", DtlsRole.SERVER),
        ("active", "passive", DtlsRole.SERVER),
        ("passive", "active", DtlsRole.CLIENT),
        (None, "passive", DtlsRole.SERVER),
    ],
)
def test_1a_15_the_dtls_role_is_the_other_one(setup: str | None, answered: str, role: DtlsRole) -> None:
    """FFmpeg offers `passive`, so that we are the DTLS client."""
    outcome = accepted(publish(small_offer(setup=setup)))

    assert outcome.answer.count(f"a=setup:{answered}\r\n") == 2
    assert outcome.dtls_role is role


@pytest.mark.parametrize("setup", ["holdconn", "nonsense"])
def test_1a_15_other_dtls_roles_are_refused(setup: str) -> None:
    """P1: aiortc's parser raised here."""
    refused(publish(small_offer(setup=setup)))


def test_1a_16_the_answer_says_ice_lite_once_for_the_session() -> None:
    """FFmpeg counts a binding response only then."""
    answer = read(accepted(publish(small_offer())).answer)

    assert "a=ice-lite" in answer.session.lines
    assert "a=ice-options:trickle ice2" in answer.session.lines


@pytest.mark.parametrize(
    ("lines", "layers"),
    [
        ("a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l", ("h", "l")),
        ("a=rid:h send\r\na=rid:l send\r\na=simulcast: send rid=h;l", ("h", "l")),
        ("a=rid:h send\r\na=rid:l send\r\na=simulcast:recv h send h,x;~l", ("h", "l")),
        ("a=rid:h send\r\na=simulcast:send h;l", ()),
        ("a=rid:h recv\r\na=rid:l recv\r\na=simulcast:send h;l", ()),
        ("a=rid:h send\r\na=simulcast:send h", ()),
        ("a=rid:h send\r\na=rid:l send", ()),
        ("a=simulcast:send", ()),
        ("a=simulcast", ()),
    ],
)
def test_1a_17_simulcast_is_answered_whole_or_not_at_all(lines: str, layers: tuple[str, ...]) -> None:
    """As RFC 8853, section 5.3.2, has it."""
    outcome = accepted(publish(small_offer("video", bundle=None, extra=lines)))

    assert outcome.media[0].rids == layers
    assert re.findall("a=rid:(.*) recv\r\n", outcome.answer) == list(layers)
    assert ("a=simulcast:recv " + ";".join(layers) + "\r\n" in outcome.answer) is bool(layers)


def test_1a_17_simulcast_can_be_switched_off() -> None:
    """Then nothing of it is in the answer."""
    local = LocalEndpoint(LOCAL.fingerprints, LOCAL.candidates, Capabilities(simulcast=False))

    assert "simulcast" not in accepted(publish(offer_text("obs-simulcast"), local)).answer


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"ufrag": "abc"}, "ice-ufrag"),
        ({"ufrag": "ab cd"}, "ice-ufrag"),
        ({"pwd": "short"}, "ice-pwd"),
        ({"fingerprint": None}, "fingerprint"),
        ({"fingerprint": "sha-1 " + ":".join(["C4"] * 20)}, "fingerprint"),
        ({"fingerprint": "sha-256 C4:C4"}, "fingerprint"),
        ({"fingerprint": "sha-256"}, "fingerprint"),
    ],
)
def test_1a_03_a_transport_that_cannot_be_served_is_a_422(changes: dict[str, Any], word: str) -> None:
    """It parses, so it is no 400, and the refusal names the attribute."""
    assert word in refused(publish(small_offer(**changes))).error


def test_1a_03_no_ice_credentials_is_a_422() -> None:
    """Not one section states any."""
    text = re.sub("a=ice-ufrag:.*\r\n", "", small_offer())

    assert "ICE" in refused(publish(text)).error


def test_two_sections_with_one_mid_are_refused() -> None:
    """Nobody could tell which is meant."""
    assert "a=mid" in refused(publish(small_offer().replace("a=mid:1", "a=mid:0"))).error


def test_unencrypted_media_is_refused() -> None:
    """The refusal says what to offer."""
    assert "SAVPF" in refused(publish(small_offer().replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"))).error


def test_an_offer_without_audio_and_video_is_refused() -> None:
    """A data channel alone, or sections that the offerer itself disabled."""
    refused(publish(small_offer("application")))
    refused(publish(small_offer("audio").replace("m=audio 9", "m=audio 0")))


def test_a_section_that_the_offerer_disabled_stays_so() -> None:
    """Port 0 without bundle-only is a section that is not wanted (P05)."""
    outcome = accepted(publish(small_offer().replace("m=video 9", "m=video 0")))

    assert [media.kind for media in outcome.media] == ["audio"]
    assert "m=video 0 " in outcome.answer
    assert "a=group:BUNDLE 0\r\n" in outcome.answer


def test_transport_attributes_may_stand_in_one_bundled_section_only() -> None:
    """Max-bundle clients need not repeat them."""
    head, video = small_offer().split("m=video")
    video = re.sub("a=(ice-|fingerprint|setup).*\r\n", "", video)

    assert accepted(publish(f"{head}m=video{video}")).remote == IceCredentials("abcd", "a" * 22)


def bundle_only(text: str, kind: str) -> str:
    """*text* with its section of *kind* in the form of RFC 9143, section 7.2.2: nothing of the transport is in it."""
    head, *sections = re.split("(?=m=)", text)
    stripped = [
        re.sub("a=(ice-|fingerprint|setup|rtcp-mux).*\r\n", "", s).replace(f"{kind} 9", f"{kind} 0")
        + "a=bundle-only\r\n"
        if s.startswith(f"m={kind}")
        else s
        for s in sections
    ]
    return "".join([head, *stripped])


@pytest.mark.parametrize("name", ["chrome-maxbundle", "firefox-maxbundle", "gst-maxbundle", "obs", "vdo-bitrate"])
def test_p05_a_bundled_section_inherits_what_the_tagged_one_says(name: str) -> None:
    """The answer is the same as if the section said it itself, to the byte."""
    text = offer_text(name)
    small = bundle_only(text, "video")
    assert "rtcp-mux" not in small.split("m=video")[1]

    assert accepted(publish(small)) == accepted(publish(text))


def test_p05_reduced_size_reports_are_inherited_too() -> None:
    """RFC 8859 has a=rtcp-rsize under IDENTICAL, as a=rtcp-mux."""
    text = small_offer().replace("a=rtcp-mux", "a=rtcp-mux\r\na=rtcp-rsize", 1)

    assert [media.reduced_size for media in accepted(publish(text)).media] == [True, True]


def test_p05_a_tagged_section_that_is_not_accepted_speaks_for_the_others() -> None:
    """A viewer whose first section is picture, of a stream with sound alone."""
    text = bundle_only(offer_text("chrome-view"), "audio")

    outcome = accepted(play(text, source(video=None)))

    assert outcome.remote.ufrag == "tagC"
    assert outcome == accepted(play(offer_text("chrome-view"), source(video=None)))


def test_p05_the_tagged_section_s_transport_wins() -> None:
    """Each section may state one of its own, for peers that do not bundle (RFC 9143, section 7.1.3)."""
    text = small_offer(direction="recvonly", bundle="BUNDLE 1 0")
    text = text.replace("ice-ufrag:abcd", "ice-ufrag:audio", 1).replace("ice-pwd:a", "ice-pwd:b", 1)

    assert accepted(play(text)).remote == IceCredentials("abcd", "a" * 22)
    assert accepted(play(text, source(video=None))).remote == IceCredentials("abcd", "a" * 22)
    apart = accepted(play(text.replace("a=group:BUNDLE 1 0\r\n", ""), source(video=None)))
    assert apart.remote == IceCredentials("audio", "b" + "a" * 21)


def test_p05_a_section_outside_of_the_group_inherits_nothing() -> None:
    """It has a transport of its own, and no RTCP with it."""
    text = small_offer(bundle="BUNDLE 0").replace("m=video 9", "m=video 0")
    _, video = text.split("m=video")
    lonely = text.replace(video, video.replace("a=rtcp-mux\r\n", "a=bundle-only\r\n"))

    assert "BUNDLE" in refused(publish(lonely)).error


@pytest.mark.parametrize("extra", ["-", "_", "=", "#", "+", "/"])
def test_ice_credentials_are_what_browsers_tolerate(extra: str) -> None:
    """RFC 8839 has letters, digits, `+` and `/`; base64url and padded base64 are met all the same."""
    outcome = accepted(publish(small_offer(ufrag=f"ab{extra}cd{extra}", pwd=f"{extra}{'a' * 22}{extra}")))

    assert outcome.remote == IceCredentials(f"ab{extra}cd{extra}", f"{extra}{'a' * 22}{extra}")


def test_fingerprints_may_be_several() -> None:
    """RFC 8122, section 5: of several certificates or hash functions; unknown and broken ones are passed over."""
    right = ":".join(["C4"] * 32)
    lines = [
        f"sha-256 {':'.join(['AA'] * 32)}",
        f"SHA-256  {right.lower()} ",
        f"sha-1 {':'.join(['AA'] * 20)}",
        "sha-999 AA",
    ]
    text = small_offer(fingerprint="\r\na=fingerprint:".join(lines))

    found = accepted(publish(text)).remote_fingerprints

    assert [(f.algorithm, f.value) for f in found] == [("sha-256", ":".join(["AA"] * 32)), ("sha-256", right)]


def test_a_section_s_fingerprints_replace_the_session_s() -> None:
    """RFC 8122, section 5: the session's are for sections without one of their own."""
    session = f"a=fingerprint:sha-256 {':'.join(['BB'] * 32)}\r\nm=audio"
    own = small_offer().replace("m=audio", session, 1)
    none = small_offer(fingerprint=None).replace("m=audio", session, 1)

    assert [f.value[:2] for f in accepted(publish(own)).remote_fingerprints] == ["C4"]
    assert [f.value[:2] for f in accepted(publish(none)).remote_fingerprints] == ["BB"]


def test_parameters_that_are_no_text_are_not_repeated() -> None:
    """An answer holds what it can repeat to the byte; the rest of the offer is served."""
    outcome = accepted(publish(small_offer("video", bundle=None, extra="a=fmtp:96 packetization-mode=1;x=\ufffd;y=1")))

    assert outcome.media[0].codec.parameters == {"packetization-mode": "1", "y": "1"}
    assert outcome.answer.isascii()


def test_the_limit_of_the_grant_is_in_the_answer() -> None:
    """Chrome and Firefox keep to it by themselves."""
    assert "b=TIAS:2500000\r\n" in accepted(publish(small_offer(), max_kbps=2500)).answer
    assert "b=" not in accepted(publish(small_offer(), max_kbps=0)).answer


def test_p14_header_extensions_are_those_that_media_reads() -> None:
    """With the offer's ids; a direction is turned around, and one that cannot be used is left out."""
    extra = "\r\n".join(
        [
            f"a=extmap:4 {MID}",
            f"a=extmap:10/sendonly {RID}",
            f"a=extmap:2 {ABS_SEND_TIME}",
            f"a=extmap:3 {TRANSPORT_CC}",
            "a=extmap:20 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            "a=extmap:5",
            "a=extmap:x y",
        ]
    )
    outcome = accepted(publish(small_offer("video", bundle=None, extra=extra)))

    assert outcome.media[0].extensions == {MID: 4, RID: 10}
    assert re.findall("a=extmap:(.*)\r\n", outcome.answer) == [f"4 {MID}", f"10/recvonly {RID}"]
    wrong_way = small_offer("video", bundle=None, extra=f"a=extmap:4/recvonly {MID}")
    assert accepted(publish(wrong_way)).media[0].extensions == {}


def test_p19_one_way_of_congestion_feedback_is_negotiated() -> None:
    """Transport-wide where the client offers both halves of it, else REMB; a media plane without it says so."""
    chrome, obs = offer_text("chrome-publish"), offer_text("obs")

    with_it, without_it = accepted(publish(chrome)).media[1], accepted(publish(obs)).media[1]

    assert (with_it.transport_cc, with_it.remb, TRANSPORT_CC in with_it.extensions) == (True, False, True)
    assert (without_it.transport_cc, without_it.remb) == (False, True)
    half = chrome.replace("transport-cc\r\n", "x-other\r\n")
    assert TRANSPORT_CC not in accepted(publish(half)).media[1].extensions
    local = LocalEndpoint(LOCAL.fingerprints, LOCAL.candidates, Capabilities(transport_cc=False))
    plain = accepted(publish(chrome, local)).media[1]
    assert (plain.transport_cc, plain.remb, TRANSPORT_CC in plain.extensions) == (False, True, False)


def test_rtx_can_be_switched_off() -> None:
    """For publishers, and for viewers too."""
    local = LocalEndpoint(LOCAL.fingerprints, LOCAL.candidates, Capabilities(publish_rtx=False, play_rtx=False))

    assert "rtx" not in accepted(publish(offer_text("chrome-publish"), local)).answer
    assert "rtx" not in accepted(play(offer_text("chrome-view"), local=local)).answer


# --- WHEP -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["recvonly", "sendrecv"])
def test_1b_04_whep_answers_are_sendonly(direction: str) -> None:
    """Those to `sendrecv` offers are, too."""
    answer = accepted(play(small_offer(direction=direction))).answer

    assert re.findall("a=(sendonly|recvonly|sendrecv|inactive)\r\n", answer) == ["sendonly", "sendonly"]


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_1b_04_whep_offers_that_do_not_receive_are_refused(direction: str) -> None:
    """422, because Eyevinn's player answers a 400 with an empty POST."""
    refused(play(small_offer(direction=direction)))


def test_1b_10_one_stream_id_and_one_of_each_kind() -> None:
    """P22: a real, shared stream id; P17: each SSRC has its own line."""
    answer = read(accepted(play(offer_text("chrome-view"))).answer)

    assert [part.values("msid") for part in answer.media] == [[f"{STREAM} video"], [f"{STREAM} audio"]]
    video, audio = answer.media
    assert video.values("ssrc-group") == ["FID 13 14"]
    assert video.values("ssrc") == [
        f"13 cname:{STREAM}",
        f"13 msid:{STREAM} video",
        f"14 cname:{STREAM}",
        f"14 msid:{STREAM} video",
    ]
    assert audio.values("ssrc") == [f"11 cname:{STREAM}", f"11 msid:{STREAM} audio"]
    refused(play(small_offer("video", "video", direction="recvonly")))


def test_1b_11_a_kind_that_the_stream_lacks_is_rejected() -> None:
    """Port 0, its mid kept, out of BUNDLE; the tagged section heads the group and carries the candidates."""
    outcome = accepted(play(offer_text("chrome-view"), source(audio=None)))
    video, audio = read(outcome.answer).media

    assert (audio.port, audio.values("mid"), audio.has("ice-ufrag")) == (0, ["1"], False)
    assert (video.port, video.has("candidate")) == (9, True)
    assert "a=group:BUNDLE 0\r\n" in outcome.answer
    assert [media.kind for media in outcome.media] == ["video"]


def test_1b_11_a_tagged_section_that_the_stream_lacks_is_kept_inactive() -> None:
    """Rejecting it would reject the whole group (RFC 9143, section 7.3.3): it carries the transport and no media."""
    outcome = accepted(play(offer_text("chrome-view"), source(video=None)))
    video, audio = read(outcome.answer).media

    assert (video.port, video.values("mid"), video.has("inactive"), video.has("candidate")) == (9, ["0"], True, True)
    assert (video.formats, video.values("rtpmap")) == (["96"], ["96 VP8/90000"])
    assert (audio.port, audio.has("sendonly"), audio.has("candidate")) == (9, True, False)
    assert "a=group:BUNDLE 0 1\r\n" in outcome.answer
    assert [media.kind for media in outcome.media] == ["audio"]


def test_1b_11_a_tagged_section_that_nobody_serves_is_a_422() -> None:
    """No answer without it can be applied by everybody, and we promise no data channel; the refusal says what to do."""
    channel = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\nm=audio"
    text = small_offer(direction="recvonly", bundle="BUNDLE 2 0 1").replace("m=audio", channel, 1)

    assert "application" in refused(play(text)).error
    accepted(play(text.replace("BUNDLE 2 0 1", "BUNDLE 0 1 2")))


def test_1b_11_the_tagged_section_is_the_first_of_the_group_wherever_it_stands() -> None:
    """RFC 9143, section 7.3.1: it is tagged in the answer too, and carries the candidates."""
    outcome = accepted(play(small_offer(direction="recvonly", bundle="BUNDLE 1 0")))
    audio, video = read(outcome.answer).media

    assert "a=group:BUNDLE 1 0\r\n" in outcome.answer
    assert (audio.has("candidate"), video.has("candidate")) == (False, True)


def test_1b_11_data_channels_are_rejected() -> None:
    """MediaMTX's reader always offers one."""
    outcome = accepted(play(offer_text("mediamtx-reader")))

    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" in outcome.answer
    assert "a=group:BUNDLE 0 1\r\n" in outcome.answer


@pytest.mark.parametrize(
    ("kind", "rtpmap", "fmtp"),
    [
        ("video", "H264/90000", "packetization-mode=1;profile-level-id=640032"),
        ("video", "VP8/90000", ""),
        ("video", "VP9/90000", "profile-id=2"),
        ("video", "AV1/90000", "profile=0;level-idx=5;tier=0"),
        ("video", "H265/90000", "profile-id=1;tier-flag=0;level-id=93"),
        ("audio", "opus/48000/2", "stereo=1;useinbandfec=1;usedtx=1"),
        ("audio", "multiopus/48000/6", "channel_mapping=0,4,1,2,3,5;num_streams=4;coupled_streams=2"),
        ("audio", "PCMU/8000", ""),
        ("audio", "PCMA/8000", ""),
        ("audio", "G722/8000", ""),
    ],
)
def test_every_codec_passes_from_publisher_to_viewer(kind: str, rtpmap: str, fmtp: str) -> None:
    """As it was offered, under the viewer's own payload type; whoever has it not is told both sides' codecs."""

    def offer(number: int, direction: str) -> str:
        text = small_offer(kind, direction=direction, bundle=None)
        head, _, rest = text.partition(f"m={kind}")
        port = rest.split()[:2]
        lines = [f"m={kind} {port[0]} {port[1]} {number}", *re.findall("c=.*", rest)]
        lines += [
            line
            for line in rest.split("\r\n")
            if line.startswith("a=") and not re.match("a=(rtpmap|fmtp|rtcp-fb)", line)
        ]
        lines += [f"a=rtpmap:{number} {rtpmap}", *([f"a=fmtp:{number} {fmtp}"] if fmtp else [])]
        return head + "\r\n".join(lines) + "\r\n"

    (sent,) = accepted(publish(offer(35, "sendonly"))).media
    assert sent.codec.name == rtpmap.partition("/")[0].upper()
    stream = SourceDescription((SourceTrack(sent.kind, sent.codec),))

    (got,) = accepted(play(offer(120, "recvonly"), stream)).media

    assert (got.codec.name, got.codec.clock_rate, got.codec.channels, got.payload_type) == (
        sent.codec.name, sent.codec.clock_rate, sent.codec.channels, 120,
    )  # fmt: skip
    assert set(sent.codec.parameters.items()) <= set(got.codec.parameters.items())
    other = offer(120, "recvonly").replace(rtpmap, "L16/44100").replace(fmtp or "no", "x=1")
    told = refused(play(other, stream))
    assert told.code is Code.UNSUPPORTED_OFFER
    assert sent.codec.name in str(told.context["stream"])
    assert "L16" in str(told.context["offered"])


def test_p12_audio_alone_where_the_video_cannot_be_played() -> None:
    """Better heard than not at all."""
    h265 = source(video=Codec("H265", 90000))

    outcome = accepted(play(offer_text("firefox-view"), h265))

    assert [media.kind for media in outcome.media] == ["audio"]


def test_p12_nothing_in_common_names_both_sides() -> None:
    """So that a person sees what to change."""
    outcome = refused(play(offer_text("firefox-view"), source(video=Codec("H265", 90000), audio=None)))

    assert outcome.context["stream"] == {"video": "H265"}
    assert outcome.context["offered"]["video"][:2] == ["VP8", "VP9"]
    assert "H265" in outcome.error


def test_an_audio_only_viewer_gets_audio() -> None:
    """One section, and no SSRC of the other kind."""
    outcome = accepted(play(small_offer("audio", direction="recvonly", bundle=None)))

    assert [media.ssrc for media in outcome.media] == [11]


def test_the_viewer_s_payload_types_are_its_own() -> None:
    """P14: whatever the publisher's were."""
    outcome = accepted(play(offer_text("firefox-view")))

    video, audio = outcome.media
    assert (video.payload_type, video.rtx_payload_type, audio.payload_type) == (126, 127, 109)
    assert (video.ssrc, video.rtx_ssrc, audio.ssrc, audio.rtx_ssrc) == (13, 14, 11, None)
    assert (video.nack, video.pli, video.fir) == (True, True, True)
    assert outcome.remote_fingerprints[0].value.startswith("C4:68:F8")


def test_an_answer_with_ipv6_only_is_still_one() -> None:
    """A node may have no IPv4 address."""
    local = LocalEndpoint((OUR_FINGERPRINT,), (Candidate("2001:db8::1", 8189),))

    assert "2001:db8::1 8189 typ host" in accepted(publish(small_offer(), local)).answer


def test_passwords_are_not_in_reprs() -> None:
    """They would get into logs."""
    outcome = accepted(play(offer_text("chrome-view"), source(H264, OPUS)))

    assert OURS.pwd not in repr(outcome)
    assert "a" * 22 not in repr(parse_offer(small_offer()))


@pytest.mark.parametrize("name", offer_names())
def test_ffmpeg_alone_hears_no_close_notify(name: str) -> None:
    """Whichever DTLS role it has, and whatever it sends; every other client does."""
    negotiated = publish(offer_text(name))
    if isinstance(negotiated, Negotiated):  # viewers' offers are no publisher's
        assert negotiated.hears_close is not name.startswith("ffmpeg")


def test_ssrcs_are_distinct_and_not_zero() -> None:
    """Whatever the random bytes are."""
    ssrcs = ViewerSsrcs.from_bytes(b"\0" * 8 + b"\xff" * 8)

    assert [*ssrcs.of("audio"), *ssrcs.of("video")] == [1, 2, 2**32 - 1, 3]
