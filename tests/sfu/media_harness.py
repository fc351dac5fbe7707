"""A media plane and its peers in one process, over real UDP, DTLS and SRTP; only the HTTP of signalling is left out."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sfu.negotiation import Codec, DtlsRole, Fingerprint, IceCredentials, Media, Negotiated
from sfu.plane.plane import Plane
from sfu.plane.session import Ended, MediaSession  # noqa: TC001 - annotations are one rule for all imports
from shared.grants import WEBRTC, Action, Claims, SigningKey, public_jwks, sign
from shared.refusals import Refused
from shared.verifier import VerifiedGrant, Verifier
from tests.peers.clips import clip
from tests.peers.clips.stamps import table
from tests.peers.peer import Host, Peer, host
from tests.peers.protocol import dtls, sdp
from tests.peers.publisher import Publisher
from tests.peers.viewer import Viewer

SMALL = clip.Recipe(seconds=2, gop_seconds=1.0, video_kbps=800, width=320, height=192)
LONG_GROUP = clip.Recipe(seconds=4, gop_seconds=4.0, video_kbps=800, width=320, height=192)
STREAM = "abcdefghijklmnop"
_KEY = SigningKey("k1", bytes(range(32)))
_VERIFIER = Verifier(public_jwks([_KEY]))
VIDEO = Codec("H264", 90000, 1, {"packetization-mode": "1", "profile-level-id": "42e01f"})
AUDIO = Codec("OPUS", 48000, 2)
PTS = {"video": 96, "audio": 111}
SSRCS = {"video": 0x11110001, "audio": 0x11110002}


class RefusedError(Exception):
    """The plane refused; tests look at `refused`."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.code)
        self.refused = refused


class Totals:
    """A meter that keeps what it is told."""

    def __init__(self) -> None:
        self.by_account: dict[str, list[int]] = {}
        self.by_stream: dict[str, list[int]] = {}

    def received(self, account: str, size: int, stream: str) -> None:
        """Add to the received bytes."""
        self.by_stream.setdefault(stream, [0, 0])[0] += size
        self.by_account.setdefault(account, [0, 0])[0] += size

    def sent(self, account: str, size: int, stream: str) -> None:
        """Add to the sent bytes."""
        self.by_stream.setdefault(stream, [0, 0])[1] += size
        self.by_account.setdefault(account, [0, 0])[1] += size


def grant(
    action: Action, *, stream: str = STREAM, epoch: int = 1, viewers: int = 20, account: str = "acme", kbps: int = 0
) -> VerifiedGrant:
    """A grant that the node believes."""
    now = time.time()
    claims = Claims(
        node="node1",
        boot="boot",
        account=account,
        stream=stream,
        session=secrets.token_hex(8),
        action=action,
        epoch=epoch,
        issued_at=now,
        expires_at=now + 30,
        tier="studio_pro",
        max_viewers=viewers,
        max_kbps=kbps,
        protocol=WEBRTC[action],
    )
    verified = _VERIFIER.verify(sign(claims, _KEY), node="node1", boot="boot", stream=stream, action=action, now=now)
    assert isinstance(verified, VerifiedGrant)
    return verified


class InProcess:
    """Stands in for HTTP: hands the plane what an offer and its answer would have agreed on."""

    def __init__(
        self, plane: Plane, verified: VerifiedGrant, *, wait: float = 0.0, address: str = "", **media: Any
    ) -> None:
        self.plane = plane
        self.wait = wait
        self.address = address
        self.verified = verified
        self.media = media
        self.session: MediaSession | None = None

    def signal(self, peer: Peer, *, publishes: bool) -> sdp.Answer:
        """Begin the session, and tell the peer what it would have read in the answer."""
        local = self.plane.new_credentials()
        negotiated = Negotiated(
            answer="",
            local=local,
            remote=IceCredentials(peer.local.ufrag, peer.local.pwd),
            remote_fingerprints=(Fingerprint("sha-256", peer.host.identity.fingerprint),),
            dtls_role=DtlsRole.CLIENT if peer.setup == "passive" else DtlsRole.SERVER,
            media=tuple(self._section(peer, kind, publishes=publishes) for kind in peer.kinds),
        )
        session: MediaSession | Refused
        if publishes:
            session = self.plane.publish(self.verified, negotiated, time.time())
        else:
            session = self.plane.play(self.verified, negotiated, time.time(), wait=self.wait, address=self.address)
        if isinstance(session, Refused):
            raise RefusedError(session)
        self.session = session
        ends = self.plane.local
        return sdp.Answer(
            ufrag=local.ufrag,
            pwd=local.pwd,
            fingerprint=ends.fingerprints[0].value,
            setup="active" if peer.setup == "passive" else "passive",
            candidates=tuple((candidate.address, candidate.port) for candidate in ends.candidates),
            sections=tuple(
                sdp.Section(kind, 9, PTS[kind], "", None if publishes else SSRCS[kind]) for kind in peer.kinds
            ),
        )

    def _section(self, peer: Peer, kind: sdp.Kind, *, publishes: bool) -> Media:
        options = dict(self.media)
        video = options.pop("codec", VIDEO)
        also = options.pop("also", ())
        usual: dict[str, Any] = {
            "mid": "0" if kind == "video" else "1",
            "kind": kind,
            "codec": video if kind == "video" else AUDIO,
            "payload_type": PTS[kind],
            "nack": kind == "video",
            "pli": kind == "video",
            "ssrcs": (peer.ssrc[kind], *(also if kind == "video" else ())) if publishes else (),
            "ssrc": None if publishes else SSRCS[kind],
        }
        return Media(**(usual | options))


