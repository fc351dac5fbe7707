"""Watching over HTTP: two cheap reads, no write, and every documented refusal."""

import pytest

from shared.grants import Action
from shared.tiers import Overrides, Tier
from tests.functions.world import Beating, World, load_event


def live(world: World, node: Beating, tier: Tier = Tier.REGISTERED, **changes: int) -> str:
    """A stream that is live on *node*."""
    world.account("acme", tier)
    key, stream = world.key("acme")
    node.publishes(world, world.publish(key), **changes)
    world.beat(node)
    world.calls["admission"].clear()
    return stream


def test_a_viewer_is_redirected_to_the_stream_s_node(world: World, node: Beating) -> None:
    """307 with a grant to play, from two eventually consistent reads and no write."""
    stream = live(world, node)
    world.beat(Beating("node2", "bootbootbootb222", "http://127.0.0.1:8890"))

    answer = world.watch(stream)

    claims = world.verified(answer, Action.PLAY).claims
    assert answer.headers["Location"].startswith(f"{node.url}/{stream}/whep?grant=")
    assert (claims.node, claims.account, claims.max_viewers) == ("node1", "acme", 20)
    (call,) = [call for call in world.calls["admission"] if call.action.startswith("dynamodb")]
    assert call.action == "dynamodb:BatchGetItem"
    assert not call.consistent


def test_a_full_stream_is_refused_as_documented(world: World, node: Beating) -> None:
    """Byte for byte; and the crowd that asks again within the second costs nothing."""
    stream = live(world, node, viewers=20)

    answers = [world.watch(stream) for _ in range(50)]

    assert {answer.status for answer in answers} == {403}
    assert {answer.text for answer in answers} == {
        '{"error": "Viewer limit (20) reached", "code": "VIEWER_LIMIT_REACHED", "current": 20, "limit": 20}'
    }
    assert len(world.calls["admission"]) == 1


def test_a_seat_that_becomes_free_is_found(world: World, node: Beating) -> None:
    """A second after the refusal at the latest."""
    stream = live(world, node, viewers=20)
    world.watch(stream)
    node.streams[stream]["viewers"] = 19
    world.now += 1.1
    world.beat(node)

    assert world.watch(stream).status == 307


@pytest.mark.usefixtures("node")
def test_unknown_and_offline_streams(world: World) -> None:
    """404 for what does not exist, 409 with Retry-After for what is not on."""
    world.account("acme")
    key, stream = world.key("acme")

    unknown, offline = world.watch("a" * 16), world.watch(stream)

    assert (unknown.status, unknown.code) == (404, "STREAM_NOT_FOUND")
    assert (offline.status, offline.code, offline.headers["Retry-After"]) == (409, "STREAM_OFFLINE", "3")
    assert world.watch(key).code == "STREAM_NOT_FOUND"
    assert world.watch("..%2F\0").code == "STREAM_NOT_FOUND"


def test_who_asks_to_wait_gets_a_seat_before_the_publisher(world: World, node: Beating) -> None:
    """At a node with room, which is told so; who does not ask is told that the stream is offline."""
    world.account("acme", Tier.REGISTERED)
    _, stream = world.key("acme")
    world.beat(node)

    assert world.watch(stream, query={"wait": "0"}).code == "STREAM_OFFLINE"
    waiting = world.watch(stream, query={"wait": "1"})
    asked = world.ask_grant({"stream": stream, "action": "play", "wait": True})

    assert waiting.status == 307
    assert waiting.headers["Location"].endswith("&wait=1")
    assert world.verified(waiting, Action.PLAY).claims.max_viewers == 20
    assert (asked.status, asked.json["node"]) == (201, "node1")


def test_waiting_is_for_webrtc_and_for_streams_that_exist(world: World, node: Beating) -> None:
    """And needs a node with room; a live stream is watched at once, where it is."""
    stream = live(world, node)
    other = world.key("acme")[1]

    assert "wait=" not in world.watch(stream, query={"wait": "1"}).headers["Location"]
    assert world.watch("a" * 16, query={"wait": "1"}).code == "STREAM_NOT_FOUND"
    assert world.watch(other, query={"wait": "maybe"}).code == "INVALID_REQUEST"
    assert world.ask_grant({"stream": other, "action": "play", "protocol": "hls", "wait": True}).status == 409
    node.state = "draining"
    world.beat(node)
    assert world.watch(other, query={"wait": "1"}).code == "STREAM_OFFLINE"


def test_a_stream_is_offline_once_its_session_ended_or_its_node_died(world: World, node: Beating) -> None:
    """By the node's word, or for the lack of one."""
    stream = live(world, node)
    world.now += 11
    assert world.watch(stream).code == "STREAM_OFFLINE"
    world.beat(node)
    world.now += 1  # a refusal is remembered for a second
    assert world.watch(stream).status == 307

    node.streams.clear()
    world.beat(node)

    assert world.watch(stream).code == "STREAM_OFFLINE"


def test_a_full_quota_ends_watching_too(world: World, node: Beating) -> None:
    """With the account's own refusal."""
    stream = live(world, node)
    world.consume(usage("acme", node, 201 * 10**9))

    assert world.watch(stream).code == "BANDWIDTH_EXCEEDED"


def test_anonymous_streams_are_not_watched_by_hls(world: World, node: Beating) -> None:
    """The protocol's refusal, as documented."""
    stream = live(world, node, Tier.ANONYMOUS)

    answer = world.ask_grant({"stream": stream, "action": "play", "protocol": "hls"})

    assert answer.status == 403
    assert answer.json == {
        "error": "Protocol hls requires an account", "code": "PROTOCOL_NOT_ALLOWED", "protocol": "hls",
        "tier": "anonymous",
    }  # fmt: skip


