"""Which marks of its month's quota an account has newly passed, for events to its owner. Pure; nothing is sent here.

The last mark that was told of is kept with its quota, so a raised quota starts anew. Two consumers that merge usage at
once cannot both overlook a mark: each compares the whole sum with the mark that was told of, never with its own part.
"""

from dataclasses import dataclass

MARKS = (80, 95, 100)
"""Percent of the quota."""


@dataclass(frozen=True, slots=True)
class ToldMark:
    """The highest mark that an account's owner was told of, of which quota in which month."""

    month: str
    quota: int
    percent: int


@dataclass(frozen=True, slots=True)
class Crossing:
    """An account has passed *percent* of its month's quota."""

    account: str
    month: str
    percent: int
    used: int
    quota: int


def crossings(account: str, month: str, used: int, quota: int, told: ToldMark | None) -> tuple[Crossing, ...]:
    """The marks that *used* bytes of *quota* have reached and that the owner was not told of, lowest first."""
    known = told.percent if told is not None and (told.month, told.quota) == (month, quota) else 0
    return tuple(
        Crossing(account, month, percent, used, quota)
        for percent in MARKS
        if percent > known and used * 100 >= quota * percent
    )
