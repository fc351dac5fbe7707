"""The body of `POST /v1/grants`: a few fields, checked by hand, because a model library would double the cold start."""

import re
from dataclasses import dataclass
from typing import Any

from functions.domain.names import wrong_name
from functions.domain.publishing import MAX_IDEMPOTENCY_KEY, Publish
from functions.edge.jsonbody import read_object
from shared.grants import WEBRTC, Action
from shared.keys import StreamKey, is_stream_id
from shared.names import is_name
from shared.offers import MAX_OFFER_BYTES, too_large
from shared.refusals import Refused, invalid_key, invalid_request, stream_not_found
from shared.tiers import PROTOCOLS

IDEMPOTENCY_KEY = re.compile(rf"[ -+\--~]{{1,{MAX_IDEMPOTENCY_KEY}}}")
"""Printable ASCII. No comma: API Gateway joins a header that is there twice with one."""


@dataclass(frozen=True, slots=True)
class Play:
    """What a client says who wants to watch."""

    stream: str
    """The public id."""
    protocol: str
    """What it will be played by, as `shared.tiers.PROTOCOLS` calls it."""
    wait: bool = False
    """Rather wait at a node than be told that the stream is offline."""


def read_grant_request(body: bytes, address: str = "") -> Publish | Play | Refused:
    """What *body* asks for, for the client at *address*; a refusal that names the first field that is wrong."""
    if len(body) > MAX_OFFER_BYTES:
        return too_large()
    fields = read_object(body)
    if isinstance(fields, Refused):
        return fields
    refused = _first_wrong(fields)
    if refused is not None:
        return refused
    action = Action(fields["action"])
    protocol = fields.get("protocol") or WEBRTC[action]
    if protocol in WEBRTC.values():
        # By either name it is the action's own: a node publishes by WHIP alone and plays by WHEP alone.
        protocol = WEBRTC[action]
    if action is Action.PLAY:
        wait = bool(fields.get("wait"))
        return Play(fields["stream"], protocol, wait) if is_stream_id(fields["stream"]) else stream_not_found()
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
    if action not in list(Action):
        return invalid_request('"action" must be "publish" or "play".', "action")
    secret = "key" if action == "publish" else "stream"
    if not isinstance(fields.get(secret), str):
        return invalid_request(f'To {action}, "{secret}" is needed.', secret)
    protocol = fields.get("protocol")
    if protocol is not None and (not isinstance(protocol, str) or protocol not in PROTOCOLS):
        return invalid_request(f'"protocol" must be one of {", ".join(sorted(PROTOCOLS))}.', "protocol")
    for name in ("force", "wait"):
        if not isinstance(fields.get(name, False), bool | None):
            return invalid_request(f'"{name}" must be true or false.', name)
    for name in ("region", "node"):
        value = fields.get(name)
        if value is not None and not (isinstance(value, str) and is_name(value)):
            return wrong_name(name)
    key = fields.get("idempotency_key")
    if key is not None and not (isinstance(key, str) and IDEMPOTENCY_KEY.fullmatch(key)):
        return wrong_idempotency_key("idempotency_key")
    return None


def wrong_idempotency_key(field: str) -> Refused:
    """The answer to an idempotency key that cannot be one."""
    return invalid_request(
        f'"{field}" must be there once, with 1 to {MAX_IDEMPOTENCY_KEY} printable ASCII characters and no comma.', field
    )


def wrong_flag(field: str) -> Refused:
    """The answer to a flag of the query that is neither set nor not."""
    return invalid_request(f'"{field}" must be 1 or 0, once.', field)
