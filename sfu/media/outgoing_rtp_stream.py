"""From one packet to many viewers: headers once per egress parameters, then per viewer only encryption and a system call.

A `OutgoingRtpStream` is an egress parameters of one track: the viewers that negotiated alike (payload type, SSRC, extension ids). Their
packets differ in nothing but the encryption, so the header, which is also the AEAD's associated data, is made once per
burst, and so is the packet's part of the nonce. The rest is `sfu.media.sealing`.

Invariant: an index of the track always gets the same sequence number and timestamp on a rtp_stream, so a repeated packet is
bit for bit the first one. Sequence numbers are index + base, timestamps the track's + shift; a viewer's rollover counter begins
at 0 with its first packet (`SrtpDestination.rollover`). No clocks, no RTCP, no history here.
"""

from collections.abc import Iterable, Sequence

from sfu.media.history import Packet
from sfu.media.sealing import (
    SrtpDestination,
    native_array,
    packet_run,
    runs,
    send_aead,
    send_aead_native,
    send_without_aead,
)
from sfu.native.fanout import DestinationArray, Fanout
from sfu.stats import PlaneStats
from sfu.transport.srtp import nonce_base
from sfu.transport.udp import UdpSocket
from sfu.wire.rtp import FIXED, pack_extensions


class RtpParameters:
    """What makes viewers of one track alike. Hashable by value."""

    __slots__ = ("_key", "ids", "payload_type", "ssrc")

    def __init__(self, payload_type: int, ssrc: int, ids: dict[str, int]) -> None:
        self.payload_type = payload_type
        self.ssrc = ssrc
        self.ids = ids
        self._key = (payload_type, ssrc, tuple(sorted(ids.items())))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RtpParameters) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


