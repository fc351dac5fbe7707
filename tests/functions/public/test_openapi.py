"""The OpenAPI document says what the API is: every route, every model, every code; and its examples are true."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from functions.account import handler as account
from functions.admin import handler as admin
from functions.domain.provision import create_key
from functions.domain.webhook import Webhook
from functions.edge.observability import LambdaLog
from functions.nodes import handler as nodes
from functions.public import handler as public
from functions.public.api import examples
from functions.public.api.endpoint import ApiEndpoint
from functions.public.api.endpoints import ALL
from functions.public.api.openapi import document
from functions.public.api.unlisted_endpoints import PAGES, PROBES
from functions.storage.webhooks import Webhooks
from shared.refusals import REGISTRY
from shared.tiers import Tier
from tests.functions.front import SDP, Front, routes
from tests.functions.world import Beating, World

OPERATIONS = {(one.method, one.path): one for one in ALL}
SIMPLE = [*PROBES, *PAGES]
"""They ask no store, so that one world does for all."""
EXAMPLES = [
    pytest.param(one, name, id=f"{one.method} {one.path} {name}")
    for one in ALL
    if one not in SIMPLE
    for name in examples.REQUESTS.get((one.method, one.path), {"": None})
]


def shape(path: str) -> str:
    """*path* with its variables' names taken out."""
    return re.sub(r"[{<][^}>]*[}>]", "{}", path)


def test_every_route_of_the_template_is_documented_and_no_other() -> None:
    """Preflights aside, which browsers send and no program does, and HEAD, which is told by GET; the operator's routes are the
    next test's.
    """
    routed = {
        (route.method, shape(route.path))
        for route in routes()
        if route.method not in {"OPTIONS", "HEAD"} and route.path != "$default" and "{proxy+}" not in route.path
    }
    documented = {(method.upper(), shape(path)) for method, path in OPERATIONS if "/v1/admin/" not in path}

    assert {path for _, path in routed} == {path for _, path in documented}
    assert {one for one in routed if one[0] != "ANY"} <= documented
    # What any other method is told is 405, which is no operation.
    for path in (path for method, path in routed if method == "ANY"):
        assert {method for method, found in documented if found == path} == {
            "GET", "HEAD", "OPTIONS", "POST",
        }  # fmt: skip


def test_every_route_of_the_functions_is_documented(world: World) -> None:
    """What Powertools' routers know, one by one."""
    log, time = LambdaLog("test"), {"clock": world.clock}
    settings, dynamo, ssm = world.settings, world.dynamo, world.ssm
    apps = (
        public.build(settings, log, dynamo, ssm, **time),
        account.build(settings, log, dynamo, ssm, **time),
        nodes.build(settings, log, dynamo, ssm, **time),
        admin.router(admin.operator_over(dynamo, settings, **time), log),
    )

    known = {(method.lower(), shape(path)) for app in apps for method, path in _rules(app)}

    assert known == {(method, shape(path)) for method, path in OPERATIONS if not _is_admission(path)}


def _rules(app: APIGatewayHttpResolver) -> Iterator[tuple[str, str]]:
    for route in [*app._static_routes, *app._dynamic_routes]:
        methods: Any = route.method
        if "OPTIONS" not in methods:
            yield methods if isinstance(methods, str) else methods[0], str(route.path)


def _is_admission(path: str) -> bool:
    return path.endswith(("/whip", "/whep")) or path in {"/v1/grants", "/v1/anonymous", "/v1/hooks/mediamtx"}


def test_every_code_of_the_registry_has_its_example() -> None:
    """The nodes' own codes too: who follows a redirect meets them."""
    assert set(document()["components"]["examples"]) == {code.value for code in REGISTRY}


def test_every_pattern_means_the_same_in_every_dialect() -> None:
    """What is white, a digit or a letter differs between ECMAScript, Python and the reader of our messages (Rust)."""
    patterns = set(patterns_in(document()))

    assert len(patterns) > 5
    assert not [pattern for pattern in patterns if re.search(r"\\[sSwWdDbB]", pattern)]


