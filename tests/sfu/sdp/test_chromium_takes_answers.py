"""A real Chromium sets our answers as its remote description: docs/conformance.md, P20, judged by the browser."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright

from functions.edge.web import CORS, preflight
from sfu.negotiation import Codec, Negotiated
from sfu.sdp.answer import ViewerSsrcs, answer_play, answer_publish
from sfu.sdp.offer import Offer, parse_offer
from sfu.signalling.app import make_app
from sfu.signalling.listener import Listener
from shared.cors import REQUEST_FIELDS
from shared.grants import Action
from shared.refusals import Refused
from tests.browser.chromium import FLAGS, executable
from tests.ports import free_port
from tests.sfu.signalling.fakes import H264, KEY, LOCAL, OPUS, OURS, STREAM, Node, grant, offer_text, source

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

# `wanted` is a test's description of the peer connection; the offer stays in the page as `window.pc`.
OFFER = """
async (wanted) => {
  const pc = window.pc = new RTCPeerConnection(wanted.config || {});
  window.tracks = [];
  pc.ontrack = (event) => window.tracks.push([event.track.kind, event.streams.map((stream) => stream.id)]);
  const video = document.createElement('canvas').captureStream(5).getVideoTracks()[0];
  const audio = new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0];
  const stream = new MediaStream([audio, video]);
  for (const [kind, init] of wanted.transceivers) {
    const track = {audio, video}[kind];
    pc.addTransceiver(init.direction === 'recvonly' ? kind : track, {...init, streams: [stream]});
  }
  if (wanted.channel) pc.createDataChannel('x');
  await pc.setLocalDescription(await pc.createOffer());
  return pc.localDescription.sdp;
}
"""
ANSWER = """
async (sdp) => {
  await window.pc.setRemoteDescription({type: 'answer', sdp});
  return {
    state: window.pc.signalingState,
    tracks: window.tracks,
    transceivers: window.pc.getTransceivers().map((t) => [t.mid, t.currentDirection]),
    senders: window.pc.getSenders().map((s) => s.getParameters().codecs.map((c) => c.mimeType)),
    layers: window.pc.getSenders().map((s) => s.getParameters().encodings.map((e) => [e.rid || null, e.active])),
    receivers: window.pc.getReceivers().map((r) => r.getParameters().codecs.map((c) => c.mimeType)),
  };
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One Chromium for the module: its start takes longer than a test."""
    path = executable()
    assert path, "No Chromium was found. Install it (Debian: apt-get install chromium) or set CHROMIUM to its path."
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS), headless=True)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A page of its own."""
    page = await chromium.new_page()
    yield page
    await page.close()


def publishing(offer: Offer) -> Negotiated | Refused:
    """The node's answer to a publisher."""
    return answer_publish(offer, LOCAL, OURS, max_kbps=8000)


def playing(video: Codec | None = H264, audio: Codec | None = OPUS) -> Callable[[Offer], Negotiated | Refused]:
    """The node's answer to a viewer of *video* and *audio*."""
    return lambda offer: answer_play(offer, source(video, audio), LOCAL, OURS, ViewerSsrcs(1, 2, 3, 4), STREAM)


async def exchange(page: Page, wanted: dict[str, Any], answer: Callable[[Offer], Negotiated | Refused]) -> Any:
    """Have the page offer, answer it, and hear what the browser made of it."""
    offer = parse_offer(await page.evaluate(OFFER, wanted))
    assert isinstance(offer, Offer)
    negotiated = answer(offer)
    assert isinstance(negotiated, Negotiated)
    return await page.evaluate(ANSWER, negotiated.answer)


SEND = [["audio", {"direction": "sendonly"}], ["video", {"direction": "sendonly"}]]
RECEIVE = [["video", {"direction": "recvonly"}], ["audio", {"direction": "recvonly"}]]


@pytest.mark.parametrize("config", [{}, {"bundlePolicy": "max-bundle"}, {"bundlePolicy": "max-compat"}])
async def test_p20_a_publisher_takes_the_answer(page: Page, config: dict[str, str]) -> None:
    """Both tracks are sent, each with one codec."""
    seen = await exchange(page, {"transceivers": SEND, "config": config}, publishing)

    assert seen["state"] == "stable"
    assert seen["transceivers"] == [["0", "sendonly"], ["1", "sendonly"]]
    assert [[name for name in names if "rtx" not in name] for names in seen["senders"]] == [
        ["audio/opus"],
        ["video/VP8"],
    ]


async def test_1a_17_simulcast_is_taken_whole(page: Page) -> None:
    """All three layers stay active."""
    layers = [{"rid": "h"}, {"rid": "m", "scaleResolutionDownBy": 2}, {"rid": "l", "scaleResolutionDownBy": 4}]
    wanted = [["audio", {"direction": "sendonly"}], ["video", {"direction": "sendonly", "sendEncodings": layers}]]

    seen = await exchange(page, {"transceivers": wanted}, publishing)

    assert seen["layers"][1] == [["h", True], ["m", True], ["l", True]]


async def test_1a_05_a_sendrecv_publisher_only_sends(page: Page) -> None:
    """As Safari offers after addTrack."""
    wanted = [[kind, {"direction": "sendrecv"}] for kind in ("audio", "video")]

    seen = await exchange(page, {"transceivers": wanted}, publishing)

    assert seen["transceivers"] == [["0", "sendonly"], ["1", "sendonly"]]


@pytest.mark.parametrize(
    "video",
    [
        H264,
        Codec("H264", 90000, 1, {"packetization-mode": "1", "profile-level-id": "640c1f"}),
        Codec("VP8", 90000),
        Codec("VP9", 90000, 1, {"profile-id": "0"}),
        Codec("AV1", 90000),
    ],
    ids=lambda codec: codec.name + codec.parameters.get("profile-level-id", ""),
)
async def test_p22_a_viewer_gets_one_stream_with_the_source_s_codec(page: Page, video: Codec) -> None:
    """Both tracks arrive in one MediaStream that has our id."""
    seen = await exchange(page, {"transceivers": RECEIVE}, playing(video))

    assert seen["state"] == "stable"
    assert seen["tracks"] == [["video", [STREAM]], ["audio", [STREAM]]]
    assert seen["transceivers"] == [["0", "recvonly"], ["1", "recvonly"]]


@pytest.mark.long
@pytest.mark.parametrize("policy", ["balanced", "max-bundle", "max-compat"])
@pytest.mark.parametrize("offered", [["video", "audio"], ["audio", "video"]], ids="-".join)
@pytest.mark.parametrize("carried", [["audio"], ["video"], ["audio", "video"]], ids="-".join)
@pytest.mark.parametrize("channel", [False, True], ids=["media", "channel"])
async def test_1b_11_every_partial_answer_is_taken(
    page: Page, policy: str, offered: list[str], carried: list[str], *, channel: bool
) -> None:
    """Whichever section heads the group, and whatever the stream lacks, the browser receives what there is.

    Under max-bundle Chromium takes no answer that rejects the first section (RFC 9143, section 7.3.3).
    """
    wanted = {
        "transceivers": [[kind, {"direction": "recvonly"}] for kind in offered],
        "config": {"bundlePolicy": policy},
        "channel": channel,
    }

    seen = await exchange(
        page, wanted, playing(H264 if "video" in carried else None, OPUS if "audio" in carried else None)
    )

    assert seen["state"] == "stable"
    assert seen["tracks"] == [[kind, [STREAM]] for kind in offered if kind in carried]
    # A rejected transceiver is stopped, and `getTransceivers` leaves it out; one that heads the group is kept.
    assert [direction for _, direction in seen["transceivers"]] == [
        "recvonly" if kind in carried else "inactive" for kind in offered if kind in carried or kind == offered[0]
    ]


async def test_1b_11_a_data_channel_is_rejected_and_the_media_is_not(page: Page) -> None:
    """As MediaMTX's reader always offers one."""
    wanted = [["video", {"direction": "sendrecv"}], ["audio", {"direction": "sendrecv"}]]

    seen = await exchange(page, {"transceivers": wanted, "channel": True}, playing())

    assert seen["transceivers"] == [["0", "recvonly"], ["1", "recvonly"]]


# --- through the API's redirect, as a browser sees it ------------------------------------------------------------------

POST = """
async (url) => {
  const pc = new RTCPeerConnection();
  pc.addTransceiver('video', {direction: 'recvonly'});
  pc.addTransceiver('audio', {direction: 'recvonly'});
  await pc.setLocalDescription(await pc.createOffer());
  const headers = {'Content-Type': 'application/sdp'};
  const answer = await fetch(url, {method: 'POST', headers, body: pc.localDescription.sdp});
  await pc.setRemoteDescription({type: 'answer', sdp: await answer.text()});
  const session = answer.headers.get('Location');
  const patch = await fetch(session, {
    method: 'PATCH',
    headers: {'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': answer.headers.get('ETag')},
    body: pc.remoteDescription.sdp.match(/a=ice-ufrag:.*\\r\\na=ice-pwd:.*\\r\\n/)[0] + 'm=audio 9 RTP/AVP 0\\r\\na=mid:0\\r\\n',
  });
  const gone = await fetch(session, {method: 'DELETE'});
  return {url: answer.url, status: answer.status, state: pc.signalingState, patch: patch.status, gone: gone.status};
}
"""


@dataclass(frozen=True)
class Origins:
    """Three origins: a page, an API that redirects, a node."""

    node: Node
    pages: str
    api: str
    redirected: str
    """How the address begins that the API sends to."""


@asynccontextmanager
async def origins(path: str, action: Action) -> AsyncIterator[Origins]:
    """An API that allows what ours allows, and sends to the node."""
    node = Node()

    async def api(request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            return web.Response(headers=preflight().event()["headers"])
        return web.Response(status=307, headers={**CORS, "Location": f"{node_url}{path}?grant={grant(action)}"})

    async def blank(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html>", content_type="text/html")

    application, pages = web.Application(), web.Application()
    application.router.add_route("*", path, api)
    pages.router.add_get("/", blank)
    node_port = free_port()
    node_url = f"http://127.0.0.1:{node_port}"
    listeners = (Listener(make_app(node.deps(public_url=node_url))), Listener(application), Listener(pages))
    await listeners[0].open("127.0.0.1", node_port)
    api_port, page_port = [await listener.open("127.0.0.1", 0) for listener in listeners[1:]]
    try:
        yield Origins(
            node, f"http://127.0.0.1:{page_port}/", f"http://127.0.0.1:{api_port}{path}", f"{node_url}{path}?"
        )
    finally:
        for listener in listeners:
            await listener.close()


async def test_1a_18_chromium_follows_the_redirect_of_the_api_to_a_node(page: Page) -> None:
    """Page, API and node have three origins; after the redirect the browser's Origin is null (Fetch standard, section 4.4)."""
    async with origins(f"/{STREAM}/whep", Action.PLAY) as at:
        await page.goto(at.pages)

        seen = await page.evaluate(POST, at.api)

        assert seen.pop("url").startswith(at.redirected)
        assert seen == {"status": 201, "state": "stable", "patch": 204, "gone": 200}


POST_WITH = """
async ([url, body, field, value]) => {
  const headers = {'Content-Type': 'application/sdp', [field]: value};
  const answer = await fetch(url, {method: 'POST', headers, body}).catch((error) => ({url, status: String(error)}));
  return [answer.url, answer.status];
}
"""
VALUES = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/sdp", "Accept": "application/sdp;q=1"}


@pytest.mark.parametrize("field", REQUEST_FIELDS)
async def test_1a_29_a_page_may_send_through_the_redirect_what_the_api_allows(page: Page, field: str) -> None:
    """The browser asks the node again, for every field but Authorization, which it drops on the way."""
    async with origins(f"/{STREAM}/whip", Action.PUBLISH) as at:
        await page.goto(at.pages)

        url, status = await page.evaluate(POST_WITH, [at.api, offer_text("obs"), field, VALUES.get(field, '"1"')])

        assert (url.startswith(at.redirected), status) == (True, 201)
