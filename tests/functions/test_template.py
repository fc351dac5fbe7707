"""template.yaml: it translates, every handler is there, and what functions read from their environment is set."""

import importlib
import json
from typing import Any

import pytest
from samtranslator.translator.transform import transform

from functions.domain.publishing import PATIENCE_SECONDS, POLL_SECONDS
from functions.edge.settings import FunctionSettings
from tests.functions.world import ROOT, load_event, template

FUNCTIONS = [name for name, found in template()["Resources"].items() if found["Type"] == "AWS::Serverless::Function"]
EVENTS = sorted(file.stem for file in (ROOT / "events").glob("*.json"))
EVENT_FUNCTIONS = {
    "account": "Account", "admin": "Admin", "anonymous": "Admission", "grants": "Admission", "heartbeat": "Nodes",
    "mediamtx": "Hooks", "page": "Public", "stream_state": "Public", "usage": "Metering", "whep": "Admission",
    "whip": "Admission", "whip_bearer": "Admission", "whip_preflight": "Admission",
}  # fmt: skip


class _NoPolicies:
    def load(self) -> dict[str, str]:
        """Managed policies; we name none."""
        return {}


@pytest.fixture
def translated(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What SAM makes of the template."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    document = json.loads(json.dumps(template()))
    document["Globals"]["Function"]["CodeUri"] = "s3://bucket/build"
    found: dict[str, Any] = transform(document, {}, _NoPolicies())
    return found


def test_the_template_translates(translated: dict[str, Any]) -> None:
    """Offline, with every route on the one API."""
    paths = translated["Resources"]["Api"]["Properties"]["Body"]["paths"]

    assert {"/{id}/whip", "/whip", "/{id}/whep", "/v1/grants", "/v1/nodes/{id}/heartbeat", "/$default"} <= set(paths)
    for path, methods in paths.items():
        for method, operation in methods.items():
            signed = "security" in operation
            assert signed == path.startswith(("/v1/nodes", "/v1/admin")), f"{method} {path}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_handler_can_be_imported(name: str) -> None:
    """The dotted name of the template is a callable."""
    module, _, attribute = template()["Resources"][name]["Properties"]["Handler"].rpartition(".")

    assert callable(getattr(importlib.import_module(module), attribute))


def test_tables_and_queues_survive_mistakes() -> None:
    """Backups, encryption, protection; a dead-letter queue with an alarm; a visibility six times the time limit."""
    resources = template()["Resources"]
    for table in ("AccountsTable", "FleetTable"):
        properties = resources[table]["Properties"]
        assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        assert properties["SSESpecification"]["SSEEnabled"]
        assert properties["DeletionProtectionEnabled"]
        assert resources[table]["DeletionPolicy"] == resources[table]["UpdateReplacePolicy"] == "Retain"
    assert resources["UsageQueue"]["Properties"]["RedrivePolicy"]["maxReceiveCount"] == 5
    timeout = template()["Globals"]["Function"]["Timeout"]
    assert resources["UsageQueue"]["Properties"]["VisibilityTimeout"] >= 6 * timeout
    assert resources["UsageDeadLettersAlarm"]["Properties"]["Namespace"] == "AWS/SQS"


def test_admission_waits_within_its_time_limit() -> None:
    """The longest wait for a silent predecessor ends before Lambda ends the function."""
    assert template()["Globals"]["Function"]["Timeout"] > PATIENCE_SECONDS + 0.5 + POLL_SECONDS + 2


def test_what_must_answer_can_be_kept_from_what_may_wait() -> None:
    """Concurrency can be reserved for admission, heartbeats and metering; by default it is not, since new accounts have too little."""
    document = template()
    for name in ("Admission", "Nodes", "Metering"):
        parameter, condition = f"{name}ReservedConcurrency", f"Has{name}ReservedConcurrency"
        assert document["Parameters"][parameter]["Default"] == ""
        assert document["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}
        asked = document["Resources"][f"{name}Function"]["Properties"]["ReservedConcurrentExecutions"]
        assert asked == {"Fn::If": [condition, {"Ref": parameter}, {"Ref": "AWS::NoValue"}]}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_get_the_variables_that_they_read(name: str) -> None:
    """A variable of the template that no setting reads, or a table without its policy, is a mistake."""
    properties = template()["Resources"][name]["Properties"]
    variables = {
        **template()["Globals"]["Function"]["Environment"]["Variables"],
        **properties["Environment"]["Variables"],
    }
    read = FunctionSettings.from_environment({variable: f"<{variable}>" for variable in variables})

    known = {value.strip("<>") for value in (getattr(read, field) for field in FunctionSettings.__slots__)}
    others = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "LOG_LEVEL"}
    assert set(variables) <= known | others
    assert read.accounts_table == "<ACCOUNTS_TABLE>"
    assert variables["POWERTOOLS_SERVICE_NAME"] == properties["Handler"].split(".")[1]


def test_the_build_matches_the_runtime() -> None:
    """Compiled code is read by the same minor version only; runtime and architecture stand in two places."""
    common, makefile = template()["Globals"]["Function"], (ROOT / "functions/Makefile").read_text()

    assert f"--python-version {common['Runtime'].removeprefix('python')}" in makefile
    assert f"PYTHON ?= {common['Runtime']}" in makefile
    assert common["Architectures"] == ["arm64"]
    assert "aarch64" in makefile
    assert "--invalidation-mode unchecked-hash" in makefile
    assert 'build-tools/trim.py "$(ARTIFACTS_DIR)"' in makefile
    assert 'rm -rf "$(ARTIFACTS_DIR)/functions/build-tools"' in makefile, "a tool of the build is not shipped"


def test_every_sample_event_has_a_function() -> None:
    """Whoever adds one says here whose it is; and none that is named here is missing."""
    assert sorted(EVENT_FUNCTIONS) == EVENTS


@pytest.mark.parametrize("event", EVENTS)
def test_every_sample_event_names_a_route_of_its_function(event: str) -> None:
    """Events are run by hand and loaded by tests; one for a route that is gone would mislead both."""
    loaded = load_event(event)
    events = template()["Resources"][f"{EVENT_FUNCTIONS[event]}Function"]["Properties"]["Events"].values()
    if event == "usage":
        assert [found["Type"] for found in events] == ["SQS"]
        assert {record["eventSource"] for record in loaded["Records"]} == {"aws:sqs"}
        return
    routes = {
        f"{found['Properties'].get('Method', 'ANY')} {found['Properties'].get('Path', '$default')}" for found in events
    }
    assert loaded["routeKey"] in routes
