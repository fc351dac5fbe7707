"""Nodes: each one's own item with its last report and its commands, and the one item with all of them in summary.

A node's own item is written once a heartbeat, fenced by its process life. The summary is for placement. It follows within
seconds, and at once where it matters; if it is lost, the next heartbeats make it anew.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from functions.domain.fleet import LEASE_SECONDS, Node, NodeReport, PendingCommand
from functions.storage.dynamo import Dynamo, Unmet, Update
from functions.storage.items.fleet import FLEET_KEY, fleet_of, summary_item
from functions.storage.items.node import command_item, locate_node, report_item, report_of

FORGET_SECONDS = 3600
"""A node that was not heard of for so long leaves the summary."""
MAX_DROPPED = 100
"""Commands that one write drops: DynamoDB takes expressions of 4 KB at most."""

# The ordinary heartbeat: the node has the process life that the item names.
SAME_BOOT = "boot = :boot"
# A new process life replaces one that began earlier or whose lease is over. A late heartbeat of an old life does neither.
NEW_BOOT = "attribute_not_exists(pk) OR started < :started OR #at < :lapsed"
# The sessions were not taken off before, and no heartbeat came since they were read.
UNHEARD = "boot = :boot AND #at = :at AND size(streams) > :none"
# A late write of an older state changes nothing.
NEWER = "attribute_not_exists(nodes.#node) OR nodes.#node.#at <= :at"


@dataclass(frozen=True, slots=True)
class Fenced:
    """Another, younger life of the node holds the lease."""


class Nodes:
    """Reads and writes the fleet's table."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def read(self, node: str) -> NodeReport | None:
        """What *node* last reported, or None."""
        item = self._dynamo.get(self._table, locate_node(node))
        return report_of(item) if item else None

    def beat(self, report: NodeReport, done: Iterable[str], *, new_boot: bool) -> NodeReport | Fenced:
        """Write *report* and drop the commands that are *done*; the item afterwards, with the commands that remain."""
        # `drained` is the operator's, not the node's.
        item = {name: value for name, value in report_item(report).items() if name != "drained"}
        names = {f"#{name}": name for name in item}
        values = {f":{name}": value for name, value in item.items()}
        sets = [f"#{name} = :{name}" for name in item]
        removal = ""
        if new_boot:
            # Waiting commands were for sessions of the former life.
            sets.append("cmds = :none")
            values |= {":none": {}, ":lapsed": report.node.at - LEASE_SECONDS}
        else:
            *others, last = _portions(done)
            for portion in others:
                if not self._drop(report.node, portion):
                    return Fenced()
            dropped, removal = _removal(last)
            names |= dropped
        outcome = self._dynamo.update(
            Update(
                self._table,
                locate_node(report.node.id),
                f"SET {', '.join(sets)} {removal}".rstrip(),
                NEW_BOOT if new_boot else SAME_BOOT,
                names,
                values,
                returning="ALL_NEW",
            )
        )
        if isinstance(outcome, Unmet):
            found = report_of(outcome.item) if new_boot and outcome.item else None
            # A new life that says so again, after an answer that got lost, finds itself.
            itself = found is not None and (found.node.boot, found.node.at) == (report.node.boot, report.node.at)
            return found if found is not None and itself else Fenced()
        return report_of(outcome.item)

    def _drop(self, node: Node, done: Sequence[str]) -> bool:
        """Drop commands that are done ahead of a report with more of them than one write takes; False where it is fenced."""
        names, removal = _removal(done)
        outcome = self._dynamo.update(
            Update(self._table, locate_node(node.id), removal, SAME_BOOT, names, {":boot": node.boot})
        )
        return not isinstance(outcome, Unmet)

    def take_sessions(self, report: NodeReport, at: float) -> bool:
        """Take the sessions off the node's item, and keep when; False where the item is no longer as *report* has it."""
        outcome = self._dynamo.update(
            Update(
                self._table,
                locate_node(report.node.id),
                "SET streams = :empty, swept = :swept",
                UNHEARD,
                {"#at": "at"},
                {":empty": {}, ":swept": at, ":boot": report.node.boot, ":at": report.node.at, ":none": 0},
            )
        )
        return not isinstance(outcome, Unmet)

    def project(self, node: Node) -> None:
        """Bring *node* up to date in the summary."""
        change = Update(
            self._table,
            FLEET_KEY,
            "SET nodes.#node = :node",
            f"attribute_exists(nodes) AND ({NEWER})",
            {"#node": node.id, "#at": "at"},
            {":node": summary_item(node), ":at": node.at},
        )
        outcome = self._dynamo.update(change)
        if isinstance(outcome, Unmet) and outcome.item is None:
            # The first heartbeat of the first node.
            self._dynamo.put_new(self._table, {**FLEET_KEY, "nodes": {}})
            self._dynamo.update(change)

    def forget_silent(self, now: float) -> None:
        """Take nodes out of the summary that were not heard of for an hour: every deployment brings others."""
        item = self._dynamo.get(self._table, FLEET_KEY)
        before = now - FORGET_SECONDS
        for node in fleet_of([item] if item else []).nodes:
            if node.at < before:
                self._dynamo.update(
                    Update(
                        self._table,
                        FLEET_KEY,
                        "REMOVE nodes.#node",
                        "nodes.#node.#at < :before",
                        {"#node": node.id, "#at": "at"},
                        {":before": before},
                    )
                )

    def leave_command(self, node: str, boot: str, command: PendingCommand) -> bool:
        """Leave a command for *boot* of *node*; False where that life is over."""
        outcome = self._dynamo.update(
            Update(
                self._table,
                locate_node(node),
                "SET cmds.#id = :command",
                SAME_BOOT,
                {"#id": command.id},
                {":command": command_item(command), ":boot": boot},
            )
        )
        return not isinstance(outcome, Unmet)

    def set_drained(self, node: str, *, drained: bool) -> NodeReport | None:
        """Keep new sessions away from *node*, or let them come again; None where there is no such node."""
        outcome = self._dynamo.update(
            Update(
                self._table,
                locate_node(node),
                "SET drained = :drained" if drained else "REMOVE drained",
                "attribute_exists(pk)",
                values={":drained": True} if drained else {},
                returning="ALL_NEW",
            )
        )
        return None if isinstance(outcome, Unmet) else report_of(outcome.item)


def _portions(done: Iterable[str]) -> list[list[str]]:
    """*done* without repetitions (DynamoDB refuses overlapping paths), in portions of a write each; at least one."""
    ids = list(dict.fromkeys(done))
    return [ids[start : start + MAX_DROPPED] for start in range(0, len(ids), MAX_DROPPED)] or [[]]


def _removal(done: Sequence[str]) -> tuple[dict[str, str], str]:
    """The names and the clause of an update that drops commands."""
    names = {f"#done{number}": command for number, command in enumerate(done)}
    return names, f"REMOVE {', '.join(f'cmds.{name}' for name in names)}" if done else ""
