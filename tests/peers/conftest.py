"""Servers that are not ours, to prove the peers on."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.bench.machine import free_port
from tests.bench.servers import peers_folder


@pytest.fixture(scope="session")
def mediamtx() -> Iterator[str]:
    """The base URL of a MediaMTX: from SLUICE_PEERS' `start`. Skipped where it is missing, unless MEDIAMTX says that it must be there."""
    start = peers_folder() / "start"
    if not start.exists():
        if "MEDIAMTX" in os.environ:
            pytest.fail(f"MEDIAMTX is set, but {start} is not there; set SLUICE_PEERS to its folder")
        pytest.skip(f"MediaMTX is not here ({start}); set SLUICE_PEERS to the folder that starts it")
    ports = ["--http", str(free_port(socket.SOCK_STREAM)), "--udp", str(free_port(socket.SOCK_DGRAM))]
    told = json.loads(
        subprocess.run([sys.executable, start, "mediamtx", *ports], check=True, capture_output=True).stdout
    )
    try:
        yield told["whip"].removesuffix("/NAME/whip")
    finally:
        os.kill(told["pid"], signal.SIGTERM)
