"""Which route a request takes, by API Gateway's rules for HTTP APIs.

The most specific route wins: a literal segment over a variable, a variable over a greedy one, `$default` last, and
with equal paths a named method over ANY. Paths are compared as sent, so an encoded slash never splits a segment, and
variables are decoded afterwards. A variable needs at least one character.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from local.aws.resources import Route


@dataclass(frozen=True, slots=True)
class Match:
    """The route that a request takes, and the decoded values of its path variables."""

    route: Route
    parameters: Mapping[str, str]


class Router:
    """The routes of one API, in the order in which they are tried."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = sorted(routes, key=_specificity)

    def match(self, method: str, raw_path: str) -> Match | None:
        """The route for *method* and *raw_path* (percent-encoded, without the query); None where there is none."""
        segments = raw_path.split("/")[1:]
        for route in self._routes:
            if route.method in {method, "ANY"}:
                parameters = _parameters(route.path, segments)
                if parameters is not None:
                    return Match(route, parameters)
        return None


def _is_variable(segment: str) -> bool:
    return segment.startswith("{")


def _is_greedy(segment: str) -> bool:
    return segment.endswith("+}")


def _specificity(route: Route) -> tuple[list[int], bool]:
    if route.path == "$default":
        return [9], False
    ranks = [2 if _is_greedy(s) else 1 if _is_variable(s) else 0 for s in route.path.split("/")[1:]]
    return ranks, route.method == "ANY"


def _parameters(path: str, segments: list[str]) -> dict[str, str] | None:
    if path == "$default":
        return {}
    found: dict[str, str] = {}
    wanted = path.split("/")[1:]
    for position, want in enumerate(wanted):
        if _is_greedy(want):
            rest = "/".join(segments[position:])
            return {**found, want[1:-2]: unquote(rest)} if rest else None
        if position >= len(segments):
            return None
        got = segments[position]
        if _is_variable(want):
            if not got:
                return None
            found[want[1:-1]] = unquote(got)
        elif want != unquote(got):
            return None
    return found if len(segments) == len(wanted) else None
