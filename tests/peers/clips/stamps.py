"""When each payload of a clip was last sent: a table of wall-clock times that publisher and viewers share.

In one process it is anonymous memory; between processes a file. Eight aligned bytes are written at once, no lock is needed.
"""

import mmap
from pathlib import Path

from tests.peers.clips.clip import Clip


def table(clip: Clip, path: Path | None = None) -> "memoryview[float]":
    """A table of doubles, one a payload; backed by *path*, which is made when it is not there."""
    size = 8 * len(clip.payloads)
    if path is None:
        return memoryview(mmap.mmap(-1, size)).cast("d")
    if not path.exists():
        path.write_bytes(bytes(size))
    with path.open("r+b") as file:
        return memoryview(mmap.mmap(file.fileno(), size)).cast("d")
