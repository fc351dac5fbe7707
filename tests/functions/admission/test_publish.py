"""Publishing over HTTP: what a key gets, what takes its slot over, and what is refused, to the letter."""

import base64
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from shared.tiers import Overrides, Tier
from tests.functions.front import SDP, Front
from tests.functions.world import NOW, OFFER, Answer, Beating, World, load_event


def test_an_offer_is_redirected_to_a_node_with_a_grant_for_it(world: World, node: Beating) -> None:
    """307 to the node, with a grant that the node verifies, in two calls and at most two write units."""
    world.account("acme", Tier.SOLO_CREATOR)
    key, stream = world.key("acme")
    world.calls["admission"].clear()

    answer = world.publish(key)

    assert answer.status == 307
    where = urlsplit(answer.headers["Location"])
    assert f"{where.scheme}://{where.netloc}{where.path}" == f"{node.url}/{stream}/whip"
    claims = world.verified(answer).claims
    assert (claims.account, claims.stream, claims.node, claims.boot) == ("acme", stream, "node1", node.boot)
    assert (claims.tier, claims.max_viewers, claims.epoch) == ("solo_creator", 30, 1)
    calls = [call for call in world.calls["admission"] if call.action.startswith("dynamodb")]
    assert [call.action for call in calls] == ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"]
    assert sum(call.write_units for call in calls) <= 2


@pytest.mark.usefixtures("node")
def test_every_answer_carries_cors_and_is_not_stored(world: World) -> None:
    """Redirects, refusals and preflights alike."""
    world.account("acme")
    key, _ = world.key("acme")

    for answer in (world.publish(key), world.publish("nonsense"), world.publish(key, method="OPTIONS")):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_bearer_key_is_as_good_as_one_in_the_path(world: World, node: Beating) -> None:
    """OBS sends the key as a bearer token; the scheme's case does not matter."""
    world.account("acme")
    key, stream = world.key("acme")

    assert world.verified(world.publish(key, bearer=True)).claims.stream == stream
    world.beat(
        node, ended=[{"session": world.slots("acme")[stream], "stream": stream, "account": "acme", "action": "publish"}]
    )
    assert world.publish(key, bearer=True, headers={"authorization": f"bearer {key}"}).status == 307
    assert world.publish("", bearer=True, headers={"authorization": None}).code == "INVALID_KEY"


@pytest.mark.parametrize(
    "key",
    ["live_" + "a" * 32, "x" * 10_000, "live_a/../b", "live_\0", "live_" + "A" * 32, " ", "anon_" + "ü" * 32],
    ids=["unknown", "long", "slashes", "nul", "upper", "blank", "unicode"],
)
@pytest.mark.usefixtures("node")
def test_a_wrong_key_of_any_shape_is_an_invalid_key(world: World, key: str) -> None:
    """One body, byte for byte as documented, and none of it in the answer."""
    answer = world.publish(key)

    assert (answer.status, answer.text) == (401, '{"error": "Invalid stream key", "code": "INVALID_KEY"}')
    assert "WWW-Authenticate" in answer.headers


@pytest.mark.usefixtures("node")
def test_a_stream_id_never_publishes(world: World) -> None:
    """Knowing what viewers know is not enough."""
    world.account("acme")
    _, stream = world.key("acme")

    assert world.publish(stream).code == "INVALID_KEY"


@pytest.mark.usefixtures("node")
def test_a_revoked_key_is_refused_like_an_unknown_one(world: World) -> None:
    """From the next request on, and with the same body."""
    world.account("acme")
    key, stream = world.key("acme")
    assert world.administer("DELETE", f"accounts/acme/keys/{stream}").status == 200

    assert world.publish(key).text == world.publish("live_" + "b" * 32).text


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"headers": {"content-type": None}}, 415),
        ({"headers": {"content-type": "text/plain"}}, 415),
        ({"body": b""}, 400),
        ({"body": b"hello"}, 400),
        ({"body": b"v=0\r\n" + b"x" * 70_000}, 413),
    ],
)
@pytest.mark.usefixtures("node")
def test_a_broken_offer_is_refused_before_it_takes_a_slot(world: World, changes: dict[str, Any], status: int) -> None:
    """The node would refuse it too, but by then it would have cost the account a slot."""
    world.account("acme")
    key, _ = world.key("acme")

    answer = world.publish(key, **changes)

    assert answer.status == status
    assert answer.code == "INVALID_REQUEST"
    assert world.slots("acme") == {}


