"""The item of a node: its last report, with the commands that wait for its next heartbeat."""

from functions.domain.fleet import NodeReport, PendingCommand, PublishSession
from functions.storage.attributes import Item
from functions.storage.items.fleet import summary_item, summary_of

NODE_DAYS = 7
"""The table drops the item of a node that was not heard of for so long."""


def locate_node(node: str) -> dict[str, str]:
    """Where a node's item is."""
    return {"pk": f"NODE#{node}"}


def report_item(report: NodeReport) -> Item:
    """A node's item without its key and its commands."""
    return {
        **summary_item(report.node),
        "started": report.started_at,
        "streams": {stream: session_item(session) for stream, session in report.streams.items()},
        "projected": report.projected_at,
        "checked": report.checked_at,
        "waits": dict(report.waits),
        "ttl": int(report.node.at) + NODE_DAYS * 86400,
    }


def report_of(item: Item) -> NodeReport:
    """The report that a node's item means."""
    return NodeReport(
        node=summary_of(item["pk"].removeprefix("NODE#"), item),
        started_at=item["started"],
        streams={stream: session_of(entry) for stream, entry in item["streams"].items()},
        commands={identity: command_of(identity, entry) for identity, entry in item.get("cmds", {}).items()},
        projected_at=item["projected"],
        checked_at=item["checked"],
        swept_at=item.get("swept", 0),
        waits=item.get("waits", {}),
    )


def session_item(session: PublishSession) -> Item:
    """A publish session on its node's item."""
    return {
        "s": session.session, "a": session.account, "e": session.epoch, "v": session.viewers, "m": session.max_viewers,
        "t": session.since, "q": session.silent_ms, "k": session.kbps, "w": list(session.problems) or None,
    }  # fmt: skip


def session_of(item: Item) -> PublishSession:
    """The session that an entry of a node's item means."""
    return PublishSession(
        item["s"], item["a"], item["e"], item["v"], item["m"], item["t"], item["q"], item["k"], tuple(item.get("w", ())),
    )  # fmt: skip


def command_item(command: PendingCommand) -> Item:
    """A waiting command on its node's item; its id is the map's key."""
    return {
        "reason": command.reason, "session": command.session, "stream": command.stream, "account": command.account,
        "after": command.not_before,
    }  # fmt: skip


def command_of(identity: str, item: Item) -> PendingCommand:
    """The command that an entry of a node's item means."""
    return PendingCommand(
        identity, item["reason"], item.get("session"), item.get("stream"), item.get("account"), item.get("after", 0)
    )
