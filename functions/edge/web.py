"""Requests and answers of admission: payload-2.0 events in and out, and nothing that takes time to import.

API Gateway has routed already (`routeKey`), so admission dispatches on that and needs no router; the other functions
use Powertools' (`functions.edge.answers`). The headers that every answer carries are here for both.
"""

import json
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.cors import EVERY_ANSWER, OPTIONS_ANSWER
from shared.offers import SDP
from shared.refusals import Refused

CORS: Mapping[str, str] = EVERY_ANSWER
PREFLIGHT: Mapping[str, str] = {**CORS, **OPTIONS_ANSWER}

HSTS = "max-age=31536000"
"""A year of https alone for this host; its subdomains and browsers' built-in lists are the owner's to decide."""


def scheme_of(headers: Mapping[str, str]) -> str:
    """`https` where the client came by it, which API Gateway always says; `http` otherwise, as on one machine.

    *headers* have names in lower case. Of a list, the first entry is what the client used.
    """
    said = headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return "https" if said == "https" else "http"


def base_url(headers: Mapping[str, str]) -> str:
    """The address by which the client of a request with *headers* reached us, without a path."""
    return f"{scheme_of(headers)}://{headers.get('host', '')}"


def transport(headers: Mapping[str, str]) -> dict[str, str]:
    """The fields that every answer to a request with *headers* carries, whatever it is about.

    `nosniff`: what we call JSON is nothing else. Strict-Transport-Security: only where the request came by https, which
    API Gateway says; over http it must not be sent (RFC 6797, section 7.2), and a stack on one machine speaks http.
    """
    secure = scheme_of(headers) == "https"
    return {"X-Content-Type-Options": "nosniff", **({"Strict-Transport-Security": HSTS} if secure else {})}


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One HTTP request, as API Gateway handed it over."""

    method: str
    route: str
    """API Gateway's route key, for example `ANY /{id}/whip`."""
    path: str
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)
    address: str = ""
    """The client's address, as API Gateway saw it."""
    request_id: str = ""

    @property
    def bearer(self) -> str:
        """The token of `Authorization: Bearer …`, or nothing. The scheme is compared without regard to case."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def flag(self, name: str) -> bool | None:
        """Whether the query sets *name*: `?force`, `?force=1` and `?force=true` do. None where it says neither."""
        said = self.query.get(name, "0").lower()
        return True if said in {"", "1", "true", "yes"} else False if said in {"0", "false", "no"} else None


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """One HTTP answer, before it becomes a Lambda response."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def to(self, request: ApiRequest) -> "ApiAnswer":
        """This answer with what every answer to *request* carries."""
        return replace(self, headers={**transport(request.headers), **self.headers})

    def event(self) -> dict[str, Any]:
        """The payload-2.0 response. A body is always there: not every gateway takes an answer without one."""
        headers = {**CORS, "Cache-Control": "no-store", **self.headers}
        return {"statusCode": self.status, "headers": headers, "body": self.body, "isBase64Encoded": False}


def request_of(event: Mapping[str, Any]) -> ApiRequest:
    """The request that a payload-2.0 event describes."""
    context = event["requestContext"]
    body = event.get("body") or ""
    return ApiRequest(
        method=context["http"]["method"],
        route=event.get("routeKey", ""),
        path=event.get("rawPath", ""),
        parameters=event.get("pathParameters") or {},
        query=event.get("queryStringParameters") or {},
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=_decoded(body) if event.get("isBase64Encoded") else body.encode(),
        address=context["http"].get("sourceIp", ""),
        request_id=context.get("requestId", ""),
    )


def refusal(refused: Refused) -> ApiAnswer:
    """A refusal, with its status, body and headers."""
    return ApiAnswer(refused.status, refused.headers(), refused.json().decode())


def as_json(status: int, body: Mapping[str, Any]) -> ApiAnswer:
    """An answer with a JSON object as its body."""
    return ApiAnswer(status, {"Content-Type": "application/json"}, json.dumps(body))


def preflight() -> ApiAnswer:
    """The answer to OPTIONS: 200, because MediaMTX's Go client takes 200 or 204 only."""
    return ApiAnswer(200, {**PREFLIGHT, "Accept-Post": SDP})


def _decoded(body: str) -> bytes:
    try:
        return b64decode(body)
    except Base64Error:
        return b""
