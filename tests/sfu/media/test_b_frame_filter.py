"""Pictures out of the order of showing: found by slices and order, left out where no other picture refers to them.

Real encoders' streams are judged by a decoder: what is left gives exactly the pictures that the whole stream gives there.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import av
import pytest

from sfu.media.b_frame_filter import BFrameFilter
from tests.peers.clips import h264, h265
from tests.peers.clips.payloads import is_set
from tests.peers.clips.reordered import Codec, Encoded, encode

TICKS = 3000
SSRC = 7
Sent = tuple[int, bytes, int]
"""Timestamp, payload, number of the access unit in the order of decoding."""


def packets(codec: Codec, units: Sequence[Encoded], limit: int, stamp: Literal["pts", "dts"]) -> Iterator[Sent]:
    """What a publisher sends of them, with timestamps of showing or of decoding."""
    for number, unit in enumerate(units):
        timestamp = (TICKS * (unit.shown if stamp == "pts" else number) - 9000) & 0xFFFFFFFF
        nals = h264.split(unit.data)
        parts = h264.packetise(nals, limit) if codec == "H264" else h265.packetise(nals, limit)
        for part in parts:
            yield timestamp, part, number


def filtered(codec: Codec, sent: Sequence[Sent], order: Sequence[int] | None = None) -> tuple[BFrameFilter, list[Sent]]:
    """What viewers get of *sent*, which arrives in *order*."""
    reordering = BFrameFilter(codec)
    passed = []
    for index in order or range(len(sent)):
        timestamp, payload, _number = sent[index]
        if not reordering.leaves_out(SSRC, index, timestamp, payload):
            passed.append(sent[index])
    return reordering, passed


def describes(codec: Codec, payload: bytes) -> bool:
    """Whether it is a delimiter or an SEI, or a piece of one, which no decoder needs."""
    if codec == "H264":
        return (payload[1] if payload[0] & 31 == h264.FU_A else payload[0]) & 31 in (h264.AUD, h264.SEI)
    kind = payload[2] & 63 if h265.kind_of(payload) == h265.FU else h265.kind_of(payload)
    return kind in (35, 39, 40)


def decoded(codec: Codec, units: Sequence[Encoded]) -> dict[int, bytes]:
    """Place in the order of showing -> picture."""
    context: Any = av.CodecContext.create("h264" if codec == "H264" else "hevc", "r")
    pictures = {}
    for unit in [*units, None]:
        packet = None
        if unit is not None:
            packet = av.Packet(unit.data)
            packet.pts = packet.dts = unit.shown
        for frame in context.decode(packet):
            pictures[frame.pts] = frame.to_ndarray().tobytes()
    return pictures


PLAIN_B = [
    ("H264", "bframes=1:b-pyramid=none"),
    ("H264", "bframes=2:b-pyramid=none:b-adapt=0"),
    ("H264", "bframes=3:b-pyramid=none:b-adapt=0:weightb=1"),
    ("H264", "bframes=2:b-pyramid=none:b-adapt=0:keyint=12"),
    ("H264", "bframes=2:b-pyramid=none:b-adapt=0:open-gop=1:keyint=12"),
    ("H264", "bframes=2:b-pyramid=none:b-adapt=0:slices=3"),
    ("H264", "bframes=2:b-pyramid=none:b-adapt=0:tff=1"),
    ("H264", "bframes=2:b-pyramid=none:b-adapt=0:aud=1"),
    ("H264", "bframes=16:b-pyramid=none:b-adapt=0:keyint=250"),
    ("H264", "bframes=2:b-pyramid=none:b-adapt=0:cqm=jvt"),
    ("H265", "bframes=2:b-pyramid=0:b-adapt=0"),
    ("H265", "bframes=3:b-pyramid=0:b-adapt=0:keyint=12:open-gop=1"),
    ("H265", "bframes=2:b-pyramid=0:b-adapt=0:aud=1"),
]


@pytest.mark.parametrize("stamp", ["pts", "dts"])
@pytest.mark.parametrize("limit", [80, 1188])
@pytest.mark.parametrize(("codec", "options"), PLAIN_B)
def test_b_pictures_that_no_other_refers_to_are_left_out_and_the_rest_is_as_it_was(
    codec: Codec, options: str, limit: int, stamp: Literal["pts", "dts"]
) -> None:
    """By either habit of timestamps, in large packets and in small ones; a decoder sees no difference in what is left."""
    units = encode(codec, options)
    assert [unit.shown for unit in units] != sorted(unit.shown for unit in units), "the encoder made no B pictures"
    reordering, passed = filtered(codec, list(packets(codec, units, limit, stamp)))

    # Of the first such picture an SEI may have gone out before its slices said what it is.
    kept = sorted({number for _timestamp, payload, number in passed if not describes(codec, payload)})
    assert reordering.found
    assert not reordering.broken
    assert [units[number].shown for number in kept] == sorted(units[number].shown for number in kept)
    last = max(unit.shown for unit in units)
    out_of_order = {
        number for number, unit in enumerate(units) if any(other.shown > unit.shown for other in units[:number])
    }
    assert set(kept) == set(range(len(units))) - out_of_order
    pieces = [(number, payload) for _t, payload, number in packets(codec, units, limit, stamp) if number in kept]
    missing = Counter(pieces) - Counter((number, payload) for _t, payload, number in passed)
    assert all(describes(codec, payload) for _number, payload in missing), "torn pictures"
    whole = decoded(codec, units)
    rest = decoded(codec, [units[number] for number in kept])
    assert rest == {shown: whole[shown] for shown in rest}
    assert len(rest) == len(kept)
    assert last in rest


@pytest.mark.parametrize("stamp", ["pts", "dts"])
@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("H264", "bframes=3:b-pyramid=normal:b-adapt=0"),
        ("H264", "bframes=7:b-pyramid=strict:b-adapt=0"),
        ("H265", "bframes=3:b-pyramid=1:b-adapt=0"),
    ],
)
def test_b_pictures_that_others_refer_to_break_the_stream(
    codec: Codec, options: str, stamp: Literal["pts", "dts"]
) -> None:
    """A pyramid, as x264 and x265 make by default."""
    reordering, _passed = filtered(codec, list(packets(codec, encode(codec, options), 1188, stamp)))

    assert reordering.found
    assert reordering.broken


@pytest.mark.parametrize("stamp", ["pts", "dts"])
@pytest.mark.parametrize(
    ("codec", "options", "profile", "pixels"),
    [
        ("H264", "bframes=0", "high", "yuv420p"),
        ("H264", "bframes=0:ref=4:keyint=12", "high", "yuv420p"),
        ("H264", "bframes=0:intra-refresh=1", "main", "yuv420p"),
        ("H264", "bframes=0:slices=4", "baseline", "yuv420p"),
        ("H264", "bframes=0:tff=1", "high", "yuv420p"),
        ("H264", "bframes=0", "high444", "yuv444p"),
        ("H265", "bframes=0", "", "yuv420p"),
        ("H265", "bframes=0:keyint=12", "", "yuv420p"),
    ],
)
def test_streams_without_b_pictures_are_never_named(
    codec: Codec, options: str, profile: str, pixels: str, stamp: Literal["pts", "dts"]
) -> None:
    """Whatever their profile: no packet is touched."""
    sent = list(packets(codec, encode(codec, options, profile=profile, pixels=pixels), 300, stamp))
    reordering, passed = filtered(codec, sent)

    assert not reordering.found
    assert passed == sent


@pytest.mark.parametrize("seed", range(6))
def test_a_path_that_reorders_packets_makes_no_b_pictures(seed: int) -> None:
    """Nor do packets that are repaired late: the order of sending counts, not that of arrival."""
    sent = list(packets("H264", encode("H264", "bframes=0:slices=4", profile="main"), 300, "pts"))
    draw = random.Random(seed)  # noqa: S311  # an order, no secret
    order = sorted(range(len(sent)), key=lambda index: index + draw.choice((0, 0, 0, 3, 40)))
    reordering, passed = filtered("H264", sent, order)

    assert not reordering.found
    assert len(passed) == len(sent)


def test_a_left_out_picture_stays_out_when_its_packets_come_late() -> None:
    """Its first packet or another one, whatever was repaired."""
    units = encode("H264", "bframes=2:b-pyramid=none:b-adapt=0")
    sent = list(packets("H264", units, 80, "pts"))
    out = {number for number, unit in enumerate(units) if any(other.shown > unit.shown for other in units[:number])}
    late = [index for index, (_t, _p, number) in enumerate(sent) if number in out and index % 3 == 1]
    order = sorted(range(len(sent)), key=lambda index: index + 20.5 * (index in late and sent[index - 1][2] in out))
    _reordering, passed = filtered("H264", sent, order)
    first = min(out)

    assert not {number for _t, _p, number in passed if number in out and number > first + 1}


# -- pictures that no encoder at hand makes -------------------------------------------------------------------------------


class BitWriter:
    """Writes a NAL unit's bits."""

    def __init__(self) -> None:
        self.text = ""

    def put(self, value: int, count: int) -> "BitWriter":
        """Append *value* in *count* bits."""
        self.text += format(value, f"0{count}b")
        return self

    def golomb(self, *values: int) -> "BitWriter":
        """Append each value as ue(v)."""
        for value in values:
            code = format(value + 1, "b")
            self.text += "0" * (len(code) - 1) + code
        return self

    def bytes(self, header: int) -> bytes:
        """The unit, with emulation prevention."""
        bits = self.text + "1"
        bits += "0" * (-len(bits) % 8)
        raw = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
        out = bytearray()
        for byte in raw:
            if len(out) > 1 and not out[-1] and not out[-2] and byte < 4:
                out.append(3)
            out.append(byte)
        return bytes((header, *out))


