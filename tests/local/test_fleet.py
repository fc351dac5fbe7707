"""A node's lives and its end: real processes, of which none gets as far as to serve."""

import asyncio
from collections.abc import AsyncIterator

import psutil
import pytest

from local.fleet import NodeProcess, Surroundings
from local.ports import plan
from local.process.log import StackLog
from tests.local import builders
from tests.local.builders import files_left, until
from tests.ports import free_ports


@pytest.fixture(name="node")
async def _node(log: StackLog) -> AsyncIterator[NodeProcess]:
    """A node that runs and is watched; it has no control plane."""
    nowhere = "http://127.0.0.1:1"
    around = Surroundings("127.0.0.1", nowhere, nowhere, nowhere, nowhere, builders.CREDENTIALS)
    node = NodeProcess(1, plan(free_ports()).nodes[0], around, log, lambda: None)
    node.child = await node._launch()
    node._watch = asyncio.create_task(node._keep_running())
    yield node
    node.child.kill()  # without a control plane it would try to say goodbye until its time is over
    await node.stop()


async def newborn() -> psutil.Process:
    """The next process that this one starts, as early as it can be seen."""
    known = {child.pid for child in psutil.Process().children()}
    async with asyncio.timeout(10):
        while True:
            for child in psutil.Process().children():
                if child.pid not in known:
                    return child
            await asyncio.sleep(0)


async def test_an_end_in_the_middle_of_a_restart_leaves_no_process(node: NodeProcess) -> None:
    """The stop waits for the one that is being started, too."""
    assert node.child is not None
    node.child.kill()
    child = await newborn()
    await node.stop()
    assert not child.is_running()


async def test_a_node_that_cannot_be_started_is_tried_again(node: NodeProcess, log: StackLog) -> None:
    """A machine without files for it says so; once it has them, the node comes."""
    assert node.child is not None
    first = node.child.pid
    said = log.path.open()
    with said, files_left(0):
        node.child.kill()
        await until(lambda: "cannot be started: Too many open files" in said.read())
    await until(lambda: node.child is not None and node.child.pid != first)
