"""MediaMTX's questions: how each protocol carries the key, what is admitted, and what MediaMTX is told."""

import json
from typing import Any

import pytest

from functions.hooks.mediamtx import AuthRequest, read_auth_request
from shared.refusals import Refused
from shared.tiers import Tier
from tests.functions.world import Answer, Beating, World

KEY = "live_" + "a" * 32
STREAM = "b" * 16
EMPTY = {"user": "", "password": "", "token": "", "ip": "203.0.113.7", "query": "", "id": None}


def question(**changes: Any) -> dict[str, Any]:
    """A publish by RTMP with the key as password."""
    return {**EMPTY, "action": "publish", "protocol": "rtmp", "path": STREAM, "password": KEY} | changes


@pytest.fixture
def mtx(world: World) -> Beating:
    """A MediaMTX whose reporter has been heard of."""
    beating = Beating("mtx1", "bootbootbootc222", "http://127.0.0.1:8889", kind="mediamtx")
    assert world.beat(beating).status == 200
    return beating


def ask(world: World, key: str, stream: str, **changes: Any) -> Answer:
    """Ask to publish *stream* with *key*."""
    return world.ask_mediamtx(question(password=key, path=stream, **changes))


def begins(world: World, mtx: Beating, answer: Answer, viewers: int = 0) -> None:
    """The session of *answer* is live."""
    told = answer.json
    mtx.streams[told["stream"]] = {
        "stream": told["stream"], "account": told["account"], "session": told["session"], "epoch": told["epoch"],
        "viewers": viewers, "max_viewers": told["limits"]["viewers"], "since": world.now, "silent_ms": 20,
    }  # fmt: skip
    world.beat(mtx)


@pytest.mark.parametrize(
    ("changes", "protocol"),
    [
        ({"password": "", "query": f"user=x&pass={KEY}"}, "rtmp"),
        ({"password": "", "query": f"key={KEY}"}, "rtmp"),
        ({"protocol": "rtmps", "user": "anything"}, "rtmp"),
        ({"protocol": "srt", "user": KEY, "password": ""}, "srt"),
        ({"protocol": "srt", "user": "anything"}, "srt"),
        ({"protocol": "rtsp", "user": "anything"}, "rtmp"),
        ({"protocol": "webrtc", "password": "", "token": KEY}, "whip"),
        ({"path": f"{STREAM}/"}, "rtmp"),
    ],
)
def test_the_key_is_found_where_the_protocol_carries_it(changes: dict[str, Any], protocol: str) -> None:
    """User, password, token or query; the path is the stream."""
    asked = read_auth_request(json.dumps(question(**changes)).encode())

    assert isinstance(asked, AuthRequest)
    assert (asked.stream, asked.protocol, asked.key and asked.key.reveal()) == (STREAM, protocol, KEY)


@pytest.mark.parametrize(
    ("action", "protocol", "ours"),
    [("read", "webrtc", "whep"), ("read", "hls", "hls"), ("read", "srt", "srt"), ("playback", "", "hls")],
)
def test_watching_needs_no_key(action: str, protocol: str, ours: str) -> None:
    """Who knows the stream may watch it."""
    asked = read_auth_request(json.dumps({**EMPTY, "action": action, "protocol": protocol, "path": STREAM}).encode())

    assert isinstance(asked, AuthRequest)
    assert (asked.protocol, asked.key) == (ours, None)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "INVALID_REQUEST"),
        (b"[]", "INVALID_REQUEST"),
        (b"\xff", "INVALID_REQUEST"),
        (b" " * 20_000, "INVALID_REQUEST"),
        (question(password=1), "INVALID_REQUEST"),
        (question(id=1), "INVALID_REQUEST"),
        (question(query="a" * 5000), "INVALID_REQUEST"),
        (question(action="api"), "FORBIDDEN"),
        (question(action=""), "FORBIDDEN"),
        (question(protocol="moq"), "PROTOCOL_NOT_ALLOWED"),
        (question(password=""), "INVALID_KEY"),
        (question(path=KEY), "INVALID_KEY"),
        (question(action="read", path="../x"), "STREAM_NOT_FOUND"),
    ],
)
def test_what_makes_no_sense_is_refused(body: Any, code: str) -> None:
    """A field of the wrong type by its name, an action that is not ours, a key in the path."""
    refused = read_auth_request(body if isinstance(body, bytes) else json.dumps(body).encode())

    assert isinstance(refused, Refused)
    assert refused.code.value == code


