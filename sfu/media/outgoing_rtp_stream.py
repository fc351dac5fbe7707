"""From one packet to many viewers: each header is made once, and each viewer costs one encryption and one send.

Viewers of a track who negotiated the same `RtpParameters` share an `OutgoingRtpStream`. Their packets differ in nothing but the
encryption. So the header, which is also the AEAD's associated data, is made once a burst, and so is the packet's part of the
nonce; `sfu.media.sealing` does the rest for each viewer.

Invariant: an index of the track always gets the same sequence number and timestamp on an RTP stream, so a packet that is sent
again is bit for bit the first one. Sequence numbers are index + base, timestamps the track's + shift; a viewer's rollover counter
begins at 0 with its first packet (`SrtpDestination.rollover`).
"""

from collections.abc import Iterable, Sequence

from sfu.media.destination import SrtpDestination
from sfu.media.history import Packet
from sfu.media.sealing import native_array, packet_run, runs, send_aead, send_aead_native, send_without_aead
from sfu.native.fanout import DestinationArray, Fanout
from sfu.stats import PlaneStats
from sfu.transport.srtp import nonce_base
from sfu.transport.udp import UdpSocket
from sfu.wire.rtp import FIXED, pack_extensions


class RtpParameters:
    """What a viewer negotiated for a track: payload type, SSRC, and the ids of header extensions by URI. Hashable by value."""

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
    """One RTP stream (RFC 7656, section 2.1.10) that a track goes out as, shared by the viewers who negotiated *parameters*.

    *base* is added to the track's indices and *shift* to its timestamps. `aead` and `plain` are its live viewers, those with an
    AEAD profile and those without.
    """

    __slots__ = ("_array", "_floor", "aead", "base", "packets", "parameters", "payload_bytes", "plain", "shift")

    def __init__(self, parameters: RtpParameters, base: int, shift: int = 0) -> None:
        self.parameters = parameters
        self.base = base
        self.shift = shift
        self.aead: list[SrtpDestination] = []
        self.plain: list[SrtpDestination] = []
        self.packets = 0
        """Packets that each live viewer was sent since the stream began."""
        self.payload_bytes = 0
        """The same in bytes of UDP payload without authentication tags."""
        self._floor = 0
        """An index below it may be from before some live viewer began."""
        self._array: DestinationArray | None = None
        """`aead` as the C code takes it, made anew when it has changed."""

    def __len__(self) -> int:
        return len(self.aead) + len(self.plain)

    def begin(self, destination: SrtpDestination, first: int, ahead: int = 0) -> None:
        """Let *destination* start at index *first*, or with *ahead* packets of its own that have the numbers before it."""
        destination.begin(first, (first - ahead + self.base) >> 16 << 16)

    def join(self, destination: SrtpDestination) -> None:
        """Make *destination* live: it gets every burst from the next one on."""
        destination.joined = (self.packets, self.payload_bytes)
        self._floor = max(self._floor, destination.first, destination.join_index)
        (self.plain if destination.encrypt is None else self.aead).append(destination)
        self._array = None

    def leave(self, destination: SrtpDestination) -> None:
        """Send no more live packets to *destination*, which keeps its totals."""
        group = self.plain if destination.encrypt is None else self.aead
        if destination in group:
            destination.extra_packets, destination.extra_bytes = self.totals(destination)
            group.remove(destination)
            self._array = None
            destination.joined = (self.packets, self.payload_bytes)

    def totals(self, destination: SrtpDestination) -> tuple[int, int]:
        """Packets and bytes of UDP payload that *destination* was sent, live or alone."""
        group = self.plain if destination.encrypt is None else self.aead
        if destination not in group:
            return destination.extra_packets, destination.extra_bytes
        packets_before, bytes_before = destination.joined
        live = self.packets - packets_before
        size = self.payload_bytes - bytes_before + live * destination.tag
        return destination.extra_packets + live, destination.extra_bytes + size

    def header(self, packet: Packet, timestamp: int) -> bytes:
        """The RTP header of *packet* on this stream, with *timestamp* instead of the track's."""
        index, _timestamp, marker, _payload, extensions, _arrived = packet
        parameters = self.parameters
        block = b""
        if extensions:
            ids = parameters.ids
            block = pack_extensions([(ids[uri], value) for uri, value in extensions if uri in ids])
        return (
            FIXED.pack(
                0x90 if block else 0x80,
                marker | parameters.payload_type,
                (index + self.base) & 0xFFFF,
                timestamp,
                parameters.ssrc,
            )
            + block
        )

    def forward(self, packets: Sequence[Packet], udp: UdpSocket, stats: PlaneStats) -> int:
        """Send a burst to all live viewers; returns the bytes of UDP payload that the kernel took."""
        sent, floor = 0, self._floor
        indices = [index for index, _timestamp, _marker, _payload, _extensions, _arrived in packets]
        if indices and min(indices) < floor:
            late = [packet for packet, index in zip(packets, indices, strict=True) if index < floor]
            packets = [packet for packet, index in zip(packets, indices, strict=True) if index >= floor]
            sent = self._forward_late(late, udp, stats)
        if not packets:
            return sent
        shift = self.shift
        times = [time + shift & 0xFFFFFFFF for _index, time, _marker, _payload, _extensions, _arrived in packets]
        headers = list(map(self.header, packets, times))
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
        """Send *packets* with *timestamps* to *destination* alone, which catches up or asked for them again.

        Returns the bytes of UDP payload that the kernel took.
        """
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
        """Send packets that are older than some live viewer only to those who had begun, with the timestamps they were told."""
        sent = 0
        for destination in [*self.aead, *self.plain]:
            due: list[Packet] = []
            times: list[int] = []
            for packet in packets:
                index, timestamp, _marker, _payload, _extensions, _arrived = packet
                if index >= destination.first:
                    due.append(packet)
                    times.append(destination.timestamp(index, timestamp))
            if due:
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
        """Encrypt and send to each viewer; bytes of one copy without tags, and bytes of all copies that the kernel took."""
        payloads = [payload for _index, _timestamp, _marker, payload, _extensions, _arrived in packets]
        sizes = [len(header) + len(payload) for header, payload in zip(headers, payloads, strict=True)]
        pieces = runs(sizes) if udp.gso else [(at, at + 1) for at in range(len(sizes))]
        bare = sum(sizes)
        taken = 0
        if aead:
            ssrc, base = self.parameters.ssrc, self.base
            bases = [
                nonce_base(ssrc, index + base)
                for index, _timestamp, _marker, _payload, _extensions, _arrived in packets
            ]
            packet_runs = [
                packet_run(bases[a:b], payloads[a:b], headers[a:b], sizes[a] + 16 if b - a > 1 else 0)
                for a, b in pieces
            ]
            if udp.fanout is None:
                refused = send_aead(packet_runs, aead, udp)
            else:
                refused = send_aead_native(udp.fanout, packet_runs, aead, self._native(aead, udp.fanout), udp)
            taken += len(aead) * (bare + 16 * len(packets)) - refused
        if plain:
            whole = [header + payload for header, payload in zip(headers, payloads, strict=True)]
            messages = [(whole[a:b], sizes[a] + 10 if b - a > 1 else 0) for a, b in pieces]
            taken += len(plain) * (bare + 10 * len(packets)) - send_without_aead(messages, plain, udp)
        return bare, taken

    def _native(self, aead: Sequence[SrtpDestination], fanout: Fanout) -> DestinationArray:
        if aead is not self.aead:
            return native_array(aead, fanout)
        if self._array is None:
            self._array = native_array(aead, fanout)
        return self._array
