"""The store in memory, with the conditions of the real one: for tests that need thousands of steps.

`tests/functions/storage/test_rosters.py` runs the same claims over this and over the real modules.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from functions.domain.accounts import Account, Key, Live, Slot, Stream
from functions.domain.fleet import LEASE_SECONDS, Fleet, Node, NodeReport, PendingCommand
from functions.domain.roster import NotTaken, Take, Taken, cleared, taking
from functions.storage.nodes import Fenced


class MemoryRosters:
    """`functions.storage.rosters`, kept in a dictionary."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self.accounts = {account.id: account for account in accounts}

    def read(self, account: str) -> Account | None:
        """The account as of now."""
        return self.accounts.get(account)

    def take(
        self, account: str, stream: str, slot: Slot, *, protocol: str, now: float, take: Take, lim: int | None = None
    ) -> Taken | NotTaken:
        """Write *slot* if the roster is what *take* says."""
        found = self.accounts.get(account)
        changed = taking(found, stream, slot, protocol=protocol, now=now, take=take, lim=lim) if found else None
        if changed is None:
            return NotTaken(found)
        self.accounts[account] = changed
        return Taken(changed)

    def clear(self, account: str, dead: Mapping[str, Slot]) -> Taken | NotTaken:
        """Take *dead* slots off the roster if they are what was judged."""
        found = self.accounts.get(account)
        changed = cleared(found, dead) if found else None
        if changed is None:
            return NotTaken(found)
        self.accounts[account] = changed
        return Taken(changed)

    def mark_used(self, account: str, stream: str, session: str, at: float) -> Taken | NotTaken:
        """Note that the session *session* began."""
        slot = self._slot(account, stream, session)
        if slot is None:
            return NotTaken(self.accounts.get(account))
        if slot.used_at is None:
            slot = replace(slot, used_at=at)
            self._put(account, stream, slot)
        return Taken(self.accounts[account])

    def release(self, account: str, stream: str, session: str) -> bool:
        """Free the slot of *session*."""
        slot = self._slot(account, stream, session)
        if slot is not None:
            self._put(account, stream, None)
        return slot is not None

    def wait(self, account: str, stream: str, session: str, until: float, now: float) -> bool:
        """Note who waits for the slot of *session*."""
        slot = self._slot(account, stream, session)
        if slot is None or (
            slot.awaited_until is not None and slot.awaited_until > now and slot.awaited_until != until
        ):
            return False
        self._put(account, stream, replace(slot, awaited_until=until))
        return True

    def leave(self, account: str, stream: str, session: str, until: float) -> None:
        """Take the note of the session away."""
        slot = self._slot(account, stream, session)
        if slot is not None and slot.awaited_until == until:
            self._put(account, stream, replace(slot, awaited_until=None))

    def _slot(self, account: str, stream: str, session: str) -> Slot | None:
        found = self.accounts.get(account)
        slot = found.slots.get(stream) if found is not None else None
        return slot if slot is not None and slot.session == session else None

    def _put(self, account: str, stream: str, slot: Slot | None) -> None:
        found = self.accounts[account]
        rest = {name: kept for name, kept in found.slots.items() if name != stream}
        self.accounts[account] = replace(found, slots=rest if slot is None else {**rest, stream: slot})


