"""What one node is told by its environment: read once, checked whole, then frozen.

Every mistake is named in one sentence (which variable, what is wrong with it, what to do), and all of them at once, so
that a deployment is not repaired one restart at a time. Nothing here opens a socket or reads a credential.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Any, Final, Generic, NamedTuple, Self, TypeVar, cast
from urllib.parse import urlsplit

from sfu.negotiation import Candidate
from sfu.signalling.forwarded import Network
from sfu.signalling.ice_servers import IceServer

AUTO = "auto"
"""As `SLUICE_NODE_ID`: take the task's or the instance's own id (see `sfu.node.announce`)."""

ADDRESS = "{address}"
"""In `SLUICE_PUBLIC_URL`: stands for the first announced address."""
DASHED = "{dashed}"
"""In `SLUICE_PUBLIC_URL`: likewise with `-` for `.` and `:`, for wildcard names such as `{dashed}.edge.example.com`."""

_T = TypeVar("_T")


class SettingsError(ValueError):
    """The environment does not describe a node; one sentence a line says why."""


class AnnounceFrom(StrEnum):
    """Where the addresses come from that every SDP answer prints as candidates."""

    LIST = "list"
    """`SLUICE_ANNOUNCE` lists them, or the bound address is the one."""
    ECS = "ecs"
    EC2 = "ec2"
    AUTO = "auto"
    """ECS where its metadata address is set, EC2 where that answers, the bound address otherwise."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One node's settings; the names of the variables are in `from_env`."""

    node_id: str
    region: str
    api_url: str
    """Without a trailing slash; may have a path (an API Gateway stage)."""
    queue_url: str
    queue_endpoint: str
    """Where SendMessage is posted: AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL, or the queue URL's own host."""
    aws_region: str
    public_url: str
    """Where clients reach the node's HTTP, without a path; may hold `{address}` or `{dashed}`."""
    playback_url: str
    """Base of the playback addresses that the node hands out: the API's, which knows where a stream is live."""
    ice_servers: tuple[IceServer, ...]
    """What `Link` fields tell clients; a node that is reached directly needs none."""
    http_bind: Bind
    udp_bind: Bind
    metrics_bind: Bind
    announce_from: AnnounceFrom
    announce: tuple[Candidate, ...]
    """The candidates that were listed; empty: the bound address, or what the metadata says."""
    trusted_proxies: tuple[Network, ...]
    """Whose `Forwarded` and `X-Forwarded-…` are believed."""
    max_sessions: int
    max_unconnected_per_address: int
    """Viewers of one client address who have posted an offer and not connected yet."""
    max_egress_kbps: int
    drain_seconds: float
    """How long a stopping node hands its sessions over and waits for them to leave."""
    wait_seconds: float
    """How long viewers who ask to (`?wait=1`) may wait for a publisher."""
    sending: Sending
    """How media leaves: compiled or in Python."""
    tls_certificate: str = field(repr=False)
    """The certificate chain, as a PEM file's name or as the PEM text itself (as ECS hands over secrets); empty: plain HTTP."""
    tls_key: str = field(repr=False)
    """The private key, likewise."""
    log_level: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read *environ*; raises `SettingsError` with every mistake."""
        read = _Reader(environ)
        queue_url = read("SLUICE_QUEUE_URL", _URL)
        api_url = read("SLUICE_API_URL", _URL)
        queue_endpoint = environ.get("AWS_ENDPOINT_URL") or (_origin(queue_url) if queue_url else "http://unset")
        udp_bind = read("SLUICE_UDP_BIND", _BIND, "127.0.0.1:8189")
        announce = read("SLUICE_ANNOUNCE", _ANNOUNCE, ",")
        values: dict[str, Any] = {
            "node_id": read("SLUICE_NODE_ID", _NAME),
            "region": read("SLUICE_REGION", _NAME, "local"),
            "api_url": api_url,
            "queue_url": queue_url,
            "queue_endpoint": read("AWS_ENDPOINT_URL_SQS", _URL, queue_endpoint),
            "aws_region": read("AWS_REGION", _NAME, environ.get("AWS_DEFAULT_REGION")),
            "public_url": read("SLUICE_PUBLIC_URL", _PUBLIC_URL),
            "playback_url": read("SLUICE_PLAYBACK_URL", _URL, api_url or "http://unset"),
            "ice_servers": read("SLUICE_ICE_SERVERS", _ICE_SERVERS, "[]"),
            "http_bind": read("SLUICE_HTTP_BIND", _BIND, "127.0.0.1:8889"),
            "udp_bind": udp_bind,
            "metrics_bind": read("SLUICE_METRICS_BIND", _BIND, "127.0.0.1:9889"),
            "trusted_proxies": read("SLUICE_TRUSTED_PROXIES", _NETWORKS, ","),
            "max_sessions": read("SLUICE_MAX_SESSIONS", _WHOLE, "400"),
            "max_unconnected_per_address": read("SLUICE_MAX_UNCONNECTED_PER_ADDRESS", _WHOLE, "64"),
            "max_egress_kbps": read("SLUICE_MAX_EGRESS_KBPS", _WHOLE, "900000"),
            "drain_seconds": read("SLUICE_DRAIN_SECONDS", _SECONDS, "8"),
            "wait_seconds": read("SLUICE_WAIT_SECONDS", _SECONDS, "60"),
            "sending": read("SLUICE_SENDING", _SENDING, "auto"),
            "tls_certificate": environ.get("SLUICE_TLS_CERTIFICATE", ""),
            "tls_key": environ.get("SLUICE_TLS_KEY", ""),
            "log_level": read("SLUICE_LOG_LEVEL", _LOG_LEVEL, "INFO"),
        }
        read.finish()
        source, listed = announce
        candidates = tuple(Candidate(address, port or udp_bind.port) for address, port in listed)
        settings = cls(**values, announce_from=source, announce=candidates)
        read.mistakes.extend(settings._contradictions())
        read.finish()
        return settings

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


class _Kind(NamedTuple, Generic[_T]):
    """How the text of a variable is read, and what to do when it cannot be."""

    parse: Callable[[str], _T]
    """Raises ValueError or TypeError for anything else than *advice* asks for."""
    advice: str
    secret: bool = False
    """The text may hold a credential, so no message shows it."""


class _Reader:
    """Reads variables one by one and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.mistakes: list[str] = []

    def __call__(self, name: str, kind: _Kind[_T], default: str | None = None) -> _T:
        text = self._environ.get(name) or default
        if not text:
            self.mistakes.append(f"{name} is not set; {kind.advice}.")
        else:
            try:
                return kind.parse(text)
            except (ValueError, TypeError):
                shown = "malformed" if kind.secret else repr(text[:80])
                self.mistakes.append(f"{name} is {shown}; {kind.advice}.")
        return cast("_T", None)  # nobody looks at it: finish() raises first

    def finish(self) -> None:
        if self.mistakes:
            raise SettingsError("\n".join(self.mistakes))


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


