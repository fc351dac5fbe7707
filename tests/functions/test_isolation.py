"""No account learns anything of another: every endpoint of the OpenAPI document, with another's token, key and stream.

An endpoint is open to everybody by design and listed here as such, or it is guarded; a new one that is neither fails. What
is another's is answered, to the letter, like what does not exist, and by as many calls to the store.
"""

from typing import Any

import pytest

from functions.public.api import examples
from functions.public.api.endpoint import ApiEndpoint
from functions.public.api.endpoints import ALL
from shared.tiers import Tier
from tests.functions.front import SDP, Front, routes
from tests.functions.public.test_openapi import shape, target
from tests.functions.test_bad_input import identity
from tests.functions.world import Answer, Beating, World

OPEN = {
    "/{stream_key}/whip": "the key in the address is the credential",
    "/whip": "its probes say nothing of a key",
    "/{stream_id}/whep": "whoever knows a stream's id may watch it",
    "/v1/streams/{stream_id}": "likewise",
    "/v1/grants": "key or stream id in the body, likewise",
    "/v1/hooks/mediamtx": "likewise; with another's key below",
    "/v1/anonymous": "makes a key of nobody's",
    "/v1/tiers": "the same for everybody",
    "/.well-known/jwks.json": "public keys",
    "/": "a page",
    "/watch/{stream_id}": "a page",
    "/assets/{version}/{file}": "a page's files",
    "/assets/{version}/{folder}/{module}": "likewise",
    "/docs": "a page",
    "/openapi.json": "a document",
}
OWNED = [one for one in ALL if one.security == "account token"]
NOBODYS_STREAM, NOBODYS_KEY = "z" * 16, "live_" + "z" * 32
Calls = list[tuple[str, tuple[str, ...]]]


def test_every_endpoint_is_guarded_or_open_by_design() -> None:
    """And what IAM guards, API Gateway guards: the template's routes say so."""
    signed = {shape(route.path) for route in routes() if route.iam}
    for one in ALL:
        if one.security == "AWS IAM":
            assert shape(one.path) in signed or (one.path.startswith("/v1/admin/") and "/v1/admin/{}" in signed), (
                one.path
            )
        else:
            assert (one.security == "none") == (one.path in OPEN) or one.path == "/whip", identity(one)


class Neighbours:
    """Two accounts, each with a key; the victim publishes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.front = Front(world)
        self.intruder = world.account("intruder", Tier.SOLO_CREATOR)
        self.victim = world.account("victim", Tier.SOLO_CREATOR)
        self.own_key, self.own_stream = world.key("intruder")
        self.key, self.stream = world.key("victim")
        self.node = Beating()
        world.beat(self.node)
        self.session = self.node.publishes(world, world.publish(self.key))
        world.beat(self.node)

    def state(self) -> Any:
        """All that is known of the victim."""
        registry = self.world.registry
        return registry.account("victim"), [*registry.keys("victim")], registry.stream(self.stream)

    def ask(self, one: ApiEndpoint, token: str | None, *, stream: str, key: str) -> list[Answer]:
        """What all examples of an endpoint are answered with that stream and key in them."""
        address = target(one, stream_id=stream, stream_key=key)
        bodies = examples.REQUESTS.get((one.method, one.path), {"": None}).values()
        return [self.front.ask(one.method, address, exchanged(body, stream, key), (), token) for body in bodies]

    def calls(self, function: str) -> Calls:
        """What a function has asked the store since this was asked last."""
        made = [(call.action, call.resources) for call in self.world.calls[function]]
        self.world.calls[function].clear()
        return made


def exchanged(body: Any, stream: str, key: str) -> Any:
    """*body* with the examples' stream and key replaced."""
    if not isinstance(body, dict):
        return body
    others = {examples.STREAM_ID: stream, examples.STREAM_KEY: key}
    return {name: others.get(value, value) if isinstance(value, str) else value for name, value in body.items()}


