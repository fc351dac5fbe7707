"""How one endpoint of the API is described: for the OpenAPI document and for the reference page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from shared.refusals import Code

Security = Literal["none", "stream key", "account token", "AWS IAM"]
"""What a request proves who it is from with."""


@dataclass(frozen=True, slots=True)
class ApiParameter:
    """A parameter of an endpoint: in the path, in the query, or a header."""

    name: str
    where: Literal["path", "query", "header"]
    about: str
    """What it means, one sentence."""
    pattern: str | None = None
    """A regular expression that its whole text matches; None for any text."""
    required: bool = False
    """Of a query parameter or a header; those of a path always are."""


STREAM = ApiParameter("stream_id", "path", "The public stream id.", "^[a-z2-7]{16}$")
MONTH = ApiParameter("month", "query", "The UTC month; this one if left out.", r"^[0-9]{4}-(0[1-9]|1[0-2])$")


@dataclass(frozen=True, slots=True)
class ApiEndpoint:
    """One method of one path: what it takes and what it answers.

    Which codes it can answer is listed by hand, and compared with what handlers answer by tests.
    """

    method: Literal["get", "head", "options", "post", "put", "patch", "delete"]
    path: str
    group: Literal["Publish and watch", "Public", "Account", "Grants", "Pages", "Nodes", "Operator"]
    summary: str
    """A few words, for a heading."""
    about: str
    """What it does, for who calls it."""
    status: int
    """Of the successful answer."""
    outcome: str
    """What the successful answer is, one sentence."""
    reply: type[BaseModel] | None = None
    """The body of that answer; None where it is no model of ours."""
    media_type: str = "application/json"
    request: type[BaseModel] | None = None
    """The JSON body."""
    takes_offer: bool = False
    """Whether the body is an SDP offer."""
    parameters: tuple[ApiParameter, ...] = ()
    security: Security = "none"
    refusals: tuple[Code, ...] = ()
    """Codes that are answered under the status of the registry."""
    also: tuple[tuple[int, Code], ...] = ()
    """Codes that are answered under another status than the registry's."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the successful answer, with their meaning."""
