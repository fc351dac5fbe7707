"""The HTTP front of the local stack: what API Gateway's HTTP API does between a client and a function.

Routes, authorisation and timeouts come from the template. Answers that are API Gateway's own have its bodies
(`{"message": …}`); everything else is the functions'. CORS, too, is theirs. Left out: throttling, stages, access
logs, and Lambda's 6 MB limit on an event (a body of 6 to 10 MB reaches the function here).
"""

import asyncio
import json
import re
import time
import uuid
from collections.abc import Mapping

from aiohttp import HttpVersion11, web

from local.aws.events import BadAnswer, from_answer, to_event
from local.aws.http_messages import HttpRequest, HttpResponse
from local.aws.intrinsics import ACCOUNT
from local.aws.resources import Template
from local.aws.routes import Match, Router
from local.aws.runtime import FailedInvocation, FunctionPool
from local.aws.sigv4 import AccessKey, refusal
from local.process.log import StackLog

_LARGEST_BODY = 10 << 20
_BODY_SECONDS = 10.0
_LINGERING_SECONDS = 1.0  # how long the rest of a refused body is read, so that the client gets to read the answer
_ABSOLUTE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_LONGEST_LINE = 32 << 10  # a stream key of 10 kB reaches the function, which answers it with the documented error


class ListenError(Exception):
    """The API cannot listen at *address*; *error* is the system's."""

    def __init__(self, address: str, error: OSError) -> None:
        super().__init__(f"{address}: {error}")
        self.address = address
        self.error = error


class Gateway:
    """The HTTP API of one stack: finds a request's route, checks its signature, and lets the function answer."""

    def __init__(
        self, template: Template, pools: Mapping[str, FunctionPool], credentials: AccessKey, log: StackLog
    ) -> None:
        self._router = Router(template.routes)
        self._pools = pools
        self._credentials = credentials
        self._log = log
        self._runner = web.ServerRunner(
            web.Server(
                self._handle,
                access_log=None,
                max_line_size=_LONGEST_LINE,
                max_field_size=_LONGEST_LINE,
                auto_decompress=False,
                lingering_time=_LINGERING_SECONDS,
            ),
            shutdown_timeout=1,
        )

    async def start(self, addresses: list[str], port: int) -> None:
        """Listen on *port* of each of *addresses*; raises `ListenError`, which names the address that refused."""
        await self._runner.setup()
        for address in addresses:
            try:
                await web.TCPSite(self._runner, address, port).start()
            except OSError as error:
                raise ListenError(address, error) from error

    async def stop(self) -> None:
        """Stop listening; requests under way have a second to end."""
        await self._runner.cleanup()

    async def _handle(self, http: web.BaseRequest) -> web.StreamResponse:
        identity = str(uuid.uuid4())
        try:
            body = await _read(http)
        except TimeoutError:
            return _message(408, "Request Timeout", identity, close=True)
        if body is None:
            return _message(413, "Request Entity Too Large", identity, close=True)
        request = HttpRequest(
            method=http.method,
            target=_origin_form(http.raw_path),
            headers=[(name, value) for name, value in http.headers.items()],
            body=body,
            source_ip=http.remote or "",
            protocol=f"HTTP/{http.version.major}.{http.version.minor}",
        )
        response = await self.answer(request, identity)
        answer = web.Response(status=response.status, body=response.body)
        # The length of an answer to HEAD is that of the body that a GET would get.
        ours = {"transfer-encoding", "connection"} | (set() if http.method == "HEAD" else {"content-length"})
        for name, value in response.headers:
            if name not in ours:
                answer.headers.add(name, value)
        answer.headers["apigw-requestid"] = identity
        return answer

    async def answer(self, request: HttpRequest, identity: str) -> HttpResponse:
        """The answer to *request*, whose id in logs and events is *identity*: the function's, or API Gateway's own."""
        match = self._router.match(request.method, request.raw_path)
        if match is None:
            return _own(404, "Not Found")
        now = time.time()
        caller = None
        if match.route.iam:
            reason = refusal(request, self._credentials, now)
            if reason is not None:
                self._log.write("gateway", f"403 {match.route.key}: {reason}")
                return _own(403, "Forbidden")
            caller = _caller(self._credentials)
        event = to_event(request, match, request_id=identity, now=now, caller=caller)
        try:
            outcome = await self._pools[match.route.function].invoke(event, within=match.route.timeout)
        except TimeoutError:
            self._log.write("gateway", f"503 {match.route.key}: no answer within {match.route.timeout:g} s")
            return _own(503, "Service Unavailable")
        return self._result(match, outcome)

    def _result(self, match: Match, outcome: bytes | FailedInvocation) -> HttpResponse:
        try:
            if not isinstance(outcome, FailedInvocation):
                return from_answer(outcome)
            reason = outcome.reason
        except BadAnswer as error:
            reason = str(error)
        self._log.write("gateway", f"500 {match.route.key}: {match.route.function}: {reason}")
        return _own(500, "Internal Server Error")


async def _read(http: web.BaseRequest) -> bytes | None:
    """The body, or None where it is too large; TimeoutError where it does not end."""
    if http.content_length is not None and http.content_length > _LARGEST_BODY:
        return None
    if http.version >= HttpVersion11 and http.headers.get("Expect", "").strip().lower() == "100-continue":
        # curl waits a second for it, and libraries that some encoders are built with wait for as long as one lets them.
        await http.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        http.writer.output_size = 0  # the interim response is no part of the answer
    body = bytearray()
    async with asyncio.timeout(_BODY_SECONDS):
        while chunk := await http.content.readany():
            body += chunk
            if len(body) > _LARGEST_BODY:
                return None
    return bytes(body)


def _origin_form(target: str) -> str:
    """Path and query alone. A client that takes us for a proxy sends the whole URL, which we must accept (RFC 9112, 3.2.2)."""
    whole = _ABSOLUTE.match(target)
    return "/" + target[whole.end() :].removeprefix("/") if whole else target


def _caller(credentials: AccessKey) -> dict[str, str | None]:
    return {
        "accessKey": credentials.access_key,
        "accountId": ACCOUNT,
        "callerId": credentials.access_key,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": f"arn:aws:iam::{ACCOUNT}:user/local",
        "userId": credentials.access_key,
    }


def _own(status: int, message: str) -> HttpResponse:
    return HttpResponse(status, [("content-type", "application/json")], json.dumps({"message": message}).encode())


def _message(status: int, message: str, identity: str, *, close: bool) -> web.Response:
    own = _own(status, message)
    answer = web.Response(status=status, body=own.body, content_type="application/json")
    answer.headers["apigw-requestid"] = identity
    if close:
        answer.force_close()
    return answer
