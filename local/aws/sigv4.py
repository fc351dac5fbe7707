"""Checks AWS Signature Version 4 on a request, as API Gateway does for routes authorised by IAM.

Pure. The request is signed once more by botocore's signer, with the headers that its sender signed, and the two
signatures are compared. One access key exists on one machine. Left out: presigned queries, session tokens and IAM
policies (whoever holds the access key may call every such route).
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.aws.http_messages import HttpRequest

_SERVICE = "execute-api"
_MAX_SKEW = 300
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<signed>[^,\s]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """The AWS access key of a stack: whoever has it may call what IAM authorises, and use the emulator."""

    access_key: str
    """Its id, which is no secret."""
    secret_key: str = field(repr=False)
    region: str = "us-east-1"


def refusal(request: HttpRequest, key: AccessKey, now: float) -> str | None:
    """Why *request* is not signed by *key* at *now* (Unix seconds), for the log; None when it is."""
    match = _AUTHORIZATION.fullmatch(request.header("authorization") or "")
    if match is None:
        return "there is no AWS4-HMAC-SHA256 Authorization header"
    date = request.header("x-amz-date") or ""
    try:
        signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return "X-Amz-Date is missing or malformed"
    if abs(signed_at - now) > _MAX_SKEW:
        return f"it was signed {abs(signed_at - now):.0f} s away from now"
    scope = f"{date[:8]}/{key.region}/{_SERVICE}/aws4_request"
    if match["credential"] != f"{key.access_key}/{scope}":
        return f"it is not signed for {scope} by this stack's access key"
    signed = match["signed"].split(";")
    if "host" not in signed:
        return "the host header is not signed"
    try:
        expected = _signature(request, signed, key, date)
    except UnicodeEncodeError:
        return "its path or a signed header is not UTF-8"
    return None if hmac.compare_digest(expected, match["signature"]) else "the signature does not match"


def _signature(request: HttpRequest, signed: list[str], key: AccessKey, date: str) -> str:
    """The signature that *request* has if *key* signed it at *date* with the headers *signed*.

    Raises `UnicodeEncodeError` for a request that nobody can have signed.
    """
    headers = {name: request.header(name) or "" for name in signed}
    "".join([request.target, *headers.values()]).encode()  # botocore fails in less telling ways
    # botocore takes the word of this header for what the body's hash is. It may be signed, but it has to be true.
    if "x-amz-content-sha256" in headers:
        headers["x-amz-content-sha256"] = hashlib.sha256(request.body).hexdigest()
    again = AWSRequest(
        request.method,
        f"http://{_SERVICE}{request.raw_path}",
        headers,
        request.body,
        cast("Any", parse_qsl(request.raw_query, keep_blank_values=True)),  # pairs, because a name may come twice
    )
    again.context["timestamp"] = date
    signer = SigV4Auth(Credentials(key.access_key, key.secret_key), _SERVICE, key.region)
    text: str = signer.string_to_sign(again, signer.canonical_request(again))
    return str(signer.signature(text, again))
