"""Where one viewer's packets go and with which keys, and what is different in its copies of a shared RTP stream."""

from sfu.transport.srtp import Protection
from sfu.transport.udp import Address


class SrtpDestination:
    """The receiving end of one viewer on an outgoing RTP stream: its address, its keys and its timestamps.

    *protection* holds the keys of the viewer's session; packets go to *address* until `aim` names another one.
    """

    __slots__ = (
        "address",
        "encrypt",
        "extra_bytes",
        "extra_packets",
        "first",
        "join_index",
        "join_ts",
        "joined",
        "native",
        "protect",
        "rollover",
        "salt",
        "shift",
        "squeeze",
        "tag",
    )

    def __init__(self, address: Address, protection: Protection) -> None:
        self.address = address
        self.encrypt = protection.encrypt
        self.protect = protection.protect
        self.salt = protection.salt
        self.tag = protection.profile.tag
        self.first = 0
        """The first index of the track that it gets."""
        self.rollover = 0
        """What is subtracted from an index of the RTP stream, so that the viewer's rollover counter begins at 0."""
        self.join_index = 0
        """From this index on it gets the track's timestamps, moved by *shift*; before it, squeezed ones."""
        self.join_ts = 0
        """The track's timestamp at *join_index*."""
        self.squeeze = 1.0
        """How many times faster than real time its catch-up is sent."""
        self.shift = 0
        """What is added to every timestamp that it gets: more than 0 after a replay."""
        self.native = protection.native_destination()
        """The same for the sender in C; None where there is none."""
        if self.native is not None:
            self.native.aim(address)
        self.joined = (0, 0)
        """Packets and bytes that the RTP stream had sent when this viewer became live."""
        self.extra_packets = 0
        """Packets that it alone was sent (cached, or sent again), less what the kernel refused."""
        self.extra_bytes = 0

    def aim(self, address: Address) -> None:
        """Send to *address* from now on."""
        self.address = address
        if self.native is not None:
            self.native.aim(address)

    def begin(self, first: int, rollover: int) -> None:
        """Start at index *first* of the track, with *rollover* taken off the indices of the RTP stream."""
        self.first = first
        self.rollover = rollover
        if self.native is not None:
            self.native.begin(rollover)

    def timestamp(self, index: int, timestamp: int) -> int:
        """The RTP timestamp of its copy of the track's packet *index*: the same whenever that packet is sent."""
        behind = self.join_ts - timestamp & 0xFFFFFFFF
        if index < self.join_index and behind < 0x80000000:
            timestamp = self.join_ts - int(behind / self.squeeze)
        return timestamp + self.shift & 0xFFFFFFFF
