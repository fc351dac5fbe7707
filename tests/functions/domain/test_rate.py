"""The rule of the token bucket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.rate import Rate


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
