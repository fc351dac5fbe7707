"""Decides which of a peer's addresses its packets go to. Decisions only: no clock, no socket.

Media stays on the selected address until another is nominated, or the selected one is dead. Whatever authentic comes from there is
a sign of life, since a client with two networks checks each only every five seconds (RFC 7675). A check proves no address: whoever
has a session's keys can write any source on it, and 100 bytes would bring megabytes to somebody else. So an address that never
sent anything under SRTP is on trial for a second; then packets go back to where they went before, until it speaks.
"""

from typing import Final

Address = tuple[str, int]

DEAD: Final = 7.5
"""Seconds without anything authentic after which an address is left for one that checks without nominating. Consent is
checked every 4 to 6 s (RFC 7675, section 5.1), and one check may be lost where reports come besides."""
TRIAL: Final = 1.0
"""Seconds of media for an address that has not spoken yet. Chromium and Firefox report each second, and ask for what they
miss at once."""
PROOF: Final = 30.0
"""Seconds for which an address that spoke may be nominated again without a trial."""
PAUSE: Final = 5.0
"""Seconds after a trial that failed until the next may begin; twice that after the next failure, and so on."""
LONGEST_PAUSE: Final = 60.0


class Path:
    """The network path to one peer: the address that is selected, those that spoke, and the trial of a new one.

    Times are seconds of the plane's monotonic clock.
    """

    __slots__ = ("_back", "_failed_at", "_failures", "_media", "_spoke", "alive_at", "nominated", "selected", "until")

    def __init__(self) -> None:
        self.selected: Address | None = None
        self.nominated: Address | None = None
        """The address that was nominated last."""
        self.alive_at = float("-inf")
        """When something authentic came from the selected address last."""
        self.until: float | None = None
        """When the trial of the selected address is over; None where it is not on trial."""
        self._back: Address | None = None
        self._spoke: dict[Address, float] = {}
        self._failures = 0
        self._failed_at = float("-inf")
        self._media = False

    def checked(self, address: Address, now: float, *, nominates: bool) -> bool:
        """Take a valid check from *address*; whether packets go to another address from now on."""
        if nominates:
            self.nominated = address
        if address == self.selected:
            self.alive_at = now
            return False
        if self.selected is not None and not nominates and not self._is_dead(now):
            return False
        return self._select(address, now)

    def secured(self, address: Address, now: float) -> bool:
        """Let media flow, as *address* finished the handshake; another address that is selected is on trial from now on."""
        self._media = True
        self._spoke[address] = now
        if self.selected != address and self.selected is not None:
            self._back = address
            self.until = now + TRIAL
        return False

    def heard(self, address: Address, now: float) -> bool:
        """Take a sign of life from *address*: authentic SRTP or SRTCP; whether packets go to another address from now on."""
        self._spoke[address] = now
        if address == self.selected:
            self.alive_at = now
            self.until = self._back = None
            return False
        if address != self.nominated and not self._is_dead(now):
            return False
        return self._select(address, now)

    def lapse(self, now: float) -> bool:
        """End the trial if its time is over; whether packets go back to another address from now on."""
        if self.until is None or now < self.until:
            return False
        self.selected = self._back
        self._fail(now)
        return True

    def forget(self, address: Address) -> None:
        """Drop what is known of *address*, which is none of the peer's any more."""
        self._spoke.pop(address, None)

    def _is_dead(self, now: float) -> bool:
        return now - self.alive_at > DEAD

    def _select(self, address: Address, now: float) -> bool:
        if not self._media or now - self._spoke.get(address, float("-inf")) <= PROOF or address == self._back:
            if self.until is not None:
                self._fail(now)  # given up before anybody spoke there: else there and back again would cost nothing
        elif self.until is None:
            if now - self._failed_at < min(PAUSE * 2 ** (self._failures - 1), LONGEST_PAUSE):
                return False
            self._back = self.selected
            # However often it moves before somebody speaks: all together get this much.
            self.until = now + TRIAL
        self.selected = address
        self.alive_at = now
        return True

    def _fail(self, now: float) -> None:
        self._failures = self._failures + 1 if now - self._failed_at < 2 * LONGEST_PAUSE else 1
        self._failed_at = now
        self.until = self._back = None
