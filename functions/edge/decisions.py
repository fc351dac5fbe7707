"""How every function decides on a request: by an answer, a refusal, or `UNAVAILABLE` where nothing can be decided now.

The one place where a store or a parameter that cannot be read becomes a refusal, and where refusals are logged and counted.
Refusals are values, so nothing else is caught: any other exception is a bug and stays one.
"""

from collections.abc import Callable
from typing import TypeVar

from functions.domain.stores import StoreUnavailableError
from functions.edge.observability import Log
from functions.edge.parameters import ParameterUnavailableError
from shared.refusals import Refused, unavailable

T = TypeVar("T")

UNDECIDED = (StoreUnavailableError, ParameterUnavailableError)
"""What is raised where a decision needs a store or a parameter that cannot be read."""


def logged_decision(decide: Callable[[], T | Refused], log: Log, **facts: str) -> T | Refused:
    """What *decide* returns, or `UNAVAILABLE`; a refusal is logged with *facts* and counted by its code."""
    said: T | Refused
    try:
        said = decide()
    except UNDECIDED:
        log.problem("cannot decide", **facts)
        said = unavailable()
    if isinstance(said, Refused):
        log.event("refused", code=said.code.value, error=said.error, **facts)
        log.count("Refused", code=said.code.value)
    return said
