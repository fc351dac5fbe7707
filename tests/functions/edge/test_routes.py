"""A table of routes over Powertools' router: what an act gets of a request, and what becomes of what it says."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from aws_lambda_powertools import Logger
from pydantic import BaseModel, ConfigDict

from functions.edge import answers
from functions.edge.routes import ApiRoute, RoutedRequest, RouteOutcome, register, with_body
from shared.refusals import not_found

CONTEXT: Any = SimpleNamespace(
    function_name="test", memory_limit_in_mb=128, invoked_function_arn="arn:test", aws_request_id="test"
)


class Wish(BaseModel):
    """A body with one field, and no others."""

    model_config = ConfigDict(extra="forbid", strict=True)

    colour: str = "red"


def ask(act: Callable[[RoutedRequest], RouteOutcome], body: str | None = None) -> dict[str, Any]:
    """What POST /v1/things/one answers where *act* does."""
    app = answers.resolver(Logger(service="test"))
    register(app, [ApiRoute("POST", "/v1/things/<thing>", act, 201, {"X-Own": "1"})])
    event = {
        "version": "2.0",
        "rawPath": "/v1/things/one",
        "requestContext": {"http": {"method": "POST"}, "stage": "$default"},
        "queryStringParameters": {"at": "5"},
        "headers": {"host": "api.example.com", "x-forwarded-proto": "https", "authorization": "Bearer x"},
        **({} if body is None else {"body": body}),
    }
    return app.resolve(event, CONTEXT)


def test_an_act_gets_path_query_and_headers() -> None:
    """And its model is the body, under the route's own status and headers beside those of every answer."""

    def act(request: RoutedRequest) -> Wish:
        return Wish(colour=f"{request.path['thing']} {request.query.get('at')} {request.authorization} {request.base}")

    said = ask(act)

    assert (said["statusCode"], json.loads(said["body"])) == (
        201,
        {"colour": "one 5 Bearer x https://api.example.com"},
    )
    assert said["headers"]["X-Own"] == "1"
    assert said["headers"]["Access-Control-Allow-Origin"] == "*"


def test_a_refusal_has_its_own_status() -> None:
    """Whatever the route's is, and none of the route's headers."""
    said = ask(lambda _: not_found())

    assert (said["statusCode"], json.loads(said["body"])["code"]) == (404, "NOT_FOUND")
    assert "X-Own" not in said["headers"]


def test_a_body_is_read_before_the_act() -> None:
    """None is as good as an empty object; what does not fit is refused by the field's name."""
    act = with_body(Wish, lambda _, wish: wish)

    assert json.loads(ask(act)["body"]) == {"colour": "red"}
    assert json.loads(ask(act, '{"colour": "blue"}')["body"]) == {"colour": "blue"}
    refused = json.loads(ask(act, '{"color": "blue"}')["body"])
    assert (refused["code"], refused["field"]) == ("INVALID_REQUEST", "color")
