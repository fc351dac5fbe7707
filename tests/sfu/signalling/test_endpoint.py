"""WHIP and WHEP endpoints over real HTTP: docs/conformance.md, 1A and 1B, by item."""

from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest

from functions.edge.web import preflight
from sfu.negotiation import Codec
from sfu.signalling.app import make_app
from sfu.signalling.ice_servers import IceServer
from sfu.signalling.listener import Listener
from sfu.signalling.wanted_grant import ApiRefusal, Granted, WantedGrant
from shared.grants import Action
from shared.rate import Rate, RateLimit
from shared.refusals import Code, no_capacity, unavailable, viewer_limit_reached
from shared.verifier import Reason
from tests.sfu.raw_http import Answer, ask, request
from tests.sfu.signalling.fakes import KEY, NODE, NOW, PUBLIC_URL, STREAM, Node, grant, offer_text, source

SDP = "application/sdp"
WHIP, WHEP = f"/{STREAM}/whip", f"/{STREAM}/whep"
OBS, CHROME_VIEW = offer_text("obs"), offer_text("chrome-view")


class Running:
    """A node's HTTP on a real port."""

    def __init__(self, node: Node, **changes: object) -> None:
        self.node = node
        self.deps = node.deps(**changes)
        self.listener = Listener(make_app(self.deps))
        self.port = 0

    async def ask(self, method: str, target: str, body: bytes | str = b"", **fields: str | None) -> Answer:
        """One request on a connection of its own."""
        return await ask(self.port, request(method, target, body, **fields))

    async def publish(self, session: str = "session1", body: str = OBS) -> Answer:
        """A POST with a good grant."""
        return await self.ask("POST", f"{WHIP}?grant={grant(Action.PUBLISH, session=session)}", body, Content_Type=SDP)

    async def play(self, session: str = "session1", body: str = CHROME_VIEW, query: str = "") -> Answer:
        """A POST with a good grant."""
        target = f"{WHEP}?grant={grant(Action.PLAY, session=session)}{query}"
        return await self.ask("POST", target, body, Content_Type=SDP)


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    """A node that serves WHIP and WHEP."""
    server = Running(Node(), wait_seconds=30.0)
    server.port = await server.listener.open("127.0.0.1", 0)
    yield server
    await server.listener.close()


@pytest.fixture
async def linking() -> AsyncIterator[Running]:
    """A node with ICE servers, another playback address and a tight rate limit."""
    servers = (IceServer("stun:stun.example:3478"), IceServer("turn:turn.example?transport=udp", "u", "p"))
    limit = RateLimit(Rate(2, 1))
    server = Running(Node(), ice_servers=servers, playback_url="https://api.example", limit=limit)
    server.port = await server.listener.open("127.0.0.1", 0)
    yield server
    await server.listener.close()


# --- POST with a grant ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", [SDP, "Application/SDP; charset=utf-8"])
async def test_1a_01_a_publisher_is_answered_201(running: Running, content_type: str) -> None:
    """SDP answer, absolute Location without a query, strong ETag, the WHEP address, no Accept-Patch, not to be stored."""
    target = f"{WHIP}?grant={grant(Action.PUBLISH)}"

    answer = await running.ask("POST", target, OBS, Content_Type=content_type)

    assert answer.status == 201
    assert answer["Content-Type"] == SDP
    assert answer["Location"] == f"{PUBLIC_URL}/sessions/secret1"
    assert answer["ETag"] == '"etag1"'
    assert answer["WHEP"] == f"{PUBLIC_URL}/{STREAM}/whep"
    assert answer["Cache-Control"] == "no-store"
    assert not answer.has("Accept-Patch")
    assert answer.body.startswith(b"v=0\r\n")
    verified, negotiated = running.node.plane.begun[0]
    assert verified.claims.session == "session1"
    assert negotiated.answer.encode() == answer.body
    assert running.deps.answers == {("publish", "created"): 1}


