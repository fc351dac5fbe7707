"""What functions print: every line names its request, none a secret, and metrics are lines that CloudWatch takes out.

The handlers themselves, as Lambda calls them, each in a process of its own whose stdout is read: a log that is handed to
code by a test could not show that the handler begins each request, nor what else is printed.
"""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from functions.edge.settings import FunctionSettings
from tests.functions.world import OFFER, ROOT, Beating, World, changed, load_event

UNKNOWN = "live_" + "q" * 32
# The answers go into a file: they carry keys and grants, and have to. Beside each is how far stdout was by then.
PROCESS = """
import importlib, json, os, sys
from types import SimpleNamespace
handler = importlib.import_module(sys.argv[1]).lambda_handler
said = []
for event in json.load(open(sys.argv[2])):
    context = SimpleNamespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn", aws_request_id="a")
    answer = handler(event, context)
    sys.stdout.flush()
    said.append((answer, os.fstat(1).st_size))
json.dump(said, open(sys.argv[3], "w"))
"""


@dataclass(frozen=True)
class Said:
    """One request: what was answered, and what was printed meanwhile."""

    request_id: str
    status: int
    text: str
    """Headers and body of the answer."""
    lines: list[dict[str, Any]]
    """The log's."""
    metrics: list[dict[str, Any]]

    @property
    def json(self) -> Any:
        """The body of the answer, decoded."""
        return json.loads(json.loads(self.text)["body"])


class Processes:
    """Functions over one store, and everything that they have printed."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        name = f"logs-{os.urandom(4).hex()}"
        settings = FunctionSettings(
            f"{name}-accounts", f"{name}-fleet", f"/{name}/signer", f"/{name}/jwks", "", "local", name
        )
        self.world = World(endpoint, settings)
        # By the real clock, which the processes go by, its lease is not over before the test is.
        self.world.now = time.time() + 600
        self.world.beat(Beating(started_at=self.world.now))
        self.printed = ""
        self._endpoint = endpoint
        self._folder = folder

    def run(self, function: str, *events: dict[str, Any], **environment: str) -> list[Said]:
        """Let a new process of *function* answer *events*, one after the other."""
        for number, event in enumerate(events):
            event["requestContext"]["requestId"] = f"{function}-{number}="
        given, answered, printed = (self._folder / f"{function}-{kind}" for kind in ("events", "answers", "stdout"))
        given.write_text(json.dumps(events))
        settings = self.world.settings
        known = {
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": self._endpoint, "AWS_CONFIG_FILE": os.devnull,
            "ACCOUNTS_TABLE": settings.accounts_table, "FLEET_TABLE": settings.fleet_table,
            "SIGNER_PARAMETER": settings.signer_parameter, "JWKS_PARAMETER": settings.jwks_parameter,
            "POWERTOOLS_SERVICE_NAME": function, "LOG_LEVEL": "DEBUG", "PATH": os.defpath,
        }  # fmt: skip
        command = [sys.executable, "-c", PROCESS, f"functions.{function}.handler", str(given), str(answered)]
        with printed.open("wb") as file:
            subprocess.run(command, env=known | environment, cwd=ROOT, stdout=file, check=True, timeout=60)
        output = printed.read_bytes()
        self.printed += output.decode()
        said = json.loads(answered.read_text())
        ends = [0, *(end for _, end in said)]
        return [
            _said(event, answer, output[start:end].decode().splitlines())
            for event, (answer, _), (start, end) in zip(events, said, pairwise(ends), strict=True)
        ]


def _said(event: dict[str, Any], answer: dict[str, Any], printed: list[str]) -> Said:
    objects = [json.loads(line) for line in printed]
    lines = [one for one in objects if "_aws" not in one]
    metrics = [one for one in objects if "_aws" in one]
    return Said(
        event["requestContext"]["requestId"], answer["statusCode"], json.dumps(answer), lines=lines, metrics=metrics
    )


@pytest.fixture
def processes(aws_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Processes:
    """A store with a node that is heard of."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return Processes(aws_endpoint, tmp_path)


def publish(key: str) -> dict[str, Any]:
    """An offer to the key's WHIP address."""
    event = load_event("whip")
    return event | {"rawPath": f"/{key}/whip", "pathParameters": {"id": key}}


def bearer(key: str) -> dict[str, Any]:
    """An offer as OBS sends it."""
    return changed(load_event("whip_bearer"), headers={"authorization": f"Bearer {key}"}, body=OFFER)


def grant(key: str) -> dict[str, Any]:
    """What a node asks for a client that came to it with its key."""
    return changed(load_event("grants"), body=json.dumps({"action": "publish", "key": key}))


