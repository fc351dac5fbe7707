"""`POST /v1/account/token`: another token for the account, and an end for those that it has.

Storage knows digests only; the new token is in the answer and nowhere else. An owner whose token
leaked rotates it without an overlap: then nobody else's opens the account.
"""

from functions.account.models.keys import RotateTokenRequest, TokenCreated
from functions.domain.accounts import Account, Token
from functions.domain.stores import AccountStore
from shared.keys import AccountToken, RandomBytes, new_account_token
from shared.refusals import Refused, forbidden, invalid_request

MAX_TOKENS = 4
"""The new one and those that overlap with it."""


class OwnedTokens:
    """Replaces the tokens that open the owner's account."""

    def __init__(self, registry: AccountStore, random: RandomBytes) -> None:
        self._registry = registry
        self._random = random

    def rotate(
        self, account: Account, authorization: str | None, wish: RotateTokenRequest, now: float
    ) -> TokenCreated | Refused:
        """Make a new token; those that open *account* now do so for as long as was asked, and no longer than they would have."""
        until = now + wish.overlap_seconds
        presented = AccountToken.parse((authorization or "").partition(" ")[2].strip())
        # An account from before tokens were listed is opened by the one that asks, from now on, and by no other.
        held = account.tokens or ((Token.of(presented.digest),) if presented is not None else ())
        kept = [
            Token(token.tag, until if token.until is None else min(until, token.until))
            for token in held
            if wish.overlap_seconds and token.valid(now)
        ]
        if len(kept) >= MAX_TOKENS:
            return forbidden(
                f"{len(kept)} older tokens open the account still. With overlap_seconds 0 all of them end now."
            )
        token = new_account_token(self._random)
        if not self._registry.replace_tokens(account, token.digest, kept):
            return invalid_request("The token was changed meanwhile; try again with the new one.", status=409)
        return TokenCreated(token=token.reveal(), old_until=until)
