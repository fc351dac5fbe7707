"""Sends what came in: bursts to the viewers after each drain of the socket, and to the meter the bytes that are billed.

No other module counts bytes for billing. Bytes are handed to the meter per burst or per second, never per packet.
"""

import asyncio
from collections.abc import Callable

from sfu.control.meter import CountsBytes
from sfu.media.track import WAIT, ForwardedTrack
from sfu.plane.ingress import Ingress
from sfu.plane.publisher import Publisher
from sfu.plane.viewer import Viewer


class Egress:
    """Sends the packets of the tracks that have some, and tells the meter whose bytes they were."""

    def __init__(self, ingress: Ingress, meter: CountsBytes, clock: Callable[[], float]) -> None:
        self._ingress = ingress
        self._meter = meter
        self._clock = clock
        self._payers: dict[ForwardedTrack, tuple[str, str]] = {}
        """The account and the stream whose bytes a track's are."""
        self._late: asyncio.TimerHandle | None = None
        """The timer that is set while the begin of a frame waits for its rest."""

    def close(self) -> None:
        """Stop sending what waits for the rest of its frame."""
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def bill(self, track: ForwardedTrack, account: str, stream: str) -> None:
        """*account* pays for what is sent of *track*, as bytes of *stream*."""
        self._payers[track] = (account, stream)

    def forget(self, track: ForwardedTrack) -> None:
        """Forget who pays for *track*, which is over."""
        self._payers.pop(track, None)

    def forward(self) -> None:
        """Send whole frames after a drain of the socket; begun ones wait a moment for their rest."""
        ingress = self._ingress
        if ingress.is_feeding():
            now = self._clock()
            for track in ingress.take_ready(now):
                self.sent(track, track.flush(now))
            if ingress.is_feeding() and self._late is None:
                self._late = asyncio.get_running_loop().call_later(WAIT, self._forward_late)
        for publisher in ingress.take_heard_from():
            self.meter_publisher(publisher)

    def _forward_late(self) -> None:
        self._late = None
        self.forward()

    def sent(self, track: ForwardedTrack, size: int) -> None:
        """Count *size* bytes of *track* that went to viewers, for whoever pays."""
        if size:
            account, stream = self._payers[track]
            self._meter.sent(account, size, stream)

    def meter_publisher(self, publisher: Publisher) -> None:
        """Count what *publisher* sent since the last time."""
        size = publisher.take_unmetered()
        if size:
            self._meter.received(publisher.account, size, publisher.stream)

    def meter_viewer(self, viewer: Viewer) -> None:
        """Meter the repairs that *viewer* got since the last time."""
        size = viewer.take_unmetered()
        if size:
            self._meter.sent(viewer.account, size, viewer.stream)
