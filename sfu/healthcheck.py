"""Asks the node of this machine whether it is healthy: the container's health check, which has no curl to call."""

import os
import sys
from collections.abc import Mapping
from http.client import HTTPConnection

DEFAULT_BIND = "127.0.0.1:9889"


def healthy(bind: str, timeout: float = 2.0) -> bool:
    """Whether the node whose own port is *bind* (ADDRESS:PORT) answers `/healthz` with 200."""
    host, _, port = bind.rpartition(":")
    # Listening on every address includes the loopback.
    host = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104  # compared, not bound
    connection = HTTPConnection(host, int(port), timeout=timeout)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def main(environ: Mapping[str, str]) -> int:
    """The exit code for the container: 0 where the node that *environ* describes is healthy, 1 otherwise."""
    return 0 if healthy(environ.get("SLUICE_METRICS_BIND", DEFAULT_BIND)) else 1


if __name__ == "__main__":
    sys.exit(main(os.environ))
