"""The servers under test: each is started on one core, gives URLs, and is ended by its own process id."""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shared.grants import Action
from shared.keys import new_stream_id
from tests.bench import machine
from tests.bench.fake_api import NODE, FakeApi, fake_api
from tests.bench.machine import pinned
from tests.peers import mediamtx
from tests.peers.mediamtx import Missing
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `whip` and `whep` make a URL for one session on a stream (grants are for one use)."""

    name: str
    pid: int
    whip: Callable[[str], str] = field(repr=False)
    whep: Callable[[str], str] = field(repr=False)
    bearer: Callable[[str], str | None] = field(repr=False)
    new_stream: Callable[[], str] = field(repr=False)
    log: Path
    api: FakeApi | None = None


@asynccontextmanager
async def _mediamtx(core: int) -> AsyncIterator[Server]:
    with ExitStack() as stack:
        with machine.pinned(core):
            found = stack.enter_context(mediamtx.running())
        machine.hurry(found.pid)
        yield Server(
            name="mediamtx",
            pid=found.pid,
            whip=lambda stream: f"{found.url}/{stream}/whip",
            whep=lambda stream: f"{found.url}/{stream}/whep",
            bearer=lambda _: None,
            new_stream=lambda: f"bench{secrets.token_hex(4)}",
            log=found.log,
        )


@asynccontextmanager
async def _broadcast_box(core: int) -> AsyncIterator[Server]:
    name = "broadcast-box"
    start = mediamtx.peers_folder() / "start"
    if not start.exists():
        raise Missing(f"{name} is left out: there is no {start}; set SLUICE_PEERS to the folder that holds it.")
    ports = ["--http", str(free_port()), "--udp", str(free_port())]
    with pinned(core):
        started = await asyncio.create_subprocess_exec(
            sys.executable, str(start), name, *ports, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    out, err = await started.communicate()
    if started.returncode != 0:
        raise Missing(f"{name} is left out, it does not start: {err.decode(errors='replace').strip()[-300:]}")
    told = json.loads(out)
    machine.hurry(told["pid"])
    try:
        yield Server(
            name=name,
            pid=told["pid"],
            whip=lambda stream: told["whip"].replace("NAME", stream),
            whep=lambda stream: told["whep"].replace("NAME", stream),
            bearer=lambda stream: stream,
            new_stream=lambda: f"bench{secrets.token_hex(4)}",
            log=Path(told["log"]),
        )
    finally:
        await _end(told["pid"])


@asynccontextmanager
async def sluice(
    core: int, module: str = "sfu", *, checkout: Path = ROOT, name: str = "sluice"
) -> AsyncIterator[Server]:
    """The node of *checkout*, as *module* starts it; the server is called *name*.

    Another checkout runs in its own environment, or in ours where it has none, and is told the same.
    """
    if not (checkout / "sfu" / "__main__.py").exists():
        raise Missing(f"{name} is left out: there is no sfu/__main__.py in {checkout}.")
    python = python_of(checkout)
    if checkout != ROOT:
        await _build(checkout, python, name)
    http, udp, metrics = (free_port() for _ in range(3))
    url = f"http://127.0.0.1:{http}"
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(fake_api())
        log = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sluice-bench"))) / "log"
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": os.environ.get("HOME", "/"),
            "PYTHONPATH": str(checkout),
            "SLUICE_NODE_ID": NODE,
            "SLUICE_REGION": "local",
            "SLUICE_API_URL": api.url,
            "SLUICE_QUEUE_URL": f"{api.url}/000000000000/usage",
            "SLUICE_PUBLIC_URL": url,
            "SLUICE_HTTP_BIND": f"127.0.0.1:{http}",
            "SLUICE_UDP_BIND": f"127.0.0.1:{udp}",
            "SLUICE_METRICS_BIND": f"127.0.0.1:{metrics}",
            "SLUICE_MAX_SESSIONS": "2000",
            "SLUICE_MAX_EGRESS_KBPS": "10000000",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": api.url,
            "AWS_ENDPOINT_URL_SQS": api.url,
        } | {name: value for name, value in os.environ.items() if name.startswith("SLUICE_BENCH_")}
        with pinned(core), log.open("wb") as out:
            node = await asyncio.create_subprocess_exec(
                str(python),
                *("-m", module),
                cwd=checkout,
                env=environment,
                stdout=out,
                stderr=out,
            )
        try:
            await _until_ready(api, node, log, name)
            yield Server(
                name=name,
                pid=node.pid,
                whip=lambda stream: f"{url}/{stream}/whip?grant={api.grant(stream, Action.PUBLISH)}",
                whep=lambda stream: f"{url}/{stream}/whep?grant={api.grant(stream, Action.PLAY)}",
                bearer=lambda _: None,
                new_stream=lambda: new_stream_id(secrets.token_bytes),
                log=log,
                api=api,
            )
        finally:
            if node.returncode is None:
                node.terminate()
                try:
                    await asyncio.wait_for(node.wait(), 10)
                except TimeoutError:
                    node.kill()
                    await node.wait()


def python_of(checkout: Path) -> Path:
    """The interpreter that runs the node of *checkout*: of its own environment, of ours, or this one."""
    usual = (folder / ".venv-sfu" / "bin" / "python" for folder in (checkout, ROOT))
    return next((python for python in usual if python.exists()), Path(sys.executable))


async def _build(checkout: Path, python: Path, name: str) -> None:
    """Build what the node of *checkout* runs compiled, as make does for ours; raises `Missing` where it cannot be."""
    build = await asyncio.create_subprocess_exec(
        str(python), "-m", "sfu.native.build", cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    _, said = await build.communicate()
    if build.returncode:
        raise Missing(f"{name} is left out, its compiled part cannot be built: {said.decode().strip()[-300:]}")


async def _until_ready(api: FakeApi, node: asyncio.subprocess.Process, log: Path, name: str) -> None:
    # What the log says is read only when nothing else is going on.
    ready, gone = asyncio.ensure_future(api.ready.wait()), asyncio.ensure_future(node.wait())
    done, pending = await asyncio.wait({ready, gone}, timeout=15, return_when=asyncio.FIRST_COMPLETED)
    for each in pending:
        each.cancel()
    if ready not in done:
        raise Missing(f"{name} is left out, it does not start: {tail(log)}")


def tail(log: Path) -> str:
    """The end of a server's log; the file itself goes with the server."""
    return log.read_text(errors="replace").strip()[-600:]


async def _end(pid: int) -> None:
    """End a process that `start` detached from us: ask, wait, insist."""
    for what in (signal.SIGTERM, signal.SIGKILL):
        os.kill(pid, what)
        for _ in range(50):
            if not machine.runs(pid):
                return
            await asyncio.sleep(0.1)


def start(name: str, core: int, against: Path | None = None) -> AbstractAsyncContextManager[Server]:
    """The server *name*, pinned to *core*, for as long as the block lasts; raises Missing.

    `against` is the node of the checkout in the folder of that name.
    """
    if name == "against":
        return sluice(core, checkout=against or ROOT, name=name)
    return {"sluice": sluice, "mediamtx": _mediamtx, "broadcast-box": _broadcast_box}[name](core)


NAMES = ("mediamtx", "broadcast-box", "sluice")
"""The servers that a run can be asked for, in the order in which a full one measures them."""
