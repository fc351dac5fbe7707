"""The node's own port: `/healthz`, `/readyz` and `/metrics`, for orchestrators and Prometheus, never for clients.

Healthy: the event loop answers. Ready: the control plane has answered a heartbeat, so grants can be checked, and the
node is not draining; its answer also says which announced addresses the self-test reached, which decides nothing. An outage of the control plane does not make a node unready: it goes on serving what it has.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest


def make_health_app(
    *,
    ready: Callable[[], bool],
    state: Callable[[], str],
    registry: CollectorRegistry,
    addresses: Callable[[], Sequence[Mapping[str, Any]]] = tuple,
) -> web.Application:
    """The application to serve on the node's own port."""

    def answer(status: int, /, **body: object) -> web.Response:
        return web.Response(status=status, text=json.dumps(body) + "\n", content_type="application/json")

    async def healthz(_: web.Request) -> web.Response:
        return answer(200, status="ok")

    async def readyz(_: web.Request) -> web.Response:
        if ready() and state() == "serving":
            return answer(200, ready=True, state=state(), addresses=list(addresses()))
        return answer(503, ready=False, state=state() if ready() else "starting", addresses=list(addresses()))

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app
