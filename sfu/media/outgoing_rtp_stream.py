"""From one packet to many viewers: headers once per egress profile, then per viewer only encryption and a system call.

A `Lane` is an egress profile of one track: the viewers that negotiated alike (payload type, SSRC, extension ids). Their
packets differ in nothing but the encryption, so the header, which is also the AEAD's associated data, is made once per
burst, and so is the packet's part of the nonce. The rest is `sfu.media.sealing`.

Invariant: an index of the track always gets the same sequence number and timestamp on a lane, so a repeated packet is
bit for bit the first one. Sequence numbers are index + base, timestamps the track's + shift; a viewer's rollover counter begins
at 0 with its first packet (`Subscriber.rollover`). No clocks, no RTCP, no history here.
"""

from collections.abc import Iterable, Sequence

from sfu.media.history import Packet
from sfu.media.sealing import Subscriber, burst_of, group_of, runs, send_compiled, send_protected, send_sealed
from sfu.native.fanout import Fanout, Group
from sfu.stats import PlaneStats
from sfu.transport.srtp import nonce_base
from sfu.transport.udp import UdpSocket
from sfu.wire.rtp import FIXED, pack_extensions


class Profile:
    """What makes viewers of one track alike. Hashable by value."""

    __slots__ = ("_key", "ids", "payload_type", "ssrc")

    def __init__(self, payload_type: int, ssrc: int, ids: dict[str, int]) -> None:
        self.payload_type = payload_type
        self.ssrc = ssrc
        self.ids = ids
        self._key = (payload_type, ssrc, tuple(sorted(ids.items())))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Profile) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


