"""An HTTP server for the time of a block, on loopback, which leaves no connection open at its end.

Servers of the product are not made here: they end with their process.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

_TURNS = 3
"""Of the loop, from a connection that was accepted to the server that knows of it."""


@asynccontextmanager
async def serving(runner: web.BaseRunner, port: int = 0) -> AsyncIterator[str]:
    """*runner*'s server on *port*, or on any free one, while the block lasts: its URL."""
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", port))
    try:
        await web.SockSite(runner, listening).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        # Python 3.11 leaks a connection that is accepted while its server closes: a task takes it over a turn later, and
        # asserts that the server is open. So first no more are accepted, then all are taken over, then the server closes.
        asyncio.get_running_loop().remove_reader(listening)
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        await runner.cleanup()
