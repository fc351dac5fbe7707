"""What publishers' and viewers' sessions have in common: who it is, its transport, its life, and the state that a client may read.

A session begins with a grant and an answer, and ends once, for one reason.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Literal

from sfu.negotiation import Media, Negotiated
from sfu.stats import PlaneStats
from sfu.transport.peer import Peer
from sfu.wire import rtcp
from shared.grants import Claims


@dataclass(frozen=True, slots=True)
class Ended:
    """What is told of a session when it is over."""

    session: str
    stream: str
    account: str
    action: Literal["publish", "play"]
    reason: str
    received: int
    """Media bytes, as they are billed."""
    sent: int
    seconds: float


@dataclass(frozen=True, slots=True)
class SessionStart:
    """What a session of either kind is made of when it begins."""

    claims: Claims
    peer: Peer
    secret: str = field(repr=False)
    """The secret in the session's URL."""
    etag: str
    wall: float
    """When it begins, by the time of day."""
    now: float


class MediaSession(ABC):
    """One WHIP or WHEP connection, from its grant to its end."""

    action: Literal["publish", "play"]

    def __init__(self, beginning: SessionStart, stats: PlaneStats) -> None:
        self.claims = beginning.claims
        self.peer = beginning.peer
        self.secret = beginning.secret
        self.etag = beginning.etag
        self.wall = beginning.wall
        self.began = beginning.now
        self.ended: str | None = None
        """The reason, once it is over."""
        self.round_trip: float | None = None
        self.kbps = 0
        """Media of the last second, all sections together."""
        self._stats = stats

    @property
    def id(self) -> str:
        """The session's id, which is the grant's."""
        return self.claims.session

    @property
    def stream(self) -> str:
        """The public id of the session's stream."""
        return self.claims.stream

    @property
    def account(self) -> str:
        """The account that pays for the session's media."""
        return self.claims.account

    @property
    def negotiated(self) -> Negotiated:
        """What the offer and our answer agreed on."""
        return self.peer.negotiated

    def rtcp(self, data: bytes, now: float, wall: float) -> bool:
        """Take an SRTCP packet: each packet of the compound that is in it; whether it is authentic."""
        protection = self.peer.protection
        compound = protection.open_rtcp(data) if protection is not None else None
        if compound is None:
            self._stats.dropped_rtcp += 1
            return False
        self.peer.last_seen = now
        for kind, count, body in rtcp.packets(compound):
            self._feedback(kind, count, body, now, wall)
        return True

    @abstractmethod
    def _feedback(self, kind: int, count: int, body: bytes, now: float, wall: float) -> None:
        """Act on one RTCP packet; *count* is its report count or feedback format."""

    @abstractmethod
    def farewell(self) -> bytes | None:
        """Our BYE, where the session has a stream to say it of (RFC 3550, section 6.6)."""

    @abstractmethod
    def totals(self) -> tuple[int, int]:
        """Media bytes received and sent."""

    def state(self, now: float) -> dict[str, Any]:
        """Each stage of the way to a picture, in order, as far as it came: what a client asks when its picture is black."""
        peer = self.peer
        received, sent = self.totals()
        return {
            "session": self.id,
            "stream": self.stream,
            "action": self.action,
            "age": round(now - self.began, 3),
            "ended": self.ended,
            "ice": {
                "state": "connected" if peer.address else "waiting for a connectivity check",
                "last_packet_ms": round((now - peer.last_seen) * 1000),
            },
            "dtls": {
                "state": peer.handshake.state.value if peer.handshake else "new",
                "role": peer.negotiated.dtls_role.value,
                "after": None if peer.connected_at is None else round(peer.connected_at - self.began, 3),
                "srtp": peer.protection.profile.name.decode() if peer.protection else None,
            },
            "received": received,
            "sent": sent,
            "round_trip_ms": None if self.round_trip is None else round(self.round_trip * 1000, 1),
            "media": self.media_state(now),
        }

    def _section_state(
        self, media: Media, profile_level: str | None, first_packet_at: float | None, first_keyframe_at: float | None
    ) -> dict[str, Any]:
        """What publishers' and viewers' sections tell alike: what was negotiated, and how soon media came."""
        return {
            "mid": media.mid,
            "kind": media.kind,
            "codec": media.codec.name,
            "negotiated": dict(media.codec.parameters),
            "profile_level_id": profile_level,
            "first_packet_after": None if first_packet_at is None else round(first_packet_at - self.began, 3),
            "first_keyframe_after": None if first_keyframe_at is None else round(first_keyframe_at - self.began, 3),
            "kbps": self.kbps,
        }

    @abstractmethod
    def media_state(self, now: float) -> list[dict[str, Any]]:
        """What `state` tells of each section of the offer."""
