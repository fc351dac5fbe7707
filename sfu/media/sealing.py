"""A burst to many viewers: for each, encrypt and one system call. The hot loop of the node, twice.

`send_aead_native` does in C (sfu/native) what `send_aead` does in Python, to the bit; the latter runs where nothing was built,
and serves whom the kernel would not take. Runs of equally long packets go out as one message with UDP_SEGMENT.
"""

from collections.abc import Sequence
from typing import Final

from sfu.native.fanout import DestinationArray, Fanout, native_run
from sfu.transport.srtp import Protection
from sfu.transport.udp import MAX_MESSAGE, MAX_SEGMENTS, Address, Buffers, UdpSocket, segments

_MAX_TAG: Final = 16
_INDEX: Final = (1 << 48) - 1


class SrtpDestination:
    """One viewer's share of one rtp_stream: how to reach and encrypt for it."""

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
        """The first index that it gets."""
        self.rollover = 0
        """What is subtracted from an index on the rtp_stream, so that the viewer's rollover counter begins at 0."""
        self.join_index = 0
        """From this index on it is told the track's timestamps, moved by *shift*; before it squeezed ones."""
        self.join_ts = 0
        self.squeeze = 1.0
        self.shift = 0
        self.native = protection.native_destination()
        """The same for the compiled way, where there is one."""
        if self.native is not None:
            self.native.aim(address)
        self.joined = (0, 0)
        """The rtp_stream's totals when it joined the live packets."""
        self.extra_packets = 0
        """Sent to it alone (cached, or sent again), less what the kernel refused."""
        self.extra_bytes = 0

    def aim(self, address: Address) -> None:
        """Packets go to *address* from now on."""
        self.address = address
        if self.native is not None:
            self.native.aim(address)

    def begin(self, first: int, rollover: int) -> None:
        """Its first packet is *first*, and *rollover* is taken off the rtp_stream's indices."""
        self.first = first
        self.rollover = rollover
        if self.native is not None:
            self.native.begin(rollover)

    def timestamp(self, index: int, timestamp: int) -> int:
        """What its copy of the track's packet *index* says, always the same for the same packet."""
        behind = self.join_ts - timestamp & 0xFFFFFFFF
        if index < self.join_index and behind < 0x80000000:
            timestamp = self.join_ts - int(behind / self.squeeze)
        return timestamp + self.shift & 0xFFFFFFFF


PacketRun = tuple[list[int], list[bytes], list[bytes], list[bytes], int]
"""A run of packets that leaves as one message, as far as it is the same for all viewers: nonce parts, payloads, headers, the
message's parts (header, ciphertext, header, ciphertext …: the ciphertexts are put in per viewer), and the length of its
datagrams, 0 for one alone."""


def packet_run(bases: list[int], payloads: list[bytes], headers: list[bytes], segment: int) -> PacketRun:
    """Of these packets; *segment* is the length of all their datagrams but the last, 0 for one packet."""
    parts = [b""] * (2 * len(headers))
    parts[0::2] = headers
    return bases, payloads, headers, parts, segment


def send_aead(bursts: list[PacketRun], destinations: Sequence[SrtpDestination], udp: UdpSocket) -> int:
    """Seal each burst for each of *destinations* and send it; the bytes that were refused.

    What leaves as one message leaves as one buffer, by `sendto`, with the length of its datagrams set on the socket: 5 %
    cheaper than `sendmsg` of the parts with a control message for nine packets, a quarter for one (sound is nothing else).
    """
    refused = 0
    for bases, payloads, headers, parts, segment in bursts:
        with udp.segmented(segment):
            for destination in destinations:
                salt, rollover = destination.salt, destination.rollover
                parts[1::2] = map(
                    destination.encrypt,  # type: ignore[arg-type]  # never None for those in `aead`
                    [(base - rollover ^ salt).to_bytes(12, "big") for base in bases],
                    payloads,
                    headers,
                )
                refused += _send(parts, 2, segment, destination, udp)
    return refused


def native_array(destinations: Sequence[SrtpDestination], fanout: Fanout) -> DestinationArray:
    """As the compiled way takes them."""
    return fanout.array([one.native for one in destinations])  # type: ignore[misc]  # all have one where the socket has it


def send_aead_native(
    fanout: Fanout,
    bursts: list[PacketRun],
    destinations: Sequence[SrtpDestination],
    array: DestinationArray,
    udp: UdpSocket,
) -> int:
    """The same, compiled; whom that could not serve is served by `send_aead`, which knows what to do about it."""
    count = len(destinations)
    refused = 0
    for burst in bursts:
        bases, payloads, headers, _, segment = burst
        whole = native_run(bases[0] >> 48, segment, headers, payloads, [base & _INDEX for base in bases])
        done = failed = 0
        while done < count:
            if not udp.queue:
                taken = fanout.send(udp.fd, whole, array, done)
                failed = 0 if taken else failed + 1
                done += taken
            if done < count:
                # While something waits for the socket, all wait behind it; where two in a row are refused, all may be.
                rest = destinations[done:] if udp.queue or failed > 1 else destinations[done : done + 1]
                refused += send_aead([burst], rest, udp)
                done += len(rest)
    return refused


def send_without_aead(
    messages: list[tuple[list[bytes], int]], destinations: Sequence[SrtpDestination], udp: UdpSocket
) -> int:
    """The same through libsrtp, for peers without AEAD."""
    refused = 0
    for packets, segment in messages:
        with udp.segmented(segment):
            for destination in destinations:
                refused += _send(list(map(destination.protect, packets)), 1, segment, destination, udp)
    return refused


def _send(parts: Buffers, each: int, segment: int, destination: SrtpDestination, udp: UdpSocket) -> int:
    """One message of *parts*, *each* of which make a datagram; the bytes that were refused, taken off the destination's."""
    if udp.queue:
        control = segments(segment) if segment else ()
        taken = sum(map(len, parts)) if udp.enqueue(list(parts), control, destination.address) else 0
    else:
        try:
            udp.sendto(b"".join(parts), destination.address)
        except OSError as error:
            taken = udp.recover(error, parts, each, segments(segment) if segment else (), destination.address)
        else:
            return 0
    lost = sum(map(len, parts)) - taken
    destination.extra_bytes -= lost
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
