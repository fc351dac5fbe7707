"""Transport-wide feedback reads back as what was recorded, whatever arrived when; the decoder here is the tests' own."""

import struct
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.media.feedback.transport_cc import EVERY, MAX_GAP, MAX_PACKETS, RING, TICKS, Arrivals, encode

Decoded = tuple[int, list[int | None], int]
"""Base, arrival of each packet in ticks modulo the reference's range, number of the report."""


def decode(packet: bytes) -> Decoded:
    """A whole packet, with its padding."""
    head, kind, words = struct.unpack_from("!BBH", packet)
    assert (head & 0x1F, kind, len(packet)) == (15, 205, 4 * words + 4)
    decoded, at = decode_body(packet[4:])
    assert 4 + at == len(packet) - (packet[-1] if head & 0x20 else 0)
    return decoded


def decode_body(body: bytes) -> tuple[Decoded, int]:
    """By the draft's sections 3.1 to 3.1.5, written apart from the encoder; and where the padding begins."""
    base, count, reference = struct.unpack_from("!HHI", body, 8)
    symbols: list[int] = []
    at = 16
    while len(symbols) < count:
        (chunk,) = struct.unpack_from("!H", body, at)
        at += 2
        bits = f"{chunk:016b}"
        if bits[0] == "0":
            symbols += [int(bits[1:3], 2)] * int(bits[3:], 2)
        elif bits[1] == "0":
            symbols += map(int, bits[2:])
        else:
            symbols += [int(bits[n : n + 2], 2) for n in range(2, 16, 2)]
    assert not any(symbols[count:])
    arrived: list[int | None] = []
    time = (reference >> 8) * 256
    for symbol in symbols[:count]:
        assert symbol in (0, 1, 2)
        if symbol:
            time += body[at] if symbol == 1 else struct.unpack_from("!h", body, at)[0]
            at += symbol
        arrived.append(time if symbol else None)
    return (base, arrived, reference & 0xFF), at


TIMES = st.lists(st.one_of(st.just(-1), st.integers(0, 0x7000)), min_size=1, max_size=MAX_PACKETS)


@given(st.integers(0, 0xFFFF), TIMES, st.integers(0, 10**6))
def test_a_report_reads_back(base: int, offsets: list[int], start: int) -> None:
    """Any pattern of losses and any order of arrival within the range of a delta."""
    times = [-1 if offset < 0 else start + offset for offset in offsets]
    packet = encode(1, 2, base, times, 7)
    assert decode(packet) == (base, [None if at < 0 else at for at in times], 7)
    assert len(packet) % 4 == 0


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([0] * 14, 1),
        ([0] * 400, 1),
        ([0, -1] * 7, 1),
        ([0, -1] * 14, 2),
        ([0, 5000] * 7, 2),
        ([-1] * 100 + [0], 2),
        ([0] * 3, 1),
    ],
)
def test_chunks_are_as_few_as_can_be(times: list[int], words: int) -> None:
    """Runs, bit vectors and two-bit vectors, each where it is shortest."""
    packet = encode(1, 2, 0, times, 0)
    # The first delta is within the reference time's 64 ms; in the list with far times all others are large.
    deltas = 1 + 2 * (len(times) - 1) if 5000 in times else sum(at >= 0 for at in times)
    assert len(packet) == 20 + 2 * words + deltas + -(2 * words + deltas) % 4


