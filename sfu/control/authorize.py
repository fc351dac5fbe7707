"""Decides whether a token admits one session here and now: a valid grant, and never the same one twice.

`shared.grants` proves signature, node, boot, stream, action and time; what only the node can know, which grants were
used already, is decided here. Every failure has a reason of its own for the log and a counter; the
client learns none of them.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from shared.grants import GRACE_SECONDS, Action
from shared.verifier import Reason, Rejected, VerifiedGrant

STEP: Final = 300.0
"""Seconds by which a clock may be set, forwards or backwards, without a used grant being accepted again. A host that is
further off has no session with the control plane (`sfu.control.walltime`)."""


class Verifies(Protocol):
    """What verifies grants: `shared.verifier.Verifier`, or something that holds the current one."""

    def verify(
        self, token: str | None, *, node: str, boot: str, stream: str, action: Action, now: float
    ) -> VerifiedGrant | Rejected:
        """The verified grant in *token* for this, or why it is none."""
        ...


class ReplaySet:
    """Session ids that were used, each until no clock could accept its grant; time here is monotonic, which nobody sets.

    Only verified grants get in, and those live for half a minute, so the set is as small as the control plane's output of
    some minutes. Grants come with nearly equal lifetimes: those that are over leave from the front.
    """

    def __init__(self) -> None:
        self._until: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def claim(self, session: str, until: float, now: float) -> bool:
        """Note that *session* is used up; False where it was before. *now* and *until* are monotonic."""
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
        if session in self._until:
            return False
        self._until[session] = until
        return True


class Authorizer:
    """Admits sessions to one life of one node, each grant once."""

    def __init__(self, verifier: Verifies, *, node: str, boot: str, monotonic: Callable[[], float]) -> None:
        self._verifier = verifier
        self._monotonic = monotonic
        self._node = node
        self._boot = boot
        self._used = ReplaySet()
        self.rejections: Counter[Reason] = Counter()
        """Reason -> how often a token was rejected for it; for the metrics."""

    def admit(self, token: str | None, *, action: Action, stream: str, now: float) -> VerifiedGrant | Rejected:
        """Use the grant *token* up for *action* on *stream*, or say why not; *now* is the time of day."""
        outcome = self._verifier.verify(token, node=self._node, boot=self._boot, stream=stream, action=action, now=now)
        if isinstance(outcome, VerifiedGrant):
            claims = outcome.claims
            # By its whole life, and not by what is left of it: the clock that says how much is left may be set.
            life = claims.expires_at - claims.issued_at + 2 * GRACE_SECONDS + STEP
            at = self._monotonic()
            if self._used.claim(claims.session, at + life, at):
                return outcome
            outcome = Rejected(Reason.REPLAYED)
        self.rejections[outcome.reason] += 1
        return outcome
