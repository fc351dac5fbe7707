"""The OpenAPI 3.1 document: made from the endpoints' table, the handlers' own models and the registry of refusals."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from pydantic.json_schema import models_json_schema

from functions.public.endpoints import ENDPOINTS, Endpoint, Parameter
from functions.public.examples import EXAMPLES
from shared.refusals import REGISTRY, Code

Json = dict[str, Any]

_SECURITY: Mapping[str, Json] = {
    "stream key": {"type": "http", "scheme": "bearer", "description": "The stream key."},
    "account token": {"type": "http", "scheme": "bearer", "description": "The account token, `acct_…`."},
}
_NAMES = {"stream key": "streamKey", "account token": "accountToken"}


def document(version: str = "0.1.0") -> Json:
    """The whole document."""
    replies = sorted({one.reply for one in ENDPOINTS if one.reply}, key=lambda reply: reply.__name__)
    _, schemas = models_json_schema(
        [(reply, "serialization") for reply in replies], ref_template="#/components/schemas/{model}"
    )
    paths: dict[str, Json] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sluice",
            "version": version,
            "description": "Admission-controlled WebRTC broadcasting. Every refusal has the same shape.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {**schemas["$defs"], "Refusal": _refusal_schema()},
            "securitySchemes": {_NAMES[name]: scheme for name, scheme in _SECURITY.items()},
        },
    }


def _operation(endpoint: Endpoint) -> Json:
    operation: Json = {
        "tags": [endpoint.group],
        "operationId": _operation_id(endpoint),
        "summary": endpoint.summary,
        "description": endpoint.about,
        "responses": {str(endpoint.status): _success(endpoint), **_refused(endpoint.refusals)},
    }
    if endpoint.parameters:
        operation["parameters"] = [_parameter(parameter) for parameter in endpoint.parameters]
    if endpoint.takes_offer:
        offer = {"schema": {"type": "string", "maxLength": 65536}}
        operation["requestBody"] = {"required": True, "content": {"application/sdp": offer}}
    elif endpoint.request:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": endpoint.request}}}
    if endpoint.security in _NAMES:
        operation["security"] = [{_NAMES[endpoint.security]: []}]
    return operation


def _operation_id(endpoint: Endpoint) -> str:
    words = endpoint.path.replace("{", "").replace("}", "").replace(".", "/").replace("-", "/").split("/")
    return "_".join([endpoint.method, *filter(None, words)])


def _parameter(parameter: Parameter) -> Json:
    schema: Json = {"type": "string"}
    if parameter.pattern:
        schema["pattern"] = parameter.pattern
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.where == "path",
        "description": parameter.about,
        "schema": schema,
    }


def _success(endpoint: Endpoint) -> Json:
    answer: Json = {"description": endpoint.outcome}
    if endpoint.reply:
        schema = {"$ref": f"#/components/schemas/{endpoint.reply.__name__}"}
        answer["content"] = {endpoint.media_type: {"schema": schema}}
    elif endpoint.media_type:
        answer["content"] = {endpoint.media_type: {"schema": {"type": "object"}}}
    if endpoint.headers:
        answer["headers"] = {
            name: {"description": about, "schema": {"type": "string"}} for name, about in endpoint.headers.items()
        }
    return answer


def _refused(codes: Iterable[Code]) -> Json:
    """The refusals by status; several codes share one."""
    by_status = sorted(dict.fromkeys(codes), key=lambda code: REGISTRY[code].status)
    responses: Json = {}
    for status, group in groupby(by_status, key=lambda code: REGISTRY[code].status):
        same = list(group)
        answer: Json = {
            "description": " ".join(f"`{code}`: {REGISTRY[code].action}" for code in same),
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/Refusal"},
                    "examples": {code.value: {"value": EXAMPLES[code].body()} for code in same},
                }
            },
        }
        if any(EXAMPLES[code].retry_after for code in same):
            answer["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
        responses[str(status)] = answer
    return responses


def _refusal_schema() -> Json:
    return {
        "type": "object",
        "description": "Why a request was refused: a sentence, a code, and the code's context fields.",
        "required": ["error", "code"],
        "properties": {
            "error": {"type": "string", "description": "For a person."},
            "code": {"type": "string", "enum": [code.value for code in REGISTRY], "description": "For a program."},
        },
        "additionalProperties": True,
    }
