"""What a datagram of somebody unknown costs, as a multiple of what one call with a look-up costs on the same machine.

The numbers are those of docs/media-plane.md. Such a step is some 0.13 us; the kernel's part (2 to 4 us with `recvmsg`) comes on top.
"""

import secrets
import time
from collections.abc import Callable

import pytest

from sfu.plane.ingress import Ingress
from sfu.stats import PlaneStats
from sfu.transport.flood_filter import MOST_KNOWN
from tests.peers.protocol import stun
from tests.sfu.flood import step
from tests.sfu.media_harness import Stage, stage
from tests.sfu.plane.test_flood import KINDS, SIZES
from tests.sfu.plane.test_plane import until
from tests.untraced import untraced

STEPS = {
    "a check for nobody": 24,
    "a check for a viewer, wrong password": 110,
    "a check of many attributes": 66,
    "a ClientHello": 4,
    "SRTP": 4,
    "SRTCP": 4,
    "ChannelData of TURN": 4,
    "nothing that has a name": 4,
}
"""The most for each kind, three times what was measured."""


def cost(ingress: Ingress, make: Callable[[int], bytes]) -> float:
    """Seconds of a datagram: the least of some, for other processes run beside."""
    data = [make(number) for number in range(100)]

    def run() -> float:
        began = time.perf_counter()
        for one in data:
            ingress.datagram(one, ("127.0.0.66", 4711))
        return (time.perf_counter() - began) / len(data)

    return min(run() for _ in range(30))


async def posted(run: Stage) -> str:
    """A session's ufrag, as somebody in its network may have read it in a check."""
    await run.publisher()
    answer = run.posted().answer
    assert answer is not None
    return answer.ufrag


@pytest.mark.parametrize("size", [20, *SIZES, 2048])
async def test_each_kind_of_datagram_costs_little(size: int) -> None:
    """Whatever its length; for a ufrag that is known, too."""
    async with stage() as run:
        ufrag, ingress = await posted(run), run.plane._ingress
        for name, make in KINDS.items():
            with untraced():
                steps = min(cost(ingress, lambda _, make=make: make(ufrag, size)) / step() for _ in range(3))  # type: ignore[misc]  # bound at once
            assert steps <= STEPS[name], (name, size)


def test_a_check_that_is_too_long_is_not_looked_at() -> None:
    """Neither by its ufrag nor by its password; nor is what is behind sixteen attributes."""
    from sfu.transport import ice  # noqa: PLC0415 - beside what it says

    whole = stun.binding_request(bytes(12), username="ours:x", password="p" * 24, tie_breaker=1)
    for filler, taken in ((0, True), (400, True), (510, False), (1900, False)):
        data = _filled(whole, filler)
        assert (len(data) <= ice.LARGEST) == taken
        assert (ice.local_ufrag(data) == "ours") == taken
    empty = b"\xc0\0\0\0"
    for count, taken in ((10, True), (15, True), (16, False), (100, False)):
        data = whole[:2] + (len(whole) - 20 + 4 * count).to_bytes(2, "big") + whole[4:20] + empty * count + whole[20:]
        assert (ice.local_ufrag(data) == "ours") == taken


def _filled(whole: bytes, filler: int) -> bytes:
    more = b"\xc0\0" + filler.to_bytes(2, "big") + bytes(filler) if filler else b""
    return whole[:2] + (len(whole) - 20 + len(more)).to_bytes(2, "big") + whole[4:] + more


def test_the_stats_are_all_that_is_kept_of_it() -> None:
    """A datagram of each kind from each of many addresses: no table grows."""
    stats = PlaneStats()
    ingress = Ingress(
        stats,
        clock=time.monotonic,
        wall=time.time,
        random_bytes=secrets.token_bytes,
        on_connected=lambda _session, _now: None,
        on_closed=lambda _session, _reason: True,
        on_first_packet=lambda _publisher: None,
    )
    for number in range(1000):
        for make in KINDS.values():
            ingress.datagram(make("unknown0", 100), (f"127.0.{number >> 8}.{number & 255}", number + 1))
    dropped = stats.dropped_stun + stats.dropped_dtls + stats.dropped_garbage + stats.dropped_unknown_address
    assert dropped == 1000 * len(KINDS)
    assert not ingress._by_address


async def crowded(run: Stage, known: int) -> Callable[[int], float]:
    """With *known* addresses of a viewer: the seconds that so many checks of his take, each from a new one."""
    await run.publisher()
    viewer = run.posted()
    assert viewer.ways.session is not None
    assert viewer.answer is not None
    ingress, answer, session = run.plane._ingress, viewer.answer, viewer.ways.session
    ingress._by_address.update({(f"10.0.{n >> 8}.{n & 255}", 4711): session for n in range(known)})

    def checked(count: int) -> float:
        checks = [
            stun.binding_request(
                secrets.token_bytes(12), username=f"{answer.ufrag}:x", password=answer.pwd, tie_breaker=1
            )
            for _ in range(count)
        ]
        began = time.perf_counter()
        for check in checks:
            ingress.datagram(check, ("127.0.0.66", 20_000 + secrets.randbelow(40_000)))
        return time.perf_counter() - began

    return checked


async def flooded(run: Stage) -> None:
    """The node has noticed a flood, which is over as it begins: the filter stays for three seconds."""

    def noticed() -> bool:
        run.plane.stats.dropped_garbage += 10**6
        return run.plane._ingress._shielded is not None

    await until(noticed)


async def test_a_new_address_with_each_check_costs_no_more_in_a_flood() -> None:
    """Whoever watches has keys, and may be the one who floods, too: the filter is not made anew for each of them."""
    async with stage() as run:
        checked = await crowded(run, 900)
        usual = min(checked(100) for _ in range(3))
        await flooded(run)
        assert min(checked(100) for _ in range(3)) < 3 * usual


async def test_addresses_that_nothing_goes_to_do_not_switch_the_filter_off() -> None:
    """Eight addresses each make a thousand of 125 sessions; those are let in by the one that they are at."""
    async with stage() as run:
        await crowded(run, MOST_KNOWN + 1)
        await flooded(run)
        assert run.plane._udp is not None
        assert run.plane._udp._filtered
