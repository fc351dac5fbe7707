"""`make bench-admission`: how fast admission is, cold, warm and in numbers, each beside what nothing could be faster than.

Fails where a bar is missed. Only ratios travel to other machines; those of one run were measured turn by turn.
"""

import argparse
import contextlib
import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.bench import machine, report
from tests.bench.control_plane import coldstart, emulated, throughput, warm

T = TypeVar("T")


def main() -> int:
    """Measure admission, print the figures, and compare them with the bars; the exit code."""
    parser = argparse.ArgumentParser(prog="make bench-admission", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--requests", type=int, default=600, help="in each row of the table")
    parser.add_argument("--runs", type=int, help="cold starts")
    parser.add_argument("--against", type=Path, help="another checkout of ours, whose cold start is measured in turns")
    a = parser.parse_args()
    runs = a.runs or (coldstart.RUNS_AGAINST if a.against else coldstart.RUNS)
    facts = machine.particulars() | {"cores": "shared by clients, gateway, functions and emulator"}
    with tempfile.TemporaryDirectory() as name, emulated.endpoint(Path(name)) as (server, endpoint):
        folder = Path(name)
        _say("cold starts …")
        cold = _quietly(lambda: coldstart.measure(endpoint, folder, runs, a.against))
        _say("warm admissions …")
        hot = _quietly(lambda: warm.measure(endpoint, folder))
        _say("throughput …")
        rows = _quietly(lambda: throughput.measure(endpoint, folder, a.requests))
    _print(f"Admission on {server}, {throughput.PROCESSES} function processes behind the local gateway (awslambdaric)")
    _print(report.particulars(facts))
    _print(_cold(cold))
    _print(_warm(hot))
    _print(report.table([throughput.HEADINGS, *(row.cells() for row in rows)]))
    missed = [
        name for name, missed in (("cold start", cold.missed), ("warm admission", hot.ratio > warm.BAR)) if missed
    ]
    if missed:
        _print(f"Missed: {', '.join(missed)}.")
    return bool(missed)


def _cold(figures: coldstart.ColdStartFigures) -> str:
    against = (
        f" The other checkout: {figures.theirs * 1000:.0f} ms. Ratio {figures.to_theirs:.2f}, bar {coldstart.BAR_AGAINST}."
        if figures.theirs and figures.to_theirs
        else ""
    )
    return (
        f"Cold start, import to first answer, CPU: {figures.ours * 1000:.0f} ms; `import boto3` and a DynamoDB client: "
        f"{figures.least * 1000:.0f} ms ({figures.least_trimmed * 1000:.0f} ms in our trimmed package). "
        f"Ratio {figures.ratio:.2f}, bar {coldstart.BAR}.{against}"
    )


def _warm(figures: warm.WarmFigures) -> str:
    return (
        f"Warm, p50 in the function: publish {figures.publish * 1000:.2f} ms, watch {figures.watch * 1000:.2f} ms; "
        f"bare boto3 update_item {figures.bare * 1000:.2f} ms. Ratio {figures.ratio:.2f}, bar {warm.BAR}."
    )


def _quietly(work: Callable[[], T]) -> T:
    """What *work* finds, without what functions in this process log meanwhile."""
    with contextlib.redirect_stdout(io.StringIO()):
        return work()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - progress, beside the report on stdout


def _print(text: str) -> None:
    print(text + "\n")  # noqa: T201 - a command's output


if __name__ == "__main__":
    sys.exit(main())
