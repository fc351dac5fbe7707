"""Heartbeats over HTTP: leases, begins and ends, fencing, commands, and malformed ones."""

import json

import pytest

from functions.domain.fleet import PendingCommand
from functions.storage.nodes import Nodes
from shared.messages import HeartbeatReply
from shared.tiers import Tier
from tests.functions.world import NOW, Beating, World


def publishing(world: World, node: Beating, tier: Tier = Tier.SOLO_CREATOR) -> tuple[str, str, str]:
    """A key, its stream, and its session running on *node*."""
    world.account("acme", tier)
    key, stream = world.key("acme")
    session = node.publishes(world, world.publish(key))
    world.beat(node)
    return key, stream, session


def test_the_answer_is_what_the_message_library_reads(world: World) -> None:
    """The lease, the public keys and the commands."""
    answer = world.beat(Beating())

    reply = HeartbeatReply.model_validate_json(answer.text)
    assert reply.lease_seconds == 10
    assert {"keys": list(reply.keys.keys)} == json.loads(world.jwks)
    assert reply.commands == ()


def test_a_session_that_begins_is_marked_and_shown(world: World, node: Beating) -> None:
    """In the roster, on the stream's item, and in the node's report."""
    _, stream, session = publishing(world, node)

    account, found = world.registry.account("acme"), world.registry.stream(stream)
    assert account is not None
    assert found is not None
    assert found.live is not None
    assert account.slots[stream].used_at == NOW
    assert (found.live.session, found.live.node, found.live.boot) == (session, "node1", node.boot)
    assert list(world.directory.reports(["node1"])["node1"].streams) == [stream]


def test_a_steady_beat_costs_one_read_and_one_write(world: World, node: Beating) -> None:
    """The summary follows every three seconds, or at once when something changes that placement sees."""
    publishing(world, node)
    world.calls["nodes"].clear()
    world.now += 1
    world.beat(node)

    assert [call.action for call in world.calls["nodes"]] == ["dynamodb:GetItem", "dynamodb:UpdateItem"]

    world.now += 2.5
    world.beat(node)
    assert len(world.calls["nodes"]) == 5


def test_a_session_that_the_roster_does_not_have_is_ended(world: World, node: Beating) -> None:
    """At every beat, until it is gone; and it counts nowhere meanwhile."""
    key, stream, session = publishing(world, node)
    assert world.rosters.release("acme", stream, session)
    other = world.publish(key)
    node.streams.clear()
    node.publishes(world, other)
    assert world.beat(node).json["commands"] == []
    node.streams[stream]["session"] = session

    for _ in range(2):
        (command,) = world.beat(node).json["commands"]
        assert (command["reason"], command["session"]) == ("superseded", session)
    assert world.directory.reports(["node1"])["node1"].streams == {}


def test_a_node_that_lost_its_lease_has_its_sessions_checked(world: World, node: Beating) -> None:
    """Those whose slots were given away meanwhile end; the others go on."""
    _, stream, session = publishing(world, node, Tier.REGISTERED)
    second, _ = world.key("acme")
    other = Beating("node2", "bootbootbootb222", "http://127.0.0.1:8890")
    world.now += 11
    world.beat(other)
    world.verified(world.publish(second))

    commands = world.beat(node).json["commands"]

    assert {command["session"] for command in commands} == {session}
    assert world.directory.reports(["node1"])["node1"].streams == {}
    assert stream not in world.slots("acme")


def test_a_node_that_lost_its_lease_keeps_what_nobody_took(world: World, node: Beating) -> None:
    """An outage of the API ends no media (design.md, rule 7)."""
    _, stream, session = publishing(world, node)
    world.now += 300

    assert world.beat(node).json["commands"] == []
    assert world.slots("acme") == {stream: session}


def test_the_roster_is_checked_now_and_then_in_any_case(world: World, node: Beating) -> None:
    """Whatever was lost on the way, a session outside the roster ends within half a minute."""
    _, stream, session = publishing(world, node)
    world.rosters.release("acme", stream, session)
    ended = False
    for _ in range(16):
        world.now += 2
        ended = ended or bool(world.beat(node).json["commands"])

    assert ended


def test_a_session_whose_successor_is_on_its_way_here_is_left_to_it(world: World, node: Beating) -> None:
    """Ending it now would send its viewers away for the moment of the switch; the rosters' check must not do that."""
    key, stream, session = publishing(world, node)
    world.now += 29.5
    world.beat(node)
    taken = world.publish(key, query={"force": "1"})
    world.now += 1
    world.beat(node)

    assert world.beat(node).json["commands"] == []
    found = world.registry.stream(stream)
    assert found is not None
    assert found.live is not None
    assert found.live.session == session

    new = node.publishes(world, taken)
    assert world.beat(node).json["commands"] == []
    assert world.slots("acme") == {stream: new}


