"""A whole stack: in which order its parts start and end, and what each is told.

The composition root of local/. Functions load while the emulator starts; the gateway opens when both are ready, and
the nodes come last, because they are ready once the control plane has answered them. Ending goes backwards: nodes
drain first, then triggers, gateway, functions, emulator.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Self

from local import credentials, demo_accounts, fleet, port_check
from local.aws import emulator, schedule, template
from local.aws.emulator import AwsClients, Emulator
from local.aws.gateway import Gateway, ListenError
from local.aws.intrinsics import Deployment
from local.aws.runtime import FunctionPool
from local.aws.sigv4 import AccessKey
from local.aws.trigger import Trigger
from local.fleet import NodeProcess, Surroundings
from local.process import processes
from local.process.log import StackLog
from local.settings import LOOPBACK, StackSettings
from local.summary import DemoAccount, Summary

_NAME = "local"
_TEMPLATE = processes.ROOT / "template.yaml"
_USAGE_QUEUE = "UsageQueue"  # the logical id in the template of the queue that nodes report to
_PARAMETERS = {
    "Region": fleet.REGION,  # placement prefers the region that the nodes say they are in
    "WebhookReach": "local",  # receivers on this machine are the only ones to try
    # Everybody here is one client, 127.0.0.1: demos and tests must not lock one another out.
    "AnonymousRate": "1000/0.1",
    "InvalidKeyRate": "1000/0.1",
    "WatchRate": "10000/0.001",
}
_PROCESSES_PER_FUNCTION = 8


class Stack:
    """Everything that `make up` runs; an async context manager, whose exit ends it all."""

    def __init__(self, settings: StackSettings, log: StackLog) -> None:
        self._settings = settings
        self._log = log
        self._undo = AsyncExitStack()
        self._keys = credentials.load(settings.state)
        self._emulator_url = f"http://{LOOPBACK}:{settings.plan.emulator}"
        self._emulator = Emulator(settings.plan.emulator, settings.state, log)
        where = Deployment(_NAME, self._keys.region, self._emulator_url, settings.api_url, _PARAMETERS)
        self._template = template.read(_TEMPLATE, where)
        environment = function_environment(self._keys, self._emulator_url)
        self._pools = {
            name: FunctionPool(function, environment, _PROCESSES_PER_FUNCTION, log)
            for name, function in self._template.functions.items()
        }
        self._nodes = self._make_nodes()
        self._announced: Summary | None = None  # while stack.json stands

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._undo.aclose()

    def parts(self) -> str:
        """What is going to start, in words."""
        return f"the AWS emulator, {len(self._pools)} functions and {len(self._nodes)} nodes"

    async def start(self) -> Summary:
        """Bring everything up; raises `PartStartError` (in a group) for a part that does not start, `TakenError` for a port."""
        self._undo.push_async_callback(self._emulator.stop)
        self._undo.push_async_callback(_all, [pool.stop for pool in self._pools.values()])
        async with asyncio.TaskGroup() as group:
            for pool in self._pools.values():
                group.create_task(pool.start())
            accounts = group.create_task(self._deploy())
        gateway = Gateway(self._template, self._pools, self._keys, self._log)
        self._undo.push_async_callback(gateway.stop)
        await self._open(gateway)
        self._start_triggers()
        self._undo.push_async_callback(_all, [node.stop for node in self._nodes])
        async with asyncio.TaskGroup() as group:
            for node in self._nodes:
                group.create_task(node.start())
        summary = Summary(self._settings.api_url, accounts.result(), self._nodes, self._emulator_url, os.getpid())
        await self._announce(summary)
        return summary

    async def failed(self) -> str:
        """Wait until the stack cannot go on; a sentence that says why."""
        await self._emulator.ended()
        return "The AWS emulator ended by itself, and the stack cannot go on without it."

    async def _open(self, gateway: Gateway) -> None:
        """Open the API's port, which somebody may have taken since it was found free."""
        try:
            await gateway.start(self._settings.addresses, self._settings.port)
        except ListenError as failed:
            raise port_check.refusal(self._settings, failed.address, failed.error) from failed

    async def _deploy(self) -> Sequence[DemoAccount]:
        clients_made = asyncio.to_thread(AwsClients, self._emulator_url, self._keys)
        clients, _ = await asyncio.gather(clients_made, self._emulator.start())
        await asyncio.to_thread(emulator.deploy, self._template, clients)
        return await asyncio.to_thread(
            demo_accounts.make, self._template, clients, credentials.stable_random(self._settings.state)
        )

    def _start_triggers(self) -> None:
        clients = AwsClients(self._emulator_url, self._keys)
        tasks = [
            asyncio.create_task(Trigger(source, self._pools[source.function], clients.sqs, self._log).run())
            for source in self._template.sources
        ]
        tasks += [
            asyncio.create_task(schedule.run(due, self._pools[due.function], self._log))
            for due in self._template.schedules
        ]
        self._undo.push_async_callback(_cancel, tasks)

    def _make_nodes(self) -> list[NodeProcess]:
        around = Surroundings(
            host=self._settings.host,
            api_url=f"http://{LOOPBACK}:{self._settings.port}",
            playback_url=self._settings.api_url,
            queue_url=self._template.queues[_USAGE_QUEUE].url,
            emulator_url=self._emulator_url,
            credentials=self._keys,
        )
        return [
            NodeProcess(number, ports, around, self._log, self._rewrite)
            for number, ports in enumerate(self._settings.plan.nodes, 1)
        ]

    def _rewrite(self) -> None:
        """Write stack.json as things are: a node may have a new process id."""
        if self._announced is not None:
            self._announced.write(self._settings.stack_file)

    async def _announce(self, summary: Summary) -> None:
        """Write stack.json, and have a process watch that it goes when this one does, even by `kill -9`."""
        watch = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", processes.DIE_WITH_PARENT, "--remove", str(self._settings.stack_file),
            stdin=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self._undo.push_async_callback(self._retract, watch)
        self._announced = summary
        self._rewrite()

    async def _retract(self, watch: asyncio.subprocess.Process) -> None:
        """Withdraw stack.json. The nodes are watched a while longer, and one that is started again now must not write it."""
        self._announced = None
        await asyncio.to_thread(self._settings.stack_file.unlink, missing_ok=True)
        assert watch.stdin is not None  # noqa: S101  # _announce asks for a pipe
        watch.stdin.close()
        await watch.wait()


def function_environment(keys: AccessKey, emulator_url: str) -> dict[str, str]:
    """What every function is told beside the template: what Lambda itself sets, and where AWS is."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "en_US.UTF-8",
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_REGION": keys.region,
        "AWS_DEFAULT_REGION": keys.region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ENDPOINT_URL": emulator_url,
    }


async def _all(ends: Sequence[Callable[[], Awaitable[None]]]) -> None:
    await asyncio.gather(*(end() for end in ends))


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
