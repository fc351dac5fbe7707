"""How many HTTP connections are open, in all and from one address: idle ones make way for new ones.

A connection is a descriptor, and a process that has none left neither reports usage nor answers anybody. So there are fewer
than the process may have, and a reserve for what the node itself opens. Decisions only: sockets are the caller's.
"""

import resource
from collections.abc import Sequence
from typing import Final, Protocol

from sfu.signalling.forwarded import Network, is_trusted, subscriber

RESERVE: Final = 256
"""Descriptors for the control plane, the API (200 questions at once), the queue, UDP, logs and listening sockets."""
MOST: Final = 4096
"""Some 15 kB each where they are idle."""
EACH: Final = 512
"""From one IPv4 address or IPv6 /64: 200 viewers behind one have a connection each for as long as it is kept alive."""


class Connection(Protocol):
    """An HTTP connection of a client, which can be closed to make room."""

    def is_idle(self) -> bool:
        """Whether no request of it is being answered."""

    def abort(self) -> None:
        """Close the connection now, whatever it does."""


def raise_limit() -> int:
    """Let this process open as many descriptors as it may, and say how many these are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # More than a system's own bound is refused where the hard limit says 'infinity' (macOS).
        wanted = hard if hard != resource.RLIM_INFINITY else max(soft, 65_536)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            return soft
        soft = wanted
    return soft


def most_for(limit: int) -> int:
    """Of *limit* descriptors, how many may be clients' connections."""
    return min(MOST, max(limit - RESERVE, limit // 2))


class Connections:
    """Counts the open connections, and decides which may stay."""

    def __init__(self, most: int, each: int = EACH, trusted: Sequence[Network] = ()) -> None:
        self._most = most
        self._each = min(each, max(1, most // 2))
        self._trusted = trusted
        """Proxies of the operator's: everybody comes from their addresses."""
        self._open: dict[Connection, str] = {}
        self._groups: dict[str, dict[Connection, None]] = {}
        self.refused = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection, address: str) -> bool:
        """Whether *connection* from *address* may stay; another one may have been closed for it."""
        group = subscriber(address)
        theirs = self._groups.setdefault(group, {})
        full = len(theirs) >= self._each and not is_trusted(address, self._trusted)
        if (full and not self._evict(theirs)) or (len(self._open) >= self._most and not self._evict(self._open)):
            self.refused += 1
            if not theirs:
                self._groups.pop(group, None)
            return False
        self._open[connection] = group
        self._groups.setdefault(group, {})[connection] = None
        return True

    def release(self, connection: Connection) -> None:
        """*connection* is closed, and no longer counted; nothing happens where it was not."""
        group = self._open.pop(connection, None)
        if group is not None:
            theirs = self._groups[group]
            del theirs[connection]
            if not theirs:
                del self._groups[group]

    def _evict(self, among: dict[Connection, str] | dict[Connection, None]) -> bool:
        """Close the oldest idle one of *among*."""
        oldest = next((one for one in among if one.is_idle()), None)
        if oldest is None:
            return False
        self.evicted += 1
        self.release(oldest)
        oldest.abort()
        return True
