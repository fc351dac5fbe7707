"""Messages between nodes and the control plane: heartbeats, their answers, and usage reports.

Wire evolution: fields are only added, always with a default; unknown fields are ignored; `v` changes only when an old
reader would misread a message, and then both versions are read until every node is new. Golden examples:
`tests/shared/golden/messages/`.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shared.names import CHARACTERS, LONGEST

VERSION: Final = 1

MAX_ENTRIES = 500
"""Usage entries a message: some 100 bytes each without their breakdown, well under the 1 MiB that the queue takes (256 KiB before 2026)."""

MAX_STREAMS = 32
"""Streams that one usage entry tells apart; the bytes of more are in its totals alone. It bounds message and item."""

MAX_WAITING = 100
"""Streams in `waiting` of one heartbeat: as many as DynamoDB reads at once."""

_ANY_LENGTH: Final = f"^[{CHARACTERS}]+$"
Name = Annotated[str, Field(min_length=1, max_length=LONGEST, pattern=_ANY_LENGTH)]
SessionId = Annotated[str, Field(min_length=1, max_length=48, pattern=_ANY_LENGTH)]
"""Ours have 26 characters; with what commands about a session put before it (`superseded-`), it is a `Name` still."""
Count = Annotated[int, Field(ge=0, le=2**53)]
Instant = Annotated[float, Field(ge=0, lt=1e12, allow_inf_nan=False), AfterValidator(lambda at: round(at, 6))]
"""Seconds since the epoch, to the microsecond: a store has its own limits for smaller numbers than that."""
Month = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]


class WireMessage(BaseModel):
    """What all messages have in common: frozen, strict about types, indifferent to fields that they do not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Load(WireMessage):
    """How full a node is, and how full it may become."""

    publishers: Count = 0
    viewers: Count = 0
    max_sessions: Count = 0
    """Publishers and viewers together that the node will take; 0: not stated, no limit."""
    egress_kbps: Count = 0
    """Sent to viewers, over the last seconds."""
    max_egress_kbps: Count = 0
    """0: not stated, no limit."""


class StreamReport(WireMessage):
    """One live publish session, as its node sees it."""

    stream: Name
    account: Name
    session: SessionId
    epoch: Count
    viewers: Count = 0
    max_viewers: Count = 0
    since: Instant
    silent_ms: Count = 0
    """Milliseconds since the publisher's last authenticated packet."""
    kbps: Count = 0
    problems: Annotated[tuple[Name, ...], Field(max_length=8, strict=False)] = ()
    """Codes of `shared.problems`: what the owner should mend in the encoder."""


class EndedReport(WireMessage):
    """A session that ended, or a grant that was used up without one; repeated until a heartbeat was answered."""

    session: SessionId
    stream: Name
    account: Name
    action: Literal["publish", "play"]
    reason: Annotated[str, Field(max_length=64)] = ""


class Heartbeat(WireMessage):
    """What a node says every two seconds, and at once when a session begins or ends."""

    v: Literal[1] = VERSION
    node: Name
    boot: Name
    at: Instant
    url: Annotated[str, Field(pattern=r"^https?://[!-\"$-.0->@-~]+$", max_length=256)]
    """Where clients reach the node, without a path; visible ASCII, as a Location has it."""
    region: Name = "local"
    state: Literal["serving", "draining", "stopped"]
    kind: Literal["sfu", "mediamtx"] = "sfu"
    """A MediaMTX takes only sessions that it asked for itself (`POST /v1/hooks/mediamtx`); none is placed on it."""
    started_at: Instant
    load: Load = Load()
    streams: Annotated[tuple[StreamReport, ...], Field(max_length=4096, strict=False)] = ()
    """Every live publish session: the whole list, so that a lost heartbeat loses nothing."""
    ended: Annotated[tuple[EndedReport, ...], Field(max_length=4096, strict=False)] = ()
    done: Annotated[tuple[Name, ...], Field(max_length=4096, strict=False)] = ()
    """Commands that were carried out."""
    waiting: Annotated[tuple[Name, ...], Field(max_length=MAX_WAITING, strict=False)] = ()
    """Streams that have viewers here and no publisher: to be told where they are live, should they be."""


class Command(WireMessage):
    """End something; exactly one target. A stream or an account as target ends its publishers and viewers."""

    id: Name
    reason: Annotated[str, Field(min_length=1, max_length=64)]
    session: Name | None = None
    stream: Name | None = None
    account: Name | None = None

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if sum(target is not None for target in (self.session, self.stream, self.account)) != 1:
            raise ValueError("a command has exactly one of session, stream and account")
        return self


class PublicKeys(WireMessage):
    """The keys that grants are checked with: a JWK Set (RFC 7517)."""

    keys: Annotated[tuple[dict[str, str], ...], Field(strict=False)] = ()


class HeartbeatReply(WireMessage):
    """What the control plane answers a heartbeat: keys, commands, and what the node should do."""

    v: Literal[1] = VERSION
    lease_seconds: Count = 10
    at: Instant = 0
    """What time it is at the control plane; 0: not said."""
    keys: PublicKeys = PublicKeys()
    commands: Annotated[tuple[Command, ...], Field(strict=False)] = ()
    drain: bool = False
    """The operator wants the node empty: it hands its sessions over, and takes none until this is false again."""
    successor: bool = False
    """Told to a draining node: another one has room, so that a publisher that is let go finds a place."""
    moved: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Of the `waiting` streams those that are live on another node."""


Part = Annotated[tuple[Count, Count], Field(strict=False)]
"""Received and sent bytes of a day or a stream."""
Day = Annotated[str, Field(pattern=r"^(0[1-9]|[12][0-9]|3[01])$")]
"""Of the entry's month, in UTC."""


class UsageEntry(WireMessage):
    """Media bytes of one account in one month through one boot of one node, since that boot: it only grows.

    `days` and `streams` divide the same bytes, each for itself. They are cumulative like the totals and come with them, so
    that one message says everything; what they leave of the totals is not attributed.
    """

    account: Name
    month: Month
    received: Count
    """From publishers, as UDP payload of authenticated SRTP packets."""
    sent: Count
    """To viewers, retransmissions included."""
    days: Annotated[dict[Day, Part], Field(max_length=31)] = {}
    streams: Annotated[dict[Name, Part], Field(max_length=MAX_STREAMS)] = {}


class UsageReport(WireMessage):
    """What one boot of a node has sent and received for accounts: one message of the queue."""

    v: Literal[1] = VERSION
    node: Name
    boot: Name
    seq: Count
    at: Instant
    entries: Annotated[tuple[UsageEntry, ...], Field(max_length=MAX_ENTRIES, strict=False)]