@pytest.mark.parametrize("endpoint", OWNED, ids=identity)
def test_another_s_stream_and_key_are_like_none(world: World, endpoint: ApiEndpoint) -> None:
    """With the intruder's own token: the same answer and the same calls as for what does not exist; nothing changes."""
    ours = Neighbours(world)
    before = ours.state()

    ours.calls("account")
    nobodys = ours.ask(endpoint, ours.intruder, stream=NOBODYS_STREAM, key=NOBODYS_KEY)
    calls_for_nobodys = ours.calls("account")
    theirs = ours.ask(endpoint, ours.intruder, stream=ours.stream, key=ours.key)
    calls_for_theirs = ours.calls("account")

    if "{stream_id}" in endpoint.path or "dry-run" in endpoint.path:
        assert [plain(one) for one in theirs] == [plain(one) for one in nobodys]
        assert calls_for_theirs == calls_for_nobodys
    for answer in theirs:
        assert not [secret for secret in ("victim", ours.stream, ours.key[5:], ours.session) if secret in answer.text]
    assert ours.state() == before


def test_a_stranger_learns_nothing_not_even_what_a_request_looks_like(world: World) -> None:
    """No token, one that never was, a stream key in its place: one answer, before anything else is looked at."""
    ours = Neighbours(world)
    before = ours.state()

    for endpoint in OWNED:
        answers = [
            plain(answer)
            for token in (None, "", "acct_" + "z" * 32, "acct_x", ours.key, ours.victim.upper(), ours.victim[:-1])
            for stream in (ours.stream, NOBODYS_STREAM)
            for answer in ours.ask(endpoint, token, stream=stream, key=ours.key)
        ]
        answers.append(plain(ours.front.ask(endpoint.method, target(endpoint), "{", (), None)))

        assert set(answers) == {answers[0]}, identity(endpoint)
        assert answers[0][:2] == (401, '{"error": "This needs an account token", "code": "UNAUTHORIZED"}')
    assert ours.state() == before


def plain(answer: Answer) -> tuple[int, str, str | None]:
    """What of an answer tells something."""
    return answer.status, answer.text, answer.headers.get("Retry-After")


def test_a_key_publishes_its_own_stream_and_no_other(world: World) -> None:
    """A MediaMTX names the stream besides the key: another's stream is like one that nobody has, by as many calls."""
    ours = Neighbours(world)
    world.beat(Beating(id="mtx1", boot="mtxmtxmtxmtxa222", kind="mediamtx"))
    question = {"action": "publish", "protocol": "rtmp"}

    def ask(key: str, stream: str) -> tuple[tuple[int, str, str | None], Calls]:
        ours.calls("hooks")
        answer = ours.front.ask("POST", "/v1/hooks/mediamtx?node=mtx1", {**question, "password": key, "path": stream})
        return plain(answer), ours.calls("hooks")

    wrong = ask(NOBODYS_KEY, ours.stream)
    assert wrong[0][0] == 401
    assert ask(ours.own_key, ours.stream) == wrong
    assert ask(ours.own_key, NOBODYS_STREAM) == wrong
    assert ask(ours.key, ours.own_stream) == wrong


@pytest.mark.parametrize("by", ["url", "bearer", "grant", "mediamtx"])
def test_a_revoked_key_costs_what_a_wrong_one_costs(world: World, by: str) -> None:
    """The same body by the same calls, so that neither answer nor time tells them apart."""
    ours = Neighbours(world)
    world.beat(Beating(id="mtx1", boot="mtxmtxmtxmtxa222", kind="mediamtx"))
    key = world.registry.key("intruder", ours.own_stream)
    assert key is not None
    world.registry.revoke(key, world.now - 1)
    function = "hooks" if by == "mediamtx" else "admission"

    def ask(secret: str) -> tuple[tuple[int, str, str | None], Calls]:
        ours.calls(function)
        # An address of its own for each: wrong keys are counted by address, and a second one costs another call.
        address = "198.51.100.9" if secret == NOBODYS_KEY else "198.51.100.10"
        front = Front(world, address=address)
        answer = {
            "url": lambda: front.ask("POST", f"/{secret}/whip", examples.OFFER, [SDP]),
            "bearer": lambda: front.ask("POST", "/whip", examples.OFFER, [SDP], secret),
            "grant": lambda: front.ask("POST", "/v1/grants", {"action": "publish", "key": secret}),
            "mediamtx": lambda: front.ask(
                "POST", "/v1/hooks/mediamtx?node=mtx1",
                {"action": "publish", "protocol": "srt", "password": secret, "path": ours.own_stream, "ip": address},
            ),
        }[by]()  # fmt: skip
        return plain(answer), ours.calls(function)

    wrong, revoked = ask(NOBODYS_KEY), ask(ours.own_key)

    assert wrong[0][0] == 401
    assert revoked == wrong
    assert wrong[1]
