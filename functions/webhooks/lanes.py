"""Two lanes for messages, so that nobody waits for somebody else's slow receiver. Pure.

Every message begins in the quick lane, where a batch is over within `QUICK_SECONDS`: whoever does not answer by then is
slow, and its messages go on in the slow lane, whose functions are others. There a receiver has its full time, an account
has `IN_FLIGHT` attempts at a time among all functions, and a receiver that ran into the time limit too often in a row is
left alone for a while, then asked by one attempt (`functions.domain.pace`). An account whose receiver is just quick enough has
a share of each function of the quick lane, and what is more goes to the slow lane too.
"""

from collections.abc import Mapping

AT_ONCE = 5
"""Attempts of one account at a time in one function of the quick lane."""
MAX_PUT_OFF_SECONDS = 60
"""The longest a message waits for a permit before it asks again."""
MAX_PUT_OFF = 20
"""How often a message waits for its turn without using up an attempt: for a quarter of an hour, or for hours where its receiver
is left alone. A message goes round no more often than so many times and its attempts, however dead its receiver is."""
SHARE = 0.1
"""Of a function's time that one account may take, and `SHARE_BURST` seconds at once."""
SHARE_BURST = 2.0
MAX_REMEMBERED = 1000


def put_off(times: int) -> int:
    """In how many seconds a message asks again that found no permit so many *times* before."""
    return min(1 << min(times, 10), MAX_PUT_OFF_SECONDS)


class Shares:
    """How long each account has held this function lately. In memory: each function is held by itself."""

    def __init__(self) -> None:
        self._free_at: dict[str, float] = {}
        """When an account has used nothing of its share again."""

    def left(self, account: str, now: float) -> bool:
        """Whether *account* may hold this function at *now*."""
        return self._free_at.get(account, 0.0) - now < SHARE_BURST / SHARE

    def used(self, held: Mapping[str, float], now: float) -> None:
        """Each account has *held* it for so many seconds."""
        if len(self._free_at) + len(held) > MAX_REMEMBERED:
            self._free_at = {name: at for name, at in self._free_at.items() if at > now}
        for account, seconds in held.items():
            self._free_at[account] = max(self._free_at.get(account, 0.0), now) + seconds / SHARE
