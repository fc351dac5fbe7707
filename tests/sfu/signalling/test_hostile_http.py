"""Bad input through real HTTP (issue 4): each a clear 4xx with a body that says what to do, never a 500, never a hang."""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from sfu.signalling.app import make_app
from sfu.signalling.listener import Listener
from shared.grants import Action
from tests.sfu.plane.test_plane import until
from tests.sfu.raw_http import Answer, ask, read_answer, request
from tests.sfu.signalling.fakes import KEY, STREAM, Node, grant, offer_text

SDP = "application/sdp"
OBS = offer_text("obs")


class Target:
    """A node to be maltreated."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.deps = node.deps()
        self.listener = Listener(make_app(self.deps))
        self.port = 0
        self.count = 0

    def path(self, action: Action = Action.PUBLISH) -> str:
        """A path with a fresh grant."""
        self.count += 1
        return (
            f"/{STREAM}/{'whip' if action is Action.PUBLISH else 'whep'}?grant={grant(action, session=str(self.count))}"
        )

    async def post(self, body: bytes | str, content_type: str | None = SDP, path: str = "") -> Answer:
        """A POST, by default with a fresh grant."""
        return await ask(self.port, request("POST", path or self.path(), body, Content_Type=content_type))


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    """A node whose bodies must arrive within half a second."""
    one = Target(Node())
    one.port = await one.listener.open("127.0.0.1", 0)
    yield one
    await one.listener.close()


def says_what_to_do(answer: Answer) -> bool:
    """Whether the body is a refusal of ours, for a browser too."""
    body = answer.json
    return (
        400 <= answer.status < 500
        and len(body["error"]) > 15
        and bool(body["code"])
        and answer["Content-Type"] == "application/json"
        and answer["Access-Control-Allow-Origin"] == "*"
        and b"Traceback" not in answer.body
    )


BODIES: dict[str, tuple[bytes | str, int]] = {
    "empty": ("", 400),
    "blank": (" \r\n ", 400),
    "hello": ("hello", 400),
    "version-only": ("v=0\r\n", 400),
    "bad-media-line": ("v=0\r\nm=audio nine x 1\r\n", 400),
    "truncated": (OBS[: OBS.index("m=audio") + 10], 400),
    "cr-only": (OBS.replace("\r\n", "\r"), 400),
    "nul": (OBS.replace("a=mid:0", "a=mid:\0"), 400),
    "not-utf-8": (OBS.replace("a=mid:0", "a=mid:X").encode().replace(b"X", b"\xff"), 400),
    "json": ('{"type": "offer", "sdp": "v=0"}', 400),
    "5-megabytes": (b"v=0\r\nm=" + b"a" * 5_000_000, 413),
    "just-too-large": (OBS + "a=x\r\n" * 13_000, 413),
    "no-fingerprint": ("\r\n".join(line for line in OBS.split("\r\n") if "fingerprint" not in line), 422),
    "no-ufrag": ("\r\n".join(line for line in OBS.split("\r\n") if "ice-ufrag" not in line), 422),
    "short-ufrag": (OBS.replace("ice-ufrag:Kx3d", "ice-ufrag:Kx3"), 422),
    "two-videos": (OBS.replace("m=audio", "m=video"), 422),
    "no-bundle": (OBS.replace("a=group:BUNDLE 0 1\r\n", ""), 422),
    "recvonly": (OBS.replace("a=sendonly", "a=recvonly"), 422),
    "hundred-sections": (OBS + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" * 100, 422),
    "no-common-codec": (OBS.replace("H264/90000", "theora/90000"), 422),
}


@pytest.mark.parametrize("name", BODIES)
async def test_1a_03_bad_bodies(target: Target, name: str) -> None:
    """And the slot of the grant is given back each time."""
    body, status = BODIES[name]

    answer = await target.post(body)

    assert answer.status == status
    assert says_what_to_do(answer)
    assert target.node.plane.begun == []
    assert len(target.node.refused) == 1


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/json", "application/sdpx", "sdp"])
async def test_1a_02_wrong_content_types_are_a_415_with_accept_post(target: Target, content_type: str | None) -> None:
    """Also those that begin like the right one."""
    answer = await target.post(OBS, content_type)

    assert (answer.status, answer["Accept-Post"]) == (415, SDP)
    assert says_what_to_do(answer)


async def test_a_sendonly_offer_to_whep_is_a_422(target: Target) -> None:
    """Not a 400, which Eyevinn's player would answer with an empty POST."""
    answer = await target.post(OBS, path=target.path(Action.PLAY))

    assert answer.status == 422
    assert says_what_to_do(answer)


