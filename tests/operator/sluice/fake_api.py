"""An API for the operator's command to speak to: it answers what it is told to, and remembers what it was asked."""

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from sluice.console import main

TIERS = {"tiers": [{"tier": "registered"}, {"tier": "studio_pro"}], "hls_embed_hosts": []}


class FakeApi:
    """What the server of `running` answers, and the requests that it got."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[tuple[str, str, str, bytes]] = []
        """Method, path, `Authorization` header and body of each, in order."""
        self.answers: list[tuple[int, Any]] = [(200, {})]
        """Statuses and bodies, given one after the other; the last one is repeated."""
        self.content: bytes = b""
        """Sent in place of the JSON of an answer, where it is not empty."""
        self.tiers: Any = TIERS
        """The answer to each request for `/v1/tiers`, apart from `answers`."""

    def answer(self, path: str) -> tuple[int, bytes]:
        """The status and the body of the next answer."""
        if path == "/v1/tiers":
            return 200, json.dumps(self.tiers).encode()
        status, answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return status, self.content or json.dumps(answer).encode()


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The URL at which *handler* answers for as long as the block lasts."""
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def running() -> Iterator[FakeApi]:
    """A fake API that answers at its `url` for as long as the block lasts."""
    api = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        """Answers for *api*, whatever the method."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            api.requests.append((self.command, self.path, self.headers.get("Authorization", ""), body))
            status, data = api.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            """Say nothing about any request."""

    with served(Handler) as api.url:
        yield api


def run(*arguments: str) -> tuple[int, str, str]:
    """Run a command; its exit code, what it printed, and what it said of errors."""
    out, err = io.StringIO(), io.StringIO()
    return main(arguments, out, err), out.getvalue(), err.getvalue()
