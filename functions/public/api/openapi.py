"""The OpenAPI 3.1 document: made from the endpoints' table, the handlers' own models and the registry of refusals."""

from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from functions.public.api.endpoint import ApiEndpoint, ApiParameter
from functions.public.api.endpoints import ALL
from functions.public.api.examples import EXAMPLES, PARAMETERS, REQUESTS
from shared.offers import MAX_OFFER_BYTES, SDP
from shared.refusals import REGISTRY

Json = dict[str, Any]

_SECURITY: Mapping[str, Json] = {
    "stream key": {"type": "http", "scheme": "bearer", "description": "The stream key."},
    "account token": {"type": "http", "scheme": "bearer", "description": "The account token, `acct_…`."},
    "AWS IAM": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "AWS Signature Version 4, service `execute-api`.",
    },
}
_NAMES = {"stream key": "streamKey", "account token": "accountToken", "AWS IAM": "iam"}
_GATEWAYS_OWN: Json = {
    "description": "API Gateway's own: the request is not signed, or not by somebody who may.",
    "content": {
        "application/json": {
            "schema": {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}
        }
    },
}
_OFFER = r"^[\r\n]*v=0[^\x00]*\nm=[^\x00]*$"
"""What the API looks at (`shared.offers.check_body`)."""
_REF = "#/components/schemas/{model}"


def document(version: str = "0.2.0") -> Json:
    """The OpenAPI document of the whole API, as *version* of it."""
    requests: list[tuple[Any, Any]] = [(one.request, "validation") for one in ALL if one.request]
    replies: list[tuple[Any, Any]] = [(one.reply, "serialization") for one in ALL if one.reply]
    models = sorted({*requests, *replies}, key=lambda model: (model[0].__module__, model[0].__qualname__))
    references, schemas = models_json_schema(models, ref_template=_REF)
    paths: dict[str, Json] = {}
    for endpoint in ALL:
        paths.setdefault(endpoint.path, {})[endpoint.method] = _operation(endpoint, references)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sluice",
            "version": version,
            "description": "Admission-controlled WebRTC broadcasting. Every refusal has the same shape. The nodes that the "
            "redirects lead to answer the same refusals, and `INVALID_GRANT` and `UNSUPPORTED_OFFER` of their own.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {**schemas["$defs"], "Refusal": _refusal_schema()},
            "securitySchemes": {_NAMES[name]: scheme for name, scheme in _SECURITY.items()},
            "examples": {code.value: {"value": EXAMPLES[code].body()} for code in REGISTRY},
        },
    }


def _operation(endpoint: ApiEndpoint, references: Mapping[Any, Json]) -> Json:
    success = _success(endpoint, references.get((endpoint.reply, "serialization")))
    operation: Json = {
        "tags": [endpoint.group],
        "operationId": _operation_id(endpoint),
        "summary": endpoint.summary,
        "description": endpoint.about,
        "responses": {str(endpoint.status): success, **_refused(endpoint)},
    }
    if endpoint.parameters:
        operation["parameters"] = [_parameter(parameter) for parameter in endpoint.parameters]
    if endpoint.takes_offer:
        offer = {
            "schema": {"type": "string", "maxLength": MAX_OFFER_BYTES, "pattern": _OFFER},
            "examples": _requests(endpoint),
        }
        operation["requestBody"] = {"required": True, "content": {SDP: offer}}
    elif endpoint.request:
        body = {"schema": references[(endpoint.request, "validation")], "examples": _requests(endpoint)}
        operation["requestBody"] = {"required": _needs_body(endpoint.request), "content": {"application/json": body}}
    if endpoint.security in _NAMES:
        operation["security"] = [{_NAMES[endpoint.security]: []}]
    if endpoint.security == "AWS IAM":
        operation["responses"]["403"] = _GATEWAYS_OWN
    return operation


def _needs_body(model: type[BaseModel]) -> bool:
    """Whether a request without a body is refused: where nothing is required of it, it is as good as an empty object."""
    return any(field.is_required() for field in model.model_fields.values())


def _requests(endpoint: ApiEndpoint) -> Json:
    """The examples of an endpoint's body, which tests execute."""
    return {name: {"value": value} for name, value in REQUESTS[(endpoint.method, endpoint.path)].items()}


def _operation_id(endpoint: ApiEndpoint) -> str:
    words = endpoint.path.replace("{", "").replace("}", "").replace(".", "/").replace("-", "/").split("/")
    return "_".join([endpoint.method, *filter(None, words)])


def _parameter(parameter: ApiParameter) -> Json:
    schema: Json = {"type": "string"}
    if parameter.pattern:
        schema["pattern"] = parameter.pattern
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.required or parameter.where == "path",
        "description": parameter.about,
        "schema": schema,
        "example": PARAMETERS[parameter.name],
    }


def _success(endpoint: ApiEndpoint, schema: Json | None) -> Json:
    answer: Json = {"description": endpoint.outcome}
    if schema is not None:
        answer["content"] = {endpoint.media_type: {"schema": schema}}
    elif endpoint.media_type:
        kind = "object" if endpoint.media_type == "application/json" else "string"
        answer["content"] = {endpoint.media_type: {"schema": {"type": kind}}}
    if endpoint.headers:
        answer["headers"] = {
            name: {"description": about, "schema": {"type": "string"}} for name, about in endpoint.headers.items()
        }
    return answer


def _refused(endpoint: ApiEndpoint) -> Json:
    """The refusals by status; several codes share one."""
    answered = [*((REGISTRY[code].status, code) for code in endpoint.refusals), *endpoint.also]
    responses: Json = {}
    for status, group in groupby(sorted(dict.fromkeys(answered), key=itemgetter(0)), key=itemgetter(0)):
        same = [code for _, code in group]
        answer: Json = {
            "description": " ".join(f"`{code}`: {REGISTRY[code].action}" for code in same),
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/Refusal"},
                    "examples": {code.value: {"$ref": f"#/components/examples/{code}"} for code in same},
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