@pytest.mark.parametrize(
    ("line", "replaced"),
    [
        (b"s=-", b"s=caf\xe9"),
        (b"a=mid:0", b"i=\xff\xfe\r\na=mid:0"),
        (b"a=mid:0", b"a=mid:0\r\na=label:\x80\x01\x7f"),
        (b"a=mid:0", b"a=mid:0\r\na=\xe9:1"),
        (b"a=mid:0", b"a=mid:0\r\na=rid:\xe9 send\r\na=simulcast:send \xe9;b"),
        (b"a=mid:0", b"a=mid:0\r\na=extmap:9 urn:\xe9\r\na=rtcp-fb:* \xe9\r\na=ssrc:1 cname:\xe9"),
        (b"\r\n", b"\n"),
        (b"v=0", b"\r\nv=0"),
        (b"a=mid:0", b"a=x:" + b"y" * 30_000 + b"\r\na=mid:0"),
    ],
)
async def test_1a_03_values_are_any_bytes(running: Running, line: bytes, replaced: bytes) -> None:
    """RFC 8866, section 9: a name in Latin-1 is nobody's business here. The answer is text all the same."""
    body = OBS.encode().replace(line, replaced, -1 if line == b"\r\n" else 1)

    answer = await running.ask("POST", f"{WHIP}?grant={grant(Action.PUBLISH)}", body, Content_Type=SDP)

    assert answer.status == 201
    assert answer.body.isascii()


async def test_1b_01_a_viewer_is_answered_201(running: Running) -> None:
    """Likewise, but for the WHEP field."""
    answer = await running.play()

    assert answer.status == 201
    assert (answer["Content-Type"], answer["ETag"]) == (SDP, '"etag1"')
    assert not answer.has("WHEP")
    assert b"a=sendonly\r\n" in answer.body


@pytest.mark.parametrize(("trusted", "address"), [("127.0.0.0/8", "2001:db8::8"), ("192.0.2.0/24", "127.0.0.1")])
async def test_1a_21_a_viewer_s_address_is_what_our_proxy_says(trusted: str, address: str) -> None:
    """How many may wait to connect counts by it; a client's own word is nothing."""
    server = Running(Node(), trusted_proxies=(ip_network(trusted),))
    server.port = await server.listener.open("127.0.0.1", 0)
    target = f"{WHEP}?grant={grant(Action.PLAY)}"

    answers = [
        await server.ask("POST", asked, CHROME_VIEW, Content_Type=SDP, X_Forwarded_For="203.0.113.9, 2001:db8::8")
        for asked in (target, WHEP)
    ]
    await server.listener.close()

    assert [answer.status for answer in answers] == [201, 201]
    assert server.node.plane.addresses == [address, address]


async def test_1a_08_each_session_has_its_own_strong_etag(running: Running) -> None:
    """And each has its own URL."""
    answers = [await running.publish(), await running.publish("session2")]

    assert [answer["ETag"] for answer in answers] == ['"etag1"', '"etag2"']
    assert answers[0]["Location"] != answers[1]["Location"]


async def test_1a_20_the_grant_may_come_as_a_bearer_token(running: Running) -> None:
    """Whatever the case of the scheme."""
    answer = await running.ask("POST", WHIP, OBS, Content_Type=SDP, Authorization=f"bEARER {grant(Action.PUBLISH)}")

    assert answer.status == 201


async def test_1a_20_the_grant_in_the_url_comes_before_a_key_in_the_header(running: Running) -> None:
    """OBS carries its stream key to wherever it is redirected."""
    target = f"{WHIP}?grant={grant(Action.PUBLISH)}"

    answer = await running.ask("POST", target, OBS, Content_Type=SDP, Authorization=f"Bearer {KEY}")

    assert answer.status == 201
    assert running.node.api.asked == []


async def test_1a_20_a_missing_grant_is_a_401_without_an_error(running: Running) -> None:
    """RFC 6750, section 3.1: no hint where there was no credential."""
    answer = await running.ask("POST", WHIP, OBS, Content_Type=SDP)

    assert (answer.status, answer.json["code"]) == (401, "INVALID_GRANT")
    assert answer["WWW-Authenticate"] == 'Bearer realm="sluice"'
    assert running.deps.authorizer.rejections == {Reason.MISSING: 1}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        grant(Action.PLAY),
        grant(Action.PUBLISH, node="node2"),
        grant(Action.PUBLISH, boot="formerboot"),
        grant(Action.PUBLISH, stream="ponmlkjihgfedcba"),
        grant(Action.PUBLISH, expires_at=NOW - 1),
        grant(Action.PUBLISH)[:-4] + "AAAA",
        grant(Action.PUBLISH, protocol="rtmp"),
    ],
    ids=["empty", "garbage", "for-play", "other-node", "former-boot", "other-stream", "expired", "forged", "rtmp"],
)
async def test_1a_20_a_bad_grant_is_one_401_whatever_is_wrong(running: Running, token: str) -> None:
    """The body does not say which; nothing began; no slot is reported, for none was taken by it."""
    answer = await running.ask("POST", f"{WHIP}?grant={token}", OBS, Content_Type=SDP)

    assert answer.status == 401
    assert answer.json == {"error": "The grant is missing or not valid here", "code": "INVALID_GRANT"}
    assert running.node.plane.begun == []
    assert running.node.refused == []


