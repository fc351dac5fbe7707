"""Which tier may use which protocol, at `POST /v1/grants`: the contract's table, for each way to publish and to watch."""

import json

import jwt
import pytest

from shared.grants import TYPE
from shared.tiers import Tier
from tests.functions.world import Answer, Beating, World

WEBRTC = ("whip", "whep")
ACCOUNTS_ONLY = ("rtmp", "srt", "hls")
"""Written down here, so that the tier table cannot lose one unseen."""
PAYING = [tier for tier in Tier if tier is not Tier.ANONYMOUS]


def ask(world: World, node: Beating, tier: Tier, action: str, protocol: str) -> tuple[str, Answer]:
    """Ask for a grant with a key of *tier*, or for its stream, which is live then: the stream, and the answer."""
    world.account("acme", tier)
    key, stream = world.key("acme")
    if action == "publish":
        return stream, world.ask_grant({"action": action, "key": key, "protocol": protocol})
    node.publishes(world, world.publish(key))
    world.beat(node)
    return stream, world.ask_grant({"action": action, "stream": stream, "protocol": protocol})


@pytest.mark.parametrize("action", ["publish", "play"])
@pytest.mark.parametrize(
    ("tier", "protocol"),
    [
        *((tier, protocol) for tier in PAYING for protocol in (*WEBRTC, *ACCOUNTS_ONLY)),
        *((Tier.ANONYMOUS, protocol) for protocol in WEBRTC),
    ],
)
def test_a_grant_is_for_the_protocol_that_was_asked_for(
    world: World, node: Beating, tier: Tier, action: str, protocol: str
) -> None:
    """All five with an account, WebRTC without one. An independent library reads from it what a MediaMTX would."""
    stream, answer = ask(world, node, tier, action, protocol)

    assert answer.status == 201, answer.text
    (key,) = jwt.PyJWKSet.from_dict(json.loads(world.jwks)).keys
    # Whether it is over is a matter of this world's clock.
    read = jwt.decode_complete(
        answer.grant,
        key,
        ["EdDSA"],
        audience=node.id,
        issuer="sluice",
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    claims = read["payload"]
    assert read["header"] == {"typ": TYPE, "alg": "EdDSA", "kid": key.key_id}
    assert (claims["act"], claims["stream"], claims["tier"]) == (action, stream, tier.value)
    if protocol in WEBRTC:
        # Whichever of the two was said, a node takes WHIP for publishing and WHEP for playing, and nothing else.
        assert claims["proto"] == ("whip" if action == "publish" else "whep")
        assert "mediamtx_permissions" not in claims
        assert answer.json["url"] == f"{node.url}/{stream}/{'whip' if action == 'publish' else 'whep'}"
    else:
        assert claims["proto"] == protocol
        may = "publish" if action == "publish" else "read"
        assert claims["mediamtx_permissions"] == [{"action": may, "path": stream}]
        assert answer.json["url"] == f"{node.url}/{stream}"


@pytest.mark.parametrize("action", ["publish", "play"])
@pytest.mark.parametrize("protocol", ACCOUNTS_ONLY)
def test_without_an_account_the_others_are_refused_as_documented(
    world: World, node: Beating, action: str, protocol: str
) -> None:
    """Byte for byte, and a refused publish has no slot."""
    _, answer = ask(world, node, Tier.ANONYMOUS, action, protocol)

    assert answer.status == 403
    assert answer.text == (
        f'{{"error": "Protocol {protocol} requires an account", "code": "PROTOCOL_NOT_ALLOWED", '
        f'"protocol": "{protocol}", "tier": "anonymous"}}'
    )
    if action == "publish":
        assert world.slots("acme") == {}