@pytest.mark.usefixtures("node")
def test_an_offer_may_name_its_type_in_any_case_and_with_parameters(world: World) -> None:
    """RFC 9110, section 8.3.1; and a body that was not base64 is read as it is."""
    world.account("acme")
    key, _ = world.key("acme")

    assert world.publish(key, headers={"content-type": "Application/SDP; charset=utf-8"}, body=OFFER).status == 307


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("form", ["/{}/whip/", "/{}/whip//", "//{}/whip", "/{}//whip", "/{}/whip/?force=1"])
def test_a_slash_too_many_is_passed_over(world: World, form: str) -> None:
    """A base URL that ends with one, or an address with one behind it: the same answer, and no redirect that loses the offer."""
    world.account("acme")
    key, stream = world.key("acme")
    front = Front(world)

    answer = front.ask("POST", form.format(key), OFFER, [SDP])
    assert answer.status == 307
    assert world.verified(answer).claims.stream == stream
    assert front.ask("OPTIONS", form.format(key)).status == 200
    assert front.ask("POST", form.format("nonsense"), OFFER, [SDP]).code == "INVALID_KEY"
    watched = front.ask("POST", form.format("a" * 16).replace("whip", "whep"), OFFER, [SDP])
    assert watched.code == "STREAM_NOT_FOUND"


@pytest.mark.usefixtures("node")
def test_a_bearer_key_may_be_posted_with_a_slash_too_many(world: World) -> None:
    """OBS's field for the server takes whatever is pasted."""
    world.account("acme")
    key, _ = world.key("acme")
    front = Front(world)

    for target in ("/whip/", "//whip", "/whip//"):
        assert front.ask("POST", target, OFFER, [SDP]).code == "INVALID_KEY"
    assert front.ask("POST", "/whip/", OFFER, [SDP], token=key).status == 307


@pytest.mark.usefixtures("node")
def test_other_methods(world: World) -> None:
    """GET and HEAD are answered without content (RFC 9725, 4.1), the others with the methods that are."""
    world.account("acme")
    key, _ = world.key("acme")

    assert [world.publish(key, method=method).status for method in ("GET", "HEAD", "OPTIONS")] == [204, 204, 200]
    answer = world.publish(key, method="PUT")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert world.publish(key, method="OPTIONS").headers["Accept-Post"] == "application/sdp"
    assert "OPTIONS" in world.publish(key, method="OPTIONS").headers["Access-Control-Allow-Methods"]
    assert world.slots("acme") == {}


def test_the_stream_limit_is_refused_as_documented(world: World, node: Beating) -> None:
    """One stream of one, byte for byte."""
    world.account("acme", Tier.REGISTERED)
    first, _ = world.key("acme")
    second, _ = world.key("acme")
    node.publishes(world, world.publish(first))
    world.beat(node)

    answer = world.publish(second)

    assert answer.status == 429
    assert answer.text == (
        '{"error": "Maximum concurrent streams (1) reached", "code": "STREAM_LIMIT_REACHED", "current": 1, "limit": 1}'
    )


def test_a_grant_that_is_never_used_costs_its_slot_for_its_life_and_the_grace(world: World, node: Beating) -> None:
    """After 30 s and 5 s of grace the next stream takes it, in the same write."""
    world.account("acme", Tier.REGISTERED)
    first, _ = world.key("acme")
    second, stream = world.key("acme")
    world.publish(first)
    assert world.publish(second).code == "STREAM_LIMIT_REACHED"

    world.now += 36
    world.beat(node)

    assert world.publish(second).status == 307
    assert list(world.slots("acme")) == [stream]


def test_a_dead_node_gives_its_slots_back_after_its_lease(world: World, node: Beating) -> None:
    """Ten seconds without a heartbeat; nothing else is needed."""
    world.account("acme", Tier.REGISTERED)
    first, _ = world.key("acme")
    second, _ = world.key("acme")
    node.publishes(world, world.publish(first))
    world.beat(node)
    other = Beating("node2", "bootbootbootb222", "http://127.0.0.1:8890")
    world.now += 9
    world.beat(other)
    assert world.publish(second).code == "STREAM_LIMIT_REACHED"

    world.now += 2
    world.beat(other)

    assert world.verified(world.publish(second)).claims.node == "node2"


