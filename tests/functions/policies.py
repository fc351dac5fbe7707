"""What template.yaml lets each function do, as pairs of an action and the short name of a resource."""

from typing import Any

from functions.edge.settings import FunctionSettings
from tests.functions.world import Call, template

Permission = tuple[str, str]


def granted(function: str) -> set[Permission]:
    """What the policy of *function* (admission, nodes, …) allows."""
    name = "".join(part.capitalize() for part in function.split("_"))
    properties = template()["Resources"][f"{name}Function"]["Properties"]
    found: set[Permission] = set()
    for policy in properties["Policies"]:
        for statement in policy["Statement"]:
            assert statement["Effect"] == "Allow"
            for action in _listed(statement["Action"]):
                found |= {(action, _short(resource)) for resource in _listed(statement["Resource"])}
    return found


def used(calls: list[Call], settings: FunctionSettings) -> set[Permission]:
    """The actions that *calls* need of IAM."""
    names = {
        settings.accounts_table: "AccountsTable",
        settings.fleet_table: "FleetTable",
        settings.signer_parameter: "signer",
        settings.jwks_parameter: "jwks",
        settings.event_bus: "${EventBus}",
        settings.webhook_parameter: "webhooks",
        settings.webhook_queue: "WebhookQueue",
        settings.slow_webhook_queue: "SlowWebhookQueue",
    }
    return {(call.action, names[resource]) for call in calls for resource in call.resources}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _short(resource: Any) -> str:
    ((kind, value),) = resource.items()
    if kind == "Fn::GetAtt":
        logical, attribute = value if isinstance(value, list) else value.split(".")
        assert attribute == "Arn"
        return str(logical)
    assert kind == "Fn::Sub"
    return str(value).rpartition("/")[2]
