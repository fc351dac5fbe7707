import json
from pathlib import Path

import pytest

from local.aws.events import BadAnswer, from_answer, to_event
from local.aws.http_messages import HttpRequest
from local.aws.resources import Route
from local.aws.routes import Match
from tests.local.builders import request

NOW = 1584039838.390
DEFAULT = Match(Route("ANY", "$default", "F", iam=False, timeout=30), {})


def test_an_event_is_what_aws_documents() -> None:
    """The documented example of payload format 2.0, with what differs locally: account, API and forwarded headers."""
    golden = json.loads((Path(__file__).parent / "golden_event.json").read_text())
    sent = HttpRequest(
        "POST",
        "/my/path?parameter1=value1&parameter1=value2&parameter2=value",
        [
            ("Host", "id.execute-api.us-east-1.amazonaws.com"),
            ("Cookie", "cookie1; cookie2"),
            ("Content-Type", "text/plain"),
            ("User-Agent", "agent"),
            ("Header1", "value1"),
            ("Header2", "value1"),
            ("header2", "value2"),
        ],
        b"Hello from Lambda",
        "192.0.2.1",
    )
    caller = golden["requestContext"]["authorizer"]["iam"]
    assert to_event(sent, DEFAULT, request_id="id", now=NOW, caller=caller) == golden


def test_what_a_request_lacks_its_event_lacks() -> None:
    """AWS leaves the optional members out; it does not send nulls."""
    event = to_event(request(), DEFAULT, request_id="id", now=NOW)
    assert not {"body", "cookies", "queryStringParameters", "pathParameters"} & set(event)
    assert "authorizer" not in event["requestContext"]


@pytest.mark.parametrize(
    ("content_type", "base64"),
    [
        ("application/sdp", True),
        ("application/trickle-ice-sdpfrag", True),
        ("application/octet-stream", True),
        ("application/x-www-form-urlencoded", True),
        ("application/json; charset=utf-8", False),
        ("application/problem+json", False),
        ("TEXT/PLAIN", False),
        (None, False),
    ],
)
def test_a_body_is_base64_unless_its_type_is_known_as_text(content_type: str | None, base64: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """An SDP offer arrives encoded."""
    headers = [("Content-Type", content_type)] if content_type else []
    event = to_event(request("POST", "/", *headers, body=b"v=0"), DEFAULT, request_id="id", now=NOW)
    assert (event["body"], event["isBase64Encoded"]) == (("dj0w", True) if base64 else ("v=0", False))


def test_bytes_that_are_no_text_are_base64_whatever_they_claim() -> None:
    """Nothing is lost on the way to the function."""
    sent = request("POST", "/", ("Content-Type", "text/plain"), body=b"\xff\x00")
    event = to_event(sent, DEFAULT, request_id="id", now=NOW)
    assert (event["body"], event["isBase64Encoded"]) == ("/wA=", True)


def test_a_function_sees_the_host_that_the_client_used() -> None:
    """Absolute URLs are built from it."""
    event = to_event(request(), DEFAULT, request_id="id", now=NOW)
    assert event["requestContext"]["domainName"] == "127.0.0.1:8080"
    assert event["headers"]["x-forwarded-port"] == "8080"


def test_paths_and_parameters_are_decoded() -> None:
    """API Gateway decodes both; the query as sent stays beside them."""
    event = to_event(request("GET", "/a%20b?x=%2F&y="), DEFAULT, request_id="id", now=NOW)
    assert (event["rawPath"], event["rawQueryString"]) == ("/a b", "x=%2F&y=")
    assert event["queryStringParameters"] == {"x": "/", "y": ""}


def test_an_answer_becomes_http() -> None:
    """Status, headers, cookies and a base64 body."""
    answer = {"statusCode": 307, "headers": {"Location": "/x", "N": 1}, "cookies": ["a=1", "b=2"], "body": "hi"}
    response = from_answer(json.dumps(answer).encode())
    assert response.status == 307
    assert response.body == b"hi"
    assert ("location", "/x") in response.headers
    assert [value for name, value in response.headers if name == "set-cookie"] == ["a=1", "b=2"]
    assert from_answer(b'{"statusCode": 200, "body": "AAEC", "isBase64Encoded": true}').body == b"\x00\x01\x02"


def test_an_answer_without_a_status_is_a_body() -> None:
    """Payload format 2.0 infers 200 and JSON."""
    response = from_answer(b'{"a": 1}')
    assert (response.status, response.body) == (200, b'{"a": 1}')
    assert from_answer(b'"text"').body == b"text"
    assert from_answer(b"null").body == b"null"


@pytest.mark.parametrize(
    "answer",
    [
        b"not json",
        b'{"statusCode": "x"}',
        b'{"statusCode": 99}',
        b'{"statusCode": 200, "body": {}}',
        b'{"statusCode": 200, "body": "*", "isBase64Encoded": true}',
    ],
)
def test_a_malformed_answer_is_named(answer: bytes) -> None:
    """The gateway makes a 500 of it and logs why."""
    with pytest.raises(BadAnswer):
        from_answer(answer)
