"""The rule of a token bucket that is one number: the time at which it is full again (GCRA). Pure.

A refused request takes nothing, so asking again never makes the wait longer.
"""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Rate:
    """*burst* at once, and one more every *seconds*."""

    burst: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """The rate that a setting spells: `10/60` is ten at once and one more every 60 s."""
        burst, _, seconds = text.partition("/")
        rate = cls(int(burst), float(seconds))
        if rate.burst < 1 or not 0 < rate.seconds < float("inf"):
            raise ValueError(f"not a rate: {text}")
        return rate

    def latest(self, now: float) -> float:
        """A bucket that is full again by then has a token at *now*."""
        return now + (self.burst - 1) * self.seconds

    def wait(self, full_at: float, now: float) -> float:
        """In how many seconds there is a token: 0 when there is one."""
        return max(0.0, full_at - self.latest(now))
