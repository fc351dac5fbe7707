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


def test_over_a_long_path_it_asks_no_more_often_than_answers_can_come() -> None:
    """Each tenth packet is lost, answers take 180 ms: the first ones are asked for in vain, then each of them once."""
    reception = Reception(7, 90000)
    answers: list[tuple[float, int]] = []
    asked_for: list[int] = []
    for step in range(600):
        now = step / 100
        for _, sequence in (due := [answer for answer in answers if answer[0] <= now]):
            reception.packet(sequence, 0, 100, now)
        answers = [answer for answer in answers if answer not in due]
        if step % 10:
            reception.packet(step, 0, 100, now)
        wanted = reception.wanted(now)
        asked_for += wanted
        answers += [(now + 0.18, sequence) for sequence in wanted]
    assert sorted(set(asked_for)) == list(range(10, 600, 10))
    assert all(asked_for.count(sequence) == 1 for sequence in range(100, 600, 10))


def test_a_path_that_got_short_again_is_asked_at_its_pace() -> None:
    """The patience follows the answers down as well, to its least; and no answer, however late, makes it grow for ever."""
    reception = received(1, 3)
    assert reception.wanted(0.01) == [2]
    reception.packet(2, 0, 100, 0.9)
    reception.packet(5, 0, 100, 1.0)
    assert reception.wanted(1.01) == [4]
    assert reception.wanted(1.30) == []
    assert reception.wanted(1.31) == [4]
    reception.packet(4, 0, 100, 1.32)
    for n in range(40):
        reception.packet(7 + 2 * n, 0, 100, 2 + n / 10)
        assert reception.wanted(2.01 + n / 10) == [6 + 2 * n]
        reception.packet(6 + 2 * n, 0, 100, 2.02 + n / 10)
    reception.packet(101, 0, 100, 7.0)
    assert len(reception.wanted(7.01)) == len(reception.wanted(7.06)) > 0


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