async def test_a_grant_serves_once(running: Running) -> None:
    """The second POST is a replay, and says so to the client no more than any other failure."""
    token = grant(Action.PUBLISH)
    first = await running.ask("POST", f"{WHIP}?grant={token}", OBS, Content_Type=SDP)
    second = await running.ask("POST", f"{WHIP}?grant={token}", OBS, Content_Type=SDP)

    assert (first.status, second.status, second.json["code"]) == (201, 401, "INVALID_GRANT")
    assert second["WWW-Authenticate"] == 'Bearer realm="sluice", error="invalid_token"'


@pytest.mark.parametrize("form", ["Basic dXNlcjpwYXNz", "Bearer", "Bearer a b", KEY])
async def test_1a_20_an_authorization_of_another_form_is_a_400(running: Running, form: str) -> None:
    """On /whip, where nothing else could name a key."""
    answer = await running.ask("POST", "/whip", OBS, Content_Type=SDP, Authorization=form)

    assert answer.status == 400
    assert answer["WWW-Authenticate"] == 'Bearer realm="sluice", error="invalid_request"'


async def test_a_refused_offer_gives_the_slot_back(running: Running) -> None:
    """The control plane hears of a grant that was used up for nothing."""
    answer = await running.publish(body=OBS.replace("a=sendonly", "a=recvonly"))

    assert (answer.status, answer.json["code"]) == (422, "UNSUPPORTED_OFFER")
    assert running.node.refused == [("session1", "UNSUPPORTED_OFFER")]


async def test_a_refusal_of_the_media_plane_is_passed_on(running: Running) -> None:
    """The exact viewer limit is held there."""
    running.node.plane.refuse_with = viewer_limit_reached(20, 20)

    answer = await running.play()

    assert answer.status == 403
    assert answer.json == {
        "error": "Viewer limit (20) reached",
        "code": "VIEWER_LIMIT_REACHED",
        "current": 20,
        "limit": 20,
    }
    assert running.node.refused == [("session1", "VIEWER_LIMIT_REACHED")]


async def test_1b_05_an_offline_stream_is_a_409_with_retry_after(running: Running) -> None:
    """As the WHEP draft, section 4.2.8, has it."""
    running.node.plane.sources.clear()

    answer = await running.play()

    assert (answer.status, answer.json["code"]) == (409, "STREAM_OFFLINE")
    assert int(answer["Retry-After"]) >= 1


async def test_1b_05_who_asks_to_wait_is_answered_before_the_publisher(running: Running) -> None:
    """With the likeliest codec: what the stream carried last, else H264; for as long as the node lets viewers wait."""
    plane = running.node.plane
    plane.sources.clear()
    first = await running.play(query="&wait=1")
    plane.carried[STREAM] = source(video=Codec("VP8", 90000))
    second = await running.play("session2", query="&wait=1")

    assert (first.status, second.status) == (201, 201)
    codecs = [[media.codec.name for media in negotiated.media] for _, negotiated in plane.begun]
    assert [sorted(names) for names in codecs] == [["H264", "OPUS"], ["OPUS", "VP8"]]
    assert plane.waits == [30.0, 30.0]


async def test_1b_02_no_refusal_is_ever_a_406(running: Running) -> None:
    """WHEP clients take a 406 for a counter-offer."""
    answer = await running.play(body=OBS)

    assert answer.status == 422


