"""What pydantic found wrong, as a refusal that names the field: the first error only, in words of ours."""

from pydantic import ValidationError

from shared.refusals import Refused, invalid_request


def first_error(error: ValidationError) -> Refused:
    """The refusal for the first thing that is wrong with a body."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid" or not field:
        return invalid_request("The body is not a JSON object of the documented form.")
    return invalid_request(f"{field}: {first['msg']}.", field)
