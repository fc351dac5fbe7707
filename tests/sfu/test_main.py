"""A whole node: `python -m sfu` with real HTTP, UDP, DTLS and SRTP, against a control plane that misbehaves on demand."""

import asyncio
import json
import re
import shutil
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from shared.grants import Action
from tests.peers.clips import clip
from tests.peers.clips.stamps import table
from tests.peers.peer import Host, host
from tests.peers.protocol import whip
from tests.peers.publisher import Publisher
from tests.peers.viewer import Viewer
from tests.ports import free_port
from tests.sfu.fake_control import SECRET_KEY, FakeControl, fake_control
from tests.sfu.native.compiled import compiled
from tests.sfu.running_node import COMMAND, ROOT, STREAM, RunningNode, running_node
from tests.sfu.signalling.test_certificate import self_signed

BOTH = {"publish", "play"}
SMALL = clip.Recipe(seconds=2, gop_seconds=1.0, video_kbps=800, width=320, height=192)


@pytest.fixture
async def control() -> AsyncIterator[FakeControl]:
    """A control plane that checks signatures."""
    async with fake_control() as control:
        yield control


@pytest.fixture
async def peers() -> AsyncIterator[Host]:
    """The socket and the identity that test clients share."""
    async with host() as shared:
        yield shared


async def _publish(node: RunningNode, peers: Host) -> tuple[Publisher, Viewer]:
    """A publisher and a viewer who has a picture."""
    video = clip.load(SMALL)
    stamps = table(video)
    publisher = Publisher(peers, node.grant_url(Action.PUBLISH), video, stamps)
    await publisher.connect()
    viewer = Viewer(peers, node.grant_url(Action.PLAY), video, stamps)
    await viewer.connect()
    await asyncio.wait_for(viewer.picture, 10)
    return publisher, viewer


async def _quiet(node: RunningNode, publisher: Publisher, viewer: Viewer) -> None:
    """Let everything that was sent arrive, both ways."""
    publisher.pause()
    async with asyncio.timeout(10):
        while await _counted(node) != (publisher.octets, viewer.octets):  # noqa: ASYNC110  # another process counts
            await asyncio.sleep(0.05)


async def _counted(node: RunningNode) -> tuple[float, ...]:
    """Media bytes received and sent, by the node's metrics."""
    _, metrics = await node.get("/metrics")
    found = (
        re.search(rf"^sluice_media_{way}_bytes_total (.+)$", metrics, re.MULTILINE) for way in ("received", "sent")
    )
    return tuple(float(value[1]) for value in found if value)


def _away() -> web.Response:
    raise ConnectionResetError


async def test_it_is_ready_once_a_heartbeat_was_answered(control: FakeControl) -> None:
    """Alive before, ready after: without keys it could admit nobody."""
    control.api = _away
    node = RunningNode(control)
    await node.start()
    try:
        await node.until_listening()
        assert (await node.get("/readyz"))[0] == 503
        assert (await node.get("/healthz"))[0] == 200
        control.api = lambda: None
        await control.until(lambda: control.beats)
        async with asyncio.timeout(10):
            while (await node.get("/readyz"))[0] != 200:  # noqa: ASYNC110  # another process becomes ready
                await asyncio.sleep(0.02)
        assert control.refused == []
    finally:
        node.signal(signal.SIGTERM)
        assert await node.exit_code() == 0


@pytest.mark.alone  # a DELETE waits for the control plane, but for half a second only
async def test_a_session_is_told_at_once_and_billed_to_the_byte(control: FakeControl, peers: Host) -> None:
    """From the publisher's first packet to the queue, both ways, as the clients count them."""
    async with running_node(control) as node:
        publisher, viewer = await _publish(node, peers)
        await control.until(
            lambda: control.beats[-1]["streams"] and control.beats[-1]["streams"][0]["viewers"] == 1, 10
        )
        told = control.beats[-1]["streams"][0]
        assert (told["stream"], told["account"], told["epoch"], told["max_viewers"]) == (STREAM, "demo", 1, 20)
        await _quiet(node, publisher, viewer)
        await viewer.close()
        assert publisher.created is not None
        await whip.delete(peers.http, publisher.created)
        assert control.beats[-1]["streams"] == []  # known when the DELETE is answered
        publisher.vanish()
        await control.until(lambda: {report["action"] for beat in control.beats for report in beat["ended"]} == BOTH)
        ended = [(report["action"], report["reason"]) for beat in control.beats for report in beat["ended"]]
        assert set(ended) == {("publish", "delete"), ("play", "delete")}
        await control.until(lambda: list(control.billed().values()) == [(publisher.octets, viewer.octets)], 20)
        assert {account for account, _ in control.billed()} == {"demo"}
        _, metrics = await node.get("/metrics")
        assert await _counted(node) == (publisher.octets, viewer.octets)
        assert 'sluice_sessions_ended_total{action="publish",reason="delete"} 1.0' in metrics


