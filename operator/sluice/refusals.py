"""What an answer of the API that is no success tells the operator, and what he can do about it."""

import json
import urllib.parse
from typing import Any

from sluice.access import NAMED_BY_URL, SignedApi


def refusal_text(status: int, body: str, api: SignedApi) -> str:
    """The API's own refusal (`CODE: sentence`), or, where AWS answered before it, what can be wrong and what to do."""
    fields = _object(body)
    if isinstance(fields.get("code"), str) and isinstance(fields.get("error"), str):
        return f"{fields['code']}: {fields['error']}"
    said = str(fields.get("message") or fields.get("Message") or body[:300]).strip()
    if status == 403:
        return _forbidden(said, api)
    if status == 404:
        return f"404: there is no operator's API at {api.api}. {url_advice(api)}"
    return f"{api.api} answered {status}: {said}"


def url_advice(api: SignedApi) -> str:
    """How to name another API than this one."""
    host = urllib.parse.urlsplit(api.api).hostname or ""
    if host in {"localhost", "127.0.0.1", "::1"}:
        return "For the stack of `make up` leave --api out: it has an access key of its own, in .local/credentials."
    return "Name the right one with --api, --in STACK or SLUICE_API_URL."


def _forbidden(said: str, api: SignedApi) -> str:
    """API Gateway's 403: the cause that its words name, else every cause that it can have."""
    message = said.lower()
    region = (
        f"region: signed for {api.region} ({api.region_from}). The API's own is in its URL or on API Gateway's console;"
        " name it with --region or AWS_REGION"
    )
    credentials = (
        f"credentials: signed by the access key {api.credentials.access_key}. Whose it is says: aws sts"
        " get-caller-identity. It needs execute-api:Invoke on /v1/admin/*; others are chosen with AWS_PROFILE"
    )
    url = f"URL: {api.api}. {url_advice(api)[:-1]}"
    if "scoped to" in message or "region" in message:
        causes = [region]
    elif "signature expired" in message or "not yet current" in message:
        causes = ["clock: this machine's time is wrong by minutes; set it right"]
    elif "missing authentication token" in message:
        causes = [url]
    elif any(word in message for word in ("security token", "signature", "not authorized", "denied", "deny")):
        causes = [credentials]
    else:
        causes = [*([] if api.region_from == NAMED_BY_URL else [region]), credentials, url]
    return "\n".join(
        [f"403 {said or 'Forbidden'}: the API did not take the request's signature.", *(f"- {one}." for one in causes)]
    )


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
