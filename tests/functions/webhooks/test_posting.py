"""One POST against real sockets: what counts as delivered, and every bound."""

import asyncio
import datetime as dt
import ssl
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from functions.domain.destinations import Reach
from functions.webhooks.pinned_post import UndeliveredError
from functions.webhooks.posting import Poster
from tests.functions.webhooks.receiver import Receiver


class Names:
    """A resolver that says what it is told to, and counts."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> Sequence[str]:
        """The next answer; the last one for ever."""
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def refused(poster: Poster, url: str) -> str:
    """Why *url* does not take a message."""
    with pytest.raises(UndeliveredError) as caught:
        await poster.post(url, {}, b"{}")
    return str(caught.value)


async def test_a_message_is_posted_as_it_is(receiver: Receiver) -> None:
    """Body and headers unchanged, to the path and query of the URL, under its name."""
    await Poster(Reach.LOCAL).post(f"{receiver.url}?a=1", {"webhook-id": "msg_1"}, b'{"a":"\xc3\xa9"}')

    (got,) = receiver.received
    assert (got.path, got.body) == ("/in?a=1", b'{"a":"\xc3\xa9"}')
    assert got.headers["webhook-id"] == "msg_1"
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["Host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_a_delivery(receiver: Receiver, status: int) -> None:
    """As the specification of Standard Webhooks says."""
    receiver.statuses = [status]

    await Poster(Reach.LOCAL).post(receiver.url, {}, b"{}")


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_not_followed(receiver: Receiver, status: int) -> None:
    """Wherever it leads to: nothing else is asked."""
    receiver.statuses, receiver.headers = [status], {"Location": f"{receiver.url}/elsewhere"}

    assert await refused(Poster(Reach.LOCAL), receiver.url) == f"The answer was {status}; redirects are not followed."
    assert [got.path for got in receiver.received] == ["/in"]


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
async def test_an_error_is_a_failure(receiver: Receiver, status: int) -> None:
    """The owner is told the status."""
    receiver.statuses = [status]

    assert await refused(Poster(Reach.LOCAL), receiver.url) == f"The answer was {status}."


async def test_a_private_address_is_not_even_connected_to(receiver: Receiver) -> None:
    """Whatever the name says: one address that is not public is enough."""
    url = f"https://innocent.example.com:{receiver.port}/in"
    for found in (["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"]):
        said = await refused(Poster(Reach.PUBLIC, resolve=Names(found)), url)

        assert said == "The name stands for an address that is not a public one."
    assert receiver.received == []


async def test_a_name_is_resolved_once_and_the_checked_address_is_connected_to(receiver: Receiver) -> None:
    """A name that stands for something else a moment later gains nothing (DNS rebinding)."""
    names = Names(["127.0.0.1"], ["169.254.169.254"])

    await Poster(Reach.LOCAL, resolve=names).post(f"http://rebinding.example.com:{receiver.port}/in", {}, b"{}")

    assert names.asked == ["rebinding.example.com"]
    assert receiver.received[0].headers["Host"] == f"rebinding.example.com:{receiver.port}"


async def test_the_next_address_is_tried_where_nothing_listens(receiver: Receiver) -> None:
    """A function without IPv6 reaches a receiver that has both."""
    names = Names(["127.0.0.2", "127.0.0.1"])

    await Poster(Reach.LOCAL, resolve=names).post(f"http://both.example.com:{receiver.port}/in", {}, b"{}")

    assert len(receiver.received) == 1


async def test_a_slow_receiver_costs_a_bounded_time(receiver: Receiver) -> None:
    """One that says nothing, and one that drips: the bound is for all of it."""
    stop = threading.Event()

    def silent(_: BaseHTTPRequestHandler) -> None:
        stop.wait(10)

    def drips(handler: BaseHTTPRequestHandler) -> None:
        while not stop.wait(0.02):
            handler.wfile.write(b"H")
            handler.wfile.flush()

    began = asyncio.get_running_loop().time()
    for act in (silent, drips):
        receiver.act = act
        assert await refused(Poster(Reach.LOCAL, seconds=0.3), receiver.url) == "There was no answer within 0.3 s."
    assert asyncio.get_running_loop().time() - began < 3
    stop.set()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"nonsense\r\n\r\n", "not HTTP"),
        (b"HTTP/2 200 OK\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 999 x\r\n\r\n", "not HTTP"),
        (b"x" * 100_000, "more than 8192 bytes"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 200, "no final answer"),
        (b"", "connection failed"),
    ],
)
async def test_an_answer_that_is_none_is_a_failure(receiver: Receiver, answer: bytes, says: str) -> None:
    """And reading it is bounded."""
    receiver.act = _saying(answer)

    assert says in await refused(Poster(Reach.LOCAL), receiver.url)


async def test_interim_answers_are_skipped_and_bodies_are_not_read(receiver: Receiver) -> None:
    """The final status counts, however much would follow it."""
    receiver.act = _saying(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + b"x" * (1 << 20))

    await Poster(Reach.LOCAL).post(receiver.url, {}, b"{}")


async def test_nobody_there_is_a_failure() -> None:
    """No name, no address behind it, no listener."""
    assert (
        await refused(Poster(Reach.LOCAL, resolve=Names([])), "http://gone.example.com/") == "The name has no address."
    )
    assert await refused(Poster(Reach.LOCAL), "http://127.0.0.1:1/") == "The port must be 80, or 1024 and above."
    unheard = Poster(Reach.LOCAL, resolve=Names(["127.0.0.2"]))
    assert await refused(unheard, "http://gone.example.com:1025/") == "The connection failed."


async def test_a_certificate_must_be_the_name_s(tmp_path: Path) -> None:
    """TLS is checked against the name of the URL, although an address is connected to."""
    trusting = ssl.create_default_context(cafile=_certificate(tmp_path))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=serving)
    port = server.sockets[0].getsockname()[1]
    poster = Poster(Reach.LOCAL, resolve=Names(["127.0.0.1"]), context=trusting)
    await poster.post(f"https://hooks.example.com:{port}/in", {}, b"{}")

    assert "TLS: Hostname mismatch" in await refused(poster, f"https://other.example.com:{port}/in")
    doubting = Poster(Reach.LOCAL, resolve=Names(["127.0.0.1"]))
    assert "TLS: self-signed certificate" in await refused(doubting, f"https://hooks.example.com:{port}/in")
    server.close()
    await server.wait_closed()


def _saying(answer: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(answer)

    return act


def _certificate(folder: Path) -> Path:
    """A certificate for hooks.example.com that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.example.com")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example.com")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem"
