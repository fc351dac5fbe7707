"""Encrypts a burst for each viewer and sends it, one system call a viewer: the hot loop of the node.

It is written twice. `send_aead_native` does in C (sfu/native) what `send_aead` does in Python, to the bit; the Python runs where
no C was built, and serves the viewers whose packets the kernel did not take. Packets of equal length leave as one message, which
the kernel cuts into datagrams (UDP_SEGMENT).
"""

from collections.abc import Sequence
from typing import Final

from sfu.media.destination import SrtpDestination
from sfu.native.fanout import DestinationArray, Fanout, native_run
from sfu.transport.udp import MAX_MESSAGE, MAX_SEGMENTS, Buffers, UdpSocket, segments

_MAX_TAG: Final = 16
_INDEX: Final = (1 << 48) - 1

PacketRun = tuple[list[int], list[bytes], list[bytes], list[bytes], int]
"""Packets that leave as one message, as far as they are the same for all viewers: the packets' parts of the nonces, payloads,
headers, the parts of the message (header, ciphertext, header, ciphertext …; each viewer's ciphertexts are put in), and the length
of a datagram, 0 where there is only one."""


def packet_run(bases: list[int], payloads: list[bytes], headers: list[bytes], segment: int) -> PacketRun:
    """The run of these packets; *segment* is the length of all their datagrams but the last, 0 for one packet."""
    parts = [b""] * (2 * len(headers))
    parts[0::2] = headers
    return bases, payloads, headers, parts, segment


def send_aead(packet_runs: list[PacketRun], destinations: Sequence[SrtpDestination], udp: UdpSocket) -> int:
    """Encrypt each run with AEAD for each of *destinations* and send it; returns the bytes that the kernel refused.

    A message is one buffer for `sendto`, and the length of its datagrams is set on the socket. That is 5 % cheaper than
    `sendmsg` of the parts with a control message for nine packets, and a quarter cheaper for one (all sound is sent so).
    """
    refused = 0
    for bases, payloads, headers, parts, segment in packet_runs:
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
    """The addresses and keys of *destinations*, laid out as the C code reads them."""
    return fanout.array([one.native for one in destinations])  # type: ignore[misc]  # all have one where the socket has it


def send_aead_native(
    fanout: Fanout,
    packet_runs: list[PacketRun],
    destinations: Sequence[SrtpDestination],
    array: DestinationArray,
    udp: UdpSocket,
) -> int:
    """As `send_aead`, in C; whom that could not send to gets it from `send_aead`, which queues and counts."""
    count = len(destinations)
    refused = 0
    for run in packet_runs:
        bases, payloads, headers, _, segment = run
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
                refused += send_aead([run], rest, udp)
                done += len(rest)
    return refused


def send_without_aead(
    messages: list[tuple[list[bytes], int]], destinations: Sequence[SrtpDestination], udp: UdpSocket
) -> int:
    """As `send_aead` for viewers without AEAD: libsrtp protects whole packets."""
    refused = 0
    for packets, segment in messages:
        with udp.segmented(segment):
            for destination in destinations:
                refused += _send(list(map(destination.protect, packets)), 1, segment, destination, udp)
    return refused


def _send(parts: Buffers, each: int, segment: int, destination: SrtpDestination, udp: UdpSocket) -> int:
    """Send one message of *parts*, *each* of which make a datagram; the bytes that were refused, also taken off its total."""
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
    """Cut packets of *sizes* into messages for segmentation offload: equal sizes, except that the last may be smaller."""
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
