"""Answers MediaMTX: the same keys, tiers, quotas and slots as for our own nodes.

A publish takes a slot on the MediaMTX that asks, which must be in the fleet with a lease: `python -m sfu.gateway.reporter` beside
it sends its heartbeats. Without them nobody could tell when a session ends, so without them nobody is let in.
"""

from collections.abc import Mapping
from typing import Any

from functions.domain.invalid_keys import InvalidKeyLimit
from functions.domain.publishing import Publish, PublishDependencies, admit
from functions.domain.watching import Watching
from functions.edge.observability import Log
from functions.hooks.mediamtx import AuthRequest
from shared.refusals import Code, Refused, no_capacity, stream_offline

KIND = "mediamtx"
"""What the heartbeats of such a node say that it is."""


class MediaMtxAdmission:
    """Decides for a MediaMTX of the fleet who may publish and watch there."""

    def __init__(
        self, dependencies: PublishDependencies, watching: Watching, invalid_keys: InvalidKeyLimit, log: Log
    ) -> None:
        self._invalid_keys = invalid_keys
        self._dependencies = dependencies
        self._watching = watching
        self._log = log

    def decide(self, request: AuthRequest, node: str, sender: str) -> Mapping[str, Any] | Refused:
        """What the reporter beside MediaMTX needs to know of an admitted session, or why there is none.

        *sender* is the address that the question came from, as API Gateway saw it.
        """
        return self._watch(request, node) if request.key is None else self._publish(request, node, sender)

    def _publish(self, request: AuthRequest, name: str, sender: str) -> Mapping[str, Any] | Refused:
        assert request.key is not None  # noqa: S101 - decide() looked
        now = self._dependencies.clock()
        key, fleet = self._dependencies.directory.key_and_fleet(request.key.digest)
        if key is None or not key.valid(now) or key.stream != request.stream:
            # A right key for another stream is as wrong as any. Counted by who asks: anybody may ask, and what a question says of
            # its client is the asker's word, which would give each attempt an address of its own, or use up somebody else's.
            return self._invalid_keys.refusal(sender)
        node = fleet.named(name)
        if node is None or node.kind != KIND or not node.serves(now):
            self._log.event("no such MediaMTX", node=name[:64])
            return no_capacity()
        wish = Publish(
            request.key,
            request.protocol,
            request.force,
            node=name,
            idempotency_key=request.identity,
            address=request.address,
        )
        place = admit(self._dependencies, wish)
        if isinstance(place, Refused):
            # The key of a closed account is as good as unknown: it counts like one, so that nobody tells the two apart.
            return self._invalid_keys.refusal(sender) if place.code is Code.INVALID_KEY else place
        if place.node.id != name:
            # The predecessor's node lives, and the rules would keep the stream there; its slot is free for the next try.
            self._dependencies.rosters.release(place.account.id, place.stream, place.slot.session)
            return no_capacity()
        self._log.event(
            "admitted", action="publish", account=place.account.id, stream=place.stream, session=place.slot.session,
            node=name,
        )  # fmt: skip
        limits = place.account.limits
        return {
            "action": "publish",
            "stream": place.stream,
            "session": place.slot.session,
            "account": place.account.id,
            "epoch": place.account.epoch,
            "limits": {"viewers": limits.viewers, "kbps": limits.kbps},
        }

    def _watch(self, request: AuthRequest, name: str) -> Mapping[str, Any] | Refused:
        seat = self._watching.admit(request.stream, request.protocol)
        if isinstance(seat, Refused):
            return seat
        if seat.node.id != name:
            return stream_offline()
        return {"action": "play", "stream": request.stream, "limits": {"viewers": seat.stream.max_viewers}}
