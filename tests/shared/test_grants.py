"""Only an honest grant verifies; every forged or stale one is the same refusal with its own reason for the log."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from shared.grants import GRACE_SECONDS, TYPE, Action, Claims, SigningKey, public_jwks, sign
from shared.verifier import Reason, Rejected, VerifiedGrant, Verifier

NOW = 1_795_532_400.0
KEY = SigningKey("2026-11-a", bytes(range(32)))
OTHER = SigningKey("2026-11-b", bytes(range(1, 33)))
CLAIMS = Claims(
    node="node1",
    boot="bootbootbootboot",
    account="acme",
    stream="aaaabbbbccccdddd",
    session="s" * 26,
    action=Action.PUBLISH,
    epoch=7,
    issued_at=NOW,
    expires_at=NOW + 30,
    tier="solo_creator",
    max_viewers=30,
    max_kbps=12_000,
    protocol="whip",
)
VERIFIER = Verifier(public_jwks([KEY]))
GOLDEN = Path(__file__).parent / "golden" / "grants"
PERMISSIONS = ({"action": "publish", "path": CLAIMS.stream},)
EXAMPLES = {
    "publish": CLAIMS,
    "play": replace(CLAIMS, action=Action.PLAY, epoch=0, protocol="whep"),
    "publish_rtmp": replace(CLAIMS, protocol="rtmp", permissions=PERMISSIONS),
}


def verify(token: str | None, verifier: Verifier = VERIFIER, **other: Any) -> VerifiedGrant | Rejected:
    """Verify as node1 in its present boot would, for publishing; *other* changes the question."""
    question: dict[str, Any] = {
        "node": "node1",
        "boot": CLAIMS.boot,
        "stream": CLAIMS.stream,
        "action": Action.PUBLISH,
        "now": NOW + 1,
    }
    return verifier.verify(token, **(question | other))


def b64(data: bytes) -> str:
    """*data* as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(header: bytes, payload: bytes, key: SigningKey = KEY) -> str:
    """A token over exactly these bytes, honestly signed."""
    signed = f"{b64(header)}.{b64(payload)}"
    return f"{signed}.{b64(Ed25519PrivateKey.from_private_bytes(key.seed).sign(signed.encode()))}"


def header(**fields: Any) -> bytes:
    """The header that `sign` writes, changed by *fields*."""
    return json.dumps({"alg": "EdDSA", "typ": TYPE, "kid": KEY.kid} | fields).encode()


def payload(**claims: Any) -> bytes:
    """The payload that `sign` writes, changed by *claims*; None removes one."""
    return json.dumps({k: v for k, v in (CLAIMS.payload() | claims).items() if v is not None}).encode()


