"""Checks AWS Signature Version 4 on a request, as API Gateway does for routes authorised by IAM.

Pure. One pair of credentials exists on one machine; botocore signs with it, this module checks. Left out: presigned
queries, session tokens and IAM policies (whoever holds the credentials may call every such route).
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from local.aws.events import Request

_SERVICE = "execute-api"
_MAX_SKEW = 300
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<signed>[^,\s]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The access key of this stack."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"


def refusal(request: Request, credentials: Credentials, now: float) -> str | None:
    """Why *request* is not signed by *credentials* at *now*, for the log; None when it is."""
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
    scope = f"{date[:8]}/{credentials.region}/{_SERVICE}/aws4_request"
    if match["credential"] != f"{credentials.access_key}/{scope}":
        return f"it is not signed for {scope} by this stack's access key"
    signed = match["signed"].split(";")
    if "host" not in signed:
        return "the host header is not signed"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, _sha256(_canonical(request, signed).encode())])
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    return None if hmac.compare_digest(key.hex(), match["signature"]) else "the signature does not match"


def _canonical(request: Request, signed: list[str]) -> str:
    query = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(request.raw_query, keep_blank_values=True)
    )
    return "\n".join(
        [
            request.method,
            quote(request.raw_path, safe="/-_.~"),  # for every service but S3 the encoded path is encoded again
            "&".join(f"{name}={value}" for name, value in query),
            *(f"{name}:{' '.join((request.header(name) or '').split())}" for name in signed),
            "",
            ";".join(signed),
            _sha256(request.body),
        ]
    )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
