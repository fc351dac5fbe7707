"""Session URLs over real HTTP: PATCH, DELETE, GET (docs/conformance.md, 1A.22, 1A.25, 1A.32 to 1A.47 and 1C)."""

from collections.abc import AsyncIterator

import pytest

from sfu.negotiation import IceCredentials
from sfu.signalling.app import make_app
from sfu.signalling.http_sessions import REMEMBERED_SECONDS
from sfu.signalling.listener import Listener
from shared.grants import Action
from tests.sfu.raw_http import Answer, ask, request
from tests.sfu.signalling.fakes import STREAM, Node, grant, offer_text

SDPFRAG = "application/trickle-ice-sdpfrag"
SESSION = "/sessions/secret1"
THEIRS = "a=ice-ufrag:Kx3d\r\na=ice-pwd:Zp0vDyNDXcJkPbAhq1oP7s\r\n"  # the fixture's
OURS = "a=ice-ufrag:node0001\r\na=ice-pwd:000000000000000000000001\r\n"  # the fake plane's first
FRESH = "a=ice-ufrag:fresh\r\na=ice-pwd:freshfreshfreshfresh22\r\n"
CANDIDATE = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.77 5 typ host\r\n"


class Session:
    """A node with one publisher, `SESSION`, whose ETag is `"etag1"`."""

    def __init__(self, node: Node, **changes: object) -> None:
        self.node = node
        self.deps = node.deps(**changes)
        self.listener = Listener(make_app(self.deps))
        self.port = 0

    async def begin(self) -> None:
        """Publish, and keep the session's URL."""
        self.port = await self.listener.open("127.0.0.1", 0)
        target = f"/{STREAM}/whip?grant={grant(Action.PUBLISH)}"
        answer = await self.ask("POST", target, offer_text("obs"), Content_Type="application/sdp")
        assert answer.status == 201

    async def ask(self, method: str, target: str = SESSION, body: str = "", **fields: str | None) -> Answer:
        """Send one request to the session's URL."""
        return await ask(self.port, request(method, target, body, **fields))

    async def patch(self, body: str, if_match: str | None = '"etag1"', content_type: str | None = SDPFRAG) -> Answer:
        """A PATCH of the session."""
        return await self.ask("PATCH", SESSION, body, Content_Type=content_type, If_Match=if_match)


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session on a node that can restart ICE."""
    one = Session(Node())
    await one.begin()
    yield one
    await one.listener.close()


@pytest.fixture
async def rigid() -> AsyncIterator[Session]:
    """A session on a node that cannot."""
    one = Session(Node(), restarts=None)
    await one.begin()
    yield one
    await one.listener.close()


# --- GET, HEAD, other methods -----------------------------------------------------------------------------------------


async def test_1a_25_get_on_a_session_is_a_204(session: Session) -> None:
    """And HEAD has the same status; an unknown session is a 404."""
    assert [(await session.ask(method)).status for method in ("GET", "HEAD")] == [204, 204]
    assert [(await session.ask(method, "/sessions/x")).status for method in ("GET", "HEAD")] == [404, 404]


async def test_a_client_that_asks_for_json_sees_how_far_its_session_came(session: Session) -> None:
    """Why is it black: only for whoever knows the session's URL."""
    answer = await session.ask("GET", SESSION, Accept="application/json")

    assert (answer.status, answer.json) == (200, {"ice": "connected"})
    assert answer["Content-Type"].startswith("application/json")
    assert (await session.ask("GET", SESSION, Accept="*/*")).status == 204


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_1a_47_no_renegotiation_by_post(session: Session, method: str) -> None:
    """405 with Allow, and the session is untouched."""
    answer = await session.ask(method, SESSION, offer_text("obs"), Content_Type="application/sdp")

    assert (answer.status, answer["Allow"]) == (405, "GET, HEAD, PATCH, DELETE, OPTIONS")
    assert (await session.ask("GET")).status == 204


async def test_1a_22_a_guessed_session_url_is_a_404(session: Session) -> None:
    """For every method but OPTIONS, and it says nothing else."""
    answers = [await session.ask(method, "/sessions/guess") for method in ("GET", "PATCH", "DELETE")]

    assert [(answer.status, answer.json["code"]) for answer in answers] == [(404, "NOT_FOUND")] * 3


