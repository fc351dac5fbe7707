import itertools
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sfu.media.incoming_rtp_stream import (
    DOUBT_SECONDS,
    GENERATION,
    MAX_MISORDER,
    NEAR,
    STRAGGLE_SECONDS,
    IncomingRtpStream,
)


def received(*sequences: int, at: float = 0.0) -> IncomingRtpStream:
    """A incoming that got these."""
    incoming = IncomingRtpStream(7, 90000)
    for sequence in sequences:
        incoming.packet(sequence, 0, 100, at)
    return incoming


def test_a_gap_is_asked_for_after_a_moment_and_again_until_it_is_filled() -> None:
    """A reordered packet gets a moment to arrive by itself."""
    incoming = received(65534, 1)
    assert incoming.wanted(0.0) == []
    assert incoming.wanted(0.02) == [65535, 0]
    assert incoming.wanted(0.03) == []
    incoming.packet(65535, 0, 100, 0.04)
    assert incoming.wanted(0.08) == [0]
    incoming.packet(0, 0, 100, 0.09)
    assert incoming.wanted(0.2) == []


def test_what_does_not_come_is_given_up() -> None:
    """Ten times or one second, whichever is first."""
    incoming = received(1, 3)
    asked = sum(len(incoming.wanted(0.02 * n)) for n in range(200))
    assert 1 < asked <= 10
    assert incoming.missing == 0


def test_over_a_long_path_it_asks_no_more_often_than_answers_can_come() -> None:
    """Each tenth packet is lost, answers take 180 ms: the first ones are asked for in vain, then each of them once."""
    incoming = IncomingRtpStream(7, 90000)
    answers: list[tuple[float, int]] = []
    asked_for: list[int] = []
    for step in range(600):
        now = step / 100
        for _, sequence in (due := [answer for answer in answers if answer[0] <= now]):
            incoming.packet(sequence, 0, 100, now)
        answers = [answer for answer in answers if answer not in due]
        if step % 10:
            incoming.packet(step, 0, 100, now)
        wanted = incoming.wanted(now)
        asked_for += wanted
        answers += [(now + 0.18, sequence) for sequence in wanted]
    assert sorted(set(asked_for)) == list(range(10, 600, 10))
    assert all(asked_for.count(sequence) == 1 for sequence in range(100, 600, 10))


def test_a_path_that_got_short_again_is_asked_at_its_pace() -> None:
    """The patience follows the answers down as well, to its least; and no answer, however late, makes it grow for ever."""
    incoming = received(1, 3)
    assert incoming.wanted(0.01) == [2]
    incoming.packet(2, 0, 100, 0.9)
    incoming.packet(5, 0, 100, 1.0)
    assert incoming.wanted(1.01) == [4]
    assert incoming.wanted(1.30) == []
    assert incoming.wanted(1.31) == [4]
    incoming.packet(4, 0, 100, 1.32)
    for n in range(40):
        incoming.packet(7 + 2 * n, 0, 100, 2 + n / 10)
        assert incoming.wanted(2.01 + n / 10) == [6 + 2 * n]
        incoming.packet(6 + 2 * n, 0, 100, 2.02 + n / 10)
    incoming.packet(101, 0, 100, 7.0)
    assert len(incoming.wanted(7.01)) == len(incoming.wanted(7.06)) > 0


def test_a_loss_too_great_to_repair_is_reported_and_not_remembered() -> None:
    """Then only a keyframe helps."""
    incoming = received(1)
    assert incoming.packet(2000, 0, 100, 0.0) is not None
    assert incoming.torn
    assert incoming.missing == 0


def test_the_report_block_says_what_was_lost() -> None:
    """Of ten expected, eight came: a fifth."""
    incoming = received(*[n for n in range(10) if n not in (3, 4)])
    ssrc, fraction, lost, highest, _jitter, lsr, dlsr = incoming.block(1.0)
    assert (ssrc, fraction, lost, highest) == (7, 51, 2, 9)
    assert (lsr, dlsr) == (0, 0)
    assert incoming.fraction == 0.2


def test_an_implausible_sender_report_is_ignored() -> None:
    """OBS begins with one of count 0 and timestamp 0xFFFFFFFF."""
    incoming = received(1)
    assert not incoming.sender_report(5 << 32, 0xFFFFFFFF, 0, 1.0)
    assert incoming.block(1.0)[5] == 0
    assert incoming.sender_report(3_900_000_000 << 32, 90000, 10, 1.0)
    assert incoming.reference is not None
    block = incoming.block(2.0)
    assert block[5] != 0
    assert block[6] == 65536