async def test_1a_19_a_draining_node_refuses_posts_with_retry_after(running: Running) -> None:
    """Grants that were bound to it give their slots back, and the API is not troubled for others."""
    running.node.draining = True

    with_grant, without = await running.publish(), await running.ask("POST", f"/{KEY}/whip", OBS, Content_Type=SDP)

    assert [(a.status, a.json["code"], int(a["Retry-After"]) >= 1) for a in (with_grant, without)] == [
        (503, "DRAINING", True)
    ] * 2
    assert running.node.refused == [("session1", "DRAINING")]
    assert running.node.api.asked == []


async def test_1a_19_a_full_node_is_a_503_with_retry_after(running: Running) -> None:
    """As the media plane says."""
    running.node.plane.refuse_with = no_capacity()

    answer = await running.publish()

    assert (answer.status, answer.json["code"]) == (503, "NO_CAPACITY")
    assert int(answer["Retry-After"]) >= 1


# --- POST without a grant: the API decides ----------------------------------------------------------------------------


@pytest.mark.parametrize("target", [f"/{KEY}/whip", "/whip", f"/{STREAM}/whip"])
async def test_a_stream_key_is_exchanged_for_a_grant(running: Running, target: str) -> None:
    """In the path, or as a bearer token as OBS sends it."""
    fields = {} if KEY in target else {"Authorization": f"Bearer {KEY}"}

    answer = await running.ask("POST", f"{target}?force=1&region=eu", OBS, Content_Type=SDP, **fields)

    assert answer.status == 201
    assert running.node.api.asked == [WantedGrant("publish", "whip", key=KEY, force=True, region="eu")]
    assert running.node.plane.begun[0][0].claims.session == "exchanged1"


@pytest.mark.parametrize("authorization", [None, "Bearer undefined", "raw-key", f"Bearer {KEY}"])
async def test_a_stream_id_is_enough_to_watch(running: Running, authorization: str | None) -> None:
    """What Eyevinn's player puts in Authorization does not matter on an open stream."""
    answer = await running.ask("POST", WHEP, CHROME_VIEW, Content_Type=SDP, Authorization=authorization)

    assert answer.status == 201
    assert running.node.api.asked == [WantedGrant("play", "whep", stream=STREAM)]


async def test_a_stream_key_may_watch_its_own_stream(running: Running) -> None:
    """The API finds the stream of the key."""
    await running.ask("POST", f"/{KEY}/whep", CHROME_VIEW, Content_Type=SDP)

    assert running.node.api.asked == [WantedGrant("play", "whep", key=KEY)]


async def test_the_api_s_refusal_is_passed_through_unchanged(running: Running) -> None:
    """Status and body to the byte; CORS fields are ours."""
    body = b'{"error":  "Invalid stream key", "code": "INVALID_KEY", "new": 1}'
    fields = {"Content-Type": "application/json", "Retry-After": "7"}
    running.node.api.answer = lambda _: ApiRefusal(401, body, fields)

    answer = await running.ask("POST", f"/{KEY}/whip", OBS, Content_Type=SDP)

    assert (answer.status, answer.body, answer["Retry-After"]) == (401, body, "7")
    assert answer["Access-Control-Allow-Origin"] == "*"


async def test_1a_18_another_node_s_stream_is_a_307_with_the_grant(running: Running) -> None:
    """Absolute, never 301 or 302, and with CORS for the browser that follows."""
    url = f"http://192.0.2.9:8889/{STREAM}/whep"
    running.node.api.answer = lambda _: Granted("a.b.c+/=", url, "node2", STREAM)

    answer = await running.ask("POST", WHEP, CHROME_VIEW, Content_Type=SDP)

    assert answer.status == 307
    assert answer["Location"] == f"{url}?grant=a.b.c%2B%2F%3D"
    assert answer["Access-Control-Allow-Origin"] == "*"


async def test_an_api_that_is_away_is_a_503_with_retry_after(running: Running) -> None:
    """Nobody is let in, and nobody's session ends."""
    running.node.api.answer = lambda _: unavailable()

    answer = await running.ask("POST", WHEP, CHROME_VIEW, Content_Type=SDP)

    assert (answer.status, answer.json["code"]) == (503, "UNAVAILABLE")
    assert int(answer["Retry-After"]) >= 1


