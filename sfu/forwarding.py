"""From one packet to many viewers: headers once per egress profile, then per viewer only: encrypt, one system call.

A `Lane` is an egress profile of one track: the viewers that negotiated alike (payload type, SSRC, extension ids). Their
packets differ in nothing but the encryption, so the header, which is also the AEAD's associated data, is made once per
burst, and so is the packet's part of the nonce. Runs of equally long packets go out as one message with UDP_SEGMENT.

Invariant: an index of the track always gets the same sequence number and timestamp on a lane, so a repeated packet is
bit for bit the first one. Sequence numbers are index + base; a viewer's rollover counter begins at 0 with its first packet
(`Subscriber.rollover`). No clocks, no RTCP, no history here.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from sfu.history import Packet
from sfu.rtp import FIXED, pack_extensions
from sfu.srtp import Protection, nonce_base
from sfu.stats import PlaneStats
from sfu.udp import MAX_MESSAGE, MAX_SEGMENTS, Address, Buffers, UdpSocket, segments

Encrypt = Callable[[bytes, bytes, bytes], bytes]


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


class Subscriber:
    """One viewer's share of one lane: how to reach and encrypt for it."""

    __slots__ = (
        "address",
        "encrypt",
        "extra_bytes",
        "extra_packets",
        "first",
        "joined",
        "protect",
        "rollover",
        "salt",
        "tag",
    )

    def __init__(self, address: Address, protection: Protection) -> None:
        self.address = address
        self.encrypt = protection.encrypt
        self.protect = protection.protect
        self.salt = protection.salt
        self.tag = protection.profile.tag
        self.first = 0
        """The first index that it gets."""
        self.rollover = 0
        """What is subtracted from an index on the lane, so that the viewer's rollover counter begins at 0."""
        self.joined = (0, 0)
        """The lane's totals when it joined the live packets."""
        self.extra_packets = 0
        """Sent to it alone (cached, or sent again), less what the kernel refused."""
        self.extra_bytes = 0


class Lane:
    """An egress profile with its live subscribers."""

    __slots__ = ("_floor", "aead", "base", "packets", "payload_bytes", "plain", "profile")

    def __init__(self, profile: Profile, base: int) -> None:
        self.profile = profile
        self.base = base
        self.aead: list[Subscriber] = []
        self.plain: list[Subscriber] = []
        self.packets = 0
        """Sent live to each subscriber since the lane began."""
        self.payload_bytes = 0
        """The same in bytes of UDP payload without authentication tags."""
        self._floor = 0

    def __len__(self) -> int:
        return len(self.aead) + len(self.plain)

    def begin(self, subscriber: Subscriber, first: int) -> None:
        """*subscriber*'s first packet will be *first*."""
        subscriber.first = first
        subscriber.rollover = (first + self.base) >> 16 << 16

    def join(self, subscriber: Subscriber) -> None:
        """From the next burst on *subscriber* is live."""
        subscriber.joined = (self.packets, self.payload_bytes)
        self._floor = max(self._floor, subscriber.first)
        (self.plain if subscriber.encrypt is None else self.aead).append(subscriber)

    def leave(self, subscriber: Subscriber) -> None:
        """No more live packets for *subscriber*; its totals are kept in it."""
        group = self.plain if subscriber.encrypt is None else self.aead
        if subscriber in group:
            subscriber.extra_packets, subscriber.extra_bytes = self.totals(subscriber)
            group.remove(subscriber)
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
        headers = [self.header(packet, packet[1]) for packet in packets]
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
        """Packets from before somebody's first one: only for those who were there."""
        sent = 0
        for subscriber in [*self.aead, *self.plain]:
            due = [packet for packet in packets if packet[0] >= subscriber.first]
            if due:
                sent += self.send_alone(subscriber, due, [packet[1] for packet in due], udp, stats)
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
                _burst(bases[a:b], payloads[a:b], headers[a:b], sizes[a] + 16 if b - a > 1 else 0) for a, b in pieces
            ]
            taken += len(aead) * (bare + 16 * len(packets)) - _send_sealed(bursts, aead, udp)
        if plain:
            whole = [header + payload for header, payload in zip(headers, payloads, strict=True)]
            messages = [(whole[a:b], sizes[a] + 10 if b - a > 1 else 0) for a, b in pieces]
            taken += len(plain) * (bare + 10 * len(packets)) - _send_protected(messages, plain, udp)
        return bare, taken


