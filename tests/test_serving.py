import asyncio
import gc
import socket
from contextlib import suppress

import pytest
from aiohttp import web

from tests.serving import serving


@pytest.mark.parametrize("turns", range(6))
async def test_who_connects_in_the_last_moment_is_closed_too(turns: int) -> None:
    """Whatever the loop had done of accepting it by then; what stays open is a warning, and warnings are errors."""
    with socket.socket() as client:
        client.settimeout(5)
        async with serving(web.AppRunner(web.Application())) as url:
            client.connect(("127.0.0.1", int(url.rpartition(":")[2])))
            for _ in range(turns):
                await asyncio.sleep(0)
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""
    gc.collect()
