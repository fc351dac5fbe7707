"""The packets that a track carried in the last moments: they answer NACKs, and a new viewer starts at the last keyframe.

Kept are at least KEEP_SECONDS, plus the current group of pictures while it is younger than *group_seconds*; never
more than *max_bytes*. A group that outgrows the bounds is let go whole (half a group is a picture of grey), or as far as the
next place in it where a decoder can begin.
"""

from typing import Final

from sfu.wire.rtp import Extensions

KEEP_SECONDS: Final = 1.5
MAX_BYTES: Final = 12_000_000
GROUP_SECONDS: Final = 12.0
"""A keyframe each 10 s is what encoders are set to at most; the rest is for its arrival."""

Packet = tuple[int, int, int, bytes, Extensions, float]
"""Index (continuous over publishers), timestamp, marker (0 or 0x80), payload, extensions to forward, arrival."""


class History:
    """The packets of one track by index, the oldest first.

    *keep* and *group_seconds* are seconds, *max_bytes* counts payloads and 100 bytes more for each packet.
    """

    __slots__ = (
        "_group_seconds",
        "_keep",
        "_later",
        "_max_bytes",
        "_packets",
        "_passed",
        "forgotten",
        "group",
        "last",
        "size",
    )

    def __init__(
        self, *, max_bytes: int = MAX_BYTES, keep: float = KEEP_SECONDS, group_seconds: float = GROUP_SECONDS
    ) -> None:
        self._packets: dict[int, Packet] = {}
        self._max_bytes = max_bytes
        self._keep = keep
        self._group_seconds = group_seconds
        self.size = 0
        self.last = -1
        """The highest index that was added."""
        self.forgotten = -1
        """No index up to this one is waited for: its packet was here and was let go, or is of another source."""
        self.group: int | None = None
        """Index of the packet with which the current group of pictures begins, while all of it is here."""
        self._passed = -1
        """What was let go up to this index is not taken again: browsers probe with old packets, and to a viewer who got
        another packet with this index (`OutgoingTrack.ahead`) it would be a second text under one nonce."""
        self._later: list[int] = []
        """Where else in the current group some decoders can begin: the next best when its beginning is let go."""

    def __len__(self) -> int:
        return len(self._packets)

    def add(self, packet: Packet) -> bool:
        """Keep *packet*; False if it is kept already, or was."""
        index, _timestamp, _marker, payload, _extensions, arrived = packet
        if index in self._packets or index <= self._passed:
            return False
        self._packets[index] = packet
        self.size += len(payload) + 100
        self.last = max(self.last, index)
        self._trim(arrived)
        return True

    def begin_group(self, index: int, *, weak: bool = False) -> None:
        """Begin a group with the keyframe at *index*; a *weak* one serves some decoders only, and replaces no better one."""
        if weak and self.group is not None:
            if index > max((self.group, *self._later[-1:])):
                self._later.append(index)
        elif self.group is None or index > self.group:
            self.group = index
            self._later = [later for later in self._later if later > index]

    def get(self, index: int) -> Packet | None:
        """The packet with *index*, if it is still kept."""
        return self._packets.get(index)

    def group_age(self, now: float) -> float | None:
        """Seconds since the current group began, or None where there is none to start from."""
        first = None if self.group is None else self._packets.get(self.group)
        if first is None:
            return None
        _index, _timestamp, _marker, _payload, _extensions, arrived = first
        return now - arrived

    def clear(self) -> None:
        """Let the group and all packets go, as another source begins."""
        self._packets.clear()
        self.size = 0
        self.group = None
        self._later.clear()
        self.forgotten = self._passed = self.last

    def _trim(self, now: float) -> None:
        packets = self._packets
        horizon = now - self._keep
        group_horizon = now - self._group_seconds
        while packets:
            index, _timestamp, _marker, payload, _extensions, arrived = next(iter(packets.values()))
            in_group = self.group is not None and index >= self.group
            wanted = arrived > horizon or (in_group and arrived > group_horizon)
            if wanted and self.size <= self._max_bytes:
                return
            if in_group:
                self.group = self._later.pop(0) if self._later else None
            self._passed = max(self._passed, index)
            self.forgotten = max(self.forgotten, index)
            del packets[index]
            self.size -= len(payload) + 100
