"""The cold start of admission, from import to first answer, against the least that any function with DynamoDB needs."""

import json
import statistics
from dataclasses import dataclass
from pathlib import Path

from tests.bench.control_plane import shipped
from tests.functions.world import load_event

BAR = 1.5
RUNS = 9
BAR_AGAINST = 1.05
"""To another checkout, the tree before a change as a rule."""
RUNS_AGAINST = 15

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
    theirs: float | None = None
    """As the other checkout ships it, where there is one."""
    to_theirs: float | None = None
    """ours / theirs, likewise."""

    @property
    def missed(self) -> bool:
        """Whether a bar is missed."""
        return self.ratio > BAR or (self.to_theirs is not None and self.to_theirs > BAR_AGAINST)


def measure(endpoint: str, folder: Path, runs: int = RUNS, against: Path | None = None) -> ColdStartFigures:
    """Start the kinds of process in turns, *runs* times each, and time them; *against* is another checkout of ours."""
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
    other = shipped.build(folder / "other", against) if against else None
    ours, least, trimmed, theirs = [], [], [], []
    for _ in range(runs):
        if other:
            theirs.append(shipped.run(OURS, around.environment, str(file), package=other))
        least.append(shipped.run(LEAST, around.environment))
        ours.append(shipped.run(OURS, around.environment, str(file), package=package))
        trimmed.append(shipped.run(LEAST, around.environment, package=package))
    return ColdStartFigures(
        statistics.median(ours),
        statistics.median(least),
        statistics.median(trimmed),
        _ratio(ours, least),
        statistics.median(theirs) if theirs else None,
        _ratio(ours, theirs) if theirs else None,
    )


def _ratio(mine: list[float], other: list[float]) -> float:
    return statistics.median(one / two for one, two in zip(mine, other, strict=True))