def test_a_publish_takes_a_slot_that_the_reporter_keeps(world: World, mtx: Beating) -> None:
    """One question, one slot; the same question again is the same session; the limit counts both kinds of node."""
    world.account("acme", Tier.REGISTERED)
    (key, stream), (other, second) = world.key("acme"), world.key("acme")
    first = ask(world, key, stream, id="6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    again = ask(world, key, stream, id="6ba7b810-9dad-11d1-80b4-00c04fd430c8")

    assert (first.status, first.json["session"]) == (200, again.json["session"])
    begins(world, mtx, first)
    world.now += 60
    world.beat(mtx)
    assert world.slots("acme") == {stream: first.json["session"]}
    refused = ask(world, other, second)
    assert (refused.status, refused.code) == (401, "STREAM_LIMIT_REACHED")
    mtx.streams.clear()
    world.beat(mtx)
    assert ask(world, other, second).status == 200


def test_refusals_are_401_with_the_documented_body(world: World, mtx: Beating) -> None:
    """MediaMTX asks for credentials on 401 alone; a right key for another stream is a wrong one."""
    world.account("free", Tier.ANONYMOUS)
    world.account("acme", Tier.SOLO_CREATOR)
    (anonymous, at), (key, _), (_, stream) = world.key("free"), world.key("acme"), world.key("acme")

    for answer, code in (
        (ask(world, KEY, stream), "INVALID_KEY"),
        (ask(world, key, stream), "INVALID_KEY"),
        (ask(world, anonymous, at), "PROTOCOL_NOT_ALLOWED"),
        (world.ask_mediamtx({**EMPTY, "action": "read", "protocol": "hls", "path": stream}), "STREAM_OFFLINE"),
    ):
        assert (answer.status, answer.code) == (401, code)
    assert world.slots("acme") == {}
    assert mtx.kind == "mediamtx"


def test_nobody_is_let_in_without_a_reporter(world: World, node: Beating, mtx: Beating) -> None:
    """An unknown MediaMTX, one whose lease is over, or a node that is none: a session there could not be followed."""
    world.account("acme")
    key, stream = world.key("acme")

    unnamed = world.ask_mediamtx(question(password=key, path=stream), "")
    assert (unnamed.status, unnamed.json["field"]) == (400, "node")
    for name in ("mtx9", node.id):
        refused = world.ask_mediamtx(question(password=key, path=stream), name)
        assert (refused.status, refused.code) == (401, "NO_CAPACITY")
    world.now += 11
    assert ask(world, key, stream).code == "NO_CAPACITY"
    assert world.slots("acme") == {}
    assert mtx.id == "mtx1"


def test_nothing_is_placed_on_a_mediamtx_that_did_not_ask(world: World, mtx: Beating) -> None:
    """It would not know our grants."""
    world.account("acme")
    key, _ = world.key("acme")

    assert world.publish(key).code == "NO_CAPACITY"
    assert mtx.id == "mtx1"


def test_a_viewer_is_let_in_where_the_stream_is_live(world: World, mtx: Beating) -> None:
    """Up to the tier's limit, and only on the MediaMTX that has the stream."""
    world.account("acme")
    key, stream = world.key("acme")
    begins(world, mtx, ask(world, key, stream))
    watch = {**EMPTY, "action": "read", "protocol": "hls", "path": stream}

    assert world.ask_mediamtx(watch).status == 200
    assert world.ask_mediamtx(watch, "mtx2").code == "STREAM_OFFLINE"
    mtx.streams[stream]["viewers"] = 20
    world.beat(mtx)
    assert (world.ask_mediamtx(watch).status, world.ask_mediamtx(watch).code) == (401, "VIEWER_LIMIT_REACHED")


def test_who_tries_invalid_keys_through_mediamtx_is_slowed_down(world: World, mtx: Beating) -> None:
    """By the address that asks, whatever client it names: two hundred of them get no further; a right key still works."""
    world.account("acme")
    key, stream = world.key("acme")
    _, another = world.key("acme")

    found = [
        ask(
            world,
            KEY if number % 2 else key,
            another,
            ip=("", f"203.0.113.{number}", f"2001:db8:{number}::1")[number % 3],
        )
        for number in range(200)
    ]

    assert [answer.code for answer in found] == ["INVALID_KEY"] * 20 + ["RATE_LIMITED"] * 180
    assert {answer.status for answer in found} == {401}, "MediaMTX knows no other refusal"
    assert ask(world, key, stream).status == 200
    assert mtx.id == "mtx1"


def test_nobody_is_locked_out_by_who_names_its_address(world: World, mtx: Beating) -> None:
    """Neither at our own door nor at another MediaMTX."""
    for _ in range(30):
        ask(world, KEY, STREAM, ip="198.51.100.9")

    assert world.publish(KEY, address="198.51.100.9").code == "INVALID_KEY"
    assert world.ask_mediamtx(question(path=STREAM), address="198.51.100.9").code == "INVALID_KEY"
    assert ask(world, KEY, STREAM, ip="198.51.100.9").code == "RATE_LIMITED"
    assert mtx.id == "mtx1"
