"""A store that fails for a while is waited for by time, and a longer trouble is told in time: real botocore, real HTTP."""

import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from functions.edge import aws
from functions.edge.observability import LambdaLog
from functions.edge.settings import FunctionSettings
from functions.public import handler as public
from functions.storage.dynamo import Dynamo
from functions.storage.patience import RESERVE_SECONDS, STORE_SECONDS, Patience
from tests.functions.world import CONTEXT, load_event

STREAM = "a" * 16
ERRORS = {
    "its own trouble": (500, "InternalServerError"),
    "throttled": (400, "ProvisionedThroughputExceededException"),
    "unavailable": (503, "ServiceUnavailable"),
}
LASTING = {"gone": (400, "ResourceNotFoundException")}


class Store:
    """An HTTP server that fails as DynamoDB does for some seconds, and then knows no stream."""

    def __init__(self, seconds: float, status: int, code: str) -> None:
        self.asked: list[float] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            """Notes when it was asked, and answers as it is told."""

            def do_POST(self) -> None:
                """Answer one operation of DynamoDB's."""
                asked.append(time.monotonic())
                self.rfile.read(int(self.headers["Content-Length"]))
                broken = time.monotonic() < asked[0] + seconds
                body = f'{{"__type":"x#{code}","message":"m"}}' if broken else '{"Responses":{},"UnprocessedKeys":{}}'
                self.send_response(status if broken else 200)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: Any) -> None:
                """Say nothing of a request."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()


class Invocation:
    """Lambda's context with so many seconds left."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """The milliseconds that are left, as Lambda says it."""
        return int((self._until - time.monotonic()) * 1000)


Asking = Callable[[float, str, float], tuple[dict[str, Any], float, list[float]]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asking]:
    """What the public function answers over a store that is broken for some seconds, in which time, by which calls."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    stores: list[Store] = []

    def asked(broken: float, trouble: str, left: float) -> tuple[dict[str, Any], float, list[float]]:
        store = Store(broken, *{**ERRORS, **LASTING}[trouble])
        stores.append(store)
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{store.server.server_port}")
        patience = Patience()
        dynamo = Dynamo(aws.AwsSession().dynamodb(), patience)
        ssm: Any = None
        app = public.build(FunctionSettings("accounts", "fleet"), LambdaLog("public"), dynamo, ssm)
        event = load_event("stream_state")
        event["rawPath"], event["pathParameters"] = f"/v1/streams/{STREAM}", {"stream_id": STREAM}
        begun = time.monotonic()
        patience.begin(Invocation(left))
        answer = app.resolve(event, CONTEXT)
        return answer, time.monotonic() - begun, store.asked

    yield asked
    for store in stores:
        store.server.shutdown()
        store.server.server_close()


@pytest.mark.parametrize("trouble", ERRORS)
def test_two_seconds_of_trouble_are_survived(ask: Asking, trouble: str) -> None:
    """The answer is the right one, late; by few calls, which come at growing distances."""
    answer, took, asked = ask(2, trouble, 10)

    assert answer["statusCode"] == 404
    assert 2 <= took <= STORE_SECONDS
    assert len(asked) <= 12


@pytest.mark.parametrize(("left", "longest"), [(10.0, STORE_SECONDS), (5.0, 5.0 - RESERVE_SECONDS)])
def test_a_longer_trouble_is_told_in_time(ask: Asking, left: float, longest: float) -> None:
    """503 in our words, after the time that is given to a store, and before Lambda's limit whatever came before."""
    answer, took, asked = ask(60, "its own trouble", left)

    assert answer["statusCode"] == 503
    assert '"code": "UNAVAILABLE"' in answer["body"]
    assert "Retry-After" in str(answer)
    assert longest - 1 <= took <= longest + 0.5
    assert len(asked) > 2


def test_what_no_waiting_changes_is_told_at_once(ask: Asking) -> None:
    """A table that is gone."""
    answer, _, asked = ask(60, "gone", 10)

    assert answer["statusCode"] == 503
    assert len(asked) == 1


def test_pauses_end_by_time_and_grow() -> None:
    """On a clock of the test's: together they stay within the store's time, and nobody is asked more than twice a second."""
    now = 0.0
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    patience = Patience(lambda: now, sleep, lambda: 1.0)

    assert len(list(patience.pauses())) == len(slept)
    assert STORE_SECONDS - 0.5 <= sum(slept) <= STORE_SECONDS
    assert slept == sorted(slept)
