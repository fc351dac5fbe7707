"""The signer's two parameters as text."""

import json
import os

from functions.domain.signer import active_key, new_signer
from shared.grants import public_jwks


def test_both_halves_fit() -> None:
    """The public text is the JWK Set of the secret text's keys, and has no secret in it."""
    secret, public = new_signer(os.urandom, 1_795_532_400)

    key = active_key(secret)
    assert json.loads(public) == public_jwks([key])
    assert json.loads(secret)["keys"][0]["seed"] not in public
    assert "seed" not in repr(key)
