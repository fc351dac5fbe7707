"""What an account token lets its owner see. A token that is wrong, revoked or of a deleted account gets one answer."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from functions.account.models import AccountLimits, AccountReply, KeysReply, KeySummary, LiveStream, MonthUsage
from functions.accounts import Account
from functions.fleet import Fleet, NodeReport
from functions.storage.owners import Owned
from shared.keys import AccountToken
from shared.months import month_end, month_of
from shared.refusals import Refused, percentage_used, unauthorized


class Owners(Protocol):
    """Where accounts are read."""

    def account_of_token(self, digest: str) -> str | None:
        """The account of a token."""
        ...

    def owned(self, account: str) -> Owned | None:
        """The account and its keys."""
        ...

    def bytes_of_month(self, account: str, month: str) -> int:
        """Media bytes of a month."""
        ...


class Nodes(Protocol):
    """Where is read what nodes report."""

    def fleet(self) -> Fleet:
        """All nodes in summary."""
        ...

    def reports(self, nodes: Iterable[str]) -> Mapping[str, NodeReport]:
        """What these nodes last reported."""
        ...


class AccountService:
    """One method an endpoint."""

    def __init__(self, owners: Owners, nodes: Nodes) -> None:
        self._owners = owners
        self._nodes = nodes

    def account(self, authorization: str | None, now: float) -> AccountReply | Refused:
        """Limits, the month's usage, and what is live."""
        owned = self._authenticate(authorization)
        if isinstance(owned, Refused):
            return owned
        account, limits = owned.account, owned.account.limits
        return AccountReply(
            account=account.id,
            tier=account.tier,
            limits=AccountLimits(
                streams=limits.streams,
                bytes=limits.bytes,
                viewers=limits.viewers,
                kbps=limits.kbps,
                protocols=sorted(limits.protocols),
                hls_embed=limits.hls_embed,
            ),
            usage=self._usage(account, now),
            streams=self._live(account, now),
        )

    def keys(self, authorization: str | None, now: float) -> KeysReply | Refused:
        """The keys that still publish, without their secrets."""
        owned = self._authenticate(authorization)
        if isinstance(owned, Refused):
            return owned
        live = {stream.stream_id for stream in self._live(owned.account, now)}
        valid = sorted((key for key in owned.keys if key.valid(now)), key=lambda key: (key.created, key.stream))
        return KeysReply(
            keys=[
                KeySummary(
                    # Storage has the digest alone, so there is nothing of the secret to show but its kind.
                    stream_key="live_…",
                    stream_id=key.stream,
                    label=key.label,
                    created=key.created,
                    live=key.stream in live,
                )
                for key in valid
            ]
        )

    def _authenticate(self, authorization: str | None) -> Owned | Refused:
        scheme, _, credentials = (authorization or "").partition(" ")
        token = AccountToken.parse(credentials.strip()) if scheme.lower() == "bearer" else None
        account = self._owners.account_of_token(token.digest) if token else None
        owned = self._owners.owned(account) if account else None
        return owned or unauthorized()

    def _usage(self, account: Account, now: float) -> MonthUsage:
        month, quota = month_of(now), account.limits.bytes
        used = self._owners.bytes_of_month(account.id, month)
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