# --- PATCH: trickle ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("if_match", ['"etag1"', "*", '"*"', '"other", "etag1"'])
@pytest.mark.parametrize("credentials", ["", THEIRS])
async def test_1a_37_trickle_is_a_204_without_etag(session: Session, if_match: str, credentials: str) -> None:
    """Also with the wildcard, quoted or not (1A.36): MediaMTX's page sends it for every candidate."""
    answer = await session.patch(credentials + CANDIDATE, if_match)

    assert (answer.status, answer.body, answer.has("ETag")) == (204, b"", False)
    assert session.node.plane.restarted == []


@pytest.mark.parametrize(
    "candidate",
    [
        "1 1 tcp 1 192.0.2.77 9 typ host tcptype active",
        "1 1 udp 1 4bc72d74-c00e.local 5 typ host",
        "1 1 udp 1 no-such-host.example 5 typ host",
        "1 1 udp 1 2001:db8::7 5 typ host",
        "1 2 udp 1 192.0.2.77 5 typ host",
        "1 1 udp 1 192.0.2.77 5 typ host x y z",
        "",
    ],
)
async def test_1a_38_candidates_that_help_nobody_are_dropped(session: Session, candidate: str) -> None:
    """The client is not told of it."""
    body = f"{THEIRS}m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:{candidate}\r\n"

    assert (await session.patch(body)).status == 204


@pytest.mark.parametrize("if_match", ['"etag1"', "*", None])
async def test_1c_our_own_credentials_are_trickle_and_change_nothing(session: Session, if_match: str | None) -> None:
    """VDO.Ninja's viewer copies them from the answer, and reconnects for ever after any error."""
    answer = await session.patch(OURS + "m=audio 9 RTP/AVP 0\r\na=mid:0\r\n", if_match)

    assert answer.status == 204
    assert session.node.plane.restarted == []


async def test_1a_34_without_if_match_it_is_a_428(session: Session) -> None:
    """And the session is untouched."""
    answer = await session.patch(THEIRS + CANDIDATE, None)

    assert answer.status == 428
    assert (await session.patch(THEIRS + CANDIDATE)).status == 204


@pytest.mark.parametrize("if_match", ['"stale"', 'W/"etag1"', "etag1"])
async def test_1a_35_another_etag_is_a_412(session: Session, if_match: str) -> None:
    """The comparison of ETags is the strong one."""
    assert (await session.patch(THEIRS + CANDIDATE, if_match)).status == 412


@pytest.mark.parametrize("content_type", [None, "application/sdp", "application/json", "text/plain"])
async def test_1a_32_another_type_is_a_415_with_accept_patch(session: Session, content_type: str | None) -> None:
    """`application/sdp` too: there are no counter-offers (1A.47, 1B.02)."""
    answer = await session.patch(THEIRS, content_type=content_type)

    assert (answer.status, answer["Accept-Patch"]) == (415, SDPFRAG)


async def test_1a_32_a_malformed_fragment_is_a_400_before_any_precondition(session: Session) -> None:
    """JSON under the right type, half of the credentials, nothing at all; and 64 KiB are the limit."""
    bodies = ['{"candidate": ""}', "", "a=ice-ufrag:alone\r\n", "a=ice-ufrag:x\r\na=ice-pwd:y\r\n"]

    assert [(await session.patch(body, None)).status for body in bodies] == [400] * 4
    assert (await session.patch("a=" + "x" * 70_000)).status == 413


# --- PATCH: ICE restart -----------------------------------------------------------------------------------------------


async def test_1a_39_new_credentials_restart_ice(session: Session) -> None:
    """200 with our new credentials, all candidates and a new ETag; the media plane has ours, the session's URL both sides'."""
    answer = await session.patch(FRESH)

    assert (answer.status, answer["Content-Type"]) == (200, SDPFRAG)
    assert answer["ETag"] != '"etag1"'
    body = answer.body.decode()
    assert body.startswith("a=ice-lite\r\na=ice-options:trickle ice2\r\na=group:BUNDLE 0 1\r\nm=audio 9 ")
    assert body.endswith("a=end-of-candidates\r\n")
    local = IceCredentials("node0002", "000000000000000000000002")
    assert session.node.plane.restarted == [("session1", local)]
    resource = session.deps.sessions.find(SESSION.rpartition("/")[2])
    assert resource is not None
    assert (resource.local, resource.remote) == (local, IceCredentials("fresh", "freshfreshfreshfresh22"))


