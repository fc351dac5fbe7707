"""What people may call a stream key."""

from typing import Annotated

from pydantic import Field

Label = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$")]
"""What people call a key, in any script: no control characters, and none that turn the direction of what follows."""
