"""Holds the control plane's current public keys: the last set that was good, for as long as nobody sends a better one.

A heartbeat's answer replaces them. An answer without a usable key changes nothing: a control plane that lost its keys
must not lock out the grants that it signed a moment ago (design.md, rule 7).
"""

from collections.abc import Mapping
from typing import Any

from shared.grants import Action
from shared.verifier import Reason, Rejected, VerifiedGrant, Verifier


class Keyring:
    """The public keys by which this node tells grants of the control plane from forged ones."""

    def __init__(self) -> None:
        self._jwks: Mapping[str, Any] | None = None
        self._verifier: Verifier | None = None

    @property
    def verifier(self) -> Verifier | None:
        """The verifier over the current keys; None before the first answer, when no grant can be checked."""
        return self._verifier

    def replace(self, jwks: Mapping[str, Any]) -> bool:
        """Take *jwks* for the current keys, and say whether they were usable."""
        if jwks == self._jwks:
            return True
        verifier = Verifier(jwks)
        if not verifier.kids:
            return False
        self._jwks, self._verifier = jwks, verifier
        return True

    def verify(
        self, token: str | None, *, node: str, boot: str, stream: str, action: Action, now: float
    ) -> VerifiedGrant | Rejected:
        """As `Verifier.verify`, with the current keys; without any, no key is known."""
        if self._verifier is None:
            return Rejected(Reason.UNKNOWN_KEY)
        return self._verifier.verify(token, node=node, boot=boot, stream=stream, action=action, now=now)
