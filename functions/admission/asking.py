"""The body of `POST /v1/grants`: a few fields, checked by hand, because a model library would double the cold start."""

import json
from dataclasses import dataclass
from typing import Any

from functions.admission.publish import MAX_IDEMPOTENCY_KEY, Publish
from shared.keys import StreamKey, is_stream_id
from shared.offers import MAX_OFFER_BYTES, too_large
from shared.refusals import Refused, invalid_key, invalid_request, stream_not_found
from shared.tiers import PROTOCOLS

ACTIONS = ("publish", "play")
DEFAULT_PROTOCOL = {"publish": "whip", "play": "whep"}
MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class Play:
    """A request to watch."""

    stream: str
    protocol: str


def grant_request(body: bytes, address: str = "") -> Publish | Play | Refused:
    """What *body* asks for on behalf of the client at *address*, or which field is wrong."""
    if len(body) > MAX_OFFER_BYTES:
        return too_large()
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return invalid_request("The body is not JSON.")
    if not isinstance(fields, dict):
        return invalid_request("The body is not a JSON object.")
    refused = _first_wrong(fields)
    if refused is not None:
        return refused
    action = fields["action"]
    protocol = fields.get("protocol") or DEFAULT_PROTOCOL[action]
    if action == "play":
        return Play(fields["stream"], protocol) if is_stream_id(fields["stream"]) else stream_not_found()
    key = StreamKey.parse(fields["key"])
    if key is None:
        return invalid_key()
    return Publish(
        key,
        protocol,
        bool(fields.get("force")),
        fields.get("region"),
        fields.get("node"),
        fields.get("idempotency_key"),
        address,
    )


def _first_wrong(fields: dict[str, Any]) -> Refused | None:
    action = fields.get("action")
    if action not in ACTIONS:
        return invalid_request('"action" must be "publish" or "play".', "action")
    secret = "key" if action == "publish" else "stream"
    if not isinstance(fields.get(secret), str):
        return invalid_request(f'To {action}, "{secret}" is needed.', secret)
    protocol = fields.get("protocol")
    if protocol is not None and (not isinstance(protocol, str) or protocol not in PROTOCOLS):
        return invalid_request(f'"protocol" must be one of {", ".join(sorted(PROTOCOLS))}.', "protocol")
    if not isinstance(fields.get("force", False), bool | None):
        return invalid_request('"force" must be true or false.', "force")
    for name, longest in (("region", MAX_NAME), ("node", MAX_NAME), ("idempotency_key", MAX_IDEMPOTENCY_KEY)):
        value = fields.get(name)
        if value is not None and (not isinstance(value, str) or not 0 < len(value) <= longest):
            return invalid_request(f'"{name}" must be text of 1 to {longest} characters.', name)
    return None
