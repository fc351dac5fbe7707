"""Decides whether a token admits one session here and now: a valid grant, and never the same one twice.

`shared.grants` proves signature, node, boot, stream, action and time; what only the node can know, which grants were
used already, is decided here (design.md, rule 6). Every failure has a reason of its own for the log and a counter; the
client learns none of them.
"""

from collections import Counter, OrderedDict
from typing import Protocol

from shared.grants import GRACE_SECONDS, Action
from shared.verifier import Reason, Rejected, VerifiedGrant


class Verifies(Protocol):
    """`shared.grants.Verifier`, or something that holds the current one."""

    def verify(
        self, token: str | None, *, node: str, boot: str, stream: str, action: Action, now: float
    ) -> VerifiedGrant | Rejected:
        """Whether *token* is a grant for this."""
        ...


class ReplaySet:
    """Session ids that were used, each until its grant has expired and no clock could still accept it.

    Only verified grants get in, and those expire within a minute, so the set is as small as the control plane's output
    of one minute. Grants come with nearly equal lifetimes: expired ones leave from the front.
    """

    def __init__(self) -> None:
        self._expiry: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._expiry)

    def claim(self, session: str, expires_at: float, now: float) -> bool:
        """Use *session* up; False when it was used before."""
        while self._expiry and next(iter(self._expiry.values())) <= now:
            self._expiry.popitem(last=False)
        if session in self._expiry:
            return False
        self._expiry[session] = expires_at
        return True


class Authorizer:
    """Admits sessions to one boot of one node."""

    def __init__(self, verifier: Verifies, *, node: str, boot: str) -> None:
        self._verifier = verifier
        self._node = node
        self._boot = boot
        self._used = ReplaySet()
        self.rejections: Counter[Reason] = Counter()
        """How often each reason was the one; for the metrics."""

    def admit(self, token: str | None, *, action: Action, stream: str, now: float) -> VerifiedGrant | Rejected:
        """Use the grant *token* up for *action* on *stream*, or say why not."""
        outcome = self._verifier.verify(token, node=self._node, boot=self._boot, stream=stream, action=action, now=now)
        if isinstance(outcome, VerifiedGrant):
            claims = outcome.claims
            # Kept longer than it can be used, so that a clock that is set back a little does not revive it.
            if self._used.claim(claims.session, claims.expires_at + GRACE_SECONDS, now):
                return outcome
            outcome = Rejected(Reason.REPLAYED)
        self.rejections[outcome.reason] += 1
        return outcome
