"""`POST /v1/account/dry-run`: what a publish or a play would get now, and why. No slot, no write, no waiting.

Decided by the code that decides in earnest (`functions.domain.rehearsal`, `functions.domain.watching.seat_in`), so that the two cannot
disagree; this module reads what they need and says what each check saw, in the order of design.md, 4.1. What is not the
account's own is answered as if it did not exist.
"""

from collections.abc import Mapping

from functions.account.models import Check, CheckName, DryRunReply, DryRunRequest
from functions.domain.accounts import Account, Key
from functions.domain.fleet import Fleet, NodeReport
from functions.domain.placement import Choose
from functions.domain.publishing import Place
from functions.domain.rehearsal import Scene, rehearse
from functions.domain.roster import occupied
from functions.domain.stores import FleetLookup, RegistryStore
from functions.domain.watching import Seat, seat_in
from shared.keys import RandomBytes, StreamKey, is_stream_id
from shared.refusals import Code, Refused, gigabytes, invalid_key, invalid_request, not_found

PUBLISH: tuple[CheckName, ...] = ("key", "protocol", "quota", "key_in_use", "stream_limit", "capacity")
PLAY: tuple[CheckName, ...] = ("stream", "protocol", "quota", "live", "viewers", "capacity")

FAILED: Mapping[Code, CheckName] = {
    Code.INVALID_KEY: "key",
    Code.STREAM_NOT_FOUND: "stream",
    Code.PROTOCOL_NOT_ALLOWED: "protocol",
    Code.BANDWIDTH_EXCEEDED: "quota",
    Code.QUOTA_EXCEEDED: "quota",
    Code.KEY_ALREADY_IN_USE: "key_in_use",
    Code.STREAM_LIMIT_REACHED: "stream_limit",
    Code.STREAM_OFFLINE: "live",
    Code.VIEWER_LIMIT_REACHED: "viewers",
    Code.NO_CAPACITY: "capacity",
    Code.DRAINING: "capacity",
}
"""The check that each refusal comes from."""

Saw = dict[CheckName, str]


class DryRun:
    """Answers what-if."""

    def __init__(
        self, registry: RegistryStore, nodes: FleetLookup, region: str, random: RandomBytes, choose: Choose
    ) -> None:
        self._registry = registry
        self._nodes = nodes
        self._region = region
        self._random = random
        self._choose = choose

    def answer(self, account: Account, asked: DryRunRequest, now: float) -> DryRunReply | Refused:
        """What *account* would be told."""
        if (asked.stream_id is None) == (asked.stream_key is None):
            return invalid_request('Name one of "stream_id" and "stream_key".', "stream_id")
        if asked.action == "play":
            return self._play(account, asked, now)
        key = self._key(account, asked)
        if key is None and asked.stream_id is not None:
            return not_found("The account has no key for this stream.")
        return self._publish(account, key, asked, now)

    def _key(self, account: Account, asked: DryRunRequest) -> Key | None:
        if asked.stream_key is None:
            stream = asked.stream_id or ""
            owned = self._registry.known_key(account.id, stream) if is_stream_id(stream) else None
            # The key's own item, as a publish reads it: it also says where viewers wait.
            return (self._registry.key_of_secret(owned.digest) or owned) if owned is not None else None
        secret = StreamKey.parse(asked.stream_key)
        found = self._registry.key_of_secret(secret.digest) if secret is not None else None
        return found if found is not None and found.account == account.id else None

    def _publish(self, account: Account, key: Key | None, asked: DryRunRequest, now: float) -> DryRunReply:
        protocol = asked.protocol or "whip"
        if key is None:
            saw: Saw = {"key": "No key of the account has this secret."}
            return _reply(asked, protocol, None, PUBLISH, saw, invalid_key())
        fleet = self._nodes.fleet()
        holders = {node.id for slot in account.slots.values() if (node := fleet.of_boot(slot.boot)) is not None}
        reports = self._nodes.reports(holders) if holders else {}
        found = rehearse(
            Scene(key, account, fleet, reports),
            protocol=protocol,
            force=asked.force,
            region=asked.region or self._region,
            now=now,
            random=self._random,
            choose=self._choose,
        )
        saw = {
            "key": _saw_key(key, now),
            "protocol": _saw_protocols(account.limits.protocols, key.protocols),
            "quota": _saw_quota(account, now),
            "key_in_use": _saw_slot(account, key.stream, fleet, reports, now),
            "stream_limit": _saw_roster(account, key.stream, fleet, reports, now),
            "capacity": _saw_fleet(fleet, now),
        }
        return _reply(asked, protocol, key.stream, PUBLISH, saw, found.outcome, found.waited)

    def _play(self, account: Account, asked: DryRunRequest, now: float) -> DryRunReply | Refused:
        protocol, stream = asked.protocol or "whep", asked.stream_id or ""
        if asked.stream_id is None:
            return invalid_request('To play, "stream_id" is needed.', "stream_id")
        found = self._registry.stream(stream) if is_stream_id(stream) else None
        if found is None or found.account != account.id:
            return not_found("The account has no such stream.")
        fleet = self._nodes.fleet()
        live = found.live
        node = fleet.named(live.node) if live is not None else None
        saw: Saw = {
            "stream": "It is the account's.",
            "protocol": _saw_protocols(found.protocols, None),
            "quota": _saw_quota(account, now),
            "live": "Nobody publishes it."
            if live is None
            else f"Published on {live.node}" + ("." if node and node.leased(now) else ", which is not heard of."),
            "viewers": f"{live.viewers if live else 0} of {found.max_viewers} watch.",
            "capacity": f"{node.id} is {node.state.value}{' and full' if node.load.full else ''}."
            if node
            else "There is no node to ask.",
        }
        return _reply(asked, protocol, stream, PLAY, saw, seat_in(found, fleet, protocol, now))


