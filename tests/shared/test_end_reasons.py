"""Reasons of a session's end are on the wire and in metrics: their spelling is kept."""

from shared.end_reasons import EndReason
from shared.messages import Command, EndedReport
from shared.refusals import Code


def test_the_spelling_is_kept() -> None:
    """Nodes, functions and dashboards of other versions read these; a value may be added, and none changed."""
    assert {reason.value for reason in EndReason} == {
        *("delete", "closed", "timeout", "ice_timeout", "dtls_timeout"),
        *("dtls_handshake", "dtls_fingerprint", "dtls_no_srtp", "dtls_alert", "dtls_failed"),
        *("superseded", "publisher_gone", "codec_changed", "b_frames"),
        *("shutdown", "handover", "moved", "made_way"),
        *("admin", "revoked", "BANDWIDTH_EXCEEDED", "BITRATE_EXCEEDED", "QUOTA_EXCEEDED"),
        *("gone", "never came", "not admitted"),
    }


def test_reasons_that_are_refusals_as_well_are_spelled_like_them() -> None:
    """The owner reads them among the refusals."""
    for reason in (EndReason.BANDWIDTH_EXCEEDED, EndReason.BITRATE_EXCEEDED, EndReason.QUOTA_EXCEEDED):
        assert Code(reason.value).value == reason.value


def test_messages_carry_them_as_text() -> None:
    """A reason fits the field of both messages, and is written as plain text."""
    for reason in EndReason:
        told = EndedReport(session="s", stream="s", account="a", action="play", reason=reason)
        command = Command(id="c", reason=reason, session="s")

        assert f'"reason":"{reason.value}"' in told.model_dump_json()
        assert f'"reason":"{reason.value}"' in command.model_dump_json()