def test_a_restarted_node_gives_its_slots_back_at_once(world: World, node: Beating) -> None:
    """A boot never comes back to life."""
    world.account("acme", Tier.REGISTERED)
    first, _ = world.key("acme")
    second, _ = world.key("acme")
    node.publishes(world, world.publish(first))
    world.beat(node)
    world.beat(Beating(boot="bootbootbootc222", started_at=NOW))

    assert world.publish(second).status == 307


def test_an_ended_session_frees_its_slot_at_once(world: World, node: Beating) -> None:
    """The heartbeat that says so is enough, and the ordinary write finds the slot free."""
    world.account("acme", Tier.REGISTERED)
    first, stream = world.key("acme")
    second, _ = world.key("acme")
    session = node.publishes(world, world.publish(first))
    world.beat(node)
    node.streams.clear()
    node.ended.append(
        {"session": session, "stream": stream, "account": "acme", "action": "publish", "reason": "delete"}
    )
    world.beat(node)
    world.calls["admission"].clear()

    assert world.publish(second).status == 307
    assert len([call for call in world.calls["admission"] if call.action.startswith("dynamodb")]) == 2


_EDGES = {0.01, 1.9, 0.05, 2.9, 3.0}
"""Seconds, of a beat before a kill and of a publish after it, where the answer changes."""


