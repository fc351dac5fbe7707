"""What a MediaMTX holds, compared with what was admitted to it: live sessions, ended ones, bytes, and sources that nobody admitted. Pure.

MediaMTX says every second which paths have a source, of which connection, and how many bytes went in and out. A source is
known by the connection's id in the admission that the hook answered; RTSP asks by another id than it lists, and then the
path decides. A source that nobody admitted (it came before this process did) is ended: its encoder
comes back within seconds and is asked for its key.

What is not seen: bytes between the last look and the end of a session, a second's worth; and viewers by HLS, who are
one reader to MediaMTX however many they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sfu.control.meter import CountsBytes
from shared.end_reasons import EndReason
from shared.messages import EndedReport, Load, StreamReport

PENDING_SECONDS: Final = 15.0
"""How long an admitted publisher may take to appear; the control plane gives its slot up after 35 s by itself."""


@dataclass(slots=True)
class AdmittedSession:
    """One publish session that the control plane admitted."""

    stream: str
    session: str
    account: str
    epoch: int
    max_viewers: int
    identity: str | None
    """MediaMTX's id of the connection that asked."""
    at: float
    source: tuple[str, str] | None = None
    """Kind and id of the connection, as MediaMTX lists it; None until it does."""
    viewers: int = 0
    received: int = 0
    sent: int = 0
    kbps: int = 0
    heard_at: float = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed between two looks at MediaMTX's list."""

    ended: tuple[EndedReport, ...] = ()
    unadmitted: tuple[tuple[str, str], ...] = ()
    """Kind and id of connections that nobody admitted, to be ended."""
    began: bool = False


@dataclass(slots=True)
class AdmittedSessions:
    """The publish sessions that the control plane admitted to one MediaMTX."""

    meter: CountsBytes
    sessions: dict[str, AdmittedSession] = field(default_factory=dict)
    """By session id."""
    _looked_at: float | None = None

    def admit(self, told: Mapping[str, Any], identity: str | None, now: float) -> None:
        """Remember a publisher that the hook let in."""
        limits = told.get("limits", {})
        self.sessions[told["session"]] = AdmittedSession(
            told["stream"], told["session"], told["account"], told["epoch"], limits.get("viewers", 0), identity, now
        )

    def compare(self, paths: Iterable[Mapping[str, Any]], now: float) -> Comparison:
        """Compare with MediaMTX's list of paths."""
        seconds = max(now - self._looked_at, 0.1) if self._looked_at is not None else 1.0
        self._looked_at = now
        present: set[str] = set()
        unadmitted: list[tuple[str, str]] = []
        began = False
        for path in paths:
            source = path.get("source")
            if not source or not source.get("id"):
                continue
            connection = (str(source["type"]), str(source["id"]))
            session = self._session_of(path["name"].strip("/"), connection)
            if session is None:
                unadmitted.append(connection)
                continue
            began = began or session.source is None
            session.source = connection
            present.add(session.session)
            self._count(session, path, now, seconds)
        gone = [
            session
            for session in self.sessions.values()
            if session.session not in present and (session.source is not None or now - session.at > PENDING_SECONDS)
        ]
        for session in gone:
            del self.sessions[session.session]
        return Comparison(
            tuple(
                EndedReport(
                    session=session.session, stream=session.stream, account=session.account, action="publish",
                    reason=EndReason.GONE if session.source else EndReason.NEVER_CAME,
                )
                for session in gone
            ),
            tuple(unadmitted),
            began,
        )  # fmt: skip

    def streams(self, now: float) -> list[StreamReport]:
        """The live sessions, as a heartbeat tells them."""
        return [
            StreamReport(
                stream=session.stream, account=session.account, session=session.session, epoch=session.epoch,
                viewers=session.viewers, max_viewers=session.max_viewers, since=session.at,
                silent_ms=max(0, int((now - session.heard_at) * 1000)), kbps=session.kbps,
            )
            for session in self.sessions.values()
            if session.source is not None
        ]  # fmt: skip

    def snapshot(self, now: float, max_sessions: int) -> tuple[list[StreamReport], Load]:
        """The live sessions, and how full MediaMTX is by them; *max_sessions* is what the settings allow."""
        streams = self.streams(now)
        viewers = sum(stream.viewers for stream in streams)
        return streams, Load(publishers=len(streams), viewers=viewers, max_sessions=max_sessions)

    def connections(self, *, session: str | None, stream: str | None, account: str | None) -> Sequence[tuple[str, str]]:
        """The connections that a command means; those that did not appear yet are forgotten, and are ended as not admitted when they do."""
        meant = [
            found
            for found in self.sessions.values()
            if session == found.session or stream == found.stream or account == found.account
        ]
        for found in meant:
            if found.source is None:
                del self.sessions[found.session]
        return [found.source for found in meant if found.source is not None]

    def _session_of(self, name: str, connection: tuple[str, str]) -> AdmittedSession | None:
        own = [session for session in self.sessions.values() if session.stream == name]
        for session in own:
            if session.source == connection or (session.source is None and session.identity == connection[1]):
                return session
        waiting = [session for session in own if session.source is None]
        return max(waiting, key=lambda session: session.epoch, default=None)

    def _count(self, session: AdmittedSession, path: Mapping[str, Any], now: float, seconds: float) -> None:
        received, sent = _bytes(path, "inboundBytes", "bytesReceived"), _bytes(path, "outboundBytes", "bytesSent")
        # A path that was made anew counts from nought.
        came = received - session.received if received >= session.received else received
        went = sent - session.sent if sent >= session.sent else sent
        session.received, session.sent = received, sent
        session.viewers = len(path.get("readers") or ())
        session.kbps = int(came * 8 / 1000 / seconds)
        if came or not session.heard_at:
            session.heard_at = now
        if came:
            self.meter.received(session.account, came, session.stream)
        if went:
            self.meter.sent(session.account, went, session.stream)


def _bytes(path: Mapping[str, Any], *names: str) -> int:
    """The first of the counters that this version of MediaMTX has."""
    return next((int(path[name]) for name in names if name in path), 0)