def test_wild_jumps_do_not_grow_memory() -> None:
    """Every packet another number: at most 500 are remembered."""
    incoming = IncomingRtpStream(7, 90000)
    for n in range(5000):
        incoming.packet(n * 7919 & 0xFFFF, n, 100, n / 1000)
    assert incoming.missing <= 500


RATE = 90000


class Arriving:
    """An SSRC whose packets come 10 ms apart, each a frame of its own."""

    def __init__(self, sequence: int = 100, rate: int = RATE) -> None:
        self.incoming = IncomingRtpStream(7, rate)
        self.rate = rate
        self.now = 50.0
        self.base = 0
        for _ in range(20):
            self.come(sequence)
            sequence = (sequence + 1) & 0xFFFF
        self.next = sequence

    def come(self, sequence: int, *, repaired: bool = False, size: int = 100, late: float = 0.0) -> int | None:
        """A packet that was sent *late* seconds ago; the low 16 bits of its number where it counts."""
        self.now += 0.01
        timestamp = (self.base + round((self.now - late) * self.rate)) & 0xFFFFFFFF
        number = self.incoming.packet(sequence & 0xFFFF, timestamp, size, self.now, repaired=repaired)
        if number is None or (number < 0 and not self.incoming.restarted):
            return None
        return (~number if number < 0 else number) & 0xFFFF

    def lost(self) -> tuple[int, int]:
        """Lost and received, as the report says now."""
        return self.incoming.block(self.now)[2], self.incoming.received


@pytest.mark.parametrize("rate", [90000, 48000, 8000])
@pytest.mark.parametrize("leap", [30000, 3500, -1500, -30000, 40000])
@pytest.mark.parametrize("order", list(itertools.permutations((0, 1, 3))))
@pytest.mark.parametrize("anew", [0, 0x30000000, 0x90000000])
def test_a_new_beginning_is_confirmed_by_its_second_packet(
    rate: int, leap: int, order: tuple[int, ...], anew: int
) -> None:
    """Far ahead or back, in any order, with one lost between, with timestamps that go on or begin anew, sound or picture."""
    run = Arriving(rate=rate)
    before = run.lost()[1]
    run.base = anew
    start = run.next + leap
    assert run.come(start + order[0]) is None
    assert run.come(start + order[1]) == (start + order[1]) & 0xFFFF
    assert run.incoming.restarted
    run.incoming.restarted = False
    assert run.come(start + order[2]) == (start + order[2]) & 0xFFFF
    assert not run.incoming.restarted
    assert run.come(start + 4) == (start + 4) & 0xFFFF
    assert run.lost() == (1, before + 4)


@pytest.mark.parametrize("leap", [1, 5, 700, -1, -300, -999])
def test_an_encoder_that_restarts_near_its_old_numbers_is_told_by_its_timestamps(leap: int) -> None:
    """One restart of sixteen begins so near that the sequence alone would make it a loss, or late."""
    run = Arriving()
    run.now += 1.5
    run.base = 0x90000000
    start = run.next + leap
    assert run.come(start) is None
    assert run.come(start + 1) == (start + 1) & 0xFFFF
    assert run.incoming.restarted


def test_numbers_that_go_back_while_the_time_goes_on_are_a_new_beginning() -> None:
    """No late packet is newer than all that came."""
    run = Arriving()
    run.now += 1.5
    assert run.come(run.next - 15) is None
    assert run.come(run.next - 14) == run.next - 14
    assert run.incoming.restarted


def test_a_single_stray_does_nothing() -> None:
    """Nor do two far from each other, two too far apart in time, one of them twice, or any number of repairs."""
    run = Arriving()
    far = run.next + 20000
    strays: list[tuple[int, bool]] = [
        (far, False), (far, False), (far + NEAR + 1, False), (far + 10000, False), (far, True), (far + 1, True)
    ]  # fmt: skip
    for stray, repaired in strays:
        assert run.come(stray, repaired=repaired) is None
        assert run.come(run.next) == run.next
        run.next += 1
    run.now += DOUBT_SECONDS
    assert run.come(far + 10001) is None
    assert not run.incoming.restarted
    assert run.lost() == (0, 26)


def test_an_encoder_that_sends_a_frame_a_second_is_confirmed_too() -> None:
    """A picture that stands still, of one packet a frame."""
    run = Arriving()
    run.come(run.next + 20000)
    run.now += 1.1
    assert run.come(run.next + 20001) == run.next + 20001
    assert run.incoming.restarted


