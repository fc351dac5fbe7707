"""Another stack's client, aiortc's, sets our answers as its remote description, whichever section is refused."""

import re

import pytest
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from sfu.negotiation import Negotiated
from sfu.sdp.answer import ViewerSsrcs, answer_play
from sfu.sdp.offer import Offer, parse_offer
from tests.sfu.signalling.fakes import H264, LOCAL, OPUS, OURS, STREAM, source


@pytest.mark.parametrize("policy", list(RTCBundlePolicy))
@pytest.mark.parametrize(
    ("offered", "carried"),
    [
        (("video", "audio"), {"audio"}),
        (("audio", "video"), {"video"}),
        (("video", "audio"), {"audio", "video"}),
        (("audio", "video"), {"audio", "video"}),
    ],
)
@pytest.mark.parametrize("form", ["whole", "bundle-only"])
async def test_1b_11_aiortc_takes_answers_with_a_section_kept(
    policy: RTCBundlePolicy, offered: tuple[str, ...], carried: set[str], form: str
) -> None:
    """As Chromium does, asked in the shortest form that max-bundle allows too. An answer with a rejected section is none that
    aiortc 1.16 takes from anybody: it wants ICE credentials in each.
    """
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=policy))
    try:
        for kind in offered:
            peer.addTransceiver(kind, direction="recvonly")
        await peer.setLocalDescription(await peer.createOffer())
        text = peer.localDescription.sdp
        first, second = re.split("(?=m=)", text)[1:]
        if form == "bundle-only":
            bare = re.sub("a=(ice-|fingerprint|setup|rtcp|candidate|end-of-).*\r\n", "", second)
            text = text.replace(second, re.sub("^(m=[a-z]+) [0-9]+", r"\1 0", bare) + "a=bundle-only\r\n")
        offer = parse_offer(text)
        assert isinstance(offer, Offer)
        carries = source(H264 if "video" in carried else None, OPUS if "audio" in carried else None)

        outcome = answer_play(offer, carries, LOCAL, OURS, ViewerSsrcs(1, 2, 3, 4), STREAM)
        assert isinstance(outcome, Negotiated)
        await peer.setRemoteDescription(RTCSessionDescription(outcome.answer, "answer"))

        assert outcome.remote.ufrag in first
        assert peer.signalingState == "stable"
        directions = {one.kind: one.currentDirection for one in peer.getTransceivers()}
        assert {kind for kind, direction in directions.items() if direction == "recvonly"} == carried
    finally:
        await peer.close()
