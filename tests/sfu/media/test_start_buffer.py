"""What is kept of a source until it begins: all of its beginning, in order, and never more than the bound."""

from sfu.media.feedback.missing_packets import GIVE_UP_AFTER
from sfu.media.start_buffer import ANYHOW, KEEP_SECONDS, MAX_PACKETS, SETTLE, SETTLED, NumberedPacket, StartBuffer
from sfu.wire.bitstream.parameter_sets import ParameterSets

IDR, DELTA, SPS, PPS = b"\x65\x88" + bytes(9), b"\x61" + bytes(9), b"\x67" + bytes(9), b"\x68" + bytes(9)


def packet(number: int, payload: bytes, timestamp: int = 0) -> NumberedPacket:
    """One RTP packet of H264."""
    return number, timestamp, 0, payload, ()


def numbers(kept: StartBuffer) -> list[int]:
    """The numbers of the packets that a viewer begins with."""
    return [one[0] for one in kept.take()]


def test_a_picture_begins_at_its_newest_keyframe_with_the_parameter_sets_before_it() -> None:
    """Those of its own timestamp, and those right before it with another; nothing older."""
    kept = StartBuffer("H264", 0.0)
    for number, payload, timestamp in (
        (1, IDR, 0), (2, DELTA, 1), (3, SPS, 2), (4, PPS, 2), (5, IDR, 3), (6, DELTA, 4),
    ):  # fmt: skip
        kept.add(packet(number, payload, timestamp), 0.0)
    assert kept.ready(SETTLE)
    assert numbers(kept) == [3, 4, 5, 6]


def test_it_is_let_settle_and_comes_in_order() -> None:
    """A moment, or so many packets."""
    kept = StartBuffer("H264", 0.0)
    known = ParameterSets([(0, 0, SPS), (1, 0, PPS)])
    for number in (3, 2, 1):
        kept.add(packet(number, IDR if number == 1 else DELTA), 0.0)
    assert not kept.ready(SETTLE / 2, known)
    assert kept.ready(SETTLE, known)
    for number in range(4, SETTLED + 1):
        kept.add(packet(number, DELTA), 0.0)
    assert kept.ready(0.0, known)
    assert numbers(kept) == list(range(1, SETTLED + 1))


def test_parameter_sets_that_may_be_missing_are_waited_for_as_long_as_they_are_asked_for() -> None:
    """One kind without the other, none of any, or a hole right before the keyframe; whole, it begins at once."""
    known = ParameterSets([(0, 0, SPS), (1, 0, PPS)])
    for packets, sets, waits in (
        (((2, SPS), (3, PPS), (4, IDR)), None, False),
        (((3, PPS), (4, IDR)), known, True),
        (((2, SPS), (4, IDR)), known, True),
        (((4, IDR),), None, True),
        (((4, IDR),), known, False),
        (((2, DELTA), (4, IDR)), known, True),
        (((3, DELTA), (4, IDR)), known, False),
        (((1, DELTA), (3, b"\x09\xf0"), (4, IDR)), known, False),
        (((1, DELTA), (3, b"\x7c\x87" + bytes(9)), (4, IDR)), None, False),
    ):
        kept = StartBuffer("H264", 0.0)
        for number, payload in packets:
            kept.add(packet(number, payload, 9 if payload is DELTA else 10), 0.0)
        assert kept.ready(SETTLE, sets) is not waits, packets
        assert kept.ready(GIVE_UP_AFTER, sets)


def test_sound_begins_at_once() -> None:
    """With every packet that there is."""
    kept = StartBuffer(None, 0.0)
    kept.add(packet(7, b"sound"), 0.0)
    kept.add(packet(6, b"sound"), 0.0)
    assert kept.ready(0.0)
    assert numbers(kept) == [6, 7]


def test_a_source_whose_keyframes_we_do_not_know_begins_in_the_end() -> None:
    """Garbage for a while is better than nothing for ever."""
    kept = StartBuffer("H264", 0.0)
    for step in range(int(ANYHOW) + 1):
        kept.add(packet(step, DELTA), float(step))
        assert not kept.ready(float(step))
    assert kept.ready(ANYHOW + 0.1)
    assert numbers(kept) == list(range(int(ANYHOW - KEEP_SECONDS), int(ANYHOW) + 1))


def test_a_keyframe_of_four_megabytes_whose_parameter_sets_are_late_begins_whole() -> None:
    """3,500 packets of it are here before what comes before them."""
    kept = StartBuffer("H264", 0.0)
    kept.add(packet(1, SPS), 0.0)
    for number in range(3, 3503):
        kept.add(packet(number, IDR if number == 3 else b"\x7c\x05" + bytes(9)), number / 10_000)
        assert not kept.ready(number / 10_000)
    kept.add(packet(2, PPS), 0.4)
    assert kept.ready(0.4)
    assert numbers(kept) == list(range(1, 3503))


def test_it_is_bounded_in_packets_and_time() -> None:
    """A keyframe that is no longer whole is no place to begin at."""
    kept = StartBuffer("H264", 0.0)
    kept.add(packet(0, IDR), 0.0)
    for number in range(1, MAX_PACKETS + 5):
        kept.add(packet(number, DELTA), 0.0)
    assert len(kept) == MAX_PACKETS
    assert not kept.found
    kept.add(packet(MAX_PACKETS + 5, IDR, 9), KEEP_SECONDS + 0.1)
    assert len(kept) == 1
    assert kept.found
