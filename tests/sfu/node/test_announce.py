"""A node learns its public address and name from ECS's or EC2's metadata, served here over real HTTP."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sfu.control.aws import AwsAnswer, SignedHttp
from sfu.negotiation import Candidate
from sfu.node.announce import CloudFacts, NotFoundOutError, apply, find
from sfu.settings import NodeSettings
from tests.sfu.test_settings import ENVIRON


@dataclass
class _Cloud:
    """The metadata services of one instance and one task."""

    url: str = ""
    public: str | None = "203.0.113.7"
    mode: str = "awsvpc"
    queries: list[str] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.put("/latest/api/token", self.token),
                web.get("/latest/meta-data/{name}", self.instance),
                web.get("/v4", self.container),
                web.get("/v4/task", self.task),
            ]
        )
        return app

    async def token(self, request: web.Request) -> web.Response:
        assert request.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        return web.Response(text="the-token")

    async def instance(self, request: web.Request) -> web.Response:
        assert request.headers["X-aws-ec2-metadata-token"] == "the-token"
        answer = {"public-ipv4": self.public, "instance-id": "i-0abc"}[request.match_info["name"]]
        return web.Response(text=answer) if answer else web.Response(status=404)

    async def container(self, _: web.Request) -> web.Response:
        return web.json_response({"Networks": [{"NetworkMode": self.mode, "MACAddress": "0e:01:02:03:04:05"}]})

    async def task(self, _: web.Request) -> web.Response:
        return web.json_response({"TaskARN": "arn:aws:ecs:eu-west-1:123456789012:task/edge/0123abcd"})


class _Ec2(SignedHttp):
    """The API of EC2, as far as it is asked."""

    def __init__(self, cloud: _Cloud) -> None:
        self._cloud = cloud

    async def post(self, service: str, url: str, body: bytes, headers: object, timeout: float) -> AwsAnswer:  # noqa: ARG002, ASYNC109  # the real one's signature
        self._cloud.queries.append(f"{service} {url} {body.decode()}")
        public = f"<association><publicIp>{self._cloud.public}</publicIp></association>" if self._cloud.public else ""
        return AwsAnswer(200, f"<item><privateIpAddress>10.0.0.4</privateIpAddress>{public}</item>".encode())


@pytest.fixture
async def cloud() -> AsyncIterator[_Cloud]:
    """Metadata services on a free port."""
    cloud = _Cloud()
    async with TestServer(cloud.app()) as server:
        cloud.url = str(server.make_url("")).rstrip("/")
        yield cloud


async def _find(cloud: _Cloud, announce: str, *, ecs: bool = False, **environ: str) -> tuple[NodeSettings, CloudFacts]:
    settings = NodeSettings.from_env({**ENVIRON, "SLUICE_ANNOUNCE": announce, **environ})
    around = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": cloud.url}
    if ecs:
        around["ECS_CONTAINER_METADATA_URI_V4"] = f"{cloud.url}/v4"
    async with aiohttp.ClientSession() as http:
        return settings, await find(settings, around, http, _Ec2(cloud))


@pytest.mark.parametrize("announce", ["ec2", "auto"])
async def test_an_instance_announces_its_public_address(cloud: _Cloud, announce: str) -> None:
    """By IMDSv2, with a token."""
    settings, place = await _find(
        cloud, announce, SLUICE_NODE_ID="auto", SLUICE_PUBLIC_URL="https://{dashed}.edge.example.com:8889"
    )
    placed = apply(settings, place)
    assert placed.announce == (Candidate("203.0.113.7", 8189),)
    assert placed.node_id == "i-0abc"
    assert placed.public_url == "https://203-0-113-7.edge.example.com:8889"


@pytest.mark.parametrize("announce", ["ecs", "auto"])
async def test_a_task_with_its_own_interface_asks_ec2(cloud: _Cloud, announce: str) -> None:
    """Its metadata tells only private addresses."""
    settings, place = await _find(
        cloud, announce, ecs=True, SLUICE_NODE_ID="auto", SLUICE_PUBLIC_URL="http://{address}:8889"
    )
    placed = apply(settings, place)
    assert placed.announce == (Candidate("203.0.113.7", 8189),)
    assert placed.node_id == "0123abcd"
    assert placed.public_url == "http://203.0.113.7:8889"
    (query,) = cloud.queries
    assert query.startswith("ec2 https://ec2.eu-west-1.amazonaws.com/ Action=DescribeNetworkInterfaces")
    assert "Filter.1.Value.1=0e:01:02:03:04:05" in query


async def test_a_task_on_the_hosts_network_has_the_instances_address_and_its_own_name(cloud: _Cloud) -> None:
    """That needs no permission at all."""
    cloud.mode = "host"
    assert (await _find(cloud, "auto", ecs=True))[1] == CloudFacts("203.0.113.7", "0123abcd")
    assert cloud.queries == []


async def test_without_a_public_address_the_node_does_not_start(cloud: _Cloud) -> None:
    """Nobody could reach its media."""
    cloud.public = None
    settings, place = await _find(cloud, "ec2")
    with pytest.raises(NotFoundOutError, match="no public IPv4 address"):
        apply(settings, place)


async def test_metadata_that_cannot_be_read_are_one_sentence(cloud: _Cloud) -> None:
    """Which setting asked for them, and what to do instead."""
    with pytest.raises(NotFoundOutError, match=r"^SLUICE_ANNOUNCE is ecs, but .*; list the addresses"):
        await _find(cloud, "ecs")


async def test_automatic_on_any_other_machine_announces_the_bound_address(cloud: _Cloud) -> None:
    """No metadata service, no cloud."""
    cloud.url = "http://127.0.0.1:1"
    settings, place = await _find(cloud, "auto")
    assert apply(settings, place).announce == (Candidate("127.0.0.1", 8189),)


async def test_listed_addresses_ask_nobody(cloud: _Cloud) -> None:
    """What the operator says is so."""
    cloud.url = "http://127.0.0.1:1"
    settings, place = await _find(cloud, "198.51.100.9:443")
    assert place == CloudFacts(None, None)
    assert apply(settings, place).announce == (Candidate("198.51.100.9", 443),)


def test_a_name_that_nobody_knows_is_one_sentence() -> None:
    """Automatic names need a cloud."""
    settings = NodeSettings.from_env({**ENVIRON, "SLUICE_NODE_ID": "auto"})
    with pytest.raises(NotFoundOutError, match="SLUICE_NODE_ID is auto"):
        apply(settings, CloudFacts(None, None))


def test_an_address_that_means_any_is_not_announced() -> None:
    """0.0.0.0 is where to listen, not where to send."""
    settings = NodeSettings.from_env({**ENVIRON, "SLUICE_ANNOUNCE": "auto", "SLUICE_UDP_BIND": "0.0.0.0:8189"})
    with pytest.raises(NotFoundOutError, match="list the addresses"):
        apply(settings, CloudFacts(None, None))
