"""One example of every refusal, made by the constructors that really make them, for the reference."""

from collections.abc import Mapping

from shared import refusals
from shared.months import GB
from shared.refusals import Code, Refused

EXAMPLES: Mapping[Code, Refused] = {
    example.code: example
    for example in (
        refusals.invalid_key(),
        refusals.stream_limit_reached(1, 1),
        refusals.bandwidth_exceeded(50_100_000_000, 50 * GB),
        refusals.key_already_in_use("node1"),
        refusals.protocol_not_allowed("rtmp", "anonymous"),
        refusals.viewer_limit_reached(20, 20),
        refusals.quota_exceeded(),
        refusals.stream_not_found(),
        refusals.stream_offline(),
        refusals.invalid_grant(),
        refusals.invalid_request("The body is empty. Send an SDP offer."),
        refusals.unsupported_offer("The offer has two video sections; offer at most one."),
        refusals.rate_limited(10),
        refusals.no_capacity(),
        refusals.draining(),
        refusals.unauthorized(),
        refusals.forbidden("This account may not do that."),
        refusals.not_found(),
        refusals.unavailable(),
        refusals.bitrate_exceeded(6_000),
    )
}
