"""The public function in a world."""

import base64
import gzip
from collections.abc import Callable
from typing import Any

import pytest

from functions.edge.observability import LambdaLog
from functions.public import handler
from functions.storage.dynamo import Dynamo
from tests.functions.world import CONTEXT, Answer, World, load_event

Get = Callable[..., Answer]


@pytest.fixture
def get(world: World) -> Get:
    """GET a path of the public function."""
    world.calls.setdefault("public", [])
    dynamo, ssm = Dynamo(world._client("public")), world._ssm("public")
    app = handler.build(world.settings, LambdaLog("public"), dynamo, ssm, clock=world.clock)

    def ask(path: str, *, method: str = "GET", **headers: str) -> Answer:
        event = load_event("page")
        del event["headers"]["accept-encoding"]
        event["rawPath"] = event["requestContext"]["http"]["path"] = path
        event["requestContext"]["http"]["method"] = method
        event["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
        return answer_of(app.resolve(event, CONTEXT))

    return ask


def answer_of(event: dict[str, Any]) -> Answer:
    """A payload-2.0 response, its body decoded."""
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        body = gzip.decompress(base64.b64decode(body)).decode()
    return Answer(event["statusCode"], dict(event["headers"]), body)
