"""The one rule for names of nodes, boots, regions, streams, accounts and sessions, wherever one crosses a wire. Pure."""

import re
from typing import Final

CHARACTERS: Final = "A-Za-z0-9._:-"
"""What a name may consist of, as the inside of a character class."""
LONGEST: Final = 64

PATTERN: Final = f"^[{CHARACTERS}]{{1,{LONGEST}}}$"
"""The rule as a regular expression, for models and for the OpenAPI document."""

_NAME: Final = re.compile(PATTERN)


def is_name(text: str) -> bool:
    """Whether *text* can be a name. What cannot is not looked up: DynamoDB would refuse some of it as a key."""
    return _NAME.fullmatch(text) is not None
