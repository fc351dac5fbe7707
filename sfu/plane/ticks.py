"""Does what is due every so often, by one timer for all sessions; no session has a task or a timer of its own.

Every tick: what publishers are asked for, who catches up, unfinished handshakes, addresses on trial. Ten times a second: reports and liveness
of a tenth of the sessions, and who has fallen silent. Each second: rates, and rooms whose publisher is gone.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from sfu.plane.egress import Egress
from sfu.plane.ingress import Ingress
from sfu.plane.publisher import Publisher
from sfu.plane.session import MediaSession
from sfu.plane.sessions import SLICES, SessionTable
from sfu.plane.viewer import Viewer
from sfu.stats import PlaneStats
from shared.end_reasons import EndReason

TICK: Final = 0.02
JOINING_TICK: Final = 0.005
"""Seconds between two ticks while a viewer catches up."""
CONNECT_SECONDS: Final = 10.0
LIVENESS_SECONDS: Final = 10.0
SILENT_SECONDS: Final = 0.5


class Ticks:
    """The one timer of the media plane, which runs from `start()` to `close()`."""

    def __init__(
        self,
        sessions: SessionTable,
        ingress: Ingress,
        egress: Egress,
        stats: PlaneStats,
        *,
        clock: Callable[[], float],
        wall: Callable[[], float],
        on_change: Callable[[], None],
    ) -> None:
        self._sessions = sessions
        self._ingress = ingress
        self._egress = egress
        self._stats = stats
        self._clock = clock
        self._wall = wall
        self._on_change = on_change
        self._timer: asyncio.TimerHandle | None = None
        self._ticked_at = 0.0
        self._slice = 0
        self._slice_at = 0.0
        self._sent_by = (0.0, 0)
        self.egress_kbps = 0
        """What viewers were sent in the last second, in kbit/s."""

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to tick on the event loop *loop*."""
        self._ticked_at = self._slice_at = self._clock()
        self._sent_by = (self._ticked_at, 0)
        self._timer = loop.call_later(TICK, self._tick, loop)

    def close(self) -> None:
        """Stop the timer: nothing is done any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = self._clock()
        elapsed = now - self._ticked_at
        self._ticked_at = now
        joining = False
        try:
            self._ingress.guard(now)
            self._tick_publishers(now)
            for room in self._sessions.rooms.values():
                for track in room.tracks.values():
                    if track.joining:
                        self._egress.sent(track, track.step(now, elapsed))
                        joining = joining or track.joining
            if self._ingress.half_open:
                for session in list(self._ingress.half_open):
                    session.peer.tick_handshake(now)
            if self._ingress.on_trial:
                self._ingress.lapse(now)
            if now - self._slice_at >= 1 / SLICES:
                self._slice_at = now
                self._slice = (self._slice + 1) % SLICES
                self._one_slice(self._slice, now)
        finally:
            self._timer = loop.call_later(JOINING_TICK if joining else TICK, self._tick, loop)

    def _tick_publishers(self, now: float) -> None:
        for publisher in list(self._sessions.publishers):
            if publisher.broken:
                self._sessions.end(publisher, EndReason.B_FRAMES)
                continue
            for track in publisher.tick(now):
                self._ingress.feed(track)
        if self._ingress.is_feeding():
            self._egress.forward()

    def _one_slice(self, number: int, now: float) -> None:
        wall = self._wall()
        for session in self._sessions.slice(number):
            self._check_life(session, now)
            if session.ended is not None:
                continue
            if isinstance(session, Viewer):
                self._egress.meter_viewer(session)
                session.report(now, wall, session.stream)
            elif isinstance(session, Publisher):
                # Packets that nobody is to get (padding, layers that wait) make no burst, and count all the same.
                self._egress.meter_publisher(session)
                session.report(now)
                if session.limit.exceeded:
                    self._sessions.end(session, EndReason.BITRATE_EXCEEDED)
        for publisher in self._sessions.publishers:
            noticed = (now - publisher.peer.last_seen > SILENT_SECONDS, publisher.problems)
            if noticed != publisher.noticed:
                publisher.noticed = noticed
                self._on_change()
        if number == 0:
            self._each_second(now)

    def _check_life(self, session: MediaSession, now: float) -> None:
        peer = session.peer
        if not peer.secure and now - session.began > CONNECT_SECONDS:
            self._sessions.end(session, EndReason.ICE_TIMEOUT if peer.address is None else EndReason.DTLS_TIMEOUT)
        elif now - peer.last_seen > LIVENESS_SECONDS:
            self._sessions.end(session, EndReason.TIMEOUT)

    def _each_second(self, now: float) -> None:
        at, before = self._sent_by
        if now > at:
            self.egress_kbps = int((self._stats.sent_bytes - before) * 8 / (now - at) / 1000)
        self._sent_by = (now, self._stats.sent_bytes)
        for room in list(self._sessions.rooms.values()):
            for track in room.tracks.values():
                track.tick(now)
            if room.abandoned(now):
                self._sessions.vacate(room)
