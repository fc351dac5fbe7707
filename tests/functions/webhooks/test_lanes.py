"""Nobody waits for somebody else's slow receiver: two lanes, attempts bounded by account, and rest for what never answers."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.pace import IN_FLIGHT, MAX_REST_SECONDS, QUICK_SECONDS, REST_SECONDS, SLOW_SECONDS, TIRED, Pace
from functions.domain.webhook import Webhook
from functions.edge.observability import LambdaLog
from functions.storage.webhooks import PERMIT_SECONDS, Webhooks
from functions.webhooks.handler import consume
from functions.webhooks.lanes import AT_ONCE, MAX_PUT_OFF, SHARE, SHARE_BURST, Shares, put_off
from functions.webhooks.posting import SECONDS
from functions.webhooks.service import DELAYS
from tests.functions.webhooks.receiver import Receiver, receiving
from tests.functions.webhooks.test_deliveries import event
from tests.functions.world import World


class Slow:
    """A receiver that takes its time, and counts how many it serves at once."""

    def __init__(self, receiver: Receiver, seconds: float, status: int = 204) -> None:
        self.receiver = receiver
        self.seconds = seconds
        self.status = status
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        receiver.act = self._answer

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(self.seconds)
        with self._lock:
            self._now -= 1
        handler.send_response(self.status)
        handler.end_headers()


@pytest.fixture(name="store")
def _store(world: World, receiver: Receiver) -> Webhooks:
    """Acme's webhook is at the fixture's receiver."""
    world.now = time.time()
    store = Webhooks(world.dynamo, world.settings.accounts_table)
    assert store.create(Webhook("acme", receiver.url, "5a17", created=0))
    return store


@pytest.fixture(name="slow")
def _slow(store: Webhooks) -> Iterator[Slow]:
    """Another account's, whose receiver takes a bit longer than the quick lane has."""
    with receiving() as receiver:
        store.create(Webhook("slow", receiver.url, "5a17", created=0))
        yield Slow(receiver, QUICK_SECONDS + 0.3)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is in it takes no longer."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def tries(receiver: Receiver) -> int:
    """How often a message came."""
    return len(receiver.received)


@pytest.mark.usefixtures("store")
def test_a_batch_of_the_quick_lane_is_over_in_a_second_and_the_next_at_once(
    world: World, receiver: Receiver, slow: Slow
) -> None:
    """The slow receiver's messages go on in the slow lane, the first of them for the second time and under the same id."""
    with within(QUICK_SECONDS + 0.5):
        assert world.deliver(event("slow"), event("acme"), event("slow", 1)) == []
    with within(0.5):
        assert world.deliver(*(event("slow", number) for number in range(2, 9)), event("acme", 1)) == []

    assert [delay for _, delay in world.handed] == [0] * 9
    assert (tries(receiver), tries(slow.receiver)) == (2, 2)
    while world.handed:
        assert world.deliver_slowly() == []
    ids = [got.headers["webhook-id"] for got in slow.receiver.received]
    assert len(set(ids)) == 9
    assert len(ids) == 11
    assert world.postponed == [], "nothing failed"


def test_a_receiver_that_is_quick_again_is_back_in_the_quick_lane(world: World, store: Webhooks, slow: Slow) -> None:
    """One quick answer in the slow lane is enough."""
    world.deliver(event("slow"))
    slow.seconds = 0
    assert world.deliver(event("slow", 1)) == []
    assert len(world.handed) == 2

    assert world.deliver_slowly() == []
    found = store.read("slow")
    assert found is not None
    assert found.pace == Pace()
    before = tries(slow.receiver)
    assert world.deliver(event("slow", 2)) == []
    assert (len(world.handed), tries(slow.receiver)) == (0, before + 1)


def test_a_receiver_counts_as_slow_for_a_minute(world: World, store: Webhooks, slow: Slow) -> None:
    """Then it is tried in the quick lane again, whether or not anything of it is in the other."""
    world.deliver(event("slow"))
    before = tries(slow.receiver)
    world.now += SLOW_SECONDS - 1
    world.deliver(event("slow", 1))
    assert tries(slow.receiver) == before
    world.now += 1
    slow.seconds = 0
    world.deliver(event("slow", 2))

    assert tries(slow.receiver) == before + 1
    assert store.read("slow") is not None


