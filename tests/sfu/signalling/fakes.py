"""Hand-made neighbours of the signalling: a media plane that only takes notes, an API, and grants signed by a test key."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sfu.control.authorize import Authorizer
from sfu.negotiation import (
    Candidate,
    Codec,
    Fingerprint,
    IceCredentials,
    Kind,
    LocalEndpoint,
    Negotiated,
    SourceDescription,
    SourceTrack,
)
from sfu.signalling.dependencies import Dependencies
from sfu.signalling.wanted_grant import ApiRefusal, Granted, WantedGrant
from shared.grants import WEBRTC, Action, Claims, SigningKey, public_jwks, sign
from shared.messages import StreamReport
from shared.refusals import Refused
from shared.verifier import VerifiedGrant, Verifier

Answers = Callable[[WantedGrant], Granted | ApiRefusal | Refused]

OFFERS = Path(__file__).parents[1] / "offers"
NOW = 1_795_532_400.0
NODE, BOOT = "node1", "bootbootbootboot"
STREAM, OTHER_STREAM = "abcdefghijklmnop", "ponmlkjihgfedcba"
KEY = "live_" + "a" * 32
PUBLIC_URL = "http://192.0.2.1:8889"
SIGNER = SigningKey("test", bytes(range(32)))
OUR_FINGERPRINT = Fingerprint("sha-256", ":".join(["AB"] * 32))
LOCAL = LocalEndpoint(
    (OUR_FINGERPRINT,), (Candidate("2001:db8::1", 8189), Candidate("192.0.2.1", 8189), Candidate("192.0.2.2", 8189))
)
OURS = IceCredentials("ourUfrag", "ourPassword0123456789abc")
H264 = Codec("H264", 90000, 1, {"packetization-mode": "1", "profile-level-id": "42e01f"})
OPUS = Codec("OPUS", 48000, 2, {"minptime": "10", "useinbandfec": "1"})


def offer_text(name: str) -> str:
    """The fixture offer *name*, with the CRLF line ends that clients send."""
    return (OFFERS / f"{name}.sdp").read_text().replace("\n", "\r\n")


def offer_names() -> list[str]:
    """The names of all fixture offers."""
    return sorted(path.stem for path in OFFERS.glob("*.sdp"))


def source(video: Codec | None = H264, audio: Codec | None = OPUS) -> SourceDescription:
    """What a live stream carries."""
    kinds: tuple[tuple[Kind, Codec | None], ...] = (("audio", audio), ("video", video))
    return SourceDescription(tuple(SourceTrack(kind, codec) for kind, codec in kinds if codec))


@dataclass
class FakeSession:
    """What the plane answers for a session."""

    id: str
    secret: str
    etag: str


class FakePlane:
    """Takes notes of what signalling asks; satisfies `sfu.signalling.dependencies.MediaControl` and `sfu.signalling.dependencies.IceRestarts`."""

    def __init__(self) -> None:
        self.local = LOCAL
        self.sources: dict[str, SourceDescription] = {STREAM: source()}
        self.carried: dict[str, SourceDescription] = {}
        """What streams sent before they went offline."""
        self.waits: list[float] = []
        self.addresses: list[str] = []
        """Of viewers."""
        self.begun: list[tuple[VerifiedGrant, Negotiated]] = []
        self.ended: list[tuple[str, str]] = []
        self.restarted: list[tuple[str, IceCredentials]] = []
        self.refuse_with: Refused | None = None
        self.can_restart = True
        self._count = 0

    def new_credentials(self) -> IceCredentials:
        """Different ones at each call."""
        self._count += 1
        return IceCredentials(f"node{self._count:04}", f"{self._count:024}")

    def source(self, stream: str) -> SourceDescription | None:
        """What `sources` says of the stream."""
        return self.sources.get(stream)

    def publish(self, grant: VerifiedGrant, negotiated: Negotiated, now: float) -> FakeSession | Refused:
        """Note the session of the publisher."""
        del now
        if self.refuse_with is not None:
            return self.refuse_with
        self.begun.append((grant, negotiated))
        number = len(self.begun)
        return FakeSession(grant.claims.session, f"secret{number}", f"etag{number}")

    def expected(self, stream: str) -> SourceDescription | None:
        """What `carried` says of the stream."""
        return self.carried.get(stream)

    def play(
        self, grant: VerifiedGrant, negotiated: Negotiated, now: float, *, wait: float = 0.0, address: str = ""
    ) -> FakeSession | Refused:
        """Note the session, how long it waits, and where it comes from."""
        self.waits.append(wait)
        self.addresses.append(address)
        return self.publish(grant, negotiated, now)

    def end(self, session_id: str, reason: str) -> bool:
        """Note that the session was ended."""
        self.ended.append((session_id, reason))
        return True

    def restart(self, session_id: str, local: IceCredentials) -> bool:
        """Note the restart, unless told that it cannot be."""
        if self.can_restart:
            self.restarted.append((session_id, local))
        return self.can_restart


class FakeApi:
    """Answers requests for grants as told; satisfies `sfu.signalling.dependencies.GrantSource`."""

    def __init__(self) -> None:
        self.asked: list[WantedGrant] = []
        self.answer: Answers = self.grant_here

    async def __call__(self, wanted: WantedGrant) -> Granted | ApiRefusal | Refused:
        """Note what is wanted and answer."""
        self.asked.append(wanted)
        return self.answer(wanted)

    def grant_here(self, wanted: WantedGrant) -> Granted:
        """A grant for this node."""
        token = grant(Action(wanted.action), session=f"exchanged{len(self.asked)}")
        return Granted(token, f"{PUBLIC_URL}/{STREAM}/{wanted.protocol}", NODE, STREAM)


def claims(action: Action, **changes: object) -> Claims:
    """The claims of a grant that is good on the test's node at `NOW`."""
    values: dict[str, object] = {
        "node": NODE,
        "boot": BOOT,
        "account": "demo",
        "stream": STREAM,
        "session": "session1",
        "action": action,
        "epoch": 1,
        "issued_at": NOW,
        "expires_at": NOW + 30,
        "tier": "registered",
        "max_viewers": 20,
        "max_kbps": 8000,
        "protocol": WEBRTC[action],
    }
    return Claims(**{**values, **changes})  # type: ignore[arg-type]  # a builder: the names are the dataclass's own


