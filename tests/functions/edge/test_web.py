"""What every answer of the API carries: it is read as what it is called, and over https the host is https from then on."""

import pytest

from functions.edge.web import base_url
from functions.public.api.endpoint import ApiEndpoint
from functions.public.api.endpoints import ALL
from tests.functions.front import Front
from tests.functions.public.test_openapi import credentials, target
from tests.functions.world import World

OPERATIONS = {f"{one.method} {one.path}": one for one in ALL}
KNOWN = "Strict-Transport-Security"


@pytest.mark.parametrize("endpoint", OPERATIONS.values(), ids=OPERATIONS)
def test_every_answer_says_so(world: World, endpoint: ApiEndpoint) -> None:
    """Success, refusal, redirect and page alike: here mostly refusals, because the world is empty."""
    for secure in (True, False):
        front = Front(world, secure=secure)
        for token in (credentials(endpoint, "acct_" + "a" * 52), None):
            answer = front.ask(endpoint.method, target(endpoint), token=token)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers.get(KNOWN) == ("max-age=31536000" if secure else None), (
                "never over http: RFC 6797, 7.2"
            )


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nowhere"), ("OPTIONS", "/v1/account"), ("OPTIONS", "/whip"), ("PATCH", "/whip")]
)
def test_so_do_answers_to_what_is_no_operation(world: World, method: str, path: str) -> None:
    """Unknown addresses, preflights, methods that are not allowed."""
    answer = Front(world, secure=True).ask(method, path)

    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers[KNOWN] == "max-age=31536000"


@pytest.mark.parametrize(
    ("said", "scheme"),
    [
        ("https", "https"),
        ("HTTPS", "https"),
        ("https, http", "https"),
        ("http", "http"),
        ("gopher", "http"),
        (None, "http"),
    ],
)
def test_the_scheme_is_what_the_gateway_says(said: str | None, scheme: str) -> None:
    """One rule for the security fields and for the addresses that answers hold; what is no https is taken for http."""
    headers = {"host": "api.example.com"} | ({} if said is None else {"x-forwarded-proto": said})
    assert base_url(headers) == f"{scheme}://api.example.com"
