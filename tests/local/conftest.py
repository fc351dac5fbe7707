from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from local.aws.gateway import Gateway
from local.aws.runtime import FunctionPool
from local.process.log import StackLog
from local.stack import function_environment
from tests.local import builders
from tests.ports import free_port

PROBE = """
Resources:
  Probe:
    Type: AWS::Serverless::Function
    Properties:
      Handler: tests.local.probe.lambda_handler
      Timeout: 2
      Environment: {Variables: {COLOUR: blue}}
      Events:
        All: {Type: HttpApi, Properties: {Method: ANY, Path: "/{proxy+}"}}
        Signed: {Type: HttpApi, Properties: {Method: POST, Path: /signed, Auth: {Authorizer: AWS_IAM}}}
        Hasty: {Type: HttpApi, Properties: {Method: GET, Path: /hasty/sleep, TimeoutInMillis: 300}}
"""


@pytest.fixture(name="log")
def _log(tmp_path: Path) -> Iterator[StackLog]:
    log = builders.log(tmp_path)
    yield log
    log.close()


@pytest.fixture(name="make_pool")
async def _make_pool(log: StackLog) -> AsyncIterator[Callable[..., Awaitable[FunctionPool]]]:
    """Makes pools of one function each, and ends them."""
    pools: list[FunctionPool] = []

    async def make(text: str = PROBE, most: int = 3) -> FunctionPool:
        (function,) = builders.template(text).functions.values()
        environment = function_environment(builders.CREDENTIALS, builders.EMULATOR)
        pools.append(FunctionPool(function, environment, most, log))
        return pools[-1]

    yield make
    for pool in pools:
        await pool.stop()


@pytest.fixture(name="api")
async def _api(
    make_pool: Callable[..., Awaitable[FunctionPool]], log: StackLog
) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client of a gateway in front of the probe."""
    pool = await make_pool()
    await pool.start()
    gateway = Gateway(builders.template(PROBE), {"Probe": pool}, builders.CREDENTIALS, log)
    port = free_port()
    await gateway.start(["127.0.0.1"], port)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        yield client
    await gateway.stop()
