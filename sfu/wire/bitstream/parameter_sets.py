"""The parameter sets of one source, as they were at any picture of the last moments.

Encoders send them once, before every picture, or in the offer alone; a decoder that begins in the middle needs those that
were in force where it begins. What comes late does not replace what was sent after it. Bounded: MAX_IDS sets, VERSIONS of each.
"""

from collections.abc import Iterable
from typing import Final

from sfu.wire.bitstream.picture import ParameterSet

MAX_IDS: Final = 32
VERSIONS: Final = 3
MAX_BYTES: Final = 1180
"""Bytes of one set at most: it is sent in a packet of its own."""
BEFORE: Final = -1
"""The index of what was known before the source's first packet."""


class ParameterSets:
    """Remembers the parameter sets of one source, each with the packet that brought it; begins with *known* ones."""

    __slots__ = ("_versions",)

    def __init__(self, known: Iterable[ParameterSet] = ()) -> None:
        self._versions: dict[tuple[int, int], list[tuple[int, bytes]]] = {}
        """(kind, id) -> (index of the packet that brought it first, unit), ascending."""
        self.take(known, BEFORE)

    def take(self, found: Iterable[ParameterSet], index: int) -> None:
        """Remember the sets *found* in the packet of *index*."""
        for kind, number, unit in found:
            if len(unit) > MAX_BYTES:
                continue
            versions = self._versions.setdefault((kind, number), [])
            at = len(versions)
            while at and versions[at - 1][0] > index:
                at -= 1
            if at and versions[at - 1][1] == unit:
                continue
            if at < len(versions) and versions[at][1] == unit:
                versions[at] = (index, unit)
            else:
                versions.insert(at, (index, unit))
            del versions[:-VERSIONS]
            if len(self._versions) > MAX_IDS:
                del self._versions[min(self._versions, key=lambda key: self._versions[key][-1][0])]

    def at(self, index: int) -> list[ParameterSet]:
        """The sets in force for the picture that ends at *index*, in the order in which a decoder wants them."""
        found = []
        for (kind, number), versions in sorted(self._versions.items()):
            # What came only later is better than nothing: its packet may have been the lost one.
            unit = next((unit for of, unit in reversed(versions) if of <= index), versions[0][1])
            found.append((kind, number, unit))
        return found

    def complete(self, kinds: int) -> bool:
        """Whether there is a set of each of *kinds* kinds."""
        return len({kind for kind, _number in self._versions}) >= kinds

    def afresh(self) -> "ParameterSets":
        """The newest of each set, for a source whose packets are numbered anew."""
        return ParameterSets((kind, number, versions[-1][1]) for (kind, number), versions in self._versions.items())