async def test_1a_40_after_a_restart_the_old_etag_is_stale(session: Session) -> None:
    """Late candidates for the old credentials are dropped under `*`, refused under the old tag."""
    etag = (await session.patch(FRESH))["ETag"]

    assert (await session.patch(THEIRS + CANDIDATE)).status == 412
    assert (await session.patch(THEIRS + CANDIDATE, "*")).status == 204
    assert (await session.patch(FRESH + CANDIDATE, etag)).status == 204
    assert len(session.node.plane.restarted) == 1


async def test_1a_21_restarts_are_limited(session: Session) -> None:
    """One a second and session."""
    etag = (await session.patch(FRESH))["ETag"]
    again = FRESH.replace("a=ice-ufrag:fresh", "a=ice-ufrag:again")

    limited = await session.patch(again, etag)
    session.node.now += 1
    allowed = await session.patch(again, etag)

    assert (limited.status, limited["Retry-After"], allowed.status) == (429, "1", 200)


async def test_1a_33_a_node_that_cannot_restart_says_422(rigid: Session) -> None:
    """Only for restarts: trickle works."""
    assert (await rigid.patch(FRESH)).status == 422
    assert (await rigid.patch(THEIRS + CANDIDATE)).status == 204


async def test_1a_41_a_failed_restart_leaves_the_session_as_it_was(session: Session) -> None:
    """With the same ETag and the same credentials."""
    session.node.plane.can_restart = False

    assert (await session.patch(FRESH)).status == 422
    assert (await session.patch(THEIRS + CANDIDATE)).status == 204
    assert (await session.ask("GET")).status == 204


# --- DELETE -----------------------------------------------------------------------------------------------------------


async def test_1a_43_delete_is_a_200_and_then_a_404(session: Session) -> None:
    """The media plane ends the session at once; a later PATCH or GET finds nothing."""
    answers = [await session.ask(method) for method in ("DELETE", "DELETE", "GET")]

    assert [answer.status for answer in answers] == [200, 404, 404]
    assert (await session.patch(THEIRS)).status == 404
    assert session.node.plane.ended == [("session1", "delete")]


@pytest.mark.parametrize("if_match", ['"stale"', "*", '"etag1"'])
async def test_1a_44_if_match_on_delete_is_ignored(session: Session, if_match: str) -> None:
    """For simple-whip-client sends that header."""
    assert (await session.ask("DELETE", If_Match=if_match)).status == 200


async def test_1a_46_a_session_that_ended_by_itself_is_gone(session: Session) -> None:
    """404; but the DELETE that OBS sends after its own DTLS close is a success, once."""
    session.deps.sessions.ended("session1", session.node.now)

    assert (await session.ask("GET")).status == 404
    assert (await session.patch(THEIRS)).status == 404
    assert [(await session.ask("DELETE")).status for _ in range(2)] == [200, 404]
    assert session.node.plane.ended == []


async def test_an_end_is_forgotten_after_a_minute(session: Session) -> None:
    """Memory is for the living."""
    session.deps.sessions.ended("session1", session.node.now)
    session.node.now += REMEMBERED_SECONDS

    assert (await session.ask("DELETE")).status == 404


async def test_1a_19_a_draining_node_still_serves_its_sessions(session: Session) -> None:
    """It refuses nothing but POST."""
    session.node.draining = True

    assert (await session.patch(THEIRS + CANDIDATE)).status == 204
    assert (await session.ask("DELETE")).status == 200


async def test_1c_the_url_is_the_capability(session: Session) -> None:
    """No token is asked for, and a nonsensical one does no harm."""
    assert (await session.ask("DELETE", Authorization="Bearer undefined")).status == 200