def test_a_lost_end_is_noticed(world: World, node: Beating) -> None:
    """The list of live sessions is whole: what is not in it any more has ended."""
    _, stream, _ = publishing(world, node)
    node.streams.clear()
    world.beat(node)

    found = world.registry.stream(stream)
    assert world.slots("acme") == {}
    assert found is not None
    assert found.live is None


def test_an_end_without_a_beginning_frees_the_slot(world: World, node: Beating) -> None:
    """A grant that the node used up without a session: the slot is free at once."""
    world.account("acme", Tier.REGISTERED)
    key, stream = world.key("acme")
    session = world.verified(world.publish(key)).claims.session

    world.beat(node, ended=[{"session": session, "stream": stream, "account": "acme", "action": "publish"}])

    assert world.slots("acme") == {}


def test_the_end_of_an_old_session_leaves_the_new_one_alone(world: World, node: Beating) -> None:
    """Ends are repeated until they are answered, and may come late."""
    key, stream, session = publishing(world, node)
    new = node.publishes(world, world.publish(key, query={"force": "1"}))
    world.beat(node)

    world.beat(node, ended=[{"session": session, "stream": stream, "account": "acme", "action": "publish"}])

    found = world.registry.stream(stream)
    assert world.slots("acme") == {stream: new}
    assert found is not None
    assert found.live is not None
    assert found.live.session == new


def test_the_end_of_a_viewer_costs_nothing(world: World, node: Beating) -> None:
    """Viewers have no slot that could be freed."""
    world.calls["nodes"].clear()
    world.now += 1
    world.beat(node, ended=[{"session": "v", "stream": "s", "account": "a", "action": "play"}])

    assert len(world.calls["nodes"]) == 2


def test_a_late_heartbeat_of_a_former_life_is_refused(world: World, node: Beating) -> None:
    """409; the younger life holds the lease."""
    young = Beating(boot="bootbootbootc222", started_at=NOW - 1)
    assert world.beat(young).status == 200

    answer = world.beat(node)

    assert (answer.status, answer.code, answer.json["field"]) == (409, "INVALID_REQUEST", "boot")
    assert world.directory.reports(["node1"])["node1"].node.boot == young.boot


def test_an_older_life_may_take_over_once_the_lease_is_over(world: World, node: Beating) -> None:
    """A clock that was set back must not lock a node out for ever."""
    world.beat(Beating(boot="bootbootbootc222", started_at=NOW - 1))
    world.now += 11

    assert world.beat(node).status == 200


def test_a_stopped_node_holds_nothing(world: World, node: Beating) -> None:
    """Its last word frees all its slots and takes it out of placement."""
    key, stream, _ = publishing(world, node, Tier.REGISTERED)
    node.state = "stopped"
    world.beat(node)

    assert world.slots("acme") == {}
    assert world.watch(stream).code == "STREAM_OFFLINE"
    assert world.publish(key).code == "NO_CAPACITY"


def test_commands_wait_until_they_are_done(world: World, node: Beating) -> None:
    """They are repeated at every beat until the node acknowledges them, and a new life has none."""
    nodes = Nodes(world.dynamo, "fleet")
    assert nodes.leave_command("node1", node.boot, PendingCommand("c1", "admin", session="s1"))
    assert not nodes.leave_command("node1", "formerboot", PendingCommand("c2", "admin", session="s2"))

    first = world.beat(node).json["commands"]
    node.done = []
    again = world.beat(node).json["commands"]
    after = world.beat(node).json["commands"]

    assert first == again
    assert [(command["id"], command["session"]) for command in first] == [("c1", "s1")]
    assert after == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"boot": None}, "boot"), ({"boot": "b" * 65}, "boot"), ({"state": "asleep"}, "state"), ({"v": 2}, "v"),
        ({"at": "now"}, "at"), ({"at": -1}, "at"), ({"streams": {}}, "streams"), ({"url": "ftp://x"}, "url"),
        ({"streams": [{"stream": "s"}]}, "streams.0.account"), ({"load": {"viewers": -1}}, "load.viewers"),
        ({"node": "node2"}, "node"), ({"started_at": NOW + 400}, "started_at"),
    ],
)  # fmt: skip
def test_a_malformed_heartbeat_is_refused_by_its_field(world: World, changes: dict[str, object], field: str) -> None:
    """400 and the field's name, and nothing of the node is written."""
    answer = world.beat(Beating(), **changes)

    assert (answer.status, answer.code, answer.json["field"]) == (400, "INVALID_REQUEST", field)
    assert world.directory.reports(["node1"]) == {}


def test_a_clock_that_is_a_minute_off_does_not_matter(world: World) -> None:
    """Leases are kept by the control plane's clock."""
    for skew in (-60, 60):
        node = Beating(f"node{skew}".replace("-", "m"), started_at=NOW + skew)
        assert world.beat(node, at=NOW + skew).status == 200
        assert world.directory.reports([node.id])[node.id].node.at == NOW


