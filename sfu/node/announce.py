"""Finds out where this node is reached from outside, and its own name, where the cloud knows better than the settings.

A node in ECS or on EC2 sees only private addresses, while its SDP answers must print the public one. Asked once, at the
start, with a short time limit; a node that cannot learn its address says so and does not start, since nobody could
reach its media.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import aiohttp

from sfu.control.aws import AwsError, SignedHttp
from sfu.negotiation import Candidate
from sfu.settings import ADDRESS, AUTO, DASHED, AnnounceFrom, Announcement, NodeSettings

TIMEOUT: Final = 2.0
IMDS: Final = "http://169.254.169.254"


class NotFoundOutError(Exception):
    """The metadata did not tell what was asked; the text says what to do."""


@dataclass(frozen=True, slots=True)
class CloudFacts:
    """What the metadata of ECS or EC2 says of this process."""

    address: str | None
    """The public IPv4 address."""
    name: str | None
    """The task's or the instance's id."""


async def find(
    settings: NodeSettings, environ: Mapping[str, str], http: aiohttp.ClientSession, signed: SignedHttp
) -> CloudFacts:
    """Ask the metadata that the settings name; raises `NotFoundOutError` where it does not answer."""
    ecs = environ.get("ECS_CONTAINER_METADATA_URI_V4", "")
    imds = environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "") or IMDS
    try:
        async with asyncio.timeout(TIMEOUT * 3):
            match settings.announce_from:
                case AnnounceFrom.LIST:
                    return await _list(settings, http, ecs, imds)
                case AnnounceFrom.ECS:
                    return await _ecs(settings, http, signed, ecs, imds)
                case AnnounceFrom.EC2:
                    return await _ec2(http, imds)
                case AnnounceFrom.AUTO:
                    return await _auto(settings, http, signed, ecs, imds)
    except (aiohttp.ClientError, AwsError, OSError, TimeoutError, ValueError, KeyError) as error:
        raise NotFoundOutError(
            f"SLUICE_ANNOUNCE is {settings.announce_from.value}, but the metadata cannot be read"
            f" ({type(error).__name__}: {error}); list the addresses in SLUICE_ANNOUNCE instead."
        ) from error


def apply(settings: NodeSettings, place: CloudFacts) -> NodeSettings:
    """*settings* with everything filled in that depends on the place; raises `NotFoundOutError`."""
    candidates = settings.announce
    if place.address:
        candidates = (Candidate(place.address, settings.udp_bind.port),)
    elif not candidates:
        if settings.announce_from in {AnnounceFrom.ECS, AnnounceFrom.EC2}:
            raise NotFoundOutError(
                "This task or instance has no public IPv4 address; give it one (assign public IPs in its subnet),"
                " or list the addresses that clients shall use in SLUICE_ANNOUNCE."
            )
        candidates = (Candidate(settings.udp_bind.host, settings.udp_bind.port),)
    first = candidates[0].address
    if ip_address(first).is_unspecified:
        raise NotFoundOutError(
            f"SLUICE_UDP_BIND is {settings.udp_bind}, which no client can reach, and no metadata tells a better address;"
            " list the addresses that clients shall use in SLUICE_ANNOUNCE."
        )
    node_id = settings.node_id
    if node_id == AUTO:
        if not place.name:
            raise NotFoundOutError(
                "SLUICE_NODE_ID is auto, but neither ECS nor EC2 metadata answers; set it to a name."
            )
        node_id = place.name
    url = settings.public_url.replace(DASHED, re.sub(r"[.:]", "-", first))
    url = url.replace(ADDRESS, f"[{first}]" if ":" in first else first)
    announcement = Announcement(settings.announce_from, candidates)
    return settings.model_copy(update={"node_id": node_id, "announcement": announcement, "public_url": url})


async def _list(settings: NodeSettings, http: aiohttp.ClientSession, ecs: str, imds: str) -> CloudFacts:
    if settings.node_id != AUTO:
        return CloudFacts(None, None)
    if ecs:
        return CloudFacts(None, _task_id(await _get(http, f"{ecs}/task")))
    return CloudFacts(None, (await _ec2(http, imds)).name)


async def _auto(
    settings: NodeSettings, http: aiohttp.ClientSession, signed: SignedHttp, ecs: str, imds: str
) -> CloudFacts:
    if ecs:
        return await _ecs(settings, http, signed, ecs, imds)
    try:
        return await _ec2(http, imds)
    except (aiohttp.ClientError, OSError, TimeoutError):
        return CloudFacts(None, None)


async def _ec2(http: aiohttp.ClientSession, imds: str) -> CloudFacts:
    """IMDSv2: a session token first, so that a request forged through us would get nothing."""
    limit = aiohttp.ClientTimeout(total=TIMEOUT)
    lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    async with http.put(f"{imds}/latest/api/token", headers=lifetime, timeout=limit) as response:
        response.raise_for_status()
        token = {"X-aws-ec2-metadata-token": await response.text()}
    name = await _get(http, f"{imds}/latest/meta-data/instance-id", token)
    try:
        address = await _get(http, f"{imds}/latest/meta-data/public-ipv4", token)
    except aiohttp.ClientResponseError as error:
        if error.status != 404:
            raise
        return CloudFacts(None, name.strip())
    return CloudFacts(address.strip(), name.strip())


async def _ecs(
    settings: NodeSettings, http: aiohttp.ClientSession, signed: SignedHttp, ecs: str, imds: str
) -> CloudFacts:
    if not ecs:
        raise ValueError("ECS_CONTAINER_METADATA_URI_V4 is not set: this is not an ECS task")
    task = await _get(http, f"{ecs}/task")
    name = _task_id(task)
    network = json.loads(await _get(http, ecs))["Networks"][0]
    if network["NetworkMode"] == "host":
        return CloudFacts((await _ec2(http, imds)).address, name)
    # The metadata of a task with its own network interface does not tell the public address; EC2 does.
    # Needs ec2:DescribeNetworkInterfaces, which has no resource-level permissions.
    form = (
        "Action=DescribeNetworkInterfaces&Version=2016-11-15"
        f"&Filter.1.Name=mac-address&Filter.1.Value.1={network['MACAddress']}"
    )
    answer = await signed.post(
        "ec2",
        f"https://ec2.{settings.aws_region}.amazonaws.com/",
        form.encode(),
        {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        TIMEOUT,
    )
    if not answer.ok:
        raise AwsError(f"EC2 answered {answer}")
    found = re.search(rb"<publicIp>([0-9.]+)</publicIp>", answer.body)
    return CloudFacts(found[1].decode() if found else None, name)


def _task_id(task: str) -> str:
    name: str = json.loads(task)["TaskARN"].rpartition("/")[2]
    return name


async def _get(http: aiohttp.ClientSession, url: str, headers: Mapping[str, str] | None = None) -> str:
    async with http.get(url, headers=headers, timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as response:
        response.raise_for_status()
        return await response.text()
