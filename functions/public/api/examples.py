"""Examples for the reference: of every refusal, made by the constructors that really make them; of every request and
every parameter, which a test puts to the handlers.
"""

from collections.abc import Mapping
from typing import Any

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

STREAM_KEY = "live_" + "a" * 32
STREAM_ID = "a" * 16
NOW = 1_795_532_400
OFFER = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n"
)
"""The beginning of one: the API looks no further, the node does."""

PARAMETERS: Mapping[str, str] = {
    "stream_key": STREAM_KEY,
    "stream_id": STREAM_ID,
    "force": "1",
    "wait": "1",
    "region": "eu-central-1",
    "node": "node1",
    "at": str(NOW + 3600),
    "version": "0123456789ab",
    "file": "style.css",
    "folder": "watch",
    "module": "view.js",
    "account": "acme",
    "after": "acme",
    "month": "2026-11",
    "Idempotency-Key": "0b0e3a1c-4f0e-4d2a-9c58-8a1d1f1c2b3d",
    "session": "ggggggggggggggggggggggggga",
}

_PUBLISH = {"action": "publish", "protocol": "whip", "key": STREAM_KEY}
_HEARTBEAT = {
    "v": 1, "node": "node1", "boot": "bootbootboota222", "at": NOW, "url": "https://node1.example.com", "region": "local",
    "state": "serving", "started_at": NOW - 100,
    "load": {"publishers": 0, "viewers": 0, "max_sessions": 400, "egress_kbps": 0, "max_egress_kbps": 900_000},
    "streams": [], "ended": [], "done": [],
}  # fmt: skip

REQUESTS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("post", "/{stream_key}/whip"): {"offer": OFFER},
    ("post", "/whip"): {"offer": OFFER},
    ("post", "/{stream_id}/whep"): {"offer": OFFER},
    ("post", "/v1/grants"): {
        "publish": _PUBLISH,
        "publish by RTMP, in place of who publishes now": {**_PUBLISH, "protocol": "rtmp", "force": True},
        "play": {"action": "play", "protocol": "whep", "stream": STREAM_ID},
    },
    ("post", "/v1/hooks/mediamtx"): {
        "publish": {
            "action": "publish", "path": STREAM_ID, "protocol": "srt", "user": "", "password": STREAM_KEY,
            "ip": "192.0.2.10", "query": "", "id": "b9f25a4e-7b6f-4a3c-9a4e-3f2f3f0e7d55",
        },
        "read": {"action": "read", "path": STREAM_ID, "protocol": "hls", "ip": "192.0.2.11"},
    },
    ("post", "/v1/account/keys"): {"any": {}, "restricted": {"label": "Studio", "protocols": ["whip", "rtmp"]}},
    ("post", "/v1/account/keys/{stream_id}/rotate"): {"now": {}, "overlapping": {"overlap_seconds": 3600}},
    ("post", "/v1/account/token"): {"at once": {}, "overlapping": {"overlap_seconds": 3600}},
    ("put", "/v1/account/webhook"): {
        "all events": {"url": "https://hooks.example.com/sluice"},
        "some": {"url": "https://hooks.example.com/sluice", "events": ["stream.started", "stream.ended"]},
    },
    ("post", "/v1/account/webhook/rotate"): {"a day's overlap": {}, "at once": {"overlap_seconds": 0}},
    ("post", "/v1/account/dry-run"): {
        "publish": {"action": "publish", "stream_id": STREAM_ID},
        "publish with a secret": {"action": "publish", "stream_key": STREAM_KEY, "protocol": "srt", "force": True},
        "play": {"action": "play", "stream_id": STREAM_ID},
    },
    ("post", "/v1/nodes/{node}/heartbeat"): {"idle": _HEARTBEAT},
    ("post", "/v1/admin/accounts"): {
        "plain": {"account": "newcomer", "tier": "solo_creator"},
        "with overrides": {"account": "newcomer", "tier": "studio_pro", "overrides": {"streams": 40, "bytes": 5 * 10**12}},
    },
    ("patch", "/v1/admin/accounts/{account}"): {
        "tier": {"tier": "creator_plus"}, "overrides": {"overrides": {"viewers": 200}}, "none": {"overrides": {}},
        "suspended": {"suspended": True}, "resumed": {"suspended": False},
    },
    ("post", "/v1/admin/accounts/{account}/keys"): {"labelled": {"label": "Studio"}},
}  # fmt: skip
