"""Where media goes, by scenarios: each line is a second and what came from which address, then where packets go."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.transport.path import DEAD, LONGEST_PAUSE, PROOF, TRIAL, Path

Address = tuple[str, int]
WIFI, MOBILE, VICTIM, OTHER = (("192.0.2.1", 1), ("198.51.100.1", 2), ("203.0.113.1", 3), ("203.0.113.2", 4))
NOMINATES, CHECKS, SPEAKS = "nominates", "checks", "speaks"
Event = tuple[float, Address, str]
Seen = tuple[float, Address]


def connected() -> Path:
    """On Wi-Fi, which finished the handshake at second 0."""
    path = Path()
    assert path.checked(WIFI, 0.0, nominates=True)
    path.secured(WIFI, 0.0)
    return path


def feed(path: Path, at: float, address: Address, what: str) -> None:
    """One event, after whatever lapsed before it."""
    path.lapse(at)
    if what == SPEAKS:
        path.heard(address, at)
    else:
        path.checked(address, at, nominates=what == NOMINATES)


def every(seconds: float, address: Address, what: str, first: float = 0.0, last: float = 30.0) -> list[Event]:
    """The same again and again."""
    return [(first + n * seconds, address, what) for n in range(int((last - first) / seconds) + 1)]


SCENARIOS: dict[str, tuple[list[Event], list[Seen]]] = {
    "two paths, consent each 5 s on both, reports on the nominated one": (
        [*every(5, WIFI, CHECKS), *every(5, MOBILE, CHECKS, 2.5), *every(1, WIFI, SPEAKS)],
        [(at + 0.9, WIFI) for at in range(30)],
    ),
    "two paths, consent each 5 s, no report ever": (
        [*every(5, WIFI, CHECKS), *every(5, MOBILE, CHECKS, 2.5)],
        [(at + 0.9, WIFI) for at in range(30)],
    ),
    "checks of one path are lost, its reports are life": (
        [*every(1, WIFI, SPEAKS), *every(0.5, MOBILE, CHECKS)],
        [(at + 0.9, WIFI) for at in range(30)],
    ),
    "the nominated path dies and nothing is nominated": (
        [(1, WIFI, SPEAKS), *every(2.5, MOBILE, CHECKS, 2), *every(1, MOBILE, SPEAKS, 2)],
        [(DEAD, WIFI), (DEAD + 3, MOBILE), (29, MOBILE)],
    ),
    "a phone changes its network, reports each second": (
        [*every(1, WIFI, SPEAKS, 0, 9), (10, MOBILE, NOMINATES), *every(1, MOBILE, SPEAKS, 10.8)],
        [(9.9, WIFI), (10, MOBILE), (10.9, MOBILE), (29, MOBILE)],
    ),
    "a phone changes its network, reports each 5 s": (
        [(9, WIFI, SPEAKS), *every(2.5, MOBILE, NOMINATES, 10), *every(5, MOBILE, SPEAKS, 14)],
        [(10.9, MOBILE), (11.1, WIFI), (13.9, WIFI), (14, MOBILE), (29, MOBILE)],
    ),
    "there and back within a moment": (
        [(5, MOBILE, NOMINATES), (5.3, WIFI, NOMINATES)],
        [(5.2, MOBILE), (5.3, WIFI), (29, WIFI)],
    ),
    "one check for an address that never speaks": (
        [*every(1, WIFI, SPEAKS), (5.1, VICTIM, NOMINATES)],
        [(5.2, VICTIM), (6.05, VICTIM), (6.15, WIFI), (29, WIFI)],
    ),
    "checks for it again and again do not make the second longer": (
        [*every(1, WIFI, SPEAKS), *every(0.1, VICTIM, NOMINATES, 5, 10)],
        [(5.9, VICTIM), (6.1, WIFI), (9.9, WIFI), (29, WIFI)],
    ),
    "several victims share one second": (
        [*every(1, WIFI, SPEAKS), (5.1, VICTIM, NOMINATES), (5.6, OTHER, NOMINATES)],
        [(5.3, VICTIM), (5.7, OTHER), (6.15, WIFI), (29, WIFI)],
    ),
    "there and back again and again: a trial that was given up is one that failed": (
        [*every(1, WIFI, SPEAKS), *every(0.5, VICTIM, NOMINATES, 5, 9), *every(0.5, WIFI, NOMINATES, 5.4, 9.4)],
        [(5.3, VICTIM), (5.45, WIFI), (5.7, WIFI), (9.3, WIFI), (29, WIFI)],
    ),
    "who left comes back with a nomination after longer than its proof lasts": (
        [(5, MOBILE, NOMINATES), *every(1, MOBILE, SPEAKS, 5.5, 49.5), (50, WIFI, NOMINATES), (50.5, WIFI, SPEAKS)],
        [(49, MOBILE), (50.1, WIFI), (52, WIFI)],
    ),
    "silence of both: nothing is moved by nobody": ([], [(PROOF + 20, WIFI)]),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_media_goes_where_it_should(name: str) -> None:
    """Real time plays no part."""
    events, seen = SCENARIOS[name]
    path = connected()
    for at, address, what in sorted([*events, *((*one, "") for one in seen)], key=lambda event: event[0]):
        if what:
            feed(path, at, address, what)
        else:
            path.lapse(at)
            assert path.selected == address, f"at {at} s"


def test_before_the_handshake_the_address_moves_freely_and_afterwards_it_is_on_trial() -> None:
    """No media flows before; a nomination for elsewhere in the midst of it buys one second like any other."""
    path = Path()
    path.checked(WIFI, 0.0, nominates=True)
    path.checked(VICTIM, 1.0, nominates=True)
    assert not path.lapse(60.0)
    path.secured(WIFI, 60.0)
    assert path.selected == VICTIM
    assert path.lapse(60.0 + TRIAL)
    assert path.selected == WIFI


@given(st.integers(0, 2**32), st.sampled_from([0.1, 0.3, 2.0]))
@settings(max_examples=30, deadline=None)
def test_whoever_never_speaks_gets_a_second_now_and_then(seed: int, pace: float) -> None:
    """Any order of nominations for strangers and for himself: strangers' share of the time is bounded."""
    chance = random.Random(seed)  # noqa: S311 - reproducible
    path = connected()
    now, theirs, length = 0.0, 0.0, 300.0
    while now < length:
        end = now + chance.random() * pace
        while now < end:
            tick = min(0.02, end - now)  # the plane's
            theirs += tick if path.selected not in (WIFI, MOBILE) else 0.0
            now += tick
            path.lapse(now)
        who = chance.choice([WIFI, MOBILE, VICTIM, OTHER])
        feed(path, now, who, chance.choice([NOMINATES, CHECKS, SPEAKS if who in (WIFI, MOBILE) else NOMINATES]))
    assert theirs <= (5 + length / LONGEST_PAUSE) * (TRIAL + 0.02)