def test_the_slow_lane_has_few_attempts_of_one_account_at_a_time(world: World, store: Webhooks, slow: Slow) -> None:
    """However many functions there are: the others ask again later, each time after twice as long, and are no attempts."""
    slow.seconds = 0.5
    webhook = store.read("slow")
    assert webhook is not None
    store.slow_down(webhook, Pace(world.now + 60))
    assert world.deliver(*(event("slow", number) for number in range(10)), event("acme")) == []

    assert world.deliver_slowly() == []

    assert slow.most == IN_FLIGHT == tries(slow.receiver)
    assert [delay for _, delay in world.handed] == [1] * (10 - IN_FLIGHT)
    for _ in range(IN_FLIGHT):
        assert store.permit(webhook, world.now) is not None
    assert store.permit(webhook, world.now) is None
    assert world.deliver_slowly() == []
    assert [delay for _, delay in world.handed] == [2] * (10 - IN_FLIGHT)
    assert {message["messageAttributes"]["attempts"]["stringValue"] for message, _ in world.handed} == {"0"}
    # A function that died with its permits blocks nobody for longer than an attempt may take.
    world.now += PERMIT_SECONDS + 1
    assert world.deliver_slowly() == []
    assert tries(slow.receiver) == 2 * IN_FLIGHT
    assert PERMIT_SECONDS > SECONDS


def test_what_never_answers_is_left_alone_and_then_asked_by_one(world: World, store: Webhooks, slow: Slow) -> None:
    """A breaker: open after so many time limits in a row, half open after a rest, shut by the first answer."""
    slow.seconds = 3
    hasty = world.new_webhooks("slow_webhooks", seconds=0.1)
    webhook = store.read("slow")
    assert webhook is not None
    store.slow_down(webhook, Pace(world.now + 60))
    for number in range(TIRED):
        world.deliver(event("slow", number))
        assert world.deliver_slowly(hasty) == [0]
    assert world.postponed == [("slow-0", DELAYS[0])] * TIRED
    assert tries(slow.receiver) == TIRED

    world.deliver(*(event("slow", number) for number in range(TIRED, TIRED + 3)))
    assert world.deliver_slowly(hasty) == []
    assert tries(slow.receiver) == TIRED, "it is left alone"
    assert [delay for _, delay in world.handed] == [round(REST_SECONDS)] * 3

    world.now += REST_SECONDS + 0.5
    assert world.deliver_slowly(hasty) == [0]
    assert tries(slow.receiver) == TIRED + 1
    assert len(world.handed) == 2
    found = store.read("slow")
    assert found is not None
    assert found.pace.rests_until == pytest.approx(world.now + 2 * REST_SECONDS, abs=1)

    world.now += 2 * REST_SECONDS + 0.5
    slow.seconds = 0
    assert world.deliver_slowly(hasty) == []
    world.deliver(event("slow", 9))
    assert len(world.handed) == 1, "the second had no permit while the first was asked; the ninth went the quick way"


def test_a_dead_receiver_s_messages_go_round_a_bounded_number_of_times(
    world: World, store: Webhooks, slow: Slow
) -> None:
    """Left alone for as long as it will be, or without a permit: then it is an attempt each time, hidden as after any, and the
    message ends among the dead letters. What waits for ever is paid for ever, and grows with each event.
    """
    webhook = store.read("slow")
    assert webhook is not None
    store.slow_down(webhook, Pace(world.now + 60))
    for rests in (True, False):
        world.postponed.clear()
        assert world.deliver(event("slow")) == []
        rounds = 0
        while world.handed:
            rounds += 1
            world.now += max(1, world.handed[0][1])
            now = world.now
            store.give_back(webhook, "p9", Pace(now + 60, TIRED, now + 900) if rests else Pace(now + 60))
            while store.permit(webhook, now) is not None:
                pass
            failed = world.deliver_slowly()
            assert failed == ([] if world.handed else [0])
        assert rounds == MAX_PUT_OFF + 1
        assert world.postponed == [("slow-0", DELAYS[0])]
    assert tries(slow.receiver) == 0


