"""A warm admission against one bare `update_item` on the same item of the same server, turn by turn in one process."""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.bench.control_plane import shipped
from tests.functions.world import load_event

BAR = 3.0
TURNS = 300

# Each bare write empties the roster, so that the next admission is an ordinary one.
CODE = """
import json, statistics, sys, time
import boto3
from functions.admission.handler import lambda_handler
plan = json.load(open(sys.argv[1]))
client = boto3.client("dynamodb")
write = {
    "TableName": plan["table"], "Key": plan["item"], "UpdateExpression": "SET slots = :none",
    "ExpressionAttributeValues": {":none": {"M": {}}},
}
spent = {"publish": [], "watch": [], "bare": []}
def turn(kind, work):
    began = time.perf_counter()
    answer = work()
    spent[kind].append(time.perf_counter() - began)
    return answer
for _ in range(plan["turns"]):
    turn("bare", lambda: client.update_item(**write))
    assert turn("publish", lambda: lambda_handler(plan["publish"], None))["statusCode"] == 307
    assert turn("watch", lambda: lambda_handler(plan["watch"], None))["statusCode"] == 307
print(json.dumps({kind: statistics.median(times) for kind, times in spent.items()}))
"""


@dataclass(frozen=True, slots=True)
class WarmFigures:
    """The median of each kind of request, in seconds."""

    publish: float
    watch: float
    bare: float

    @property
    def ratio(self) -> float:
        """How many bare writes a publish takes as long as."""
        return self.publish / self.bare


def measure(endpoint: str, folder: Path, turns: int = TURNS) -> WarmFigures:
    """Send the three kinds of request in turns to the package as it is shipped."""
    around = shipped.Surroundings(endpoint)
    world, node = around.world, around.node
    world.account("watched")
    watched, stream = world.key("watched")
    node.publishes(world, world.publish(watched))
    world.beat(node)
    world.account("acme")
    key, _ = world.key("acme")
    publish, watch = load_event("whip"), load_event("whep")
    publish["pathParameters"], watch["pathParameters"] = {"id": key}, {"id": stream}
    plan = {
        "table": world.settings.accounts_table, "item": {"pk": {"S": "ACCOUNT#acme"}, "sk": {"S": "ACCOUNT"}},
        "publish": publish, "watch": watch, "turns": turns,
    }  # fmt: skip
    file = folder / "warm.json"
    file.write_text(json.dumps(plan))
    return WarmFigures(**shipped.run(CODE, around.environment, str(file), package=shipped.build(folder / "warm")))
