"""What a node's reports say: a heartbeat's message as values of the domain, and what one report means after another. Pure."""

from collections.abc import Mapping

from functions.domain.accounts import Account
from functions.domain.fleet import Node, NodeLoad, NodeReport, NodeState, PendingCommand, PublishSession
from shared.messages import Command, Heartbeat, StreamReport

PROJECT_SECONDS = 3.0
"""How old a node's summary may get while nothing about it changes but its load."""


def projection_time(before: NodeReport | None, heartbeat: Heartbeat, now: float) -> float:
    """When the summary of the node is from: now, if it has to be brought up to date, or as *before* has it."""
    if before is None or now - before.projected_at >= PROJECT_SECONDS:
        return now
    old = before.node
    same = (old.boot, old.url, old.region, old.state) == (
        heartbeat.boot, heartbeat.url, heartbeat.region, NodeState(heartbeat.state),
    )  # fmt: skip
    full = NodeLoad(**heartbeat.load.model_dump()).full
    return before.projected_at if same and old.load.full == full and old.leased(now) else now


def is_succeeded_here(account: Account | None, stream: str, boot: str, now: float) -> bool:
    """Whether a successor is on its way to this very node: its begin ends the old session, and viewers stay."""
    slot = account.slots.get(stream) if account is not None else None
    return slot is not None and slot.boot == boot and slot.grant_usable(now)


def told_sessions(before: NodeReport | None, written: NodeReport) -> Mapping[str, PublishSession]:
    """The sessions whose begin was told and whose end was not: none where a sweep has just told their ends."""
    return before.streams if before is not None and before.swept_at == written.swept_at else {}


def left_streams(heartbeat: Heartbeat, known: Mapping[str, PublishSession]) -> frozenset[str]:
    """The streams whose publisher leaves with this beat."""
    ended = {end.stream for end in heartbeat.ended if end.action == "publish"}
    return frozenset(ended | known.keys()) - {report.stream for report in heartbeat.streams}


def is_older_life(before: NodeReport, heartbeat: Heartbeat, now: float) -> bool:
    """Whether *heartbeat* is of a life of the node that a younger one has replaced."""
    return before.node.leased(now) and heartbeat.started_at <= before.started_at


def reported_node(heartbeat: Heartbeat, now: float, address: str) -> Node:
    """The node as *heartbeat* describes it at *now*, with the *address* that the message came from."""
    return Node(
        id=heartbeat.node,
        boot=heartbeat.boot,
        at=now,
        url=heartbeat.url,
        region=heartbeat.region,
        state=NodeState(heartbeat.state),
        load=NodeLoad(**heartbeat.load.model_dump()),
        kind=heartbeat.kind,
        address=address,
    )


def reported_session(report: StreamReport) -> PublishSession:
    """A publish session as its node reports it."""
    return PublishSession(
        session=report.session,
        account=report.account,
        epoch=report.epoch,
        viewers=report.viewers,
        max_viewers=report.max_viewers,
        since=report.since,
        silent_ms=report.silent_ms,
        kbps=report.kbps,
        problems=report.problems,
    )


def command_message(command: PendingCommand) -> Command:
    """A command that waits for a node, as its heartbeat is answered with it."""
    return Command(
        id=command.id, reason=command.reason, session=command.session, stream=command.stream, account=command.account
    )
