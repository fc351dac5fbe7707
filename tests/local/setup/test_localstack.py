"""A LocalStack is found, or missed with a sentence; ministack answers LocalStack's question about its health too."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator

import pytest

from local.setup import localstack
from local.setup.environments import SetupError


@pytest.fixture
def serving() -> Iterator[Callable[[str], str]]:
    """Starts something that says of its health what it is told; its URL."""
    servers: list[http.server.HTTPServer] = []

    def start(health: str) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(health.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing of a request."""

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_one_that_runs_is_used(aws_endpoint: str) -> None:
    """Told by its URL, with or without a slash at the end."""
    assert localstack.url({"LOCALSTACK": f"{aws_endpoint}/"}) == aws_endpoint


def test_what_is_missing_is_a_sentence(serving: Callable[[str], str]) -> None:
    """Nobody there, somebody else there, a service too few."""
    disabled = json.dumps({"services": {"dynamodb": "disabled", "sqs": "available", "ssm": "running"}})
    for there, said in (
        ("http://127.0.0.1:1", "No LocalStack answers at"),
        (serving("<html>"), "No LocalStack answers at"),
        (serving(disabled), "has no dynamodb; start it with"),
        ("localhost:4566", "say the URL"),
    ):
        with pytest.raises(SetupError, match=said):
            localstack.url({"LOCALSTACK": there})
