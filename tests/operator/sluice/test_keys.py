"""The command's own copy of the formats of secrets, held equal to what the control plane reads."""

import json

from functions.domain.signer import active_key
from functions.domain.signer import new_signer as control_plane_signer
from functions.domain.webhook import master_of
from functions.domain.webhook import new_master as control_plane_master
from shared.verifier import Verifier
from sluice.keys import new_key, new_master, new_signer, public_text, published_kids

NOW = 1_795_532_400.75


def drawn(size: int) -> bytes:
    """Bytes that are the same at every call."""
    return bytes(range(7, 7 + size))


def test_a_signer_is_made_as_the_control_plane_would_make_it() -> None:
    """The texts are equal to the byte: `make up` uses the control plane's code, an operator the command's."""
    assert new_signer(drawn, NOW) == control_plane_signer(drawn, NOW)
    assert new_master(drawn) == control_plane_master(drawn)


def test_the_control_plane_reads_what_the_command_makes() -> None:
    """It signs with the active key, nodes know its public half, and the master secret is long enough."""
    secret, public = new_signer(drawn, NOW)

    assert Verifier(json.loads(public)).kids == published_kids(public) == {active_key(secret).kid}
    assert master_of(new_master(drawn)) == drawn(32)


def test_every_key_of_a_secret_is_published() -> None:
    """Also those that do not sign yet, or no longer."""
    secret = json.loads(new_signer(drawn, NOW)[0])
    secret["keys"].append(new_key(drawn, NOW + 1))
    public = public_text(json.dumps(secret))

    assert published_kids(public) == {key["kid"] for key in secret["keys"]} == Verifier(json.loads(public)).kids


def test_a_key_of_another_kind_is_none_that_a_grant_is_signed_with() -> None:
    """Grants are signed with Ed25519 only, so another curve is left out."""
    assert published_kids('{"keys": [{"kty": "EC", "crv": "P-256", "kid": "a"}]}') == frozenset()
