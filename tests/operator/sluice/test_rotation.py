"""The rule of rotation: each state of the secret leads to the next, and its times are the control plane's."""

import json
import os

from functions.domain import fleet
from functions.domain import signer as control_plane
from functions.domain.signer import active_key
from shared import grants
from sluice import rotation
from sluice.keys import new_signer
from sluice.rotation import KeyState, keys_in, retired, staged, switched


def test_the_times_are_those_of_the_control_plane() -> None:
    """The command states them again, because it cannot import them."""
    assert rotation.CACHE_SECONDS == control_plane.CACHE_SECONDS
    assert rotation.RETRY_SECONDS == control_plane.RETRY_SECONDS
    assert rotation.HEARTBEAT_SECONDS == fleet.LEASE_SECONDS
    assert rotation.GRANT_SECONDS == grants.GRANT_SECONDS
    assert rotation.GRACE_SECONDS == grants.GRACE_SECONDS
    assert (rotation.PUBLISH_SECONDS, rotation.RETIRE_SECONDS) == (330, 355)


def test_a_secret_goes_through_four_states() -> None:
    """In each, the control plane signs with the key whose state is `signing`."""
    alone, _ = new_signer(os.urandom, 1000.0)
    behind = staged(alone, os.urandom, 2000.0)
    after = switched(behind)
    left = retired(after)

    assert [[key.state for key in keys_in(secret)] for secret in (alone, behind, after, left)] == [
        [KeyState.SIGNING],
        [KeyState.SIGNING, KeyState.STAGED],
        [KeyState.RETIRING, KeyState.SIGNING],
        [KeyState.SIGNING],
    ]
    assert active_key(behind).kid == active_key(alone).kid
    assert active_key(after).kid == active_key(left).kid == keys_in(behind)[1].kid
    assert [key.created for key in keys_in(after)] == [1000, 2000]


def test_nothing_is_retired_before_it_is_replaced() -> None:
    """A staged key is newer than the one that signs, and stays."""
    behind = staged(new_signer(os.urandom, 1.0)[0], os.urandom, 2.0)

    assert json.loads(retired(behind)) == json.loads(behind)
