"""Translates between HTTP and Lambda's payload format 2.0, as API Gateway does: a request into an event, an answer back.

Pure. Held to AWS's documented example by a golden test. Duplicate headers and query parameters are joined with
commas, cookies stand apart, `rawPath` is decoded, and a body of any type that is not known as text is base64.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from local.aws.http_messages import HttpRequest, HttpResponse
from local.aws.intrinsics import ACCOUNT
from local.aws.routes import Match

_TEXT_TYPES = {"application/json", "application/javascript", "application/xml"}


class BadAnswer(ValueError):  # noqa: N818  # named for what it is: the function's answer
    """What a function answered is no HTTP response; API Gateway answers 500 instead, and the text says what was wrong."""


def to_event(
    request: HttpRequest, match: Match, *, request_id: str, now: float, caller: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The event that a function gets for *request* at *now* (Unix seconds); *caller* is who signed it, on a route of IAM's."""
    host = request.header("host") or ""
    context: dict[str, Any] = {
        "accountId": ACCOUNT,
        "apiId": "local",
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "http": {
            "method": request.method,
            "path": unquote(request.raw_path),
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent") or "",
        },
        "requestId": request_id,
        "routeKey": match.route.key,
        "stage": "$default",
        "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S %z"),
        "timeEpoch": int(now * 1000),
    }
    if caller is not None:
        context["authorizer"] = {"iam": dict(caller)}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": match.route.key,
        "rawPath": unquote(request.raw_path),
        "rawQueryString": request.raw_query,
        "headers": _headers(request, host),
        "requestContext": context,
        "isBase64Encoded": False,
    }
    optional = {
        "cookies": [part for cookie in (request.header("cookie") or "").split(";") if (part := cookie.strip())],
        "queryStringParameters": _joined(parse_qsl(request.raw_query, keep_blank_values=True)),
        "pathParameters": dict(match.parameters),
    }
    event |= {name: value for name, value in optional.items() if value}
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request.header("content-type"), request.body)
    return event


def from_answer(payload: bytes) -> HttpResponse:
    """The HTTP answer for what a function returned; without a `statusCode`, all of it is the body. Raises `BadAnswer`."""
    try:
        answer = json.loads(payload)
    except ValueError as error:
        raise BadAnswer("the function's answer is not JSON") from error
    if not isinstance(answer, dict) or "statusCode" not in answer:
        whole = answer if isinstance(answer, str) else json.dumps(answer)
        return HttpResponse(200, [("content-type", "application/json")], whole.encode())
    try:
        status = int(answer["statusCode"])
        text = "" if answer.get("body") is None else answer["body"]
        body = base64.b64decode(text, validate=True) if answer.get("isBase64Encoded") else text.encode()
        headers = [(str(name).lower(), _plain(value)) for name, value in (answer.get("headers") or {}).items()]
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise BadAnswer(f"the function's answer is malformed: {error}") from error
    if not 100 <= status <= 599:
        raise BadAnswer(f"the function answered status {status}")
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "application/json"))
    headers += [("set-cookie", str(cookie)) for cookie in answer.get("cookies") or []]
    return HttpResponse(status, headers, body)


def _headers(request: HttpRequest, host: str) -> dict[str, str]:
    sent = _joined((name.lower(), value.strip()) for name, value in request.headers)
    sent.pop("cookie", None)
    _, _, port = host.rpartition(":")
    return sent | {
        "x-forwarded-for": _joined_for(sent.get("x-forwarded-for"), request.source_ip),
        "x-forwarded-port": port if port.isdigit() else "80",
        "x-forwarded-proto": "http",
    }


def _joined_for(before: str | None, address: str) -> str:
    return f"{before}, {address}" if before else address


def _joined(pairs: Any) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _body(content_type: str | None, body: bytes) -> tuple[str, bool]:
    kind = (content_type or "text/plain").partition(";")[0].strip().lower()
    if kind.startswith("text/") or kind in _TEXT_TYPES or kind.endswith(("+json", "+xml")):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass  # not the text that its type promises: it has to travel as bytes
    return base64.b64encode(body).decode(), True


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
