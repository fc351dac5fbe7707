"""DynamoDB Local, AWS's own emulator in Java, for a second opinion on the storm; it is started where Java and its jar are.

    python -m local.setup.dynamodb COMMAND …

runs COMMAND with AWS_ENDPOINT_URL pointing to it. It is not installed from here: it is under AWS's own licence. Whoever
accepts that unpacks it and says where: DYNAMODB_LOCAL=/path/to/folder.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local.ports import is_free
from local.setup.environments import SetupError

JAR = "DynamoDBLocal.jar"
LIBRARIES = "DynamoDBLocal_lib"
_READY_SECONDS = 30


def command(environ: Mapping[str, str], port: int) -> list[str]:
    """The command line that starts it on *port*. Raises `SetupError` where Java or the jar is missing."""
    java = shutil.which("java", path=environ.get("PATH"))
    if java is None:
        raise SetupError(
            "DynamoDB Local needs Java 17 or newer (on Debian and Ubuntu: apt-get install default-jre-headless)."
        )
    folder = Path(environ.get("DYNAMODB_LOCAL", "")).expanduser()
    if not environ.get("DYNAMODB_LOCAL") or not (folder / JAR).is_file():
        where = f"{JAR} is not in {folder}" if environ.get("DYNAMODB_LOCAL") else "Nothing says where DynamoDB Local is"
        raise SetupError(
            f"{where}. Download it from AWS (its licence is AWS's own), unpack it, and run this again with"
            " DYNAMODB_LOCAL=/path/to/folder."
        )
    # One database whatever the access key and region, as ministack has it.
    options = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)]
    return [java, f"-Djava.library.path={folder / LIBRARIES}", "-jar", str(folder / JAR), *options]


def run(
    asked: Sequence[str],
    environ: Mapping[str, str],
    started: Callable[[Mapping[str, str], int], list[str]] = command,
    endpoint: str = "AWS_ENDPOINT_URL",
) -> int:
    """Run *asked* beside an emulator that *started* says how to start, its URL in the variable *endpoint*; the exit code."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = subprocess.Popen(started(environ, port), stdout=subprocess.DEVNULL)  # noqa: S603  # what the user named
    try:
        end = time.monotonic() + _READY_SECONDS
        while is_free("127.0.0.1", port, socket.SOCK_STREAM):
            if server.poll() is not None or time.monotonic() > end:
                raise SetupError("The emulator did not start; what it said is above.")
            time.sleep(0.1)
        told = {**environ, endpoint: f"http://127.0.0.1:{port}"}
        return subprocess.run(asked, env=told, check=False).returncode  # noqa: S603  # our own tools
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    try:
        sys.exit(run(sys.argv[1:], os.environ))
    except SetupError as error:
        sys.exit(str(error))
