"""What regions and nodes may be called, as in heartbeats."""

import re

from shared.refusals import Refused, invalid_request

NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def wrong_name(field: str) -> Refused:
    """The answer to a region or node that cannot be one."""
    return invalid_request(f'"{field}" must be 1 to 64 letters, digits, dots, dashes, colons or underscores.', field)
