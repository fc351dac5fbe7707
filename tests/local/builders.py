"""Makes what the tests of local/ start from."""

import asyncio
import os
import resource
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from local.aws.http_messages import HttpRequest
from local.aws.intrinsics import Deployment
from local.aws.resources import Template
from local.aws.sigv4 import AccessKey
from local.aws.template import parse
from local.process.log import StackLog

EMULATOR = "http://127.0.0.1:8566"
DEPLOYMENT = Deployment("local", "us-east-1", EMULATOR, "http://127.0.0.1:8080")
CREDENTIALS = AccessKey("LOCALTEST", "not-a-secret")


def request(method: str = "GET", target: str = "/", *headers: tuple[str, str], body: bytes = b"") -> HttpRequest:
    """A request from a client on this machine."""
    return HttpRequest(method, target, [("Host", "127.0.0.1:8080"), *headers], body, "127.0.0.1")


def template(text: str, deployment: Deployment = DEPLOYMENT) -> Template:
    """The template that *text* spells."""
    return parse(text, deployment)


def log(directory: Path) -> StackLog:
    """A log of the test's own."""
    return StackLog(directory / "stack.log")


def answers(url: str) -> bool:
    """Whether a part of the stack answers *url* with success."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # a URL from stack.json
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def files_left(count: int) -> Iterator[None]:
    """Let this process open *count* more files or sockets and then none: what a machine at its limit does to it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def wait_for(claim: object, seconds: float = 10) -> None:
    """Wait until *claim*, a callable, holds: for what another process does and does not announce."""
    assert callable(claim)
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, f"it did not happen within {seconds} s"
        time.sleep(0.05)


async def until(claim: Callable[[], bool], seconds: float = 10) -> None:
    """Let other tasks run until *claim* holds."""
    async with asyncio.timeout(seconds):
        while not claim():  # noqa: ASYNC110  # what is waited for tells nobody
            await asyncio.sleep(0.02)