async def test_an_outage_of_api_and_queue_ends_no_media_and_is_caught_up(control: FakeControl, peers: Host) -> None:
    """Sessions go on, usage is kept, and what ended meanwhile is told afterwards."""
    async with running_node(control) as node:
        publisher, viewer = await _publish(node, peers)
        await control.until(lambda: control.beats[-1]["streams"])
        control.api = control.queue = _away
        heard, before = len(control.beats), viewer.counts().packets
        await asyncio.sleep(3)
        assert len(control.beats) == heard
        assert viewer.counts().packets > before + 50
        assert (await node.get("/readyz"))[0] == 200
        await _quiet(node, publisher, viewer)
        await viewer.close()
        await publisher.close()
        control.api = control.queue = lambda: None
        await control.until(lambda: {report["action"] for beat in control.beats for report in beat["ended"]} == BOTH)
        await control.until(lambda: list(control.billed().values()) == [(publisher.octets, viewer.octets)], 20)
        assert viewer.counts().missing == 0


async def test_a_command_ends_a_session(control: FakeControl, peers: Host) -> None:
    """An account over its quota is cut off at the next heartbeat."""
    async with running_node(control) as node:
        publisher, viewer = await _publish(node, peers)
        control.commands = [{"id": "c1", "reason": "BANDWIDTH_EXCEEDED", "account": "demo"}]
        await asyncio.wait_for(asyncio.gather(publisher.ended, viewer.ended), 10)
        await control.until(lambda: control.beats[-1]["done"] == ["c1"])
        reasons = {report["reason"] for beat in control.beats for report in beat["ended"]}
        assert reasons == {"BANDWIDTH_EXCEEDED"}
        assert control.commands == []


async def test_sigterm_ends_sessions_cleanly_with_their_last_usage(control: FakeControl, peers: Host) -> None:
    """Clients are told, the queue has every byte, and the control plane knows that the node is gone."""
    async with running_node(control, SLUICE_DRAIN_SECONDS="0") as node:
        publisher, viewer = await _publish(node, peers)
        await _quiet(node, publisher, viewer)
        node.signal(signal.SIGTERM)
        assert await node.exit_code() == 0
        await asyncio.wait_for(asyncio.gather(publisher.ended, viewer.ended), 10)
        assert viewer.byes > 0
        assert list(control.billed().values()) == [(publisher.octets, viewer.octets)]
        states = [beat["state"] for beat in control.beats]
        assert states[-1] == "stopped"
        assert "draining" in states
        assert control.beats[-1]["streams"] == []
        assert {report["action"] for beat in control.beats for report in beat["ended"]} == BOTH
        (line,) = [line for line in node.lines("session ended") if line["action"] == "publish"]
        assert (line["received"], line["reason"]) == (publisher.octets, "shutdown")


async def test_a_draining_node_refuses_newcomers_and_leaves_when_it_is_empty(control: FakeControl, peers: Host) -> None:
    """With time to drain, who is there may finish."""
    async with running_node(control, SLUICE_DRAIN_SECONDS="60") as node:
        publisher, viewer = await _publish(node, peers)
        node.signal(signal.SIGTERM)
        await control.until(lambda: control.beats[-1]["state"] == "draining")
        assert control.beats[-1]["streams"]
        assert (await node.get("/readyz"))[0] == 503
        async with aiohttp.ClientSession() as http:
            offer = {"Content-Type": "application/sdp"}
            async with http.post(node.grant_url(Action.PLAY), data=b"v=0\r\n", headers=offer) as response:
                assert response.status == 503
                assert json.loads(await response.text())["code"] == "DRAINING"
                assert response.headers["Retry-After"]
                assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert not publisher.ended.done()
        await viewer.close()
        await publisher.close()
        assert await node.exit_code() == 0
        assert control.beats[-1]["state"] == "stopped"


async def test_a_second_signal_ends_it_at_once(control: FakeControl, peers: Host) -> None:
    """Whoever presses Ctrl-C twice means it; sessions still get their farewell."""
    async with running_node(control, SLUICE_DRAIN_SECONDS="60") as node:
        publisher, _ = await _publish(node, peers)
        node.signal(signal.SIGINT)
        await control.until(lambda: control.beats[-1]["state"] == "draining")
        node.signal(signal.SIGINT)
        assert await node.exit_code() == 1
        await asyncio.wait_for(publisher.ended, 10)


