"""Requests and replies about the account's webhook, to which its events are sent."""

from typing import Literal

from pydantic import Field

from functions.edge.bodies import ReplyBody, RequestBody

EventType = Literal["stream.started", "stream.taken_over", "stream.ended", "publish.refused", "quota.passed"]

_WEBHOOK_URL = (
    r"^https://(?:(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?"
    r"|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
    r"|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?:443|102[4-9]|10[3-9][0-9]|1[1-9][0-9]{2}|[2-9][0-9]{3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
    r"(?:[/?][!-\"$-\[\]-~]*)?$"
)
"""What a pattern can say of a URL, for the document; `functions.domain.destinations` decides, by host and address too."""


class SetWebhookRequest(RequestBody):
    """Where events are to be sent."""

    url: str = Field(max_length=2048, json_schema_extra={"pattern": _WEBHOOK_URL})
    """`https://…`, with a public address behind it; port 443, or 1024 and above."""
    events: list[EventType] | None = Field(default=None, min_length=1, max_length=5)
    """Which types are sent; null for all, also those that come to be later."""


class RotateWebhookRequest(RequestBody):
    """How a webhook's secret is rotated."""

    overlap_seconds: int = Field(default=86400, ge=0, le=30 * 86400)
    """How long messages carry a signature by the old secret too."""


class LastDelivery(ReplyBody):
    """How the last delivery went."""

    at: float
    """Seconds since the epoch."""
    type: str
    """The type of the message."""
    error: str | None
    """Why the receiver did not take it; null where it did."""


class WebhookReply(ReplyBody):
    """The webhook of the account, with its secret in the answer that made it only."""

    url: str
    """Where events are sent."""
    events: list[str] | None
    """Which types are sent; null for all."""
    created: float
    """When the webhook was made, in seconds since the epoch."""
    secret: str | None = None
    """`whsec_…`, in the answer that made the webhook only: it is shown this once."""
    old_secret_until: float | None = None
    """Until when messages carry a signature by the secret that a rotation replaced, too."""
    last: LastDelivery | None = None
    """The last delivery since the URL was set; brought up to date once a minute while nothing changes."""


class WebhookSecret(ReplyBody):
    """The new secret of the webhook: it is shown this once."""

    secret: str
    """`whsec_…`, as the libraries of Standard Webhooks take it."""
    old_secret_until: float
    """Until when messages carry a signature by the old secret too, in seconds since the epoch."""


class WebhookTest(ReplyBody):
    """A test message is on its way; how it went is at `last` of the webhook soon."""

    type: Literal["webhook.test"]
    """The type of the message."""
    sent_at: float
    """Seconds since the epoch."""