def hs256_with_the_public_key() -> str:
    """The classic confusion: the public key's bytes as an HMAC secret."""
    public = Ed25519PrivateKey.from_private_bytes(KEY.seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return jwt.encode(CLAIMS.payload(), public, algorithm="HS256", headers={"kid": KEY.kid, "typ": TYPE})


GOOD = sign(CLAIMS, KEY)

FORGED: dict[str, tuple[str | None, Reason]] = {
    "no token": (None, Reason.MISSING),
    "empty": ("", Reason.MISSING),
    "alg none": (
        jwt.encode(CLAIMS.payload(), "", algorithm="none", headers={"kid": KEY.kid, "typ": TYPE}),
        Reason.UNSIGNED,
    ),
    "HS256 with the public key": (hs256_with_the_public_key(), Reason.WRONG_ALGORITHM),
    "unknown kid": (sign(CLAIMS, OTHER), Reason.UNKNOWN_KEY),
    "another key under our kid": (sign(CLAIMS, replace(OTHER, kid=KEY.kid)), Reason.BAD_SIGNATURE),
    "kid is no text": (raw(header(kid=["x"]), payload()), Reason.MALFORMED),
    "wrong aud": (sign(replace(CLAIMS, node="node2"), KEY), Reason.WRONG_NODE),
    "aud is a list": (raw(header(), payload(aud=["node1", "node2"])), Reason.BAD_CLAIMS),
    "wrong boot": (sign(replace(CLAIMS, boot="otherboototherbo"), KEY), Reason.WRONG_BOOT),
    "wrong stream": (sign(replace(CLAIMS, stream="ddddccccbbbbaaaa"), KEY), Reason.WRONG_STREAM),
    "play used to publish": (sign(replace(CLAIMS, action=Action.PLAY), KEY), Reason.WRONG_ACTION),
    "for RTMP": (sign(replace(CLAIMS, protocol="rtmp"), KEY), Reason.WRONG_PROTOCOL),
    "publishes by WHEP": (sign(replace(CLAIMS, protocol="whep"), KEY), Reason.WRONG_PROTOCOL),
    "protocol is no text": (raw(header(), payload(proto=1)), Reason.BAD_CLAIMS),
    "expired": (sign(replace(CLAIMS, expires_at=NOW), KEY), Reason.EXPIRED),
    "not yet valid": (sign(replace(CLAIMS, issued_at=NOW + 20), KEY), Reason.NOT_YET_VALID),
    "wrong issuer": (raw(header(), payload(iss="somebody")), Reason.WRONG_ISSUER),
    "truncated": (GOOD[:-1], Reason.MALFORMED),
    "cut to two parts": (GOOD.rpartition(".")[0], Reason.WRONG_PARTS),
    "extra dots": (GOOD + ".e30", Reason.WRONG_PARTS),
    "64 KiB": ("a" * 65_536, Reason.TOO_LONG),
    "other typ": (raw(header(typ="JWT"), payload()), Reason.WRONG_TYPE),
    "no typ": (raw(b'{"alg":"EdDSA","kid":"2026-11-a"}', payload()), Reason.WRONG_TYPE),
    "unknown critical header": (raw(header(crit=["exp2"], exp2=1), payload()), Reason.CRITICAL_HEADER),
    "unencoded payload": (raw(header(b64=False), payload()), Reason.CRITICAL_HEADER),
    "duplicate header": (raw(header()[:-1] + b', "alg": "EdDSA"}', payload()), Reason.DUPLICATE_CLAIM),
    "duplicate claim": (raw(header(), payload()[:-1] + b', "exp": 9999999999}'), Reason.DUPLICATE_CLAIM),
    "header is no JSON": (raw(b"{", payload()), Reason.NOT_JSON),
    "header is no object": (raw(b"[1]", payload()), Reason.NOT_JSON),
    "header nests without end": (raw(b"[" * 2000, payload()), Reason.NOT_JSON),
    "payload is no JSON": (raw(header(), b"not json"), Reason.NOT_JSON),
    "payload is no object": (raw(header(), b"[]"), Reason.NOT_JSON),
    "no session": (raw(header(), payload(jti=None)), Reason.BAD_CLAIMS),
    "expiry is NaN": (raw(header(), payload(exp=float("nan"))), Reason.BAD_CLAIMS),
    "expiry is text": (raw(header(), payload(exp="9999999999")), Reason.BAD_CLAIMS),
    "negative epoch": (raw(header(), payload(ep=-1)), Reason.BAD_CLAIMS),
    "epoch is true": (raw(header(), payload(ep=True)), Reason.BAD_CLAIMS),
    "unknown action": (raw(header(), payload(act="own")), Reason.BAD_CLAIMS),
    "limits are no object": (raw(header(), payload(lim=5)), Reason.BAD_CLAIMS),
    "not ASCII": ("ü.ü.ü", Reason.MALFORMED),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_and_stale_grants_are_rejected_each_for_its_reason(name: str) -> None:
    """The client sees one code; the log can tell these apart."""
    token, reason = FORGED[name]

    assert verify(token) == Rejected(reason)


def test_the_issues_list_of_forgeries_has_a_reason_each() -> None:
    """The fourteen that the product names are told apart in the log."""
    named = (
        "alg none",
        "HS256 with the public key",
        "unknown kid",
        "wrong aud",
        "wrong boot",
        "expired",
        "not yet valid",
        "truncated",
        "other typ",
        "extra dots",
        "64 KiB",
        "unknown critical header",
        "duplicate claim",
        "payload is no JSON",
    )

    assert len({FORGED[name][1] for name in named}) == len(named)


def test_an_honest_grant_verifies_to_the_claims_that_were_signed() -> None:
    """Signing and verifying lose nothing."""
    grant = verify(GOOD)

    assert isinstance(grant, VerifiedGrant)
    assert grant.claims == CLAIMS


def test_a_grant_is_signed_as_pyjwt_signs() -> None:
    """We sign by hand; an independent library reads the same of our token as of its own."""
    private = Ed25519PrivateKey.from_private_bytes(KEY.seed)
    theirs = jwt.encode(CLAIMS.payload(), private, algorithm="EdDSA", headers={"kid": KEY.kid, "typ": TYPE})

    ours = sign(CLAIMS, KEY)

    read, expected = (jwt.api_jws.decode_complete(token, private.public_key(), ["EdDSA"]) for token in (ours, theirs))
    assert read["header"] == expected["header"]
    assert read["payload"] == expected["payload"]


def golden(name: str) -> dict[str, dict[str, Any]]:
    """Header and payload of an example, typed by hand: nodes of last year read them, so they stay."""
    loaded: dict[str, dict[str, Any]] = json.loads((GOLDEN / f"{name}.json").read_text())
    return loaded


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_grant_is_signed_as_documented(name: str) -> None:
    """Every name and value of header and payload; a claim that is renamed in signing and verifying alike is seen here."""
    signed = sign(EXAMPLES[name], KEY).split(".")

    read = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in signed[:2]]
    assert read == [golden(name)["header"], golden(name)["payload"]]


@pytest.mark.parametrize(("name", "action"), [("publish", Action.PUBLISH), ("play", Action.PLAY)])
def test_a_grant_as_documented_verifies(name: str, action: Action) -> None:
    """Whoever signed it: each claim is read from where the document has it."""
    example = golden(name)

    grant = verify(raw(json.dumps(example["header"]).encode(), json.dumps(example["payload"]).encode()), action=action)

    assert isinstance(grant, VerifiedGrant), grant
    assert grant.claims == EXAMPLES[name]


def test_nobody_else_makes_a_verified_grant() -> None:
    """The type itself is the evidence."""
    with pytest.raises(TypeError):
        VerifiedGrant(CLAIMS, object())


def test_a_node_whose_clock_lags_accepts_a_fresh_grant_within_the_grace() -> None:
    """Skew may not cost a client its first attempt."""
    assert isinstance(verify(GOOD, now=NOW - GRACE_SECONDS), VerifiedGrant)
    assert verify(GOOD, now=NOW - GRACE_SECONDS - 0.1) == Rejected(Reason.NOT_YET_VALID)


def test_keys_rotate_without_a_rejected_grant() -> None:
    """While both keys are published, grants of either verify."""
    both = Verifier(public_jwks([KEY, OTHER]))

    assert both.kids == {KEY.kid, OTHER.kid}
    assert isinstance(verify(GOOD, both), VerifiedGrant)
    assert isinstance(verify(sign(CLAIMS, OTHER), both), VerifiedGrant)


def test_keys_of_other_kinds_in_the_set_are_left_out() -> None:
    """A JWK Set may hold keys for other readers, and broken ones."""
    strange = [{"kty": "RSA", "kid": "r"}, {"kty": "OKP", "crv": "Ed25519", "kid": "short", "x": "AA"}, {"kty": "OKP"}]

    assert Verifier({"keys": [*strange, KEY.public_jwk()]}).kids == {KEY.kid}


def test_claims_of_a_later_version_are_ignored_and_missing_limits_default() -> None:
    """Fields are only added, always with a default."""
    grant = verify(raw(header(), payload(future={"x": 1}, lim=None, tier=None, proto=None)))

    assert isinstance(grant, VerifiedGrant)
    assert (grant.claims.max_viewers, grant.claims.max_kbps, grant.claims.protocol) == (0, 0, "whip")


def test_mediamtx_permissions_are_carried_where_asked_for() -> None:
    """A MediaMTX node reads this claim by its own JWT support."""
    token = sign(replace(CLAIMS, permissions=({"action": "publish", "path": "x"},)), KEY)

    assert jwt.decode(token, options={"verify_signature": False})["mediamtx_permissions"] == [
        {"action": "publish", "path": "x"}
    ]


def test_a_signing_keys_repr_hides_its_seed() -> None:
    """Private keys are never logged."""
    assert KEY.seed.hex() not in repr(KEY)
    assert repr(KEY.seed) not in repr(KEY)


@given(st.text(max_size=300))
def test_any_text_is_rejected_without_an_exception(text: str) -> None:
    """Fuzz: no input is a traceback."""
    assert isinstance(verify(text), Rejected)


@given(st.integers(0, len(GOOD) - 1), st.characters(max_codepoint=127))
def test_one_changed_character_never_verifies_as_something_else(at: int, char: str) -> None:
    """A changed token is rejected, or spells the same signed bytes."""
    changed = verify(GOOD[:at] + char + GOOD[at + 1 :])

    assert isinstance(changed, Rejected) or changed.claims == CLAIMS
