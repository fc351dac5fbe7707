"""The events of an account that EventBridge is told of, as values and in EventBridge's shape. Pure.

docs/events.md describes each with an example, and a test compares the two. Fields are only ever added. An event holds no
secret and no client address; it names a stream by its public id.
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
    """Something that happened to an account's streams or quota, for others to react to."""

    kind: str
    """EventBridge's `detail-type`."""
    account: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """The event as EventBridge's `detail` carries it."""
        return {"v": 1, "account": self.account, **self.detail}


def stream_events(
    before: Mapping[str, PublishSession], after: Mapping[str, PublishSession], node: str
) -> tuple[AccountEvent, ...]:
    """The events of streams that began, ended or were taken over on *node* from report *before* to report *after*."""
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
    """The event that an account passed a mark of its month's quota."""
    return AccountEvent(
        "Quota Passed",
        crossing.account,
        {
            "month": crossing.month, "percent": crossing.percent, "used_bytes": crossing.used,
            "quota_bytes": crossing.quota,
        },
    )  # fmt: skip


def publish_refused(account: str, stream: str, code: str, protocol: str) -> AccountEvent:
    """The event that a publisher with a known key was refused; sent as rarely as refusals are kept for the owner."""
    return AccountEvent("Publish Refused", account, {"stream": stream, "code": code, "protocol": protocol})


def bus_entry(event: AccountEvent, bus: str, stack: str) -> dict[str, str]:
    """*event* as an entry of PutEvents. Several stacks may share a bus, so each event names its stack."""
    return {
        "Source": SOURCE,
        "DetailType": event.kind,
        "Detail": json.dumps({**event.body(), "stack": stack}),
        "EventBusName": bus,
    }


def _of(stream: str, session: PublishSession, node: str) -> dict[str, Any]:
    return {"stream": stream, "session": session.session, "node": node, "epoch": session.epoch, "since": session.since}
