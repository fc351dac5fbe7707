"""Bodies as pydantic models: read strictly, and what is wrong as a refusal that names the field, in words of ours."""

import json
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from functions.edge.jsonbody import NO_OBJECT, read_object
from shared.refusals import Refused, invalid_request

M = TypeVar("M", bound=BaseModel)


def parsed(kind: type[M], event: Mapping[str, Any], *, empty: str = "") -> M | Refused:
    """The body of a payload-2.0 *event* as *kind*; *empty* stands for a body that is not there."""
    body = event.get("body") or empty
    try:
        text = b64decode(body) if event.get("isBase64Encoded") else body
    except Base64Error:
        return invalid_request(NO_OBJECT)
    found = read_object(text)
    if isinstance(found, Refused):
        return found
    try:
        # As JSON again: strict models take from JSON what they would not take from Python, such as a list for a tuple.
        return kind.model_validate_json(json.dumps(found))
    except ValidationError as error:
        return first_error(error)


def first_error(error: ValidationError) -> Refused:
    """The refusal for the first thing that is wrong with a body."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid" or not field:
        return invalid_request("The body is not a JSON object of the documented form.")
    return invalid_request(f"{field}: {first['msg']}.", field)
