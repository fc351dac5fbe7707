"""The media plane: everything that happens on the one UDP socket. No HTTP, no AWS, no SDP.

It begins sessions from grants and answers, ends each exactly once, and drives all of them from one tick: there is no task
and no timer a session. Packets are taken and forwarded inside the socket's callback.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from sfu import ice
from sfu.dtls import Identity
from sfu.ingress import Ingress
from sfu.negotiation import Candidate, IceCredentials, LocalEndpoint, Negotiated, SourceDescription
from sfu.peer import Peer
from sfu.publisher import Publisher
from sfu.room import Room
from sfu.session import Ended, Session
from sfu.stats import PlaneStats
from sfu.track import WAIT, Track
from sfu.udp import Address, UdpSocket
from sfu.viewer import Viewer
from shared.messages import Load, StreamReport
from shared.refusals import Code, Refused, invalid_grant, no_capacity, stream_offline, viewer_limit_reached
from shared.verifier import VerifiedGrant

TICK: Final = 0.02
JOINING_TICK: Final = 0.005
"""While a viewer catches up."""
SLICES: Final = 10
"""Reports and liveness of sessions are spread over this many slices of a second."""
CONNECT_SECONDS: Final = 10.0
LIVENESS_SECONDS: Final = 10.0
SILENT_SECONDS: Final = 0.5


class Meter(Protocol):
    """Counts what is billed."""

    def received(self, account: str, n: int, stream: str) -> None:
        """*n* media bytes came from the publisher of *account*'s *stream*."""

    def sent(self, account: str, n: int, stream: str) -> None:
        """*n* media bytes went to viewers of *account*'s *stream*."""


