"""The last good public keys stay in use."""

from sfu.control.keyring import Keyring
from shared.grants import Action, Claims, SigningKey, public_jwks, sign
from shared.verifier import Reason, Rejected, VerifiedGrant

OLD = SigningKey("old", bytes(32))
NEW = SigningKey("new", bytes(range(32)))
CLAIMS = Claims(
    node="node1",
    boot="b" * 16,
    account="demo",
    stream="s" * 16,
    session="x" * 26,
    action=Action.PLAY,
    epoch=0,
    issued_at=100.0,
    expires_at=130.0,
    tier="registered",
    max_viewers=20,
    max_kbps=0,
    protocol="whep",
)


def _verify(keyring: Keyring, key: SigningKey) -> VerifiedGrant | Rejected:
    return keyring.verify(
        sign(CLAIMS, key), node="node1", boot="b" * 16, stream="s" * 16, action=Action.PLAY, now=110.0
    )


def test_before_the_first_keys_no_grant_is_believed() -> None:
    """Nothing can be checked yet."""
    assert _verify(Keyring(), OLD) == Rejected(Reason.UNKNOWN_KEY)


def test_new_keys_replace_the_old_ones() -> None:
    """A retired key opens nothing any more."""
    keyring = Keyring()
    assert keyring.replace(public_jwks([OLD, NEW]))
    assert isinstance(_verify(keyring, OLD), VerifiedGrant)
    assert keyring.replace(public_jwks([NEW]))
    assert isinstance(_verify(keyring, NEW), VerifiedGrant)
    assert _verify(keyring, OLD) == Rejected(Reason.UNKNOWN_KEY)


def test_a_set_without_a_usable_key_replaces_nothing() -> None:
    """A control plane that lost its keys locks nobody out."""
    keyring = Keyring()
    keyring.replace(public_jwks([OLD]))
    assert not keyring.replace({"keys": []})
    assert not keyring.replace({"keys": [{"kty": "RSA", "kid": "r"}]})
    assert isinstance(_verify(keyring, OLD), VerifiedGrant)


def test_the_same_keys_again_cost_nothing() -> None:
    """Every heartbeat's answer brings them again."""
    keyring = Keyring()
    keyring.replace(public_jwks([OLD]))
    before = keyring.verifier
    assert keyring.replace(public_jwks([OLD]))
    assert keyring.verifier is before
