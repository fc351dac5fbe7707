"""Bad input to a whole stack's API and into its queue (issue 4): each a 4xx that says what to do, and nothing is changed.

Over plain sockets, because HTTP libraries tidy up what they are given. The nodes' half is tests/sfu/signalling/test_hostile_http.py.
"""

import asyncio
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from functions.domain.provision import CreatedKey
from local import settings
from shared.months import month_of
from shared.tiers import Tier
from tests.fuzz.fuzzing import Signed
from tests.integration.metering.test_exact import client, drained, new_account, queue, registry
from tests.integration.test_documented_codes import golden
from tests.sfu.raw_http import Answer, ask, request

SDP = "application/sdp"
JSON = "application/json"
OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"


@dataclass
class Target:
    """The API, an account with a key, and the key of another one."""

    stack: dict[str, Any]
    account: str
    token: str
    key: CreatedKey
    other: CreatedKey

    @property
    def secret(self) -> str:
        """The text of the stream key."""
        return self.key.stream_key.reveal()

    async def send(self, method: str, path: str, body: bytes | str = b"", /, **fields: str | None) -> Answer:
        """The answer to exactly this."""
        return await ask(urlsplit(self.stack["api"]).port or 80, request(method, path, body, **fields), 30)

    async def slots(self) -> Mapping[str, Any]:
        """The slots in the account's roster."""
        found = await asyncio.to_thread(lambda: registry(self.stack).account(self.account))
        assert found is not None
        return found.slots


@pytest.fixture(scope="module")
def target(stack: dict[str, Any]) -> Target:
    """One for all: nothing here changes anything."""
    made, (key,) = new_account(stack, Tier.REGISTERED)
    _, (other,) = new_account(stack, Tier.REGISTERED)
    return Target(stack, made.account.id, made.token.reveal(), key, other)


def says_what_to_do(answer: Answer, code: str = "INVALID_REQUEST") -> bool:
    """Whether *answer* is a refusal of ours: a sentence and a code, for a browser too, and nothing of the inside."""
    body = answer.json
    return (
        400 <= answer.status < 500
        and len(body["error"].split()) > 2
        and body["code"] == code
        and answer["Content-Type"] == JSON
        and answer["Access-Control-Allow-Origin"] == "*"
        and b"Traceback" not in answer.body
    )


KEYS = {
    "unknown": "live_" + "a" * 32,
    "no-key-at-all": "nosuchkey",
    "empty": "",
    "10-kilobytes": "live_" + "a" * 10_000,
    "encoded-slashes": "live_%2F..%2F..%2Fetc%2Fpasswd",
    "encoded-nul": "live_%00" + "a" * 31,
    "not-utf-8": "live_%ff%fe",
    "bad-encoding": "%zz%",
    "unicode": "live_%E2%82%AC",
    "dots": "..",
}


def wrong_key(target: Target, name: str) -> str:
    """One of `KEYS`, or one that is made of another account's."""
    others = {
        "anothers-stream-id": target.other.stream,
        "own-stream-id": target.key.stream,
        "a-key-with-a-tail": target.secret + "a",
        "upper-case": target.secret.upper(),
    }
    return {**KEYS, **others}[name]


