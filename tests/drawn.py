"""Bytes for properties: random-looking, and the same at every example, so that Hypothesis can repeat and shrink what it found."""

from collections.abc import Callable
from random import Random


def repeatable(seed: str | int) -> Callable[[int], bytes]:
    """A source of bytes that begins anew with every call of this function."""
    return Random(seed).randbytes  # noqa: S311 - test data, not a secret
