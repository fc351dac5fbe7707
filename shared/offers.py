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
    if b"\0" in body or not body.lstrip(b"\r\n").startswith(b"v=0") or b"\nm=" not in body:
        return invalid_request("The body is not an SDP offer: it must start with v=0 and have a media section.")
    return None


def too_large() -> Refused:
    """The answer to a body beyond `MAX_OFFER_BYTES`."""
    return invalid_request(f"The body is too large. An SDP offer has at most {MAX_OFFER_BYTES} bytes.", status=413)
