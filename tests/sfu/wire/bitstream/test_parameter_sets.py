"""The parameter sets of a source, as they were when."""

from sfu.wire.bitstream.parameter_sets import BEFORE, MAX_BYTES, MAX_IDS, ParameterSets

SPS, NEW, PPS = (0, 0, b"\x67one"), (0, 0, b"\x67two"), (1, 0, b"\x68pps")


def test_a_picture_has_the_sets_that_came_before_it() -> None:
    """A new one is in force from its packet on; in the order in which a decoder wants them."""
    sets = ParameterSets()
    sets.take([PPS, SPS], 10)
    sets.take([NEW], 50)
    assert sets.at(49) == [SPS, PPS]
    assert sets.at(50) == [NEW, PPS]


def test_a_late_set_does_not_replace_what_was_sent_after_it() -> None:
    """Its packet was repaired; before it, the offer's holds."""
    sets = ParameterSets([SPS])
    sets.take([NEW], 50)
    sets.take([(0, 0, b"\x67mid")], 30)
    assert [sets.at(index)[0] for index in (29, 30, 50)] == [SPS, (0, 0, b"\x67mid"), NEW]


def test_a_set_that_is_repeated_is_the_same_one_all_along() -> None:
    """Encoders send it before every picture."""
    sets = ParameterSets()
    sets.take([SPS], 10)
    sets.take([NEW], 20)
    for index in range(30, 90, 10):
        sets.take([NEW], index)
    assert sets.at(19) == [SPS]
    assert sets.at(25) == [NEW]
    sets.take([NEW], 15)  # the first of them came late
    assert sets.at(16) == [NEW]


def test_they_are_complete_with_one_of_each_kind() -> None:
    """What came only later is better than nothing."""
    sets = ParameterSets()
    sets.take([PPS], 5)
    assert not sets.complete(2)
    sets.take([SPS], 9)
    assert sets.complete(2)
    assert sets.at(6) == [SPS, PPS]


def test_another_numbering_begins_with_the_newest_of_each() -> None:
    """Of a layer that takes over."""
    sets = ParameterSets()
    sets.take([SPS], 70_000)
    sets.take([NEW], 80_000)
    assert sets.afresh().at(BEFORE) == [NEW]


def test_memory_is_bounded_whatever_comes() -> None:
    """Many ids, many versions, and one that is too long for a packet."""
    sets = ParameterSets()
    for n in range(10_000):
        sets.take([(1, n % 300, bytes((n & 0xFF,)) * 50)], n)
    sets.take([(0, 0, bytes(MAX_BYTES + 1))], 1)
    assert len(sets.at(10_000)) == MAX_IDS
    assert not sets.complete(2)
