"""The publisher's limit: told, watched over ten seconds, warned of, enforced; a flood stops at the gate."""

from collections.abc import Callable

import pytest

from sfu.media.feedback.bitrate import BURST_SECONDS, DROP_ABOVE, UNLIMITED, BitrateLimit

KBPS = 2_000


def run(limit: BitrateLimit, rate: Callable[[int], float], seconds: int) -> list[str]:
    """What *limit* finds each second of a publisher that sends `rate(second)` kbit/s, until it is exceeded."""
    total, found = 0, []
    for second in range(1, seconds + 1):
        total += int(rate(second) * 125)
        limit.judge(total, float(second))
        found.append("exceeded" if limit.exceeded else "warned" if limit.warned else "fine")
        if limit.exceeded:
            break
    return found


def test_the_limit_is_told_often_at_first_and_then_each_second() -> None:
    """Chrome takes it over at once in its first two seconds only."""
    limit = BitrateLimit(6000)
    assert limit.bitrate == 6_000_000
    assert sum(limit.due(n / 100) for n in range(300)) == 15
    assert sum(limit.due(n / 100) for n in range(300, 800)) in (5, 6)
    assert BitrateLimit(0).bitrate == UNLIMITED


def test_who_sends_twice_the_limit_is_warned_and_ended_five_seconds_later() -> None:
    """Seven seconds fill the window above the tolerance; then the warning runs."""
    limit = BitrateLimit(KBPS)
    found = run(limit, lambda _: 2 * KBPS, 60)
    assert found == ["fine"] * 6 + ["warned"] * 5 + ["exceeded"]


def test_a_warning_lowers_what_remb_says_and_says_it_at_once() -> None:
    """A browser obeys, and is never ended."""
    limit = BitrateLimit(KBPS)
    limit.due(0.0)
    limit.due(5.1)
    run(limit, lambda _: 2 * KBPS, 7)
    assert limit.warned
    assert limit.bitrate == 1_600_000
    assert limit.due(7.0)
    assert limit.due(7.2)


def test_who_heeds_the_warning_lives() -> None:
    """It is lifted when the mean is down again."""
    limit = BitrateLimit(KBPS)
    found = run(limit, lambda second: 2 * KBPS if second < 9 else 0.8 * KBPS, 60)
    assert "warned" in found
    assert found[-1] == "fine"
    assert limit.bitrate == KBPS * 1000


@pytest.mark.parametrize("share", [0.5, 1.0, 1.2])
def test_just_below_the_tolerance_nothing_happens(share: float) -> None:
    """Headers, sound and repairs are on top of what an encoder was set to."""
    assert set(run(BitrateLimit(KBPS), lambda _: share * KBPS, 120)) == {"fine"}


@pytest.mark.parametrize("every", [2, 5, 10, 20])
def test_no_keyframe_burst_ends_a_session(every: int) -> None:
    """All bits of a group of pictures in one second, at the limit on the whole."""
    found = run(BitrateLimit(KBPS), lambda second: KBPS * every if second % every == 1 else 0, 300)
    assert "exceeded" not in found


def test_a_single_excess_of_six_seconds_worth_is_forgiven() -> None:
    """A scene change may warn; only what goes on for the whole warning ends."""
    found = run(BitrateLimit(KBPS), lambda second: 7 * KBPS if second == 20 else KBPS, 60)
    assert "exceeded" not in found
    assert found[-1] == "fine"


def test_without_a_limit_nobody_is_warned() -> None:
    """0 in a grant is: no limit. The gate stays."""
    assert set(run(BitrateLimit(0), lambda _: 100_000, 60)) == {"fine"}


def test_a_flood_passes_the_gate_at_twice_the_limit_at_most() -> None:
    """100 Mbit/s against a limit of 2: what is looked at is a burst, and then the gate's rate."""
    limit = BitrateLimit(KBPS)
    seconds, size = 10.0, 1200
    step = size * 8 / 100e6
    taken = 0
    now = 0.0
    while now < seconds:
        if limit.admits(now):
            limit.took(size, now)
            taken += size
        now += step
    assert taken * 8 <= KBPS * 1000 * DROP_ABOVE * (seconds + BURST_SECONDS) + 2 * size * 8


def test_a_keyframe_of_half_a_megabyte_passes_the_gate() -> None:
    """At once, after a second of the usual rate."""
    limit = BitrateLimit(KBPS)
    for n in range(200):
        assert limit.admits(n / 200)
        limit.took(1250, n / 200)
    for _ in range(400):
        assert limit.admits(1.0)
        limit.took(1250, 1.0)
