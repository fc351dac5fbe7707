"""What an account pays is what its peers sent and got, to the byte, through the whole system."""

import asyncio
import os
import time
from typing import Any

import aiohttp
import boto3
import pytest

from functions.domain.provision import CreatedAccount, CreatedKey, create_account, create_key
from functions.storage.dynamo import Dynamo
from functions.storage.registry import Registry
from shared.messages import UsageEntry, UsageReport
from shared.tiers import NO_OVERRIDES, Overrides, Tier
from tests.peers import peer
from tests.peers.clips import clip, stamps
from tests.peers.protocol import whip
from tests.peers.publisher import Publisher
from tests.peers.viewer import Viewer

LIMIT = 20.0
"""Seconds for a report (every 5 s), the queue and the function."""


@pytest.mark.timeout(180)
async def test_an_account_pays_for_what_its_peers_counted(stack: dict[str, Any]) -> None:
    """Two viewers and repetitions; then the same usage once more and an older total too late: nothing is counted twice."""
    # An account of its own: what others publish for one of the stack's may still be on its way when this begins.
    owner, (key,) = await asyncio.to_thread(new_account, stack, Tier.STUDIO_PRO)
    account = {"account": owner.account.id, "token": owner.token.reveal()}
    api = stack["api"].rstrip("/")
    whip_url, whep_url = f"{api}/{key.stream_key.reveal()}/whip", f"{api}/{key.stream}/whep"
    video = clip.load(clip.Recipe(seconds=4))
    table = stamps.table(video)
    async with peer.host() as host:
        before = await usage(host.http, stack, account)
        assert before["bytes"] == 0
        publisher = Publisher(host, whip_url, video, table, skip_every=40)
        async with publisher:
            viewers = [await watching(host, whep_url, video, table) for _ in range(2)]
            await asyncio.wait_for(asyncio.gather(*(viewer.picture for viewer in viewers)), 5)
            viewers[0].ask_again(5)
            # Counted in the middle of the run: what is sent again below as a report that was long on its way.
            assert await settled(host.http, stack, account, above=0) > 0
            assert await dry_run(host.http, stack, account, key.stream) == ("refuse", "KEY_ALREADY_IN_USE")
            early = await shards(stack, owner.account.id, before["month"])
            publisher.pause()
            await asyncio.sleep(0.3)
            for viewer in viewers:
                await viewer.close()
        assert publisher.created is not None
        assert publisher.created.redirects[0].startswith("307 ")
        assert viewers[0].counts().duplicates > 0
        expected = publisher.octets + sum(viewer.octets for viewer in viewers)

        assert await settled(host.http, stack, account, exactly=expected) == expected

        final = await shards(stack, owner.account.id, before["month"])
        assert sum(total(report) for report in early) < sum(total(report) for report in final)
        # The same report again, twice, and one that was long on its way.
        await asyncio.to_thread(send, stack, [*final, *final, *early])
        await drained(stack)
        assert (await usage(host.http, stack, account))["bytes"] == expected
        divided = await get(host.http, stack, account, "/usage")
        assert divided["bytes"] == expected
        assert sum(day["bytes"] for day in divided["days"]) == expected
        # What is sent again above says neither day nor stream, but is no more than what the nodes said with both.
        by_stream = {part["stream_id"]: part["bytes"] for part in divided["streams"]}
        assert by_stream == {key.stream: expected}


async def watching(host: peer.Host, url: str, video: clip.Clip, table: "memoryview[float]") -> Viewer:
    """A viewer, as soon as the API has heard from the node that the stream is live (it answers 409 until then)."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        viewer = Viewer(host, url, video, table)
        try:
            await viewer.connect()
        except whip.Refused as refused:
            if refused.status != 409:
                raise
            await asyncio.sleep(0.1)
            continue
        return viewer
    pytest.fail("the API does not know that the stream is live")


async def usage(http: aiohttp.ClientSession, stack: dict[str, Any], account: dict[str, Any]) -> dict[str, Any]:
    """The owner's view of the month."""
    found: dict[str, Any] = (await get(http, stack, account, ""))["usage"]
    return found


async def get(http: aiohttp.ClientSession, stack: dict[str, Any], account: dict[str, Any], path: str) -> dict[str, Any]:
    """GET a path below `/v1/account`."""
    headers = {"Authorization": f"Bearer {account['token']}"}
    async with http.get(f"{stack['api'].rstrip('/')}/v1/account{path}", headers=headers) as response:
        assert response.status == 200
        found: dict[str, Any] = await response.json()
        return found


