"""What an account pays is what its peers sent and got, to the byte, through the whole system."""

import asyncio
import time
from typing import Any

import aiohttp
import boto3
import pytest

from shared.messages import UsageEntry, UsageReport
from tests.peers import clip, peer, stamps, whip
from tests.peers.publisher import Publisher
from tests.peers.viewer import Viewer

ACCOUNT = "studio-demo"
LIMIT = 20.0
"""Seconds for a report (every 5 s), the queue and the function."""


@pytest.mark.timeout(180)
async def test_an_account_pays_for_what_its_peers_counted(stack: dict[str, Any]) -> None:
    """Two viewers and repetitions; then the same usage once more and an older total too late: nothing is counted twice."""
    account = next(each for each in stack["accounts"] if each["account"] == ACCOUNT)
    key = account["keys"][1]
    video = clip.load(clip.Recipe(seconds=4))
    table = stamps.table(video)
    async with peer.host() as host:
        before = await usage(host.http, stack, account)
        publisher = Publisher(host, key["whip"], video, table, skip_every=40)
        async with publisher:
            viewers = [await watching(host, key["whep"], video, table) for _ in range(2)]
            await asyncio.wait_for(asyncio.gather(*(viewer.picture for viewer in viewers)), 5)
            viewers[0].ask_again(5)
            # Counted in the middle of the run: what is sent again below as a report that was long on its way.
            assert await settled(host.http, stack, account, above=before["bytes"]) > before["bytes"]
            assert await rehearsed(host.http, stack, account, key) == ("refuse", "KEY_ALREADY_IN_USE")
            early = await shards(stack, before["month"])
            publisher.pause()
            await asyncio.sleep(0.3)
            for viewer in viewers:
                await viewer.close()
        assert publisher.created is not None
        assert publisher.created.redirects[0].startswith("307 ")
        assert viewers[0].counts().duplicates > 0
        expected = before["bytes"] + publisher.octets + sum(viewer.octets for viewer in viewers)

        assert await settled(host.http, stack, account, exactly=expected) == expected

        final = await shards(stack, before["month"])
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
        assert sum(by_stream.values()) == expected
        assert by_stream[key["stream_id"]] >= publisher.octets
        assert None not in by_stream


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


async def rehearsed(
    http: aiohttp.ClientSession, stack: dict[str, Any], account: dict[str, Any], key: dict[str, Any]
) -> tuple[str, str]:
    """What the dry run says of another publisher with *key*."""
    headers = {"Authorization": f"Bearer {account['token']}"}
    asked = {"action": "publish", "stream_id": key["stream_id"]}
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


def total(report: UsageReport) -> int:
    """Both directions."""
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


async def shards(stack: dict[str, Any], month: str) -> list[UsageReport]:
    """What each boot of each node has reported for the account so far, as the reports that would say it again."""
    return await asyncio.to_thread(_shards, stack, month)


def _shards(stack: dict[str, Any], month: str) -> list[UsageReport]:
    dynamodb = client(stack, "dynamodb")
    found = dynamodb.query(
        TableName=accounts_table(stack, dynamodb),
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"USAGE#{ACCOUNT}#{month}"}},
    )
    reports = []
    for item in found["Items"]:
        node, _, boot = item["sk"]["S"].rpartition("#")
        entry = UsageEntry(account=ACCOUNT, month=month, received=int(item["r"]["N"]), sent=int(item["s"]["N"]))
        reports.append(UsageReport(node=node, boot=boot, seq=1, at=0.0, entries=(entry,)))
    return reports


def send(stack: dict[str, Any], reports: list[UsageReport]) -> None:
    """Put *reports* into the usage queue."""
    sqs = client(stack, "sqs")
    for report in reports:
        sqs.send_message(QueueUrl=queue(stack, sqs), MessageBody=report.model_dump_json())


def accounts_table(stack: dict[str, Any], dynamodb: Any) -> str:
    """The table of accounts."""
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
