"""`POST /v1/account/dry-run`: what a publish or a play would get now, and why. No slot, no write, no waiting.

Decided by the code that decides in earnest (`functions.domain.dry_run`, `functions.domain.watching.decide_viewer`), so that
the two cannot disagree. This module reads what they need and reports the checks in the order in which they decide.
What is not the account's own is answered as if it did not exist.
"""

from collections.abc import Mapping

from functions.account import findings
from functions.account.models.dry_run import CheckName, DryRunCheck, DryRunReply, DryRunRequest
from functions.domain.accounts import Account, Key
from functions.domain.dry_run import DryRunInput, dry_run
from functions.domain.placement import Choose
from functions.domain.publishing import AdmittedPublisher
from functions.domain.stores import FleetLookup, RegistryStore
from functions.domain.watching import AdmittedViewer, decide_viewer
from shared.keys import RandomBytes, StreamKey, is_stream_id
from shared.refusals import Code, Refused, invalid_key, invalid_request, not_found

PUBLISH_CHECKS: tuple[CheckName, ...] = ("key", "protocol", "quota", "key_in_use", "stream_limit", "capacity")
PLAY_CHECKS: tuple[CheckName, ...] = ("stream", "protocol", "quota", "live", "viewers", "capacity")
"""In the order in which admission asks; the first that fails is the refusal. The order of a publish is above."""

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
"""What each check found, for a person."""


class DryRun:
    """Tells an owner what a publish or a play would get now."""

    def __init__(
        self, registry: RegistryStore, nodes: FleetLookup, region: str, random: RandomBytes, choose: Choose
    ) -> None:
        self._registry = registry
        self._nodes = nodes
        self._region = region
        self._random = random
        self._choose = choose

    def answer(self, account: Account, request: DryRunRequest, now: float) -> DryRunReply | Refused:
        """What the client of *request* would be told; `INVALID_REQUEST` or `NOT_FOUND` where *account* cannot ask so."""
        if (request.stream_id is None) == (request.stream_key is None):
            return invalid_request('Name one of "stream_id" and "stream_key".', "stream_id")
        if request.action == "play":
            return self._play(account, request, now)
        key = self._key(account, request)
        if key is None and request.stream_id is not None:
            return not_found("The account has no key for this stream.")
        return self._publish(account, key, request, now)

    def _key(self, account: Account, request: DryRunRequest) -> Key | None:
        if request.stream_key is None:
            stream = request.stream_id or ""
            owned = self._registry.known_key(account.id, stream) if is_stream_id(stream) else None
            # The key's own item, as a publish reads it: it also says where viewers wait.
            return (self._registry.key_of_secret(owned.digest) or owned) if owned is not None else None
        secret = StreamKey.parse(request.stream_key)
        found = self._registry.key_of_secret(secret.digest) if secret is not None else None
        return found if found is not None and found.account == account.id else None

    def _publish(self, account: Account, key: Key | None, request: DryRunRequest, now: float) -> DryRunReply:
        protocol = request.protocol or "whip"
        if key is None:
            saw: Saw = {"key": "No key of the account has this secret."}
            return _reply(request, protocol, None, PUBLISH_CHECKS, saw, invalid_key())
        fleet = self._nodes.fleet()
        holders = {node.id for slot in account.slots.values() if (node := fleet.of_boot(slot.boot)) is not None}
        reports = self._nodes.reports(holders) if holders else {}
        found = dry_run(
            DryRunInput(key, account, fleet, reports),
            protocol=protocol,
            force=request.force,
            region=request.region or self._region,
            now=now,
            random=self._random,
            choose=self._choose,
        )
        saw = {
            "key": findings.of_key(key, now),
            "protocol": findings.of_protocols(account.limits.protocols, key.protocols),
            "quota": findings.of_quota(account, now),
            "key_in_use": findings.of_slot(account, key.stream, fleet, reports, now),
            "stream_limit": findings.of_roster(account, key.stream, fleet, reports, now),
            "capacity": findings.of_fleet(fleet, now),
        }
        return _reply(request, protocol, key.stream, PUBLISH_CHECKS, saw, found.outcome, found.waited)

    def _play(self, account: Account, request: DryRunRequest, now: float) -> DryRunReply | Refused:
        protocol, stream = request.protocol or "whep", request.stream_id or ""
        if request.stream_id is None:
            return invalid_request('To play, "stream_id" is needed.', "stream_id")
        found = self._registry.stream(stream) if is_stream_id(stream) else None
        if found is None or found.account != account.id:
            return not_found("The account has no such stream.")
        fleet = self._nodes.fleet()
        live = found.live
        node = fleet.named(live.node) if live is not None else None
        saw: Saw = {
            "stream": "It is the account's.",
            "protocol": findings.of_protocols(found.protocols, None),
            "quota": findings.of_quota(account, now),
            "live": "Nobody publishes it."
            if live is None
            else f"Published on {live.node}" + ("." if node and node.leased(now) else ", which is not heard of."),
            "viewers": f"{live.viewers if live else 0} of {found.max_viewers} watch.",
            "capacity": f"{node.id} is {node.state.value}{' and full' if node.load.full else ''}."
            if node
            else "There is no node to ask.",
        }
        return _reply(request, protocol, stream, PLAY_CHECKS, saw, decide_viewer(found, fleet, protocol, now))


def _reply(
    request: DryRunRequest,
    protocol: str,
    stream: str | None,
    order: tuple[CheckName, ...],
    saw: Saw,
    outcome: AdmittedPublisher | AdmittedViewer | Refused,
    waited: float = 0,
) -> DryRunReply:
    refused = outcome if isinstance(outcome, Refused) else None
    failed = FAILED[refused.code] if refused is not None else None
    reached = len(order) if failed is None else order.index(failed)
    return DryRunReply(
        action=request.action,
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
            DryRunCheck(check=name, passed=number < reached if number <= reached else None, saw=saw.get(name, ""))
            for number, name in enumerate(order)
        ],
    )
