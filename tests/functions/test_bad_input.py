"""Every field of every request, wrong in every way that its schema forbids: 400, and the body names the field.

Made from the OpenAPI document, so that a new field is in it by itself. Each case takes an example that is answered well and
makes one field wrong. Besides: a name that is there twice, text that is no Unicode, and nothing may have been written.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import jsonschema_rs
import pytest

from functions.public.api import examples
from functions.public.api.endpoint import ApiEndpoint
from functions.public.api.endpoints import ALL
from functions.public.api.openapi import document
from shared.messages import UsageReport
from tests.functions.front import JSON, SDP, Front
from tests.functions.public.test_openapi import credentials, stage, target
from tests.functions.world import NOW, Beating, World

COMPONENTS = document()["components"]
BODIES = [one for one in ALL if one.request is not None]
WRONG: tuple[Any, ...] = (
    None, True, -1, 1.5, 2**70, {}, [], [{}], [1], "", "x", "x" * 5000, "\0", "a\u202eb", "\U0001f600", "e\u0301", "-1",
)  # fmt: skip
"""Null, other types, negative, too large, too long, NUL, right to left, emoji, combining."""
SURROGATE = "\ud800"
SESSION = {"stream": examples.STREAM_ID, "account": "acme", "session": "s" * 26}
LISTED: dict[str, Any] = {
    "streams": [{**SESSION, "epoch": 1, "since": NOW}],
    "ended": [{**SESSION, "action": "publish", "reason": "delete"}],
    "done": ["superseded-x"],
}
"""What makes an idle heartbeat one whose lists have something in them that can be wrong."""
Case = tuple[str, Any]
"""A field's path, and the whole body with that field wrong."""


def identity(one: ApiEndpoint) -> str:
    """How a case is called."""
    return f"{one.method} {one.path}"


def full(one: ApiEndpoint) -> Iterator[dict[str, Any]]:
    """The endpoint's examples with whatever they leave out filled in, so that there is something to be wrong."""
    for example in examples.REQUESTS[(one.method, one.path)].values():
        yield {**example, **LISTED} if one.path.endswith("/heartbeat") else dict(example)


def wrong_bodies(schema: dict[str, Any], body: dict[str, Any]) -> Iterator[Case]:
    """*body* with each field of *schema* wrong in each way, and left out where it is needed."""
    for path, field, needed in fields(schema, body):
        for value in WRONG:
            # What Python takes for the number 1 is taken for a version.
            if not fits(field, value) and field.get("const") != value:
                yield ".".join(map(str, path)), changed(body, path, value)
        if needed:
            yield ".".join(map(str, path)), changed(body, path, ...)


def fields(schema: dict[str, Any], body: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, Any, bool]]:
    """Every field of *schema*, also of the objects and lists that *body* has in it: its path, its schema, if it is needed."""
    schema = chosen(schema, body)
    for name, field in schema.get("properties", {}).items():
        here = (*path, name)
        yield here, field, name in schema.get("required", ())
        inner = body.get(name)
        if isinstance(inner, dict):
            yield from fields(field, inner, here)
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            yield from fields(field["items"], inner[0], (*here, 0))


def chosen(schema: dict[str, Any], body: Any) -> dict[str, Any]:
    """*schema* without references, and of several the one that *body* is of."""
    if "$ref" in schema:
        return chosen(COMPONENTS["schemas"][schema["$ref"].rpartition("/")[2]], body)
    several = schema.get("oneOf") or schema.get("anyOf") if "properties" not in schema else None
    return chosen(next(one for one in several if fits(one, body)), body) if several else schema


def fits(schema: dict[str, Any], value: Any) -> bool:
    """Whether the document allows *value*."""
    return jsonschema_rs.is_valid({**schema, "components": COMPONENTS}, value)


