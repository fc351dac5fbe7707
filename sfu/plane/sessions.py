"""Who is here: the sessions by id, the rooms, the publishers. Each session begins once and ends once, for one reason.

Reports and liveness are spread over SLICES of a second; a session's slice is fixed for its life.
"""

from collections.abc import Callable, Iterable
from typing import Final

from sfu.plane.egress import Egress
from sfu.plane.ingress import Ingress
from sfu.plane.publisher import Publisher
from sfu.plane.room import Room
from sfu.plane.session import Ended, MediaSession
from sfu.plane.viewer import Viewer
from sfu.stats import PlaneStats
from shared.end_reasons import EndReason

SLICES: Final = 10


class SessionTable:
    """The sessions and rooms of this process: begins and ends each session, and tells of each end."""

    def __init__(
        self,
        ingress: Ingress,
        egress: Egress,
        stats: PlaneStats,
        clock: Callable[[], float],
        *,
        on_end: Callable[[Ended], None],
        on_change: Callable[[], None],
    ) -> None:
        self._ingress = ingress
        self._egress = egress
        self._stats = stats
        self._clock = clock
        self._on_end = on_end
        self._on_change = on_change
        self._by_id: dict[str, MediaSession] = {}
        self._slices: list[dict[MediaSession, None]] = [{} for _ in range(SLICES)]
        self.rooms: dict[str, Room] = {}
        self.publishers: dict[Publisher, None] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._by_id

    def find(self, session_id: str) -> MediaSession | None:
        """A session that is not over."""
        return self._by_id.get(session_id)

    def all(self) -> list[MediaSession]:
        """All sessions that are not over."""
        return list(self._by_id.values())

    def slice(self, number: int) -> list[MediaSession]:
        """The sessions of one of the ten slices, by its number."""
        return list(self._slices[number])

    def begin(self, session: MediaSession) -> None:
        """Add *session*, whose connectivity checks are taken from now on."""
        self._by_id[session.id] = session
        min(self._slices, key=len)[session] = None
        if isinstance(session, Publisher):
            self.publishers[session] = None
            self._stats.publishers_begun += 1
        else:
            self._stats.viewers_begun += 1
        self._ingress.admit(session)

    def end(self, session: MediaSession, reason: str) -> bool:
        """Say goodbye to *session*, forget it, and tell of its end; False where it had ended already."""
        if session.ended is not None:
            return False
        session.ended = reason
        now = self._clock()
        self._by_id.pop(session.id, None)
        for group in self._slices:
            group.pop(session, None)
        room = self.rooms.get(session.stream)
        session.peer.close(session.farewell)
        if isinstance(session, Viewer):
            self._egress.meter_viewer(session)
            session.unfollow()
            if room is not None:
                room.remove(session)
        elif isinstance(session, Publisher):
            self._egress.meter_publisher(session)
            self.publishers.pop(session, None)
            if room is not None:
                room.leave(session, now)
        self._ingress.dismiss(session)
        self._stats.sessions_ended += 1
        received, sent = session.totals()
        self._on_end(
            Ended(
                session=session.id,
                stream=session.stream,
                account=session.account,
                action=session.action,
                reason=reason,
                received=received,
                sent=sent,
                seconds=round(now - session.began, 3),
            )
        )
        self._on_change()
        return True

    def end_all(self, sessions: Iterable[MediaSession], reason: str) -> int:
        """End each of *sessions*; how many that were."""
        return sum(self.end(session, reason) for session in list(sessions))

    def vacate(self, room: Room) -> None:
        """End the viewers of *room* and forget it: its publisher did not come back in time."""
        self.end_all(room.viewers.values(), EndReason.PUBLISHER_GONE)
        for track in room.tracks.values():
            self._egress.forget(track)
        del self.rooms[room.stream]
