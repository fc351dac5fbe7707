"""The container's health check asks the node beside it, and needs nothing but Python."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from sfu.healthcheck import healthy, main
from sfu.node.health import make_health_app


@pytest.fixture
async def client() -> AsyncIterator[TestClient]:  # type: ignore[type-arg]  # generic in its application only
    """A client of a node's own port."""
    app = make_health_app(ready=lambda: True, state=lambda: "serving", registry=CollectorRegistry())
    async with TestClient(TestServer(app)) as client:
        yield client


def test_nobody_who_answers_is_not_healthy() -> None:
    """The container's health check fails where the node is gone or frozen."""
    assert not healthy("127.0.0.1:1", timeout=0.2)


async def test_the_containers_health_check_asks_the_loopback(client: TestClient) -> None:  # type: ignore[type-arg]  # as above
    """Also where the node listens on every address."""
    assert await asyncio.to_thread(healthy, f"0.0.0.0:{client.port}")


async def test_the_exit_code_says_it(client: TestClient) -> None:  # type: ignore[type-arg]  # as above
    """The port is the one of the node's own settings."""
    where = {"SLUICE_METRICS_BIND": f"127.0.0.1:{client.port}"}

    assert await asyncio.to_thread(main, where) == 0
    assert main({"SLUICE_METRICS_BIND": "127.0.0.1:1"}) == 1