def names_its_request(said: Said) -> bool:
    """Whether every line of the log does."""
    return bool(said.lines) and all(line.get("correlation_id") == said.request_id for line in said.lines)


def counted(said: Said) -> list[tuple[str, float, dict[str, str]]]:
    """The metrics of *said*: name, value and dimensions, as CloudWatch reads them."""
    found = []
    for line in said.metrics:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "Sluice"
        (dimensions,) = directive["Dimensions"]
        assert line["_aws"]["Timestamp"] > 1.6e12  # milliseconds
        for metric in directive["Metrics"]:
            assert metric["Unit"] == "Count"
            (value,) = line[metric["Name"]]
            found.append((metric["Name"], value, {name: line[name] for name in dimensions}))
    return found


def secrets_of(text: str) -> set[str]:
    """Stream keys, account tokens and grants in *text*, and of each the part that alone would do."""
    keys = set(re.findall(r"(?:live|anon|acct)_[a-z2-7]{32}", text))
    grants = set(re.findall(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", text))
    return keys | {key.partition("_")[2] for key in keys} | grants | {part for one in grants for part in one.split(".")}


def test_admission_says_who_was_let_in_and_why_not_and_tells_no_secret(processes: Processes) -> None:
    """Admitted by each way, refused for a wrong key, a key in use and a broken offer; and a visitor's new key."""
    world = processes.world
    token = world.account("acme")
    key, stream = world.key("acme")
    other, _ = world.key("acme")
    admitted = {"service": "admission", "action": "publish"}

    def refused(code: str) -> dict[str, str]:
        return {"service": "admission", "code": code}

    first, unknown, limit, broken, visitor = processes.run(
        "admission",
        publish(key),
        bearer(UNKNOWN),
        grant(other),
        changed(publish(key), body="hello"),
        load_event("anonymous"),
    )
    (granted,) = processes.run("admission", grant(visitor.json["stream_key"]))

    assert [one.status for one in (first, unknown, limit, broken, visitor, granted)] == [307, 401, 429, 400, 201, 201]
    assert all(names_its_request(one) for one in (first, unknown, limit, broken, granted))
    assert (visitor.lines, visitor.metrics) == ([], [])
    assert counted(first) == counted(granted) == [("Admitted", 1, admitted)]
    assert counted(unknown) == [("Refused", 1, refused("INVALID_KEY"))]
    assert counted(limit) == [("Refused", 1, refused("STREAM_LIMIT_REACHED"))]
    assert counted(broken) == [("Refused", 1, refused("INVALID_REQUEST"))]
    (line,) = first.lines
    said = ("level", "message", "service", "action", "account", "stream", "session", "node")
    session = world.slots("acme")[stream]
    assert [line[name] for name in said] == [
        "INFO", "admitted", "admission", "publish", "acme", stream, session, "node1"
    ]  # fmt: skip
    assert unknown.lines[0]["key"] == "live_qq…"
    answers = "".join(one.text for one in (first, visitor, granted))
    secrets = secrets_of(answers) | secrets_of(f"{key} {other} {UNKNOWN} {token}")
    assert len(secrets) == 2 * 5 + 4 * 2 - 1, "five keys and tokens, two grants, whose headers are the same"
    assert not [one for one in secrets if one in processes.printed]


def test_functions_with_powertools_router_do_likewise(processes: Processes) -> None:
    """A node's heartbeat that is refused; an owner with a token, who makes a key; and the same owner while the store is gone."""
    world = processes.world
    token = world.account("acme")

    def owner(method: str = "GET", path: str = "") -> dict[str, Any]:
        body = "{}" if method == "POST" else None
        event = changed(load_event("account"), method=method, body=body, headers={"authorization": f"Bearer {token}"})
        return event | {"rawPath": f"/v1/account{path}"}

    (wrong,) = processes.run("nodes", changed(load_event("heartbeat"), body="{}"))
    (new,) = processes.run("account", owner("POST", "/keys"))
    trouble = processes.run("account", owner(), owner("POST", "/keys"), ACCOUNTS_TABLE="not-there")

    assert [one.status for one in (wrong, new, *trouble)] == [400, 201, 503, 503]
    assert all(names_its_request(one) for one in (wrong, *trouble))
    assert counted(wrong) == [("Refused", 1, {"service": "nodes", "code": "INVALID_REQUEST"})]
    assert all(line["message"] == "cannot decide" for one in trouble for line in one.lines)
    secrets = secrets_of(new.text) | secrets_of(token)
    assert len(secrets) == 2 * 2
    assert not [one for one in secrets if one in processes.printed]
