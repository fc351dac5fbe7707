"""The rule of the token bucket, and buckets by key that do not punish retries."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.rate import Rate, RateLimit


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 5), st.floats(0.5, 10))
def test_no_window_lets_more_through_than_burst_and_rate(gaps: list[float], burst: int, seconds: float) -> None:
    """Whatever the pattern, and a client that waits as told gets in."""
    rate, now, full_at, taken = Rate(burst, seconds), 1000.0, 0.0, []
    for gap in gaps:
        now += gap
        if rate.wait(full_at, now) == 0:
            taken.append(now)
            full_at = max(now, full_at) + seconds
        else:
            assert rate.wait(full_at, now + rate.wait(full_at, now) + 1e-6) == 0
    for start, first in enumerate(taken):
        for count, last in enumerate(taken[start:], 1):
            assert count <= burst + (last - first) / seconds + 1e-6


@pytest.mark.parametrize("text", ["", "10", "0/60", "10/0", "-1/5", "10/-1", "a/b", "10/nan", "10/inf"])
def test_what_is_no_rate_is_a_mistake_of_the_template(text: str) -> None:
    """Found when the function starts."""
    with pytest.raises(ValueError, match=r".*"):
        Rate.parse(text)


def test_a_burst_and_then_the_rate() -> None:
    """Each key has its own."""
    limit = RateLimit(Rate(3, 0.5))

    assert [ceil(limit.take("a", 0)) for _ in range(4)] == [0, 0, 0, 1]
    assert limit.take("b", 0) == 0
    assert limit.take("a", 0.5) == 0


def test_1a_21_asking_too_early_does_not_extend_the_ban() -> None:
    """A client that hammers gets in when one that waits would have."""
    limit = RateLimit(Rate(1, 10))
    limit.take("a", 0)

    waits = [ceil(limit.take("a", now)) for now in range(1, 10)]

    assert waits == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert limit.take("a", 10) == 0


def test_memory_is_bounded() -> None:
    """Full buckets are forgotten; a full table forgets the oldest."""
    limit = RateLimit(Rate(1, 1), max_keys=100)
    for number in range(1000):
        limit.take(str(number), 0)
    assert len(limit) == 100

    limit.take("later", 10)
    assert len(limit) == 1
