"""Replies about a month's bytes, divided by day and by stream."""

from functions.edge.bodies import ReplyBody


class ByteCount(ReplyBody):
    """Media bytes, both directions and each of them."""

    bytes: int
    """Both directions."""
    received: int
    """From publishers."""
    sent: int
    """To viewers, retransmissions included."""


class DayUsage(ByteCount):
    """The bytes of one day."""

    day: str | None
    """For example `2026-11-24`, UTC; null for bytes that no report assigned to a day."""


class StreamUsage(ByteCount):
    """The bytes of one stream."""

    stream_id: str | None
    """null for bytes that no report assigned to a stream."""
    label: str
    """The label of its key."""


class UsageReply(ByteCount):
    """A month's bytes: the days add up to them exactly, and so do the streams."""

    month: str
    """The UTC month, for example `2026-11`."""
    quota_bytes: int
    """The present quota."""
    days: list[DayUsage]
    """In order."""
    streams: list[StreamUsage]
    """Largest first."""
