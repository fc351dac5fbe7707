"""The SFU nodes of a stack: real `python -m sfu` processes in their own environment (`.venv-sfu`).

A node that ends by itself is started again, as ECS would, with a new boot id; one that keeps ending is given up with
a line that says so. Nodes end first when the stack ends, so that their last usage reports are still delivered.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.aws.sigv4 import AccessKey
from local.ports import NodePorts
from local.process.log import StackLog
from local.process.processes import ROOT, ChildProcess, describe_exit
from local.settings import LOOPBACK

PYTHON = ROOT / ".venv-sfu" / "bin" / "python"
REGION = "local"
_READY_SECONDS = 30
_DRAIN_SECONDS = 10
_RESTART_SECONDS = 0.5
_STEADY_SECONDS = 10  # a node that ran this long may fail afresh
_MOST_FAILURES = 5


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all nodes of a stack are told: where the parts around them are."""

    host: str
    api_url: str
    playback_url: str
    """The API as viewers reach it: what the `WHEP` field of a publisher's 201 begins with."""
    queue_url: str
    emulator_url: str
    credentials: AccessKey


class NodeProcess:
    """One SFU node: its process, and the next one when that ends by itself."""

    def __init__(
        self, number: int, ports: NodePorts, around: Surroundings, log: StackLog, on_restart: Callable[[], None]
    ) -> None:
        self.id = f"node{number}"
        self.ports = ports
        self.url = f"http://{around.host}:{ports.http}"
        self.child: ChildProcess | None = None
        self._on_restart = on_restart
        self._around = around
        self._log = log
        self._watch: asyncio.Task[None] | None = None

    @property
    def metrics_url(self) -> str:
        """The URL of the node's metrics, for Prometheus."""
        return f"http://{LOOPBACK}:{self.ports.metrics}/metrics"

    def document(self) -> dict[str, Any]:
        """What stack.json says of the node."""
        return {
            "id": self.id,
            "url": self.url,
            "udp": self.ports.udp,
            "metrics": self.metrics_url,
            "pid": self.child.pid if self.child else None,
        }

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the process, which inherits nothing of the user's AWS settings."""
        around, ports = self._around, self.ports
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "AWS_ACCESS_KEY_ID": around.credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": around.credentials.secret_key,
            "AWS_REGION": around.credentials.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": around.emulator_url,
            "SLUICE_NODE_ID": self.id,
            "SLUICE_REGION": REGION,
            "SLUICE_API_URL": around.api_url,
            "SLUICE_PLAYBACK_URL": around.playback_url,
            "SLUICE_QUEUE_URL": around.queue_url,
            "SLUICE_PUBLIC_URL": self.url,
            "SLUICE_HTTP_BIND": f"{around.host}:{ports.http}",
            "SLUICE_UDP_BIND": f"{around.host}:{ports.udp}",
            "SLUICE_ANNOUNCE": around.host,
            "SLUICE_DRAIN_SECONDS": "4",  # both nodes of a stack usually end together, and then nobody can be handed over
            "SLUICE_METRICS_BIND": f"{LOOPBACK}:{ports.metrics}",
        }

    async def start(self) -> None:
        """Start the process and wait until it takes sessions: until the control plane has answered a heartbeat."""
        self.child = await self._launch()
        await self.child.ready(f"http://{LOOPBACK}:{self.ports.metrics}/readyz", _READY_SECONDS)
        self._watch = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """Let the node drain, then end its process."""
        if self._watch is not None:
            self._watch.cancel()
            # It may be starting a process just now: that one has to be gone, or be the child that is ended here.
            await asyncio.gather(self._watch, return_exceptions=True)
        if self.child is not None:
            await self.child.stop(_DRAIN_SECONDS)

    async def _launch(self) -> ChildProcess:
        return await ChildProcess.start(self.id, [str(PYTHON), "-m", "sfu"], self.environment, self._log)

    async def _keep_running(self) -> None:
        failures = 0
        clock = asyncio.get_running_loop().time
        while self.child is not None and failures < _MOST_FAILURES:
            since = clock()
            code = await self.child.wait()
            failures = 1 if clock() - since > _STEADY_SECONDS else failures + 1
            self._log.write(self.id, f"ended with {describe_exit(code)} and is started again")
            await asyncio.sleep(_RESTART_SECONDS)
            try:
                self.child = await self._launch()
            except OSError as error:  # the machine has no file or no process left, for now
                self._log.write(self.id, f"cannot be started: {error.strerror}")
            else:
                self._on_restart()
        self._log.write(self.id, "keeps ending and is given up; see the lines above")
