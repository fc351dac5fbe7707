"""The gateway over real HTTP, in front of a real function process."""

import asyncio
import io
import json
import time
from typing import Any

import aiohttp
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Signer

from local.process.log import StackLog
from tests.local.builders import CREDENTIALS


async def test_a_request_reaches_the_function_and_its_answer_the_client(api: aiohttp.ClientSession) -> None:
    """Method, path, query, headers and body."""
    async with api.post("/a/b?x=1&x=2", data=b"v=0\r\n", headers={"Content-Type": "application/sdp"}) as answer:
        event = (await answer.json())["event"]
        assert answer.status == 200
        assert answer.headers["apigw-requestid"] == event["requestContext"]["requestId"]
    assert event["routeKey"] == "ANY /{proxy+}"
    assert event["pathParameters"] == {"proxy": "a/b"}
    assert event["queryStringParameters"] == {"x": "1,2"}
    assert (event["body"], event["isBase64Encoded"]) == ("dj0wDQo=", True)
    assert event["requestContext"]["domainName"] == f"127.0.0.1:{answer.url.port}"
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"


async def test_bytes_and_cookies_come_back(api: aiohttp.ClientSession) -> None:
    """A base64 body is decoded; each cookie is a header of its own."""
    async with api.get("/bytes") as answer:
        assert (answer.status, answer.content_type, await answer.read()) == (201, "x/y", b"\x00\x01\x02")
    async with api.get("/cookies") as answer:
        assert (answer.status, answer.headers.getall("set-cookie")) == (204, ["a=1", "b=2"])


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/", 404, "Not Found"),
        ("/raise", 500, "Internal Server Error"),
        ("/malformed", 500, "Internal Server Error"),
        ("/crash", 500, "Internal Server Error"),
        ("/sleep?s=9", 500, "Internal Server Error"),
        ("/hasty/sleep?s=9", 503, "Service Unavailable"),
    ],
)
async def test_failures_look_as_on_aws(api: aiohttp.ClientSession, path: str, status: int, message: str) -> None:
    """API Gateway's own answers, which tell a client nothing of the inside."""
    async with api.get(path) as answer:
        assert (answer.status, await answer.json()) == (status, {"message": message})


async def test_a_signed_route_wants_a_signature(api: aiohttp.ClientSession, log: StackLog) -> None:
    """403 without it, with the reason in the log; with it the function learns who calls."""
    async with api.post("/signed", data=b"{}") as answer:
        assert (answer.status, await answer.json()) == (403, {"message": "Forbidden"})
    assert "403 POST /signed: there is no AWS4-HMAC-SHA256" in log.path.read_text()
    request = AWSRequest("POST", str(answer.url), data=b"{}")
    SigV4Auth(Signer(CREDENTIALS.access_key, CREDENTIALS.secret_key), "execute-api", "us-east-1").add_auth(request)
    async with api.post("/signed", data=b"{}", headers=dict(request.headers.items())) as answer:
        caller = (await answer.json())["event"]["requestContext"]["authorizer"]["iam"]
    assert caller["accessKey"] == CREDENTIALS.access_key


async def test_a_body_is_limited(api: aiohttp.ClientSession) -> None:
    """10 MB, announced or not."""

    async def endless() -> Any:
        for _ in range(11):
            yield bytes(1 << 20)

    for body in (io.BytesIO(bytes((10 << 20) + 1)), endless()):
        async with api.post("/x", data=body) as answer:
            assert (answer.status, await answer.json()) == (413, {"message": "Request Entity Too Large"})


async def test_a_body_that_never_ends_is_not_waited_for(
    api: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """408, and the connection is closed."""
    monkeypatch.setattr("local.aws.gateway._BODY_SECONDS", 0.2)
    async with api.get("/x") as answer:
        port = answer.url.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
    begun = time.monotonic()
    said = await reader.read()
    assert said.startswith(b"HTTP/1.1 408 ")
    assert json.loads(said.partition(b"\r\n\r\n")[2]) == {"message": "Request Timeout"}
    assert time.monotonic() - begun < 5
    writer.close()


@pytest.mark.parametrize("expected", ["100-continue", "100-Continue"])
async def test_who_expects_to_be_told_to_go_on_is_told(api: aiohttp.ClientSession, expected: str) -> None:
    """Before the body is there: curl waits a second for it, other libraries for ever (RFC 9110, section 10.1.1)."""
    async with api.get("/x") as answer:
        port = answer.url.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: {expected}\r\nConnection: close\r\n\r\n"
    async with asyncio.timeout(5):
        writer.write(head.encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        said = await reader.read()
    assert said.startswith(b"HTTP/1.1 200 ")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["event"]["body"] == "abc"
    writer.close()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("POST /x HTTP/1.0\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n", b"200"),
        ("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n", b"413"),
    ],
)
async def test_nobody_else_is_told_to_go_on(api: aiohttp.ClientSession, head: str, status: bytes) -> None:
    """HTTP/1.0 knows no interim answer, and a body that will not be taken is not asked for."""
    async with api.get("/x") as answer:
        port = answer.url.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(5):
        writer.write(head.encode())
        assert (await reader.readline()).split()[1] == status
    writer.close()


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("http://h/x/y?a=b", "/x/y", "a=b"),
        ("HTTPS://h:1/x?a=b", "/x", "a=b"),
        ("/x?u=http://h/y", "/x", "u=http://h/y"),
    ],
)
async def test_a_whole_url_as_target_is_its_path(
    api: aiohttp.ClientSession, target: str, path: str, query: str
) -> None:
    """As clients behind a proxy write it; every server is to take it (RFC 9112, section 3.2.2)."""
    async with api.get("/x") as answer:
        port = answer.url.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(5):
        said = await reader.read()
    event = json.loads(said.partition(b"\r\n\r\n")[2])["event"]
    assert (event["rawPath"], event["rawQueryString"]) == (path, query)
    writer.close()


async def test_head_has_the_length_that_its_function_says(api: aiohttp.ClientSession) -> None:
    """And no body, so that the connection goes on with the next answer."""
    async with api.head("/head") as answer:
        assert (answer.status, answer.headers["Content-Length"], await answer.read()) == (200, "1234", b"")
    async with api.get("/x") as answer:
        assert answer.status == 200


async def test_a_client_that_leaves_in_the_middle_disturbs_nobody(api: aiohttp.ClientSession) -> None:
    """The next request is served."""
    async with api.get("/x") as answer:
        port = answer.url.port
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
    await writer.drain()
    writer.close()
    async with api.get("/x") as answer:
        assert answer.status == 200


async def test_a_very_long_path_reaches_the_function(api: aiohttp.ClientSession) -> None:
    """A key of 10 kB is answered with the documented error, not with the server's own."""
    async with api.get("/" + "a" * 10_000) as answer:
        assert answer.status == 200
