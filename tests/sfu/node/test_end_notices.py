"""An end is told to everybody concerned."""

import logging
from collections import Counter

import pytest

from sfu.node.end_notices import EndNotices
from sfu.plane.session import Ended
from sfu.signalling.http_sessions import HttpSessions
from shared.grants import Action
from shared.messages import EndedReport, Load
from tests.sfu.control.links import silent_link
from tests.sfu.media_harness import grant


class _Node:
    """End notices with all that they are told to."""

    def __init__(self) -> None:
        self.counted: Counter[tuple[str, str]] = Counter()
        self.link = silent_link()
        self.notices = EndNotices(
            self.link, HttpSessions(), lambda action, reason: self.counted.update([(action, reason)])
        )

    def told(self) -> tuple[EndedReport, ...]:
        return self.link.sequence.begin(1.0, 1.0, (), Load()).ended


async def test_an_ended_session_is_in_the_next_heartbeat_the_metrics_and_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With its reason and its totals."""
    caplog.set_level(logging.INFO)
    node = _Node()
    node.notices.ended(
        Ended(
            session="x" * 26,
            stream="s" * 16,
            account="demo",
            action="publish",
            reason="timeout",
            received=7,
            sent=0,
            seconds=1.5,
        )
    )
    (report,) = node.told()
    assert (report.session, report.action, report.reason) == ("x" * 26, "publish", "timeout")
    assert node.counted == {("publish", "timeout"): 1}
    told = caplog.records[-1].__dict__
    assert (told["session"], told["reason"], told["received"], told["seconds"]) == ("x" * 26, "timeout", 7, 1.5)


async def test_a_grant_that_led_to_no_session_frees_its_slot() -> None:
    """The control plane holds the slot until it hears."""
    node = _Node()
    refused = grant(Action.PUBLISH)
    node.notices.refused(refused, "UNSUPPORTED_OFFER")
    (report,) = node.told()
    assert (report.session, report.reason) == (refused.claims.session, "UNSUPPORTED_OFFER")
    assert node.counted == {}


async def test_a_reason_that_is_too_long_for_the_message_is_cut() -> None:
    """A report is never unsayable."""
    node = _Node()
    node.notices.refused(grant(Action.PLAY), "x" * 200)
    assert len(node.told()[0].reason) == 64
