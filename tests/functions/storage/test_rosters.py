"""The store in memory and the real modules give the same answers to the same questions, so the fake cannot rot."""

import random
from typing import Any

from functions.domain.accounts import Slot
from functions.domain.roster import Take, Taken
from functions.storage.rosters import Rosters
from shared.tiers import Overrides, Tier
from tests.functions.fakes import MemoryRosters
from tests.functions.world import NOW, World

STREAMS = ("c" * 16, "d" * 16, "e" * 16)
SESSIONS = tuple(letter * 26 for letter in "abcdef")


def test_both_rosters_answer_alike(world: World) -> None:
    """A few hundred random writes, most of them on conditions that do not hold."""
    rng = random.Random(5)  # noqa: S311 - a reproducible walk
    world.account("acme", Tier.REGISTERED, Overrides(streams=2))
    made = world.registry.account("acme")
    assert made is not None
    memory = MemoryRosters([made])
    taken = 0

    for step in range(400):
        stream, session = rng.choice(STREAMS), rng.choice(SESSIONS)
        what = rng.choice(["take", "take", "mark", "free", "wait", "wait", "leave", "clear"])
        take = _take(rng, memory, stream)
        expected = _apply(memory, what, stream, session, take, step)
        taken += isinstance(expected, Taken)

        assert _apply(world.rosters, what, stream, session, take, step) == expected, (step, what, take)

    assert 20 < taken < 200


def _take(rng: random.Random, memory: MemoryRosters, stream: str) -> Take:
    """A write on what is there, on what was there, or on what never was."""
    slots = memory.accounts["acme"].slots
    others = [(name, slot) for name, slot in slots.items() if name != stream]
    replaces = rng.choice([None, slots.get(stream), Slot(rng.choice(SESSIONS), "b" * 16, 0)])
    return Take("", replaces, dict(rng.sample(others, rng.randrange(len(others) + 1))))


def _apply(store: Rosters | MemoryRosters, what: str, stream: str, session: str, take: Take, step: int) -> Any:
    match what:
        case "take":
            slot = Slot(session, "b" * 16, int(NOW) + step)
            return store.take("acme", stream, slot, protocol="whip", now=NOW, take=take, lim=2)
        case "mark":
            return store.mark_used("acme", stream, session, NOW + step)
        case "wait":
            return store.wait("acme", stream, session, NOW + step % 7 + 0.123456, NOW + step % 5)
        case "leave":
            store.leave("acme", stream, session, NOW + step % 7 + 0.123456)
            return store.read("acme")
        case "clear":
            dead = take.reclaims if take.replaces is None else {**take.reclaims, stream: take.replaces}
            return store.clear("acme", dead) if dead else None
    return store.release("acme", stream, session)
