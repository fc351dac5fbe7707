"""Each function's policy is exactly what its code does.

Two halves make it exact over the whole suite: no test of functions/ makes a call that the policy does not allow (the
`world` fixture checks every one), and the walk below makes every call that the policy allows.
"""

from functions.domain.pace import IN_FLIGHT, Pace
from functions.storage.webhooks import Webhooks
from shared.tiers import Tier
from tests.functions.policies import granted, used
from tests.functions.world import SETTINGS, Beating, World, load_event

FUNCTIONS = ("admission", "hooks", "nodes", "metering", "admin", "public", "account", "webhooks", "slow_webhooks")


def mediamtx(world: World) -> None:
    """A publish that is admitted, forced, and without a slot left; then a viewer."""
    beating = Beating("mtx1", "bootbootbootc222", "http://127.0.0.1:8889", kind="mediamtx")
    world.beat(beating)
    world.account("radio")
    key, stream = world.key("radio")
    ask = {"action": "publish", "protocol": "rtmp", "path": stream, "password": key, "ip": "203.0.113.7"}
    session = world.ask_mediamtx(ask).json["session"]
    beating.streams[stream] = {"stream": stream, "account": "radio", "session": session, "epoch": 1, "since": world.now}
    world.beat(beating)
    world.ask_mediamtx({**ask, "query": "force=1"})
    beating.boot, beating.started_at = "bootbootboote222", world.now
    world.beat(beating)
    world.ask_mediamtx(ask)
    world.ask_mediamtx({"action": "read", "protocol": "hls", "path": stream})
    world.account("nobody", Tier.ANONYMOUS)
    key, stream = world.key("nobody")
    world.ask_mediamtx({**ask, "path": stream, "password": key})  # not by RTMP: noted and told


def test_every_permission_is_used_and_no_other(world: World, node: Beating) -> None:
    """Everything happens that a function does with a store; then the calls are the policies."""
    token = world.account("acme", Tier.SOLO_CREATOR)
    key, stream = world.key("acme")
    session = node.publishes(world, world.publish(key))
    world.beat(node)
    world.publish(key, query={"force": "1"})  # looks at the node
    node.state, node.waiting = "draining", [stream]
    world.beat(node)
    world.publish(key)  # no node: reads the account
    node.state = "serving"
    world.beat(node)
    world.watch(stream)
    world.request(load_event("anonymous"))
    node.boot, node.started_at = "bootbootbootd222", world.now
    world.beat(node)
    world.publish(key)  # a slot of a life that is over: looks for it in the fleet as of now
    node.streams.clear()
    world.beat(node, ended=[{"session": session, "stream": stream, "account": "acme", "action": "publish"}])
    node.publishes(world, world.publish(world.key("acme")[0]))
    world.beat(node)
    world.now += 4
    other = Beating("node2", "bootbootbootb222", "http://127.0.0.1:8890")
    world.beat(other)
    entry = {"account": "acme", "month": "2026-11", "received": 10**12, "sent": 0}
    report = {"v": 1, "node": "node1", "boot": node.boot, "seq": 1, "at": 0.0, "entries": [entry]}
    world.consume(report)
    world.consume(report, attempt=2)  # looks at what is merged
    world.administer("POST", "accounts", {"account": "other", "tier": "studio_pro"})
    world.administer("PATCH", "accounts/acme", {"tier": "studio_pro"})
    made = world.administer("POST", "accounts/acme/keys", {})
    world.administer("GET", "accounts")
    world.administer("GET", "sessions")
    world.administer("POST", "nodes/node1/drain")
    world.administer("DELETE", f"accounts/acme/keys/{made.json['stream']}")
    for path in ("/", "/v1/tiers", f"/v1/streams/{stream}", "/.well-known/jwks.json", "/openapi.json", "/docs"):
        assert world.read("public", path).status == 200
    for path in ("/v1/account", "/v1/account/keys", "/v1/account/refusals"):
        assert world.read("account", path, token).status == 200
    assert world.own("POST", "/keys", token, {}).status == 201
    assert world.own("POST", f"/keys/{stream}/rotate", token, {}).status == 201
    publishing = next(iter(world.slots("acme")))
    assert world.own("DELETE", f"/keys/{publishing}", token).status == 200

    assert world.own("PUT", "/webhook", token, {"url": "http://127.0.0.1:1025/"}).status == 200
    assert world.own("POST", "/webhook/test", token).status == 202
    assert world.deliver(*(event for event in world.routed() if event["detail-type"] == "Webhook Test")) == [0]
    webhooks(world)
    assert world.own("DELETE", "/webhook", token).status == 200

    mediamtx(world)

    assert {function: used(world.calls[function], SETTINGS) for function in FUNCTIONS} == {
        function: granted(function) for function in FUNCTIONS
    }


def webhooks(world: World) -> None:
    """A receiver that is known to be slow, whose messages go over to the slow lane, fail there, and are put off."""
    store = Webhooks(world.dynamo, SETTINGS.accounts_table)
    webhook = store.read("acme")
    assert webhook is not None
    tests = [event for event in world.routed() if event["detail-type"] == "Webhook Test"]
    store.slow_down(webhook, Pace(world.now + 60))
    assert world.deliver(*tests) == []
    assert world.deliver_slowly() == [0]
    store.slow_down(webhook, Pace(world.now + 60))
    assert world.deliver(*tests) == []
    for _ in range(IN_FLIGHT):
        assert store.permit(webhook, world.now) is not None
    assert world.deliver_slowly() == []
    assert len(world.handed) == 1
