"""Viewers that have posted an offer and from whom no valid check has come yet: how many an address may have, and who makes way.

A POST costs its sender nothing, so it must not keep a seat from anybody who really connects. All of it is this process's memory,
and no more than its sessions: whoever has not connected after seconds is ended.
"""

from collections.abc import Callable, Iterator
from weakref import WeakKeyDictionary

from sfu.plane.viewer import Viewer
from sfu.signalling.forwarded import subscriber

RETRY_AFTER = 1
"""Seconds: honest viewers connect within a round trip, and leave room for the next ones of their address."""


class Unconnected:
    """The viewers without a valid check, oldest first; *per_address* of one client address at most, 0 for any number."""

    def __init__(self, per_address: int = 0) -> None:
        self._per_address = per_address
        self._by_viewer: WeakKeyDictionary[Viewer, str] = WeakKeyDictionary()
        """Viewer -> the client address that it comes from; weakly, so that one that has ended is gone although nobody asks here any more."""

    def __len__(self) -> int:
        return sum(1 for _ in self._waiting())

    def refuses(self, address: str) -> bool:
        """Whether *address* has as many as it may; one that is not known ('') is not counted."""
        if not self._per_address or not address:
            return False
        known = subscriber(address)
        return sum(self._by_viewer[viewer] == known for viewer in self._waiting()) >= self._per_address

    def begin(self, viewer: Viewer, address: str) -> None:
        """Note that *viewer* has posted its offer from *address*."""
        self._by_viewer[viewer] = subscriber(address)

    def oldest(self, belongs: Callable[[Viewer], bool] = lambda _viewer: True) -> Viewer | None:
        """The viewer that makes way: the oldest of those that *belongs* allows."""
        return next((viewer for viewer in self._waiting() if belongs(viewer)), None)

    def _waiting(self) -> Iterator[Viewer]:
        """The viewers that have still not connected; the others are forgotten first."""
        for viewer in [one for one in self._by_viewer if one.ended is not None or one.peer.address is not None]:
            del self._by_viewer[viewer]
        return iter(list(self._by_viewer))