def test_a_grant_to_play_is_answered_in_full(world: World, node: Beating) -> None:
    """For a node that exchanges on behalf of its client."""
    stream = live(world, node)

    answer = world.ask_grant({"stream": stream, "action": "play"})

    assert answer.status == 201
    assert answer.json["url"] == f"{node.url}/{stream}/whep"
    assert world.verified(answer, Action.PLAY).claims.session == answer.json["session"]


def test_a_draining_node_takes_no_viewers(world: World, node: Beating) -> None:
    """503: the player asks again, and finds the stream elsewhere once its publisher has moved."""
    stream = live(world, node)
    node.state = "draining"
    world.beat(node)

    assert world.watch(stream).code == "DRAINING"


def test_a_full_node_takes_no_viewers(world: World, node: Beating) -> None:
    """The answer is 503 with Retry-After."""
    stream = live(world, node)
    node.load = {"max_sessions": 2, "publishers": 1, "viewers": 1}
    world.beat(node)

    assert world.watch(stream).code == "NO_CAPACITY"


def test_discovery(world: World) -> None:
    """HEAD and GET tell a player that this address speaks WHEP, without a look into the store."""
    for method in ("HEAD", "GET"):
        answer = world.watch("a" * 16, method=method)
        assert (answer.status, answer.headers["Content-Type"], answer.headers["Content-Length"]) == (
            200, "application/sdp", "0",
        )  # fmt: skip
    assert world.watch("a" * 16, method="DELETE").status == 405


def test_a_broken_offer_of_a_viewer(world: World, node: Beating) -> None:
    """Refused by its type before anything is read."""
    stream = live(world, node)

    assert world.watch(stream, headers={"content-type": "application/json"}).status == 415
    assert world.calls["admission"] == []


def test_an_override_raises_the_viewer_limit_at_once(world: World, node: Beating) -> None:
    """The operator's change reaches the stream's item."""
    stream = live(world, node, viewers=20)
    assert world.administer("PATCH", "accounts/acme", {"overrides": {"viewers": 21}}).status == 200

    assert world.verified(world.watch(stream), Action.PLAY).claims.max_viewers == 21
    found = world.registry.account("acme")
    assert found is not None
    assert found.overrides == Overrides(viewers=21)


def usage(account: str, node: Beating, received: int, **changes: object) -> dict[str, object]:
    """A usage report of the node."""
    entry = {"account": account, "month": "2026-11", "received": received, "sent": 0}
    return {"v": 1, "node": node.id, "boot": node.boot, "seq": 1, "at": 0, "entries": [entry]} | changes


def test_two_hundred_viewers_behind_one_address_all_get_in(world: World, node: Beating) -> None:
    """A school, an office: at once. Then fifty a second, and whoever asks on costs no call and waits no longer for it."""
    stream = live(world, node, Tier.STUDIO_PRO)

    assert {world.watch(stream, address="203.0.113.7").status for _ in range(200)} == {307}
    world.calls["admission"].clear()
    refused = [world.watch(stream, address="203.0.113.7") for _ in range(100)]

    assert {(answer.status, answer.code, answer.headers["Retry-After"]) for answer in refused} == {
        (429, "RATE_LIMITED", "1")
    }
    assert world.calls["admission"] == []
    assert world.watch(stream, address="203.0.113.8").status == 307
    world.now += 1
    world.beat(node)
    later = [world.watch(stream, address="203.0.113.7").status for _ in range(60)]
    assert later in ([307] * 50 + [429] * 10, [307] * 49 + [429] * 11)


def test_a_node_s_viewers_are_not_one_client(world: World, node: Beating) -> None:
    """They come to the node, which counts each of them, and asks for their grants from its own address.

    So a crowd gets in, and nobody shuts out the others by asking often. Whoever else has that address once the node is gone
    is a client like any.
    """
    stream = live(world, node, Tier.STUDIO_PRO)
    asked = {"stream": stream, "action": "play", "node": node.id}
    address = load_event("heartbeat")["requestContext"]["http"]["sourceIp"]

    assert {world.ask_grant(asked, address=address).status for _ in range(400)} == {201}
    assert {world.ask_grant(asked, address="203.0.113.7").status for _ in range(400)} == {201, 429}
    world.now += 20
    assert world.ask_grant(asked, address=address).code == "STREAM_OFFLINE"
    assert "RATE_LIMITED" in {world.ask_grant(asked, address=address).code for _ in range(400)}


def test_every_way_to_a_viewer_s_grant_counts_and_an_ipv6_client_counts_by_its_network(
    world: World, node: Beating
) -> None:
    """WHEP and `POST /v1/grants`, of streams that exist or not; not a preflight, and not a publisher."""
    stream = live(world, node, Tier.STUDIO_PRO)
    key, _ = world.key("acme")
    asked = {"stream": stream, "action": "play"}
    for number in range(100):
        assert world.watch(stream, address=f"2001:db8:0:1::{number:x}").status == 307
        assert world.watch("a" * 16, address=f"2001:db8:0:1:{number + 1:x}::").status == 404

    for address in ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:0DB8:0:1::1%eth0"):
        assert world.watch(stream, address=address).code == "RATE_LIMITED"
        assert world.ask_grant(asked, address=address).code == "RATE_LIMITED"
        assert world.watch(stream, address=address, method="OPTIONS").status == 200
        assert world.publish(key, address=address, query={"force": "1"}).status in {307, 409}
    assert world.watch(stream, address="2001:db8:0:2::1").status == 307