def test_a_heartbeat_that_is_no_json(world: World) -> None:
    """The answer is 400, never a traceback."""
    assert world.post_heartbeat("node1", "{").status == 400
    assert world.post_heartbeat("node1", "").status == 400
    assert world.post_heartbeat("node1", "[]").status == 400


def test_viewers_are_shown_when_they_change(world: World, node: Beating) -> None:
    """The stream's item follows the node's count, and only changes are written."""
    _, stream, _ = publishing(world, node)
    node.streams[stream]["viewers"] = 7
    world.beat(node)
    world.calls["nodes"].clear()
    world.now += 0.5
    world.beat(node)

    found = world.registry.stream(stream)
    assert found is not None
    assert found.live is not None
    assert found.live.viewers == 7
    assert len(world.calls["nodes"]) == 2


def test_nodes_that_are_gone_are_forgotten(world: World, node: Beating) -> None:
    """An hour later, when another node starts; the summary is read at every publish and must not grow for ever."""
    world.now += 3601
    other = Beating("node2", "bootbootbootb222", started_at=world.now)

    world.beat(other)

    assert [found.id for found in world.directory.fleet().nodes] == ["node2"]
    assert node.id == "node1"


def test_an_end_for_too_high_a_bitrate_is_among_the_key_s_last_refusals(world: World, node: Beating) -> None:
    """No answer carries that code, so the owner reads it there: once, however often the node repeats the report."""
    token = world.account("acme", Tier.REGISTERED)
    key, stream = world.key("acme")
    session = node.publishes(world, world.publish(key))
    world.beat(node)
    node.streams.clear()
    end = {"session": session, "stream": stream, "account": "acme", "action": "publish", "reason": "BITRATE_EXCEEDED"}
    for _ in range(3):
        world.beat(node, ended=[end])
        world.now += 6

    (entry,) = world.read("account", "/v1/account/refusals", token).json["refusals"]
    assert (entry["code"], entry["stream_id"], entry["protocol"]) == ("BITRATE_EXCEEDED", stream, "whip")


def test_an_end_by_the_publisher_s_own_will_is_no_refusal(world: World, node: Beating) -> None:
    """Nothing is kept of it."""
    token = world.account("acme", Tier.REGISTERED)
    key, stream = world.key("acme")
    session = node.publishes(world, world.publish(key))
    world.beat(node)
    node.streams.clear()
    end = {"session": session, "stream": stream, "account": "acme", "action": "publish", "reason": "delete"}
    world.beat(node, ended=[end])

    assert world.read("account", "/v1/account/refusals", token).json["refusals"] == []


def test_a_problem_of_what_is_sent_is_told_to_whoever_asks_and_once_to_its_owner(world: World, node: Beating) -> None:
    """Once a session, whatever else was refused a moment ago and however often the node reports it."""
    token = world.account("acme", Tier.REGISTERED)
    key, stream = world.key("acme")
    session = node.publishes(world, world.publish(key))
    world.beat(node)
    node.streams[stream]["problems"] = ["B_FRAMES", "OF_A_NEWER_NODE"]
    for _ in range(3):
        world.beat(node)
        world.now += 1

    (problem,) = world.read("public", f"/v1/streams/{stream}").json["problems"]
    assert problem["code"] == "B_FRAMES"
    assert problem["say"].startswith("Set B-frames to 0")
    (entry,) = world.read("account", "/v1/account/refusals", token).json["refusals"]
    assert (entry["code"], entry["problem"], entry["stream_id"]) == ("UNSUPPORTED_OFFER", "B_FRAMES", stream)
    assert entry["say"] == problem["say"]

    node.streams.clear()
    world.beat(node, ended=[ended_by_b_frames(stream, session)])
    assert len(world.read("account", "/v1/account/refusals", token).json["refusals"]) == 1


def test_a_session_that_ends_for_its_b_frames_leaves_the_reason(world: World, node: Beating) -> None:
    """An encoder that tries again and again: each session has its entry, and the stream says why until one runs."""
    token = world.account("acme", Tier.REGISTERED)
    key, stream = world.key("acme")
    for _ in range(3):
        session = node.publishes(world, world.publish(key))
        world.beat(node)
        node.streams.clear()
        for _ in range(2):
            world.beat(node, ended=[ended_by_b_frames(stream, session)])
            world.now += 1

    state = world.read("public", f"/v1/streams/{stream}").json
    assert not state["live"]
    assert [problem["code"] for problem in state["problems"]] == ["B_FRAMES"]
    entries = world.read("account", "/v1/account/refusals", token).json["refusals"]
    assert [(entry["code"], entry["problem"]) for entry in entries] == [("UNSUPPORTED_OFFER", "B_FRAMES")] * 3

    node.publishes(world, world.publish(key))
    world.beat(node)
    assert world.read("public", f"/v1/streams/{stream}").json["problems"] == []


def ended_by_b_frames(stream: str, session: str) -> dict[str, str]:
    """What a node says of such an end."""
    return {"session": session, "stream": stream, "account": "acme", "action": "publish", "reason": "b_frames"}
