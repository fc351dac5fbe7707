"""Whatever packet of an encoder's beginning comes late or never: who watches and who joins sees its pictures, and none that is wrong."""

import itertools
from collections.abc import Iterator

import pytest

from sfu.transport.udp import UdpSocket
from tests.peers.clips.payloads import is_set, is_slice, nal_payloads, pieces, split
from tests.peers.clips.pictures import FPS, Recipe, encoded
from tests.sfu.media.onlooker import wire
from tests.sfu.media.studio import Arrival, Studio

LIMIT = 60
LATE = 0.3
"""Seconds: what a repair takes on a long way, and more than reordering does."""
BEFORE, AFTER = 15, 30
BEGINS = 3.2
"""When the encoder begins anew, in the middle of a group of the one before."""
WAYS = ("another SSRC", "the same SSRC", "another session")


def _payloads(codec: str, unit: bytes, first: bytes, *, key: bool, sets: str, packing: str) -> list[bytes]:
    if codec == "VP8":
        return [bytes((0x10 * (n == 0),)) + piece for n, piece in enumerate(pieces(unit, LIMIT))]
    says = {"each key": key, "first": unit is first, "never": False}[sets]
    found = [one for one in split(codec, first) if is_set(codec, one)] if says else []
    ahead = [[one] for one in found] if packing == "alone" else [found][: len(found)]
    limit = max(LIMIT, *map(len, found)) if found else LIMIT
    slices = [one for one in split(codec, unit) if is_slice(codec, one)]
    return [*nal_payloads(codec, ahead, limit), *nal_payloads(codec, [[one] for one in slices], LIMIT)]


def stream(
    recipe: Recipe,
    *,
    ssrc: int,
    at: float,
    late: dict[int, float | None],
    sets: str = "each key",
    packing: str = "alone",
) -> list[Arrival]:
    """An encoder's packets; those of its first picture are *late* by so many seconds, or lost."""
    units, keys = encoded(recipe)
    sequence, found = 40_000 + recipe.first, []
    for frame, unit in enumerate(units):
        parts = _payloads(recipe.codec, unit, units[0], key=frame in keys, sets=sets, packing=packing)
        for n, payload in enumerate(parts):
            behind = late.get(n, 0.0) if frame == 0 else 0.0
            timestamp = 900_000 * (recipe.first + 1) + frame * 90_000 // FPS
            if behind is not None:
                when = at + frame / FPS + n * 0.0005 + behind
                found.append((when, ssrc, sequence & 0xFFFF, timestamp, n == len(parts) - 1, payload))
            sequence += 1
    return found


def anew(
    udp: UdpSocket,
    codec: str,
    way: str,
    late: dict[int, float | None],
    *,
    sets: str = "each key",
    packing: str = "alone",
) -> list[tuple[float | None, list[int | None]]]:
    """What is seen of an encoder that begins anew with pictures of another width, by one who is there and two who join."""
    studio = Studio(udp, codec)
    before = stream(Recipe(codec, frames=BEFORE), ssrc=1, at=0.0, late={}, sets=sets)
    after = Recipe(codec, frames=AFTER, width=128, first=100)
    ssrc = 1 if way == "the same SSRC" else 2
    sent = before + stream(after, ssrc=ssrc, at=BEGINS, late=late, sets=sets, packing=packing)
    events = [(at, studio.join) for at in (0.1, BEGINS + 0.7, BEGINS + 4.5)]
    if way == "another session":
        events.append((BEGINS - 0.1, studio.connect))
    studio.run(sent, *events)
    return studio.seen()


def cases() -> Iterator[tuple[str, str, str, str, int]]:
    """Codec, way, habits, which packet of the first picture is late."""
    habits = {"H264": ("each key", "first"), "H265": ("each key", "first"), "VP8": ("each key",)}
    for codec, way in itertools.product(habits, WAYS):
        for sets, packing in itertools.product(habits[codec], ("alone", "together") if codec != "VP8" else ("alone",)):
            for place in range(5):
                yield codec, way, sets, packing, place


@pytest.fixture(scope="module")
def udp() -> Iterator[UdpSocket]:
    """One socket for all cases."""
    with wire() as one:
        yield one


@pytest.mark.parametrize(("codec", "way", "sets", "packing", "place"), list(cases()))
def test_a_late_packet_of_a_beginning_is_waited_for(
    udp: UdpSocket, codec: str, way: str, sets: str, packing: str, place: int
) -> None:
    """Parameter sets like all else: what comes after a beginning cannot be put before it."""
    present, joined, later = anew(udp, codec, way, {place: LATE}, sets=sets, packing=packing)
    after = list(range(100, 100 + AFTER))
    assert present[1] == [*range(BEFORE), *after]
    assert joined[1] == after
    assert later[1] == after[20:]
    for waited, _ in (joined, later):
        assert waited is not None
        assert waited < 0.1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("codec", "place"), [(codec, place) for codec in ("H264", "H265") for place in range(6)])
def test_of_a_beginning_that_is_torn_for_good_nothing_wrong_is_shown(
    udp: UdpSocket, codec: str, way: str, place: int
) -> None:
    """Viewers go on at the next keyframe, at the latest; the parameter sets of another beginning are no help."""
    after = list(range(100, 100 + AFTER))
    for _, shown in anew(udp, codec, way, {place: None}):
        new = shown[shown.index(BEFORE - 1) + 1 :] if BEFORE - 1 in shown else shown
        assert new in (after, after[20:])


@pytest.mark.parametrize("way", WAYS[:2])
@pytest.mark.parametrize("codec", ["H264", "H265"])
def test_an_encoder_that_goes_on_under_other_numbers_keeps_its_parameter_sets(
    udp: UdpSocket, codec: str, way: str
) -> None:
    """It said them once, long ago: it changes its SSRC for a collision (RFC 3550, section 8.2), or its network was away."""
    studio = Studio(udp, codec)
    before = stream(Recipe(codec, frames=25), ssrc=1, at=0.0, late={}, sets="first")
    on = stream(Recipe(codec, first=100), ssrc=1 if way == "the same SSRC" else 2, at=5.2, late={}, sets="never")
    studio.run(before + on, *((at, studio.join) for at in (0.1, 6.5, 10.0)))
    present, joined, later = studio.seen()
    after = list(range(100, 150))
    assert present[1] in ([*range(25), *after], [*range(25), *after[5:]]), "within a second"
    assert joined[1] == after
    assert later[1] == after[20:]


@pytest.mark.parametrize("way", WAYS)
def test_parameter_sets_whose_picture_never_came_leave_no_hole(udp: UdpSocket, way: str) -> None:
    """The encoder stops between them and their picture: what has a number is sent, or viewers ask for it in vain."""
    studio = Studio(udp, "H264")
    recipe = Recipe("H264", frames=BEFORE)
    before = stream(recipe, ssrc=1, at=0.0, late={})
    _, _, sequence, timestamp, _, _ = before[-1]
    sets = [unit for unit in split("H264", encoded(recipe)[0][0]) if is_set("H264", unit)]
    before += [(3.0, 1, sequence + n, timestamp + 9000, True, unit) for n, unit in enumerate(sets, 1)]
    after = Recipe("H264", frames=AFTER, width=128, first=100)
    sent = before + stream(after, ssrc=1 if way == "the same SSRC" else 2, at=BEGINS, late={})
    events = [(0.1, studio.join)]
    if way == "another session":
        events.append((BEGINS - 0.1, studio.connect))
    studio.run(sent, *events)
    assert studio.onlookers[0][0].missing() == []
    assert studio.seen()[0][1] == [*range(BEFORE), *range(100, 100 + AFTER)]
