"""What happens that others may want to hear of, as EventBridge events: values and their shapes. Pure.

docs/events.md describes each with an example, which a test compares. Fields are only added. No secret and no client
address is in them; a stream is named by its public id.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.domain.fleet import PublishSession
from functions.domain.quota import Crossing

SOURCE = "sluice"


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """One event."""

    kind: str
    """EventBridge's `detail-type`."""
    account: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """EventBridge's `detail`."""
        return {"v": 1, "account": self.account, **self.detail}


def stream_events(
    before: Mapping[str, PublishSession], after: Mapping[str, PublishSession], node: str
) -> tuple[AccountEvent, ...]:
    """What began, ended or changed hands on *node* from one report to the next."""
    found: list[AccountEvent] = []
    for stream, session in after.items():
        old = before.get(stream)
        if old is None:
            found.append(AccountEvent("Stream Started", session.account, _of(stream, session, node)))
        elif old.session != session.session:
            detail = {**_of(stream, session, node), "replaced_session": old.session}
            found.append(AccountEvent("Stream Taken Over", session.account, detail))
    found += [
        AccountEvent("Stream Ended", session.account, _of(stream, session, node))
        for stream, session in before.items()
        if stream not in after
    ]
    return tuple(found)


def quota_passed(crossing: Crossing) -> AccountEvent:
    """A mark of a month's quota."""
    return AccountEvent(
        "Quota Passed",
        crossing.account,
        {
            "month": crossing.month, "percent": crossing.percent, "used_bytes": crossing.used,
            "quota_bytes": crossing.quota,
        },
    )  # fmt: skip


def publish_refused(account: str, stream: str, code: str, protocol: str) -> AccountEvent:
    """A publisher with a known key was turned away; told as rarely as it is noted for the owner."""
    return AccountEvent("Publish Refused", account, {"stream": stream, "code": code, "protocol": protocol})


def bus_entry(event: AccountEvent, bus: str, stack: str) -> dict[str, str]:
    """The event as PutEvents takes it. Several stacks may share a bus, so each event names its own."""
    return {
        "Source": SOURCE,
        "DetailType": event.kind,
        "Detail": json.dumps({**event.body(), "stack": stack}),
        "EventBusName": bus,
    }


def _of(stream: str, session: PublishSession, node: str) -> dict[str, Any]:
    return {"stream": stream, "session": session.session, "node": node, "epoch": session.epoch, "since": session.since}