def read_all(packets: Sequence[bytes]) -> dict[int, int | None]:
    """Number (as far as 16 bits go) -> arrival."""
    found: dict[int, int | None] = {}
    for place, packet in enumerate(packets):
        base, arrived, report = decode(packet)
        assert report == place & 0xFF
        for offset, at in enumerate(arrived):
            assert base + offset & 0xFFFF not in found
            found[base + offset & 0xFFFF] = at
    return found


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.tuples(st.integers(1, 40), st.floats(0, 0.5)), min_size=1, max_size=200),
)
def test_what_arrives_is_reported_once_with_its_time_and_gaps_as_lost(
    first: int, steps: list[tuple[int, float]]
) -> None:
    """Over wraps of the number, over several reports, with reports in between."""
    arrivals, now, number = Arrivals(), 10.0, first
    sent: dict[int, float] = {}
    packets: list[bytes] = []
    for place, (step, wait) in enumerate(steps):
        number += step
        now += wait
        arrivals.record(number & 0xFFFF, now)
        sent[number & 0xFFFF] = now
        if place % 50 == 49 and arrivals.due(now):
            packets += arrivals.feedback(1, 2)
    packets += arrivals.feedback(1, 2)
    found = read_all(packets)
    for known, at in sent.items():
        reported = found[known]
        assert reported is not None
        assert abs(reported - int(at * TICKS)) % (1 << 32) == 0
    assert all(at is None for known, at in found.items() if known not in sent)
    assert len(found) == number - (first + steps[0][0]) + 1


def test_packets_out_of_order_within_a_report_have_their_own_times() -> None:
    """Their deltas are then negative."""
    arrivals = Arrivals()
    for number, at in ((1, 1.0), (3, 1.01), (2, 1.02), (4, 1.03)):
        arrivals.record(number, at)
    (packet,) = arrivals.feedback(1, 2)
    assert decode(packet)[1] == [4000, 4080, 4040, 4120]


def test_a_late_packet_of_a_reported_range_is_not_reported_again() -> None:
    """It was told lost; the sender has drawn its conclusions."""
    arrivals = Arrivals()
    for number in (1, 3):
        arrivals.record(number, 1.0)
    arrivals.feedback(1, 2)
    arrivals.record(2, 1.1)
    assert arrivals.feedback(1, 2) == []


def test_a_report_is_due_each_interval_and_only_when_there_is_news() -> None:
    """Silence costs no packet at all."""
    arrivals = Arrivals()
    assert not arrivals.due(0.0)
    arrivals.record(5, 0.0)
    assert arrivals.due(0.0)
    arrivals.feedback(1, 2)
    arrivals.record(6, 0.01)
    assert not arrivals.due(EVERY / 2)
    assert arrivals.due(EVERY)


def test_wild_numbers_cost_no_more_than_the_ring() -> None:
    """A sender that leaps about gets reports of bounded size."""
    arrivals = Arrivals()
    for n in range(2000):
        arrivals.record(n * 20011 & 0xFFFF, n / 1000)
        packets = arrivals.feedback(1, 2)
        assert sum(map(len, packets)) <= 2 * RING
        assert all(len(packet) < 1200 for packet in packets)


def test_a_leap_costs_no_more_than_a_packet_and_begins_anew() -> None:
    """Tiny packets whose numbers leap pass every limit on bytes; they must not keep the node from its other publishers."""
    arrivals, plain = Arrivals(), Arrivals()

    def cost(of: Arrivals, step: int) -> float:
        begun = time.process_time()
        for n in range(20_000):
            of.record(n * step & 0xFFFF, n / 20_000)
        return time.process_time() - begun

    usual = cost(plain, 1)
    assert cost(arrivals, RING - 1) < 20 * usual + 0.05
    assert cost(Arrivals(), MAX_GAP) < 20 * usual + 0.05
    leaped = Arrivals()
    for number, at in ((10, 1.0), (11, 1.01), (11 + MAX_GAP + 1, 1.02), (14 + MAX_GAP, 1.03)):
        leaped.record(number, at)
    (packet,) = leaped.feedback(1, 2)
    base, times = decode(packet)[:2]
    assert (base, [at is not None and at >= 0 for at in times]) == (12 + MAX_GAP, [True, False, True])


def test_the_reference_time_wraps_as_24_bits() -> None:
    """After twelve days of uptime; the receiver unwraps it."""
    packet = encode(1, 2, 0, [(1 << 32) + 300], 0)
    assert decode(packet)[1] == [300]