def test_attempts_are_counted_through_both_lanes(world: World, store: Webhooks, slow: Slow) -> None:
    """What was refused twice before it came over has six attempts left; a ninth is never made."""
    slow.seconds, slow.status = 0, 500
    webhook = store.read("slow")
    assert webhook is not None
    assert world.deliver(event("slow"), attempt=2) == [0]
    store.slow_down(webhook, Pace(world.now + 60))
    assert world.deliver(event("slow"), attempt=3) == []
    assert world.deliver_slowly() == [0]
    assert world.postponed == [("receipt-0", DELAYS[1]), ("slow-0", DELAYS[2])]

    store.slow_down(webhook, Pace(world.now + 60))
    before = tries(slow.receiver)
    assert world.deliver(event("slow"), attempt=9) == []
    assert world.deliver_slowly() == [0]
    assert tries(slow.receiver) == before
    assert world.postponed[-1] == ("slow-0", 0)


def test_whoever_is_just_quick_enough_has_a_share_and_no_more(world: World, receiver: Receiver, slow: Slow) -> None:
    """Beyond it his messages go to the slow lane untried, and a batch is over at once; nobody else is asked to."""
    slow.seconds = QUICK_SECONDS * 0.6
    for number in range(6):
        world.deliver(event("slow", number), event("acme", number))

    assert tries(slow.receiver) == 4
    assert len(world.handed) == 2
    with within(0.5):
        world.deliver(*(event("slow", number) for number in range(6, 10)), event("acme", 6))
    assert (tries(receiver), tries(slow.receiver)) == (7, 4)
    world.now += 1 / SHARE
    world.deliver(event("slow", 10))
    assert tries(slow.receiver) == 5


def test_one_account_has_few_attempts_at_a_time_in_a_batch(world: World, slow: Slow) -> None:
    """A receiver is not knocked over by its own events, and the batch ends in time all the same."""
    slow.seconds = 0.3
    with within(QUICK_SECONDS + 0.5):
        assert world.deliver(*(event("slow", number) for number in range(10))) == []

    assert slow.most == AT_ONCE
    assert (tries(slow.receiver), len(world.handed)) == (10, 0)


@pytest.mark.usefixtures("slow")
def test_a_message_that_cannot_be_handed_over_stays_where_it_is(world: World) -> None:
    """It comes again after the queue's own timeout, and is not lost."""
    deliveries = world.new_webhooks()

    def broken(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://sqs.test")

    deliveries._queues._client().send_message = broken  # type: ignore[attr-defined]
    record = {
        "messageId": "m", "receiptHandle": "r", "attributes": {"ApproximateReceiveCount": "1"},
        "body": json.dumps(event("slow")),
    }  # fmt: skip
    answer = consume({"Records": [record]}, deliveries, LambdaLog("webhooks"))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m"}]}


@given(steps=st.lists(st.tuples(st.booleans(), st.floats(0, 10)), max_size=40))
def test_a_rest_grows_with_each_time_limit_and_ends_with_an_answer(steps: list[tuple[bool, float]]) -> None:
    """Never longer than its bound, and none for who answers, however late."""
    pace, now = Pace(), 1000.0
    for timeout, seconds in steps:
        now += seconds
        pace = pace.after(timeout=timeout, seconds=seconds, now=now)

        assert pace.slow(now) == (timeout or seconds >= QUICK_SECONDS)
        assert (pace.rests_until > now) == (pace.timeouts >= TIRED)
        assert pace.rests_until <= now + MAX_REST_SECONDS
        assert pace.permits == (1 if pace.timeouts >= TIRED else IN_FLIGHT)
        assert timeout or pace.timeouts == 0


@given(held=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 5)), max_size=60))
def test_nobody_holds_a_function_for_more_than_his_share(held: list[tuple[float, float]]) -> None:
    """Over any time: the burst, the share of it, and the batch that went over."""
    shares, now, began, total = Shares(), 1000.0, 1000.0, 0.0
    for seconds, pause in held:
        if shares.left("acme", now):
            shares.used({"acme": seconds}, now)
            total += seconds
        assert shares.left("other", now)
        now += pause
        assert total <= SHARE_BURST + SHARE * (now - began) + 1.0 + 1e-6


def test_who_finds_no_permit_waits_longer_each_time() -> None:
    """But never so long that a receiver which is there again is not noticed."""
    assert [put_off(times) for times in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