async def test_it_stops_when_nobody_takes_its_last_words(control: FakeControl) -> None:
    """An outage does not keep it from ending, and the exit says that it was in order."""
    async with running_node(control) as node:
        control.api = control.queue = _away
        node.signal(signal.SIGTERM)
        assert await node.exit_code(30) == 0


async def test_no_secret_is_in_the_log(control: FakeControl, peers: Host) -> None:
    """Neither grants nor session URLs nor credentials; a line for each beginning and each end."""
    async with running_node(control, SLUICE_LOG_LEVEL="DEBUG") as node:
        publisher, viewer = await _publish(node, peers)
        created = [peer.created.session for peer in (publisher, viewer) if peer.created]
        urls = [publisher.url, viewer.url]
        await viewer.close()
        await publisher.close()
        await control.until(lambda: {report["action"] for beat in control.beats for report in beat["ended"]} == BOTH)
        node.signal(signal.SIGTERM)
        await node.exit_code()
        for secret in (*(url.partition("grant=")[2] for url in urls), *(s.rpartition("/")[2] for s in created)):
            assert secret
            assert secret not in node.log()
        assert SECRET_KEY not in node.log()
        assert len(node.lines("session began")) == len(node.lines("session ended")) == 2


@pytest.mark.parametrize(
    ("variable", "kind"),
    [
        ("SLUICE_HTTP_BIND", socket.SOCK_STREAM),
        ("SLUICE_METRICS_BIND", socket.SOCK_STREAM),
        ("SLUICE_UDP_BIND", socket.SOCK_DGRAM),
    ],
)
async def test_a_port_that_is_taken_is_one_clear_sentence(
    control: FakeControl, variable: str, kind: socket.SocketKind
) -> None:
    """Which port, and which variable moves it."""
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        node = RunningNode(control, more={variable: f"127.0.0.1:{port}"})
        environ = node.environ()
        process = await asyncio.create_subprocess_exec(*COMMAND, env=environ, stderr=asyncio.subprocess.PIPE, cwd=ROOT)
        _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    protocol = "TCP" if kind is socket.SOCK_STREAM else "UDP"
    assert said.decode() == (
        f"sluice node: {protocol} port 127.0.0.1:{port} is taken by another process;"
        f" stop that one, or set {variable} to a free port.\n"
    )
    assert control.beats == []


async def test_it_serves_ipv4_and_ipv6_from_one_socket(control: FakeControl, peers: Host) -> None:
    """Candidates of both families, media over either, and the self-test reaches both: in the log, `/readyz`, `/metrics`."""
    udp = free_port()
    more = {"SLUICE_UDP_BIND": f"[::]:{udp}", "SLUICE_ANNOUNCE": "127.0.0.1,::1"}
    http = free_port()
    more |= {"SLUICE_HTTP_BIND": f"[::]:{http}", "SLUICE_PUBLIC_URL": f"http://[::1]:{http}"}
    async with running_node(control, **more) as node:
        node.http_port = http
        video = clip.load(SMALL)
        stamps = table(video)
        publisher = Publisher(peers, node.grant_url(Action.PUBLISH), video, stamps, address="::1")
        await publisher.connect()
        assert publisher.answer is not None
        assert publisher.answer.candidates == (("127.0.0.1", udp), ("::1", udp))
        assert publisher.created is not None
        assert publisher.created.session.startswith(f"http://[::1]:{http}/")
        for address in ("127.0.0.1", "::1"):
            viewer = Viewer(peers, node.grant_url(Action.PLAY), video, stamps, address=address)
            await viewer.connect()
            await asyncio.wait_for(viewer.picture, 10)
            await asyncio.sleep(0.3)
            assert (viewer.counts().missing, viewer.counts().altered) == (0, 0)
            await viewer.close()
        await publisher.close()
        expected = [{"address": f"127.0.0.1:{udp}", "reachable": True}, {"address": f"[::1]:{udp}", "reachable": True}]
        assert json.loads((await node.get("/readyz"))[1])["addresses"] == expected
        assert f'sluice_announced_address_reachable{{address="[::1]:{udp}"}} 1.0' in (await node.get("/metrics"))[1]
        assert {line["address"] for line in node.lines("announced address reached")} == {
            one["address"] for one in expected
        }


