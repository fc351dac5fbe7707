"""What a function's environment says: table names, parameter names, region. Read once, by the composition root.

`template.yaml` is the source of these variables; `tests/functions/test_template.py` compares the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """One function's environment. A function that does not use a value does not get its variable; it is empty then."""

    accounts_table: str = ""
    fleet_table: str = ""
    signer_parameter: str = ""
    """SSM SecureString with the signer's private keys; admission and admin only."""
    jwks_parameter: str = ""
    """SSM String with the public keys."""
    event_bus: str = ""
    """The EventBridge bus that is told of what happens; empty for none."""
    region: str = "local"
    stack: str = "sluice"
    anonymous_rate: str = "10/60"
    """Anonymous keys per client address: ten at once, and one more every 60 s."""
    invalid_key_rate: str = "20/3"
    """Attempts with invalid keys per client address, likewise."""
    watch_rate: str = "200/0.02"
    """Requests to watch per client address and process, likewise: 200 at once, and fifty more a second."""
    webhook_parameter: str = ""
    """SSM SecureString with the master secret of webhooks; account and webhooks only."""
    webhook_queue: str = ""
    """URL of the queue of events that wait for their webhooks, as this function consumes it."""
    slow_webhook_queue: str = ""
    """URL of the queue of those whose receivers are slow; the same in the function that consumes that one."""
    webhook_reach: str = "public"
    """How far webhooks may go (`functions.domain.destinations.Reach`)."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """The settings that *environment* (usually `os.environ`) spells."""
        return cls(
            accounts_table=environment.get("ACCOUNTS_TABLE", ""),
            fleet_table=environment.get("FLEET_TABLE", ""),
            signer_parameter=environment.get("SIGNER_PARAMETER", ""),
            jwks_parameter=environment.get("JWKS_PARAMETER", ""),
            event_bus=environment.get("EVENT_BUS", ""),
            webhook_parameter=environment.get("WEBHOOK_PARAMETER", ""),
            webhook_queue=environment.get("WEBHOOK_QUEUE", ""),
            slow_webhook_queue=environment.get("SLOW_WEBHOOK_QUEUE", ""),
            webhook_reach=environment.get("WEBHOOK_REACH") or "public",
            region=environment.get("SLUICE_REGION") or environment.get("AWS_REGION", "local"),
            stack=environment.get("SLUICE_STACK", "sluice"),
            anonymous_rate=environment.get("ANONYMOUS_RATE") or "10/60",
            invalid_key_rate=environment.get("INVALID_KEY_RATE") or "20/3",
            watch_rate=environment.get("WATCH_RATE") or "200/0.02",
        )