def sets(poc_type: int) -> list[bytes]:
    """An SPS and a PPS of Main profile with POC of four bits or of another type."""
    sps = BitWriter().put(77, 8).put(0, 8).put(30, 8).golomb(0, 0, poc_type)
    if poc_type == 0:
        sps.golomb(0)
    sps.golomb(1).put(0, 1).golomb(10, 7).put(1, 1)
    return [sps.bytes(0x67), BitWriter().golomb(0, 0).put(0, 2).golomb(0).bytes(0x68)]


def picture(kind: Literal["I", "P", "B"], poc: int, *, reference: bool = True, idr: bool = False) -> bytes:
    """The head of a picture's first slice."""
    bits = BitWriter().golomb(0, {"P": 5, "B": 6, "I": 7}[kind], 0).put(0, 4)
    if idr:
        bits.golomb(0)
    return bits.put(poc % 16, 4).put(0xABCDEF, 24).bytes((0x60 if reference else 0) | (5 if idr else 1))


def judge(
    poc_type: int, pictures: Sequence[bytes], timestamps: Sequence[int] | None = None
) -> tuple[BFrameFilter, list[int]]:
    """The numbers of the pictures that viewers get."""
    reordering = BFrameFilter("H264")
    for sequence, unit in enumerate(sets(poc_type)):
        assert not reordering.leaves_out(SSRC, sequence, 0, unit)
    kept = [
        n
        for n, unit in enumerate(pictures)
        if not reordering.leaves_out(SSRC, n + 2, timestamps[n] if timestamps else TICKS * n, unit)
    ]
    return reordering, kept


