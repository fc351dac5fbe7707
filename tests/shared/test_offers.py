"""A body that cannot be an offer is refused alike by API and node, before it costs a slot."""

import pytest

from shared.offers import MAX_OFFER_BYTES, check_body

OFFER = b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"


@pytest.mark.parametrize("content_type", ["application/sdp", "Application/SDP; charset=utf-8", " application/sdp ;x=y"])
def test_an_offer_passes(content_type: str) -> None:
    """Media types compare without case and parameters."""
    assert check_body(content_type, OFFER) is None


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        (None, OFFER, 415),
        ("", OFFER, 415),
        ("text/plain", OFFER, 415),
        ("application/sdpx", OFFER, 415),
        ("application/sdp", b"", 400),
        ("application/sdp", b"\r\n \r\n", 400),
        ("application/sdp", b"hello", 400),
        ("application/sdp", b"v=0\r\n", 400),
        ("application/sdp", b"v=0\rm=audio 9 X 1\r", 400),
        ("application/sdp", OFFER + b"\0", 400),
        ("application/sdp", b"\xff\xfe" + OFFER, 400),
        ("application/sdp", OFFER + b"a" * MAX_OFFER_BYTES, 413),
    ],
)
def test_what_is_no_offer_is_refused_with_the_closest_status(
    content_type: str | None, body: bytes, status: int
) -> None:
    """The body says what to do."""
    refused = check_body(content_type, body)

    assert refused is not None
    assert status == refused.status
    assert len(refused.error) > 20
    if status == 415:
        assert refused.headers()["Accept-Post"] == "application/sdp"


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"hello", "start with v=0"),
        (OFFER[3:], "start with v=0"),
        (b"v=0\r\n", "no media section"),
        (OFFER + b"\0", "ends with a NUL"),
        (OFFER + b"\0\0\0", "ends with a NUL"),
        (OFFER.replace(b"s=-", b"s=\0"), "NUL byte in it"),
        (b"\xef\xbb\xbf" + OFFER, "byte order mark of UTF-8"),
        ("\ufeff".encode("utf-16-le") + OFFER.decode().encode("utf-16-le"), "byte order mark of UTF-16"),
        ("\ufeff".encode("utf-16-be") + OFFER.decode().encode("utf-16-be"), "byte order mark of UTF-16"),
        (OFFER.replace(b"\r\n", b"\r"), "CR alone"),
    ],
)
def test_the_sentence_names_what_is_wrong(body: bytes, word: str) -> None:
    """And nothing that is right: who sees `v=0` named, and has it, looks in the wrong place."""
    refused = check_body("application/sdp", body)

    assert refused is not None
    assert word in refused.error
    assert ("v=0" in refused.error) == ("v=0" in word)


@pytest.mark.parametrize("body", [OFFER.replace(b"\r\n", b"\n"), b"\r\n" + OFFER, OFFER.replace(b"s=-", b"s=caf\xe9")])
def test_what_browsers_read_passes(body: bytes) -> None:
    """Line feeds alone, an empty line in front, and any byte in a name."""
    assert check_body("application/sdp", body) is None
