"""The Lambda runtime, with real processes."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from local.aws.runtime import FailedInvocation, FunctionPool
from local.process.log import StackLog
from local.process.processes import PartStartError
from tests.local.builders import files_left, until

type_of_make = Callable[..., Awaitable[FunctionPool]]


def event(path: str, **query: str) -> dict[str, Any]:
    """What the probe reads of an event."""
    return {"rawPath": path, "queryStringParameters": query}


async def test_a_function_runs_as_on_lambda(make_pool: type_of_make) -> None:
    """Its event, the template's environment and Lambda's, its deadline and its name; nothing of ours."""
    pool = await make_pool()
    await pool.start()
    outcome = await pool.invoke(event("/"), within=10)
    assert isinstance(outcome, bytes)
    answer = json.loads(outcome)
    environment = answer["environment"]
    assert answer["event"] == event("/")
    assert 1000 < answer["remaining"] <= 2000
    assert answer["arn"] == "arn:aws:lambda:us-east-1:000000000000:function:Probe"
    assert environment["COLOUR"] == "blue"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "Probe"
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:8566"
    assert "HOME" not in environment


async def test_a_process_serves_one_request_at_a_time(make_pool: type_of_make) -> None:
    """Requests that keep one busy get more processes, up to the most; the rest wait for one that is free."""
    pool = await make_pool(most=2)
    pids: set[int] = set()
    async with asyncio.timeout(30):
        while len(pids) < 2:  # the second one may need longer to start than five requests take
            outcomes = await asyncio.gather(*(pool.invoke(event("/sleep", s="0.5"), within=20) for _ in range(5)))
            assert {type(outcome) for outcome in outcomes} == {bytes}
            pids |= {json.loads(outcome)["pid"] for outcome in outcomes if isinstance(outcome, bytes)}
    assert len(pids) == 2
    outcomes = await asyncio.gather(*(pool.invoke(event("/sleep", s="0.5"), within=20) for _ in range(5)))
    assert pids == {json.loads(outcome)["pid"] for outcome in outcomes if isinstance(outcome, bytes)}


async def test_a_pool_ends_whatever_it_is_starting(make_pool: type_of_make) -> None:
    """Stopped at any turn of a start, it has ended; a process that came up afterwards would be waited for for ever."""
    for turns in range(12):
        pool = await make_pool(most=1)
        starting = asyncio.create_task(pool.start())
        for _ in range(turns):
            await asyncio.sleep(0)
        await asyncio.wait_for(pool.stop(), 20)
        await asyncio.gather(starting, return_exceptions=True)


async def test_short_requests_share_a_process(make_pool: type_of_make) -> None:
    """Twenty at once, each answered in a moment, start no second process: on one machine a start costs them more."""
    pool = await make_pool(most=4)
    await pool.start()
    outcomes = await asyncio.gather(*(pool.invoke(event("/"), within=20) for _ in range(20)))
    assert {type(outcome) for outcome in outcomes} == {bytes}
    assert len({json.loads(outcome)["pid"] for outcome in outcomes if isinstance(outcome, bytes)}) == 1


async def test_an_exception_fails_the_request_and_not_the_process(make_pool: type_of_make) -> None:
    """The reason has the traceback; the next request is served by the same process."""
    pool = await make_pool(most=1)
    before = await pool.invoke(event("/"), within=10)
    failed = await pool.invoke(event("/raise"), within=10)
    after = await pool.invoke(event("/"), within=10)
    assert isinstance(failed, FailedInvocation)
    assert "ValueError: the function is broken" in failed.reason
    assert isinstance(before, bytes)
    assert isinstance(after, bytes)
    assert json.loads(before)["pid"] == json.loads(after)["pid"]


async def test_a_crashed_process_is_replaced(make_pool: type_of_make, log: StackLog) -> None:
    """Its request fails at once, the log says so, and the next request is served."""
    pool = await make_pool(most=1)
    outcome = await pool.invoke(event("/crash"), within=10)
    assert outcome == FailedInvocation("its process ended with signal SIGKILL")
    assert isinstance(await pool.invoke(event("/"), within=10), bytes)
    assert "ended with signal SIGKILL" in log.path.read_text()


@pytest.mark.parametrize("count", [0, 1], ids=["no socket", "no process"])
async def test_a_process_that_cannot_be_had_fails_the_request_and_not_the_next(
    make_pool: type_of_make, count: int
) -> None:
    """A machine without files for it says so; once it has them, the function is served."""
    pool = await make_pool()
    with files_left(count):
        outcome = await pool.invoke(event("/"), within=10)
    assert outcome == FailedInvocation("its process cannot be started: Too many open files")
    assert isinstance(await pool.invoke(event("/"), within=10), bytes)


async def test_a_second_process_that_cannot_be_had_leaves_the_first_its_work(
    make_pool: type_of_make, log: StackLog
) -> None:
    """What waits is served by the one that runs, and later there are two again."""
    pool = await make_pool(most=2)
    await pool.start()
    said = log.path.open()
    with said, files_left(0):
        both = asyncio.gather(*(pool.invoke(event("/sleep", s="1"), within=20) for _ in range(2)))
        await until(lambda: "its process cannot be started: Too many open files" in said.read())
    assert len({json.loads(outcome)["pid"] for outcome in await both if isinstance(outcome, bytes)}) == 1
    pids: set[int] = set()
    async with asyncio.timeout(30):
        while len(pids) < 2:
            outcomes = await asyncio.gather(*(pool.invoke(event("/sleep", s="0.5"), within=20) for _ in range(5)))
            pids |= {json.loads(outcome)["pid"] for outcome in outcomes if isinstance(outcome, bytes)}


async def test_a_function_that_takes_too_long_is_ended(make_pool: type_of_make) -> None:
    """At its timeout, as on Lambda."""
    pool = await make_pool()
    await pool.start()
    begun = time.monotonic()
    assert await pool.invoke(event("/sleep", s="9"), within=20) == FailedInvocation("Task timed out after 2.00 seconds")
    assert time.monotonic() - begun < 4


async def test_a_caller_may_be_less_patient_than_the_function(make_pool: type_of_make) -> None:
    """The gateway's timeout is not the function's: the process goes on and serves the next request."""
    pool = await make_pool(most=1)
    await pool.start()
    with pytest.raises(TimeoutError):
        await pool.invoke(event("/sleep", s="0.5"), within=0.1)
    assert isinstance(await pool.invoke(event("/"), within=10), bytes)


@pytest.mark.parametrize(
    ("handler", "says"),
    [
        ("tests.local.unloadable.lambda_handler", "a_module_that_nobody_has"),
        ("tests.local.probe.nothing", "nothing"),
    ],
)
async def test_a_function_that_cannot_be_loaded_says_why(make_pool: type_of_make, handler: str, says: str) -> None:
    """At the start of the stack, and to a request that comes nevertheless."""
    pool = await make_pool(f"Resources: {{F: {{Type: AWS::Serverless::Function, Properties: {{Handler: {handler}}}}}}}")
    with pytest.raises(PartStartError, match=says):
        await pool.start()
    outcome = await pool.invoke(event("/"), within=10)
    assert isinstance(outcome, FailedInvocation)
    assert says in outcome.reason