IDS = {
    "unknown": "nosuchkey",
    "empty": "",
    "10-kilobytes": "a" * 10_000,
    "encoded-slashes": "live_%2F..%2F..%2Fetc",
    "encoded-nul": "live_%00abc",
    "key-with-a-tail": KEY + "a",
    "upper-case": KEY.upper(),
    "unicode": "live_%E2%82%AC",
    "bad-encoding": "%zz%",
    "stream-id-as-key": STREAM,
    "dots": "..",
}


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("protocol", ["whip", "whep"])
async def test_bad_keys_and_ids(target: Target, name: str, protocol: str) -> None:
    """None of them is asked of the API, but for the stream id that a viewer may watch by."""
    answer = await target.post(OBS, path=f"/{IDS[name]}/{protocol}")

    if (name, protocol) == ("stream-id-as-key", "whep"):
        assert len(target.node.api.asked) == 1
        return
    assert answer.status in (400, 401, 404)
    assert says_what_to_do(answer)
    assert target.node.api.asked == []


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n\r\n\r\n\r\n",
        b"hello\r\n\r\n",
        b"POST\r\n\r\n",
        b"GET /" + KEY.encode() + b"\0/whip HTTP/1.1\r\nHost: x\r\n\r\n",
        b"XXXXXXXX /" + KEY.encode() + b"/whip HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /" + KEY.encode() + b"/whip HTTP/1.1\r\nHost: x\r\nbad field\r\n\r\n",
        b"POST /" + KEY.encode() + b"/whip HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /" + KEY.encode() + b"/whip HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /" + KEY.encode() + b"/whip HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a/" * 1025 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /?" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_is_no_http_is_a_400_and_no_key_is_logged(
    target: Target, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """The library alone would answer and log the line that it could not read."""
    with caplog.at_level(logging.DEBUG):
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        writer.write(raw)
        writer.write_eof()
        try:
            answer = await read_answer(reader)
        except asyncio.IncompleteReadError as error:
            assert error.partial == b""  # noqa: PT017 - closing without an answer is fine for what is no request at all
        else:
            assert answer.status == 400
            assert says_what_to_do(answer)
        writer.close()

    assert KEY not in caplog.text


async def test_a_key_in_the_path_is_not_logged(target: Target, caplog: pytest.LogCaptureFixture) -> None:
    """Nor a grant, nor a session's URL."""
    with caplog.at_level(logging.DEBUG):
        await target.post(OBS, path=f"/{KEY}/whip")
        path = target.path()
        answer = await target.post(OBS, path=path)
        await target.post(OBS, path=path)

    token, secret = path.partition("grant=")[2], answer["Location"].rpartition("/")[2]
    assert not any(text in caplog.text for text in (KEY, token, f"/{secret}"))


@pytest.mark.parametrize("before", [0, 1])
async def test_a_head_of_many_long_fields_is_refused_before_it_is_large(target: Target, before: int) -> None:
    """No field is too long and they are not too many; together they are more than a head may cost in memory."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    for _ in range(before):  # on a connection that has served
        writer.write(request("POST", target.path(), OBS, Content_Type=SDP))
        assert (await asyncio.wait_for(read_answer(reader), 10)).status == 201
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
    answered = asyncio.create_task(read_answer(reader))
    sent = 0
    while not answered.done() and sent < 100:
        writer.write(f"X-{sent}: {'a' * 8000}\r\n".encode())
        await asyncio.wait({answered}, timeout=0.01)
        sent += 1

    answer = await asyncio.wait_for(answered, 10)

    assert answer.status == 400
    assert says_what_to_do(answer)
    await asyncio.gather(reader.read(), return_exceptions=True)  # closed, be it with a reset: there was more to read
    assert sent < 50
    writer.close()


async def test_trailers_are_as_few_as_fields(target: Target) -> None:
    """They come after the head was read, when it is bounded no more: the connection ends at the sixty-fifth."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
    ended = asyncio.create_task(reader.read())
    sent = 0
    while not ended.done() and sent < 200:
        writer.write(f"X-{sent}: {'a' * 8000}\r\n".encode())
        await asyncio.wait({ended}, timeout=0.01)
        sent += 1

    await asyncio.gather(asyncio.wait_for(ended, 10), return_exceptions=True)  # closed, be it with a reset
    assert 64 <= sent < 100
    writer.close()


