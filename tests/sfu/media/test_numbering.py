from hypothesis import example, given
from hypothesis import strategies as st

from sfu.media.numbering import Numbering


def continuity(first: int = 100) -> Numbering:
    """The numbering of a video track."""
    return Numbering(first_index=first, first_timestamp=9000, clock_rate=90000)


def test_one_source_is_mapped_by_a_constant() -> None:
    """Reordered packets included, over the wrap of both numbers; extended ones do not wrap."""
    track = continuity()
    assert track.map(65534, 0xFFFFFFF0, 0.0) == (100, 9000)
    assert track.map(65536, 0xB0, 0.1) == (102, 9000 + 0xC0)
    assert track.map(65535, 0xFFFFFFF0, 0.1) == (101, 9000)
    assert track.map(65537, 0xB0, 0.1) == (103, 9000 + 0xC0)


def test_another_source_goes_on_where_the_last_one_stopped() -> None:
    """The next index, and a timestamp later by what has passed (P15)."""
    track = continuity()
    track.map(5, 1000, 1.0)
    track.new_source()
    assert track.map(40000, 777, 3.0) == (101, 9000 + 2 * 90000)
    assert track.map(40001, 777 + 3000, 3.03) == (102, 9000 + 2 * 90000 + 3000)


def test_packets_of_before_the_switch_are_not_placed() -> None:
    """Their numbers belong to the old source."""
    track = continuity()
    track.map(5, 1000, 1.0)
    track.new_source()
    track.map(40000, 777, 3.0)
    assert track.map(39999, 700, 3.0) is None


def test_the_gap_of_an_empty_packet_is_closed_and_late_ones_keep_their_numbers() -> None:
    """Padding is not forwarded; a packet from before it, repeated after it, is not renumbered."""
    track = continuity()
    assert track.map(10, 0, 0.0) == (100, 9000)
    assert track.skip(12, 0.0)
    assert track.map(13, 0, 0.0) == (102, 9000)
    assert track.map(11, 0, 0.0) == (101, 9000)
    assert not track.skip(9, 0.0)


def test_a_far_number_is_a_new_beginning() -> None:
    """IncomingRtpStream has decided that it is one; packets of before it have no place any more."""
    track = continuity()
    track.map(10, 0, 0.0)
    assert track.map(11, 0, 0.0) == (101, 9000)
    assert track.map(0x20000 + 30000, 5, 0.5) == (102, 9000 + 45000)
    assert track.map(12, 0, 0.5) is None
    assert track.map(0x20000 + 30001, 5, 0.5) == (103, 9000 + 45000)


@example([(0, 0, False), (3000, 0, True), (6000, 0, True), (9000, 0, False)])
@given(st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 2**32 - 1), st.booleans()), max_size=200))
def test_no_index_is_given_to_two_different_packets_of_a_source_and_none_is_negative(
    wild: list[tuple[int, int, bool]],
) -> None:
    """Whatever the publisher numbers its packets: the highest index only rises, by at most two jumps."""
    track = continuity()
    for step, (sequence, timestamp, empty) in enumerate(wild):
        before = track.last
        if empty:
            track.skip(sequence, step / 100)
        else:
            placed = track.map(sequence, timestamp, step / 100)
            if placed is not None:
                assert 0 <= placed[0] <= before + 2 * 3001
                assert 0 <= placed[1] < 2**32
        assert track.last >= before


def test_what_the_very_first_packet_overtook_has_numbers_below_it() -> None:
    """Nobody has seen any yet; later beginnings go on without a gap."""
    track = Numbering(first_index=1000, first_timestamp=0, clock_rate=90000)
    assert track.map(7, 0, 0.0) == (1000, 0)
    assert track.map(5, 0, 0.001) == (998, 0)
    track.new_source()
    placed = track.map(500, 0, 1.0)
    assert placed is not None
    assert placed[0] == 1001
    assert track.map(499, 0, 1.0) is None


def test_numbers_are_left_free_for_what_is_put_before_a_source() -> None:
    """They are left free only once."""
    track = Numbering(first_index=0, first_timestamp=0, clock_rate=90000)
    track.map(7, 0, 0.0)
    track.new_source()
    assert track.fresh
    track.reserve(2)
    placed = [track.map(500 + n, 0, 1.0) for n in range(2)]
    assert [index for index, _ in filter(None, placed)] == [3, 4]


def test_late_packets_keep_their_numbers_over_many_packets_that_carry_nothing() -> None:
    """B pictures of a fast stream, 20 packets each, two of three: one that is repaired after half a second has its place."""
    track = continuity()
    track.map(0, 0, 0.0)
    number = 0
    for picture in range(15):
        at = picture / 30
        for _ in range(40):
            number += 1
            assert track.skip(number, at)
        number += 2
        assert track.map(number, 3000 * picture, at) == (102 + 2 * picture, 9000 + 3000 * picture)
    for picture in range(15):
        assert track.map(42 * picture + 41, 3000 * picture, 0.5) == (101 + 2 * picture, 9000 + 3000 * picture)
