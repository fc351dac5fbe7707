"""The page and the reference as they are served: versions, policy, and nothing that falls behind the registry."""

import re

import pytest

from functions.public.assets import FOLDER, load
from functions.public.endpoints import ENDPOINTS
from functions.public.examples import EXAMPLES
from functions.public.openapi import document
from shared.refusals import REGISTRY
from tests.functions.public.conftest import Get


def policy(value: str) -> dict[str, str]:
    """A Content-Security-Policy by directive."""
    return {part.split()[0]: " ".join(part.split()[1:]) for part in value.split("; ")}


@pytest.mark.parametrize(("path", "ancestors"), [("/", "'none'"), ("/watch/" + "a" * 16, "*"), ("/docs", "'none'")])
def test_pages_run_nothing_but_their_own_files(get: Get, path: str, ancestors: str) -> None:
    """A strict policy: no inline script or style; only the player may be framed by other sites."""
    answer = get(path, x_forwarded_proto="https")

    found = policy(answer.headers["Content-Security-Policy"])
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert found["default-src"] == "'none'"
    assert found["script-src"] == "'self'"
    assert found["style-src"] == "'self'"
    assert found["frame-ancestors"] == ancestors
    assert found["connect-src"] == "'self' https:"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son[a-z]+=|\sstyle=", answer.text)


def test_a_page_in_the_clear_may_reach_nodes_in_the_clear(get: Get) -> None:
    """`make up` has neither certificate nor https; a deployed page never gets here."""
    answer = get("/", x_forwarded_proto="http")

    assert policy(answer.headers["Content-Security-Policy"])["connect-src"] == "'self' https: http:"


def test_every_file_that_the_page_names_is_served(get: Get) -> None:
    """Each with its type, an ETag and the order to ask again."""
    for name in (path.name for path in FOLDER.iterdir()):
        answer = get(f"/assets/{name}")
        if name == "index.html":
            assert answer.status == 404
            continue
        assert answer.status == 200, name
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["ETag"].startswith('"')
    named = set(re.findall(r'(?:/assets/|from "\./|"\./)([a-z-]+\.[a-z]+)', "".join(a.body for a in load().values())))
    assert named <= set(load())


def test_a_version_that_the_browser_has_is_not_sent_again(get: Get) -> None:
    """304 without a body, for the same ETag in strong or weak form."""
    etag = get("/assets/app.js").headers["ETag"]

    assert (
        get("/assets/app.js", if_none_match=etag).status,
        get("/assets/app.js", if_none_match="W/" + etag).status,
    ) == (
        304,
        304,
    )
    assert get("/assets/app.js", if_none_match=etag).text == ""
    assert get("/assets/app.js", if_none_match='"other"').status == 200


def test_files_are_compressed_for_who_takes_it(get: Get) -> None:
    """Plain without, gzip with `Accept-Encoding`."""
    plain, packed = get("/assets/style.css"), get("/assets/style.css", accept_encoding="gzip, br")

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.text == plain.text


@pytest.mark.parametrize(
    "name", ["../handler.py", "..%2Fhandler.py", "%2e%2e/handler.py", "handler.py", "", "style.css/"]
)
def test_nothing_else_can_be_read(get: Get, name: str) -> None:
    """A file is looked up in a table, never on disk."""
    assert get(f"/assets/{name}").code == "NOT_FOUND"


def test_every_code_is_in_the_reference_with_an_example(get: Get) -> None:
    """The registry is the source; the example is what the constructor makes."""
    assert set(EXAMPLES) == set(REGISTRY)
    page = get("/docs").text

    for code, definition in REGISTRY.items():
        assert f'<article id="{code}">' in page
        assert f">{definition.status} " in page


def test_every_endpoint_is_in_the_reference(get: Get) -> None:
    """Path and method."""
    page = get("/docs").text

    for endpoint in ENDPOINTS:
        assert endpoint.path in page


def test_the_openapi_document_is_consistent(get: Get) -> None:
    """Version 3.1; every reference resolves; every example of a refusal says its own code under its own status."""
    served = get("/openapi.json")
    found = served.json

    assert found == document()
    assert found["openapi"] == "3.1.0"
    schemas = found["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/([A-Za-z]+)"', served.text))
    assert references <= set(schemas)
    identities = [operation["operationId"] for path in found["paths"].values() for operation in path.values()]
    assert len(identities) == len(set(identities))
    for path in found["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                for code, example in (
                    response.get("content", {}).get("application/json", {}).get("examples", {}).items()
                ):
                    assert example["value"]["code"] == code
                    assert REGISTRY[EXAMPLES[code].code].status == int(status)


def test_path_parameters_are_declared(get: Get) -> None:
    """Whatever stands in braces is described."""
    for path, operations in get("/openapi.json").json["paths"].items():
        for operation in operations.values():
            declared = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path))
