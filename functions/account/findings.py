"""What each check of a dry run found, in a sentence for the owner. Pure."""

from collections.abc import Mapping

from functions.domain.accounts import Account, Key
from functions.domain.fleet import Fleet, NodeReport
from functions.domain.roster import occupied
from shared.refusals import gigabytes


def of_key(key: Key, now: float) -> str:
    """Whether a key is valid, and why it is not."""
    if key.valid(now):
        return "It is valid." if key.revoked_at is None else "It is valid, and will be revoked."
    return "It was revoked." if key.revoked_at is not None and key.revoked_at <= now else "It has lapsed."


def of_protocols(account: frozenset[str], key: frozenset[str] | None) -> str:
    """What the account may use, and what the key publishes by; *key* is None where that is whatever the account may."""
    allowed = f"The account may use {', '.join(sorted(account))}."
    return allowed if key is None else f"{allowed} The key publishes by {', '.join(sorted(key))}."


def of_quota(account: Account, now: float) -> str:
    """How much of the month's quota is used up."""
    if account.blocked is None or account.over_quota(now) is None:
        return "The month's quota is not used up."
    return f"Used up: {gigabytes(account.blocked.used)} of {gigabytes(account.blocked.quota)} GB."


def of_slot(account: Account, stream: str, fleet: Fleet, reports: Mapping[str, NodeReport], now: float) -> str:
    """Who uses the key of *stream*, and when they were last heard."""
    slot = account.slots.get(stream)
    if slot is None:
        return "Nobody uses the key."
    report = _report(slot.boot, fleet, reports)
    if not occupied(stream, slot, report, now):
        return "Its last session is over."
    where = f" on {report.node.id}" if report is not None else ""
    session = report.streams.get(stream) if report is not None else None
    if report is None or session is None or session.session != slot.session:
        return f"A publisher{where} was admitted {now - slot.granted_at:.0f} s ago and has not begun."
    return f"A publisher{where} was heard {max(0.0, now - report.node.at) + session.silent_ms / 1000:.1f} s ago."


def of_roster(account: Account, stream: str, fleet: Fleet, reports: Mapping[str, NodeReport], now: float) -> str:
    """How many of the account's streams are taken by others than *stream*."""
    others = sum(
        occupied(name, slot, _report(slot.boot, fleet, reports), now)
        for name, slot in account.slots.items()
        if name != stream
    )
    return f"{others} of {account.limits.streams} are taken by other streams."


def of_fleet(fleet: Fleet, now: float) -> str:
    """How many of the nodes that take publishers have room for one."""
    open_ = [node for node in fleet.nodes if node.open(now)]
    return f"{sum(not node.load.full for node in open_)} of {len(open_)} nodes have room."


def _report(boot: str, fleet: Fleet, reports: Mapping[str, NodeReport]) -> NodeReport | None:
    node = fleet.of_boot(boot)
    report = reports.get(node.id) if node is not None else None
    return report if report is not None and report.node.boot == boot else None
