"""API Gateway before the functions of a world: HTTP in, HTTP out, by the template's own routes and without a socket.

Events are made by `local.aws.events`, as `make up` makes them (joined duplicates, decoded paths, base64), and handlers answer
them as Lambda would have them. Left out: signatures (`tests/local`), and time limits.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from functions.account import handler as account
from functions.admin import handler as admin
from functions.admission import handler as admission
from functions.edge.observability import LambdaLog
from functions.edge.web import request_of
from functions.hooks import handler as hooks
from functions.nodes import handler as nodes
from functions.public import handler as public
from functions.storage.dynamo import Dynamo
from local.aws import template
from local.aws.events import from_answer, to_event
from local.aws.http_messages import HttpRequest
from local.aws.intrinsics import Deployment
from local.aws.resources import Route
from local.aws.routes import Router
from tests.functions.world import CONTEXT, ROOT, Answer, World

JSON = ("Content-Type", "application/json")
SDP = ("Content-Type", "application/sdp")


@cache
def routes() -> tuple[Route, ...]:
    """The routes that the template has."""
    where = Deployment("test", "us-east-1", "http://127.0.0.1:1", "http://127.0.0.1:2")
    return template.read(ROOT / "template.yaml", where).routes


@dataclass
class Front:
    """The API of one world; *dynamo* and *ssm* in place of the world's own where they are given."""

    world: World
    dynamo: Dynamo | None = None
    ssm: Any = None
    address: str = "203.0.113.7"
    secure: bool = False
    """Whether requests come by https, as all do at API Gateway; on one machine none does."""
    _functions: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        target: str,
        body: Any = None,
        headers: Sequence[tuple[str, str]] = (),
        token: str | None = None,
    ) -> Answer:
        """The answer to one request; a *body* that is neither bytes nor text is sent as JSON."""
        fields = [("Host", "api.example.com"), *headers]
        if token is not None:
            fields.append(("Authorization", f"Bearer {token}"))
        if body is not None and not isinstance(body, bytes | str):
            body = json.dumps(body)
            fields.append(JSON)
        data = body.encode() if isinstance(body, str) else body or b""
        request = HttpRequest(method.upper(), target, fields, data, self.address)
        match = Router(routes()).match(request.method, request.raw_path)
        assert match is not None
        event = to_event(request, match, request_id="test", now=self.world.now)
        if self.secure:
            event["headers"]["x-forwarded-proto"] = "https"
        answer = from_answer(json.dumps(self._function(match.route.function)(event)).encode())
        return Answer(
            answer.status,
            {name.title(): value for name, value in answer.headers},
            answer.body.decode("utf-8", "replace"),
        )

    def _function(self, name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        if name not in self._functions:
            self._functions[name] = self._built(name.removesuffix("Function").lower())
        return self._functions[name]

    def _built(self, name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        world, settings = self.world, self.world.settings
        log = LambdaLog(name)
        dynamo = self.dynamo or Dynamo(world._client(name))
        ssm = self.ssm or world._ssm(name)
        time: Mapping[str, Any] = {"clock": world.clock}
        told = {**time, "events": lambda: world._events(name)}
        busy = {**told, "sleep": world.sleep}
        if name == "admission":
            made = admission.build(settings, log, dynamo, ssm, **busy, choose=lambda _: 0)
            return lambda event: made.answer(request_of(event)).event()
        if name == "hooks":
            hook = hooks.build(settings, log, dynamo, **busy)
            return lambda event: hooks.answer(hook, request_of(event), log).event()
        app = {
            "nodes": lambda: nodes.build(settings, log, dynamo, ssm, **told),
            "account": lambda: account.build(settings, log, dynamo, ssm, **time, events=lambda: world._events(name)),
            "public": lambda: public.build(settings, log, dynamo, ssm, **time),
            "admin": lambda: admin.router(admin.operator_over(dynamo, settings, **time), log),
        }[name]()
        return lambda event: app.resolve(event, CONTEXT)
