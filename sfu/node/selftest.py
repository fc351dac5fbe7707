"""Tries whether each announced address leads to this node's UDP port, as seen from this host, and says what to open.

A STUN binding request with credentials of its own goes to the announced address from another socket; our ICE answers it like
any check. That proves address, port, routing and the rules of a firewall in front; what it cannot prove is that the whole
world gets through, and some networks cannot reach their own public address from inside: then only a client outside tells.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sfu.negotiation import Candidate, IceCredentials
from sfu.transport import ice

log = logging.getLogger(__name__)

TRIES: Final = 4
TRY_SECONDS: Final = 0.3
AGAIN_SECONDS: Final = 60.0
"""Pause after a failure: rules of a firewall are opened while the node runs."""
STILL_SECONDS: Final = 600.0
"""Pause after all addresses were reached."""


@dataclass(frozen=True, slots=True)
class Reached:
    """One announced address and whether it was reached; None: not tried yet."""

    candidate: Candidate
    reachable: bool | None = None

    @property
    def text(self) -> str:
        """Address and port as a URL has them: `203.0.113.7:8189`, `[2001:db8::7]:8189`."""
        address, port = self.candidate.address, self.candidate.port
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    @property
    def advice(self) -> str | None:
        """What to do, one sentence; None where there is nothing to do."""
        if self.reachable is not False:
            return None
        return (
            f"{self.text} was not reached from this host: open UDP {self.candidate.port} to {self.candidate.address} for everybody"
            " (security group, firewall, port forwarding), or announce another address with SLUICE_ANNOUNCE; if this network"
            " cannot reach its own public address, try it from outside."
        )

    def state(self) -> dict[str, Any]:
        """This result as `/readyz` tells it."""
        told = {"address": self.text, "reachable": self.reachable}
        return told if self.advice is None else {**told, "advice": self.advice}


class SelfTest:
    """Tries the announced addresses of one node again and again, and keeps the last results."""

    def __init__(
        self, candidates: Sequence[Candidate], credentials: IceCredentials, random_bytes: Callable[[int], bytes]
    ) -> None:
        self.results = tuple(Reached(candidate) for candidate in candidates)
        self._credentials = credentials
        self._random_bytes = random_bytes

    async def run(self) -> None:
        """Try now, and again for as long as the node runs."""
        while True:
            await self.try_all()
            failed = any(result.reachable is False for result in self.results)
            await asyncio.sleep(AGAIN_SECONDS if failed else STILL_SECONDS)

    async def try_all(self) -> None:
        """Try every address once, and log each result that is not as before."""
        before = self.results
        outcomes = await asyncio.gather(
            *(reaches(result.candidate, self._credentials, self._random_bytes) for result in before)
        )
        self.results = tuple(Reached(old.candidate, now) for old, now in zip(before, outcomes, strict=True))
        for old, new in zip(before, self.results, strict=True):
            if old.reachable == new.reachable:
                continue
            if new.advice is not None:
                log.warning("%s", new.advice, extra={"address": new.text})
            else:
                log.info("announced address reached", extra={"address": new.text})

    def state(self) -> list[dict[str, Any]]:
        """Every result as `/readyz` tells it."""
        return [result.state() for result in self.results]


async def reaches(candidate: Candidate, credentials: IceCredentials, random_bytes: Callable[[int], bytes]) -> bool:
    """Whether a check sent to *candidate* is answered with these credentials."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in candidate.address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.setblocking(False)  # noqa: FBT003  # the socket's own signature
            probe.connect((candidate.address, candidate.port))
            for _ in range(TRIES):
                transaction = random_bytes(12)
                # An unreachable port is told by the next call on the socket; it may open a moment later.
                with suppress(TimeoutError, ConnectionError):
                    probe.send(ice.request(transaction, credentials))
                    async with asyncio.timeout(TRY_SECONDS):
                        while not ice.answers(await loop.sock_recv(probe, 2048), transaction, credentials):
                            pass
                    return True
    except OSError:  # no route, no such family on this host
        return False
    return False
