"""Rotation of the signer's keys: no grant is refused meanwhile, and it may be stopped anywhere."""

import os
from collections.abc import Callable

import pytest

from sfu.control.keyring import Keyring
from shared.grants import Action
from shared.verifier import VerifiedGrant
from sluice.rotation import PUBLISH_SECONDS, RETIRE_SECONDS
from sluice.signer import NotDoneError, RotationWait, SignerParameters
from tests.functions.world import Beating, World

STEP = 15.0


class Stopped(Exception):  # noqa: N818 - it stands for a Ctrl-C
    """The operator stops the rotation."""


def rotate(world: World, wait: Callable[[float], None]) -> list[str]:
    """Rotate with *wait* for the time that passes; the kids that are left."""
    done = SignerParameters(world.ssm, "test").rotate(os.urandom, world.clock, RotationWait(wait, lambda _: None))
    return [key["kid"] for key in done["signing_keys"]]


def kids(world: World) -> dict[str, tuple[str, bool]]:
    """The state of every key, and whether it is published."""
    return {
        key["kid"]: (key["state"], key["published"])
        for key in SignerParameters(world.ssm, "test").keys()["signing_keys"]
    }


def test_no_grant_is_refused_while_keys_rotate(world: World, node: Beating) -> None:
    """Functions that started before, during and after the rotation sign; the node knows each grant's key from its beats."""
    world.account("acme")
    key, stream = world.key("acme")
    ring, used = Keyring(), set[str]()
    (old,) = kids(world)

    def admit() -> None:
        ring.replace(world.beat(node).json["keys"])
        for admission in (world.admission, world.new_admission()):
            world.admission, before = admission, world.admission
            answer = world.publish(key)
            world.admission = before
            grant = ring.verify(
                answer.grant, node=node.id, boot=node.boot, stream=stream, action=Action.PUBLISH, now=world.now + 29
            )
            assert isinstance(grant, VerifiedGrant), grant
            used.add(answer.grant.partition(".")[0])
            world.rosters.release("acme", stream, grant.claims.session)

    def wait(seconds: float) -> None:
        until = world.now + seconds
        while world.now < until:
            world.now += STEP
            admit()

    admit()
    left = rotate(world, wait)
    wait(300 + 2 * STEP)

    assert len(used) == 2, "both keys signed"
    assert old not in left
    assert ring.verifier is not None
    assert ring.verifier.kids == set(left), "the node forgot the old key"


def test_a_stopped_rotation_goes_on(world: World) -> None:
    """Whenever it is stopped, the next run ends it with the key that was begun, and there is never one too many."""
    (old,) = kids(world)
    waited: list[float] = []

    def stop(_: float) -> None:
        raise Stopped

    def stop_at_second(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        rotate(world, stop)
    assert list(kids(world).values()) == [("signing", True), ("staged", True)]
    with pytest.raises(Stopped):
        rotate(world, stop_at_second)
    assert list(kids(world).values()) == [("retiring", True), ("signing", True)]
    new = list(kids(world))[-1]

    assert rotate(world, waited.append) == [new]
    assert new != old
    assert waited == [PUBLISH_SECONDS, RETIRE_SECONDS, RETIRE_SECONDS]


def test_two_rotations_at_once_do_not_lose_a_key(world: World) -> None:
    """The one that finds the other's version in SSM stops, and says why."""

    def other(_: float) -> None:
        rotate(world, lambda _: None)

    with pytest.raises(NotDoneError, match="Somebody else"):
        rotate(world, other)
    assert list(kids(world).values()) == [("signing", True)]
