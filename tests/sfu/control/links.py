"""Links without a control plane, for tests of what is told to one."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from sfu.control.aws import AwsAnswer
from sfu.control.link import Link


@dataclass(frozen=True)
class Where:
    """The settings that a link needs."""

    node_id: str = "node1"
    public_url: str = "http://127.0.0.1:8889"
    region: str = "local"
    api_url: str = "http://127.0.0.1:9"
    queue_endpoint: str = "http://127.0.0.1:9"
    queue_url: str = "http://127.0.0.1:9/queue"


class Unanswered:
    """Answers each request with 503, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.both = asyncio.Event()
        """Set once both the API and the queue were asked."""

    async def post(self, service: str, url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> AwsAnswer:  # noqa: ASYNC109  # the real one's signature
        """Note the service and the URL that were asked."""
        del body, headers, timeout
        self.asked.append((service, url))
        if {"execute-api", "sqs"} <= dict(self.asked).keys():
            self.both.set()
        return AwsAnswer(503, b"")


class Answering(Unanswered):
    """Answers each request as a control plane would that has nothing to say, and keeps the bodies."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[bytes] = []

    async def post(self, service: str, url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> AwsAnswer:  # noqa: ASYNC109  # the real one's signature
        """Note the request and its body, and say yes."""
        await super().post(service, url, body, headers, timeout)
        self.bodies.append(body)
        return AwsAnswer(200, b"{}")


def silent_link(now: float = 1.0) -> Link:
    """A link whose clock stands at *now* and whose requests are not answered; nothing is sent before it runs."""
    return Link(Where(), Unanswered(), boot="b" * 16, clock=lambda: now, random=lambda: 0.0)
