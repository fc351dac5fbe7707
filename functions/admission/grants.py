"""From an admitted publisher or viewer to the signed grant that its node will accept."""

from collections.abc import Callable
from dataclasses import dataclass, field

from functions.domain.fleet import Node
from functions.domain.publishing import AdmittedPublisher
from functions.domain.watching import AdmittedViewer
from functions.edge.parameters import CachedParameter
from shared.grants import GRANT_SECONDS, WEBRTC, Action, Claims, SigningKey, sign
from shared.keys import RandomBytes, new_session_id


@dataclass(frozen=True, slots=True)
class Grant:
    """A signed grant and what a client needs to use it."""

    token: str = field(repr=False)
    claims: Claims
    node_url: str
    """Where clients reach the node that accepts the grant."""
    region: str
    """The region of that node."""
    waits: bool = False
    """Whether it is for a viewer who comes before the publisher, and waits at the node."""

    @property
    def url(self) -> str:
        """Where the session begins, without the grant."""
        stream = f"{self.node_url}/{self.claims.stream}"
        return f"{stream}/{WEBRTC[self.claims.action]}" if self.claims.protocol in WEBRTC.values() else stream

    @property
    def location(self) -> str:
        """Where a redirected client posts its offer; the grant is in the URL because browsers drop `Authorization`."""
        return f"{self.url}?grant={self.token}{'&wait=1' if self.waits else ''}"


class GrantSigner:
    """Makes the grants of admitted publishers and viewers, signed with the signer's active key."""

    def __init__(self, key: CachedParameter[SigningKey], clock: Callable[[], float], random: RandomBytes) -> None:
        self._key = key
        self._clock = clock
        self._random = random

    def ready(self) -> None:
        """Have the key at hand, or raise: once it was read it never fails again (`functions.edge.parameters.CachedParameter`)."""
        self._key.value(self._clock())

    def to_publish(self, place: AdmittedPublisher, protocol: str) -> Grant:
        """The grant for a publisher's slot; it lapses when the slot does that nobody has used yet."""
        limits = place.account.limits
        claims = Claims(
            node=place.node.id,
            boot=place.node.boot,
            account=place.account.id,
            stream=place.stream,
            session=place.slot.session,
            action=Action.PUBLISH,
            epoch=place.account.epoch,
            issued_at=self._clock(),
            expires_at=place.slot.expires_at,
            tier=place.account.tier.value,
            max_viewers=limits.viewers,
            max_kbps=limits.kbps,
            protocol=protocol,
            permissions=_permissions("publish", place.stream, protocol),
        )
        return self._signed(claims, place.node)

    def to_play(self, seat: AdmittedViewer, protocol: str) -> Grant:
        """The grant for a viewer's seat, which lapses `GRANT_SECONDS` from now."""
        now = self._clock()
        claims = Claims(
            node=seat.node.id,
            boot=seat.node.boot,
            account=seat.stream.account,
            stream=seat.stream.id,
            session=new_session_id(self._random),
            action=Action.PLAY,
            epoch=seat.live.epoch if seat.live else 0,
            issued_at=now,
            expires_at=int(now) + GRANT_SECONDS,
            tier=seat.stream.tier.value,
            max_viewers=seat.stream.max_viewers,
            max_kbps=seat.stream.max_kbps,
            protocol=protocol,
            permissions=_permissions("read", seat.stream.id, protocol),
        )
        return self._signed(claims, seat.node, waits=seat.live is None)

    def _signed(self, claims: Claims, node: Node, *, waits: bool = False) -> Grant:
        token = sign(claims, self._key.value(self._clock()))
        return Grant(token, claims, node.url.rstrip("/"), node.region, waits)


def _permissions(action: str, stream: str, protocol: str) -> tuple[dict[str, str], ...]:
    """What a MediaMTX node's JWT support reads; ours needs no such claim."""
    return () if protocol in WEBRTC.values() else ({"action": action, "path": stream},)
