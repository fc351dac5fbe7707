"""What one node is told by its environment: read once, checked whole, then frozen (`sfu.environment`).

Nothing here opens a socket or reads a credential. docs/nodes.md is the manual of the variables.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, PlainValidator, ValidationInfo, model_validator

from sfu.environment import Advice, EnvironmentSettings
from sfu.negotiation import Candidate
from sfu.signalling.forwarded import Network
from sfu.signalling.ice_servers import IceServer

AUTO = "auto"
"""As `SLUICE_NODE_ID`: take the task's or the instance's own id (see `sfu.node.announce`)."""

ADDRESS = "{address}"
"""In `SLUICE_PUBLIC_URL`: stands for the first announced address."""
DASHED = "{dashed}"
"""In `SLUICE_PUBLIC_URL`: likewise with `-` for `.` and `:`, for wildcard names such as `{dashed}.edge.example.com`."""


class AnnounceFrom(StrEnum):
    """Where the addresses come from that every SDP answer prints as candidates."""

    LIST = "list"
    """`SLUICE_ANNOUNCE` lists them, or the bound address is the one."""
    ECS = "ecs"
    EC2 = "ec2"
    AUTO = "auto"
    """ECS where its metadata address is set, EC2 where that answers, the bound address otherwise."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """The addresses that SDP answers print, as far as they are known, and where the rest of them comes from."""

    source: AnnounceFrom
    candidates: tuple[Candidate, ...] = ()
    """Those that were listed; empty: the bound address, or what the metadata says."""


class Sending(StrEnum):
    """Which of the two ways of sealing and sending a burst is taken; they do the same to the bit."""

    AUTO = "auto"
    """Compiled where it was built, Python otherwise."""
    COMPILED = "compiled"
    """Do not start without it."""
    PYTHON = "python"


@dataclass(frozen=True, slots=True)
class Bind:
    """A local address and port to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]{1,40}", text):
        raise ValueError
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError
    _ = parts.port  # raises for a port that is none
    return text.rstrip("/")


def _public_url(text: str) -> str:
    parts = urlsplit(_url(text.replace(ADDRESS, "192.0.2.1").replace(DASHED, "192-0-2-1")))
    if parts.path:
        raise ValueError
    return text.rstrip("/")


def _bind(text: str) -> Bind:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise ValueError
    return Bind(str(ip_address(host.removeprefix("[").removesuffix("]"))), int(port))


def _announcement(text: str, read: ValidationInfo) -> Announcement:
    if text in {AnnounceFrom.AUTO, AnnounceFrom.ECS, AnnounceFrom.EC2}:
        return Announcement(AnnounceFrom(text))
    bound = read.data.get("udp_bind")  # None where that is wrong itself, and then nobody looks at these
    usual = bound.port if isinstance(bound, Bind) else 0
    listed = (_announced(item.strip()) for item in text.split(",") if item.strip())
    return Announcement(AnnounceFrom.LIST, tuple(Candidate(address, port or usual) for address, port in listed))


def _announced(text: str) -> tuple[str, int]:
    try:
        return str(ip_address(text)), 0
    except ValueError:
        bind = _bind(text)
        return bind.host, bind.port


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(item.strip()) for item in text.split(",") if item.strip())


def _ice_servers(text: str) -> tuple[IceServer, ...]:
    listed = json.loads(text)
    if not isinstance(listed, list):
        raise ValueError  # noqa: TRY004 - pydantic takes a ValueError alone for a refusal
    return tuple(_ice_server(server) for server in listed)


def _ice_server(server: Any) -> IceServer:
    fields = {"url", "username", "credential"}
    if not isinstance(server, dict) or not server.keys() <= fields or not all(map(_is_text, server.values())):
        raise ValueError
    if not re.fullmatch(r"(stuns?|turns?):\S+", server.get("url", "")):
        raise ValueError
    return IceServer(**server)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError
    return int(text)


def _seconds(text: str) -> float:
    if not 0 <= float(text) <= 86400:
        raise ValueError
    return float(text)


def _log_level(text: str) -> str:
    if text.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError
    return text.upper()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


_Name = Annotated[str, PlainValidator(_name), Advice("set it to 1 to 40 of the characters a-z, 0-9 and '-'")]
_Url = Annotated[str, PlainValidator(_url), Advice("set it to an http:// or https:// URL without a query")]
_PublicUrl = Annotated[
    str,
    PlainValidator(_public_url),
    Advice(
        "set it to the http:// or https:// URL by which clients reach this node, without a path"
        f" ('{ADDRESS}' and '{DASHED}' in it stand for the announced address)"
    ),
]
_Bind = Annotated[
    Bind, PlainValidator(_bind), Advice("set it to ADDRESS:PORT, for example 0.0.0.0:8889 (IPv6 in brackets)")
]
_Announcement = Annotated[
    Announcement,
    PlainValidator(_announcement),
    Advice(
        "set it to a comma list of IP addresses, each with :PORT where that differs from SLUICE_UDP_BIND's,"
        " or to auto, ecs or ec2"
    ),
]
_Networks = Annotated[
    tuple[Network, ...],
    PlainValidator(_networks),
    Advice("set it to a comma list of addresses or networks, for example 10.0.0.0/8"),
]
_IceServers = Annotated[
    tuple[IceServer, ...],
    PlainValidator(_ice_servers),
    Advice(
        'set it to a JSON list like [{"url": "turn:turn.example.com:3478", "username": "u", "credential": "c"}]',
        secret=True,
    ),
]
_Whole = Annotated[int, PlainValidator(_whole), Advice("set it to a whole number, 1 or more")]
_Seconds = Annotated[float, PlainValidator(_seconds), Advice("set it to a number of seconds from 0 to 86400")]
_Sending = Annotated[Sending, PlainValidator(Sending), Advice("set it to auto, compiled or python")]
_LogLevel = Annotated[str, PlainValidator(_log_level), Advice("set it to DEBUG, INFO, WARNING or ERROR")]
_Pem = Annotated[str, Advice("set it to a PEM file or text", secret=True)]


