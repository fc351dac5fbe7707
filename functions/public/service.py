"""What the public endpoints answer: the state of a stream, the tiers, the public keys. No account is ever read."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from functions.domain.stores import StreamLookup
from functions.edge.bodies import limit_fields
from functions.edge.parameters import ParameterUnavailableError
from functions.public.models import JwkSet, ProblemState, StreamState, TierLimits, Tiers
from shared.keys import is_stream_id
from shared.problems import explained
from shared.refusals import Refused, stream_not_found, unavailable
from shared.tiers import HLS_EMBED_HOSTS, TIERS


class PublicService:
    """Reads what anybody may know, a method an endpoint. *jwks* reads the signer's public keys, given the time."""

    def __init__(self, streams: StreamLookup, jwks: Callable[[float], Mapping[str, Any]]) -> None:
        self._streams = streams
        self._jwks = jwks

    def stream(self, stream_id: str, now: float) -> StreamState | Refused:
        """Whether a stream is live, and how many watch; a node whose lease has run out holds nothing any more."""
        if not is_stream_id(stream_id):
            return stream_not_found()
        stream, fleet = self._streams.stream_and_fleet(stream_id)
        if stream is None:
            return stream_not_found()
        live = stream.live
        node = fleet.of_boot(live.boot) if live else None
        if live is None or node is None or not node.leased(now):
            return StreamState(
                stream_id=stream_id, live=False, viewers=0, limit=stream.max_viewers, since=None,
                problems=_problems(stream.problems),
            )  # fmt: skip
        return StreamState(
            stream_id=stream_id, live=True, viewers=live.viewers, limit=stream.max_viewers, since=live.since,
            problems=_problems(live.problems),
        )  # fmt: skip

    def tiers(self) -> Tiers:
        """What each tier may use, smallest tier first."""
        rows = [TierLimits(tier=tier, **limit_fields(limits)) for tier, limits in TIERS.items()]
        return Tiers(tiers=rows, hls_embed_hosts=list(HLS_EMBED_HOSTS))

    def jwks(self, now: float) -> JwkSet | Refused:
        """The keys that grants are verified with; a private half that strayed into the set would be left out."""
        try:
            return JwkSet.model_validate(self._jwks(now))
        except ParameterUnavailableError:
            return unavailable()


def _problems(codes: Iterable[str]) -> list[ProblemState]:
    return [ProblemState(**one) for one in explained(codes)]