def changed(body: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """*body* with *value* at *path*; without what is there for an ellipsis."""
    made: Any = deepcopy(body)
    at = made
    for step in path[:-1]:
        at = at[step]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return dict(made)


def twice(body: dict[str, Any], name: str) -> str:
    """*body* as JSON with *name* twice in it, at the top."""
    pairs = [*body.items(), (name, body.get(name)), *([] if name in body else [(name, None)])]
    return "{" + ", ".join(f"{json.dumps(one)}: {json.dumps(value)}" for one, value in pairs) + "}"


def written(world: World) -> float:
    """What all functions have written so far."""
    return sum(call.write_units for calls in world.calls.values() for call in calls)


@pytest.mark.parametrize("endpoint", BODIES, ids=identity)
def test_a_wrong_field_is_named(world: World, endpoint: ApiEndpoint) -> None:
    """Missing, null, of another type, too long, too large, negative, of letters that it cannot have."""
    assert endpoint.request is not None
    token, ids = stage(world, endpoint, "")
    front, before, asked = Front(world), written(world), 0
    schema = {"$ref": f"#/components/schemas/{endpoint.request.__name__}"}

    for body in full(endpoint):
        cases = [*wrong_bodies(schema, body)]
        cases += [(".".join(map(str, path)), changed(body, path, SURROGATE)) for path, _, _ in fields(schema, body)]
        cases += [(name, twice(body, name)) for name in chosen(schema, body)["properties"]]
        for field, wrong in cases:
            answer = front.ask(
                endpoint.method, target(endpoint, **ids), as_json(wrong), [JSON], credentials(endpoint, token)
            )
            assert (answer.status, answer.code) == (400, "INVALID_REQUEST"), (field, wrong, answer.text)
            assert names(answer.json.get("field"), field), (field, wrong, answer.text)
            asked += 1
    assert asked >= 10
    assert written(world) == before


def as_json(body: Any) -> str:
    """As it is sent; a lone surrogate as its escape."""
    return body if isinstance(body, str) else json.dumps(body)


def names(said: str | None, field: str) -> bool:
    """Whether a refusal names *field*, or what is wrong within it."""
    return said is not None and (said == field or said.startswith(f"{field}."))


QUERIES = [
    pytest.param(one, parameter.name, id=f"{identity(one)} {parameter.name}")
    for one in ALL
    for parameter in one.parameters
    if parameter.where == "query"
]


@pytest.mark.parametrize(("endpoint", "name"), QUERIES)
def test_a_wrong_parameter_is_named(world: World, endpoint: ApiEndpoint, name: str) -> None:
    """Of another form, too long, negative, in the past, of other digits, or twice."""
    examples_of = examples.REQUESTS.get((endpoint.method, endpoint.path), {"": None})
    token, ids = stage(world, endpoint, "")
    front, before = Front(world), written(world)
    good = target(endpoint, **ids)
    address, _, query = good.partition("?")
    (parameter,) = (one for one in endpoint.parameters if one.name == name)
    others = [part for part in query.split("&") if not part.startswith(f"{name}=")]
    for wrong in (
        "%00",
        "x" * 5000,
        "%F0%9F%98%80",
        "a%20b",
        "%E2%80%AEx",
        "%D9%A1",
        "-1,",
        "1&{name}=1",
        "%ED%A0%80",
        "",
    ):
        if not wrong and not parameter.required:
            continue
        sent = "&".join([*others, *([f"{name}={wrong.replace('{name}', name)}"] if wrong else ())])
        headers = [SDP] if endpoint.takes_offer else [JSON]
        body = next(iter(examples_of.values()))
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        answer = front.ask(endpoint.method, f"{address}?{sent}", text, headers, credentials(endpoint, token))
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST"), (wrong, answer.text)
        assert answer.json["field"] == name
    assert written(world) == before


def test_a_header_that_is_there_twice_is_refused(world: World, node: Beating) -> None:
    """API Gateway joins the values with a comma, so that nothing reads as if it were there once."""
    assert node.id == "node1"
    world.account("acme")
    key, _ = world.key("acme")
    front = Front(world)

    def publish(*headers: tuple[str, str]) -> tuple[int, str | None]:
        answer = front.ask("POST", "/whip", examples.OFFER, headers)
        return answer.status, answer.json.get("field")

    bearer = ("Authorization", f"Bearer {key}")
    assert publish(SDP, bearer, bearer) == (401, None)
    assert publish(SDP, SDP, bearer) == (415, None)
    again = ("Idempotency-Key", "a")
    assert publish(SDP, bearer, again, again) == (400, "Idempotency-Key")
    assert publish(SDP, bearer, ("Idempotency-Key", "x" * 256)) == (400, "Idempotency-Key")
    assert world.slots("acme") == {}


def test_a_wrong_field_of_a_usage_report_fails_that_record_alone(world: World) -> None:
    """It goes to the dead-letter queue in the end; the right one beside it is merged, and nothing else."""
    world.account("acme")
    entry = {"account": "acme", "month": "2026-11", "received": 1, "sent": 2}
    good = {"v": 1, "node": "node1", "boot": "b" * 16, "seq": 1, "at": NOW, "entries": [entry]}
    schema = UsageReport.model_json_schema()
    inlined = json.loads(
        json.dumps(schema).replace('"$ref": "#/$defs/UsageEntry"', json.dumps(schema["$defs"]["UsageEntry"])[1:-1])
    )
    wrong = [body for _, body in wrong_bodies(inlined, good)]
    wrong += [twice(good, name) for name in good]
    wrong += ["", "{", "[]", "null", "\0"]

    failed = world.consume(*wrong, good)

    assert failed == list(range(len(wrong)))
    assert world.ledger.used("acme", "2026-11") == 3
