"""What is wrong with a stream that somebody publishes, although it runs: for its owner, in words that say what to do.

A node reports the codes; the words are here, so that every place that shows them says the same. Codes are only added.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final


class Problem(StrEnum):
    """The codes of problems, as nodes report them."""

    B_FRAMES = "B_FRAMES"
    """Pictures come out of the order in which they are shown."""


SENTENCES: Final[Mapping[Problem, str]] = {
    Problem.B_FRAMES: (
        "Set B-frames to 0 in your encoder (OBS: Settings, Output, Max B-frames; FFmpeg: -bf 0). WebRTC cannot carry them:"
        " viewers get a jerky picture with fewer frames, and where frames depend on B-frames the stream is ended."
    ),
}


def explained(codes: Iterable[str]) -> list[dict[str, str]]:
    """Code and sentence of each problem among *codes*; a code that only a newer node knows is left out."""
    return [{"code": problem.value, "say": SENTENCES[problem]} for problem in Problem if problem.value in set(codes)]
