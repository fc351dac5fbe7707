"""Functions as Lambda runs them: real `awslambdaric` processes behind the Lambda Runtime API (2018-06-01).

A pool of processes per function: one request per process at a time, more processes when all stay busy, a new one for
one that crashed. Each process talks to a socket of its own, so the API needs no further identity. A function's
timeout is held by ending its process, as Lambda does. Left out: memory limits, extensions, freezing between requests.
"""

import asyncio
import json
import socket
import sys
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from local.aws.intrinsics import ACCOUNT
from local.aws.resources import FunctionResource
from local.process.log import StackLog
from local.process.processes import ROOT, ChildProcess, PartStartError, describe_exit

_API = "/2018-06-01/runtime"
_INIT_SECONDS = 30  # Lambda allows 10 s; a machine that starts everything at once is slower
_LARGEST_ANSWER = 6 << 20
_STOP_SECONDS = 2
_PATIENCE = 0.25
"""Seconds that a request waits for a process that is busy before another is started, one at a time. Most answers take
5 ms and a start takes half a second of a core: a page that asks for twenty files must not start six processes beside
its own video, as Lambda, with a machine for each, may."""


@dataclass(frozen=True, slots=True)
class FailedInvocation:
    """An invocation that gave no result; `reason` is a sentence for the log."""

    reason: str


@dataclass(slots=True)
class _Invocation:
    payload: bytes
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    outcome: "asyncio.Future[bytes | FailedInvocation]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def finish(self, outcome: bytes | FailedInvocation) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)


class _Worker:
    """One process of a function, and the Runtime API that it polls."""

    def __init__(self, pool: "FunctionPool") -> None:
        self._pool = pool
        # No access log and no graceful wait: the only client is a process that is dead by then.
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0)
        self._next: asyncio.Future[_Invocation] | None = None
        self._child: ChildProcess | None = None
        self._stopped = False
        self.ready = asyncio.Event()  # set when the function is loaded, and when it never will be
        self.loaded = False
        self.init_error: str | None = None
        self.invocation: _Invocation | None = None

    async def run(self) -> int:
        """Start the process and stay until it ends; its return code. OSError where the machine has no room for it."""
        try:
            await self._runner.setup()
            # Not a TCPSite: asyncio listens nowhere, and says nothing, where it gets no socket.
            listener = socket.create_server(("127.0.0.1", 0))
            await web.SockSite(self._runner, listener).start()
            self._child = await ChildProcess.start(
                self._pool.function.name,
                [sys.executable, "-m", "awslambdaric", self._pool.function.handler],
                self._pool.environment | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{listener.getsockname()[1]}"},
                self._pool.log,
            )
            if self._stopped:  # while it was being started
                await self._child.stop(_STOP_SECONDS)
            return await self._child.wait()
        finally:
            self.ready.set()
            if self._next is not None:
                self._next.cancel()
                self._next = None
            await self._runner.cleanup()

    @property
    def idle(self) -> bool:
        """Whether the process waits for work."""
        return self._next is not None and not self._next.done()

    def give(self, invocation: _Invocation) -> None:
        """Hand *invocation* to the idle process."""
        assert self._next is not None  # noqa: S101  # only an idle worker is given anything
        self.invocation = invocation
        self._next.set_result(invocation)
        asyncio.get_running_loop().call_later(self._pool.function.timeout, self._expire, invocation)

    async def stop(self) -> None:
        """End the process, also one that is being started."""
        self._stopped = True
        if self._child is not None:
            await self._child.stop(_STOP_SECONDS)

    def _expire(self, invocation: _Invocation) -> None:
        if self.invocation is invocation and self._child is not None:
            invocation.finish(FailedInvocation(f"Task timed out after {self._pool.function.timeout:.2f} seconds"))
            self._child.kill()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path.removeprefix(_API)
        if path == "/invocation/next":
            return await self._answer_next()
        body = await request.content.read()
        if path == "/init/error":
            self.init_error = _error_text(body)
            return web.Response(status=202)
        identity, _, verb = path.removeprefix("/invocation/").partition("/")
        if self.invocation is None or self.invocation.id != identity or verb not in {"response", "error"}:
            return web.Response(status=400)
        invocation, self.invocation = self.invocation, None
        if verb == "error":
            invocation.finish(FailedInvocation(_error_text(body)))
        elif len(body) > _LARGEST_ANSWER:
            invocation.finish(FailedInvocation(f"its answer is larger than Lambda's limit of {_LARGEST_ANSWER} bytes"))
        else:
            invocation.finish(body)
        return web.Response(status=202)

    async def _answer_next(self) -> web.Response:
        following = self._next = asyncio.get_running_loop().create_future()
        self.loaded = True
        self.ready.set()
        self._pool.offer(self)
        invocation = await following
        return web.Response(
            body=invocation.payload,
            content_type="application/json",
            headers={
                "Lambda-Runtime-Aws-Request-Id": invocation.id,
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self._pool.function.timeout) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": self._pool.arn,
                "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{invocation.id.replace('-', '')[:24]}",
            },
        )


