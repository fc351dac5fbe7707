"""The media plane: everything that happens on the one UDP socket. No HTTP, no AWS, no SDP.

It admits sessions by grants and answers, and says what is live. Who is here is kept by sessions.py, what happens in time
by ticks.py, what goes out by egress.py; packets are taken and forwarded inside the socket's callback.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from sfu.control.meter import CountsBytes
from sfu.layers import Layer
from sfu.media.numbering import ROOM
from sfu.media.track import ForwardedTrack
from sfu.native.fanout import Fanout
from sfu.negotiation import Candidate, IceCredentials, LocalEndpoint, Negotiated, SourceDescription
from sfu.plane.egress import Egress
from sfu.plane.ingress import Ingress
from sfu.plane.publisher import Publisher
from sfu.plane.room import Room
from sfu.plane.session import Ended, MediaSession, SessionStart
from sfu.plane.sessions import SessionTable
from sfu.plane.ticks import Ticks
from sfu.plane.unconnected import RETRY_AFTER, Unconnected
from sfu.plane.viewer import Viewer
from sfu.stats import PlaneStats
from sfu.transport import ice
from sfu.transport.dtls import DtlsCertificate
from sfu.transport.peer import Peer
from sfu.transport.udp import Address, UdpSocket
from shared.end_reasons import EndReason
from shared.grants import Claims
from shared.messages import Load, StreamReport
from shared.refusals import (
    Refused,
    invalid_grant,
    no_capacity,
    rate_limited,
    stream_offline,
    viewer_limit_reached,
)
from shared.verifier import VerifiedGrant


class Plane:
    """Begins, finds and ends all sessions of this process; its hooks tell of each change and each end.

    *clock* does not jump, *wall* is the time of day, both in seconds; *random_bytes* is fit for secrets.
    """

    def __init__(  # noqa: PLR0913 - each is a setting or a part, by name, and the composition root has them one by one
        self,
        bind: Address,
        announce: Sequence[Candidate] = (),
        *,
        meter: CountsBytes,
        max_sessions: int = 0,
        max_egress_kbps: int = 0,
        max_unconnected_per_address: int = 0,
        clock: Callable[[], float],
        wall: Callable[[], float],
        random_bytes: Callable[[int], bytes],
        on_change: Callable[[], None],
        on_end: Callable[[Ended], None],
        fanout: Fanout | None = None,
    ) -> None:
        self._fanout = fanout
        self._bind = bind
        self._announce = tuple(announce)
        self._certificate = DtlsCertificate(wall())
        self.stats = PlaneStats()
        self._on_change = on_change
        self._max_sessions = max_sessions
        self._max_egress_kbps = max_egress_kbps
        self._unconnected = Unconnected(max_unconnected_per_address)
        self._clock = clock
        self._wall = wall
        self._random_bytes = random_bytes
        self._ingress = Ingress(
            self.stats,
            clock=clock,
            wall=wall,
            random_bytes=random_bytes,
            on_connected=self._connected,
            on_closed=self._closed,
            on_first_packet=lambda _publisher: on_change(),
        )
        self._egress = Egress(self._ingress, meter, clock)
        self._sessions = SessionTable(
            self._ingress,
            self._egress,
            self.stats,
            clock,
            on_end=on_end,
            on_change=on_change,
        )
        self._ticks = Ticks(
            self._sessions,
            self._ingress,
            self._egress,
            self.stats,
            clock=clock,
            wall=wall,
            on_change=on_change,
        )
        self._udp: UdpSocket | None = None

    # -- life ----------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bind the UDP socket and begin; raises OSError where that is impossible."""
        loop = asyncio.get_running_loop()
        self._udp = UdpSocket(
            self._bind,
            self.stats,
            on_datagram=self._ingress.datagram,
            on_drained=self._egress.forward,
            wall=self._wall,
            fanout=self._fanout,
        )
        self._ingress.udp = self._udp
        self._udp.start(loop)
        self._ticks.start(loop)

    async def close(self) -> None:
        """End every session and close the socket."""
        self._sessions.end_all(self._sessions.all(), EndReason.SHUTDOWN)
        self._ticks.close()
        self._egress.close()
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
        return LocalEndpoint(fingerprints=self._certificate.fingerprints, candidates=candidates)

    @property
    def own(self) -> IceCredentials:
        """The ICE credentials by which the node tries whether it can be reached."""
        return self._ingress.own

    def new_credentials(self) -> IceCredentials:
        """Fresh ICE credentials for one session."""
        return ice.new_credentials(self._random_bytes)

    # -- sessions ------------------------------------------------------------------------------------------------------

    def source(self, stream: str) -> SourceDescription | None:
        """What *stream* carries now; None when it is offline."""
        room = self._sessions.rooms.get(stream)
        return None if room is None else room.describe()

    def expected(self, stream: str) -> SourceDescription | None:
        """What *stream* carried last, while its viewers are kept; None: there is nothing to go by."""
        room = self._sessions.rooms.get(stream)
        return None if room is None else room.expected()

    def publish(self, grant: VerifiedGrant, negotiated: Negotiated, now: float) -> Publisher | Refused:
        """Begin a publisher's session; one of a lower epoch on the same stream ends, its viewers stay."""
        claims = grant.claims
        room = self._sessions.rooms.get(claims.stream)
        if claims.session in self._sessions or (room is not None and not room.admits(claims.epoch)):
            return invalid_grant()
        if self._udp is None or not self._room_for_one(replacing=room is not None and room.publisher is not None):
            return no_capacity()
        if room is None:
            room = self._sessions.rooms[claims.stream] = Room(claims.stream)
        if room.publisher is not None:
            self._sessions.end(room.publisher, EndReason.SUPERSEDED)
        for media in negotiated.media:
            track = room.tracks.get(media.kind)
            if track is None:
                track = room.tracks[media.kind] = ForwardedTrack(
                    media.kind,
                    media.codec,
                    self._udp,
                    self.stats,
                    # Below 2^15, so that no receiver sees a wrap soon after its start (RFC 3711, section 3.3.1).
                    first_index=ROOM + self._random_bits(64) % 0x7000,
                    first_timestamp=self._random_bits(32),
                )
            else:
                track.new_source(media.codec)
            self._egress.bill(track, claims.account, claims.stream)
        clock = self._clock()
        publisher = Publisher(self._beginning(claims, negotiated, self._udp, now, clock), room.tracks, self.stats)
        room.begin(publisher)
        self._sessions.begin(publisher)
        self._sessions.end_all(room.viewers_of_other_codecs(), EndReason.CODEC_CHANGED)
        for viewer in room.viewers.values():
            viewer.follow(room.tracks, clock)
        self._on_change()
        return publisher

    def play(
        self, grant: VerifiedGrant, negotiated: Negotiated, now: float, *, wait: float = 0.0, address: str = ""
    ) -> Viewer | Refused:
        """Begin a session of the viewer at *address*; the grant's viewer limit is exact here. With *wait* it may come before its
        publisher. Where the stream or the node is full, the oldest viewer who has not connected makes way.
        """
        claims = grant.claims
        if claims.session in self._sessions:
            return invalid_grant()
        room = self._sessions.rooms.get(claims.stream)
        if room is None and wait:
            room = Room(claims.stream)
        if room is None or (room.publisher is None and not wait):
            return stream_offline()
        if self._unconnected.refuses(address):
            return rate_limited(RETRY_AFTER)
        if len(room.viewers) >= claims.max_viewers and not self._makes_way(lambda one: one.stream == claims.stream):
            return viewer_limit_reached(len(room.viewers), claims.max_viewers)
        if self._udp is None or not self._room_for_one():
            return no_capacity()
        clock = self._clock()
        viewer = Viewer(self._beginning(claims, negotiated, self._udp, now, clock), self._udp, self.stats)
        if room.publisher is None:
            self._sessions.rooms[claims.stream] = room
            room.wait(clock + wait)
        room.add(viewer)
        self._unconnected.begin(viewer, address)
        self._sessions.begin(viewer)
        self._on_change()
        return viewer

    def session(self, session_id: str) -> MediaSession | None:
        """The session of this id that is not over; None where there is none."""
        return self._sessions.find(session_id)

    def restart(self, session_id: str, local: IceCredentials) -> bool:
        """Accept checks under *local* beside the old credentials, until the first that nominates; False: no session.

        The peer's new credentials are of no use to us: an ICE-lite agent sends no checks (RFC 8445, section 2.5).
        """
        session = self._sessions.find(session_id)
        if session is None:
            return False
        self._ingress.restart(session, local)
        return True

    def end(self, session_id: str, reason: str) -> bool:
        """End a session with BYE and close_notify; False when there is none."""
        session = self._sessions.find(session_id)
        return session is not None and self._sessions.end(session, reason)

    def end_where(
        self, *, session: str | None = None, stream: str | None = None, account: str | None = None, reason: str
    ) -> int:
        """End the publishers and viewers that match the one target that is given; how many that were."""
        return self._sessions.end_all(
            (
                one
                for one in self._sessions.all()
                if (session is not None and one.id == session)
                or (stream is not None and one.stream == stream)
                or (account is not None and one.account == account)
            ),
            reason,
        )

    # -- reports -------------------------------------------------------------------------------------------------------

    def streams(self) -> list[StreamReport]:
        """Every live publish session, as heartbeats tell it."""
        clock = self._clock()
        return [
            StreamReport(
                stream=publisher.stream,
                account=publisher.account,
                session=publisher.id,
                epoch=publisher.claims.epoch,
                # Without those who have only posted: they make way here, so the API must not refuse for them.
                viewers=sum(viewer.peer.address is not None for viewer in self.watching(publisher.stream)),
                max_viewers=publisher.claims.max_viewers,
                since=publisher.wall,
                silent_ms=max(0, round((clock - publisher.peer.last_seen) * 1000)),
                kbps=publisher.kbps,
                problems=publisher.problems,
            )
            for publisher in self._sessions.publishers
        ]

    def load(self) -> Load:
        """How full this node is; viewers that have not connected do not count, since they make way."""
        publishers = len(self._sessions.publishers)
        return Load(
            publishers=publishers,
            viewers=len(self._sessions) - publishers - len(self._unconnected),
            max_sessions=self._max_sessions,
            egress_kbps=self._ticks.egress_kbps,
            max_egress_kbps=self._max_egress_kbps,
        )

    def connected(self) -> int:
        """How many sessions there are, without the viewers that have not connected."""
        return len(self._sessions) - len(self._unconnected)

    def client_state(self, session_id: str) -> dict[str, Any] | None:
        """How far a session came, and what its stream carries, for its own client; None: there is none."""
        session = self._sessions.find(session_id)
        if session is None:
            return None
        source = self.source(session.stream)
        carries = {} if source is None else {track.kind: track.codec.name for track in source.tracks}
        return {**session.state(self._clock()), "carries": carries}

    def viewers(self, stream: str) -> int:
        """Sessions that watch *stream*, those that are still connecting included."""
        room = self._sessions.rooms.get(stream)
        return 0 if room is None else len(room.viewers)

    def layers(self, stream: str) -> tuple[Layer, ...]:
        """The simulcast layers of *stream*; empty where there is one picture only."""
        room = self._sessions.rooms.get(stream)
        return () if room is None or room.publisher is None else room.publisher.layers()

    def watching(self, stream: str | None = None) -> list[Viewer]:
        """The viewers' sessions of *stream*, or those of all streams."""
        if stream is not None:
            room = self._sessions.rooms.get(stream)
            return [] if room is None else list(room.viewers.values())
        return [viewer for room in self._sessions.rooms.values() for viewer in room.viewers.values()]

    def stranded(self) -> list[str]:
        """Streams with viewers and without a publisher."""
        return [room.stream for room in self._sessions.rooms.values() if room.viewers and room.publisher is None]

    # -- inside --------------------------------------------------------------------------------------------------------

    def _room_for_one(self, *, replacing: bool = False) -> bool:
        """Whether the node has room for a session more, if need be that of a viewer who makes way."""
        full = bool(self._max_sessions) and len(self._sessions) - replacing >= self._max_sessions
        return not full or self._makes_way(lambda _viewer: True)

    def _makes_way(self, belongs: Callable[[Viewer], bool]) -> bool:
        """End the oldest viewer without a valid check of those that *belongs* names; False where there is none.

        A publisher never makes way: its key bounds how many there are, and its account's slot is held by it.
        """
        oldest = self._unconnected.oldest(belongs)
        return oldest is not None and self._sessions.end(oldest, EndReason.MADE_WAY)

    def _random_bits(self, bits: int) -> int:
        return int.from_bytes(self._random_bytes(bits // 8), "big")

    def _beginning(
        self, claims: Claims, negotiated: Negotiated, udp: UdpSocket, wall: float, now: float
    ) -> SessionStart:
        peer = Peer(self._certificate, negotiated, udp, now)
        return SessionStart(claims, peer, self._random_bytes(16).hex(), self._random_bytes(8).hex(), wall, now)

    def _closed(self, session: MediaSession, reason: str) -> bool:
        return self._sessions.end(session, reason)

    def _connected(self, session: MediaSession, now: float) -> None:
        if isinstance(session, Viewer):
            room = self._sessions.rooms.get(session.stream)
            if room is not None:
                session.follow(room.tracks, now)
                for track in room.tracks.values():
                    self._egress.sent(track, track.step(now, 0.0))
        # A viewer counts from now on, a publisher is there.
        self._on_change()
