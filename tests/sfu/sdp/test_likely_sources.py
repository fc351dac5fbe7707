"""A viewer who comes before the publisher is answered what it can play, the likeliest first."""

import pytest

from sfu.negotiation import Negotiated
from sfu.sdp.answer import ViewerSsrcs, answer_play
from sfu.sdp.likely_sources import first_playable, likely_sources
from sfu.sdp.offer import Offer, parse_offer
from shared.refusals import Refused
from tests.sfu.signalling.fakes import LOCAL, OPUS, OURS, STREAM, offer_text, source


def answered(offer: str, last: str | None = None) -> list[str] | Refused:
    """The codecs of the answer to *offer*."""
    parsed = parse_offer(offer)
    assert isinstance(parsed, Offer)
    carried = source(video=None, audio=OPUS) if last == "sound" else None
    outcome = first_playable(
        parsed,
        likely_sources(carried),
        lambda of: answer_play(parsed, of, LOCAL, OURS, ViewerSsrcs(1, 2, 3, 4), STREAM),
    )
    return sorted(media.codec.name for media in outcome.media) if isinstance(outcome, Negotiated) else outcome


@pytest.mark.parametrize("last", [None, "sound"])
def test_h264_is_the_first_guess(last: str | None) -> None:
    """A picture is wanted, even where the stream had none before."""
    assert answered(offer_text("chrome-view"), last) == ["H264", "OPUS"]


def test_without_h264_it_is_what_the_viewer_has() -> None:
    """A browser without the licence."""
    offer = offer_text("chrome-view").replace("H264/90000", "H269/90000")

    assert answered(offer) == ["OPUS", "VP8"]


def test_nothing_to_play_is_refused() -> None:
    """As for a live stream."""
    outcome = answered(offer_text("chrome-view").replace("/90000", "/90001").replace("opus/48000", "sopus/48000"))

    assert isinstance(outcome, Refused)
    assert outcome.status == 422
