"""Offers that aiortc's reader fails on and ours does not: why SDP is our own (docs/decisions/010-sdp-of-our-own.md)."""

import pytest
from aiortc.sdp import SessionDescription

from sfu.sdp.offer import Offer, parse_offer
from shared.refusals import Refused
from tests.sfu.signalling.fakes import OFFERS

CHROME = (OFFERS / "chrome-publish.sdp").read_bytes().decode()
SIMULCAST = (OFFERS / "chrome-simulcast.sdp").read_bytes().decode()
EXTENSION = next(line for line in CHROME.splitlines() if line.startswith("a=extmap:"))

ODD: dict[str, tuple[str, type[Exception]]] = {
    "a left-over rtpmap": (CHROME.replace("a=rtpmap:111 opus", "a=rtpmap:250 opus"), StopIteration),
    "a clock rate of letters": (CHROME.replace("opus/48000/2", "opus/fast/2"), ValueError),
    "an unknown role": (CHROME.replace("a=setup:actpass", "a=setup:both"), KeyError),
    "an extension without a number": (CHROME.replace(EXTENSION, "a=extmap:x urn:x"), ValueError),
    "an SSRC of letters": (CHROME + "a=ssrc:abc cname:x\r\n", ValueError),
    "a short candidate": (CHROME + "a=candidate:1 1 udp\r\n", AssertionError),
}
WRONG: dict[str, str] = {
    "nothing": "",
    "a line without an equals sign": CHROME + "hello\r\n",
    "a NUL": CHROME.replace("a=mid:0", "a=mid:0\0"),
}


@pytest.mark.parametrize("what", ODD)
def test_what_clients_may_send_is_read_by_ours_alone(what: str) -> None:
    """The day on which aiortc reads one of these, the decision is looked at again."""
    text, error = ODD[what]

    with pytest.raises(error):
        SessionDescription.parse(text)
    assert isinstance(parse_offer(text), Offer)


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_offer_is_refused_by_ours_alone(what: str) -> None:
    """By aiortc it is taken for a description of less."""
    SessionDescription.parse(WRONG[what])

    assert isinstance(parse_offer(WRONG[what]), Refused)


def test_simulcast_is_lost_on_its_way_through_aiortc() -> None:
    """RFC 8853's attributes are not printed again."""
    offer = parse_offer(SIMULCAST)

    assert len(_layers(SIMULCAST)) == 4
    assert _layers(str(SessionDescription.parse(SIMULCAST))) == []
    assert isinstance(offer, Offer)
    assert [section.layers for section in offer.sections if section.kind == "video"] == [("h", "m", "l")]


def _layers(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("a=rid:", "a=simulcast:"))]
