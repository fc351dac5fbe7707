"""Listens for HTTP with the limits that a public port needs; knows nothing of what is served.

No access log: paths hold stream keys and grants. Whoever sends half a request, or keeps sending after the answer, is
cut off after seconds.
"""

from ssl import SSLContext

from aiohttp import web

IDLE_SECONDS = 30.0
LINGER_SECONDS = 1.0
"""How long a refused body is read on and thrown away, so that the client sees the answer before the reset."""


class Listener:
    """One application on one address, from `open` to `close`."""

    def __init__(self, app: web.Application) -> None:
        self._runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGER_SECONDS,
            shutdown_timeout=2.0,
        )

    async def open(self, host: str, port: int, tls: SSLContext | None = None) -> int:
        """Listen on *host*; the port, which was chosen here when *port* is 0."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=tls, backlog=1024)
        await site.start()
        address: tuple[str, int] = self._runner.addresses[0]
        return address[1]

    async def close(self) -> None:
        """Take no more connections, let answers finish, close."""
        await self._runner.cleanup()
