"""What every test may ask for: an AWS emulator (`aws_endpoint`), and a whole running stack (`stack`).

Both are started once a session, and both are real: the emulator is the one of `make up`, the stack is `make up`.
"""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from local import settings
from local.aws import emulator
from local.ports import is_free
from local.process.processes import DIE_WITH_PARENT, ROOT
from tests.ports import free_port, free_ports

_START_SECONDS = 100
_STACK_TEST_SECONDS = 240
"""The first one waits for the stack, too."""

# What a property takes on a machine that is busy says nothing of it. `make test` draws the same examples at every run:
# one that draws anew is a lottery for whoever clones. `make fuzz` draws anew, and what it finds is kept by @example.
_BUSY = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile(
    "sluice", deadline=None, suppress_health_check=_BUSY, derandomize=True, print_blob=True
)
hypothesis.settings.register_profile(
    "fuzz",
    deadline=None,
    suppress_health_check=_BUSY,
    derandomize=False,
    database=None,
    print_blob=True,
    max_examples=200,
)
hypothesis.settings.load_profile("sluice")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the stack is marked so, and `make test` runs it where nothing else disturbs its timing."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker("stack")
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(_STACK_TEST_SECONDS))


def pytest_collection_finish() -> None:
    """Thousands of tests and what they import stay to the end: a collector that looks through them each time takes long pauses."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def aws_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of DynamoDB, SQS and SSM: AWS_ENDPOINT_URL's (LocalStack, say), a deployed stack's, or ministack's.

    Tests share it, so each makes tables and queues of its own names.
    """
    given = os.environ.get("AWS_ENDPOINT_URL") or (_given_stack() or {}).get("dynamodb")
    if given:
        yield given
        return
    if not emulator.PYTHON.exists():
        pytest.fail("the emulator is not installed; run: make test")
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", DIE_WITH_PARENT, str(os.getpid()), *emulator.command()],
        env=emulator.environment(port, tmp_path_factory.mktemp("emulator")),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(lambda: not is_free("127.0.0.1", port, socket.SOCK_STREAM), process, 30)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What stack.json says of a running `make up`; SLUICE_STACK_FILE names the one of a stack that runs already."""
    given = _given_stack()
    if given:
        yield given
        return
    output = tmp_path_factory.mktemp("stack") / "output"
    with running_stack(free_ports(), output) as (_, described):
        yield described


def _given_stack() -> dict[str, Any] | None:
    """The stack that SLUICE_STACK_FILE describes: a local one, or one on AWS (local/setup/deployed.py)."""
    file = os.environ.get("SLUICE_STACK_FILE")
    return json.loads(Path(file).read_text()) if file else None


class running_stack:  # noqa: N801  # reads as a statement: `with running_stack(...)`
    """A `make up` on *port* for the time of a `with`: the process and what its stack.json says."""

    def __init__(self, port: int, output: Path, **variables: str) -> None:
        self._output = output
        self._file = settings.state_directory(port) / "stack.json"
        with output.open("w") as file:
            self.process = subprocess.Popen(
                ["make", "up", f"PORT={port}", *(f"{name}={value}" for name, value in variables.items())],
                cwd=ROOT,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> tuple["subprocess.Popen[bytes]", dict[str, Any]]:
        try:
            _wait(self._file.exists, self.process, _START_SECONDS)
            return self.process, json.loads(self._file.read_text())
        except BaseException:
            self.__exit__()
            print(self._output.read_text())  # noqa: T201  # pytest shows it beside the failure
            raise

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def _wait(claim: Any, process: "subprocess.Popen[bytes]", seconds: float) -> None:
    end = time.monotonic() + seconds
    while not claim():
        if process.poll() is not None:
            pytest.fail(f"the process ended with {process.returncode} before it was ready")
        if time.monotonic() > end:
            pytest.fail(f"not ready within {seconds} s")
        time.sleep(0.05)
