"""`make bench`: the same load on each server in turn, and one table.

`--against FOLDER` measures the node of another checkout of ours in turns with this one's, pair by pair.

The server has one core and the load generator the other. Every viewer is a real DTLS-SRTP session whose packets are
decrypted and compared with what was sent. A default run takes about two minutes, `--full` (every bar) about thirteen.
"""

import argparse
import asyncio
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench import bars, churn, load, machine, pairing, recovery, report, servers
from tests.bench import joins as joining
from tests.bench.servers import NAMES
from tests.peers.mediamtx import Missing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator


MOST_PAIRED = 200
"""Viewers up to which the other checkout is measured too; above that a run looks for our own highest number."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--servers", default="mediamtx,sluice", help=f"comma list of {', '.join(NAMES)}")
    parser.add_argument("--viewers", default="100", help="comma list of numbers of viewers; empty: no load")
    parser.add_argument("--seconds", type=float, default=15.0, help="length of the measured window")
    parser.add_argument("--joins", type=int, default=20, help="joins to time with a 10 s GOP; 0: none")
    parser.add_argument("--storm", type=int, default=0, help="viewers that join within two seconds; 0: none")
    parser.add_argument("--lossy", type=int, default=0, help="viewers behind a bad network; 0: none")
    parser.add_argument("--churn", type=int, default=0, help="viewers that come and go, for the memory; 0: none")
    parser.add_argument("--full", action="store_true", help="measure every bar, against all servers")
    parser.add_argument(
        "--spread-ms", type=float, default=0.0, help="a frame's packets leave over this time; 0: at once"
    )
    parser.add_argument("--against", type=Path, help="the folder of another checkout, measured in turns with this one")
    parser.add_argument("--pairs", type=int, default=3, help="with --against: how often each is measured")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    return parser.parse_args()


async def _run(a: argparse.Namespace) -> dict[str, list[Any]]:
    server_core, load_core = machine.cores()
    os.sched_setaffinity(0, {load_core})
    results: dict[str, list[Any]] = {"load": [], "pairs": [], "joins": [], "storms": [], "recovery": [], "churn": []}
    measures: dict[str, Callable[[servers.Server, int], Awaitable[Any]]] = {
        "load": lambda server, n: load.measure(server, n, a.seconds, server_core, spread=a.spread_ms / 1000),
        "joins": joining.joins,
        "storms": joining.storm,
        "churn": churn.churn,
        "recovery": lambda server, n: recovery.recovery(server, n, a.seconds),
    }
    for name in (",".join(NAMES) if a.full else a.servers).split(","):
        # A server is started anew for each measurement: memory and goroutines of the last one are not its to answer for.
        for kind, n in bars.plan(name, results["load"]) if a.full else _asked(a):
            try:
                if a.against and name == pairing.OURS and kind == "load" and n <= MOST_PAIRED:
                    async for pair in _pairs(a, n, server_core):
                        results["load"] += pair
                        results["pairs"].append(_ours_first(pair))
                    continue
                _say(f"{name}: {kind} {n} …")
                async with servers.start(name, server_core) as server:
                    results[kind].append(await measures[kind](server, n))
            except Missing as error:
                _say(str(error))
                break
            except load.MeasurementError as error:
                _say(f"! {error}")
    if a.full:
        _say("packet path …")
        with machine.pinned(server_core):
            told = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.bench.packet_path", cwd=servers.ROOT, stdout=subprocess.PIPE
            )
        out, _ = await told.communicate()
        results["packet_path"] = [bars.costs(out.decode())] if told.returncode == 0 else []
    return results


async def _pairs(a: argparse.Namespace, viewers: int, core: int) -> "AsyncIterator[list[load.LoadResult]]":
    """This checkout and the other one in turns, each started anew: the two loads of a pair, as they were measured."""
    for number, names in enumerate(pairing.turns(a.pairs), 1):
        pair = []
        for name in names:
            _say(f"{name}: load {viewers}, pair {number} of {a.pairs} …")
            async with servers.start(name, core, a.against) as server:
                pair.append(await load.measure(server, viewers, a.seconds, core, spread=a.spread_ms / 1000))
        yield pair


def _ours_first(pair: list[load.LoadResult]) -> pairing.Pair:
    first, second = pair
    return (first, second) if first.server == pairing.OURS else (second, first)


def _asked(a: argparse.Namespace) -> "Iterator[tuple[str, int]]":
    """What the command line wants of each server."""
    for n in a.viewers.split(","):
        if n:
            yield "load", int(n)
    for kind, n in (("joins", a.joins), ("storms", a.storm), ("recovery", a.lossy), ("churn", a.churn)):
        if n:
            yield kind, n


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - progress, beside the report on stdout


def main() -> int:
    """Measure, print, write; 1 when nothing could be measured or a bar was missed."""
    a = _arguments()
    unknown = set(a.servers.split(",")) - set(NAMES)
    if unknown:
        _say(f"unknown server {', '.join(unknown)}; choose from {', '.join(NAMES)}")
        return 2
    if a.against and not (a.against / "sfu" / "__main__.py").is_file():
        _say(f"{a.against} is no checkout of Sluice: it has no sfu/__main__.py")
        return 2
    facts = machine.particulars() | {
        "priority": "raised" if machine.hurry(os.getpid()) else "ordinary: other processes disturb"
    }
    results = asyncio.run(_run(a))
    compared = pairing.comparisons(results["pairs"])
    whole = results | {"load": pairing.together(results["load"])}
    held = bars.short(whole["load"]) + bars.beside(compared) + (bars.bars(whole) if a.full else [])
    print(report.page(facts, whole, compared, held))  # noqa: T201 - a command's output
    if a.json:
        a.json.write_text(json.dumps(_figures(facts, results), indent=1) + "\n")
    measured = results["pairs"] if a.against and a.viewers else any(results.values())
    return 0 if measured and not any(bar.passed is False for bar in held) else 1


def _figures(facts: dict[str, str], results: dict[str, list[Any]]) -> dict[str, Any]:
    """What a run writes: the runs and the ratio first, then everything that was measured, as it was measured."""
    return {
        **pairing.document(results["load"], results["pairs"]),
        "machine": facts,
        "load": [load.rounded(each) for each in results["load"]],
        "joins": [dataclasses.asdict(each) for each in results["joins"]],
        "storms": [dataclasses.asdict(each) for each in results["storms"]],
        "recovery": [dataclasses.asdict(each) for each in results["recovery"]],
        "packet_path": results.get("packet_path", []),
        "churn": [dataclasses.asdict(each) for each in results["churn"]],
    }


if __name__ == "__main__":
    sys.exit(main())
