"""Ends the sessions that an account may not have any more: all of them, or those above a limit that was lowered.

Nodes are sent commands, which they get by their next heartbeat. A grant that is not used yet loses its slot, so that its
session is superseded where it begins after all.
"""

from collections.abc import Callable, Mapping

from functions.domain.accounts import Account, Slot
from functions.domain.fleet import PendingCommand
from functions.domain.roster import occupied
from functions.domain.stores import CommandStore, FleetLookup, SlotStore
from shared.end_reasons import EndReason


class AccountSessions:
    """The sessions of an account, as far as they have to end when the account changes."""

    def __init__(
        self, directory: FleetLookup, nodes: CommandStore, rosters: SlotStore, clock: Callable[[], float]
    ) -> None:
        self._directory = directory
        self._nodes = nodes
        self._rosters = rosters
        self._clock = clock

    def end_all(self, account: Account) -> None:
        """End every publisher and viewer of *account*, and free the slots of grants that wait."""
        fleet = self._directory.fleet()
        held = {node.id: node for slot in account.slots.values() if (node := fleet.of_boot(slot.boot)) is not None}
        # A node obeys an id once, and an account can be closed more than once within one life of it.
        command = PendingCommand(f"closed-{account.id}-{int(self._clock())}", EndReason.ADMIN, account=account.id)
        for node in held.values():
            self._nodes.leave_command(node.id, node.boot, command)
        self._free(account, account.slots)

    def end_surplus(self, account: Account, now: float) -> None:
        """End the newest of the sessions of *account*, down to as many as it may have."""
        if len(account.slots) <= account.limits.streams:
            return
        fleet = self._directory.fleet()
        nodes = {node.id for slot in account.slots.values() if (node := fleet.of_boot(slot.boot)) is not None}
        reports = {report.node.boot: report for report in self._directory.reports(nodes).values()}
        alive = {
            stream: slot
            for stream, slot in account.slots.items()
            if occupied(stream, slot, reports.get(slot.boot), now)
        }
        oldest = sorted(alive, key=lambda stream: (alive[stream].expires_at, alive[stream].session))
        surplus = {stream: alive[stream] for stream in oldest[account.limits.streams :]}
        for slot in surplus.values():
            node = fleet.of_boot(slot.boot)
            if node is not None:
                self._nodes.leave_command(
                    node.id, node.boot, PendingCommand(f"admin-{slot.session}", EndReason.ADMIN, session=slot.session)
                )
        self._free(account, surplus)

    def _free(self, account: Account, slots: Mapping[str, Slot]) -> None:
        for stream, slot in slots.items():
            if slot.used_at is None:
                self._rosters.release(account.id, stream, slot.session)
