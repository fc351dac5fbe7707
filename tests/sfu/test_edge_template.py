"""The edge stack gives a node what it reads, and no permission that it does not use."""

import json
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]  # cfn-lint ships no types

from sfu.settings import NodeSettings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    """The template's resources, intrinsic functions as JSON writes them."""
    template = load(str(ROOT / "sfu/template.yaml"))
    resources: dict[str, Any] = json.loads(json.dumps(template))["Resources"]
    return resources


def _container(resources: dict[str, Any]) -> dict[str, Any]:
    (container,) = resources["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    assert isinstance(container, dict)
    return container


def test_the_task_may_send_heartbeats_and_usage_and_nothing_else(resources: dict[str, Any]) -> None:
    """Two actions, on one route and one queue."""
    role = resources["TaskRole"]["Properties"]
    assert "ManagedPolicyArns" not in role
    (policy,) = role["Policies"]
    allowed = {statement["Action"]: statement["Resource"] for statement in policy["PolicyDocument"]["Statement"]}
    assert allowed == {
        "execute-api:Invoke": {"Ref": "HeartbeatArn"},
        "sqs:SendMessage": {"Ref": "UsageQueueArn"},
    }


def test_the_control_planes_outputs_are_the_parameters() -> None:
    """Whoever deploys copies them by name."""
    control, edge = load(str(ROOT / "template.yaml")), load(str(ROOT / "sfu/template.yaml"))
    from_control = {"ApiUrl", "HeartbeatArn", "UsageQueueUrl", "UsageQueueArn"}
    assert from_control <= set(control["Outputs"])
    assert from_control <= set(edge["Parameters"])


def test_only_media_and_signalling_are_open_to_the_world(resources: dict[str, Any]) -> None:
    """UDP 8189 and TCP 8889, over IPv4 and IPv6."""
    rules = resources["SecurityGroup"]["Properties"]["SecurityGroupIngress"]
    assert {(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in rules} == {
        ("udp", 8189, 8189),
        ("tcp", 8889, 8889),
    }
    assert {rule.get("CidrIp") or rule["CidrIpv6"] for rule in rules} == {"0.0.0.0/0", "::/0"}


def test_the_environment_is_one_that_the_settings_accept(resources: dict[str, Any]) -> None:
    """Every name is known to the settings, and the fixed values are right."""
    given = {item["Name"]: item["Value"] for item in _container(resources)["Environment"]}
    referred = {
        "SLUICE_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
        "SLUICE_API_URL": "https://abc.execute-api.eu-west-1.amazonaws.com",
        "SLUICE_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/usage",
        "SLUICE_PUBLIC_URL": "http://{address}:8889",
        "SLUICE_METRICS_BIND": "127.0.0.1:9889",
        "SLUICE_MAX_SESSIONS": "400",
        "SLUICE_MAX_EGRESS_KBPS": "900000",
        "SLUICE_DRAIN_SECONDS": "60",
    }
    environ = {name: value if isinstance(value, str) else referred.pop(name) for name, value in given.items()}
    assert referred == {}
    settings = NodeSettings.from_env(environ)
    assert settings.udp_bind.port == 8189
    read = (ROOT / "sfu/settings.py").read_text()
    for name in given:
        assert f'"{name}"' in read


def test_the_container_is_as_closed_as_the_image(resources: dict[str, Any]) -> None:
    """Not root, no capabilities, nothing to write to, and time to drain."""
    container = _container(resources)
    assert container["User"] == "10001"
    assert container["ReadonlyRootFilesystem"] is True
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert container["HealthCheck"]["Command"] == ["CMD", "python", "-m", "sfu.healthcheck"]
    assert container["StopTimeout"] == 120


def test_a_drain_ends_before_ecs_ends_it(resources: dict[str, Any]) -> None:
    """The longest drain, and the last words after it, fit into the time that ECS gives."""
    template = load(str(ROOT / "sfu/template.yaml"))
    longest = int(template["Parameters"]["DrainSeconds"]["MaxValue"])
    assert longest + 10 <= _container(resources)["StopTimeout"]
