"""Asks the node of this machine whether it is healthy: the container's health check, which has no curl to call."""

import os
import sys
from http.client import HTTPConnection


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


if __name__ == "__main__":
    sys.exit(0 if healthy(os.environ.get("SLUICE_METRICS_BIND", "127.0.0.1:9889")) else 1)
