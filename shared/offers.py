"""What can be said of an offer's HTTP body before anybody parses its SDP; API and node answer it alike.

The API checks this before it takes a publishing slot, so that a broken request costs nobody one. Real SDP parsing and
negotiation are the node's.
"""

from shared.refusals import Refused, invalid_request

MAX_OFFER_BYTES = 64 * 1024
"""Chrome's largest offers stay under 20 KiB."""

SDP = "application/sdp"


def media_type(content_type: str | None) -> str:
    """The type of a Content-Type field without parameters, in lower case; empty for none (RFC 9110, section 8.3.1)."""
    return (content_type or "").partition(";")[0].strip().lower()


def check_body(content_type: str | None, body: bytes) -> Refused | None:
    """Why *body* cannot be an SDP offer, or None (RFC 9725, section 4.2)."""
    if media_type(content_type) != SDP:
        return invalid_request(
            "Send the SDP offer with Content-Type: application/sdp.", status=415, headers={"Accept-Post": SDP}
        )
    if len(body) > MAX_OFFER_BYTES:
        return too_large()
    if not body.strip():
        return invalid_request("The body is empty. Send an SDP offer.")
    wrong = _first_wrong(body)
    return None if wrong is None else invalid_request(f"The body is not an SDP offer: {wrong}.")


_MARKS = ((b"\xef\xbb\xbf", "UTF-8"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))


def _first_wrong(body: bytes) -> str | None:
    """The first thing that shows *body* to be no offer, as the rest of a sentence: a program's log shows nothing else of it.

    Browsers refuse all of these too.
    """
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return f"it begins with the byte order mark of {encoding}; send UTF-8 without one"
    if body.rstrip(b"\0") != body:
        return "it ends with a NUL byte; send the text alone, without the end mark that C puts behind it"
    if b"\0" in body:
        return "it has a NUL byte in it; send text without any"
    if not body.lstrip(b"\r\n").startswith(b"v=0"):
        return "it must start with v=0"
    if b"\n" not in body and b"\r" in body.strip(b"\r"):
        return "its lines end with CR alone; end them with CRLF"
    return None if b"\nm=" in body else "it has no media section (m=)"


def too_large() -> Refused:
    """The answer to a body beyond `MAX_OFFER_BYTES`."""
    return invalid_request(f"The body is too large. An SDP offer has at most {MAX_OFFER_BYTES} bytes.", status=413)
