"""Routes as a table: each method of a path with what answers it, for the functions that use Powertools' router.

What answers a route gets the request and returns a model or a refusal; how either becomes HTTP is `answers`' affair.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from pydantic import BaseModel

from functions.edge import answers
from functions.edge.validation import parsed
from functions.edge.web import base_url
from shared.refusals import Refused

M = TypeVar("M", bound=BaseModel)

RouteOutcome: TypeAlias = BaseModel | Refused
"""What a route says: a reply, or why there is none."""


@dataclass(frozen=True, slots=True)
class RoutedRequest:
    """One request as a route gets it."""

    event: Mapping[str, Any]
    """The payload-2.0 event."""
    path: Mapping[str, str]
    """The variables of the path, by the names that the route gives them."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case names."""

    @property
    def authorization(self) -> str | None:
        """The `Authorization` field as it was sent; None where there is none."""
        return self.headers.get("authorization")

    @property
    def base(self) -> str:
        """The address that the client reached the API under, for example `https://api.example.com`."""
        return base_url(self.headers)

    def body(self, kind: type[M]) -> M | Refused:
        """The body as *kind*, or what is wrong with it. A body that is not there is an empty object."""
        return parsed(kind, self.event, empty="{}")


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """One method of one path."""

    method: str
    path: str
    """A variable stands in angle brackets: `/v1/account/keys/<stream>`."""
    act: Callable[[RoutedRequest], RouteOutcome]
    status: int = 200
    """Of the answer where it is no refusal."""
    headers: Mapping[str, str] | None = None
    """Of the same answer, beside those that every answer has."""


def with_body(
    kind: type[M], act: Callable[[RoutedRequest, M], RouteOutcome]
) -> Callable[[RoutedRequest], RouteOutcome]:
    """What a route does that takes a body of *kind*: refuse what is none, or *act* on it."""

    def take(request: RoutedRequest) -> RouteOutcome:
        body = request.body(kind)
        return body if isinstance(body, Refused) else act(request, body)

    return take


def register(app: APIGatewayHttpResolver, routes: Iterable[ApiRoute]) -> None:
    """Have *app* answer each of *routes*, a refusal under its own status."""
    for route in routes:
        app.route(route.path, route.method)(_answering(app, route))


def _answering(app: APIGatewayHttpResolver, route: ApiRoute) -> Callable[..., answers.Answer]:
    def answer(**parameters: str) -> answers.Answer:
        event = app.current_event
        request = RoutedRequest(event.raw_event, parameters, event.query_string_parameters, event.headers)
        outcome = route.act(request)
        if isinstance(outcome, Refused):
            return answers.refusal(outcome)
        return answers.model(outcome, route.headers, route.status)

    return answer