class FunctionPool:
    """All processes of one function, up to *most*: gives each event to an idle one, or starts another."""

    def __init__(self, function: FunctionResource, environment: Mapping[str, str], most: int, log: StackLog) -> None:
        self.function = function
        self.log = log
        self.environment = {
            **environment,
            **function.environment,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "LAMBDA_TASK_ROOT": str(ROOT),
            "PYTHONPATH": str(ROOT),
            "_HANDLER": function.handler,
            "TZ": "UTC",
        }
        self.arn = f"arn:aws:lambda:{environment['AWS_REGION']}:{ACCOUNT}:function:{function.name}"
        self._most = most
        self._workers: dict[_Worker, asyncio.Task[None]] = {}
        self._waiting: deque[_Invocation] = deque()
        self._growth: asyncio.TimerHandle | None = None
        self._closing = False

    async def start(self) -> None:
        """Start one process and wait until it is ready for a request; PartStartError when it cannot be loaded."""
        worker = self._add_worker()
        try:
            await asyncio.wait_for(worker.ready.wait(), _INIT_SECONDS)
        except TimeoutError:
            worker.init_error = f"  it was not ready within {_INIT_SECONDS} s"
        if not worker.loaded:
            why = worker.init_error or self.log.tail(self.function.name) or "  it said nothing"
            raise PartStartError(f"The function {self.function.name} ({self.function.handler}) does not start:\n{why}")

    async def invoke(self, event: Any, *, within: float) -> bytes | FailedInvocation:
        """The function's answer to *event*; `TimeoutError` when it takes more than *within* seconds."""
        invocation = _Invocation(json.dumps(event).encode())
        idle = next((worker for worker in self._workers if worker.idle), None)
        if idle is not None:
            idle.give(invocation)
        else:
            self._waiting.append(invocation)
            self._grow_soon()
        try:
            async with asyncio.timeout(within):
                return await asyncio.shield(invocation.outcome)
        finally:
            invocation.finish(FailedInvocation("nobody waits for it any more"))  # if it still waits, it is not begun

    def offer(self, worker: _Worker) -> None:
        """Give the idle *worker* the event that has waited longest, if one waits."""
        while self._waiting:
            invocation = self._waiting.popleft()
            if not invocation.outcome.done():
                worker.give(invocation)
                break
        if self._waiting:
            self._grow_soon()

    async def stop(self) -> None:
        """End all processes of the function and wait for them."""
        self._closing = True
        await asyncio.gather(*(worker.stop() for worker in self._workers))
        await asyncio.gather(*self._workers.values())

    def _grow_soon(self) -> None:
        if not self._workers:
            self._grow()
        elif self._growth is None:
            self._growth = asyncio.get_running_loop().call_later(_PATIENCE, self._grow)

    def _grow(self) -> None:
        self._growth = None
        if self._closing or len(self._workers) >= self._most or not all(worker.loaded for worker in self._workers):
            return
        if any(not invocation.outcome.done() for invocation in self._waiting):
            self._add_worker()

    def _add_worker(self) -> _Worker:
        worker = _Worker(self)
        self._workers[worker] = asyncio.create_task(self._watch(worker))
        return worker

    async def _watch(self, worker: _Worker) -> None:
        """The life of one process. When it ends by itself, its request has failed, and another process serves the next."""
        try:
            code = await worker.run()
        except OSError as error:
            worker.init_error = f"its process cannot be started: {error.strerror}"
            self.log.write(self.function.name, worker.init_error)
            if len(self._workers) == 1:  # others would serve what waits
                self._refuse_waiting(worker.init_error)
            return
        finally:
            del self._workers[worker]
        if self._closing:
            return
        if worker.invocation is not None:
            worker.invocation.finish(FailedInvocation(f"its process ended with {describe_exit(code)}"))
        if worker.loaded:
            self.log.write(
                self.function.name, f"its process ended with {describe_exit(code)}; the next starts on demand"
            )
            self._grow()
            return
        self._refuse_waiting(worker.init_error or "it does not start")  # a new process would end the same way

    def _refuse_waiting(self, reason: str) -> None:
        while self._waiting:
            self._waiting.popleft().finish(FailedInvocation(reason))


def _error_text(body: bytes) -> str:
    """What a function's error document says, as Python would have printed it."""
    try:
        document: dict[str, Any] = json.loads(body)
        trace = "".join(str(line) for line in document.get("stackTrace") or ())
        return f"{trace}{document.get('errorType')}: {document.get('errorMessage')}"
    except (ValueError, AttributeError):
        return body.decode(errors="replace")
