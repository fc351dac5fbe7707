"""Requests to the API: signed as AWS wants it (SigV4), sent over HTTP, answered by JSON or by a `Failure`."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from sluice.access import SignedApi
from sluice.failures import NOT_REACHABLE, NOT_UNDERSTOOD, REFUSED, Failure
from sluice.refusals import refusal_text, url_advice

TIMEOUT_SECONDS = 30
TIERS = "/v1/tiers"


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One request to the API."""

    method: str
    path: str
    """Below the operator's part (`/v1/admin/`); one that begins with a slash is below the API's own URL."""
    body: Mapping[str, Any] | None = None


Send = Callable[[ApiCall], Any]
"""Makes one request; the JSON of the answer, or a `Failure`."""


def send(call: ApiCall, api: SignedApi) -> Any:
    """Make one request to *api*; the JSON of the answer, or a `Failure`."""
    data = b"" if call.body is None else json.dumps(call.body).encode()
    url = api.api + (call.path if call.path.startswith("/") else f"/v1/admin/{call.path}")
    request = AWSRequest(call.method, url, data=data, headers={"Content-Type": "application/json"})
    SigV4Auth(api.credentials, "execute-api", api.region).add_auth(request)
    signed = urllib.request.Request(  # noqa: S310 - the operator names the API
        url, data=data or None, headers=dict(request.headers.items()), method=call.method
    )
    try:
        with urllib.request.urlopen(signed, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - likewise
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return Failure(refusal_text(error.code, error.read().decode(errors="replace"), api), REFUSED)
    except ValueError:
        return Failure(f"{api.api} answers, but not as Sluice's API does. {url_advice(api)}", REFUSED)
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        return Failure(f"{api.api} does not answer: {reason}. {url_advice(api)}", NOT_REACHABLE)


def send_all(call: ApiCall, send_one: Send) -> Any:
    """The whole answer to *call*: a list that comes in pages as one, and a deletion asked for until it is done."""
    answer = send_one(call)
    pages = [answer]
    while isinstance(pages[-1], dict) and pages[-1].get("next") is not None:
        pages.append(send_one(ApiCall("GET", f"{call.path}?after={urllib.parse.quote(pages[-1]['next'])}")))
    while isinstance(answer, dict) and answer.get("done") == "deleting":
        answer = send_one(call)
    if len(pages) == 1 or isinstance(pages[-1], Failure):
        return answer if len(pages) == 1 else pages[-1]
    return {"accounts": [account for page in pages for account in page["accounts"]], "next": None}


def unknown_tier(tier: str, send_one: Send) -> Failure | None:
    """Why *tier* cannot be given to an account: it is none of those that the API lists, or they cannot be had."""
    answer = send_one(ApiCall("GET", TIERS))
    if isinstance(answer, Failure):
        return answer
    names = [row["tier"] for row in answer.get("tiers", ())]
    if not names or tier in names:
        return None
    return Failure(f"There is no tier {tier}; the tiers are {', '.join(names)}.", NOT_UNDERSTOOD)
