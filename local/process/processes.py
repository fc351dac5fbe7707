"""A child process of the stack: it ends with the stack, has a session of its own, and writes to the one log.

A session of its own, because Ctrl-C goes to a whole terminal's process group, and the order of the end is ours to
choose. `die_with_parent.py` sees to it that no child outlives the supervisor.
"""

import asyncio
import contextlib
import os
import signal
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.process.log import StackLog

ROOT = Path(__file__).resolve().parents[2]
DIE_WITH_PARENT = str(Path(__file__).with_name("die_with_parent.py"))
_LONGEST_LINE = 1 << 20
_POLL_SECONDS = 0.04


class PartStartError(Exception):
    """A part of the stack does not start; the text says which and what it said."""


class ChildProcess:
    """A running part of the stack, whose output goes to the log; made by `start`."""

    def __init__(self, part: str, process: asyncio.subprocess.Process, log: StackLog) -> None:
        self.part = part
        self._process = process
        self._log = log
        self._pump = asyncio.create_task(self._copy_output())

    @classmethod
    async def start(
        cls, part: str, command: Sequence[str], environment: Mapping[str, str], log: StackLog
    ) -> "ChildProcess":
        """Run *command* from the root of the repository; *part* names it in the log."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            DIE_WITH_PARENT,
            str(os.getpid()),
            *command,
            cwd=ROOT,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_LONGEST_LINE,
            start_new_session=True,
        )
        return cls(part, process, log)

    @property
    def pid(self) -> int:
        """The process id. `die_with_parent.py` becomes the command, so it is the command's."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.returncode is not None

    async def wait(self) -> int:
        """Wait for the end and for the last line of output; the return code."""
        code = await self._process.wait()
        await asyncio.shield(self._pump)
        return code

    async def ready(self, url: str, within: float) -> None:
        """Wait until *url* is answered with success; raises `PartStartError` when the process ends, or is not ready *within* seconds."""
        try:
            async with asyncio.timeout(within):
                while not await asyncio.to_thread(_answers, url):
                    if self.ended:
                        code = await self.wait()
                        raise PartStartError(self._failure(f"{self.part} does not start ({describe_exit(code)})"))
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise PartStartError(self._failure(f"{self.part} does not answer {url} within {within:g} s")) from None

    def _failure(self, what: str) -> str:
        said = self._log.tail(self.part)
        return f"{what}. It said:\n{said}" if said else f"{what}, and it said nothing."

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """End the process at once."""
        self.signal(signal.SIGKILL)

    async def stop(self, grace: float) -> None:
        """Ask the process to end, and end it when it has not after *grace* seconds."""
        if not self.ended:
            self.signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), grace)
            except TimeoutError:
                self._log.write(self.part, f"did not end within {grace:g} s and is killed")
        # The group may outlive its leader: nothing that a part started stays behind.
        self.kill()
        await self.wait()

    async def _copy_output(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  # start() asks for a pipe
        stream = self._process.stdout
        while True:
            try:
                line = await stream.readline()
            except ValueError:
                line = b"(a line of over a megabyte was left out)"
            if not line:
                return
            self._log.write(self.part, line.decode(errors="replace"))


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):  # noqa: S310  # a URL that we made
            return True
    except OSError:  # urllib's errors, an HTTPError for a 503 among them, are OSErrors
        return False


def describe_exit(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"signal {signal.Signals(-code).name}"
    return f"signal {-code}"