class MemoryNodes:
    """`functions.storage.nodes`, kept in a dictionary."""

    def __init__(self) -> None:
        self.reports: dict[str, NodeReport] = {}
        self.summaries: dict[str, Node] = {}

    def read(self, node: str) -> NodeReport | None:
        """What the node *node* last reported."""
        return self.reports.get(node)

    def beat(self, report: NodeReport, done: Iterable[str], *, new_boot: bool) -> NodeReport | Fenced:
        """Write *report* as the node's last one."""
        before = self.reports.get(report.node.id)
        if new_boot:
            lapsed = report.node.at - LEASE_SECONDS
            if before is not None and not (before.started_at < report.started_at or before.node.at < lapsed):
                return Fenced()
            commands: dict[str, PendingCommand] = {}
        else:
            if before is None or before.node.boot != report.node.boot:
                return Fenced()
            commands = {name: command for name, command in before.commands.items() if name not in set(done)}
        drained = before is not None and before.node.drained
        written = replace(report, node=replace(report.node, drained=drained), commands=commands)
        self.reports[report.node.id] = written
        return written

    def project(self, node: Node) -> None:
        """Bring *node* up to date in the summary."""
        present = self.summaries.get(node.id)
        if present is None or present.at <= node.at:
            self.summaries[node.id] = node

    def forget_silent(self, now: float) -> None:
        """Take nodes out of the summary that were not heard of for an hour."""
        self.summaries = {name: node for name, node in self.summaries.items() if node.at >= now - 3600}

    def leave_command(self, node: str, boot: str, command: PendingCommand) -> bool:
        """Leave a command for the node."""
        report = self.reports.get(node)
        if report is None or report.node.boot != boot:
            return False
        self.reports[node] = replace(report, commands={**report.commands, command.id: command})
        return True


class MemoryDirectory:
    """`functions.storage.directory`, kept in a dictionary."""

    def __init__(self, keys: Iterable[Key], streams: Iterable[Stream], nodes: MemoryNodes) -> None:
        self.keys = {key.digest: key for key in keys}
        self.streams = {stream.id: stream for stream in streams}
        self._nodes = nodes

    def key_and_fleet(self, digest: str) -> tuple[Key | None, Fleet]:
        """The key and all nodes."""
        return self.keys.get(digest), self.fleet()

    def stream_and_fleet(self, stream: str) -> tuple[Stream | None, Fleet]:
        """The stream and all nodes."""
        return self.streams.get(stream), self.fleet()

    def fleet(self) -> Fleet:
        """All nodes that have reported."""
        return Fleet(self._nodes.summaries.values())

    def reports(self, nodes: Iterable[str]) -> dict[str, NodeReport]:
        """What the *nodes* last reported."""
        return {name: report for name in set(nodes) if (report := self._nodes.reports.get(name)) is not None}


class MemoryKeys:
    """`functions.storage.registry.Registry`, as far as a heartbeat reads it."""

    def __init__(self, directory: MemoryDirectory) -> None:
        self._directory = directory

    def key(self, account: str, stream: str) -> Key | None:
        """The key of *account* that publishes *stream*."""
        return next(
            (key for key in self._directory.keys.values() if (key.account, key.stream) == (account, stream)), None
        )


class MemoryStreams:
    """`functions.storage.streams`, kept in a dictionary."""

    def __init__(self, directory: MemoryDirectory) -> None:
        self._directory = directory

    def set_live(self, stream: str, live: Live) -> None:
        """Note what *stream* is doing."""
        found = self._directory.streams.get(stream)
        if found is not None and (found.live is None or found.live.epoch <= live.epoch):
            self._directory.streams[stream] = replace(found, live=live, problems=())

    def begin(self, stream: str, live: Live, account: Account) -> None:
        """Note that a session began, and what *account* allows it."""
        found = self._directory.streams.get(stream)
        if found is not None:
            limits = account.limits
            self._directory.streams[stream] = replace(
                found,
                tier=account.tier,
                max_viewers=limits.viewers,
                max_kbps=limits.kbps,
                protocols=limits.protocols,
                blocked=account.blocked,
            )
        self.set_live(stream, live)

    def set_offline(self, stream: str, session: str, problems: tuple[str, ...] = ()) -> None:
        """Note that the session *session* ended."""
        found = self._directory.streams.get(stream)
        if found is not None and found.live is not None and found.live.session == session:
            self._directory.streams[stream] = replace(found, live=None, problems=problems or found.problems)


class SilentLog:
    """A log that nobody reads."""

    def event(self, message: str, /, **facts: Any) -> None:
        """Drop the event without a word."""

    def problem(self, message: str, /, **facts: Any) -> None:
        """Drop the problem without a word."""

    def count(self, metric: str, /, value: float = 1, unit: str = "Count", **dimensions: str) -> None:
        """Drop the count without a word."""
