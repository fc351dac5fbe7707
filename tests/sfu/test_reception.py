from sfu.reception import Reception


def received(*sequences: int, at: float = 0.0) -> Reception:
    """A reception that got these."""
    reception = Reception(7, 90000)
    for sequence in sequences:
        reception.packet(sequence, 0, 100, at)
    return reception


def test_a_gap_is_asked_for_after_a_moment_and_again_until_it_is_filled() -> None:
    """A reordered packet gets a moment to arrive by itself."""
    reception = received(65534, 1)
    assert reception.wanted(0.0) == []
    assert reception.wanted(0.02) == [65535, 0]
    assert reception.wanted(0.03) == []
    reception.packet(65535, 0, 100, 0.04)
    assert reception.wanted(0.08) == [0]
    reception.packet(0, 0, 100, 0.09)
    assert reception.wanted(0.2) == []


def test_what_does_not_come_is_given_up() -> None:
    """Ten times or one second, whichever is first."""
    reception = received(1, 3)
    asked = sum(len(reception.wanted(0.02 * n)) for n in range(200))
    assert 1 < asked <= 10
    assert reception.missing == 0


def test_a_loss_too_great_to_repair_is_reported_and_not_remembered() -> None:
    """Then only a keyframe helps."""
    reception = received(1)
    assert not reception.packet(2000, 0, 100, 0.0)
    assert reception.missing == 0


def test_the_report_block_says_what_was_lost() -> None:
    """Of ten expected, eight came: a fifth."""
    reception = received(*[n for n in range(10) if n not in (3, 4)])
    ssrc, fraction, lost, highest, _jitter, lsr, dlsr = reception.block(1.0)
    assert (ssrc, fraction, lost, highest) == (7, 51, 2, 9)
    assert (lsr, dlsr) == (0, 0)
    assert reception.fraction == 0.2


def test_an_implausible_sender_report_is_ignored() -> None:
    """OBS begins with one of count 0 and timestamp 0xFFFFFFFF."""
    reception = received(1)
    assert not reception.sender_report(5 << 32, 0xFFFFFFFF, 0, 1.0)
    assert reception.block(1.0)[5] == 0
    assert reception.sender_report(3_900_000_000 << 32, 90000, 10, 1.0)
    assert reception.reference is not None
    block = reception.block(2.0)
    assert block[5] != 0
    assert block[6] == 65536


def test_wild_jumps_do_not_grow_memory() -> None:
    """Every packet another number: at most 500 are remembered."""
    reception = Reception(7, 90000)
    for n in range(5000):
        reception.packet(n * 7919 & 0xFFFF, n, 100, n / 1000)
    assert reception.missing <= 500