def test_b_slices_in_the_order_of_showing_are_no_problem() -> None:
    """Low-delay encoders make such slices."""
    pictures = [picture("I", 0, idr=True), *(picture("B", 2 * n, reference=bool(n % 2)) for n in range(1, 30))]
    reordering, kept = judge(0, pictures)

    assert not reordering.found
    assert len(kept) == len(pictures)


def test_a_stream_whose_poc_is_the_order_of_decoding_has_no_b_pictures_whatever_its_timestamps() -> None:
    """POC of type 2 allows none."""
    pictures = [picture("I", 0, idr=True), picture("P", 0), picture("B", 0, reference=False)]
    reordering, _kept = judge(2, pictures, [0, 9000, 3000])

    assert not reordering.found


def test_where_poc_is_of_the_first_type_the_timestamps_tell() -> None:
    """Its arithmetic needs more of the slice than is read here."""
    pictures = [picture("I", 0, idr=True), picture("P", 0), picture("B", 0, reference=False), picture("P", 0)]
    reordering, kept = judge(1, pictures, [0, 9000, 3000, 18000])

    assert reordering.found
    assert kept == [0, 1, 3]


def test_poc_wraps_and_begins_anew_with_each_idr_and_with_a_reset_in_between() -> None:
    """The last: memory_management_control_operation 5 sets POC back in the middle of a sequence of pictures."""
    plain = [picture("I", 0, idr=True), *(picture("P", 2 * n) for n in range(1, 40))]
    reset = [picture("P", 4), *(picture("B", 2 * n, reference=False) for n in range(3, 6))]
    reordering, kept = judge(0, [*plain, *plain[:4], *reset])

    assert not reordering.found
    assert len(kept) == 48


