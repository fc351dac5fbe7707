"""The refusal of a region or a node whose name breaks the rule for names (`shared.names`)."""

from shared.refusals import Refused, invalid_request


def wrong_name(field: str) -> Refused:
    """The answer to a request whose *field* should name a region or a node and cannot."""
    return invalid_request(f'"{field}" must be 1 to 64 letters, digits, dots, dashes, colons or underscores.', field)