@pytest.mark.parametrize("name", [*KEYS, "anothers-stream-id", "own-stream-id", "a-key-with-a-tail", "upper-case"])
async def test_a_wrong_key_is_invalid_wherever_it_is_put(target: Target, name: str) -> None:
    """In the address, as a bearer token and in a request for a grant: the documented body, to the byte, each time."""
    key = wrong_key(target, name)
    asked = json.dumps({"action": "publish", "key": unquote(key)})

    answers = [
        await target.send("POST", f"/{key}/whip", OFFER, Content_Type=SDP),
        await target.send("POST", "/whip", OFFER, Content_Type=SDP, Authorization=f"Bearer {key}"),
        await target.send("POST", "/v1/grants", asked, Content_Type=JSON),
    ]

    for answer in answers:
        assert (answer.status, answer.body) == golden("INVALID_KEY")
        assert says_what_to_do(answer, "INVALID_KEY")
        assert answer["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("name", [*KEYS, "a-key", "anothers-key"])
async def test_a_wrong_stream_id_names_no_stream(target: Target, name: str) -> None:
    """Keys are none, whoever's they are: 404, and none of it in the answer."""
    keys = {"a-key": target.secret, "anothers-key": target.other.stream_key.reveal()}
    stream = {**KEYS, **keys}[name]
    asked = json.dumps({"action": "play", "stream": unquote(stream)})

    answers = [
        await target.send("POST", f"/{stream}/whep", OFFER, Content_Type=SDP),
        await target.send("POST", "/v1/grants", asked, Content_Type=JSON),
    ]

    for answer in answers:
        assert answer.status == 404
        assert says_what_to_do(answer, "STREAM_NOT_FOUND")
        assert not stream or stream.encode() not in answer.body


BODIES: dict[str, tuple[bytes | str, int]] = {
    "empty": ("", 400),
    "blank": (" \r\n ", 400),
    "hello": ("hello", 400),
    "version-only": ("v=0\r\n", 400),
    "cr-only": (OFFER.replace("\r\n", "\r"), 400),
    "nul": (OFFER.replace("s=-", "s=\0"), 400),
    "json": ('{"type": "offer", "sdp": "v=0"}', 400),
    "html": ("<!doctype html><title>v=0</title>", 400),
    "bytes": (bytes(range(256)), 400),
    "just-too-large": (OFFER + "a=x\r\n" * 13_200, 413),
    # API Gateway lets 10 MB through, so that the function refuses it.
    "5-megabytes": (b"v=0\r\nm=" + b"a" * 5_000_000, 413),
}


@pytest.mark.parametrize("protocol", ["whip", "whep"])
@pytest.mark.parametrize("name", BODIES)
async def test_what_is_no_offer_is_refused_before_anything_is_taken(target: Target, name: str, protocol: str) -> None:
    """With a right key, so that a broken encoder costs its account no slot."""
    body, status = BODIES[name]
    path = f"/{target.secret}/whip" if protocol == "whip" else f"/{target.key.stream}/whep"

    answer = await target.send("POST", path, body, Content_Type=SDP)

    assert answer.status == status
    assert says_what_to_do(answer)
    assert await target.slots() == {}


@pytest.mark.parametrize("protocol", ["whip", "whep"])
@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", JSON, "application/sdpx", "sdp", "application/trickle-ice-sdpfrag"]
)
async def test_a_wrong_content_type_is_a_415_that_names_the_right_one(
    target: Target, content_type: str | None, protocol: str
) -> None:
    """Also where the body would do."""
    path = f"/{target.secret}/whip" if protocol == "whip" else f"/{target.key.stream}/whep"

    answer = await target.send("POST", path, OFFER, Content_Type=content_type)

    assert (answer.status, answer["Accept-Post"]) == (415, SDP)
    assert says_what_to_do(answer)
    assert await target.slots() == {}


GRANTS: dict[str, tuple[bytes | str, int]] = {
    "empty": ("", 400),
    "an-offer": (OFFER, 400),
    "cut-off": ('{"action": "publish", "key": "live_', 400),
    "list": ("[]", 400),
    "nothing-asked": ("{}", 400),
    "unknown-action": ('{"action": "dance"}', 400),
    "key-is-no-text": ('{"action": "publish", "key": {}}', 400),
    "nests-without-end": ("[" * 10_000, 400),
    "named-twice": ('{"action": "play", "action": "publish", "key": "x"}', 400),
    "not-utf-8": (b'{"action": "publish", "key": "\xff"}', 400),
    "5-megabytes": (b'{"action": "' + b"a" * 5_000_000 + b'"}', 413),
}


@pytest.mark.parametrize("name", GRANTS)
async def test_a_request_for_a_grant_that_asks_for_nothing(target: Target, name: str) -> None:
    """A node's or a player's mistake."""
    body, status = GRANTS[name]

    answer = await target.send("POST", "/v1/grants", body, Content_Type=JSON)

    assert answer.status == status
    assert says_what_to_do(answer)