def _announce(text: str) -> tuple[AnnounceFrom, tuple[tuple[str, int], ...]]:
    if text in {AnnounceFrom.AUTO, AnnounceFrom.ECS, AnnounceFrom.EC2}:
        return AnnounceFrom(text), ()
    return AnnounceFrom.LIST, tuple(_announced(item.strip()) for item in text.split(",") if item.strip())


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
        raise TypeError
    servers = tuple(IceServer(**server) for server in listed)
    for server in servers:
        if not re.fullmatch(r"(stuns?|turns?):\S+", server.url) or not isinstance(
            server.username + server.credential, str
        ):
            raise ValueError
    return servers


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


_NAME: Final = _Kind(_name, "set it to 1 to 40 of the characters a-z, 0-9 and '-'")
_URL: Final = _Kind(_url, "set it to an http:// or https:// URL without a query")
_PUBLIC_URL: Final = _Kind(
    _public_url,
    "set it to the http:// or https:// URL by which clients reach this node, without a path"
    f" ('{ADDRESS}' and '{DASHED}' in it stand for the announced address)",
)
_BIND: Final = _Kind(_bind, "set it to ADDRESS:PORT, for example 0.0.0.0:8889 (IPv6 in brackets)")
_ANNOUNCE: Final = _Kind(
    _announce,
    "set it to a comma list of IP addresses, each with :PORT where that differs from SLUICE_UDP_BIND's,"
    " or to auto, ecs or ec2",
)
_NETWORKS: Final = _Kind(_networks, "set it to a comma list of addresses or networks, for example 10.0.0.0/8")
_ICE_SERVERS: Final = _Kind(
    _ice_servers,
    'set it to a JSON list like [{"url": "turn:turn.example.com:3478", "username": "u", "credential": "c"}]',
    secret=True,
)
_WHOLE: Final = _Kind(_whole, "set it to a whole number, 1 or more")
_SECONDS: Final = _Kind(_seconds, "set it to a number of seconds from 0 to 86400")
_SENDING: Final = _Kind(Sending, "set it to auto, compiled or python")
_LOG_LEVEL: Final = _Kind(_log_level, "set it to DEBUG, INFO, WARNING or ERROR")
