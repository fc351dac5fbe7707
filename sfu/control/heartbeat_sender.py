"""Carries heartbeats to the control plane and its answers back: the asyncio shell around `sfu.control.heartbeat`.

One task, one heartbeat at a time. An API that is away, slow or confused is logged once when it begins and once when it
ends, and is asked again and again; sessions go on meanwhile (design.md, rule 7).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from sfu.control.aws import AwsAnswer, AwsError
from sfu.control.heartbeat import SPACING, HeartbeatSequence
from sfu.control.keyring import Keyring
from shared.messages import Command, Heartbeat, HeartbeatReply, Load, StreamReport

log = logging.getLogger(__name__)

TIMEOUT: Final = 3.0
"""For one heartbeat; the lease (10 s) outlives two of them."""

TELLING: Final = 0.5
"""How long the answer to a DELETE waits for the control plane to have freed the slot. It takes some 50 ms."""

Post = Callable[[bytes], Awaitable[AwsAnswer]]
"""Sends a heartbeat's JSON; raises `AwsError` when there is no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedNode:
    """What heartbeats tell of a node, and what their answers do there."""

    snapshot: Callable[[], tuple[Sequence[StreamReport], Load]]
    """Its live publish sessions, and how full it is."""
    execute: Callable[[Command], None]
    """Carries out a command of the control plane."""
    waiting: Callable[[], Sequence[str]] = tuple
    """Streams with viewers and without a publisher, of which the answer says whether they are live elsewhere."""
    on_reply: Callable[[HeartbeatReply], None] = lambda _reply: None
    """Told of each answer, after its commands were carried out."""


class HeartbeatSender:
    """Sends heartbeats until it is cancelled, and carries out what is answered.

    *on_time* is told what time it was at the control plane, and how many seconds the answer took.
    """

    def __init__(
        self,
        beats: HeartbeatSequence,
        post: Post,
        keyring: Keyring,
        *,
        wall_clock: Callable[[], float],
        on_time: Callable[[float, float], None] = lambda _at, _round_trip: None,
    ) -> None:
        self._beats = beats
        self._post = post
        self._keyring = keyring
        self._wall_clock = wall_clock
        self._on_time = on_time
        self._look = False
        self._looked_at = float("-inf")
        self._wake = asyncio.Event()
        self._heard = asyncio.Event()
        self.ready = False
        """Whether a heartbeat was answered, so that keys are known and the control plane knows us."""
        self.last_answer: float | None = None
        """When, by the loop's clock, the last answer came."""
        self.sent = 0
        self.failed = 0

    def changed(self) -> None:
        """Something changed among the sessions: see soon whether it is to be told at once. Cheap, for it may be called a thousand times a second."""
        self._look = True
        self._wake.set()

    def wake(self) -> None:
        """Ask again when the next heartbeat is due, because that may have changed."""
        self._wake.set()

    async def run(self, node: ReportedNode) -> None:
        """Send the heartbeats of *node* until cancelled."""
        while True:
            await self._until_due(node)
            await self._beat(node)

    async def settle(self, seconds: float) -> bool:
        """Wait until the control plane knows everything, for *seconds* at most, and say whether it does."""
        return await self._until(lambda: self._beats.settled, seconds)

    async def told(self, session: str) -> bool:
        """Wait a little until the control plane knows that *session* has ended, and say whether it does."""
        return await self._until(lambda: not self._beats.untold(session), TELLING)

    async def _until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait for answers to heartbeats until *holds*, for *seconds* at most, and say whether it does."""
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            return False
        return True

    async def _until_due(self, node: ReportedNode) -> None:
        loop = asyncio.get_running_loop()
        while (due := self._beats.due()) is not None and (pause := due - loop.time()) > 0:
            if self._look:
                rest = self._looked_at + SPACING - loop.time()
                if rest <= 0:
                    self._look = False
                    self._looked_at = loop.time()
                    self._beats.streams_changed(node.snapshot()[0])
                    continue
                pause = min(pause, rest)
            self._wake.clear()
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _beat(self, node: ReportedNode) -> None:
        loop = asyncio.get_running_loop()
        self._look = False
        streams, load = node.snapshot()
        began = loop.time()
        beat = self._beats.begin(began, self._wall_clock(), streams, load, node.waiting())
        self.sent += 1
        try:
            reply = await self._ask(beat)
        except AwsError as error:
            self.failed += 1
            self._beats.failed()
            if self._beats.failures == 1:
                log.warning("the control plane does not answer heartbeats: %s", error)
            return
        except BaseException:
            self._beats.failed()
            raise
        if self._beats.failures:
            log.info("the control plane answers again", extra={"missed": self._beats.failures})
        self._on_time(reply.at, loop.time() - began)
        commands = self._beats.answered(reply)
        self._take(reply)
        for command in commands:
            node.execute(command)
        node.on_reply(reply)
        self._heard.set()

    async def _ask(self, beat: Heartbeat) -> HeartbeatReply:
        answer = await self._post(beat.model_dump_json().encode())
        if not answer.ok:
            raise AwsError(f"it answered {answer}")
        try:
            return HeartbeatReply.model_validate_json(answer.body)
        except ValidationError as error:
            where = ", ".join(".".join(map(str, mistake["loc"])) or "body" for mistake in error.errors())
            raise AwsError(f"its answer cannot be read ({where})") from error

    def _take(self, reply: HeartbeatReply) -> None:
        self.last_answer = asyncio.get_running_loop().time()
        if not self._keyring.replace(reply.keys.model_dump()):
            log.warning("the control plane sent no usable public key; the last known ones stay in use")
        if not self.ready and self._keyring.verifier is not None:
            self.ready = True
            log.info("ready: the control plane answered the first heartbeat")
