"""Sound and picture are told within 40 ms of what they are, whatever reports come, however late, by whatever clocks."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sfu.media.lipsync import SETTLED, UNREPORTED, LipSync

RATES = {"audio": 48000, "video": 90000}
BOUND = 0.04
NTP = 3_900_000_000.0


@dataclass
class Sender:
    """A publisher: its clocks run by *ppm* off ours; its picture is *behind* its sound when it is sent."""

    ppm: dict[str, float] = field(default_factory=dict)
    """Of the wall clock (ntp), the sound's and the picture's."""
    behind: float = 0.0
    steps: list[tuple[float, float]] = field(default_factory=list)
    """When the wall clock is set, and by how much."""
    stalls: list[tuple[float, float]] = field(default_factory=list)
    """From when until when nothing gets through; all comes at the end."""
    held: dict[str, float] = field(default_factory=dict)
    """For how long reports are held up."""
    jitter: float = 0.0
    reports: dict[str, list[float]] = field(default_factory=dict)
    """When each track reports."""
    bases: dict[str, int] = field(default_factory=lambda: {"audio": 0xFFFF0000, "video": 0x12345678})
    frame: dict[str, float] = field(default_factory=lambda: {"audio": 0.1, "video": 0.1})
    garbage: Callable[[str, int], float] = lambda _kind, _number: 0.0
    """What is added to the clock of a track's report of that number."""

    def media(self, kind: str, at: float) -> float:
        """Seconds of the track's own clock."""
        return at * (1 + self.ppm.get(kind, 0.0) * 1e-6)

    def timestamp(self, kind: str, at: float) -> int:
        """What is sampled *at* our time."""
        return (self.bases[kind] + round(self.media(kind, at) * RATES[kind])) & 0xFFFFFFFF

    def ntp(self, at: float) -> float:
        """The sender's wall clock as an NTP timestamp."""
        return NTP + at * (1 + self.ppm.get("ntp", 0.0) * 1e-6) + sum(by for when, by in self.steps if at >= when)

    def arrival(self, sent: float, rng: random.Random) -> float:
        """When what is sent then comes."""
        through = max((end for begin, end in self.stalls if begin <= sent < end), default=sent)
        return through + 0.03 + rng.random() * self.jitter


def told(sender: Sender, seconds: int, lips: LipSync | None = None) -> list[tuple[float, float | None]]:
    """By how much sound is told to be ahead of the picture, each second; None where one of them is not told."""
    rng = random.Random(1)  # noqa: S311 - a test's
    lips = lips or LipSync()
    events: list[tuple[float, str, str, float]] = []
    for kind in ("audio", "video"):
        lag = sender.behind if kind == "video" else 0.0
        for number in range(round(seconds / sender.frame[kind])):
            at = number * sender.frame[kind]
            events.append((sender.arrival(at + lag, rng), "packet", kind, at))
        held = sender.held.get(kind, 0.0)
        events += [(sender.arrival(at, rng) + held, "report", kind, at) for at in sender.reports.get(kind, [])]
    events += [(float(second), "tick", "", 0.0) for second in range(1, seconds)]
    earliest: dict[str, tuple[float, float, int]] = {}
    begun: set[str] = set()
    counts: dict[str, int] = {}
    found: list[tuple[float, float | None]] = []
    for now, what, kind, at in sorted(events):
        if what == "packet":
            stamp = sender.timestamp(kind, at)
            if kind not in begun:
                begun.add(kind)
                lips.begin(kind, RATES[kind], now, stamp)
            earliest[kind] = min(earliest.get(kind, (float("inf"), 0.0, 0)), (now - sender.media(kind, at), now, stamp))
        elif what == "report":
            counts[kind] = counts.get(kind, 0) + 1
            if kind in begun:
                clock = sender.ntp(at) + sender.garbage(kind, counts[kind])
                lips.reported(kind, clock, sender.timestamp(kind, at), now)
        else:
            for one, (_, came, stamp) in earliest.items():
                lips.arrived(one, came, stamp)
            earliest = {}
            found.append((now, apart(sender, lips, now)))
    return found


