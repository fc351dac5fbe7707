"""The cold start of admission, from import to first answer, against the least that any function with DynamoDB needs."""

import json
import statistics
from dataclasses import dataclass
from pathlib import Path

from tests.bench.control_plane import shipped
from tests.functions.world import load_event

BAR = 1.5
RUNS = 9

# CPU time, not the clock's: what else the machine does must not decide.
LEAST = """
import time; began = time.process_time()
import boto3
boto3.client("dynamodb")
print(time.process_time() - began)
"""
OURS = """
import time; began = time.process_time()
import json, sys
from functions.admission.handler import lambda_handler
answer = lambda_handler(json.load(open(sys.argv[1])), None)
ended = time.process_time()
assert answer["statusCode"] == 307, answer
print(ended - began)
"""


@dataclass(frozen=True, slots=True)
class ColdStartFigures:
    """Seconds of CPU, medians of alternated runs."""

    ours: float
    """As shipped: trimmed and compiled."""
    least: float
    """`import boto3` and a DynamoDB client, as pip installs them."""
    least_trimmed: float
    """The same in our package, that is without AWS's other services."""
    ratio: float
    """ours / least, the median of the runs' own ratios."""


def measure(endpoint: str, folder: Path, runs: int = RUNS) -> ColdStartFigures:
    """Start the three kinds of process in turns, and time each."""
    around = shipped.Surroundings(endpoint)
    around.world.account("acme")
    key, _ = around.world.key("acme")
    event = load_event("whip")
    event["pathParameters"] = {"id": key}
    # The same session each time, so that a key in use is not what is measured.
    event["headers"]["idempotency-key"] = "cold"
    file = folder / "event.json"
    file.write_text(json.dumps(event))
    package = shipped.build(folder / "package")
    ours, least, trimmed = [], [], []
    for _ in range(runs):
        least.append(shipped.run(LEAST, around.environment))
        ours.append(shipped.run(OURS, around.environment, str(file), package=package))
        trimmed.append(shipped.run(LEAST, around.environment, package=package))
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, least, strict=True))
    return ColdStartFigures(statistics.median(ours), statistics.median(least), statistics.median(trimmed), ratio)
