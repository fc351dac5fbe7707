"""A forwarded track on its way to one viewer: how far it was sent, and what this viewer's copies say."""

from typing import Final

from sfu.media.destination import SrtpDestination
from sfu.media.history import Packet
from sfu.media.outgoing_rtp_stream import OutgoingRtpStream, RtpParameters
from sfu.transport.srtp import Protection
from sfu.transport.udp import Address

REPLAY_AFTER: Final = 1.0
"""Seconds between the first two replays of the cached group of pictures to one viewer, and twice as many each time."""


class OutgoingTrack:
    """How far one viewer is in one track: it waits for a keyframe, catches up from the history, or is live.

    `ForwardedTrack.follow` takes it; `sfu.media.track_viewers` moves it on until it is live.
    """

    __slots__ = (
        "ahead",
        "allowance",
        "began",
        "cursor",
        "destination",
        "live",
        "parameters",
        "repair_index",
        "replay_after",
        "replayed",
        "requested",
        "restarted",
        "rtp_stream",
        "since",
    )

    def __init__(self, address: Address, protection: Protection, parameters: RtpParameters, now: float) -> None:
        self.parameters = parameters
        self.since = now
        """When the viewer asked for the track."""
        self.destination = SrtpDestination(address, protection)
        self.rtp_stream: OutgoingRtpStream | None = None
        """The RTP stream that it is sent; None while it waits for a keyframe."""
        self.ahead: dict[int, Packet] = {}
        """What only this viewer gets, by index: parameter sets before its group, or its first packet with such in it."""
        self.cursor = 0
        """The index of the next packet that it is sent while it catches up."""
        self.live = False
        """Whether it gets each burst as it comes."""
        self.began: float | None = None
        """When its first packet was sent."""
        self.restarted = 0.0
        """When its catch-up began last."""
        self.replayed = 0
        """How often it was sent the cached group again."""
        self.replay_after = REPLAY_AFTER
        """Seconds from one replay to the next."""
        self.allowance = 0.0
        """Packets that it may be sent now while it catches up."""
        self.repair_index = 0
        """The next number on its RTX stream (RFC 4588)."""
        self.requested: dict[int, float] = {}
        """Index -> when it was sent again last: a NACK that is repeated costs no bandwidth."""

    def timestamp(self, packet: Packet) -> int:
        """The RTP timestamp of this viewer's copy of *packet*: the same whenever it is sent."""
        index, timestamp, _marker, _payload, _extensions, _arrived = packet
        return self.destination.timestamp(index, timestamp)

    def totals(self) -> tuple[int, int]:
        """Packets and bytes of UDP payload that the viewer was sent."""
        if self.rtp_stream is None:
            return self.destination.extra_packets, self.destination.extra_bytes
        return self.rtp_stream.totals(self.destination)
