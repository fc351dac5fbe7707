"""A stock Firefox, driven by WebDriver BiDi over one WebSocket: a page that goes somewhere and evaluates JavaScript.

Playwright brings a Firefox of its own and no longer fits a stock one's protocol; what these tests need of BiDi is five
commands. Camera and microphone are Firefox's fakes.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

PREFERENCES: dict[str, bool | int | str] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    # The stack's address is this machine's own, over plain http.
    "media.devices.insecure.enabled": True,
    "media.getusermedia.insecure.enabled": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    # OpenH264 is a plugin that Firefox downloads; tests download nothing, so this Firefox has no H264.
    "media.gmp-manager.updateEnabled": False,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "services.settings.server": "data:,",
    "remote.active-protocols": 1,
}
START_SECONDS = 60
COMMAND_SECONDS = 60


def executable() -> str | None:
    """Firefox as FIREFOX names it or as it lies on PATH."""
    return os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")


class Failed(Exception):  # noqa: N818 - what the browser said, for the test to show
    """A command that Firefox refused, or a script that threw."""


@dataclass
class Connection:
    """Commands out, answers in, matched by their ids; events are not subscribed to."""

    socket: aiohttp.ClientWebSocketResponse
    _waiting: dict[int, "asyncio.Future[dict[str, Any]]"] = field(default_factory=dict)
    _last: int = 0

    async def read(self) -> None:
        """Hand each answer to who waits for it, until the browser is gone."""
        async for message in self.socket:
            told = json.loads(message.data)
            waiting = self._waiting.pop(told.get("id", 0), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(told)

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        """One command and its result."""
        self._last += 1
        answer = self._waiting[self._last] = asyncio.get_running_loop().create_future()
        await self.socket.send_str(json.dumps({"id": self._last, "method": method, "params": params}))
        told = await asyncio.wait_for(answer, COMMAND_SECONDS)
        if told["type"] == "error":
            raise Failed(f"{method}: {told['error']} {told['message']}")
        result: dict[str, Any] = told["result"]
        return result


@dataclass(frozen=True)
class Tab:
    """One page in a running Firefox."""

    connection: Connection
    context: str

    async def goto(self, url: str) -> None:
        """Load *url* and wait for it."""
        await self.connection.command("browsingContext.navigate", context=self.context, url=url, wait="complete")

    async def evaluate(self, function: str, argument: object = None) -> Any:
        """What *function* (JavaScript, may be async) gives for *argument*, both by way of JSON."""
        body = f"async () => JSON.stringify(await ({function})({json.dumps(argument)}) ?? null)"
        told = await self.connection.command(
            "script.callFunction",
            functionDeclaration=body,
            awaitPromise=True,
            target={"context": self.context},
            userActivation=True,
        )
        if told["type"] == "exception":
            raise Failed(told["exceptionDetails"]["text"])
        return json.loads(told["result"]["value"])

    async def until(self, condition: str, argument: object = None, seconds: float = 60) -> Any:
        """What *condition* gives, once that is true."""
        async with asyncio.timeout(seconds):
            while not (found := await self.evaluate(condition, argument)):  # noqa: ASYNC110 - it is in the browser
                await asyncio.sleep(0.1)
        return found


@dataclass(frozen=True)
class Firefox:
    """A running Firefox, driven by its remote protocol."""

    connection: Connection
    version: str

    async def new_tab(self) -> Tab:
        """An empty page in a window of its own: one that others cover gets no camera."""
        told = await self.connection.command("browsingContext.create", type="window")
        return Tab(self.connection, told["context"])


@asynccontextmanager
async def running() -> AsyncIterator[Firefox]:
    """A headless Firefox with a profile of its own for as long as the block lasts."""
    path = executable()
    assert path, "No Firefox was found; `make test-clients` installs it, or set FIREFOX to its path."
    with tempfile.TemporaryDirectory(prefix="sluice-firefox", ignore_cleanup_errors=True) as folder:
        profile = Path(folder)
        (profile / "user.js").write_text(
            "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
        )
        process = await asyncio.create_subprocess_exec(
            path,
            *("--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0", "about:blank"),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"HOME": folder, "MOZ_HEADLESS": "1", "MOZ_CRASHREPORTER_DISABLE": "1"},
            start_new_session=True,
            limit=1 << 20,
        )
        assert process.stderr is not None
        drain: asyncio.Task[None] | None = None
        try:
            url = await asyncio.wait_for(_listening(process.stderr), START_SECONDS)
            drain = asyncio.create_task(_drain(process.stderr))
            async with aiohttp.ClientSession() as http, http.ws_connect(f"{url}/session", max_msg_size=0) as socket:
                connection = Connection(socket)
                reading = asyncio.create_task(connection.read())
                told = await connection.command("session.new", capabilities={})
                yield Firefox(connection, told["capabilities"]["browserVersion"])
                with suppress(Failed, TimeoutError, ConnectionError):
                    await connection.command("browser.close")
                reading.cancel()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            if drain is not None:
                await drain


async def _listening(stderr: asyncio.StreamReader) -> str:
    while line := await stderr.readline():
        found = re.search(rb"WebDriver BiDi listening on (ws://\S+)", line)
        if found:
            return found[1].decode()
    raise Failed("Firefox ended before it listened")


async def _drain(stderr: asyncio.StreamReader) -> None:
    while await stderr.readline():
        pass
