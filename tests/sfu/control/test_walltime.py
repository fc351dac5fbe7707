"""A node whose clock is a minute off admits the right grants, counts by the right month, and says so."""

import logging
from datetime import UTC, datetime
from functools import partial

import pytest

from sfu.control.meter import Meter
from sfu.control.walltime import WallTime
from shared.grants import Action, Claims, SigningKey, public_jwks, sign
from shared.months import month_of
from shared.verifier import Reason, Rejected, Verifier

NOW = 1_795_532_400.0
KEY = SigningKey("k1", bytes(range(32)))


def verdict(now: float) -> str:
    """What a node that believes it is *now* says of a grant that the control plane signs at `NOW`."""
    claims = Claims(
        node="node1", boot="b" * 16, account="acme", stream="a" * 16, session="s" * 26, action=Action.PUBLISH, epoch=1,
        issued_at=NOW, expires_at=NOW + 30, tier="registered", max_viewers=20, max_kbps=8000, protocol="whip",
    )  # fmt: skip
    found = Verifier(public_jwks([KEY])).verify(
        sign(claims, KEY), node="node1", boot="b" * 16, action=Action.PUBLISH, stream="a" * 16, now=now
    )
    return found.reason.value if isinstance(found, Rejected) else "admitted"


@pytest.mark.parametrize(("skew", "reason"), [(-60.0, Reason.NOT_YET_VALID), (60.0, Reason.EXPIRED)])
def test_grants_are_good_after_the_first_heartbeat(skew: float, reason: Reason) -> None:
    """Which comes before the first grant: a node is ready once a heartbeat was answered."""
    clock = WallTime(lambda: NOW + skew)
    assert verdict(clock()) == reason.value

    clock.learn(NOW - 0.05, 0.1)

    assert clock() == NOW
    assert verdict(clock()) == "admitted"


@pytest.mark.parametrize("skew", [-60.0, 60.0])
def test_bytes_belong_to_the_control_plane_s_month(skew: float) -> None:
    """Half a minute before the month changes, and half a minute after."""
    change = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    for now, month in ((change - 30, "2026-11"), (change + 30, "2026-12")):
        clock = WallTime(partial(float, now + skew))
        assert month_of(clock()) != month or (now < change) == (skew < 0)

        clock.learn(now, 0)
        meter = Meter(clock)
        meter.received("acme", 1200, "a" * 16)

        assert [entry.month for message in meter.pending() for entry in message] == [month]


def test_a_clock_that_is_good_enough_is_left_alone() -> None:
    """Within two seconds and what the way takes: a slow answer is no wrong clock, and grants allow for five."""
    clock = WallTime(lambda: NOW)

    clock.learn(NOW + 1.9, 0)
    assert clock() == NOW
    clock.learn(NOW + 1.5, 2)
    assert clock() == NOW
    clock.learn(0, 0)
    assert clock() == NOW


def test_it_is_said_once_and_once_more_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    """With how much and in which direction; a clock that drifts on is followed without a word."""
    caplog.set_level(logging.INFO)
    clock = WallTime(lambda: NOW)

    for at in (NOW + 60, NOW + 61, NOW, NOW - 60):
        clock.learn(at, 0)

    assert [record.getMessage() for record in caplog.records] == [
        "this host's clock is 60.0 s behind the control plane's; corrected here, but synchronise it",
        "this host's clock agrees with the control plane's again",
        "this host's clock is 60.0 s ahead of the control plane's; corrected here, but synchronise it",
    ]
    assert clock.offset == -60