async def test_a_grant_of_the_api_that_does_not_verify_begins_nothing(running: Running) -> None:
    """The API is believed by its signature only."""
    running.node.api.answer = lambda _: Granted("a.b.c", f"{PUBLIC_URL}/{STREAM}/whep", NODE, STREAM)

    answer = await running.ask("POST", WHEP, CHROME_VIEW, Content_Type=SDP)

    assert (answer.status, answer.json["code"]) == (401, "INVALID_GRANT")


async def test_a_broken_offer_does_not_reach_the_api(running: Running) -> None:
    """It would take a slot for nothing."""
    answers = [
        await running.ask("POST", f"/{KEY}/whip", body, Content_Type=content_type)
        for body, content_type in (("hello", SDP), (OBS, "text/plain"), ("", SDP))
    ]

    assert [answer.status for answer in answers] == [400, 415, 400]
    assert running.node.api.asked == []


async def test_1a_21_requests_without_a_grant_are_limited_by_address(linking: Running) -> None:
    """429 with Retry-After, before anything costly; a client with a grant passes."""
    answers = [await linking.ask("POST", WHEP, CHROME_VIEW, Content_Type=SDP) for _ in range(3)]

    assert [answer.status for answer in answers] == [201, 201, 429]
    assert (answers[2].json["code"], answers[2]["Retry-After"]) == ("RATE_LIMITED", "1")
    assert (await linking.play("session9")).status == 201
    assert linking.deps.answers["play", Code.RATE_LIMITED.value] == 1


async def test_1a_23_a_proxy_of_ours_says_who_asks_and_where() -> None:
    """Its clients are limited one by one, and their session URLs lead through it; from others nothing is believed."""
    for trusted in (True, False):
        networks = (ip_network("127.0.0.0/8"),) if trusted else ()
        limit = RateLimit(Rate(1, 10))
        server = Running(Node(), limit=limit, trusted_proxies=networks)
        server.port = await server.listener.open("127.0.0.1", 0)
        fields = {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "edge.example"}
        answers = [
            await server.ask(
                "POST", WHEP, CHROME_VIEW, Content_Type=SDP, X_Forwarded_For=f"203.0.113.{number}", **fields
            )
            for number in range(3)
        ]
        await server.listener.close()

        assert [answer.status for answer in answers] == ([201, 201, 201] if trusted else [201, 429, 429])
        assert answers[0]["Location"].startswith("https://edge.example/" if trusted else f"{PUBLIC_URL}/")


# --- other methods ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [WHIP, "/whip", f"{WHIP}?grant=x"])
async def test_1a_25_get_is_a_204(running: Running, target: str) -> None:
    """RFC 9725, section 4.1; not the 405 of old drafts. It needs no credential, and says nothing of the stream."""
    got, head = await running.ask("GET", target), await running.ask("HEAD", target)

    assert (got.status, got.body, head.status) == (204, b"", 204)


async def test_1b_07_head_of_whep_is_a_200_with_the_type(running: Running) -> None:
    """Discovery; and GET has the same fields and no content (1B.06)."""
    got, head = await running.ask("GET", WHEP), await running.ask("HEAD", WHEP)

    assert [(a.status, a["Content-Type"], a["Content-Length"], a.body) for a in (got, head)] == [
        (200, SDP, "0", b"")
    ] * 2


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("target", [WHIP, WHEP, "/whip"])
async def test_1a_26_other_methods_are_a_405_with_allow(running: Running, method: str, target: str) -> None:
    """As RFC 9110, section 15.5.6, has it."""
    answer = await running.ask(method, target)

    assert (answer.status, answer["Allow"]) == (405, "GET, HEAD, POST, OPTIONS")
    assert answer.json["code"] == "INVALID_REQUEST"


@pytest.mark.parametrize("target", [WHIP, WHEP, "/whip", "/sessions/whatever", "/"])
async def test_1a_27_options_is_a_200(running: Running, target: str) -> None:
    """With Accept-Post on every endpoint; 200, because MediaMTX takes no other 2xx but 204."""
    answer = await running.ask("OPTIONS", target)

    assert answer.status == 200
    assert target == "/" or answer["Accept-Post"] == SDP


