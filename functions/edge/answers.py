"""HTTP answers of the control plane: CORS on every one of them, refusals as the registry words them.

The one place where a `Refused` or a model becomes a Lambda response; what is refused, and why, is decided elsewhere.
"""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from pydantic import BaseModel

from functions.edge.decisions import UNDECIDED
from functions.edge.web import CORS as CORS  # noqa: PLC0414 - handlers of the other functions take it from here
from functions.edge.web import PREFLIGHT, transport
from shared.refusals import Refused, not_found, unavailable

Answer = Response[str]


def text(body: str, content_type: str, headers: Mapping[str, str] | None = None, status: int = 200) -> Answer:
    """A page, a script, a drawing; gzipped where the client takes it."""
    return Response(status, content_type, body, {**CORS, **(headers or {})}, compress=True)


def unchanged(headers: Mapping[str, str]) -> Answer:
    """The client has this version already."""
    return Response(304, None, "", {**CORS, **headers})


def model(body: BaseModel, headers: Mapping[str, str] | None = None, status: int = 200) -> Answer:
    """A model as JSON; not to be cached unless *headers* say so."""
    fields = {**CORS, "Cache-Control": "no-store", **(headers or {})}
    return Response(status, "application/json", body.model_dump_json(), fields)


def refusal(refused: Refused) -> Answer:
    """A refusal, with its status, body and headers."""
    fields = refused.headers()
    return Response(refused.status, fields.pop("Content-Type"), refused.json().decode(), {**CORS, **fields})


class ApiResolver(APIGatewayHttpResolver):
    """Powertools' router: HEAD is GET without the body, and every answer carries what the way of its request asks for."""

    def resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """The payload-2.0 response to *event*; HEAD by RFC 9110, section 9.3.2."""
        http = event["requestContext"]["http"]
        head = http["method"] == "HEAD"
        asked = (
            {**event, "requestContext": {**event["requestContext"], "http": {**http, "method": "GET"}}}
            if head
            else event
        )
        said: dict[str, Any] = super().resolve(asked, context)
        fields = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
        said = {**said, "headers": {**transport(fields), **(said.get("headers") or {})}}
        if (
            not head or said["statusCode"] == 304
        ):  # without a body already, and its length would be told as that of the page
            return said
        body = said.get("body") or ""
        length = len(b64decode(body)) if said.get("isBase64Encoded") else len(body.encode())
        headers = {**said["headers"], "Content-Length": str(length)}
        return {**said, "headers": headers, "body": "", "isBase64Encoded": False}


def resolver(logger: Logger) -> APIGatewayHttpResolver:
    """A router of payload-2.0 events: preflights, unknown addresses and a silent store are answered alike everywhere."""
    app = ApiResolver()

    def preflight() -> Answer:
        return Response(200, "text/plain", "", dict(PREFLIGHT))

    def unknown(_: Any) -> Answer:
        return refusal(not_found())

    def silent(error: Exception) -> Answer:
        logger.warning("cannot decide", extra={"reason": str(error)})
        return refusal(unavailable())

    app.route(".+", method="OPTIONS")(preflight)
    app.not_found(unknown)
    app.exception_handler(list(UNDECIDED))(silent)
    return app
