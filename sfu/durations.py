"""A histogram of durations, as Prometheus wants it: how many lasted no longer than each bound, and their sum."""

from bisect import bisect_left
from typing import Final

BOUNDS: Final = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0)
"""Seconds. 0.5 is what a first picture may take at the 95th percentile."""


class Durations:
    """Counts only grow."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0
        """Seconds of all together."""

    def add(self, seconds: float) -> None:
        """One more."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """(bound, how many were no longer), cumulative, the last bound infinite."""
        found: list[tuple[str, float]] = []
        so_far = 0
        for bound, count in zip((*BOUNDS, "+Inf"), self._counts, strict=True):
            so_far += count
            found.append((str(bound), so_far))
        return found
