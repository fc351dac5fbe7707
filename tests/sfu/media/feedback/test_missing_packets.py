"""Which packets are asked for again, and when: soon, not too often, and never without end."""

from sfu.media.feedback.missing_packets import FIRST_AFTER, GIVE_UP_AFTER, MAX_MISSING, TRIES, MissingPackets


def test_a_missing_packet_is_asked_for_after_a_moment_by_its_sixteen_bits() -> None:
    """A reordered packet comes by itself; *end* is not one of those that are waited for."""
    missing = MissingPackets()
    missing.add(0x2FFFF, 0x30001, 5.0)

    assert missing.due(5.0) == []
    assert missing.due(5.0 + FIRST_AFTER) == [0xFFFF, 0]
    assert len(missing) == 2
    assert 0x30001 not in missing


def test_what_came_is_asked_for_no_more() -> None:
    """It was waited for once; the second copy is no news."""
    missing = MissingPackets()
    missing.add(7, 8, 0.0)

    assert missing.arrived(7, 0.1)
    assert not missing.arrived(7, 0.2)
    assert missing.due(1.0) == []


def test_a_slow_answer_makes_the_next_nack_for_a_packet_wait_longer() -> None:
    """Who asks again before the answer can be there gets it twice."""
    missing = MissingPackets()
    missing.add(1, 2, 0.0)
    assert missing.due(0.01) == [1]
    missing.arrived(1, 0.21)
    missing.add(2, 3, 1.0)

    assert missing.due(1.01) == [2]
    assert missing.due(1.2) == []
    assert missing.due(1.27) == [2]


def test_nobody_is_asked_without_end() -> None:
    """Neither more often than TRIES times nor later than GIVE_UP_AFTER."""
    missing = MissingPackets()
    missing.add(1, 2, 0.0)
    asked = sum(len(missing.due(n / 1000)) for n in range(3000))

    assert 0 < asked <= TRIES
    assert len(missing) == 0
    missing.add(2, 3, 5.0)
    assert missing.due(5.0 + GIVE_UP_AFTER + 0.001) == []


def test_there_is_room_for_so_many_and_no_more() -> None:
    """Whoever adds asks first whether there is room."""
    missing = MissingPackets()
    missing.add(0, MAX_MISSING - 1, 0.0)

    assert missing.has_room(1)
    assert not missing.has_room(2)
    missing.clear()
    assert missing.has_room(MAX_MISSING)
