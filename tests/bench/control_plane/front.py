"""The gateway and a number of processes of the admission function, for measurements.

    python -m tests.bench.control_plane.front '{"port": …, "processes": 4, "environment": {…}, "log": …}'

The gateway and the Lambda Runtime API are those of `make up`, the processes run awslambdaric. Says "ready" once all of
them are loaded.
"""

import asyncio
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from local import stack
from local.aws import template
from local.aws.gateway import Gateway
from local.aws.intrinsics import Deployment
from local.aws.runtime import FunctionPool
from local.aws.sigv4 import AccessKey
from local.process.log import StackLog
from tests.functions.world import ROOT, load_event

FUNCTION = "AdmissionFunction"


async def _serve(plan: dict[str, Any]) -> None:
    log = StackLog(Path(plan["log"]))
    where = Deployment("bench", "us-east-1", plan["environment"]["AWS_ENDPOINT_URL"], "http://127.0.0.1")
    read = template.read(ROOT / "template.yaml", where)
    function = read.functions[FUNCTION]
    told = dataclasses.replace(function, environment={**function.environment, **plan["environment"]})
    credentials = AccessKey("test", "test", "us-east-1")
    pool = FunctionPool(told, stack.function_environment(credentials, where.emulator_url), plan["processes"], log)
    gateway = Gateway(read, {FUNCTION: pool}, credentials, log)
    await pool.start()
    # A pool grows while requests wait.
    event = load_event("whep")
    while len(pool._workers) < plan["processes"] or not all(worker.loaded for worker in pool._workers):
        await asyncio.gather(*(pool.invoke(event, within=30) for _ in range(16 * plan["processes"])))
    await gateway.start(["127.0.0.1"], plan["port"])
    print("ready", flush=True)  # noqa: T201 - what the parent waits for
    await asyncio.to_thread(sys.stdin.read)  # until the parent is gone, or says so
    await gateway.stop()
    await pool.stop()


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
