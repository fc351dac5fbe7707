"""What an account token lets its owner see. A token that is wrong, revoked or of a deleted account gets one answer.

The token of a suspended account gets another, 403: whoever holds it is the owner, and should know why nothing works.
"""

from functions.account.models.keys import KeysReply, KeySummary
from functions.account.models.overview import (
    AccountLimits,
    AccountReply,
    LiveStream,
    MonthUsage,
    RefusalEntry,
    RefusalsReply,
)
from functions.domain.accounts import Account
from functions.domain.stores import FleetLookup, RefusalStore, RegistryStore, UsageStore
from functions.edge.bodies import limit_fields
from shared.keys import AccountToken
from shared.months import month_end, month_of
from shared.problems import explained
from shared.refusals import Refused, forbidden, percentage_used, unauthorized
from shared.tiers import Tier


class AccountService:
    """Reads what the owner of an account may see. Whoever calls it has authenticated the owner."""

    def __init__(self, registry: RegistryStore, ledger: UsageStore, nodes: FleetLookup, refusals: RefusalStore) -> None:
        self._refusals = refusals
        self._registry = registry
        self._ledger = ledger
        self._nodes = nodes

    def account(self, account: Account, now: float) -> AccountReply:
        """Limits, the month's usage, and what is live."""
        return AccountReply(
            account=account.id,
            tier=account.tier,
            limits=AccountLimits(**limit_fields(account.limits)),
            usage=self._usage(account, now),
            streams=self._live(account, now),
        )

    def keys(self, account: Account, now: float) -> KeysReply:
        """The keys that still publish, without their secrets."""
        live = {stream.stream_id for stream in self._live(account, now)}
        keys = self._registry.keys(account.id)
        valid = sorted((key for key in keys if key.valid(now)), key=lambda key: (key.created, key.stream))
        return KeysReply(
            keys=[
                KeySummary(
                    # Storage has the digest alone; the two characters were kept when the key was made.
                    stream_key=f"{'anon' if account.tier is Tier.ANONYMOUS else 'live'}_{key.hint}…",
                    stream_id=key.stream,
                    label=key.label,
                    created=key.created,
                    live=key.stream in live,
                    protocols=sorted(key.protocols) if key.protocols is not None else None,
                    revoked_at=key.revoked_at,
                    old_until=max((old.until for old in key.retiring if old.until > now), default=None),
                )
                for key in valid
            ]
        )

    def refusals(self, account: Account, now: float) -> RefusalsReply:
        """Why the account's encoders were turned away."""
        found = self._refusals.of(account.id, now)
        labels = self._registry.labels(account.id, (noted.stream for noted in found))
        return RefusalsReply(
            refusals=[
                RefusalEntry(
                    at=noted.at,
                    stream_id=noted.stream,
                    label=labels.get(noted.stream, ""),
                    code=noted.code,
                    protocol=noted.protocol,
                    address=noted.address,
                    problem=noted.problem or None,
                    say=next((one["say"] for one in explained([noted.problem])), None),
                )
                for noted in found
            ]
        )

    def authenticate(self, authorization: str | None, now: float) -> Account | Refused:
        """The account that the token of an `Authorization` field opens: `UNAUTHORIZED` for a wrong one, `FORBIDDEN` if suspended."""
        scheme, _, credentials = (authorization or "").partition(" ")
        token = AccountToken.parse(credentials.strip()) if scheme.lower() == "bearer" else None
        name = self._registry.account_of_token(token.digest) if token else None
        account = self._registry.account(name) if name else None
        if token is None or account is None or not account.opened_by(token.digest, now):
            return unauthorized()
        return forbidden("The account is suspended. Ask the operator.") if account.suspended else account

    def _usage(self, account: Account, now: float) -> MonthUsage:
        month, quota = month_of(now), account.limits.bytes
        used = self._ledger.used(account.id, month)
        return MonthUsage(
            month=month,
            bytes=used,
            quota_bytes=quota,
            percentage_used=percentage_used(used, quota),
            blocked=account.over_quota(now) is not None,
            resets_at=month_end(now),
        )

    def _live(self, account: Account, now: float) -> list[LiveStream]:
        """The slots behind which a node stands that says so itself; a grant that is not used yet is not live."""
        if not account.slots:
            return []
        fleet = self._nodes.fleet()
        placed = {stream: fleet.of_boot(slot.boot) for stream, slot in account.slots.items()}
        reports = self._nodes.reports({node.id for node in placed.values() if node})
        live = []
        for stream, slot in account.slots.items():
            node = placed[stream]
            report = reports.get(node.id) if node else None
            if report is None or report.node.boot != slot.boot or not report.holds(stream, slot.session, now):
                continue
            session = report.streams[stream]
            live.append(
                LiveStream(
                    stream_id=stream,
                    viewers=session.viewers,
                    limit=session.max_viewers,
                    since=session.since,
                    kbps=session.kbps,
                    node=report.node.id,
                    region=report.node.region,
                )
            )
        return sorted(live, key=lambda stream: stream.since)
