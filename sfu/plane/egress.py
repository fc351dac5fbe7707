"""What came in goes out: bursts to the viewers after each drain of the socket, and to the meter what is billed for them.

It is the only place that meters. Bytes are handed to the meter per burst or per second, never per packet.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from sfu.media.track import WAIT, ForwardedTrack
from sfu.plane.ingress import Ingress
from sfu.plane.publisher import Publisher
from sfu.plane.viewer import Viewer


class Meter(Protocol):
    """Counts what is billed."""

    def received(self, account: str, n: int, stream: str) -> None:
        """*n* media bytes came from the publisher of *account*'s *stream*."""

    def sent(self, account: str, n: int, stream: str) -> None:
        """*n* media bytes went to viewers of *account*'s *stream*."""


class Egress:
    """From the tracks that were fed to whom they belong."""

    def __init__(self, ingress: Ingress, meter: Meter, clock: Callable[[], float]) -> None:
        self._ingress = ingress
        self._meter = meter
        self._clock = clock
        self._payers: dict[ForwardedTrack, tuple[str, str]] = {}
        """The account and the stream whose bytes a track's are."""
        self._late: asyncio.TimerHandle | None = None
        """Set while the begin of a frame waits for the rest of it."""

    def close(self) -> None:
        """Nothing is sent any more."""
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def bill(self, track: ForwardedTrack, account: str, stream: str) -> None:
        """*account* pays for what is sent of *track*, as bytes of *stream*."""
        self._payers[track] = (account, stream)

    def forget(self, track: ForwardedTrack) -> None:
        """*track* is over."""
        self._payers.pop(track, None)

    def forward(self) -> None:
        """After each drain: whole frames go out, begun ones wait for a moment."""
        ingress = self._ingress
        if ingress.fed:
            now = self._clock()
            for track in list(ingress.fed):
                if track.ready(now):
                    del ingress.fed[track]
                    self.sent(track, track.flush(now))
            if ingress.fed and self._late is None:
                self._late = asyncio.get_running_loop().call_later(WAIT, self._forward_late)
        if ingress.senders:
            for publisher in ingress.senders:
                self.meter_publisher(publisher)
            ingress.senders.clear()

    def _forward_late(self) -> None:
        self._late = None
        self.forward()

    def sent(self, track: ForwardedTrack, size: int) -> None:
        """*size* bytes of *track* went to viewers."""
        if size:
            account, stream = self._payers[track]
            self._meter.sent(account, size, stream)

    def meter_publisher(self, publisher: Publisher) -> None:
        """What it sent since the last time."""
        if publisher.burst_bytes:
            self._meter.received(publisher.account, publisher.burst_bytes, publisher.stream)
            publisher.burst_bytes = 0

    def meter_viewer(self, viewer: Viewer) -> None:
        """The repairs that it got since the last time."""
        if viewer.unmetered:
            self._meter.sent(viewer.account, viewer.unmetered, viewer.stream)
            viewer.unmetered = 0
