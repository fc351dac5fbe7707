"""What admission looks up before it decides: a key or a stream, together with the fleet, in one call. Reads only."""

from collections.abc import Iterable

from functions.domain.accounts import Key, Live, Stream
from functions.domain.fleet import Fleet, NodeReport
from functions.storage.attributes import Item
from functions.storage.dynamo import MAX_BATCH_READ, Dynamo
from functions.storage.items.fleet import FLEET_KEY, fleet_of
from functions.storage.items.key import key_of, locate_key
from functions.storage.items.node import locate_node, report_of
from functions.storage.items.stream import locate_stream, stream_of


class Directory:
    """Reads keys, streams and nodes by what a request names."""

    def __init__(self, dynamo: Dynamo, accounts: str, fleet: str) -> None:
        self._dynamo = dynamo
        self._accounts = accounts
        self._fleet = fleet

    def key_and_fleet(self, digest: str) -> tuple[Key | None, Fleet]:
        """The key with this digest and all nodes. Consistent: a revoked key is refused from the next request on."""
        items, fleet = self._with_fleet(locate_key(digest), consistent=True)
        return (key_of(items[0]) if items else None), fleet

    def stream_and_fleet(self, stream: str) -> tuple[Stream | None, Fleet]:
        """The stream and all nodes, eventually consistent: half the price, for the crowd of viewers."""
        items, fleet = self._with_fleet(locate_stream(stream), consistent=False)
        return (stream_of(items[0]) if items else None), fleet

    def fleet(self) -> Fleet:
        """All nodes, as of now."""
        return fleet_of(filter(None, [self._dynamo.get(self._fleet, FLEET_KEY)]))

    def live(self, streams: Iterable[str]) -> dict[str, Live]:
        """Where *streams* are live, as of now, by stream id; as many as one read takes."""
        keys = [locate_stream(stream) for stream in sorted(set(streams))[:MAX_BATCH_READ]]
        found = map(stream_of, self._dynamo.batch_get({self._accounts: keys}, consistent=True)[self._accounts])
        return {stream.id: stream.live for stream in found if stream.live is not None}

    def reports(self, nodes: Iterable[str]) -> dict[str, NodeReport]:
        """What the *nodes* last reported, by node id, as of now; nodes that never did are left out."""
        wanted = sorted(set(nodes))
        found: list[Item] = []
        for start in range(0, len(wanted), MAX_BATCH_READ):
            keys = [locate_node(node) for node in wanted[start : start + MAX_BATCH_READ]]
            found += self._dynamo.batch_get({self._fleet: keys}, consistent=True)[self._fleet]
        return {report.node.id: report for report in map(report_of, found)}

    def _with_fleet(self, key: dict[str, str], *, consistent: bool) -> tuple[list[Item], Fleet]:
        wanted = {self._accounts: [key], self._fleet: [FLEET_KEY]}
        found = self._dynamo.batch_get(wanted, consistent=consistent)
        return found[self._accounts], fleet_of(found[self._fleet])
