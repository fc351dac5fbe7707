import pytest

from local.aws.resources import Route
from local.aws.routes import Router

ROUTES = [
    ("$default", "ANY"),
    ("/{proxy+}", "ANY"),
    ("/pets/{proxy+}", "GET"),
    ("/pets/dog/{id}", "GET"),
    ("/pets/dog/1", "GET"),
    ("/pets/dog/1", "ANY"),
    ("/{id}/whip", "ANY"),
    ("/whip", "ANY"),
]


def router(*routes: tuple[str, str]) -> Router:
    """A router over (path, method) pairs."""
    return Router([Route(method, path, f"{method} {path}", iam=False, timeout=30) for path, method in routes])


@pytest.mark.parametrize(
    ("method", "path", "route", "parameters"),
    [
        ("GET", "/pets/dog/1", "GET /pets/dog/1", {}),
        ("POST", "/pets/dog/1", "ANY /pets/dog/1", {}),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}", {"id": "2"}),
        ("GET", "/pets/cat/1", "GET /pets/{proxy+}", {"proxy": "cat/1"}),
        ("POST", "/test/5", "ANY /{proxy+}", {"proxy": "test/5"}),
        ("POST", "/abc/whip", "ANY /{id}/whip", {"id": "abc"}),
        ("POST", "/a%2Fb%00/whip", "ANY /{id}/whip", {"id": "a/b\0"}),
        ("POST", "/whip", "ANY /whip", {}),
        ("GET", "/", "ANY $default", {}),
    ],
)
def test_the_most_specific_route_wins(method: str, path: str, route: str, parameters: dict[str, str]) -> None:
    """AWS's own example of precedence, and our routes; the order in the template does not matter."""
    for routes in (ROUTES, ROUTES[::-1]):
        match = router(*routes).match(method, path)
        assert match is not None
        assert (match.route.function, dict(match.parameters)) == (route, parameters)


@pytest.mark.parametrize("path", ["/", "//whip", "/abc/whip/", "/abc/WHIP", "/abc", "/v1/x/y"])
def test_nothing_matches_by_accident(path: str) -> None:
    """A variable is one whole segment that is not empty, and case counts."""
    assert router(("/{id}/whip", "ANY"), ("/v1/x/{proxy+}", "POST")).match("GET", path) is None
