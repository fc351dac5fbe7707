"""A number of clients that send prepared requests one after the other as fast as they are answered.

    python -m tests.bench.control_plane.crowd CLIENTS < JOBS

A job is a list of requests that belong together (what one admission does); its time is that of all of them. The process
is its own, so that what is measured does not wait for its parent.
"""

import asyncio
import json
import statistics
import sys
import time
from typing import Any

import aiohttp


async def _ask(clients: int, jobs: list[list[dict[str, Any]]]) -> dict[str, Any]:
    waiting = iter(jobs)
    times: list[float] = []
    statuses: dict[str, int] = {}
    connector = aiohttp.TCPConnector(limit=clients)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as http:

        async def client() -> None:
            for job in waiting:
                began = time.perf_counter()
                for request in job:
                    async with http.post(
                        request["url"], data=request["body"], headers=request["headers"], allow_redirects=False
                    ) as response:
                        await response.read()
                    status = str(response.status)
                times.append(time.perf_counter() - began)
                statuses[status] = statuses.get(status, 0) + 1

        began = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(clients)))
        took = time.perf_counter() - began
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return {"per_second": len(times) / took, "p50": cuts[49], "p99": cuts[98], "statuses": statuses}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_ask(int(sys.argv[1]), json.load(sys.stdin)))))  # noqa: T201 - a program's answer
