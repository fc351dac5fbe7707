"""Reads request bodies: bounded in size and time, and only once the head alone gives no reason to refuse."""

import asyncio

from aiohttp import ClientPayloadError, HttpVersion11, web

from shared.offers import MAX_OFFER_BYTES, too_large
from shared.refusals import Refused, invalid_request


async def read_body(request: web.Request, seconds: float) -> bytes | Refused:
    """The body, or why it is not taken. A client that asked `Expect: 100-continue` is told to go on first."""
    if (request.content_length or 0) > MAX_OFFER_BYTES:
        return too_large()
    expected = request.headers.get("Expect") if request.version >= HttpVersion11 else None
    if expected is not None and expected.strip().lower() != "100-continue":
        return invalid_request("Only Expect: 100-continue is understood.", status=417)
    body = bytearray()
    try:
        if expected is not None:
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # the interim response is no part of the answer
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > MAX_OFFER_BYTES:
                    return too_large()
    except TimeoutError:
        return invalid_request(f"The body did not arrive within {seconds:g} seconds. Send it whole.", status=408)
    except (ClientPayloadError, web.RequestPayloadError, ValueError):
        return invalid_request("The body is not what its head announced (Content-Length, chunks or encoding).")
    except OSError:
        # Nobody reads this answer; but whoever called has a slot to give back, and it is no bug of ours. Not only a
        # ConnectionError: a host that is unreachable or TLS that breaks comes from the transport as it is.
        return invalid_request("The connection broke before the body was whole. Send it again.")
    return bytes(body)


def sdp_text(body: bytes) -> str:
    """*body* as text. What is no UTF-8 gets a replacement character: names and values of attributes that mean something here
    are ASCII, and other values, `s=` and `i=` are any bytes (RFC 8866, section 9).
    """
    return body.decode(errors="replace")
