import asyncio
import socket
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.media.destination import SrtpDestination
from sfu.media.history import Packet
from sfu.media.outgoing_rtp_stream import OutgoingRtpStream, RtpParameters
from sfu.media.sealing import runs
from sfu.native.fanout import DestinationArray, Fanout, NativeRun
from sfu.stats import PlaneStats
from sfu.transport.srtp import PROFILES, Protection, split
from sfu.transport.udp import MAX_MESSAGE, MAX_SEGMENTS, UdpSocket
from sfu.wire.rtp import parse
from tests.drawn import repeatable
from tests.sfu.native.compiled import compiled

ORIENTATION = "urn:3gpp:video-orientation"


def packet(index: int, size: int = 100, exts: tuple[tuple[str, bytes], ...] = ()) -> Packet:
    """A packet of a track."""
    return (index, index * 3000 & 0xFFFFFFFF, 0x80, bytes((index & 0xFF,)) * size, exts, 0.0)


class Wire:
    """A plane's socket, and a viewer that opens what it gets."""

    def __init__(self, fanout: Fanout | None) -> None:
        self.stats = PlaneStats()
        self.udp = UdpSocket(
            ("127.0.0.1", 0),
            self.stats,
            on_datagram=lambda _d, _a: None,
            on_drained=lambda: None,
            wall=time.time,
            fanout=fanout,
        )
        self._sockets: list[socket.socket] = []

    def viewer(self, profile: int = 0) -> tuple[SrtpDestination, Protection, socket.socket]:
        """Its destination, its other end of the keys, and its socket."""
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("127.0.0.1", 0))
        one.settimeout(0.2)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._sockets.append(one)
        material = repeatable(len(self._sockets))(2 * (PROFILES[profile].key + PROFILES[profile].salt))
        ours = Protection(split(PROFILES[profile], material, client=True), self.udp.fanout)
        theirs = Protection(split(PROFILES[profile], material, client=False))
        return SrtpDestination(one.getsockname(), ours), theirs, one

    def close(self) -> None:
        """Close the sender's socket and all of the receivers'."""
        self.udp.close()
        for one in self._sockets:
            one.close()


@pytest.fixture(params=["python", "compiled"])
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    """Sockets of loopback; everything here holds for both ways of sending."""
    wire = Wire(compiled() if request.param == "compiled" else None)
    yield wire
    wire.close()


def opened(protection: Protection, receiver: socket.socket, count: int) -> list[bytes]:
    """The next *count* packets, decrypted."""
    found = []
    for _ in range(count):
        plain = protection.open_rtp(receiver.recv(2048))
        assert plain is not None
        found.append(plain)
    return found


@pytest.mark.parametrize("profile", [0, 1, 2])
def test_a_burst_reaches_each_viewer_with_its_keys(wire: Wire, profile: int) -> None:
    """In order, with the payload type of the RTP stream, SSRC and numbers; the bytes are counted as they were on the wire."""
    rtp_stream = OutgoingRtpStream(RtpParameters(120, 77, {}), 0)
    viewers = [wire.viewer(profile) for _ in range(3)]
    for destination, _, _ in viewers:
        rtp_stream.begin(destination, 5)
        rtp_stream.join(destination)
    burst = [packet(5), packet(6), packet(7, 40), packet(8, 300)]
    taken = rtp_stream.forward(burst, wire.udp, wire.stats)
    tag = PROFILES[profile].tag
    each = sum(12 + len(p[3]) + tag for p in burst)
    assert taken == 3 * each
    for destination, protection, receiver in viewers:
        packets = opened(protection, receiver, 4)
        headers = [parse(data) for data in packets]
        assert [header[2] for header in headers if header] == [5, 6, 7, 8]
        assert {header[1] for header in headers if header} == {120}
        assert {header[4] for header in headers if header} == {77}
        assert [data[12:] for data in packets] == [p[3] for p in burst]
        assert rtp_stream.totals(destination) == (4, each)
    rtp_stream.leave(viewers[0][0])
    rtp_stream.forward([packet(9)], wire.udp, wire.stats)
    assert rtp_stream.totals(viewers[0][0]) == (4, each)
    assert rtp_stream.totals(viewers[1][0])[0] == 5