class Plane:
    """All sessions of this process."""

    def __init__(
        self,
        bind: Address,
        announce: Sequence[Candidate] = (),
        *,
        meter: Meter,
        max_sessions: int = 0,
        max_egress_kbps: int = 0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._bind = bind
        self._announce = tuple(announce)
        self._identity = Identity()
        self.meter = meter
        self.stats = PlaneStats()
        self.on_change: Callable[[], None] = lambda: None
        self.on_end: Callable[[Ended], None] = lambda _ended: None
        self._max_sessions = max_sessions
        self._max_egress_kbps = max_egress_kbps
        self._clock = clock
        self._wall = wall
        self._sessions: dict[str, Session] = {}
        self._slices: list[dict[Session, None]] = [{} for _ in range(SLICES)]
        self._rooms: dict[str, Room] = {}
        self._payers: dict[Track, tuple[str, str]] = {}
        """The account and the stream whose bytes a track's are."""
        self._publishers: dict[Publisher, None] = {}
        self._ingress = Ingress(
            self.stats,
            clock=clock,
            wall=wall,
            on_connected=self._connected,
            on_closed=self._end,
            on_first_packet=lambda _publisher: self.on_change(),
        )
        self._udp: UdpSocket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._late: asyncio.TimerHandle | None = None
        """Set while the begin of a frame waits for the rest of it."""
        self._ticked_at = 0.0
        self._slice = 0
        self._slice_at = 0.0
        self._egress = (0.0, 0)
        self._egress_kbps = 0

    # -- life ----------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bind the socket and begin; raises OSError where that is impossible."""
        loop = asyncio.get_running_loop()
        self._udp = UdpSocket(
            self._bind, self.stats, on_datagram=self._ingress.datagram, on_drained=self._forward, wall=self._wall
        )
        self._ingress.udp = self._udp
        self._udp.start(loop)
        self._ticked_at = self._slice_at = self._clock()
        self._egress = (self._ticked_at, 0)
        self._timer = loop.call_later(TICK, self._tick, loop)

    async def close(self) -> None:
        """End every session and close the socket."""
        for session in list(self._sessions.values()):
            self._end(session, "shutdown")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._late is not None:
            self._late.cancel()
            self._late = None
        if self._udp is not None:
            self._udp.close()
            self._udp = None
            self._ingress.udp = None

    @property
    def local(self) -> LocalEndpoint:
        """What every answer prints about this node."""
        candidates = self._announce
        if not candidates:
            candidates = (Candidate(*(self._bind if self._udp is None else self._udp.address)),)
        return LocalEndpoint(fingerprints=self._identity.fingerprints, candidates=candidates)

    def new_credentials(self) -> IceCredentials:
        """Fresh ICE credentials for one session."""
        return ice.new_credentials()

    # -- sessions ------------------------------------------------------------------------------------------------------

    def source(self, stream: str) -> SourceDescription | None:
        """What *stream* carries now; None when it is offline."""
        room = self._rooms.get(stream)
        return None if room is None else room.describe()

    def publish(self, grant: VerifiedGrant, negotiated: Negotiated, now: float) -> Publisher | Refused:
        """Begin a publisher's session; one of a lower epoch on the same stream ends, its viewers stay."""
        claims = grant.claims
        room = self._rooms.get(claims.stream)
        if claims.session in self._sessions or (room is not None and not room.admits(claims.epoch)):
            return invalid_grant()
        if self._udp is None or self._full(replacing=room is not None and room.publisher is not None):
            return no_capacity()
        if room is None:
            room = self._rooms[claims.stream] = Room(claims.stream)
        if room.publisher is not None:
            self._end(room.publisher, "superseded")
        for media in negotiated.media:
            track = room.tracks.get(media.kind)
            if track is None:
                track = room.tracks[media.kind] = Track(
                    media.kind,
                    media.codec,
                    self._udp,
                    self.stats,
                    # Below 2^15, so that no receiver sees a wrap soon after its start (RFC 3711, section 3.3.1).
                    first_index=secrets.randbelow(0x7000),
                    first_timestamp=secrets.randbits(32),
                )
            else:
                track.new_source(media.codec)
            self._payers[track] = (claims.account, claims.stream)
        clock = self._clock()
        publisher = Publisher(
            claims,
            Peer(self._identity, negotiated, self._udp, clock),
            room.tracks,
            self.stats,
            secret=secrets.token_hex(16),
            etag=secrets.token_hex(8),
            wall=now,
            now=clock,
        )
        room.begin(publisher)
        self._publishers[publisher] = None
        self.stats.publishers_begun += 1
        self._begin(publisher)
        for viewer in room.misfits():
            self._end(viewer, "codec_changed")
        for viewer in room.viewers.values():
            viewer.follow(room.tracks, clock)
        self.on_change()
        return publisher

    def play(self, grant: VerifiedGrant, negotiated: Negotiated, now: float) -> Viewer | Refused:
        """Begin a viewer's session; the grant's viewer limit is exact here."""
        claims = grant.claims
        if claims.session in self._sessions:
            return invalid_grant()
        room = self._rooms.get(claims.stream)
        if room is None or room.publisher is None:
            return stream_offline()
        if len(room.viewers) >= claims.max_viewers:
            return viewer_limit_reached(len(room.viewers), claims.max_viewers)
        if self._udp is None or self._full():
            return no_capacity()
        clock = self._clock()
        viewer = Viewer(
            claims,
            Peer(self._identity, negotiated, self._udp, clock),
            self._udp,
            self.stats,
            secret=secrets.token_hex(16),
            etag=secrets.token_hex(8),
            wall=now,
            now=clock,
        )
        room.viewers[viewer.id] = viewer
        self.stats.viewers_begun += 1
        self._begin(viewer)
        self.on_change()
        return viewer

    def session(self, session_id: str) -> Session | None:
        """A session that is not over."""
        return self._sessions.get(session_id)

    def restart(self, session_id: str, local: IceCredentials, remote: IceCredentials, now: float) -> bool:
        """Accept checks under *local* beside the old credentials, until the first that nominates; False: no session.

        The peer's new credentials are of no use to us: an ICE-lite agent sends no checks.
        """
        del remote, now
        session = self._sessions.get(session_id)
        if session is None:
            return False
        self._ingress.restart(session, local)
        return True

    def end(self, session_id: str, reason: str) -> bool:
        """End a session with BYE and close_notify; False when there is none."""
        session = self._sessions.get(session_id)
        return session is not None and self._end(session, reason)

    def end_where(
        self, *, session: str | None = None, stream: str | None = None, account: str | None = None, reason: str
    ) -> int:
        """End what matches one of the targets: publishers and viewers; how many that were."""
        return sum(
            self._end(one, reason)
            for one in list(self._sessions.values())
            if (session is not None and one.id == session)
            or (stream is not None and one.stream == stream)
            or (account is not None and one.account == account)
        )

    # -- reports -------------------------------------------------------------------------------------------------------

    def streams(self, now: float) -> list[StreamReport]:
        """Every live publish session. *now* is not needed: ages are on the plane's own clock."""
        del now
        clock = self._clock()
        return [
            StreamReport(
                stream=publisher.stream,
                account=publisher.account,
                session=publisher.id,
                epoch=publisher.claims.epoch,
                viewers=self.viewers(publisher.stream),
                max_viewers=publisher.claims.max_viewers,
                since=publisher.wall,
                silent_ms=max(0, round((clock - publisher.peer.last_seen) * 1000)),
                kbps=publisher.kbps,
            )
            for publisher in self._publishers
        ]

    def load(self, now: float) -> Load:
        """How full this node is."""
        del now
        publishers = len(self._publishers)
        return Load(
            publishers=publishers,
            viewers=len(self._sessions) - publishers,
            max_sessions=self._max_sessions,
            egress_kbps=self._egress_kbps,
            max_egress_kbps=self._max_egress_kbps,
        )

    def viewers(self, stream: str) -> int:
        """Sessions that watch *stream*, those that are still connecting included."""
        room = self._rooms.get(stream)
        return 0 if room is None else len(room.viewers)

    def watching(self, stream: str | None = None) -> list[Viewer]:
        """The viewers of *stream*, or all."""
        if stream is not None:
            room = self._rooms.get(stream)
            return [] if room is None else list(room.viewers.values())
        return [viewer for room in self._rooms.values() for viewer in room.viewers.values()]

    def stranded(self) -> list[str]:
        """Streams with viewers and without a publisher."""
        return [room.stream for room in self._rooms.values() if room.viewers and room.publisher is None]

    # -- inside --------------------------------------------------------------------------------------------------------

    def _full(self, *, replacing: bool = False) -> bool:
        return bool(self._max_sessions) and len(self._sessions) - replacing >= self._max_sessions

    def _begin(self, session: Session) -> None:
        self._sessions[session.id] = session
        min(self._slices, key=len)[session] = None
        self._ingress.admit(session)

    def _connected(self, session: Session, now: float) -> None:
        if isinstance(session, Viewer):
            room = self._rooms.get(session.stream)
            if room is not None:
                session.follow(room.tracks, now)
                for track in room.tracks.values():
                    self._sent(track, track.step(now, 0.0))
        else:
            self.on_change()

    def _end(self, session: Session, reason: str) -> bool:
        if session.ended is not None:
            return False
        session.ended = reason
        now = self._clock()
        self._sessions.pop(session.id, None)
        for group in self._slices:
            group.pop(session, None)
        room = self._rooms.get(session.stream)
        if isinstance(session, Viewer):
            self._meter_viewer(session)
            session.peer.close(session.farewell)
            session.unfollow()
            if room is not None:
                room.viewers.pop(session.id, None)
        elif isinstance(session, Publisher):
            self._meter_publisher(session)
            session.peer.close(session.farewell)
            self._publishers.pop(session, None)
            if room is not None:
                room.leave(session, now)
        self._ingress.dismiss(session)
        self.stats.sessions_ended += 1
        received, sent = session.totals()
        self.on_end(
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
        self.on_change()
        return True

    def _forward(self) -> None:
        """After each drain of the socket: what came in goes out."""
        ingress = self._ingress
        if ingress.fed:
            now = self._clock()
            for track in list(ingress.fed):
                if track.ready(now):
                    del ingress.fed[track]
                    self._sent(track, track.flush(now))
            if ingress.fed and self._late is None:
                self._late = asyncio.get_running_loop().call_later(WAIT, self._forward_late)
        if ingress.senders:
            for publisher in ingress.senders:
                self._meter_publisher(publisher)
            ingress.senders.clear()

    def _forward_late(self) -> None:
        self._late = None
        self._forward()

    def _sent(self, track: Track, size: int) -> None:
        if size:
            account, stream = self._payers[track]
            self.meter.sent(account, size, stream)

    def _meter_publisher(self, publisher: Publisher) -> None:
        if publisher.burst_bytes:
            self.meter.received(publisher.account, publisher.burst_bytes, publisher.stream)
            publisher.burst_bytes = 0

    def _meter_viewer(self, viewer: Viewer) -> None:
        if viewer.unmetered:
            self.meter.sent(viewer.account, viewer.unmetered, viewer.stream)
            viewer.unmetered = 0

    # -- the tick ------------------------------------------------------------------------------------------------------

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = self._clock()
        elapsed = now - self._ticked_at
        self._ticked_at = now
        joining = False
        try:
            for publisher in list(self._publishers):
                publisher.tick(now)
            for room in self._rooms.values():
                for track in room.tracks.values():
                    if track.joining:
                        self._sent(track, track.step(now, elapsed))
                        joining = joining or track.joining
            if self._ingress.half_open:
                for session in list(self._ingress.half_open):
                    session.peer.tick_handshake(now)
            if now - self._slice_at >= 1 / SLICES:
                self._slice_at = now
                self._slice = (self._slice + 1) % SLICES
                self._one_slice(self._slice, now)
        finally:
            self._timer = loop.call_later(JOINING_TICK if joining else TICK, self._tick, loop)

    def _one_slice(self, number: int, now: float) -> None:
        """A tenth of the sessions, each of them once a second; and what is cheap, ten times a second."""
        wall = self._wall()
        for session in list(self._slices[number]):
            self._check_life(session, now)
            if session.ended is not None:
                continue
            if isinstance(session, Viewer):
                self._meter_viewer(session)
                session.report(wall, session.stream)
            elif isinstance(session, Publisher):
                session.report(now)
                if session.limit.exceeded:
                    self._end(session, Code.BITRATE_EXCEEDED)
        for publisher in self._publishers:
            silent = now - publisher.peer.last_seen > SILENT_SECONDS
            if silent != publisher.silent:
                publisher.silent = silent
                self.on_change()
        if number == 0:
            self._each_second(now)

    def _check_life(self, session: Session, now: float) -> None:
        peer = session.peer
        if not peer.secure and now - session.began > CONNECT_SECONDS:
            self._end(session, "ice_timeout" if peer.address is None else "dtls_timeout")
        elif now - peer.last_seen > LIVENESS_SECONDS:
            self._end(session, "timeout")

    def _each_second(self, now: float) -> None:
        at, before = self._egress
        if now > at:
            self._egress_kbps = int((self.stats.sent_bytes - before) * 8 / (now - at) / 1000)
        self._egress = (now, self.stats.sent_bytes)
        for room in list(self._rooms.values()):
            for track in room.tracks.values():
                track.tick(now)
            if room.abandoned(now):
                for viewer in list(room.viewers.values()):
                    self._end(viewer, "publisher_gone")
                for track in room.tracks.values():
                    self._payers.pop(track, None)
                del self._rooms[room.stream]