async def test_methods_that_are_not_for_offers(target: Target) -> None:
    """GET is answered without content, as RFC 9725 (4.1) and the WHEP draft (4.2) have it; others with those that are."""
    whip, whep = f"/{target.secret}/whip", f"/{target.key.stream}/whep"

    for path, status in ((whip, 204), ("/whip", 204), (whep, 200)):
        found = await target.send("GET", path)
        assert (found.status, found.body, found["Access-Control-Allow-Origin"]) == (status, b"", "*")
        for method in ("PUT", "PATCH", "DELETE"):
            answer = await target.send(method, path, OFFER, Content_Type=SDP)
            assert (answer.status, answer["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")
            assert says_what_to_do(answer)
    assert await target.slots() == {}


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(
    "path", ["/v1/grants", "/v1/anonymous", "/v1/nodes/node1/heartbeat", "/v1/hooks/mediamtx", "/x"]
)
async def test_where_only_post_is_there_is_nothing_for_others(target: Target, method: str, path: str) -> None:
    """A method without a route is API Gateway's default route, which says so."""
    answer = await target.send(method, path, "{}", Content_Type=JSON)

    assert answer.status == 404
    assert says_what_to_do(answer, "NOT_FOUND")


async def test_a_right_offer_after_wrong_ones_is_admitted(stack: dict[str, Any]) -> None:
    """Nothing of what was wrong counts against the key, not even for a moment."""
    _, (key,) = await asyncio.to_thread(new_account, stack, Tier.REGISTERED)
    path, port = f"/{key.stream_key.reveal()}/whip", urlsplit(stack["api"]).port or 80
    for body, _ in BODIES.values():
        await ask(port, request("POST", path, body, Content_Type=SDP), 30)

    answer = await ask(port, request("POST", path, OFFER, Content_Type=SDP), 30)

    assert answer.status == 307, answer.body
    assert answer["Location"].partition("?grant=")[0].endswith(f"/{key.stream}/whip")


class Caller:
    """Whoever may call what IAM guards, and a node of its own: a MediaMTX, since nothing is placed on one."""

    def __init__(self, stack: dict[str, Any]) -> None:
        self.url = stack["api"].rstrip("/")
        self.signed = Signed(settings.state_directory(urlsplit(self.url).port or 80))
        self.node = f"mtx-{os.urandom(4).hex()}"

    def message(self, **changes: Any) -> dict[str, Any]:
        """A heartbeat of the node, with *changes*."""
        said = {
            "v": 1, "node": self.node, "boot": "b" * 16, "at": time.time(), "url": "http://127.0.0.1:1",
            "state": "serving", "kind": "mediamtx", "started_at": time.time() - 5,
        }  # fmt: skip
        return said | changes

    def beat(self, body: Any, auth: Any = None) -> requests.Response:
        """The answer to *body* as the node's heartbeat."""
        text = body if isinstance(body, str) else json.dumps(body)
        address = f"{self.url}/v1/nodes/{self.node}/heartbeat"
        return requests.post(address, data=text, headers={"Content-Type": JSON}, auth=auth, timeout=20)

    def nodes(self) -> dict[str, str]:
        """The fleet as the operator sees it: each node's state."""
        answer = requests.get(f"{self.url}/v1/admin/nodes", auth=self.signed, timeout=20)
        assert answer.status_code == 200, answer.text
        return {one["node"]: one["state"] for one in answer.json()["nodes"]}


def foreign(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    """Signed as it should be, by somebody else."""
    asked = AWSRequest(prepared.method, prepared.url, data=prepared.body or b"")
    SigV4Auth(Credentials("AKIAELSEWHERE", "x" * 40), "execute-api", "us-east-1").add_auth(asked)
    prepared.headers.update(asked.headers.items())
    return prepared


HEARTBEATS: dict[str, tuple[Any, str | None]] = {
    "empty": ("", None),
    "cut-off": ('{"v": 1, "node": ', None),
    "list": ("[]", None),
    "nothing-said": ("{}", "node"),
    "of-another-node": ({"node": "node1"}, "node"),
    "future-boot": ({"started_at": 9e9}, "started_at"),
    "boot-before-time": ({"started_at": -1}, "started_at"),
    "unknown-version": ({"v": 2}, "v"),
    "unknown-state": ({"state": "tired"}, "state"),
    "negative-load": ({"load": {"viewers": -1}}, "load.viewers"),
    "no-url": ({"url": "ftp://x"}, "url"),
    "broken-stream": ({"streams": [{}]}, "streams.0.stream"),
}


@pytest.mark.parametrize("name", HEARTBEATS)
def test_a_broken_heartbeat_names_what_is_wrong_and_makes_no_node(stack: dict[str, Any], name: str) -> None:
    """Signed, so that it reaches the function."""
    changes, field = HEARTBEATS[name]
    caller = Caller(stack)

    answer = caller.beat(caller.message(**changes) if changes and isinstance(changes, dict) else changes, caller.signed)

    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert (body["code"], body.get("field")) == ("INVALID_REQUEST", field)
    assert len(body["error"].split()) > 2
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Traceback" not in answer.text
    assert caller.node not in caller.nodes()


def test_an_iam_authorised_caller_may_introduce_a_node_that_was_never_heard_of(stack: dict[str, Any]) -> None:
    """That is the design: there is no list of nodes to be kept, the right to call this address makes one."""
    caller = Caller(stack)

    first = caller.beat(caller.message(), caller.signed)

    assert first.status_code == 200, first.text
    assert first.json()["keys"]["keys"]
    assert caller.nodes()[caller.node] == "serving"
    # An older process of the same name has no say beside it.
    older = caller.beat(caller.message(boot="c" * 16, started_at=time.time() - 500), caller.signed)
    assert (older.status_code, older.json()["field"]) == (409, "boot")
    assert caller.beat(caller.message(state="stopped"), caller.signed).status_code == 200


@pytest.mark.parametrize("auth", [None, foreign], ids=["unsigned", "signed-by-another"])
def test_a_caller_that_iam_does_not_know_introduces_no_node(stack: dict[str, Any], auth: Any) -> None:
    """API Gateway itself refuses, in its own form; the function does not hear of it."""
    caller = Caller(stack)

    answer = caller.beat(caller.message(), auth)

    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    assert caller.node not in caller.nodes()


def test_what_cannot_be_metered_ends_in_the_dead_letter_queue_and_changes_no_total(stack: dict[str, Any]) -> None:
    """Malformed JSON, an unknown version, negative bytes: evidence for somebody to look at, and no bytes of anybody's."""
    made, _ = new_account(stack, Tier.REGISTERED)
    now, sqs = time.time(), client(stack, "sqs")
    url = queue(stack, sqs)

    def report(seq: int, received: int) -> dict[str, Any]:
        entry = {"account": made.account.id, "month": month_of(now), "received": received, "sent": 0}
        return {"v": 1, "node": made.account.id, "boot": "b" * 16, "seq": seq, "at": now, "entries": [entry]}

    bad = {
        json.dumps(report(2, 10**9))[:-1],
        json.dumps(report(3, 10**9) | {"v": 2}),
        json.dumps(report(4, -(10**6))),
    }
    with seen_again_after(sqs, url, seconds=1):
        # The good one first: a poll that was under way hides what it gets for as long as was said when it began.
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(report(1, 1000)))
        asyncio.run(drained(stack))
        for body in bad:
            sqs.send_message(QueueUrl=url, MessageBody=body)
        dead = dead_letters(sqs, url, bad)
        # What is dead holds up nobody: the next report is merged.
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(report(5, 1500)))
        asyncio.run(drained(stack))

    assert dead == bad
    answer = requests.get(
        f"{stack['api'].rstrip('/')}/v1/account/usage",
        headers={"Authorization": f"Bearer {made.token.reveal()}"},
        timeout=20,
    )
    assert answer.json()["bytes"] == 1500


@contextmanager
def seen_again_after(sqs: Any, url: str, *, seconds: int) -> Iterator[None]:
    """Let failed messages of a queue come again so soon: five times a minute is the template's, and a minute is long here."""

    def hidden_for(text: str) -> None:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": text})

    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    hidden_for(str(seconds))
    try:
        yield
    finally:
        hidden_for(found["Attributes"]["VisibilityTimeout"])


def dead_letters(sqs: Any, url: str, wanted: set[str]) -> set[str]:
    """Those of *wanted* that the dead-letter queue has got within two minutes; they are taken out of it, and nothing else is."""
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
    name = json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].rpartition(":")[2]
    dead = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found: set[str] = set()
    end = time.monotonic() + 120
    while found != wanted and time.monotonic() < end:
        for message in sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10).get("Messages", []):
            if message["Body"] in wanted:
                found.add(message["Body"])
                sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
        time.sleep(0.5)
    return found