def test_only_negotiated_extensions_are_written_with_the_viewer_s_ids(wire: Wire) -> None:
    """Others are left out (P14)."""
    rtp_stream = OutgoingRtpStream(RtpParameters(96, 1, {ORIENTATION: 7}), 0)
    destination, protection, receiver = wire.viewer()
    rtp_stream.begin(destination, 0)
    rtp_stream.join(destination)
    rtp_stream.forward([packet(0, exts=((ORIENTATION, b"\x01"), ("other", b"x"))), packet(1)], wire.udp, wire.stats)
    with_it, without = opened(protection, receiver, 2)
    assert with_it[12:20] == bytes.fromhex("bede000170010000")
    assert parse(without) is not None
    assert without[0] == 0x80


@pytest.mark.parametrize("profile", [0, 2])
def test_a_packet_sent_again_is_bit_for_bit_the_first_one(wire: Wire, profile: int) -> None:
    """No nonce serves two texts."""
    rtp_stream = OutgoingRtpStream(RtpParameters(96, 1, {}), 0)
    destination, _, receiver = wire.viewer(profile)
    rtp_stream.begin(destination, 70000)
    rtp_stream.join(destination)
    rtp_stream.forward([packet(70000)], wire.udp, wire.stats)
    first = receiver.recv(2048)
    rtp_stream.forward([packet(70001)], wire.udp, wire.stats)
    receiver.recv(2048)
    rtp_stream.send_alone(destination, [packet(70000)], [packet(70000)[1]], wire.udp, wire.stats)
    assert receiver.recv(2048) == first


@pytest.mark.parametrize("profile", [0, 2])
def test_each_viewer_s_rollover_counter_begins_at_zero(wire: Wire, profile: int) -> None:
    """Also for one that joins in the fifth cycle of the sequence, and over the next wrap."""
    rtp_stream = OutgoingRtpStream(RtpParameters(96, 1, {}), 0)
    start = 5 * 65536 - 3
    early, early_keys, early_socket = wire.viewer(profile)
    rtp_stream.begin(early, start)
    rtp_stream.join(early)
    rtp_stream.forward([packet(start + n) for n in range(5)], wire.udp, wire.stats)
    assert len(opened(early_keys, early_socket, 5)) == 5
    late, late_keys, late_socket = wire.viewer(profile)
    rtp_stream.begin(late, start + 5)
    rtp_stream.join(late)
    rtp_stream.forward([packet(start + 5)], wire.udp, wire.stats)
    assert len(opened(early_keys, early_socket, 1)) == 1
    assert len(opened(late_keys, late_socket, 1)) == 1


def test_a_repaired_packet_from_before_a_viewer_s_first_is_not_for_it(wire: Wire) -> None:
    """It would be a packet before the beginning; those who were there get it."""
    rtp_stream = OutgoingRtpStream(RtpParameters(96, 1, {}), 0)
    old, old_keys, old_socket = wire.viewer()
    new, _, new_socket = wire.viewer()
    rtp_stream.begin(old, 65534)
    rtp_stream.join(old)
    rtp_stream.forward([packet(65535), packet(65536)], wire.udp, wire.stats)
    rtp_stream.begin(new, 65537)
    rtp_stream.join(new)
    rtp_stream.forward([packet(65534)], wire.udp, wire.stats)
    assert len(opened(old_keys, old_socket, 3)) == 3
    with pytest.raises(TimeoutError):
        new_socket.recv(2048)


class Counted(Fanout):
    """How many messages the library sent."""

    messages = 0

    def send(self, fd: int, message: NativeRun, group: DestinationArray, at: int) -> int:
        """Send the run, and count its messages."""
        sent = super().send(fd, message, group, at)
        self.messages += sent
        return sent


def test_where_it_is_compiled_no_message_is_sent_by_python() -> None:
    """The Python way would hide a library that is there and not used."""
    fanout = compiled(Counted)
    wire = Wire(fanout)
    try:
        rtp_stream = OutgoingRtpStream(RtpParameters(96, 1, {}), 0)
        viewers = [wire.viewer() for _ in range(9)]
        for destination, _, _ in viewers:
            rtp_stream.begin(destination, 0)
            rtp_stream.join(destination)
        rtp_stream.forward([packet(0), packet(1), packet(2, 200)], wire.udp, wire.stats)
        assert fanout.messages == 9 * 2
        rtp_stream.send_alone(viewers[0][0], [packet(0)], [0], wire.udp, wire.stats)
        assert fanout.messages == 9 * 2 + 1
    finally:
        wire.close()


