"""`make up`: starts a stack, prints how to use it, and ends it at Ctrl-C, SIGTERM or after SECONDS.

A second Ctrl-C ends at once: the kernel then ends the children too (`die_with_parent.py`). What can go
wrong for a user (a port that is taken, a function that does not load) ends in a sentence, never in a traceback.
"""

import asyncio
import fcntl
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import port_check, ports
from local.aws.intrinsics import TemplateError
from local.port_check import TakenError
from local.process.log import LibraryRecords, StackLog
from local.process.processes import ROOT, PartStartError
from local.settings import LOOPBACK, StackSettings
from local.stack import Stack
from sfu.environment import SettingsError


def main() -> int:
    """Run a stack until it is told to stop; the exit code."""
    try:
        settings = StackSettings.from_env(os.environ)
        settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(settings):
            port_check.check(settings)
            return asyncio.run(_run(settings))
    except (SettingsError, TakenError, TemplateError) as error:
        _say(str(error))
        return 1


@contextmanager
def _alone(settings: StackSettings) -> Iterator[None]:
    """Hold the state directory: one stack at a time keeps its files there."""
    with (settings.state / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise TakenError(
                f"A stack is up already on port {settings.port} (pid {lock.read().strip()}). Stop it with Ctrl-C in its"
                f" terminal, or start this one beside it: {settings.elsewhere}"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


async def _run(settings: StackSettings) -> int:
    begun = time.monotonic()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, _on_signal, stop)
    log = StackLog(settings.state / "stack.log")
    logging.getLogger().addHandler(LibraryRecords(log, "local"))
    try:
        async with Stack(settings, log) as stack:
            stopping = asyncio.create_task(stop.wait())
            _say(f"Starting {stack.parts()} ...")
            starting = asyncio.create_task(stack.start())
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                await asyncio.wait({starting})
                return 0
            summary = await starting
            _say(
                "\n"
                + summary.table(
                    seconds=time.monotonic() - begun,
                    log=_short(log.path),
                    stack=_short(settings.stack_file),
                    sluice=_sluice(settings),
                    demo="make demo" if settings.port == ports.USUAL else f"make demo PORT={settings.port}",
                    local_only=settings.host == LOOPBACK,
                )
            )
            failing = asyncio.create_task(stack.failed())
            await asyncio.wait({stopping, failing}, timeout=settings.seconds, return_when=asyncio.FIRST_COMPLETED)
            if failing.done():
                _say(f"{failing.result()} See {_short(log.path)}.")
                return 1
            failing.cancel()
            _say("Stopping; the nodes drain first. Ctrl-C again ends everything at once.")
        _say("Stopped.")
    except* PartStartError as group:
        for error in group.exceptions:
            _say(str(error))
        _say(f"The stack is not up. Its log: {_short(log.path)}")
    else:
        return 0
    finally:
        log.close()
    return 1


def _on_signal(stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(130)  # the kernel ends the children with us
    stop.set()


def _sluice(settings: StackSettings) -> str:
    port = "" if settings.port == ports.USUAL else f"PORT={settings.port} "
    return f"{port}{_short(Path(sys.prefix))}/bin/sluice"


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # this program's output is for a terminal


if __name__ == "__main__":
    sys.exit(main())