def patterns_in(schema: Any) -> Iterator[str]:
    """Every `pattern` that stands below *schema*."""
    if isinstance(schema, list):
        schema = dict(enumerate(schema))
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for below in schema.values():
            yield from patterns_in(below)


def test_every_parameter_has_an_example_of_its_pattern() -> None:
    """An example that the pattern refuses would be a lie in one line."""
    for one in ALL:
        for parameter in one.parameters:
            assert re.fullmatch(parameter.pattern or ".*", examples.PARAMETERS[parameter.name]), parameter.name


@pytest.mark.parametrize(("endpoint", "name"), EXAMPLES)
def test_every_example_is_answered_as_documented(world: World, endpoint: ApiEndpoint, name: str) -> None:
    """Against the handlers: the documented success, in the form of the documented model."""
    token, ids = stage(world, endpoint, name)
    body = examples.REQUESTS.get((endpoint.method, endpoint.path), {}).get(name)
    headers = [SDP] if endpoint.takes_offer else []

    answer = Front(world).ask(endpoint.method, target(endpoint, **ids), body, headers, credentials(endpoint, token))

    assert answer.status == endpoint.status, answer.text
    if endpoint.reply is not None:
        said = endpoint.reply.model_validate_json(answer.text)
        assert set(answer.json) <= set(said.model_dump(mode="json")), "a field that is not documented"
    for header in endpoint.headers:
        assert header in answer.headers
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_pages_and_probes_are_answered_as_documented(world: World) -> None:
    """With the examples of their parameters."""
    front = Front(world)
    for one in SIMPLE:
        answer = front.ask(one.method, target(one))
        assert answer.status == one.status, (one.method, one.path, answer.text)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def credentials(endpoint: ApiEndpoint, token: str) -> str | None:
    """What an endpoint wants as bearer token."""
    return {"stream key": examples.STREAM_KEY, "account token": token}.get(endpoint.security)


def target(endpoint: ApiEndpoint, **others: str) -> str:
    """The endpoint's address with the example of every parameter; *others* in their place."""
    values = {**examples.PARAMETERS, **others}
    query = "&".join(f"{one.name}={values[one.name]}" for one in endpoint.parameters if one.where == "query")
    return re.sub(r"{(\w+)}", lambda found: values[found[1]], endpoint.path) + (f"?{query}" if query else "")


def stage(world: World, endpoint: ApiEndpoint, name: str) -> tuple[str, dict[str, str]]:
    """A world in which the examples are true: the account's token, and what ids turned out to be."""
    token = world.account("acme", Tier.SOLO_CREATOR)
    found = world.registry.account("acme")
    assert found is not None
    made = create_key(world.registry, found, random=bytes, now=world.now)
    assert (made.stream_key.reveal(), made.stream) == (examples.STREAM_KEY, examples.STREAM_ID)
    mediamtx = "mediamtx" in endpoint.path
    node = Beating(kind="mediamtx") if mediamtx else Beating()
    if "/webhook" in endpoint.path and endpoint.method != "put":
        webhooks = Webhooks(world.dynamo, world.settings.accounts_table)
        assert webhooks.create(Webhook("acme", "https://hooks.example.com/sluice", "5a17", world.now))
    world.beat(node)
    if name == "read":
        session = world.ask_mediamtx(examples.REQUESTS[("post", endpoint.path)]["publish"], node.id).json["session"]
        live(world, node, session)
    elif name == "play" or "{session}" in endpoint.path or endpoint.path.endswith("/whep"):
        session = world.verified(world.publish(examples.STREAM_KEY)).claims.session
        live(world, node, session)
        return token, {"session": session}
    return token, {}


def live(world: World, node: Beating, session: str) -> None:
    """Let *node* carry the example's stream."""
    node.streams[examples.STREAM_ID] = {
        "stream": examples.STREAM_ID, "account": "acme", "session": session, "epoch": 1, "since": world.now,
    }  # fmt: skip
    world.beat(node)