async def test_an_address_that_leads_elsewhere_is_said_at_the_start(control: FakeControl) -> None:
    """With the port to open; the node serves all the same, since an outside client may get through."""
    closed = free_port()
    async with running_node(control, SLUICE_ANNOUNCE=f"127.0.0.1:{closed}") as node:
        async with asyncio.timeout(10):
            while f"open UDP {closed} to 127.0.0.1" not in node.log():  # noqa: ASYNC110  # another process writes it
                await asyncio.sleep(0.05)
        status, body = await node.get("/readyz")
        assert status == 200
        assert json.loads(body)["addresses"][0]["reachable"] is False


@pytest.mark.parametrize("sending", ["compiled", "python"])
async def test_it_sends_as_it_was_told_and_says_so(control: FakeControl, peers: Host, sending: str) -> None:
    """Both ways carry a picture and sound, and `/metrics` says which it is."""
    if sending == "compiled":
        compiled()
    async with running_node(control, SLUICE_SENDING=sending) as node:
        publisher, viewer = await _publish(node, peers)
        await _quiet(node, publisher, viewer)
        assert (viewer.counts().missing, viewer.counts().altered) == (0, 0)
        assert f'sending="{sending}"' in (await node.get("/metrics"))[1]
        await viewer.close()
        await publisher.close()


async def test_what_must_be_compiled_and_is_not_ends_the_start(control: FakeControl, tmp_path: Path) -> None:
    """The image says `compiled`: one that was built without its library must not run at twice the cost unnoticed."""
    for package in ("sfu", "shared"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.so", ".build-*", "__pycache__")
        )
    environ = RunningNode(control, more={"SLUICE_SENDING": "compiled"}).environ()
    process = await asyncio.create_subprocess_exec(*COMMAND, env=environ, stderr=asyncio.subprocess.PIPE, cwd=tmp_path)
    _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert said.decode().startswith("sluice node: SLUICE_SENDING is compiled. fanout-")
    assert said.decode().endswith(".so is not here; `python -m sfu.native.build` makes it.\n")


async def test_what_may_be_compiled_and_is_not_is_warned_of(control: FakeControl, tmp_path: Path) -> None:
    """It serves all the same, in Python."""
    for package in ("sfu", "shared"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.so", ".build-*", "__pycache__")
        )
    async with running_node(control, tmp_path) as node:
        assert "almost twice the processor time: fanout-" in node.log()
        assert 'sending="python"' in (await node.get("/metrics"))[1]


async def test_a_wrong_environment_is_one_sentence_a_mistake(control: FakeControl) -> None:
    """No traceback hides what is to be mended."""
    environ = RunningNode(control, more={"SLUICE_MAX_SESSIONS": "many", "SLUICE_REGION": "EU"}).environ()
    process = await asyncio.create_subprocess_exec(*COMMAND, env=environ, stderr=asyncio.subprocess.PIPE, cwd=ROOT)
    _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert [line.split()[2] for line in said.decode().splitlines()] == ["SLUICE_REGION", "SLUICE_MAX_SESSIONS"]


async def test_it_serves_https_with_its_own_certificate(control: FakeControl) -> None:
    """Pages on https may use no node on http."""
    certificate, key = self_signed()
    more = {"SLUICE_TLS_CERTIFICATE": certificate, "SLUICE_TLS_KEY": key}
    async with running_node(control, **more) as node, aiohttp.ClientSession() as http:
        url = f"https://localhost:{node.http_port}/{STREAM}/whep"
        async with http.options(url, ssl=ssl.create_default_context(cadata=certificate)) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert key not in node.log()


async def test_over_http_it_does_not_ask_for_https(control: FakeControl) -> None:
    """RFC 6797, section 7.2; what is not JSON or SDP by its type is not taken for it."""
    async with (
        running_node(control) as node,
        aiohttp.ClientSession() as http,
        http.options(f"http://localhost:{node.http_port}/{STREAM}/whep") as response,
    ):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "Strict-Transport-Security" not in response.headers, "not to be said over http: RFC 6797, 7.2"


async def test_a_key_that_does_not_belong_is_one_sentence(control: FakeControl) -> None:
    """Found at the start, and not shown."""
    (certificate, _), (_, other) = self_signed(), self_signed()
    environ = RunningNode(control, more={"SLUICE_TLS_CERTIFICATE": certificate, "SLUICE_TLS_KEY": other}).environ()
    process = await asyncio.create_subprocess_exec(*COMMAND, env=environ, stderr=asyncio.subprocess.PIPE, cwd=ROOT)
    _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert said.decode().startswith("sluice node: The certificate cannot be loaded")
    assert said.count(b"\n") == 1
    assert b"BEGIN" not in said
