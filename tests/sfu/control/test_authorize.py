"""Grants are used once, and every refusal has its reason."""

import time

import pytest

from sfu.control.authorize import Authorizer, ReplaySet
from shared.grants import GRACE_SECONDS, Action, public_jwks
from shared.verifier import Reason, Rejected, VerifiedGrant, Verifier
from tests.sfu.signalling.fakes import BOOT, NODE, NOW, OTHER_STREAM, SIGNER, STREAM, grant


def authorizer(node: str = NODE, boot: str = BOOT) -> Authorizer:
    """One boot of one node."""
    return Authorizer(Verifier(public_jwks([SIGNER])), node=node, boot=boot, monotonic=time.monotonic)


def test_a_grant_admits_once() -> None:
    """The second use is a replay, whatever the time between."""
    gate, token = authorizer(), grant(Action.PUBLISH)

    first = gate.admit(token, action=Action.PUBLISH, stream=STREAM, now=NOW)
    second = gate.admit(token, action=Action.PUBLISH, stream=STREAM, now=NOW + 29)

    assert isinstance(first, VerifiedGrant)
    assert second == Rejected(Reason.REPLAYED)
    assert gate.rejections == {Reason.REPLAYED: 1}


@pytest.mark.parametrize(
    ("token", "action", "stream", "node", "boot", "reason"),
    [
        (None, Action.PUBLISH, STREAM, NODE, BOOT, Reason.MISSING),
        (grant(Action.PLAY), Action.PUBLISH, STREAM, NODE, BOOT, Reason.WRONG_ACTION),
        (grant(Action.PUBLISH), Action.PLAY, STREAM, NODE, BOOT, Reason.WRONG_ACTION),
        (grant(Action.PUBLISH), Action.PUBLISH, OTHER_STREAM, NODE, BOOT, Reason.WRONG_STREAM),
        (grant(Action.PUBLISH), Action.PUBLISH, STREAM, "node2", BOOT, Reason.WRONG_NODE),
        (grant(Action.PUBLISH), Action.PUBLISH, STREAM, NODE, "another-life", Reason.WRONG_BOOT),
        (grant(Action.PUBLISH, expires_at=NOW), Action.PUBLISH, STREAM, NODE, BOOT, Reason.EXPIRED),
    ],
)
def test_a_grant_for_something_else_is_rejected_and_counted(
    token: str | None, action: Action, stream: str, node: str, boot: str, reason: Reason
) -> None:
    """Each with its own reason."""
    gate = authorizer(node, boot)

    assert gate.admit(token, action=action, stream=stream, now=NOW) == Rejected(reason)
    assert gate.rejections == {reason: 1}


def test_a_wrong_try_does_not_use_a_grant_up() -> None:
    """Only an admission uses it up."""
    gate, token = authorizer(), grant(Action.PUBLISH)
    gate.admit(token, action=Action.PLAY, stream=STREAM, now=NOW)

    outcome = gate.admit(token, action=Action.PUBLISH, stream=STREAM, now=NOW)

    assert isinstance(outcome, VerifiedGrant)


def test_used_ids_are_kept_until_no_clock_could_accept_them() -> None:
    """And not longer: the set stays small."""
    used = ReplaySet()

    assert all(used.claim(f"s{second}", second + 30, second) for second in range(1000))
    assert len(used) == 30
    assert not used.claim("s999", 1029, 999)


@pytest.mark.parametrize("first", [-29, 0, 25, 29])
@pytest.mark.parametrize("steps", [(20,), (30,), (36, 0), (60, 5), (290, -4), (-290, 10), (3600, 20)])
def test_no_step_of_the_clock_makes_a_used_grant_good_again(first: float, steps: tuple[float, ...]) -> None:
    """Set forwards, which lets it expire, and back; the host was ahead or behind already when it was used."""
    mono = 0.0
    gate = Authorizer(Verifier(public_jwks([SIGNER])), node=NODE, boot=BOOT, monotonic=lambda: mono)
    token = grant(Action.PLAY, issued_at=NOW - 30 if first < 0 else NOW, expires_at=NOW + 30)
    assert isinstance(gate.admit(token, action=Action.PLAY, stream=STREAM, now=NOW + first), VerifiedGrant)
    for number, step in enumerate(steps):
        mono += 10
        now = NOW + step
        other = grant(Action.PLAY, session=f"other{number}", issued_at=now, expires_at=now + 30)
        assert isinstance(gate.admit(other, action=Action.PLAY, stream=STREAM, now=now), VerifiedGrant)
        assert isinstance(gate.admit(token, action=Action.PLAY, stream=STREAM, now=now), Rejected)
        assert isinstance(gate.admit(token, action=Action.PLAY, stream=STREAM, now=NOW + 1), Rejected)


def test_a_clock_set_back_does_not_revive_a_used_grant() -> None:
    """By as much as the grace."""
    gate, token = authorizer(), grant(Action.PLAY)
    gate.admit(token, action=Action.PLAY, stream=STREAM, now=NOW)
    other = grant(Action.PLAY, session="session2", issued_at=NOW + 30, expires_at=NOW + 60)
    gate.admit(other, action=Action.PLAY, stream=STREAM, now=NOW + 30 + GRACE_SECONDS - 0.5)

    outcome = gate.admit(token, action=Action.PLAY, stream=STREAM, now=NOW + 29)

    assert outcome == Rejected(Reason.REPLAYED)