def _reply(
    asked: DryRunRequest,
    protocol: str,
    stream: str | None,
    order: tuple[CheckName, ...],
    saw: Saw,
    outcome: Place | Seat | Refused,
    waited: float = 0,
) -> DryRunReply:
    refused = outcome if isinstance(outcome, Refused) else None
    failed = FAILED[refused.code] if refused is not None else None
    reached = len(order) if failed is None else order.index(failed)
    return DryRunReply(
        action=asked.action,
        protocol=protocol,
        stream_id=stream,
        would="admit" if refused is None else "refuse",
        waits_seconds=waited,
        node=None if isinstance(outcome, Refused) else outcome.node.id,
        region=None if isinstance(outcome, Refused) else outcome.node.region,
        status=None if refused is None else refused.status,
        retry_after=None if refused is None else refused.retry_after,
        refusal=None if refused is None else refused.body(),
        checks=[
            Check(check=name, passed=number < reached if number <= reached else None, saw=saw.get(name, ""))
            for number, name in enumerate(order)
        ],
    )


def _saw_key(key: Key, now: float) -> str:
    if key.valid(now):
        return "It is valid." if key.revoked_at is None else "It is valid, and will be revoked."
    return "It was revoked." if key.revoked_at is not None and key.revoked_at <= now else "It has lapsed."


def _saw_protocols(account: frozenset[str], key: frozenset[str] | None) -> str:
    allowed = f"The account may use {', '.join(sorted(account))}."
    return allowed if key is None else f"{allowed} The key publishes by {', '.join(sorted(key))}."


def _saw_quota(account: Account, now: float) -> str:
    if account.blocked is None or account.over_quota(now) is None:
        return "The month's quota is not used up."
    return f"Used up: {gigabytes(account.blocked.used)} of {gigabytes(account.blocked.quota)} GB."


def _saw_slot(account: Account, stream: str, fleet: Fleet, reports: Mapping[str, NodeReport], now: float) -> str:
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


def _saw_roster(account: Account, stream: str, fleet: Fleet, reports: Mapping[str, NodeReport], now: float) -> str:
    others = sum(
        occupied(name, slot, _report(slot.boot, fleet, reports), now)
        for name, slot in account.slots.items()
        if name != stream
    )
    return f"{others} of {account.limits.streams} are taken by other streams."


def _saw_fleet(fleet: Fleet, now: float) -> str:
    open_ = [node for node in fleet.nodes if node.open(now)]
    return f"{sum(not node.load.full for node in open_)} of {len(open_)} nodes have room."


def _report(boot: str, fleet: Fleet, reports: Mapping[str, NodeReport]) -> NodeReport | None:
    node = fleet.of_boot(boot)
    report = reports.get(node.id) if node is not None else None
    return report if report is not None and report.node.boot == boot else None
