"""Powertools' router as the page's and the owner's functions use it, and how models and refusals become its answers.

Admission does without a router for the sake of its cold start (`functions.web`); the headers are the same.
"""

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from pydantic import BaseModel

from functions.observability import Log
from functions.storage.dynamo import StoreUnavailableError
from functions.web import CORS, PREFLIGHT
from shared.refusals import Refused, not_found, unavailable

Answer = Response[str]


def text(body: str, content_type: str, headers: Mapping[str, str]) -> Answer:
    """A page, a script, a drawing; gzipped where the client takes it."""
    return Response(200, content_type, body, {**CORS, **headers}, compress=True)


def unchanged(headers: Mapping[str, str]) -> Answer:
    """The client has this version already."""
    return Response(304, None, "", {**CORS, **headers})


def reply(outcome: BaseModel | Refused, headers: Mapping[str, str] | None = None) -> Answer:
    """A model as JSON, not to be cached unless *headers* say so; or the refusal, as its registry says."""
    if isinstance(outcome, Refused):
        fields = outcome.headers()
        return Response(outcome.status, fields.pop("Content-Type"), outcome.json().decode(), {**CORS, **fields})
    fields = {**CORS, "Cache-Control": "no-store", **(headers or {})}
    return Response(200, "application/json", outcome.model_dump_json(), fields)


def router(log: Log, routes: Mapping[str, Callable[..., Answer]]) -> APIGatewayHttpResolver:
    """A router of GET *routes*; preflights, unknown addresses and a silent store are answered alike everywhere."""
    app = APIGatewayHttpResolver()

    def preflight() -> Answer:
        return Response(200, "text/plain", "", dict(PREFLIGHT))

    def unknown(_: Any) -> Answer:
        return reply(not_found())

    def silent(_: StoreUnavailableError) -> Answer:
        log.problem("the store did not answer")
        return reply(unavailable())

    for path, answer in routes.items():
        app.get(path)(answer)
    app.route(".+", method="OPTIONS")(preflight)
    app.not_found(unknown)
    app.exception_handler(StoreUnavailableError)(silent)
    return app