def grant(action: Action, **changes: object) -> str:
    """A signed grant for one session."""
    return sign(claims(action, **changes), SIGNER)


@dataclass
class Node:
    """Signalling's dependencies, and the fakes behind them."""

    plane: FakePlane = field(default_factory=FakePlane)
    api: FakeApi = field(default_factory=FakeApi)
    now: float = NOW
    draining: bool = False
    refused: list[tuple[str, str]] = field(default_factory=list)
    reports: list[StreamReport] = field(default_factory=list)

    def deps(self, **changes: object) -> Dependencies:
        """The bundle that `make_app` takes."""
        values: dict[str, object] = {
            "node_id": NODE,
            "public_url": PUBLIC_URL,
            "plane": self.plane,
            "authorizer": Authorizer(Verifier(public_jwks([SIGNER])), node=NODE, boot=BOOT, monotonic=time.monotonic),
            "request_grant": self.api,
            "now": lambda: self.now,
            "random_bytes": lambda size: bytes(range(1, size + 1)),
            "draining": lambda: self.draining,
            "on_refused": lambda grant, reason: self.refused.append((grant.claims.session, reason)),
            "restarts": self.plane,
            "reports": lambda: self.reports,
            "state": {"session1": {"ice": "connected"}}.get,
            "body_seconds": 0.5,
        }
        return Dependencies(**{**values, **changes})  # type: ignore[arg-type]  # a builder: the names are the dataclass's own