async def dry_run(
    http: aiohttp.ClientSession, stack: dict[str, Any], account: dict[str, Any], stream: str
) -> tuple[str, str]:
    """What the dry run says of another publisher of *stream*."""
    headers = {"Authorization": f"Bearer {account['token']}"}
    asked = {"action": "publish", "stream_id": stream}
    async with http.post(f"{stack['api'].rstrip('/')}/v1/account/dry-run", json=asked, headers=headers) as response:
        said = await response.json()
        return said["would"], said["refusal"]["code"]


async def settled(
    http: aiohttp.ClientSession,
    stack: dict[str, Any],
    account: dict[str, Any],
    *,
    exactly: int | None = None,
    above: int | None = None,
) -> int:
    """The month's bytes, as soon as they are what is waited for or the limit is over."""
    found = -1
    for _ in range(int(LIMIT / 0.2)):
        found = (await usage(http, stack, account))["bytes"]
        if found == exactly or (above is not None and found > above):
            break
        await asyncio.sleep(0.2)
    return found


def registry(stack: dict[str, Any]) -> Registry:
    """The stack's accounts and keys, as functions reach them."""
    dynamodb = client(stack, "dynamodb")
    return Registry(Dynamo(dynamodb), accounts_table(stack, dynamodb))


def new_account(
    stack: dict[str, Any], tier: Tier, keys: int = 1, overrides: Overrides = NO_OVERRIDES
) -> tuple[CreatedAccount, list[CreatedKey]]:
    """A fresh account of *tier* and its stream keys, made in the stack's tables as an operator would."""
    store, now = registry(stack), time.time()
    name = f"made-{os.urandom(4).hex()}"
    made = create_account(store, name, tier, random=os.urandom, now=now, overrides=overrides)
    assert made is not None
    return made, [create_key(store, made.account, random=os.urandom, now=now) for _ in range(keys)]


def total(report: UsageReport) -> int:
    """The bytes of both directions together."""
    return sum(entry.received + entry.sent for entry in report.entries)


def client(stack: dict[str, Any], service: str) -> Any:
    """A boto3 client of the stack's emulator; of AWS for one that is deployed (`make test-aws`)."""
    if "emulator" not in stack:
        return boto3.client(service, region_name=stack["region"])
    return boto3.client(
        service,
        endpoint_url=stack["emulator"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


async def shards(stack: dict[str, Any], account: str, month: str) -> list[UsageReport]:
    """What each boot of each node has reported for the account so far, as the reports that would say it again."""
    return await asyncio.to_thread(_shards, stack, account, month)


def _shards(stack: dict[str, Any], account: str, month: str) -> list[UsageReport]:
    dynamodb = client(stack, "dynamodb")
    found = dynamodb.query(
        TableName=accounts_table(stack, dynamodb),
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"USAGE#{account}#{month}"}},
    )
    reports = []
    for item in found["Items"]:
        node, _, boot = item["sk"]["S"].rpartition("#")
        entry = UsageEntry(account=account, month=month, received=int(item["r"]["N"]), sent=int(item["s"]["N"]))
        reports.append(UsageReport(node=node, boot=boot, seq=1, at=0.0, entries=(entry,)))
    return reports


def send(stack: dict[str, Any], reports: list[UsageReport]) -> None:
    """Put *reports* into the usage queue."""
    sqs = client(stack, "sqs")
    for report in reports:
        sqs.send_message(QueueUrl=queue(stack, sqs), MessageBody=report.model_dump_json())


def accounts_table(stack: dict[str, Any], dynamodb: Any) -> str:
    """The name of the table of accounts."""
    if "accounts_table" in stack:
        return str(stack["accounts_table"])
    (found,) = (name for name in dynamodb.list_tables()["TableNames"] if "account" in name.lower())
    return str(found)


def queue(stack: dict[str, Any], sqs: Any) -> str:
    """The usage queue, not its dead-letter queue."""
    if "queue" in stack:
        return str(stack["queue"])
    urls = [url for url in sqs.list_queues()["QueueUrls"] if "usage" in url.lower()]
    redriving = [url for url in urls if "RedrivePolicy" in _attributes(sqs, url)]
    return str(redriving[0])


def _attributes(sqs: Any, url: str) -> dict[str, str]:
    attributes: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]).get("Attributes", {})
    return attributes


async def drained(stack: dict[str, Any]) -> None:
    """Wait until the function has consumed what is in the queue."""
    sqs = client(stack, "sqs")
    url = await asyncio.to_thread(queue, stack, sqs)
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    empty = 0
    for _ in range(int(LIMIT / 0.2)):
        attributes = await asyncio.to_thread(_attributes, sqs, url)
        empty = empty + 1 if not any(int(attributes.get(name, 0)) for name in names) else 0
        if empty == 3:
            return
        await asyncio.sleep(0.2)
    pytest.fail("the usage queue was not consumed")
