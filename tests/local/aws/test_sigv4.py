import time

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Signer

from local.aws.events import Request
from local.aws.sigv4 import Credentials, refusal
from tests.local.builders import CREDENTIALS


def signed(
    url: str = "/v1/nodes/a%20b/heartbeat?b=2&a=1&a=0&c", body: bytes = b"{}", region: str = "us-east-1"
) -> Request:
    """A request as botocore signs it."""
    request = AWSRequest(
        "POST", f"http://127.0.0.1:8080{url}", data=body, headers={"X-Thing": "a  b", "Content-Type": "t"}
    )
    SigV4Auth(Signer(CREDENTIALS.access_key, CREDENTIALS.secret_key), "execute-api", region).add_auth(request)
    return Request("POST", url, [("Host", "127.0.0.1:8080"), *request.headers.items()], body, "127.0.0.1")


def test_what_botocore_signs_is_accepted() -> None:
    """With an encoded path, repeated and empty query parameters, and folded spaces in a header."""
    assert refusal(signed(), CREDENTIALS, time.time()) is None


def test_anything_else_is_refused_with_a_reason() -> None:
    """The reason is for the log only."""
    unsigned = Request("POST", "/", [("Host", "h")], b"", "")
    moved = signed("/x")
    moved = Request(moved.method, "/y", moved.headers, moved.body, "")
    for request, why in ((moved, "signature"), (unsigned, "no AWS4-HMAC-SHA256"), (signed(region="x"), "us-east-1")):
        assert why in str(refusal(request, CREDENTIALS, time.time()))


def test_a_changed_body_is_refused() -> None:
    """The body is signed too."""
    request = signed()
    changed = Request(request.method, request.target, request.headers, b'{"x":1}', "")
    assert refusal(changed, CREDENTIALS, time.time()) == "the signature does not match"


def test_another_secret_is_refused() -> None:
    """Knowing the access key's id is not enough."""
    assert refusal(signed(), Credentials("LOCALTEST", "guess"), time.time()) == "the signature does not match"


def test_an_old_signature_is_refused() -> None:
    """A recorded request is worth nothing after five minutes."""
    assert "away from now" in str(refusal(signed(), CREDENTIALS, time.time() + 301))


def test_the_secret_is_not_in_the_representation() -> None:
    """Tracebacks and logs print representations."""
    assert CREDENTIALS.secret_key not in repr(CREDENTIALS)