@pytest.mark.parametrize("form", ["/{}/whip/", "/{}/whip//", "//{}/whip", "/{}//whip"])
async def test_a_slash_too_many_is_passed_over(running: Running, form: str) -> None:
    """A base URL that ends with one, or an address with one behind it: the same answer, and no redirect that loses the offer."""
    publish, play = form.format(STREAM), form.format(STREAM).replace("whip", "whep")

    published = await running.ask("POST", f"{publish}?grant={grant(Action.PUBLISH)}", OBS, Content_Type=SDP)
    watched = await running.ask(
        "POST", f"{play}?grant={grant(Action.PLAY, session='session2')}", CHROME_VIEW, Content_Type=SDP
    )

    assert (published.status, watched.status) == (201, 201)
    assert published["Location"] == f"{PUBLIC_URL}/sessions/secret1"
    assert (await running.ask("POST", form.format(KEY), OBS, Content_Type=SDP)).status == 201
    assert (await running.ask("POST", "/whip/", OBS, Content_Type=SDP, Authorization=f"Bearer {KEY}")).status == 201
    assert (await running.ask("DELETE", "/sessions/secret1/")).status == 200


@pytest.mark.parametrize("target", [WHIP, WHEP, "/whip", "/sessions/whatever", "/nowhere"])
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "OPTIONS"])
async def test_1a_29_a_preflight_allows_what_clients_do(running: Running, target: str, method: str) -> None:
    """No credential is asked for (1A.28), OPTIONS itself is allowed, and Authorization is named; whatever the API allows, since
    a browser that it redirects asks for the same here.
    """
    answer = await running.ask(
        "OPTIONS",
        target,
        Origin="null",
        Access_Control_Request_Method=method,
        Access_Control_Request_Headers="authorization,content-type,if-match,etag",
        Access_Control_Request_Private_Network="true",
    )

    assert answer.status == 200
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert method in answer["Access-Control-Allow-Methods"].split(", ")
    allowed = answer["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "content-type", "if-match", "etag", "accept", "link"} <= set(allowed)
    at_the_api = preflight().event()["headers"]
    for name in ("Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Expose-Headers"):
        assert set(at_the_api[name].split(", ")) == set(answer[name].split(", "))
    assert int(answer["Access-Control-Max-Age"]) > 0
    assert answer["Access-Control-Allow-Private-Network"] == "true"


async def test_1a_30_every_answer_has_cors_fields(running: Running) -> None:
    """Refusals of each kind included."""
    running.node.plane.sources.clear()
    answers = [
        await running.publish(),
        await running.play("session2"),
        await running.ask("POST", WHIP, OBS, Content_Type=SDP),
        await running.ask("POST", WHIP, OBS, Content_Type="text/plain", Authorization=f"Bearer {KEY}"),
        await running.ask("PUT", WHIP),
        await running.ask("GET", "/nowhere/at/all"),
        await running.ask("GET", "/sessions/unknown"),
        await running.ask("PATCH", "/sessions/unknown"),
    ]

    assert [answer.status for answer in answers] == [201, 409, 401, 415, 405, 404, 404, 404]
    for answer in answers:
        assert answer["Access-Control-Allow-Origin"] == "*"
        exposed = answer["Access-Control-Expose-Headers"].split(", ")
        assert {"Location", "ETag", "Link", "WHEP", "Accept-Post", "Retry-After", "WWW-Authenticate"} <= set(exposed)
        assert "Access-Control-Allow-Methods" in exposed


async def test_1a_10_ice_servers_are_linked_on_the_201(linking: Running) -> None:
    """One field a server, credentials included: the client was admitted."""
    answer = await linking.publish()

    assert answer.every("Link") == [
        '<stun:stun.example:3478>; rel="ice-server"',
        '<turn:turn.example?transport=udp>; rel="ice-server"; username="u"; credential="p"; credential-type="password"',
    ]
    assert answer["WHEP"] == f"https://api.example/{STREAM}/whep"


async def test_1a_31_a_preflight_has_no_ice_servers_and_options_no_passwords(linking: Running) -> None:
    """Anybody may send OPTIONS, even strangers."""
    plain = await linking.ask("OPTIONS", WHIP)
    preflight = await linking.ask("OPTIONS", WHIP, Access_Control_Request_Method="POST")

    assert plain.every("Link") == ['<stun:stun.example:3478>; rel="ice-server"']
    assert preflight.every("Link") == []