async def test_bodies_are_no_part_of_the_head(target: Target) -> None:
    """Many requests on one connection, and one whose body is refused and read on: none is taken for a long head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    for _ in range(6):
        raw = request("POST", target.path(), OBS + f"a=x-{'y' * 1000}\r\n" * 50, Content_Type=SDP)
        for at in range(0, len(raw), 10_000):  # in pieces, as a slow line brings it
            writer.write(raw[at : at + 10_000])
            await asyncio.sleep(0.002)
        assert (await asyncio.wait_for(read_answer(reader), 10)).status == 201
    writer.write(request("POST", target.path(), b"a" * 1_000_000, Content_Type=SDP))
    assert (await asyncio.wait_for(read_answer(reader), 10)).status == 413
    writer.write(request("POST", target.path(), OBS, Content_Type=SDP))
    assert (await asyncio.wait_for(read_answer(reader), 10)).status == 201
    writer.close()


@pytest.mark.parametrize("sent", [b"", b"POST /whip HTT", b"POST /whip HTTP/1.1\r\nHost: x\r\nX: y"])
async def test_a_head_that_never_ends_is_cut_off(sent: bytes) -> None:
    """As an idle connection is: nobody holds one for ever by saying nothing."""
    listener = Listener(make_app(Node().deps()), idle_seconds=0.2)
    port = await listener.open("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)

    rest = await asyncio.wait_for(reader.read(), 10)

    assert rest == b""
    writer.close()
    await listener.close()


async def test_a_large_body_is_refused_by_its_head(target: Target) -> None:
    """413 before the client has sent it: five megabytes are announced and none is sent."""
    raw = request("POST", target.path(), Content_Length="5000000", Content_Type=SDP)

    answer = await ask(target.port, raw)

    assert answer.status == 413
    assert says_what_to_do(answer)


async def test_a_large_chunked_body_is_cut_off(target: Target) -> None:
    """Without a length the first 64 KiB decide."""
    head = request("POST", target.path(), Content_Type=SDP, Content_Length=None, Transfer_Encoding="chunked")

    answer = await ask(target.port, head + b"8000\r\n" + b"a" * 0x8000 + b"\r\n10000\r\n" + b"a" * 0x9000)

    assert answer.status == 413


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_that_never_ends_is_timed_out(target: Target, *, chunked: bool) -> None:
    """408 within the time that a body may take, and the slot is given back."""
    length, encoding = (None, "chunked") if chunked else ("1000", None)
    raw = request("POST", target.path(), Content_Length=length, Transfer_Encoding=encoding, Content_Type=SDP)

    answer = await ask(target.port, raw + (b"3\r\nv=0\r\n" if chunked else b"v=0\r\n"))

    assert answer.status == 408
    assert says_what_to_do(answer)
    assert target.node.refused == [("1", "INVALID_REQUEST")]


@pytest.mark.parametrize("expect", [None, "100-continue"])
@pytest.mark.parametrize("abort", [False, True])
async def test_a_body_that_breaks_off_harms_nobody(
    target: Target, caplog: pytest.LogCaptureFixture, *, abort: bool, expect: str | None
) -> None:
    """Closed, or reset before anybody can say 100 Continue: the slot is free at once, no fault of ours is logged."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    if abort:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.write(request("POST", target.path(), Content_Length="1000", Content_Type=SDP, Expect=expect) + b"v=0\r\n")
    await writer.drain()
    writer.close()
    await asyncio.gather(reader.read(), return_exceptions=True)

    await until(lambda: target.node.refused)
    assert target.node.refused == [("1", "INVALID_REQUEST")]
    assert (await target.post(OBS)).status == 201
    assert len(target.node.plane.begun) == 1
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("method", "path", "content_type"),
    [
        ("PATCH", "", "application/trickle-ice-sdpfrag"),
        ("POST", "/events", "application/json"),
    ],
)
async def test_a_body_about_a_session_that_breaks_off_is_no_fault_of_ours(
    target: Target, caplog: pytest.LogCaptureFixture, method: str, path: str, content_type: str
) -> None:
    """The session goes on as it is."""
    played = await target.post(offer_text("chrome-view"), path=target.path(Action.PLAY))
    secret = played["Location"].rpartition("/")[2]
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    asked = request(method, f"/sessions/{secret}{path}", Content_Length="1000", Content_Type=content_type)
    writer.write(asked + b"a=")
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 10) == b""  # the node has closed, and its handler has heard of it
    writer.close()

    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert target.node.plane.ended == []
    assert target.node.plane.restarted == []


@pytest.mark.parametrize("chunk", [b"zz\r\nv=0\r\n", b"-1\r\n", b"5\r\nv=0\r\n\r\n\r\n0\r\n\r\n"])
async def test_bad_chunks_are_a_400(target: Target, chunk: bytes) -> None:
    """Whatever aiohttp makes of them."""
    head = request("POST", target.path(), Content_Type=SDP, Content_Length=None, Transfer_Encoding="chunked")

    answer = await ask(target.port, head + chunk)

    assert answer.status == 400
    assert says_what_to_do(answer)


