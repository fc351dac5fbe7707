"""Signatures of the API's routes for operators and nodes: botocore signs, and what anybody changes is refused."""

import hashlib
import time

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.aws.http_messages import HttpRequest
from local.aws.sigv4 import AccessKey, refusal
from tests.local.builders import CREDENTIALS


def signed(
    url: str = "/v1/nodes/a%20b/heartbeat?b=2&a=1&a=0&c", body: bytes = b"{}", region: str = "us-east-1"
) -> HttpRequest:
    """A request as botocore signs it."""
    request = AWSRequest(
        "POST", f"http://127.0.0.1:8080{url}", data=body, headers={"X-Thing": "a  b", "Content-Type": "t"}
    )
    SigV4Auth(Credentials(CREDENTIALS.access_key, CREDENTIALS.secret_key), "execute-api", region).add_auth(request)
    return HttpRequest("POST", url, [("Host", "127.0.0.1:8080"), *request.headers.items()], body, "127.0.0.1")


def test_what_botocore_signs_is_accepted() -> None:
    """With an encoded path, repeated and empty query parameters, and folded spaces in a header."""
    assert refusal(signed(), CREDENTIALS, time.time()) is None


def test_anything_else_is_refused_with_a_reason() -> None:
    """The reason is for the log only."""
    unsigned = HttpRequest("POST", "/", [("Host", "h")], b"", "")
    moved = signed("/x")
    moved = HttpRequest(moved.method, "/y", moved.headers, moved.body, "")
    for request, why in ((moved, "signature"), (unsigned, "no AWS4-HMAC-SHA256"), (signed(region="x"), "us-east-1")):
        assert why in str(refusal(request, CREDENTIALS, time.time()))


def test_a_changed_body_is_refused() -> None:
    """The body is signed too."""
    request = signed()
    changed = HttpRequest(request.method, request.target, request.headers, b'{"x":1}', "")
    assert refusal(changed, CREDENTIALS, time.time()) == "the signature does not match"


def test_another_secret_is_refused() -> None:
    """Knowing the access key's id is not enough."""
    assert refusal(signed(), AccessKey("LOCALTEST", "guess"), time.time()) == "the signature does not match"


def test_an_old_signature_is_refused() -> None:
    """A recorded request is worth nothing after five minutes."""
    assert "away from now" in str(refusal(signed(), CREDENTIALS, time.time() + 301))


def test_the_secret_is_not_in_the_representation() -> None:
    """Tracebacks and logs print representations."""
    assert CREDENTIALS.secret_key not in repr(CREDENTIALS)


def test_the_body_is_hashed_whatever_a_header_says_of_it() -> None:
    """Botocore's signer believes X-Amz-Content-SHA256: with a signed one that is wrong, any body would do."""
    body = b"{}"
    for said, expected in (
        (hashlib.sha256(body).hexdigest(), None),
        ("UNSIGNED-PAYLOAD", "the signature does not match"),
    ):
        request = AWSRequest("POST", "http://h/x", {"X-Amz-Content-SHA256": said}, body)
        SigV4Auth(Credentials(CREDENTIALS.access_key, CREDENTIALS.secret_key), "execute-api", "us-east-1").add_auth(
            request
        )
        received = HttpRequest("POST", "/x", [("Host", "h"), *request.headers.items()], body, "")

        assert refusal(received, CREDENTIALS, time.time()) == expected


def test_bytes_that_are_no_text_are_refused() -> None:
    """The HTTP server hands them on as surrogates, which no signer can have hashed."""
    request = signed()
    headers = [(name, "a\udcff" if name == "X-Thing" else value) for name, value in request.headers]
    broken = HttpRequest(request.method, request.target, headers, request.body, "")

    assert refusal(broken, CREDENTIALS, time.time()) == "its path or a signed header is not UTF-8"
