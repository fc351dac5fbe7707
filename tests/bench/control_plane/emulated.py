"""An emulator for programs that are no tests: AWS_ENDPOINT_URL's, or a ministack for the time of a `with`."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.aws import emulator
from local.ports import is_free
from tests.ports import free_port


@contextmanager
def endpoint(folder: Path) -> Iterator[tuple[str, str]]:
    """AWS_ENDPOINT_URL's, or a ministack of our own: what it is, and its URL."""
    given = os.environ.get("AWS_ENDPOINT_URL")
    if given:
        yield given, given
        return
    port = free_port()
    with subprocess.Popen(
        emulator.command(), env=emulator.environment(port, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            end = time.monotonic() + 30
            while is_free("127.0.0.1", port, socket.SOCK_STREAM):
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError("the emulator did not start")
                time.sleep(0.05)
            yield "ministack", f"http://127.0.0.1:{port}"
        finally:
            process.kill()
