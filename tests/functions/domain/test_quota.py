"""The marks of a quota: which are newly passed."""

from hypothesis import given
from hypothesis import strategies as st

from functions.domain.quota import MARKS, ToldMark, crossings


def passed(used: int, quota: int = 1000, told: ToldMark | None = None, month: str = "2026-11") -> list[int]:
    """The percents of the quota that were passed."""
    return [crossing.percent for crossing in crossings("acme", month, used, quota, told)]


def test_each_mark_is_passed_when_it_is_reached() -> None:
    """Not a byte earlier; several at once, lowest first."""
    assert [passed(used) for used in (799, 800, 949, 950, 999, 1000, 5000)] == [
        [], [80], [80], [80, 95], [80, 95], [80, 95, 100], [80, 95, 100],
    ]  # fmt: skip


def test_what_was_told_is_not_told_again() -> None:
    """Until the month or the quota is another."""
    told = ToldMark("2026-11", 1000, 95)

    assert passed(999, told=told) == []
    assert passed(1000, told=told) == [100]
    assert passed(800, told=told, month="2026-12") == [80]
    assert passed(1000, 1250, told) == [80]


@given(st.lists(st.integers(0, 400), max_size=12), st.integers(1, 1000))
def test_a_growing_sum_passes_every_mark_once(steps: list[int], quota: int) -> None:
    """In order, whatever the steps."""
    used, told, seen = 0, None, []
    for step in steps:
        used += step
        for crossing in crossings("acme", "2026-11", used, quota, told):
            seen.append(crossing.percent)
            told = ToldMark("2026-11", quota, crossing.percent)

    assert seen == [mark for mark in MARKS if used * 100 >= quota * mark]
