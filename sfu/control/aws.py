"""Signs requests to AWS (SigV4) and sends them over one aiohttp session: all of AWS that a node needs.

botocore gives the signer and the credentials chain, and no client: loading its service models would double the memory of
a node. Credentials are looked up and renewed on a thread, because botocore does both by blocking HTTP; the event loop
carries media and never waits for them. No retries here: callers repeat themselves on their own schedule.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError
from yarl import URL


class AwsError(Exception):
    """A request did not get an answer, or could not be signed. The text is fit for a log."""


@dataclass(frozen=True, slots=True)
class AwsAnswer:
    """What a service of AWS answered: the HTTP status and the body."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status says that the service did what was asked."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return f"{self.status} {self.body[:300].decode(errors='replace')}".rstrip()


class AwsCredentials:
    """The credentials that botocore finds on this machine, asked for without blocking the event loop. *load* is `botocore.session.Session().get_credentials`, or a test's."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load
        self._chain: Any = None
        self._lock = asyncio.Lock()

    async def current(self) -> ReadOnlyCredentials:
        """Credentials that are valid now; raises `AwsError` when there are none."""
        # Not fifteen minutes from expiry: botocore answers from memory, and no thread is needed.
        if self._chain is not None and not self._due():
            return self._frozen()
        async with self._lock:
            try:
                return await asyncio.to_thread(self._renewed)
            except (BotoCoreError, RuntimeError) as error:
                raise AwsError(f"AWS credentials could not be renewed: {error}") from error

    def _renewed(self) -> ReadOnlyCredentials:
        if self._chain is None:
            self._chain = self._load()
        if self._chain is None:
            raise AwsError("no AWS credentials were found; set AWS_ACCESS_KEY_ID, or give the task or instance a role")
        return self._frozen()

    def _due(self) -> bool:
        # Static credentials have no such method: they never expire.
        refresh_needed = getattr(self._chain, "refresh_needed", None)
        return bool(refresh_needed and refresh_needed())

    def _frozen(self) -> ReadOnlyCredentials:
        frozen: ReadOnlyCredentials = self._chain.get_frozen_credentials()
        return frozen


class SignedHttp:
    """Signs POST requests for one region and sends them."""

    def __init__(self, session: aiohttp.ClientSession, credentials: AwsCredentials, region: str) -> None:
        self._session = session
        self._credentials = credentials
        self._region = region

    async def post(self, service: str, url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> AwsAnswer:  # noqa: ASYNC109  # aiohttp's own timeout closes the connection too
        """The answer of *service* at *url* within *timeout* seconds; raises `AwsError` when there is none."""
        request = AWSRequest(method="POST", url=url, data=body, headers=dict(headers))
        try:
            async with asyncio.timeout(timeout):
                SigV4Auth(await self._credentials.current(), service, self._region).add_auth(request)
                async with self._session.post(
                    # The signature covers the URL as it is written: yarl must not write it anew.
                    URL(url, encoded=True),
                    data=body,
                    headers=dict(request.headers.items()),
                    allow_redirects=False,
                ) as response:
                    return AwsAnswer(response.status, await response.read())
        except TimeoutError as error:
            raise AwsError(f"no answer within {timeout:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise AwsError(str(error) or type(error).__name__) from error


class PostsSigned(Protocol):
    """What sends signed requests: `SignedHttp`, or what a test has in its place."""

    async def post(self, service: str, url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> AwsAnswer:  # noqa: ASYNC109  # see SignedHttp.post
        """The answer of *service* at *url* within *timeout* seconds; raises `AwsError` when there is none."""
        ...


class SqsQueue:
    """One SQS queue, spoken to in the AWS JSON 1.0 protocol."""

    def __init__(self, http: PostsSigned, endpoint: str, queue_url: str) -> None:
        self._http = http
        self._endpoint = endpoint.rstrip("/") + "/"
        self._queue_url = queue_url

    async def send(self, text: str, timeout: float) -> None:  # noqa: ASYNC109  # see SignedHttp.post
        """Put *text* into the queue; raises `AwsError` unless the queue has it."""
        answer = await self._http.post(
            "sqs",
            self._endpoint,
            json.dumps({"QueueUrl": self._queue_url, "MessageBody": text}).encode(),
            {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"},
            timeout,
        )
        if not answer.ok:
            raise AwsError(f"the queue answered {answer}")
