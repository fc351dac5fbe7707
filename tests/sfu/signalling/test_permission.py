"""What lets a POST in: the grant that it brought, one that is to be asked for, or nothing."""

import pytest

from sfu.signalling.permission import PresentedGrant, read_permission
from sfu.signalling.wanted_grant import WantedGrant
from shared.grants import Action
from shared.refusals import Code, Refused
from tests.sfu.signalling.fakes import KEY, STREAM

JWT = "a.b.c"
PUBLISH, PLAY = Action.PUBLISH, Action.PLAY


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("authorization", [None, f"Bearer {KEY}", "Bearer undefined", "Basic eA=="])
def test_a_grant_in_the_url_counts_first(action: Action, authorization: str | None) -> None:
    """OBS sends its stream key along to wherever it is redirected."""
    assert read_permission(action, STREAM, {"grant": JWT}, authorization) == PresentedGrant(JWT, STREAM)


def test_a_bearer_that_is_a_jwt_is_a_grant() -> None:
    """The scheme's case does not matter (RFC 9110, section 11.1)."""
    assert read_permission(PLAY, STREAM, {}, f"bearer {JWT}") == PresentedGrant(JWT, STREAM)


@pytest.mark.parametrize(
    ("identifier", "authorization"), [(None, f"Bearer {KEY}"), (KEY, None), (STREAM, f"Bearer {KEY}")]
)
def test_a_stream_key_is_exchanged_for_a_grant_to_publish(identifier: str | None, authorization: str | None) -> None:
    """From the field or from the path, with what the query asks."""
    wanted = read_permission(PUBLISH, identifier, {"force": "1", "region": "eu", "wait": "1"}, authorization)

    assert wanted == WantedGrant("publish", "whip", key=KEY, force=True, region="eu")


@pytest.mark.parametrize("authorization", [None, "Bearer undefined", f"Bearer {KEY}", "Basic eA=="])
def test_watching_needs_the_public_id_alone(authorization: str | None) -> None:
    """And whoever would rather wait for a publisher says so."""
    assert read_permission(PLAY, STREAM, {"wait": "true"}, authorization) == WantedGrant(
        "play", "whep", stream=STREAM, wait=True
    )


@pytest.mark.parametrize(
    ("action", "identifier", "authorization", "code"),
    [
        (PLAY, "nothing-like-it", None, Code.STREAM_NOT_FOUND),
        (PUBLISH, None, None, Code.INVALID_KEY),
        (PUBLISH, None, "Bearer undefined", Code.INVALID_KEY),
        (PUBLISH, STREAM, "Basic eA==", Code.INVALID_REQUEST),
    ],
)
def test_what_has_neither_is_refused(
    action: Action, identifier: str | None, authorization: str | None, code: Code
) -> None:
    """By the code that says what is missing."""
    outcome = read_permission(action, identifier, {}, authorization)

    assert isinstance(outcome, Refused)
    assert outcome.code is code


def test_publishing_to_a_public_id_needs_a_grant() -> None:
    """None was brought, and the id alone gets nobody one."""
    assert read_permission(PUBLISH, STREAM, {}, None) == PresentedGrant(None, STREAM)


@pytest.mark.parametrize("secret", [PresentedGrant(JWT, STREAM), WantedGrant("publish", "whip", key=KEY)])
def test_no_repr_shows_a_secret(secret: PresentedGrant | WantedGrant) -> None:
    """Neither a grant nor a stream key reaches a log by accident."""
    assert JWT not in repr(secret)
    assert KEY not in repr(secret)
