"""Health, readiness and metrics over real HTTP."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry, Gauge

from sfu.node.health import make_health_app


@dataclass
class _Node:
    ready: bool = False
    state: str = "serving"


@pytest.fixture
def node() -> _Node:
    """What the port tells about."""
    return _Node()


@pytest.fixture
async def client(node: _Node) -> AsyncIterator[TestClient]:  # type: ignore[type-arg]  # generic in its application only
    """A client of the node's own port."""
    registry = CollectorRegistry()
    Gauge("sluice_example", "An example.", registry=registry).set(3)
    app = make_health_app(ready=lambda: node.ready, state=lambda: node.state, registry=registry)
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.mark.parametrize(
    ("ready", "state", "status", "says"),
    [
        (False, "serving", 503, "starting"),
        (True, "serving", 200, "serving"),
        (True, "draining", 503, "draining"),
        (True, "stopped", 503, "stopped"),
    ],
)
async def test_a_node_is_ready_while_it_can_and_will_admit(
    node: _Node,
    client: TestClient,  # type: ignore[type-arg]  # as above
    ready: bool,  # noqa: FBT001  # a parameter of the table above
    state: str,
    status: int,
    says: str,
) -> None:
    """Not before it has keys, and not while it drains."""
    node.ready, node.state = ready, state
    response = await client.get("/readyz")
    assert response.status == status
    assert (await response.json())["state"] == says


async def test_a_node_is_healthy_whatever_its_state(client: TestClient) -> None:  # type: ignore[type-arg]  # as above
    """An orchestrator must not restart a node that carries media because something else is away."""
    assert (await client.get("/healthz")).status == 200


async def test_metrics_are_in_the_text_format(client: TestClient) -> None:  # type: ignore[type-arg]  # as above
    """Prometheus scrapes them from there."""
    response = await client.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert "sluice_example 3.0" in await response.text()
