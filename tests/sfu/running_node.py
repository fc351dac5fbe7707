"""A real node for tests: `python -m sfu` as its image starts it, beside a control plane that is the test's."""

import asyncio
import json
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from shared.grants import WEBRTC, Action, Claims, sign
from shared.keys import new_session_id
from tests.ports import free_port
from tests.sfu.fake_control import SIGNER, FakeControl

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "sfu")
"""The image's, with the interpreter of the tests."""
STREAM = "abcdefghijklmnop"


@dataclass
class RunningNode:
    """One process and where it listens."""

    control: FakeControl
    http_port: int = field(default_factory=free_port)
    udp_port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)
    more: dict[str, str] = field(default_factory=dict)
    folder: Path = ROOT
    """Whose `sfu` it is."""
    command: tuple[str, ...] = COMMAND
    process: asyncio.subprocess.Process | None = None
    log_file: Path = field(default_factory=lambda: Path(tempfile.gettempdir()) / f"{secrets.token_hex(8)}.log")

    @property
    def url(self) -> str:
        """Where clients reach this node."""
        return f"http://127.0.0.1:{self.http_port}"

    def environ(self) -> dict[str, str]:
        """The environment that it is started with."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SLUICE_"))},
            **self.control.environ(),
            "SLUICE_PUBLIC_URL": self.url,
            "SLUICE_HTTP_BIND": f"127.0.0.1:{self.http_port}",
            "SLUICE_UDP_BIND": f"127.0.0.1:{self.udp_port}",
            "SLUICE_METRICS_BIND": f"127.0.0.1:{self.metrics_port}",
            **self.more,
        }

    async def start(self) -> asyncio.subprocess.Process:
        """Start it; the log goes to a file."""
        with self.log_file.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command, cwd=self.folder, env=self.environ(), stdout=log, stderr=log
            )
        return self.process

    def log(self) -> str:
        """All that the node wrote to its log."""
        return self.log_file.read_text()

    def lines(self, message: str) -> list[dict[str, Any]]:
        """Its log lines with this message."""
        lines = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [line for line in lines if line["message"] == message]

    def signal(self, number: signal.Signals) -> None:
        """Send the node's process a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    async def exit_code(self, seconds: float = 20) -> int:
        """The exit code, once the process has ended."""
        assert self.process is not None
        async with asyncio.timeout(seconds):
            return await self.process.wait()

    async def get(self, path: str) -> tuple[int, str]:
        """Status and body of `/healthz`, `/readyz` or `/metrics`."""
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{self.metrics_port}{path}") as response:
            return response.status, await response.text()

    async def until_listening(self, seconds: float = 30) -> None:
        """Wait until its own port answers."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    await self.get("/healthz")
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)
                else:
                    return

    def grant_url(self, action: Action, *, account: str = "demo", stream: str = STREAM, epoch: int = 1) -> str:
        """A WHIP or WHEP URL with a fresh grant for this boot."""
        now = time.time()
        claims = Claims(
            node="node1",
            boot=self.control.beats[-1]["boot"],
            account=account,
            stream=stream,
            session=new_session_id(secrets.token_bytes),
            action=action,
            epoch=epoch if action is Action.PUBLISH else 0,
            issued_at=now,
            expires_at=now + 30,
            tier="registered",
            max_viewers=20,
            max_kbps=0,
            protocol=WEBRTC[action],
        )
        path = "whip" if action is Action.PUBLISH else "whep"
        return f"{self.url}/{stream}/{path}?grant={sign(claims, SIGNER)}"


@asynccontextmanager
async def running_node(
    control: FakeControl, folder: Path = ROOT, command: tuple[str, ...] = COMMAND, /, **more: str
) -> AsyncIterator[RunningNode]:
    """A node that has been heard of, for as long as the block lasts."""
    node = RunningNode(control, more=more, folder=folder, command=command)
    try:
        await _until_heard(control, await node.start())
        yield node
    except BaseException:
        sys.stderr.write(node.log())
        raise
    finally:
        if node.process is not None and node.process.returncode is None:
            node.process.kill()
            await node.process.wait()
        node.log_file.unlink(missing_ok=True)


async def _until_heard(control: FakeControl, process: asyncio.subprocess.Process) -> None:
    """Wait for the first heartbeat, or for a node that cannot start."""
    heard = asyncio.ensure_future(control.until(lambda: control.beats, 30))
    died = asyncio.ensure_future(process.wait())
    await asyncio.wait((heard, died), return_when=asyncio.FIRST_COMPLETED)
    died.cancel()
    if not heard.done():
        heard.cancel()
        raise RuntimeError("the node ended before it was heard of")
    await heard