class TestTakeover:
    """What happens when the same key publishes again."""

    def live(self, world: World, node: Beating) -> tuple[str, str, str]:
        """A key, its stream, and its running session."""
        world.account("acme", Tier.REGISTERED)
        key, stream = world.key("acme")
        session = node.publishes(world, world.publish(key))
        world.beat(node)
        world.now += 1
        world.beat(node)
        return key, stream, session

    def keep_beating(self, world: World, node: Beating, seconds: float = 12) -> None:
        """The node beats every two seconds, from one second on."""
        for number in range(int(seconds // 2)):
            world.later.append((world.now + 1 + 2 * number, lambda: _beat(world, node)))

    def test_a_key_that_publishes_is_refused_as_documented(self, world: World, node: Beating) -> None:
        """409 with the server, within a bit more than a second, once it is known that the other one is heard."""
        key, _, session = self.live(world, node)
        self.keep_beating(world, node)

        answer = world.publish(key)

        assert answer.status == 409
        assert answer.text == (
            '{"error": "Stream key already in use", "code": "KEY_ALREADY_IN_USE", '
            '"detail": "Use ?force=1 to override.", "server": "node1"}'
        )
        assert world.slept < 1.5
        assert list(world.slots("acme").values()) == [session]

    def test_a_silent_publisher_is_replaced_without_a_word(self, world: World, node: Beating) -> None:
        """An encoder that lost its network three seconds ago is in at its first retry, on the same node, a step up."""
        key, stream, session = self.live(world, node)
        node.streams[stream]["silent_ms"] = 3100
        world.beat(node)

        answer = world.publish(key)

        claims = world.verified(answer).claims
        assert (claims.node, claims.boot, claims.epoch) == ("node1", node.boot, 2)
        assert claims.session != session
        assert world.slept == 0

    def test_a_publisher_that_fell_silent_is_waited_for(self, world: World, node: Beating) -> None:
        """From half a second of silence on, the answer waits until three are full instead of refusing."""
        key, stream, _ = self.live(world, node)
        node.streams[stream]["silent_ms"] = 600
        world.beat(node)

        assert world.publish(key).status == 307
        assert 2.2 <= world.slept <= 2.8

    def test_a_publisher_killed_just_now_is_waited_for(self, world: World, node: Beating) -> None:
        """The node does not know it yet; it says so within the second that a refusal takes."""
        key, stream, _ = self.live(world, node)
        world.later.append((world.now + 0.5, lambda: _silent(world, node, stream, 520)))

        assert world.publish(key).status == 307
        assert 2.8 <= world.slept <= 3.3

    def test_a_publisher_that_comes_back_while_it_is_waited_for_keeps_its_key(
        self, world: World, node: Beating
    ) -> None:
        """A hiccup is no silence."""
        key, stream, session = self.live(world, node)
        node.streams[stream]["silent_ms"] = 600
        world.beat(node)
        world.later.append((world.now + 0.7, lambda: _silent(world, node, stream, 10)))

        assert world.publish(key).code == "KEY_ALREADY_IN_USE"
        assert list(world.slots("acme").values()) == [session]

    @pytest.mark.usefixtures("node")
    def test_a_predecessor_that_never_came_is_replaced_after_three_seconds(self, world: World) -> None:
        """A lost redirect does not lock the key for the grant's life."""
        world.account("acme")
        key, _ = world.key("acme")
        first = world.verified(world.publish(key)).claims

        second = world.verified(world.publish(key)).claims

        assert second.session != first.session
        assert second.epoch > first.epoch
        assert 2.8 <= world.slept <= 3.3

    def test_a_predecessor_that_comes_meanwhile_is_in_use(self, world: World, node: Beating) -> None:
        """Two encoders with one key at the same time: the first has it."""
        world.account("acme")
        key, _ = world.key("acme")
        first = world.publish(key)
        world.later.append((world.now + 0.4, lambda: _publishes(world, node, first)))

        assert world.publish(key).code == "KEY_ALREADY_IN_USE"
        assert list(world.slots("acme").values()) == [world.verified(first).claims.session]

    def test_a_dead_nodes_key_moves_to_another_node(self, world: World, node: Beating) -> None:
        """Three seconds without a word of it, long before its lease is over; and not back to the dead one."""
        key, _, _ = self.live(world, node)
        other = Beating("node2", "bootbootbootb222", "http://127.0.0.1:8890")
        world.beat(other)
        world.now += 3.5

        assert world.verified(world.publish(key)).claims.node == "node2"
        assert world.slept == 0

    @pytest.mark.parametrize(
        ("last_beat", "after"),
        [
            # The edges each time, all of the table where there is time.
            pytest.param(last_beat, after, marks=() if {last_beat, after} <= _EDGES else pytest.mark.long)
            for last_beat in (0.01, 0.5, 1.0, 1.9)
            for after in (0.05, 0.5, 1.0, 1.9, 2.3, 2.9, 3.0, 4.0, 9.0)
        ],
    )
    def test_a_killed_nodes_key_is_admitted_at_its_first_try(
        self, world: World, node: Beating, last_beat: float, after: float
    ) -> None:
        """So long *after* the kill, which came so long after the node's *last beat*: at once from three seconds on, else it waits.

        Never refused: the node's word from before the request proves nothing, since nobody knows that it died.
        """
        key, _, _ = self.live(world, node)
        other = Beating("node2", "bootbootbootb222", "http://127.0.0.1:8890")
        world.now += last_beat + after
        world.beat(other)
        self.keep_beating(world, other)

        claims = world.verified(world.publish(key)).claims

        assert claims.node == "node2"
        assert world.slept == pytest.approx(max(0.0, 3.0 - last_beat - after), abs=0.25)
        assert after < 3 or world.slept == 0

    def test_a_session_that_its_killed_node_never_put_down_makes_way_too(self, world: World, node: Beating) -> None:
        """Marked in the roster by a beat that did not reach the node's own item: three seconds, not the lease."""
        world.account("acme", Tier.REGISTERED)
        key, stream = world.key("acme")
        session = world.verified(world.publish(key)).claims.session
        world.rosters.mark_used("acme", stream, session, world.now + 0.5)
        other = Beating("node2", "bootbootbootb222", "http://127.0.0.1:8890")
        world.now += 1
        world.beat(other)
        self.keep_beating(world, other)

        assert world.verified(world.publish(key)).claims.node == "node2"
        assert world.slept == pytest.approx(2.5, abs=0.25)
        assert node.streams == {}

    def test_a_node_that_comes_back_in_time_keeps_its_publisher(self, world: World, node: Beating) -> None:
        """A heartbeat that was late for whatever reason: the wait is for it too, and the second encoder is refused."""
        key, _, session = self.live(world, node)
        world.now += 2.5
        world.later.append((world.now + 0.3, lambda: _beat(world, node)))

        assert world.publish(key).code == "KEY_ALREADY_IN_USE"
        assert list(world.slots("acme").values()) == [session]
        assert world.slept < 0.5

    def test_force_takes_a_key_over_on_the_same_node(self, world: World, node: Beating) -> None:
        """With a higher epoch, at once, and the old session is not ended before the new one begins."""
        key, stream, session = self.live(world, node)

        answer = world.publish(key, query={"force": "1"})

        claims = world.verified(answer).claims
        assert (claims.node, claims.epoch, world.slept) == ("node1", 2, 0)
        assert world.slots("acme") == {stream: claims.session}
        assert world.beat(node).json["commands"] == []
        assert claims.session != session

    def test_a_forced_takeover_that_never_begins_still_ends_the_old_session(self, world: World, node: Beating) -> None:
        """Once the new grant has lapsed, or the old one would publish outside the roster for ever."""
        key, _, session = self.live(world, node)
        world.publish(key, query={"force": "1"})

        for _ in range(18):
            world.now += 2
            answer = world.beat(node)

        assert session in {command["session"] for command in answer.json["commands"]}

    def test_the_loser_of_a_forced_takeover_cannot_force_back_within_ten_seconds(
        self, world: World, node: Beating
    ) -> None:
        """409 with Retry-After; each further takeover in a row is safe for twice as long."""
        key, _, _ = self.live(world, node)
        node.publishes(world, world.publish(key, query={"force": "1"}))
        world.beat(node)
        world.now += 2
        world.beat(node)

        refused = world.publish(key, query={"force": "1"})
        assert (refused.status, refused.code, refused.headers["Retry-After"]) == (409, "KEY_ALREADY_IN_USE", "8")

        world.now += 9
        world.beat(node)
        node.publishes(world, world.publish(key, query={"force": "1"}))
        world.beat(node)
        world.now += 2
        world.beat(node)
        assert world.publish(key, query={"force": "1"}).headers["Retry-After"] == "18"

    def test_a_forced_session_that_fell_silent_is_replaced_all_the_same(self, world: World, node: Beating) -> None:
        """Damping protects whoever is heard."""
        key, stream, _ = self.live(world, node)
        node.publishes(world, world.publish(key, query={"force": "1"}))
        world.beat(node)
        world.now += 4
        node.streams[stream]["silent_ms"] = 3500
        world.beat(node)

        assert world.publish(key, query={"force": "1"}).status == 307


class TestWaiting:
    """A request that waits holds a process of the function, so that one stream holds one."""

    def quiet(self, world: World, node: Beating) -> tuple[str, str]:
        """A key and its stream, whose publisher fell silent 0.6 s ago."""
        world.account("acme", Tier.REGISTERED)
        key, stream = world.key("acme")
        node.publishes(world, world.publish(key), silent_ms=600)
        world.beat(node)
        world.calls["admission"].clear()
        return key, stream

    def test_one_waits_and_the_others_are_refused_at_once(self, world: World, node: Beating) -> None:
        """For a read, a refused write and a read each; with the seconds after which the waiting is over."""
        key, stream = self.quiet(world, node)
        answers: list[Answer] = []
        slept: list[float] = []

        def crowd() -> None:
            world.calls["admission"].clear()
            before = world.slept
            answers.extend(world.publish(key) for _ in range(40))
            slept.append(world.slept - before)
            assert len([call for call in world.calls["admission"] if call.action == "dynamodb:BatchGetItem"]) == 80
            # Of the refusals one in five seconds is noted for the owner.
            assert len([call for call in world.calls["admission"] if call.action == "dynamodb:UpdateItem"]) <= 42

        world.later.append((world.now + 0.5, crowd))
        first = world.publish(key)

        assert first.status == 307
        assert list(world.slots("acme").values()) == [world.verified(first).claims.session]
        assert slept == [0.0]
        assert {(answer.status, answer.code, answer.json["server"]) for answer in answers} == {
            (409, "KEY_ALREADY_IN_USE", "node1")
        }
        assert {answer.headers["Retry-After"] for answer in answers} <= {"7", "8"}
        assert stream in world.slots("acme")

    def test_who_was_refused_after_waiting_makes_room_for_the_next(self, world: World, node: Beating) -> None:
        """The publisher came back; when it falls silent again, the next request waits as the first did."""
        key, stream = self.quiet(world, node)
        world.later.append((world.now + 0.7, lambda: _silent(world, node, stream, 10)))
        assert world.publish(key).code == "KEY_ALREADY_IN_USE"
        world.now += 0.5
        _silent(world, node, stream, 600)

        assert world.publish(key).status == 307

    def test_a_request_that_died_while_it_waited_blocks_nobody_beyond_its_patience(
        self, world: World, node: Beating
    ) -> None:
        """Until then the others are told how long; and whoever need not wait is not asked to."""
        key, stream = self.quiet(world, node)
        session = world.slots("acme")[stream]
        assert world.rosters.wait("acme", stream, session, world.now + 7, world.now)

        assert world.publish(key).headers["Retry-After"] == "7"
        for _ in range(3):
            world.now += 2
            _silent(world, node, stream, 600)
        assert world.publish(key).headers["Retry-After"] == "1"
        assert world.slept == 0
        world.now += 1
        _silent(world, node, stream, 600)
        assert world.publish(key).status == 307
        assert world.slept > 2

    @pytest.mark.parametrize("how", ["force", "silence", "end"])
    def test_what_can_be_decided_is_decided_whoever_waits(self, world: World, node: Beating, how: str) -> None:
        """A forced takeover, a silence that is long enough, a session that is over."""
        key, stream = self.quiet(world, node)
        session = world.slots("acme")[stream]
        assert world.rosters.wait("acme", stream, session, world.now + 7, world.now)
        if how == "silence":
            _silent(world, node, stream, 3000)
        if how == "end":
            node.streams.clear()
            _beat(world, node)

        assert world.publish(key, query={"force": "1"} if how == "force" else {}).status == 307
        assert world.slept == 0

    def test_a_note_of_which_nothing_was_heard_is_not_another_s(self, world: World, node: Beating) -> None:
        """Botocore repeats a write whose answer got lost; the request then waits like any."""
        key, _ = self.quiet(world, node)
        client = world.admission._dependencies.rosters._dynamo._client  # type: ignore[attr-defined]
        real = client.update_item

        def twice(**parameters: Any) -> Any:
            if "slots.#stream.w" in parameters["UpdateExpression"]:
                real(**parameters)
            return real(**parameters)

        client.update_item = twice

        assert world.publish(key).status == 307


class TestRepetition:
    """What happens when an answer was lost and the client asks again."""

    @pytest.mark.usefixtures("node")
    def test_the_same_idempotency_key_gets_the_same_session(self, world: World) -> None:
        """A client that lost the redirect asks again and is not refused because of itself."""
        world.account("acme")
        key, _ = world.key("acme")
        header = {"idempotency-key": "6f1f"}

        first = world.verified(world.publish(key, headers=header)).claims
        second = world.verified(world.publish(key, headers=header)).claims

        assert (first.session, first.epoch) == (second.session, second.epoch)
        assert world.slept == 0

    def test_after_its_session_began_a_repetition_replaces_it(self, world: World, node: Beating) -> None:
        """The node has seen that session's grant, so the same session could not begin again."""
        world.account("acme")
        key, _ = world.key("acme")
        header = {"idempotency-key": "6f1f"}
        seen = set()
        for _ in range(3):
            seen.add(node.publishes(world, world.publish(key, headers=header)))
            world.beat(node)

        assert len(seen) == 3
        assert world.slept == 0

    @pytest.mark.usefixtures("node")
    def test_a_write_that_succeeded_unheard_is_no_refusal(self, world: World) -> None:
        """Botocore repeats a write whose answer got lost; it finds its own session in the roster."""
        world.account("acme", Tier.REGISTERED)
        key, _ = world.key("acme")
        lose_first_update(world)

        answer = world.publish(key)

        assert answer.status == 307
        assert list(world.slots("acme").values()) == [world.verified(answer).claims.session]


def lose_first_update(world: World) -> None:
    """Apply the admission's first UpdateItem twice: as if its first answer had been lost on the way."""
    rosters: Any = world.admission._dependencies.rosters
    client = rosters._dynamo._client
    real = client.update_item
    calls = 0

    def twice(**parameters: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 1:
            real(**parameters)
        return real(**parameters)

    client.update_item = twice


class TestOrderOfRefusals:
    """Where several apply: key, protocol, bandwidth or quota, key in use, stream limit."""

    def test_protocol_before_quota_before_use(self, world: World, node: Beating) -> None:
        """An anonymous key that is over its quota, in use and at its limit."""
        world.account("acme", Tier.ANONYMOUS)
        key, _ = world.key("acme")
        other, _ = world.key("acme")
        node.publishes(world, world.publish(key))
        world.beat(node)
        asked = {"key": key, "action": "publish", "protocol": "rtmp"}

        world.ledger.block("acme", "2026-11", 50 * 10**9)

        refused = world.ask_grant(asked)
        assert refused.status == 403
        assert refused.text == (
            '{"error": "Protocol rtmp requires an account", "code": "PROTOCOL_NOT_ALLOWED", '
            '"protocol": "rtmp", "tier": "anonymous"}'
        )
        assert world.publish(key).text == '{"error": "Anonymous bandwidth quota exceeded", "code": "QUOTA_EXCEEDED"}'
        assert world.publish(other).code == "QUOTA_EXCEEDED"

    @pytest.mark.usefixtures("node")
    def test_bandwidth_of_an_account(self, world: World) -> None:
        """With the figures as documented."""
        world.account("acme", Tier.REGISTERED, Overrides(bytes=50 * 10**9))
        key, _ = world.key("acme")
        world.ledger.block("acme", "2026-11", 50_100_000_000)

        answer = world.publish(key)

        assert answer.status == 429
        assert answer.text == (
            '{"error": "Bandwidth limit reached (50.1/50 GB)", "code": "BANDWIDTH_EXCEEDED", "percentage_used": 100.2}'
        )

    def test_key_in_use_before_stream_limit(self, world: World, node: Beating) -> None:
        """A key that publishes, on an account that is full because of it."""
        world.account("acme", Tier.REGISTERED)
        key, _ = world.key("acme")
        node.publishes(world, world.publish(key))
        world.now += 0.1
        world.beat(node)
        world.later.append((world.now + 0.3, lambda: _beat(world, node)))

        assert world.publish(key).code == "KEY_ALREADY_IN_USE"

    def test_the_next_month_lets_everybody_in(self, world: World, node: Beating) -> None:
        """Without anybody lifting the block."""
        world.account("acme", Tier.REGISTERED)
        key, _ = world.key("acme")
        world.ledger.block("acme", "2026-11", 201 * 10**9)
        assert world.publish(key).code == "BANDWIDTH_EXCEEDED"

        world.now += 7 * 86400
        world.beat(node)

        assert world.publish(key).status == 307


class TestPlacement:
    """On which node a publisher is placed."""

    def test_no_node_no_capacity(self, world: World) -> None:
        """503 with Retry-After, and no slot taken."""
        world.account("acme")
        key, _ = world.key("acme")

        answer = world.publish(key)

        assert (answer.status, answer.code) == (503, "NO_CAPACITY")
        assert int(answer.headers["Retry-After"]) >= 1
        assert world.slots("acme") == {}

    def test_an_account_s_own_refusal_comes_before_no_capacity(self, world: World) -> None:
        """Waiting for a node would not help this one."""
        world.account("acme")
        key, _ = world.key("acme")
        world.ledger.block("acme", "2026-11", 201 * 10**9)

        assert world.publish(key).code == "BANDWIDTH_EXCEEDED"

    @pytest.mark.parametrize(
        "changes", [{"state": "draining"}, {"load": {"max_sessions": 2, "publishers": 1, "viewers": 1}},
                    {"load": {"max_sessions": 9, "egress_kbps": 900, "max_egress_kbps": 900}}],
        ids=["draining", "sessions", "egress"],
    )  # fmt: skip
    def test_a_node_without_room_gets_nobody(self, world: World, changes: dict[str, object]) -> None:
        """Draining, full of sessions, or out of bandwidth."""
        world.account("acme")
        key, _ = world.key("acme")
        world.beat(Beating(), **changes)

        assert world.publish(key).code == "NO_CAPACITY"

    def test_a_drained_node_gets_nobody_until_it_is_undrained(self, world: World, node: Beating) -> None:
        """The operator's word, not the node's; it survives heartbeats."""
        world.account("acme")
        key, _ = world.key("acme")
        assert world.administer("POST", "nodes/node1/drain").status == 200
        world.now += 4
        world.beat(node)
        assert world.publish(key).code == "NO_CAPACITY"

        assert world.administer("POST", "nodes/node1/undrain").status == 200

        assert world.publish(key).status == 307

    @pytest.mark.usefixtures("node")
    def test_a_region_is_asked_for(self, world: World) -> None:
        """`?region=` before ours, any before none."""
        world.account("acme", Tier.STUDIO_PRO)
        world.beat(Beating("node2", "bootbootbootb222", "http://10.0.0.2:8889", "eu"))
        keys = [world.key("acme")[0] for _ in range(3)]

        assert world.verified(world.publish(keys[0])).claims.node == "node1"
        assert world.verified(world.publish(keys[1], query={"region": "eu"})).claims.node == "node2"
        assert world.publish(keys[2], query={"region": "mars"}).status == 307


class TestGrants:
    """What `POST /v1/grants` gives to a node and refuses."""

    def test_a_grant_is_answered_in_full(self, world: World, node: Beating) -> None:
        """As documented, for the node that asks."""
        world.account("acme", Tier.CREATOR_PLUS)
        key, stream = world.key("acme")

        answer = world.ask_grant({"key": key, "action": "publish", "node": "node1"})

        assert answer.status == 201
        assert answer.json | {"grant": "", "session": ""} == {
            "grant": "", "url": f"{node.url}/{stream}/whip", "session": "", "expires_at": NOW + 30, "node": "node1",
            "region": "local", "limits": {"viewers": 50, "kbps": 20_000},
        }  # fmt: skip

    def test_a_mediamtx_node_finds_its_permission(self, world: World, node: Beating) -> None:
        """`mediamtx_permissions`, as its JWT support reads them."""
        world.account("acme")
        key, stream = world.key("acme")

        answer = world.ask_grant({"key": key, "action": "publish", "protocol": "srt"})

        payload = _payload(answer)
        assert payload["mediamtx_permissions"] == [{"action": "publish", "path": stream}]
        assert answer.json["url"] == f"{node.url}/{stream}"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ("", None), ("[]", None), ("{", None), ("[" * 10_000, None),
            ({}, "action"), ({"action": "dance"}, "action"), ({"action": ["publish"]}, "action"),
            ({"action": "publish"}, "key"), ({"action": "publish", "key": 7}, "key"),
            ({"action": "play", "key": "x"}, "stream"),
            ({"action": "publish", "key": "x", "protocol": "ftp"}, "protocol"),
            ({"action": "publish", "key": "x", "protocol": {}}, "protocol"),
            ({"action": "publish", "key": "x", "force": "1"}, "force"),
            ({"action": "publish", "key": "x", "region": 3}, "region"),
            ({"action": "publish", "key": "x", "node": "n" * 65}, "node"),
        ],
    )  # fmt: skip
    def test_a_wrong_field_is_named(self, world: World, body: object, field: str | None) -> None:
        """The answer is 400 and names it."""
        answer = world.ask_grant(body)

        assert (answer.status, answer.code, answer.json.get("field")) == (400, "INVALID_REQUEST", field)


def test_anything_else_is_nowhere(world: World) -> None:
    """The documented body for empty keys, slashes and unknown addresses."""

    def at(path: str) -> Answer:
        event = load_event("whip")
        event |= {"routeKey": "$default", "rawPath": path}
        event.pop("pathParameters")
        return world.request(event)

    assert [at(path).code for path in ("//whip", "/a/b/whip", "//whep", "/nowhere")] == [
        "INVALID_KEY", "INVALID_KEY", "STREAM_NOT_FOUND", "NOT_FOUND",
    ]  # fmt: skip


@pytest.mark.usefixtures("node")
def test_a_store_that_is_gone_is_503(world: World) -> None:
    """With Retry-After and the documented body, never a traceback."""
    world.account("acme")
    key, _ = world.key("acme")
    world.client.delete_table(TableName="fleet")

    answer = world.publish(key)

    assert (answer.status, answer.code) == (503, "UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) >= 1


def _payload(answer: Answer) -> dict[str, object]:
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(answer.grant.split(".")[1] + "=="))
    return found


def _beat(world: World, node: Beating) -> None:
    assert world.beat(node).status == 200


def _silent(world: World, node: Beating, stream: str, milliseconds: int) -> None:
    node.streams[stream]["silent_ms"] = milliseconds
    _beat(world, node)


def _publishes(world: World, node: Beating, answer: Answer) -> None:
    node.publishes(world, answer)
    _beat(world, node)
