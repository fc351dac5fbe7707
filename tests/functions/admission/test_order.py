"""Where several refusals apply, the first of design.md's order is given (4.1): key, protocol, quota, key in use, stream limit."""

from itertools import combinations

import pytest

from shared.refusals import Code
from shared.tiers import Overrides, Tier
from tests.functions.front import Front
from tests.functions.world import Beating, World

WHIP = frozenset({"whip", "whep"})
ORDER = ("key", "protocol", "quota", "in use", "limit")
CODES = {
    "key": Code.INVALID_KEY,
    "protocol": Code.PROTOCOL_NOT_ALLOWED,
    "in use": Code.KEY_ALREADY_IN_USE,
    "limit": Code.STREAM_LIMIT_REACHED,
}
QUOTA = {Tier.ANONYMOUS: Code.QUOTA_EXCEEDED, Tier.REGISTERED: Code.BANDWIDTH_EXCEEDED}
WRONGS = [*((one,) for one in ORDER), *combinations(ORDER, 2), ORDER]


CASES = [
    *((Tier.REGISTERED, wrong) for wrong in WRONGS),
    *((Tier.ANONYMOUS, wrong) for wrong in WRONGS if "quota" in wrong),
]


@pytest.mark.parametrize(("tier", "wrong"), CASES, ids=str)
def test_the_first_of_what_is_wrong_is_said(world: World, node: Beating, tier: Tier, wrong: tuple[str, ...]) -> None:
    """Each alone, all pairs, and all at once; without an account what has to do with the quota, which is another code."""
    world.account("acme", tier, Overrides(streams=2, bytes=10, protocols=WHIP))
    key, stream = world.key("acme")
    other, _ = world.key("acme")
    if "in use" in wrong:
        node.publishes(world, world.publish(key))
    if "limit" in wrong:
        node.publishes(world, world.publish(other))
        world.beat(node)  # both run, and do until their node is told
        lowered = {"overrides": {"streams": 1, "bytes": 10, "protocols": sorted(WHIP)}}
        assert world.administer("PATCH", "accounts/acme", lowered).status == 200
    world.beat(node)
    if "quota" in wrong:
        entry = {"account": "acme", "month": "2026-11", "received": 11, "sent": 0}
        world.consume({"v": 1, "node": "node9", "boot": "b" * 16, "seq": 1, "at": world.now, "entries": [entry]})
    if "key" in wrong:
        world.administer("DELETE", f"accounts/acme/keys/{stream}")
    protocol = "rtmp" if "protocol" in wrong else "whip"

    answer = Front(world).ask("POST", "/v1/grants", {"action": "publish", "protocol": protocol, "key": key})

    assert answer.code == {**CODES, "quota": QUOTA[tier]}[wrong[0]]
