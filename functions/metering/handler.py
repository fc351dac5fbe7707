"""The queue's consumer: partial batch failures, so that one bad record never holds up the others."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from functions.domain.events import quota_passed
from functions.domain.quota import Crossing
from functions.edge.eventbus import EventBus, no_client
from functions.edge.execution import ExecutionEnvironment, Resources
from functions.edge.observability import Log
from functions.edge.settings import FunctionSettings
from functions.edge.validation import parsed
from functions.metering.service import Metering, MeteringStores, UsageRecord
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.nodes import Nodes
from functions.storage.patience import Left, unhurried
from functions.storage.registry import Registry
from functions.storage.streams import Streams
from functions.storage.usage import UsageLedger
from shared.messages import UsageReport
from shared.refusals import Refused


def consume(event: Mapping[str, Any], metering: Metering, log: Log) -> dict[str, Any]:
    """Merge one batch of usage reports; the answer names the records that must come again."""
    failed: list[str] = []
    good: list[UsageRecord] = []
    for record in event["Records"]:
        report = parsed(UsageReport, record)
        if isinstance(report, Refused):
            # It will not become better, but it is evidence: the dead-letter queue keeps it, and its alarm calls somebody.
            log.event("usage report refused", record=record["messageId"], problem=report.error)
            log.count("UsageReportRefused")
            failed.append(record["messageId"])
        else:
            received = record.get("attributes", {}).get("ApproximateReceiveCount", "1")
            good.append(UsageRecord(record["messageId"], report, again=received != "1"))
    failed += sorted(metering.merge(good))
    return {"batchItemFailures": [{"itemIdentifier": identity} for identity in failed]}


def build(
    settings: FunctionSettings,
    log: Log,
    dynamo: Dynamo,
    *,
    clock: Callable[[], float] = time.time,
    tell: Callable[[Crossing], None] | None = None,
    events: Callable[[], Any] = no_client,
    left: Left = unhurried,
) -> Metering:
    """The function over these tables; *tell* is told of passed marks, by the event bus if it is left out."""
    return Metering(
        MeteringStores(
            UsageLedger(dynamo, settings.accounts_table),
            Registry(dynamo, settings.accounts_table),
            Directory(dynamo, settings.accounts_table, settings.fleet_table),
            Nodes(dynamo, settings.fleet_table),
            Streams(dynamo, settings.accounts_table),
        ),
        clock,
        log,
        tell or _telling(log, EventBus(events, settings.event_bus, settings.stack, log)),
        left,
    )


def _telling(log: Log, bus: EventBus) -> Callable[[Crossing], None]:
    def tell(passed: Crossing) -> None:
        log.event("quota mark passed", account=passed.account, month=passed.month, percent=passed.percent)
        bus.put([quota_passed(passed)])

    return tell


def _built(given: Resources) -> Metering:
    return build(given.settings, given.log, given.dynamo, events=given.aws.events, left=given.left)


_environment = ExecutionEnvironment("metering", _built)


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Consume one batch of the queue of usage reports."""
    metering = _environment.begin(event, context)
    return consume(event, metering, _environment.log)