def test_a_viewer_that_moves_gets_the_next_burst_at_its_new_address(wire: Wire) -> None:
    """With the same keys and the next numbers."""
    rtp_stream = OutgoingRtpStream(RtpParameters(96, 1, {}), 0)
    destination, keys, before = wire.viewer()
    _, _, after = wire.viewer()
    rtp_stream.begin(destination, 0)
    rtp_stream.join(destination)
    rtp_stream.forward([packet(0)], wire.udp, wire.stats)
    destination.aim(after.getsockname())
    rtp_stream.forward([packet(1), packet(2)], wire.udp, wire.stats)
    assert len(opened(keys, before, 1)) == 1
    assert [data[2:4] for data in opened(keys, after, 2)] == [b"\0\1", b"\0\2"]


@pytest.mark.parametrize("profile", [0, 2])
def test_a_burst_reaches_all_but_the_one_that_the_kernel_refuses(wire: Wire, profile: int) -> None:
    """Port 0 takes nothing: its bytes are not billed, and whoever stands before and behind it misses nothing."""
    rtp_stream = OutgoingRtpStream(RtpParameters(96, 1, {}), 0)
    viewers = [wire.viewer(profile) for _ in range(20)]
    for destination, _, _ in viewers:
        rtp_stream.begin(destination, 0)
        rtp_stream.join(destination)
    for at in (0, 9, 10, 19):
        viewers[at][0].aim(("127.0.0.1", 0))
    burst = [packet(0), packet(1), packet(2)]
    each = sum(12 + len(p[3]) + PROFILES[profile].tag for p in burst)
    assert rtp_stream.forward(burst, wire.udp, wire.stats) == 16 * each
    for at, (destination, keys, receiver) in enumerate(viewers):
        if at in {0, 9, 10, 19}:
            assert rtp_stream.totals(destination)[1] == 0
        else:
            assert len(opened(keys, receiver, 3)) == 3
            assert rtp_stream.totals(destination) == (3, each)


@pytest.mark.parametrize("profile", [0, 2])
async def test_while_something_waits_for_the_socket_everything_waits_behind_it(wire: Wire, profile: int) -> None:
    """Nobody is overtaken; what waited goes out whole when the socket has room."""
    rtp_stream = OutgoingRtpStream(RtpParameters(96, 1, {}), 0)
    destination, keys, receiver = wire.viewer(profile)
    rtp_stream.begin(destination, 0)
    rtp_stream.join(destination)
    wire.udp.start(asyncio.get_running_loop())
    assert wire.udp.enqueue([b"before"], (), receiver.getsockname())
    taken = rtp_stream.forward([packet(0), packet(1, 50)], wire.udp, wire.stats)
    assert taken == 12 + 100 + 12 + 50 + 2 * PROFILES[profile].tag
    assert len(wire.udp.queue) == 2
    receiver.setblocking(False)  # noqa: FBT003 - the socket's own signature
    assert await asyncio.get_running_loop().sock_recv(receiver, 2048) == b"before"
    assert not wire.udp.queue
    assert len(opened(keys, receiver, 2)) == 2


@pytest.mark.parametrize("profile", [0, 1, 2])
def test_a_keyframe_of_a_hundred_packets_arrives_whole(wire: Wire, profile: int) -> None:
    """Several messages, for each of more viewers than one system call serves."""
    rtp_stream = OutgoingRtpStream(RtpParameters(96, 1, {}), 0)
    viewers = [wire.viewer(profile) for _ in range(9)]
    for destination, _, _ in viewers:
        rtp_stream.begin(destination, 0)
        rtp_stream.join(destination)
    burst = [packet(n, 1188) for n in range(100)] + [packet(100, 7)]
    rtp_stream.forward(burst, wire.udp, wire.stats)
    for _, keys, receiver in viewers:
        assert [data[12:] for data in opened(keys, receiver, 101)] == [p[3] for p in burst]


@given(st.lists(st.sampled_from([60, 500, 1188, 1188, 1188]), max_size=300))
def test_every_run_can_leave_as_one_message(sizes: list[int]) -> None:
    """Equal sizes but for a smaller last one, within the kernel's bounds; together they are the burst."""
    pieces = runs(sizes)
    assert [n for a, b in pieces for n in range(a, b)] == list(range(len(sizes)))
    for a, b in pieces:
        piece = sizes[a:b]
        assert len(piece) <= MAX_SEGMENTS
        assert sum(piece) + 16 * len(piece) <= MAX_MESSAGE
        assert all(size == piece[0] for size in piece[:-1])
        assert piece[-1] <= piece[0]
