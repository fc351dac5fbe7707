"""A request and an answer of the local API, whole, as the modules of the gateway hand them to one another."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request of a client of the API, read whole."""

    method: str
    target: str  # path and query as sent
    headers: Sequence[tuple[str, str]]
    body: bytes
    source_ip: str
    protocol: str = "HTTP/1.1"

    @property
    def raw_path(self) -> str:
        """The path as sent, percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def raw_query(self) -> str:
        """The query as sent, without the question mark."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """All values of the header *name*, joined as API Gateway joins them."""
        values = [value for key, value in self.headers if key.lower() == name]
        return ",".join(values) if values else None


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One answer to a client of the API, whole."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