def apart(sender: Sender, lips: LipSync, now: float) -> float | None:
    """By how much what is told of now lies apart, by our clock."""
    sampled = {}
    for kind, rate in RATES.items():
        stamp = lips.timestamp(kind, now)
        if stamp is None:
            return None
        expected = sender.timestamp(kind, now)
        off = ((stamp - expected + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        sampled[kind] = off / rate
    return sampled["audio"] - sampled["video"]


def every(seconds: float, until: float, first: float = 0.2) -> list[float]:
    """Sender reports at regular times."""
    return [first + n * seconds for n in range(int((until - first) / seconds))]


def worst(sender: Sender, seconds: int, since: float = 0.0) -> float:
    """The farthest that they are told apart, from *since* on; something is told by then."""
    found = [(now, off) for now, off in told(sender, seconds) if now >= since]
    assert found[-1][1] is not None
    return max(abs(off) for _, off in found if off is not None)


USUAL = {"audio": every(5.0, 120), "video": every(1.0, 120)}
STEADY = {"ntp": 200.0, "audio": -200.0, "video": 200.0}


@pytest.mark.parametrize(
    "sender",
    [
        Sender(reports=USUAL),
        Sender(reports=USUAL, behind=0.25),
        Sender(reports=USUAL, ppm=STEADY, behind=0.2),
        Sender(reports=USUAL, stalls=[(10.0, 11.3), (30.0, 34.0)], behind=0.1),
        Sender(reports=USUAL, stalls=[(0.0, 2.5)], behind=0.1),
        Sender(reports=USUAL, steps=[(20.3, 1.3)]),
        Sender(reports=USUAL, steps=[(20.3, 0.1), (50.0, -3600.0)], behind=0.2),
        Sender(reports={"audio": every(1.0, 120, 0.7), "video": every(1.0, 120)}, steps=[(20.3, -0.5)]),
        Sender(reports={"audio": every(1.0, 120), "video": every(1.0, 120)}, ppm=STEADY),
        Sender(reports={"audio": every(60.0, 120), "video": every(7.0, 120)}, ppm=STEADY, behind=0.1),
        Sender(reports={"audio": every(5.0, 10), "video": every(1.0, 120)}, ppm=STEADY),
        Sender(reports=USUAL, steps=[(20.3, 3600.0)], held={"video": 3.7}, behind=0.1),
        Sender(reports=USUAL, steps=[(20.3, -0.2)], held={"audio": 9.0}),
        Sender(reports=USUAL, jitter=0.05, frame={"audio": 0.1, "video": 1.0}),
        Sender(reports=USUAL, garbage=lambda kind, number: 5e5 if (kind, number) == ("video", 20) else 0.0),
        Sender(reports=USUAL, garbage=lambda kind, number: -NTP if (kind, number) == ("audio", 1) else 0.0),
        Sender(reports=USUAL, garbage=lambda kind, number: 2.0 * number if kind == "video" and number % 3 == 0 else 0.0),
    ],
)  # fmt: skip
def test_sound_and_picture_are_told_together(sender: Sender) -> None:
    """With each kind of trouble that is seen in the field, the clock set in the middle of it and drifting."""
    assert worst(sender, 120) <= BOUND


@pytest.mark.parametrize("reports", [{}, {"video": every(1.0, 300)}, {"audio": every(5.0, 300)}])
def test_without_reports_of_both_the_arrival_of_packets_tells(reports: dict[str, list[float]]) -> None:
    """As soon as it is settled, and a stall or a queue is not followed; nor do clocks drift apart."""
    sender = Sender(reports=reports, ppm=STEADY, stalls=[(20.0, 21.3), (60.0, 64.0)], jitter=0.02)
    found = told(sender, 300)
    first = next(now for now, off in found if off is not None)
    assert first <= (UNREPORTED if reports else SETTLED) + 1.0
    assert max(abs(off) for _, off in found if off is not None) <= BOUND


def test_when_reports_begin_late_both_move_at_one_instant() -> None:
    """The sound's line not at all, the picture's by what arrival could not tell."""
    sender = Sender(reports={"audio": every(5.0, 60, 20.0), "video": every(1.0, 60, 22.0)}, behind=0.15)
    found = {now: off for now, off in told(sender, 60) if off is not None}
    for now, off in found.items():
        assert abs(off - (0.0 if now > 30.0 else 0.15 if now < 22.0 else off)) < 0.01
    assert {round(off, 2) for off in found.values()} == {0.0, 0.15}


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_after_a_new_ssrc_they_stay_together_before_and_after_its_report(kind: str) -> None:
    """Its timestamps are others; until its first report its encoder is as late as it was."""
    lips = LipSync()
    first = Sender(reports=USUAL, behind=0.2)
    told(first, 20, lips)
    second = Sender(reports={}, behind=0.2, bases=first.bases | {kind: 0x7000})
    lag = 0.2 if kind == "video" else 0.0
    lips.begin(kind, RATES[kind], 20.03 + lag, second.timestamp(kind, 20.0))
    assert lips.timestamp(kind, 20.1) is None
    for at in (20.5, 21.0):
        lips.arrived(kind, at + 0.03 + lag, second.timestamp(kind, at))
    off = apart(second, lips, 22.0)
    assert off is not None
    assert abs(off) <= BOUND
    lips.reported(kind, second.ntp(22.5), second.timestamp(kind, 22.5), 22.5)
    off = apart(second, lips, 22.5)
    assert off is not None
    assert abs(off) <= BOUND


def test_one_track_alone_is_told_too() -> None:
    """By arrival, to the millisecond, and over a wrap of its timestamps."""
    lips = LipSync()
    lips.begin("video", 90000, 10.0, 0xFFFFFF00)
    for second in range(1, 5):
        lips.arrived("video", 10.0 + second, (0xFFFFFF00 + second * 90000) & 0xFFFFFFFF)
    assert lips.timestamp("video", 14.0) == (0xFFFFFF00 + 4 * 90000) & 0xFFFFFFFF
    assert lips.timestamp("audio", 14.0) is None


def test_timestamps_that_begin_anew_are_followed() -> None:
    """Without another SSRC: back to zero, as a player that loops its file does."""
    lips = LipSync()
    lips.begin("video", 90000, 10.0, 1_000_000_000)
    lips.arrived("video", 11.0, 1_000_090_000)
    lips.arrived("video", 12.0, 0)
    for second in (1, 2):
        lips.arrived("video", 12.0 + second, second * 90000)
    assert lips.timestamp("video", 14.0) == 2 * 90000


ppms = st.sampled_from([-200.0, -50.0, 0.0, 120.0, 200.0])
times = st.lists(st.floats(0.1, 90.0), max_size=40)


@settings(derandomize=True, max_examples=150, deadline=None)
@example(
    {"ntp": 200.0, "audio": 200.0, "video": -200.0},
    USUAL["audio"],
    USUAL["video"],
    [(10.0, 3.0)],
    [(30.0, 1.0)],
    0.05,
    {},
)
@given(
    st.fixed_dictionaries({"ntp": ppms, "audio": ppms, "video": ppms}),
    times,
    times,
    st.lists(st.tuples(st.floats(0.0, 80.0), st.floats(0.1, 6.0)), max_size=4),
    st.lists(st.tuples(st.floats(0.0, 80.0), st.sampled_from([-3600.0, -1.0, -0.05, 0.1, 0.5, 1.3])), max_size=2),
    st.floats(0.0, 0.05),
    st.fixed_dictionaries({"audio": st.floats(0.0, 9.0), "video": st.floats(0.0, 9.0)}),
)
def test_for_any_reports_stalls_and_drift_they_are_told_within_40_ms(
    ppm: dict[str, float],
    audio: list[float],
    video: list[float],
    stalls: list[tuple[float, float]],
    steps: list[tuple[float, float]],
    jitter: float,
    held: dict[str, float],
) -> None:
    """By sender reports where there are such, by arrival where there are none. A clock that is set between the very first
    reports of the two is noticed at the next ones: only a later one is drawn.
    """
    known = max(sorted(audio)[1:2] + sorted(video)[1:2]) + 7.0 if min(len(audio), len(video)) > 1 else 1e9
    sender = Sender(
        ppm=ppm,
        reports={"audio": sorted(audio), "video": sorted(video)},
        stalls=[(begin, begin + length) for begin, length in stalls],
        steps=[(max(when, known), by) for when, by in steps],
        jitter=jitter,
        held=held,
    )
    for now, off in told(sender, 90):
        assert off is None or abs(off) <= BOUND, (now, off)