class Lane:
    """An egress profile with its live subscribers."""

    __slots__ = ("_floor", "_group", "aead", "base", "packets", "payload_bytes", "plain", "profile", "shift")

    def __init__(self, profile: Profile, base: int, shift: int = 0) -> None:
        self.profile = profile
        self.base = base
        self.shift = shift
        self.aead: list[Subscriber] = []
        self.plain: list[Subscriber] = []
        self.packets = 0
        """Sent live to each subscriber since the lane began."""
        self.payload_bytes = 0
        """The same in bytes of UDP payload without authentication tags."""
        self._floor = 0
        self._group: Group | None = None
        """The targets of `aead`, since it changed last."""

    def __len__(self) -> int:
        return len(self.aead) + len(self.plain)

    def begin(self, subscriber: Subscriber, first: int, ahead: int = 0) -> None:
        """*subscriber*'s first packet will be *first*, or one of *ahead* packets of its own that have the numbers before it."""
        subscriber.begin(first, (first - ahead + self.base) >> 16 << 16)

    def join(self, subscriber: Subscriber) -> None:
        """From the next burst on *subscriber* is live."""
        subscriber.joined = (self.packets, self.payload_bytes)
        self._floor = max(self._floor, subscriber.first, subscriber.join_index)
        (self.plain if subscriber.encrypt is None else self.aead).append(subscriber)
        self._group = None

    def leave(self, subscriber: Subscriber) -> None:
        """No more live packets for *subscriber*; its totals are kept in it."""
        group = self.plain if subscriber.encrypt is None else self.aead
        if subscriber in group:
            subscriber.extra_packets, subscriber.extra_bytes = self.totals(subscriber)
            group.remove(subscriber)
            self._group = None
            subscriber.joined = (self.packets, self.payload_bytes)

    def totals(self, subscriber: Subscriber) -> tuple[int, int]:
        """Packets and bytes of UDP payload that *subscriber* got, everything included."""
        group = self.plain if subscriber.encrypt is None else self.aead
        if subscriber not in group:
            return subscriber.extra_packets, subscriber.extra_bytes
        live = self.packets - subscriber.joined[0]
        size = self.payload_bytes - subscriber.joined[1] + live * subscriber.tag
        return subscriber.extra_packets + live, subscriber.extra_bytes + size

    def header(self, packet: Packet, timestamp: int) -> bytes:
        """The RTP header of *packet* on this lane."""
        profile = self.profile
        ids = profile.ids
        block = pack_extensions([(ids[uri], value) for uri, value in packet[4] if uri in ids]) if packet[4] else b""
        first = 0x90 if block else 0x80
        return (
            FIXED.pack(
                first, packet[2] | profile.payload_type, (packet[0] + self.base) & 0xFFFF, timestamp, profile.ssrc
            )
            + block
        )

    def forward(self, packets: Sequence[Packet], udp: UdpSocket, stats: PlaneStats) -> int:
        """Send a burst to all live subscribers; the bytes of UDP payload that the kernel took."""
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
        subscriber: Subscriber,
        packets: Sequence[Packet],
        timestamps: Iterable[int],
        udp: UdpSocket,
        stats: PlaneStats,
    ) -> int:
        """Send *packets* with *timestamps* to one subscriber only: catching up, or again."""
        headers = [self.header(packet, timestamp) for packet, timestamp in zip(packets, timestamps, strict=True)]
        one = [subscriber]
        aead, plain = ((), one) if subscriber.encrypt is None else (one, ())
        before = subscriber.extra_bytes
        bare, taken = self._transmit(packets, headers, aead, plain, udp)
        subscriber.extra_packets += len(packets)
        # _transmit has taken off what was refused.
        subscriber.extra_bytes += bare + len(packets) * subscriber.tag
        stats.sent_packets += len(packets)
        stats.sent_bytes += taken
        return subscriber.extra_bytes - before

    def _forward_late(self, packets: Sequence[Packet], udp: UdpSocket, stats: PlaneStats) -> int:
        """Packets from before somebody was live: only for those who had begun, with the timestamps that they were told."""
        sent = 0
        for subscriber in [*self.aead, *self.plain]:
            due = [packet for packet in packets if packet[0] >= subscriber.first]
            if due:
                times = [subscriber.timestamp(packet[0], packet[1]) for packet in due]
                sent += self.send_alone(subscriber, due, times, udp, stats)
        return sent

    def _transmit(
        self,
        packets: Sequence[Packet],
        headers: list[bytes],
        aead: Sequence[Subscriber],
        plain: Sequence[Subscriber],
        udp: UdpSocket,
    ) -> tuple[int, int]:
        """Encrypt and send to each; bytes of one copy without tags, and bytes taken by the kernel for all copies."""
        payloads = [packet[3] for packet in packets]
        sizes = [len(header) + len(payload) for header, payload in zip(headers, payloads, strict=True)]
        pieces = runs(sizes) if udp.gso else [(at, at + 1) for at in range(len(sizes))]
        bare = sum(sizes)
        taken = 0
        if aead:
            bases = [nonce_base(self.profile.ssrc, packet[0] + self.base) for packet in packets]
            bursts = [
                burst_of(bases[a:b], payloads[a:b], headers[a:b], sizes[a] + 16 if b - a > 1 else 0) for a, b in pieces
            ]
            if udp.fanout is None:
                refused = send_sealed(bursts, aead, udp)
            else:
                refused = send_compiled(udp.fanout, bursts, aead, self._targets(aead, udp.fanout), udp)
            taken += len(aead) * (bare + 16 * len(packets)) - refused
        if plain:
            whole = [header + payload for header, payload in zip(headers, payloads, strict=True)]
            messages = [(whole[a:b], sizes[a] + 10 if b - a > 1 else 0) for a, b in pieces]
            taken += len(plain) * (bare + 10 * len(packets)) - send_protected(messages, plain, udp)
        return bare, taken

    def _targets(self, aead: Sequence[Subscriber], fanout: Fanout) -> Group:
        if aead is not self.aead:
            return group_of(aead, fanout)
        if self._group is None:
            self._group = group_of(aead, fanout)
        return self._group
