"""A node that says, whenever it gets SIGUSR1, how many asyncio tasks it has: one line of JSON on its standard error."""

import asyncio
import json
import runpy
import signal
import sys
from collections.abc import Coroutine
from typing import Any

_run = asyncio.Runner.run


def _say() -> None:
    """One line; a task's coroutine is named, so that a leak can be found."""
    names = sorted(str(getattr(task.get_coro(), "__qualname__", "?")) for task in asyncio.all_tasks())
    print(json.dumps({"tasks": len(names), "of": names}), file=sys.stderr, flush=True)  # noqa: T201 - its purpose


def _watched(runner: asyncio.Runner, main: Coroutine[Any, Any, Any], **options: Any) -> Any:
    async def watched() -> Any:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _say)
        return await main

    return _run(runner, watched(), **options)


if __name__ == "__main__":
    asyncio.Runner.run = _watched  # type: ignore[method-assign,assignment]  # the same call, with a signal handler around it
    sys.argv = ["sfu"]
    runpy.run_module("sfu", run_name="__main__")
