"""What happens that others may want to hear of, as EventBridge events: values and their shapes. Pure.

docs/events.md describes each with an example, which a test compares. Fields are only added. No secret and no client
address is in them; a stream is named by its public id.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.domain.fleet import Session
from functions.domain.quota import Crossing

SOURCE = "sluice"


@dataclass(frozen=True, slots=True)
class Happening:
    """One event."""

    kind: str
    """EventBridge's `detail-type`."""
    account: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """EventBridge's `detail`."""
        return {"v": 1, "account": self.account, **self.detail}


def between(before: Mapping[str, Session], after: Mapping[str, Session], node: str) -> tuple[Happening, ...]:
    """What began, ended or changed hands on *node* from one report to the next."""
    found: list[Happening] = []
    for stream, session in after.items():
        old = before.get(stream)
        if old is None:
            found.append(Happening("Stream Started", session.account, _of(stream, session, node)))
        elif old.session != session.session:
            detail = {**_of(stream, session, node), "replaced_session": old.session}
            found.append(Happening("Stream Taken Over", session.account, detail))
    found += [
        Happening("Stream Ended", session.account, _of(stream, session, node))
        for stream, session in before.items()
        if stream not in after
    ]
    return tuple(found)


def quota_passed(crossing: Crossing) -> Happening:
    """A mark of a month's quota."""
    return Happening(
        "Quota Passed",
        crossing.account,
        {
            "month": crossing.month, "percent": crossing.percent, "used_bytes": crossing.used,
            "quota_bytes": crossing.quota,
        },
    )  # fmt: skip


def refused(account: str, stream: str, code: str, protocol: str) -> Happening:
    """A publisher with a known key was turned away; told as rarely as it is noted for the owner."""
    return Happening("Publish Refused", account, {"stream": stream, "code": code, "protocol": protocol})


def entry(happening: Happening, bus: str, stack: str) -> dict[str, str]:
    """The happening as PutEvents takes it. Several stacks may share a bus, so each event names its own."""
    return {
        "Source": SOURCE,
        "DetailType": happening.kind,
        "Detail": json.dumps({**happening.body(), "stack": stack}),
        "EventBusName": bus,
    }


def _of(stream: str, session: Session, node: str) -> dict[str, Any]:
    return {"stream": stream, "session": session.session, "node": node, "epoch": session.epoch, "since": session.since}
