"""Requests are signed as AWS checks them, over real HTTP, and credentials never hold up the loop."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from botocore.credentials import Credentials as Static
from botocore.credentials import RefreshableCredentials

from sfu.control.aws import AwsCredentials, AwsError, SignedHttp, SqsQueue
from tests.sfu.fake_control import ACCESS_KEY, REGION, SECRET_KEY, FakeControl, fake_control


@pytest.fixture
async def control() -> AsyncIterator[FakeControl]:
    """A control plane that checks signatures."""
    async with fake_control() as control:
        yield control


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """The client session of a node."""
    async with aiohttp.ClientSession() as session:
        yield session


def _static(secret_key: str = SECRET_KEY, token: str | None = None) -> AwsCredentials:
    return AwsCredentials(lambda: Static(ACCESS_KEY, secret_key, token))


async def _beat(
    http: aiohttp.ClientSession,
    control: FakeControl,
    credentials: AwsCredentials,
    timeout: float = 5,  # noqa: ASYNC109  # handed on
) -> int:
    url = f"{control.url}/v1/nodes/node1/heartbeat"
    signed = SignedHttp(http, credentials, REGION)
    answer = await signed.post("execute-api", url, b'{"done":[]}', {"Content-Type": "application/json"}, timeout)
    return answer.status


@pytest.mark.parametrize("token", [None, "a/session+token=="])
async def test_a_signature_is_the_one_that_botocore_computes(
    control: FakeControl, http: aiohttp.ClientSession, token: str | None
) -> None:
    """Long-lived keys and a role's session tokens are both signed right."""
    assert await _beat(http, control, _static(token=token)) == 200
    assert control.refused == []


async def test_a_wrong_secret_is_refused(control: FakeControl, http: aiohttp.ClientSession) -> None:
    """The server of these tests really looks at signatures."""
    assert await _beat(http, control, _static("wrong")) == 403


async def test_a_message_reaches_the_queue_in_the_json_protocol(
    control: FakeControl, http: aiohttp.ClientSession
) -> None:
    """SendMessage with the queue's URL and the body as it is."""
    queue = SqsQueue(SignedHttp(http, _static(), REGION), control.url, control.queue_url)
    await queue.send(json.dumps({"entries": [], "text": "Grüße ☃"}), 5)
    assert control.usage == [{"entries": [], "text": "Grüße ☃"}]


async def test_a_refusal_of_the_queue_is_an_error(control: FakeControl, http: aiohttp.ClientSession) -> None:
    """Only a 2xx means that the queue has it."""
    queue = SqsQueue(SignedHttp(http, _static("wrong"), REGION), control.url, control.queue_url)
    with pytest.raises(AwsError, match="403"):
        await queue.send("{}", 5)


async def test_no_answer_in_time_is_an_error(control: FakeControl, http: aiohttp.ClientSession) -> None:
    """A server that hangs is left after the time limit."""
    control.gate.clear()
    with pytest.raises(AwsError, match=r"no answer within 0\.05 s"):
        await _beat(http, control, _static(), 0.05)
    control.gate.set()


async def test_a_server_that_is_away_is_an_error(control: FakeControl, http: aiohttp.ClientSession) -> None:
    """A refused connection is an answer too."""
    control.port = 1
    with pytest.raises(AwsError):
        await _beat(http, control, _static())


async def test_no_credentials_are_an_error_that_says_what_to_do(
    control: FakeControl, http: aiohttp.ClientSession
) -> None:
    """Botocore's chain of credentials found nothing."""
    with pytest.raises(AwsError, match="AWS_ACCESS_KEY_ID"):
        await _beat(http, control, AwsCredentials(lambda: None))


async def test_a_slow_renewal_of_credentials_does_not_hold_up_the_loop() -> None:
    """Botocore renews by blocking HTTP; that happens on another thread."""
    asked, answer = threading.Event(), threading.Event()

    def renew() -> dict[str, Any]:
        asked.set()
        assert answer.wait(5)
        expiry = (datetime.now(UTC) + timedelta(hours=6)).isoformat()
        return {"access_key": "new", "secret_key": "secret", "token": "t", "expiry_time": expiry}

    soon = datetime.now(UTC) + timedelta(seconds=30)
    role = RefreshableCredentials("old", "secret", "t", soon, renew, "iam-role")
    current = asyncio.ensure_future(AwsCredentials(lambda: role).current())
    while not asked.is_set():  # noqa: ASYNC110  # another thread sets it
        await asyncio.sleep(0)
    assert not current.done()
    answer.set()
    assert (await current).access_key == "new"


async def test_credentials_that_cannot_be_renewed_are_an_error() -> None:
    """An unreachable metadata service ends no task of the node."""

    def renew() -> dict[str, Any]:
        raise RuntimeError("metadata service is away")

    past = datetime.now(UTC) - timedelta(seconds=30)
    role = RefreshableCredentials("old", "secret", "t", past, renew, "iam-role")
    with pytest.raises(AwsError, match="metadata service is away"):
        await AwsCredentials(lambda: role).current()