class OutgoingRtpStream:
    """An egress parameters with its live destinations."""

    __slots__ = ("_floor", "_group", "aead", "base", "packets", "parameters", "payload_bytes", "plain", "shift")

    def __init__(self, parameters: RtpParameters, base: int, shift: int = 0) -> None:
        self.parameters = parameters
        self.base = base
        self.shift = shift
        self.aead: list[SrtpDestination] = []
        self.plain: list[SrtpDestination] = []
        self.packets = 0
        """Sent live to each destination since the rtp_stream began."""
        self.payload_bytes = 0
        """The same in bytes of UDP payload without authentication tags."""
        self._floor = 0
        self._group: DestinationArray | None = None
        """The targets of `aead`, since it changed last."""

    def __len__(self) -> int:
        return len(self.aead) + len(self.plain)

    def begin(self, destination: SrtpDestination, first: int, ahead: int = 0) -> None:
        """*destination*'s first packet will be *first*, or one of *ahead* packets of its own that have the numbers before it."""
        destination.begin(first, (first - ahead + self.base) >> 16 << 16)

    def join(self, destination: SrtpDestination) -> None:
        """From the next burst on *destination* is live."""
        destination.joined = (self.packets, self.payload_bytes)
        self._floor = max(self._floor, destination.first, destination.join_index)
        (self.plain if destination.encrypt is None else self.aead).append(destination)
        self._group = None

    def leave(self, destination: SrtpDestination) -> None:
        """No more live packets for *destination*; its totals are kept in it."""
        group = self.plain if destination.encrypt is None else self.aead
        if destination in group:
            destination.extra_packets, destination.extra_bytes = self.totals(destination)
            group.remove(destination)
            self._group = None
            destination.joined = (self.packets, self.payload_bytes)

    def totals(self, destination: SrtpDestination) -> tuple[int, int]:
        """Packets and bytes of UDP payload that *destination* got, everything included."""
        group = self.plain if destination.encrypt is None else self.aead
        if destination not in group:
            return destination.extra_packets, destination.extra_bytes
        live = self.packets - destination.joined[0]
        size = self.payload_bytes - destination.joined[1] + live * destination.tag
        return destination.extra_packets + live, destination.extra_bytes + size

    def header(self, packet: Packet, timestamp: int) -> bytes:
        """The RTP header of *packet* on this rtp_stream."""
        parameters = self.parameters
        ids = parameters.ids
        block = pack_extensions([(ids[uri], value) for uri, value in packet[4] if uri in ids]) if packet[4] else b""
        first = 0x90 if block else 0x80
        return (
            FIXED.pack(
                first, packet[2] | parameters.payload_type, (packet[0] + self.base) & 0xFFFF, timestamp, parameters.ssrc
            )
            + block
        )

    def forward(self, packets: Sequence[Packet], udp: UdpSocket, stats: PlaneStats) -> int:
        """Send a burst to all live destinations; the bytes of UDP payload that the kernel took."""
        if packets and min(packets)[0] < self._floor:
            late = [packet for packet in packets if packet[0] < self._floor]
            packets = [packet for packet in packets if packet[0] >= self._floor]
            sent = self._forward_late(late, udp, stats)
        else:
            sent = 0
        if not packets:
            return sent
        headers = [self.header(packet, packet[1] + self.shift & 0xFFFFFFFF) for packet in packets]
        bare, taken = self._transmit(packets, headers, self.aead, self.plain, udp)
        self.packets += len(packets)
        self.payload_bytes += bare
        stats.sent_packets += len(packets) * len(self)
        stats.sent_bytes += taken
        return sent + taken

    def send_alone(
        self,
        destination: SrtpDestination,
        packets: Sequence[Packet],
        timestamps: Iterable[int],
        udp: UdpSocket,
        stats: PlaneStats,
    ) -> int:
        """Send *packets* with *timestamps* to one destination only: catching up, or again."""
        headers = [self.header(packet, timestamp) for packet, timestamp in zip(packets, timestamps, strict=True)]
        one = [destination]
        aead, plain = ((), one) if destination.encrypt is None else (one, ())
        before = destination.extra_bytes
        bare, taken = self._transmit(packets, headers, aead, plain, udp)
        destination.extra_packets += len(packets)
        # _transmit has taken off what was refused.
        destination.extra_bytes += bare + len(packets) * destination.tag
        stats.sent_packets += len(packets)
        stats.sent_bytes += taken
        return destination.extra_bytes - before

    def _forward_late(self, packets: Sequence[Packet], udp: UdpSocket, stats: PlaneStats) -> int:
        """Packets from before somebody was live: only for those who had begun, with the timestamps that they were told."""
        sent = 0
        for destination in [*self.aead, *self.plain]:
            due = [packet for packet in packets if packet[0] >= destination.first]
            if due:
                times = [destination.timestamp(packet[0], packet[1]) for packet in due]
                sent += self.send_alone(destination, due, times, udp, stats)
        return sent

    def _transmit(
        self,
        packets: Sequence[Packet],
        headers: list[bytes],
        aead: Sequence[SrtpDestination],
        plain: Sequence[SrtpDestination],
        udp: UdpSocket,
    ) -> tuple[int, int]:
        """Encrypt and send to each; bytes of one copy without tags, and bytes taken by the kernel for all copies."""
        payloads = [packet[3] for packet in packets]
        sizes = [len(header) + len(payload) for header, payload in zip(headers, payloads, strict=True)]
        pieces = runs(sizes) if udp.gso else [(at, at + 1) for at in range(len(sizes))]
        bare = sum(sizes)
        taken = 0
        if aead:
            bases = [nonce_base(self.parameters.ssrc, packet[0] + self.base) for packet in packets]
            bursts = [
                packet_run(bases[a:b], payloads[a:b], headers[a:b], sizes[a] + 16 if b - a > 1 else 0)
                for a, b in pieces
            ]
            if udp.fanout is None:
                refused = send_aead(bursts, aead, udp)
            else:
                refused = send_aead_native(udp.fanout, bursts, aead, self._targets(aead, udp.fanout), udp)
            taken += len(aead) * (bare + 16 * len(packets)) - refused
        if plain:
            whole = [header + payload for header, payload in zip(headers, payloads, strict=True)]
            messages = [(whole[a:b], sizes[a] + 10 if b - a > 1 else 0) for a, b in pieces]
            taken += len(plain) * (bare + 10 * len(packets)) - send_without_aead(messages, plain, udp)
        return bare, taken

    def _targets(self, aead: Sequence[SrtpDestination], fanout: Fanout) -> DestinationArray:
        if aead is not self.aead:
            return native_array(aead, fanout)
        if self._group is None:
            self._group = native_array(aead, fanout)
        return self._group
