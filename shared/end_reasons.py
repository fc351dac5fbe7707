"""Why a session ended, or why a command ends it: one word for the node's log, its metrics and the control plane.

A node of another version may send a reason that is not listed here, so messages carry plain text (`shared.messages`);
whoever counts by reason counts such a one as something else. Values are only added, since they are on the wire.
"""

from enum import StrEnum


class EndReason(StrEnum):
    """The reasons that this version of nodes and control plane gives."""

    # Of the client's own accord.
    DELETE = "delete"
    """It sent DELETE to its session URL."""
    CLOSED = "closed"
    """Its DTLS said close_notify (RFC 5246, section 7.2.1)."""

    # The connection failed.
    TIMEOUT = "timeout"
    """Nothing authentic came from it for ten seconds."""
    ICE_TIMEOUT = "ice_timeout"
    """No valid connectivity check came in time."""
    DTLS_TIMEOUT = "dtls_timeout"
    """The DTLS handshake was not done in time."""
    DTLS_HANDSHAKE = "dtls_handshake"
    """OpenSSL gave the DTLS handshake up."""
    DTLS_FINGERPRINT = "dtls_fingerprint"
    """The certificate matches no fingerprint of the offer (RFC 8122)."""
    DTLS_NO_SRTP = "dtls_no_srtp"
    """No SRTP profile was agreed on (RFC 5764, section 4.1)."""
    DTLS_ALERT = "dtls_alert"
    """A fatal alert came on the connected DTLS session."""
    DTLS_FAILED = "dtls_failed"
    """DTLS failed and no more is known."""

    # The stream changed.
    SUPERSEDED = "superseded"
    """A later publisher took the stream over."""
    PUBLISHER_GONE = "publisher_gone"
    """A viewer's publisher did not come back in time."""
    CODEC_CHANGED = "codec_changed"
    """A viewer negotiated a codec that the publisher sends no more."""
    B_FRAMES = "b_frames"
    """Pictures come out of order and cannot be left out, since others refer to them."""

    # The node needs the place, or stops.
    SHUTDOWN = "shutdown"
    """The node stops."""
    HANDOVER = "handover"
    """A draining node sent the publisher to another node."""
    MOVED = "moved"
    """A viewer's stream is live on another node."""
    MADE_WAY = "made_way"
    """A viewer who had not connected left its place in a full stream or node to another."""

    # The control plane decided it.
    ADMIN = "admin"
    """The operator ended it, or suspended or closed its account."""
    REVOKED = "revoked"
    """Its stream key was revoked or replaced."""
    BANDWIDTH_EXCEEDED = "BANDWIDTH_EXCEEDED"
    """The account's traffic of the month is used up; spelled as the refusal of that name."""
    BITRATE_EXCEEDED = "BITRATE_EXCEEDED"
    """The publisher sent more than its grant allows; spelled as the refusal of that name."""
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    """The free traffic of an address is used up; spelled as the refusal of that name."""

    # Behind a MediaMTX, which gives no reasons.
    GONE = "gone"
    """MediaMTX lists the connection no more."""
    NEVER_CAME = "never came"
    """The publisher was admitted and did not appear in time."""
    NOT_ADMITTED = "not admitted"
    """MediaMTX has a source that the control plane did not admit."""
