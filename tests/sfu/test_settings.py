"""The environment is read whole, and every mistake is named in one sentence."""

import re
from pathlib import Path

import pytest

from sfu.environment import SettingsError
from sfu.negotiation import Candidate
from sfu.settings import AnnounceFrom, Bind, NodeSettings
from sfu.signalling.ice_servers import IceServer

ENVIRON = {
    "SLUICE_NODE_ID": "node1",
    "SLUICE_API_URL": "https://api.example.com/prod/",
    "SLUICE_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/usage",
    "SLUICE_PUBLIC_URL": "http://127.0.0.1:8889",
    "AWS_REGION": "eu-west-1",
}


def _mistakes(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        NodeSettings.from_env({**ENVIRON, **environ})
    return str(raised.value).splitlines()


def test_what_is_not_set_has_a_value_that_works_on_one_machine() -> None:
    """Only five variables are needed."""
    settings = NodeSettings.from_env(ENVIRON)
    assert settings.http_bind == Bind("127.0.0.1", 8889)
    assert settings.udp_bind == Bind("127.0.0.1", 8189)
    assert settings.metrics_bind == Bind("127.0.0.1", 9889)
    assert (settings.announce_from, settings.announce) == (AnnounceFrom.LIST, ())
    assert settings.api_url == "https://api.example.com/prod"
    assert settings.queue_endpoint == "https://sqs.eu-west-1.amazonaws.com"
    assert settings.drain_seconds == 8


@pytest.mark.parametrize(
    ("environ", "endpoint"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, "http://127.0.0.1:4566"),
        ({"AWS_ENDPOINT_URL": "http://a:1", "AWS_ENDPOINT_URL_SQS": "http://b:2"}, "http://b:2"),
    ],
)
def test_the_queue_is_where_the_usual_aws_variables_say(environ: dict[str, str], endpoint: str) -> None:
    """An emulator is told of as AWS's own tools are told."""
    assert NodeSettings.from_env({**ENVIRON, **environ}).queue_endpoint == endpoint


def test_announced_addresses_take_the_udp_port_unless_they_have_their_own() -> None:
    """IPv4 and IPv6, with and without a port."""
    settings = NodeSettings.from_env({**ENVIRON, "SLUICE_ANNOUNCE": "203.0.113.7, 2001:db8::1,[2001:db8::2]:99"})
    assert settings.announce == (
        Candidate("203.0.113.7", 8189),
        Candidate("2001:db8::1", 8189),
        Candidate("2001:db8::2", 99),
    )


def test_viewers_are_sent_to_the_api_unless_told_otherwise() -> None:
    """It knows where a stream is live, after a takeover too."""
    assert NodeSettings.from_env(ENVIRON).playback_url == "https://api.example.com/prod"
    elsewhere = {**ENVIRON, "SLUICE_PLAYBACK_URL": "https://watch.example.com/"}
    assert NodeSettings.from_env(elsewhere).playback_url == "https://watch.example.com"


def test_ice_servers_are_a_json_list() -> None:
    """As browsers write them, one URL each."""
    listed = '[{"url": "stun:stun.example.com"}, {"url": "turn:t.example.com", "username": "u", "credential": "c"}]'
    settings = NodeSettings.from_env({**ENVIRON, "SLUICE_ICE_SERVERS": listed})
    assert settings.ice_servers == (IceServer("stun:stun.example.com"), IceServer("turn:t.example.com", "u", "c"))


@pytest.mark.parametrize(
    "listed", ["{}", "x", '[{"url": "http://x"}]', '[{"url": 1}]', '["stun:x"]', '[{"urls": "stun:secret"}]']
)
def test_malformed_ice_servers_are_named_without_being_shown(listed: str) -> None:
    """They may hold a TURN server's credential."""
    (mistake,) = _mistakes(SLUICE_ICE_SERVERS=listed)
    assert mistake.startswith("SLUICE_ICE_SERVERS is malformed; set it to a JSON list")


def test_every_missing_variable_is_named_at_once() -> None:
    """Nobody restarts a node five times to learn five names."""
    with pytest.raises(SettingsError) as raised:
        NodeSettings.from_env({})
    assert sorted(line.split()[0] for line in str(raised.value).splitlines()) == [
        "AWS_REGION",
        "SLUICE_API_URL",
        "SLUICE_NODE_ID",
        "SLUICE_PUBLIC_URL",
        "SLUICE_QUEUE_URL",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLUICE_NODE_ID", "Node 1"),
        ("SLUICE_NODE_ID", "n" * 41),
        ("SLUICE_API_URL", "api.example.com"),
        ("SLUICE_API_URL", "ftp://api.example.com"),
        ("SLUICE_API_URL", "http://api.example.com:99999"),
        ("SLUICE_API_URL", "https://api.example.com/?key=1"),
        ("SLUICE_PUBLIC_URL", "http://127.0.0.1:8889/path"),
        ("SLUICE_HTTP_BIND", "8889"),
        ("SLUICE_HTTP_BIND", "localhost:8889"),
        ("SLUICE_UDP_BIND", "127.0.0.1:65536"),
        ("SLUICE_UDP_BIND", "127.0.0.1:-1"),
        ("SLUICE_ANNOUNCE", "example.com"),
        ("SLUICE_ANNOUNCE", "everywhere"),
        ("SLUICE_MAX_SESSIONS", "0"),
        ("SLUICE_MAX_SESSIONS", "many"),
        ("SLUICE_DRAIN_SECONDS", "-1"),
        ("SLUICE_DRAIN_SECONDS", "nan"),
        ("SLUICE_LOG_LEVEL", "LOUD"),
        ("SLUICE_SENDING", "rust"),
    ],
)
def test_a_wrong_value_is_named_with_what_to_do(name: str, value: str) -> None:
    """One sentence: which variable, what it holds, what it should hold."""
    (mistake,) = _mistakes(**{name: value})
    assert mistake.startswith(f"{name} is {value!r}; set it to ")


@pytest.mark.parametrize(
    ("environ", "begins"),
    [
        ({"SLUICE_UDP_BIND": "0.0.0.0:8189"}, "SLUICE_ANNOUNCE is not set"),
        ({"SLUICE_METRICS_BIND": "127.0.0.1:8889"}, "SLUICE_METRICS_BIND is 127.0.0.1:8889"),
        ({"SLUICE_TLS_KEY": "key.pem"}, "SLUICE_TLS_CERTIFICATE and SLUICE_TLS_KEY"),
    ],
)
def test_values_that_contradict_each_other_are_named(environ: dict[str, str], begins: str) -> None:
    """Each of them is right by itself."""
    (mistake,) = _mistakes(**environ)
    assert mistake.startswith(begins)


def test_every_variable_is_in_the_manual() -> None:
    """And the manual names none that is not read."""
    root = Path(__file__).parents[2]
    names = re.compile(r"\b(?:SLUICE|AWS)_[A-Z_]+\b")
    read = set(names.findall((root / "sfu/settings.py").read_text()))
    assert set(names.findall((root / "docs/nodes.md").read_text())) == read