def test_a_new_source_is_judged_by_its_own_pictures() -> None:
    """Another SSRC begins with what comes first."""
    reordering, _kept = judge(0, [picture("I", 0, idr=True), picture("P", 8), picture("B", 4, reference=False)])
    assert reordering.found

    assert not reordering.leaves_out(SSRC + 1, 9, 0, picture("B", 2, reference=False))


@pytest.mark.parametrize("codec", ["H264", "H265"])
def test_garbage_is_passed_on_and_raises_nothing(codec: Codec) -> None:
    """Whatever bytes an authenticated publisher sends."""
    draw = random.Random(3)  # noqa: S311  # noise, no secret
    reordering = BFrameFilter(codec)
    for n in range(20_000):
        first = draw.choice(
            (0x67, 0x68, 0x61, 0x65, 0x41, 0x01, 28, 24, 0x42, 0x44, 98, 96, 2, 40, 0x26, draw.randrange(256))
        )
        payload = bytes((first,)) + draw.randbytes(draw.choice((0, 1, 2, 3, 8, 60)))
        reordering.leaves_out(SSRC, n, draw.randrange(2**32), payload)
    reordering.leaves_out(SSRC, 1, 1, b"")


@pytest.mark.parametrize("anew", ["the same SSRC", "another SSRC"])
def test_what_was_left_out_of_one_beginning_says_nothing_of_the_next(anew: str) -> None:
    """An encoder whose timestamps begin at the same number each time: its pictures are its own, whatever the numbers say."""
    before = list(packets("H264", encode("H264", "bframes=2:b-pyramid=none:b-adapt=0:keyint=30"), 1200, "pts"))
    after = list(packets("H264", encode("H264", "bframes=0:keyint=30"), 1200, "pts"))
    reordering = BFrameFilter("H264")
    for index, (timestamp, payload, _) in enumerate(before):
        reordering.leaves_out(SSRC, index, timestamp, payload)
    assert reordering.found
    ssrc, zero = (SSRC, 0x20000) if anew == "the same SSRC" else (SSRC + 1, 0)
    left_out = [
        payload
        for index, (timestamp, payload, _) in enumerate(after, zero)
        if reordering.leaves_out(ssrc, index, timestamp, payload)
    ]
    assert all(describes("H264", payload) for payload in left_out)
    assert not reordering.broken


@pytest.mark.parametrize("codec", ["H264", "H265"])
def test_parameter_sets_with_the_timestamp_of_a_picture_that_is_left_out_are_not(codec: Codec) -> None:
    """In packets of their own, as encoders send them that take them for the end of the picture before."""
    options = f"bframes=2:b-pyramid={'none' if codec == 'H264' else 0}:b-adapt=0:keyint=30"
    units = encode(codec, options)
    sent = list(packets(codec, units, 1200, "pts"))
    sets = [nal for nal in h264.split(units[0].data) if is_set(codec, nal)]
    assert len(sets) == (2 if codec == "H264" else 3)
    reordering, left = BFrameFilter(codec), 0
    for index, (timestamp, payload, _) in enumerate(sent):
        if reordering.leaves_out(SSRC, 10 * index, timestamp, payload) and not describes(codec, payload):
            left += 1
            for n, one in enumerate(sets, 1):
                assert not reordering.leaves_out(SSRC, 10 * index + n, timestamp, one)
    assert left > 10