class NodeSettings(EnvironmentSettings):
    """One node's settings, each with the variable that it is read from."""

    node_id: _Name = Field(validation_alias="SLUICE_NODE_ID")
    region: _Name = Field("local", validation_alias="SLUICE_REGION")
    api_url: _Url = Field(validation_alias="SLUICE_API_URL")
    """Without a trailing slash; may have a path (an API Gateway stage)."""
    queue_url: _Url = Field(validation_alias="SLUICE_QUEUE_URL")
    queue_endpoint: _Url = Field(
        default_factory=lambda read: _origin(read.get("queue_url", "")),
        validation_alias=AliasChoices("AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL"),
    )
    """Where SendMessage is posted; the queue URL's own host where nothing is said."""
    aws_region: _Name = Field(validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"))
    public_url: _PublicUrl = Field(validation_alias="SLUICE_PUBLIC_URL")
    """Where clients reach the node's HTTP, without a path; may hold `{address}` or `{dashed}`."""
    playback_url: _Url = Field(
        default_factory=lambda read: read.get("api_url", ""), validation_alias="SLUICE_PLAYBACK_URL"
    )
    """Base of the playback addresses that the node hands out: the API's, which knows where a stream is live."""
    ice_servers: _IceServers = Field((), validation_alias="SLUICE_ICE_SERVERS")
    """What `Link` fields tell clients; a node that is reached directly needs none."""
    http_bind: _Bind = Field(Bind("127.0.0.1", 8889), validation_alias="SLUICE_HTTP_BIND")
    udp_bind: _Bind = Field(Bind("127.0.0.1", 8189), validation_alias="SLUICE_UDP_BIND")
    metrics_bind: _Bind = Field(Bind("127.0.0.1", 9889), validation_alias="SLUICE_METRICS_BIND")
    announcement: _Announcement = Field(Announcement(AnnounceFrom.LIST), validation_alias="SLUICE_ANNOUNCE")
    trusted_proxies: _Networks = Field((), validation_alias="SLUICE_TRUSTED_PROXIES")
    """Whose `Forwarded` and `X-Forwarded-…` are believed."""
    max_sessions: _Whole = Field(400, validation_alias="SLUICE_MAX_SESSIONS")
    max_unconnected_per_address: _Whole = Field(64, validation_alias="SLUICE_MAX_UNCONNECTED_PER_ADDRESS")
    """Viewers of one client address who have posted an offer and not connected yet."""
    max_egress_kbps: _Whole = Field(900_000, validation_alias="SLUICE_MAX_EGRESS_KBPS")
    drain_seconds: _Seconds = Field(8.0, validation_alias="SLUICE_DRAIN_SECONDS")
    """How long a stopping node hands its sessions over and waits for them to leave."""
    wait_seconds: _Seconds = Field(60.0, validation_alias="SLUICE_WAIT_SECONDS")
    """How long viewers who ask to (`?wait=1`) may wait for a publisher."""
    sending: _Sending = Field(Sending.AUTO, validation_alias="SLUICE_SENDING")
    """How media leaves: compiled or in Python."""
    tls_certificate: _Pem = Field("", validation_alias="SLUICE_TLS_CERTIFICATE", repr=False)
    """The certificate chain, as a PEM file's name or as the PEM text itself (as ECS hands over secrets); empty: plain HTTP."""
    tls_key: _Pem = Field("", validation_alias="SLUICE_TLS_KEY", repr=False)
    """The private key, likewise."""
    log_level: _LogLevel = Field("INFO", validation_alias="SLUICE_LOG_LEVEL")

    @property
    def announce_from(self) -> AnnounceFrom:
        """Where the addresses come from that every SDP answer prints."""
        return self.announcement.source

    @property
    def announce(self) -> tuple[Candidate, ...]:
        """The candidates of every SDP answer; empty: the bound address, or what the metadata says."""
        return self.announcement.candidates

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        mistakes = list(self._contradictions())
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self

    def _contradictions(self) -> Iterator[str]:
        """Mistakes that only two variables together show."""
        if bool(self.tls_certificate) != bool(self.tls_key):
            yield "SLUICE_TLS_CERTIFICATE and SLUICE_TLS_KEY belong together: set both to PEM files or texts, or neither."
        if self.http_bind == self.metrics_bind and self.http_bind.port:
            yield f"SLUICE_METRICS_BIND is {self.metrics_bind}, which SLUICE_HTTP_BIND uses; set it to another port."
        if (
            not self.announce
            and self.announce_from is AnnounceFrom.LIST
            and ip_address(self.udp_bind.host).is_unspecified
        ):
            yield (
                f"SLUICE_ANNOUNCE is not set and SLUICE_UDP_BIND is {self.udp_bind}, which no client can reach;"
                " list the addresses that clients shall use, or set it to auto, ecs or ec2."
            )