async def test_a_compressed_bomb_is_refused(target: Target) -> None:
    """Content-Encoding is not for offers; whatever it inflates to stays bounded."""
    import zlib  # noqa: PLC0415 - one test's tool

    bomb = zlib.compress(b"v=0\r\nm=" + b"a" * 10_000_000)
    raw = request("POST", target.path(), bomb, Content_Type=SDP, Content_Encoding="deflate")

    answer = await ask(target.port, raw)

    assert answer.status in (400, 413)
    assert says_what_to_do(answer)


async def test_p24_expect_100_continue_is_honoured(target: Target) -> None:
    """The interim answer comes before the body is sent, the final one after it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    raw = request("POST", target.path(), OBS, Content_Type=SDP, Expect="100-continue")
    head, body = raw[: -len(OBS)], raw[-len(OBS) :]

    writer.write(head)
    interim = await asyncio.wait_for(read_answer(reader), 10)
    writer.write(body)
    answer = await asyncio.wait_for(read_answer(reader), 10)

    assert (interim.status, answer.status) == (100, 201)
    writer.close()


async def test_p24_a_request_that_its_head_refuses_is_not_asked_for_its_body(target: Target) -> None:
    """401 and 413 come at once, without 100 Continue; another expectation is a 417."""
    bad_grant = request(
        "POST", f"/{STREAM}/whip?grant=x", Content_Length="1000", Content_Type=SDP, Expect="100-continue"
    )
    too_large = request("POST", target.path(), Content_Length="10000000", Content_Type=SDP, Expect="100-continue")
    strange = request("POST", target.path(), OBS, Content_Type=SDP, Expect="a-miracle")

    answers = [await ask(target.port, raw) for raw in (bad_grant, too_large, strange)]

    assert [answer.status for answer in answers] == [401, 413, 417]


async def test_p24_connection_close_is_honoured(target: Target) -> None:
    """FFmpeg sends it; the answer has a length all the same."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(request("POST", target.path(), OBS, Content_Type=SDP, Connection="close"))

    answer = await read_answer(reader)

    assert answer["Content-Length"] == str(len(answer.body))
    assert await reader.read() == b""
    writer.close()


async def test_a_bug_of_ours_is_a_503_and_not_a_traceback(target: Target, caplog: pytest.LogCaptureFixture) -> None:
    """The client may come again; the log has the rest."""
    target.node.plane.source = None  # type: ignore[method-assign,assignment]  # the bug

    answer = await target.post(offer_text("chrome-view"), path=target.path(Action.PLAY))

    assert (answer.status, answer.json["code"]) == (503, "UNAVAILABLE")
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert b"Traceback" not in answer.body
    assert "a request failed" in caplog.text


async def test_unknown_addresses_are_a_404(target: Target) -> None:
    """For any method but OPTIONS."""
    for method, path in (("GET", "/"), ("POST", "/a/b/whip"), ("DELETE", "/sessions/"), ("GET", "/sessions/a/b")):
        answer = await ask(target.port, request(method, path))
        assert answer.status == 404
        assert says_what_to_do(answer)


AFTER_THE_HEAD: dict[str, tuple[str, bytes]] = {
    "no-gzip": ("Content-Length: 30\r\nContent-Encoding: gzip", b"a" * 30),
    "no-deflate": ("Content-Length: 30\r\nContent-Encoding: deflate", b"a" * 30),
    "no-chunk": ("Transfer-Encoding: chunked", b"zz\r\nabc\r\n"),
    "half": ("Content-Length: 30", b"a" * 3),
    "half-a-chunk": ("Transfer-Encoding: chunked", b"ff\r\nabc"),
}


@pytest.mark.parametrize("refused_by_head", [True, False])
@pytest.mark.parametrize("name", AFTER_THE_HEAD)
async def test_a_damaged_body_leaves_no_traceback_in_the_log(
    target: Target, caplog: pytest.LogCaptureFixture, name: str, *, refused_by_head: bool
) -> None:
    """Anybody could fill the log with them; also where the answer went out before the body was looked at."""
    fields, body = AFTER_THE_HEAD[name]
    path = "/nobody/whip" if refused_by_head else target.path()
    head = f"POST {path} HTTP/1.1\r\nHost: node\r\nContent-Type: {SDP}\r\n{fields}\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(head)
    if refused_by_head:
        assert (await read_answer(reader)).status == 401
    writer.write(body)
    writer.write_eof()
    async with asyncio.timeout(10):
        await reader.read()  # the node has closed, and is done with the body
    writer.close()

    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