_Burst = tuple[list[int], list[bytes], list[bytes], list[bytes], int]
"""A run of packets that leaves as one message, as far as it is the same for all viewers: nonce parts, payloads, headers, the
message's parts (header, ciphertext, header, ciphertext …: the ciphertexts are put in per viewer), and the length of its
datagrams, 0 for one alone."""


def _burst(bases: list[int], payloads: list[bytes], headers: list[bytes], segment: int) -> _Burst:
    parts = [b""] * (2 * len(headers))
    parts[0::2] = headers
    return bases, payloads, headers, parts, segment


def _send_sealed(bursts: list[_Burst], subscribers: Sequence[Subscriber], udp: UdpSocket) -> int:
    """The hot loop; returns the bytes that were refused.

    What leaves as one message leaves as one buffer, by `sendto`, with the length of its datagrams set on the socket: 5 %
    cheaper than `sendmsg` of the parts with a control message for nine packets, 40 % for one (sound is nothing else).
    """
    send, join = udp.sendto, b"".join
    refused = 0
    for bases, payloads, headers, parts, segment in bursts:
        if not segment:
            refused += _send_one(bases[0], payloads[0], headers[0], subscribers, udp)
            continue
        with udp.segmented(segment):
            for subscriber in subscribers:
                salt, rollover = subscriber.salt, subscriber.rollover
                parts[1::2] = map(
                    subscriber.encrypt,  # type: ignore[arg-type]  # never None for those in `aead`
                    [(base - rollover ^ salt).to_bytes(12, "big") for base in bases],
                    payloads,
                    headers,
                )
                if udp.queue:
                    refused += _queue(parts, segment, subscriber, udp)
                    continue
                try:
                    send(join(parts), subscriber.address)
                except OSError as error:
                    refused += _recover(error, parts, 2, segment, subscriber, udp)
    return refused


def _send_one(base: int, payload: bytes, header: bytes, subscribers: Sequence[Subscriber], udp: UdpSocket) -> int:
    """The same for a packet alone, without the lists: another eighth."""
    send = udp.sendto
    refused = 0
    for subscriber in subscribers:
        nonce = (base - subscriber.rollover ^ subscriber.salt).to_bytes(12, "big")
        sealed = header + subscriber.encrypt(nonce, payload, header)  # type: ignore[misc]  # never None, as above
        if udp.queue:
            refused += _queue((sealed,), 0, subscriber, udp)
            continue
        try:
            send(sealed, subscriber.address)
        except OSError as error:
            refused += _recover(error, (sealed,), 1, 0, subscriber, udp)
    return refused


def _send_protected(messages: list[tuple[list[bytes], int]], subscribers: Sequence[Subscriber], udp: UdpSocket) -> int:
    """The same through libsrtp, for peers without AEAD."""
    send, join = udp.sendto, b"".join
    refused = 0
    for packets, segment in messages:
        with udp.segmented(segment):
            for subscriber in subscribers:
                parts = list(map(subscriber.protect, packets))
                if udp.queue:
                    refused += _queue(parts, segment, subscriber, udp)
                    continue
                try:
                    send(join(parts), subscriber.address)
                except OSError as error:
                    refused += _recover(error, parts, 1, segment, subscriber, udp)
    return refused


def _queue(parts: Buffers, segment: int, subscriber: Subscriber, udp: UdpSocket) -> int:
    if udp.enqueue(list(parts), segments(segment) if segment else (), subscriber.address):
        return 0
    lost = sum(map(len, parts))
    subscriber.extra_bytes -= lost
    return lost


def _recover(error: OSError, parts: Buffers, each: int, segment: int, subscriber: Subscriber, udp: UdpSocket) -> int:
    control = segments(segment) if segment else ()
    lost = sum(map(len, parts)) - udp.recover(error, parts, each, control, subscriber.address)
    subscriber.extra_bytes -= lost
    return lost


def runs(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Cut into messages that segmentation offload can carry: equal sizes, except that the last may be smaller."""
    pieces: list[tuple[int, int]] = []
    start = 0
    for at in range(1, len(sizes)):
        size = sizes[start]
        full = at - start >= MAX_SEGMENTS or (at - start + 1) * (size + _MAX_TAG) > MAX_MESSAGE
        if full or sizes[at - 1] != size or sizes[at] > size:
            pieces.append((start, at))
            start = at
    if sizes:
        pieces.append((start, len(sizes)))
    return pieces


_MAX_TAG: Final = 16