def test_late_packets_of_before_a_new_beginning_do_not_undo_it() -> None:
    """Two of them in a row are no jump back."""
    run = Arriving()
    run.come(run.next + 30000)
    run.come(run.next + 30001)
    run.incoming.restarted = False
    for late in (5, 4, 3):
        assert run.come(run.next - late) is None
    assert not run.incoming.restarted
    assert run.come(run.next + 30002) is not None
    run.now += STRAGGLE_SECONDS
    run.come(run.next)
    run.come(run.next + 1)
    assert run.incoming.restarted


def test_numbers_count_on_over_wraps_and_beginnings() -> None:
    """So that whoever gets them decides nothing again."""
    incoming = IncomingRtpStream(7, RATE)
    first = incoming.packet(65535, 0, 1, 0.0)
    assert first == GENERATION + 65535
    assert incoming.packet(0, 0, 1, 0.0) == first + 1
    incoming.packet(30000, 0, 1, 0.0)
    again = incoming.packet(30001, 0, 1, 0.0)
    assert again is not None
    assert ~again > first + 0x10000
    assert incoming.block(0.0)[3] == 30001


def test_the_first_packets_may_come_out_of_order() -> None:
    """The beginning is where the lowest of them is, and what is missing between is asked for."""
    incoming = IncomingRtpStream(7, RATE)
    for sequence in (104, 101, 100):
        assert incoming.packet(sequence, 0, 1, 0.0) is not None
    assert incoming.wanted(0.05) == [102, 103]
    assert incoming.block(0.1)[2] == 2


@pytest.mark.parametrize("way", ["the same packet", "a repair"])
def test_what_comes_again_does_not_hide_what_is_lost(way: str) -> None:
    """Browsers repeat old packets to probe their uplink: 300 of them beside 5 real losses are 5 losses."""
    run = Arriving()
    for _ in range(100):
        if run.next % 20:
            run.come(run.next)
        for back in (3, 7, 15):
            if (run.next - back) % 20:
                assert run.come(run.next - back, repaired=way == "a repair", late=0.01 * back) is None
        run.next += 1
    octets = run.incoming.bytes
    run.come(run.next - 3, repaired=way == "a repair", late=0.03)
    assert run.incoming.bytes == octets
    assert run.lost() == (5, 115)


def test_a_repair_counts_where_its_packet_was_missing_even_after_we_gave_up() -> None:
    """Once; what nobody waits for any more is still the first to come."""
    run = Arriving()
    run.come(run.next + 2)
    assert run.incoming.wanted(run.now + 0.1) == [run.next, run.next + 1]
    assert run.come(run.next, repaired=True, late=0.02) == run.next
    assert run.come(run.next, repaired=True, late=0.02) is None
    assert run.incoming.wanted(run.now + 2) == []
    assert run.lost()[0] == 1
    assert run.come(run.next + 1, repaired=True, late=0.02) == run.next + 1
    assert run.lost()[0] == 0
    assert run.come(run.next + 5, repaired=True) is None  # a probe that overtook what it repeats
    assert run.lost()[0] == 0


def test_padding_is_no_media() -> None:
    """It has its number, so it is received; it makes no layer larger and keeps none alive."""
    run = Arriving()
    at, octets = run.incoming.at, run.incoming.bytes
    assert run.come(run.next, size=0) == run.next
    assert (run.incoming.at, run.incoming.bytes) == (at, octets)
    assert run.lost() == (0, 21)


@example([(0, False), (1, False), (0, True), (3, False), (2, True)], 1)
@given(st.lists(st.tuples(st.integers(-MAX_MISORDER, 4000), st.booleans()), max_size=300), st.integers(0, 3))
def test_lost_is_what_did_not_come_and_never_negative(steps: list[tuple[int, bool]], seed: int) -> None:
    """Whatever comes twice, late, out of order, repaired, or from anew: against a list of all that was numbered."""
    rng = random.Random(seed)  # noqa: S311 - hypothesis draws the seed
    incoming = IncomingRtpStream(7, RATE)
    counted: set[int] = set()
    sequence, now = 1000, 0.0
    for step, repaired in steps:
        now += rng.random() / 100
        sequence = sequence + step if step > 0 else sequence
        number = incoming.packet((sequence + min(step, 0)) & 0xFFFF, round(now * RATE), 10, now, repaired=repaired)
        if number is not None and number >= 0:
            assert number not in counted
            counted.add(number)
        elif incoming.restarted:
            incoming.restarted = False
        _ssrc, fraction, lost, _highest, jitter, _lsr, _dlsr = incoming.block(now)
        assert lost >= 0
        assert 0 <= fraction <= 255
        assert jitter >= 0
        assert incoming.expected - incoming.received == incoming.lost
