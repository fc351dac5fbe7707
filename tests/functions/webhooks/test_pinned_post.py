"""What goes over the wire and what does not: the request's own bytes, no proxy, and an end to whatever a receiver says."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from time import monotonic, sleep

import pytest

from functions.domain.destinations import Destination, Reach
from functions.webhooks.pinned_post import LINE, PinnedPost, UndeliveredError
from functions.webhooks.posting import Poster
from tests.functions.webhooks.receiver import Receiver


def status(receiver: Receiver, seconds: float = 5.0) -> int:
    """The status that *receiver* answers one request with."""
    to = Destination("127.0.0.1", receiver.port, tls=False, target="/in")
    return PinnedPost(to, ["127.0.0.1"], ssl.create_default_context(), monotonic() + seconds).status({}, b"{}")


@contextmanager
def listening(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A port where one request is read whole and answered, and what was read."""
    got: list[bytes] = []

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            while not got or not got[-1].endswith(b"{}"):
                got.append(connection.recv(65536))
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], got
        thread.join(5)


def test_a_request_says_no_more_than_it_must() -> None:
    """Every line of it is ours: no trace of the library, which would say that it takes gzip."""
    with listening(b"HTTP/1.1 204 No Content\r\n\r\n") as (port, got):
        to = Destination("hooks.example.com", port, tls=False, target="/in?a=1")
        post = PinnedPost(to, ["127.0.0.1"], ssl.create_default_context(), monotonic() + 5)

        assert post.status({"webhook-id": "msg_1"}, b"{}") == 204

    head, _, body = b"".join(got).partition(b"\r\n\r\n")
    first, *fields = head.decode().split("\r\n")
    assert (first, body) == ("POST /in?a=1 HTTP/1.1", b"{}")
    assert sorted(fields) == [
        "Connection: close",
        "Content-Length: 2",
        "Content-Type: application/json",
        f"Host: hooks.example.com:{port}",
        "User-Agent: Sluice-Webhooks/1",
        "webhook-id: msg_1",
    ]


def test_no_proxy_of_the_environment_is_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would connect to where it likes, and read what is signed."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert status(receiver) == 204


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"X: " + b"x" * LINE, f"more than {LINE} bytes"),
        (b"X: y\r\n" * 101, "not HTTP"),
        (b"\r\nHTTP/1.1 100 Continue\r\n" * 200, "no final answer"),
    ],
)
def test_headers_are_bounded_too(receiver: Receiver, head: bytes, says: str) -> None:
    """A line of them, how many there are, and how many answers come before the last."""

    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n" + head + b"\r\n\r\n")

    receiver.act = act

    with pytest.raises(UndeliveredError, match=says):
        status(receiver)


def test_a_receiver_that_reads_slowly_costs_a_bounded_time() -> None:
    """One that takes no more of a large message: the thread that sends it ends with the time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        poster = Poster(Reach.LOCAL, seconds=0.3)

        with pytest.raises(UndeliveredError, match="no answer within"):
            asyncio.run(poster.post(url, {}, b"x" * (1 << 24)))

    assert _soon_idle(poster)


def test_a_receiver_that_drips_leaves_no_thread_behind(receiver: Receiver) -> None:
    """Each byte would begin the time of a read anew; the connection is ended under it."""
    stop = threading.Event()

    def drips(handler: BaseHTTPRequestHandler) -> None:
        while not stop.wait(0.02):
            handler.wfile.write(b"H")
            handler.wfile.flush()

    receiver.act = drips
    poster = Poster(Reach.LOCAL, seconds=0.3)
    with pytest.raises(UndeliveredError, match="no answer within"):
        asyncio.run(poster.post(receiver.url, {}, b"{}"))

    idle = _soon_idle(poster)
    stop.set()
    assert idle


def _soon_idle(poster: Poster) -> bool:
    """Whether a thread of *poster* that was busy waits for work within some seconds."""
    until = monotonic() + 3
    while monotonic() < until:
        if poster._threads._idle_semaphore.acquire(blocking=False):
            return True
        sleep(0.02)
    return False
