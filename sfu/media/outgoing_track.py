"""One viewer of one track: where it is, and what its copies of the track's packets say. `sfu.media.track` moves it on."""

from typing import Final

from sfu.media.history import Packet
from sfu.media.outgoing_rtp_stream import OutgoingRtpStream, RtpParameters
from sfu.media.sealing import SrtpDestination
from sfu.transport.srtp import Protection
from sfu.transport.udp import Address

REPLAY_AFTER: Final = 1.0
"""Seconds between two replays of the cached group to one viewer, and twice as many each time."""


class OutgoingTrack:
    """One viewer of one track."""

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
        self.destination = SrtpDestination(address, protection)
        self.rtp_stream: OutgoingRtpStream | None = None
        self.ahead: dict[int, Packet] = {}
        """What only this viewer gets, by index: parameter sets before its group, or its first packet with such in it."""
        self.cursor = 0
        self.live = False
        self.began: float | None = None
        """When its first packet was sent."""
        self.restarted = 0.0
        """When its group was begun last."""
        self.replayed = 0
        """How often it was sent the cached group again."""
        self.replay_after = REPLAY_AFTER
        self.allowance = 0.0
        """Packets that it may be sent now while it catches up."""
        self.repair_index = 0
        """The next number on its RTX stream."""
        self.requested: dict[int, float] = {}
        """Index -> when it was sent again last: a repeated NACK costs no bandwidth."""

    def timestamp(self, packet: Packet) -> int:
        """What this viewer's copy of *packet* says: always the same for the same packet."""
        return self.destination.timestamp(packet[0], packet[1])

    def totals(self) -> tuple[int, int]:
        """Packets and bytes of UDP payload sent."""
        if self.rtp_stream is None:
            return self.destination.extra_packets, self.destination.extra_bytes
        return self.rtp_stream.totals(self.destination)
