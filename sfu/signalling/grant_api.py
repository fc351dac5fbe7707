"""Asks the API for a grant on behalf of a client that came straight to the node.

The API decides; its refusals are handed on as they are, status and body. Where it does not answer in time, or answers
something that is neither, the client is told to come again: sessions that are running do not depend on it.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

import aiohttp

from sfu.signalling.wanted_grant import ApiRefusal, Granted, WantedGrant
from shared.refusals import Refused, unavailable

log = logging.getLogger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=6, connect=3)
"""OBS gives the whole POST 8 s, redirects included."""
MAX_IN_FLIGHT = 200
MAX_ANSWER_BYTES = 16 * 1024
_HANDED_ON = ("Content-Type", "Retry-After", "WWW-Authenticate", "Accept-Post")


class GrantApi:
    """The client of `POST {api}/v1/grants`; satisfies `sfu.signalling.dependencies.GrantSource`."""

    def __init__(self, session: aiohttp.ClientSession, api_url: str, node_id: str) -> None:
        self._session = session
        self._url = f"{api_url.rstrip('/')}/v1/grants"
        self._node_id = node_id
        self._in_flight = 0

    async def __call__(self, wanted: WantedGrant) -> Granted | ApiRefusal | Refused:
        """The API's grant or refusal; `UNAVAILABLE` where it does not answer, or too many requests are under way."""
        if self._in_flight >= MAX_IN_FLIGHT:
            return unavailable()
        self._in_flight += 1
        try:
            async with self._session.post(
                self._url, json=self._request(wanted), timeout=TIMEOUT, allow_redirects=False
            ) as response:
                body = await response.content.read(MAX_ANSWER_BYTES)
                while (more := await response.content.read(MAX_ANSWER_BYTES)) and len(body) <= MAX_ANSWER_BYTES:
                    body += more
                return _outcome(response.status, body, response.headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The type alone: a message could hold the URL, which is harmless today and need not stay so.
            log.warning("the API does not answer requests for grants: %s", type(error).__name__)
            return unavailable()
        finally:
            self._in_flight -= 1

    def _request(self, wanted: WantedGrant) -> dict[str, Any]:
        subject = {"key": wanted.key} if wanted.key is not None else {"stream": wanted.stream}
        return {
            **subject,
            "action": wanted.action,
            "protocol": wanted.protocol,
            "force": wanted.force,
            "wait": wanted.wait,
            "region": wanted.region,
            "node": self._node_id,
        }


def _outcome(status: int, body: bytes, headers: Mapping[str, str]) -> Granted | ApiRefusal | Refused:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        return _not_understood(status)
    if status == 201:
        return _granted(answer) or _not_understood(status)
    if 400 <= status < 600 and isinstance(answer.get("code"), str):
        return ApiRefusal(status, body, {name: headers[name] for name in _HANDED_ON if name in headers})
    return _not_understood(status)


def _granted(answer: Mapping[str, Any]) -> Granted | None:
    grant, url, node = answer.get("grant"), answer.get("url"), answer.get("node")
    if not (isinstance(grant, str) and isinstance(url, str) and isinstance(node, str)):
        return None
    segments = url.split("/")
    return Granted(grant, url, node, segments[-2]) if len(segments) >= 2 else None


def _not_understood(status: int) -> Refused:
    log.warning("the API answered a request for a grant with something else", extra={"status": status})
    return unavailable()