class TestPublisher(Publisher):
    """A publisher that needs no HTTP."""

    __test__ = False
    ways: InProcess

    async def _signal(self) -> None:
        self._open()
        self.answer = self.ways.signal(self, publishes=True)
        self._agreed()

    def _agreed(self) -> None:
        assert self.answer is not None
        self._remotes = self.answer.candidates
        client = self.answer.setup == "passive"
        self._handshake = dtls.Handshake(self.host.identity, client=client, fingerprint=self.answer.fingerprint)


class TestViewer(Viewer):
    """A viewer that needs no HTTP."""

    __test__ = False
    ways: InProcess

    async def _signal(self) -> None:
        self.answer = self.ways.signal(self, publishes=False)
        self._agreed()

    async def connect_now(self) -> None:
        """Go on where `Stage.posted` stopped."""
        self._agreed()
        self._check()
        await asyncio.wait_for(self._ready, 10)

    def _agreed(self) -> None:
        assert self.answer is not None
        self._open()
        self._remotes = self.answer.candidates
        client = self.answer.setup == "passive"
        self._handshake = dtls.Handshake(self.host.identity, client=client, fingerprint=self.answer.fingerprint)


class Told:
    """What a plane told by its hooks."""

    def __init__(self) -> None:
        self.ended: list[Ended] = []
        self.changes = 0
        self.listeners: list[Callable[[], None]] = []

    def changed(self) -> None:
        """Count the change, and tell whoever listens."""
        self.changes += 1
        for listener in self.listeners:
            listener()


def new_plane(address: str = "127.0.0.1", told: Told | None = None, **options: Any) -> Plane:
    """A plane on a free port of *address*, not started, by the clocks and the randomness of this machine."""
    heard = told or Told()
    usual: dict[str, Any] = {
        "meter": Totals(),
        "clock": time.monotonic,
        "wall": time.time,
        "random_bytes": secrets.token_bytes,
        "on_change": heard.changed,
        "on_end": heard.ended.append,
    }
    return Plane((address, 0), **(usual | options))


class Stage:
    """A running plane with what it told, and a way to bring peers on."""

    def __init__(self, plane: Plane, told: Told, meter: Totals, peers: Host, recipe: clip.Recipe) -> None:
        self.plane = plane
        self.told = told
        self.meter = meter
        self.host = peers
        self.clip = clip.load(recipe)
        self.stamps = table(self.clip)
        self.ended = told.ended
        self._peers: list[Peer] = []

    @property
    def changes(self) -> int:
        """How often the plane said that something changed."""
        return self.told.changes

    async def publisher(
        self,
        *,
        epoch: int = 1,
        kbps: int = 0,
        media: dict[str, Any] | None = None,
        stream: str = STREAM,
        **options: Any,
    ) -> TestPublisher:
        """A publisher that has connected and sends."""
        peer = TestPublisher(self.host, "", self.clip, self.stamps, **options)
        peer.ways = InProcess(self.plane, grant(Action.PUBLISH, epoch=epoch, stream=stream, kbps=kbps), **(media or {}))
        self._peers.append(peer)
        await peer.connect()
        return peer

    async def viewer(
        self,
        *,
        viewers: int = 20,
        media: dict[str, Any] | None = None,
        stream: str = STREAM,
        wait: float = 0.0,
        **options: Any,
    ) -> TestViewer:
        """A connected viewer, which may come before its publisher."""
        peer = TestViewer(self.host, "", self.clip, self.stamps, **options)
        asked = grant(Action.PLAY, viewers=viewers, stream=stream)
        peer.ways = InProcess(self.plane, asked, wait=wait, **(media or {}))
        self._peers.append(peer)
        await peer.connect()
        return peer

    def posted(self, *, viewers: int = 1000, stream: str = STREAM, **ways: Any) -> TestViewer:
        """A viewer that posted its offer and then does nothing."""
        peer = TestViewer(self.host, "", self.clip, self.stamps)
        peer.ways = InProcess(self.plane, grant(Action.PLAY, viewers=viewers, stream=stream), **ways)
        peer.answer = peer.ways.signal(peer, publishes=False)
        self._peers.append(peer)
        return peer

    def leave(self) -> None:
        """Let all peers vanish without a goodbye."""
        for peer in self._peers:
            peer.vanish()


@asynccontextmanager
async def stage(
    recipe: clip.Recipe = SMALL,
    profiles: tuple[dtls.Profile, ...] = (dtls.Profile.GCM, dtls.Profile.CM),
    **options: Any,
) -> AsyncIterator[Stage]:
    """A plane on a free port of loopback for as long as the block lasts."""
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(context))
    meter = Totals()
    told = Told()
    plane = new_plane(told=told, meter=meter, **options)
    await plane.start()
    try:
        async with host(profiles) as peers:
            run = Stage(plane, told, meter, peers, recipe)
            try:
                yield run
            finally:
                run.leave()
    finally:
        await plane.close()
    assert not faults, faults
