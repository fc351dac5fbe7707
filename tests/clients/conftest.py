"""A whole stack on this machine's own address, and the clients that `make test-clients` has set up."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.clients.page import Stack
from tests.clients.tabs import Browsers, browsers
from tests.conftest import running_stack
from tests.ports import free_ports
from tests.serving import serving


@pytest.fixture(scope="session")
def lan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """What stack.json says of a `make up HOST=lan`: Firefox and libnice make no candidate pairs with 127.0.0.1."""
    given = os.environ.get("SLUICE_STACK_FILE")
    if given:
        yield json.loads(Path(given).read_text())
        return
    with running_stack(free_ports(), tmp_path_factory.mktemp("lan") / "output", HOST="lan") as (_, described):
        yield described


@pytest.fixture
async def browser() -> AsyncIterator[Browsers]:
    """Chromium and Firefox, each started when a tab of it is first asked for."""
    async with browsers() as both:
        yield both


@pytest.fixture
async def elsewhere() -> AsyncIterator[str]:
    """The URL of an empty page of another origin, on loopback, where browsers give cameras."""
    app = web.Application()

    async def empty(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>elsewhere</title>", content_type="text/html")

    app.router.add_get("/", empty)
    async with serving(web.AppRunner(app, access_log=None)) as url:
        yield f"{url}/"
