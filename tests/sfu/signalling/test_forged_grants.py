"""Forged and stale grants through real HTTP (issue 4): one answer for all of them, and a reason each for the log."""

import base64
import json
from collections.abc import AsyncIterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sfu.signalling.app import make_app
from sfu.signalling.listener import Listener
from shared.grants import TYPE, Action, SigningKey, sign
from shared.verifier import Reason
from tests.sfu.raw_http import Answer, ask, request
from tests.sfu.signalling.fakes import NOW, SIGNER, STREAM, Node, claims, grant, offer_text

PRIVATE = Ed25519PrivateKey.from_private_bytes(SIGNER.seed)
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
OFFERS = {Action.PUBLISH: offer_text("obs"), Action.PLAY: offer_text("chrome-view")}
PATHS = {Action.PUBLISH: f"/{STREAM}/whip", Action.PLAY: f"/{STREAM}/whep"}


def _signed(header: bytes, payload: bytes) -> str:
    """A token over exactly these bytes, by the key that the node trusts."""
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload))
    return b".".join((signed, base64.urlsafe_b64encode(PRIVATE.sign(signed)).rstrip(b"="))).decode()


def _header(**fields: object) -> bytes:
    return json.dumps({"alg": "EdDSA", "typ": TYPE, "kid": SIGNER.kid} | fields).encode()


def forged(action: Action) -> dict[str, tuple[str, Reason]]:
    """The issue's list: every token would be good for *action* but for the one thing that it is named after."""
    payload = claims(action).payload()
    encoded = json.dumps(payload).encode()
    ours = {"kid": SIGNER.kid, "typ": TYPE}
    good = grant(action)
    return {
        "alg none": (jwt.encode(payload, "", algorithm="none", headers=ours), Reason.UNSIGNED),
        "HS256 with the public key": (
            jwt.encode(payload, PUBLIC, algorithm="HS256", headers=ours),
            Reason.WRONG_ALGORITHM,
        ),
        "wrong kid": (sign(claims(action), SigningKey("another", SIGNER.seed)), Reason.UNKNOWN_KEY),
        "wrong aud": (grant(action, node="node2"), Reason.WRONG_NODE),
        "wrong boot": (grant(action, boot="formerformerform"), Reason.WRONG_BOOT),
        "expired": (grant(action, issued_at=NOW - 31, expires_at=NOW - 1), Reason.EXPIRED),
        "not yet valid": (grant(action, issued_at=NOW + 20, expires_at=NOW + 50), Reason.NOT_YET_VALID),
        "truncated": (good[:-1], Reason.MALFORMED),
        "other typ": (_signed(_header(typ="JWT"), encoded), Reason.WRONG_TYPE),
        "extra dots": (f"{good}.e30.e30", Reason.WRONG_PARTS),
        "64 KiB": (".".join(("a" * 21_845,) * 3), Reason.TOO_LONG),
        "unknown critical header": (_signed(_header(crit=["exp2"], exp2=1), encoded), Reason.CRITICAL_HEADER),
        "duplicate claims": (_signed(_header(), encoded[:-1] + b', "exp": 9999999999}'), Reason.DUPLICATE_CLAIM),
        "non-JSON": (_signed(_header(), b"not json"), Reason.NOT_JSON),
    }


FORGED = {action: forged(action) for action in Action}
NAMES = list(FORGED[Action.PUBLISH])


class Target:
    """A node on a real port."""

    def __init__(self) -> None:
        self.node = Node()
        self.listener = Listener(make_app(self.node.deps()))
        self.port = 0

    async def post(self, action: Action, query: str = "", bearer: str | None = None) -> Answer:
        """An offer that is good, with what is to let it in."""
        authorization = None if bearer is None else f"Bearer {bearer}"
        raw = request(
            "POST", PATHS[action] + query, OFFERS[action], Content_Type="application/sdp", Authorization=authorization
        )
        return await ask(self.port, raw)


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    """A node that serves WHIP and WHEP."""
    one = Target()
    one.port = await one.listener.open("127.0.0.1", 0)
    yield one
    await one.listener.close()


def rejections(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """What the log says of grants."""
    return [
        (str(vars(record)["reason"]), str(vars(record)["action"]))
        for record in caplog.records
        if record.getMessage() == "grant rejected"
    ]


def is_the_one_refusal(answer: Answer) -> bool:
    """Whether the answer is what every bad grant is answered with, byte by byte."""
    return (answer.status, answer.body) == (
        401,
        b'{"error": "The grant is missing or not valid here", "code": "INVALID_GRANT"}',
    )


def test_every_forgery_of_the_list_has_a_reason_of_its_own() -> None:
    """So that the log tells them apart."""
    for table in FORGED.values():
        assert len({reason for _, reason in table.values()}) == len(table) == 14


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("name", NAMES)
async def test_a_forged_grant_in_the_url_is_the_one_401(
    target: Target, caplog: pytest.LogCaptureFixture, name: str, action: Action
) -> None:
    """The client learns nothing, nothing begins, no slot is reported; the log says what was wrong, without the token."""
    token, reason = FORGED[action][name]
    caplog.set_level("INFO")

    answer = await target.post(action, f"?grant={token}")

    assert is_the_one_refusal(answer)
    assert answer["WWW-Authenticate"] == 'Bearer realm="sluice", error="invalid_token"'
    assert rejections(caplog) == [(reason.value, action.value)]
    assert (target.node.plane.begun, target.node.refused, target.node.api.asked) == ([], [], [])
    assert token not in caplog.text


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("name", [name for name in NAMES if name != "extra dots"])
async def test_a_forged_grant_as_bearer_is_the_one_401(
    target: Target, caplog: pytest.LogCaptureFixture, name: str, action: Action
) -> None:
    """Likewise in the Authorization field."""
    token, reason = FORGED[action][name]
    caplog.set_level("INFO")

    answer = await target.post(action, bearer=token)

    assert is_the_one_refusal(answer)
    assert answer["WWW-Authenticate"] == 'Bearer realm="sluice", error="invalid_token"'
    assert rejections(caplog) == [(reason.value, action.value)]
    assert (target.node.plane.begun, target.node.refused, target.node.api.asked) == ([], [], [])
    assert token not in caplog.text


@pytest.mark.parametrize(
    "token", [FORGED[Action.PUBLISH]["extra dots"][0], "undefined", "a" * 65_536], ids=["dots", "eyevinn", "64-KiB"]
)
async def test_a_bearer_with_other_than_two_dots_is_no_grant_at_all(
    target: Target, caplog: pytest.LogCaptureFixture, token: str
) -> None:
    """Eyevinn's player sends "Bearer undefined" with whatever it asks: such a field is passed over, on both endpoints.

    To publish then lacks a grant: the same 401, but for the challenge, which finds no error in what was not looked at. To
    watch needs none: the API is asked by the stream's id, as if the field were not there.
    """
    caplog.set_level("INFO")

    published = await target.post(Action.PUBLISH, bearer=token)

    assert is_the_one_refusal(published)
    assert published["WWW-Authenticate"] == 'Bearer realm="sluice"'
    assert rejections(caplog) == [(Reason.MISSING.value, "publish")]
    assert target.node.plane.begun == []

    played = await target.post(Action.PLAY, bearer=token)

    assert played.status == 201
    assert [wanted.stream for wanted in target.node.api.asked] == [STREAM]
    assert token not in caplog.text
