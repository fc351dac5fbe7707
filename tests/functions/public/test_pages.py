"""The page and the reference as they are served: versions, policy, and nothing that falls behind the registry."""

import posixpath
import re
import shutil
from pathlib import Path

import pytest

from functions.public.api.endpoints import ALL, LISTED
from functions.public.api.examples import EXAMPLES
from functions.public.api.openapi import document
from functions.public.assets import FOLDER, load
from shared.refusals import REGISTRY
from tests.functions.front import Front, routes
from tests.functions.public.conftest import Get
from tests.functions.world import World


def policy(value: str) -> dict[str, str]:
    """A Content-Security-Policy, split by directive."""
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


def test_the_page_that_may_be_framed_watches_and_nothing_else(get: Get) -> None:
    """The server never sees a fragment, so what `#overview` or `#publish` would show must not be there; nor a camera be allowed."""
    whole, framed = get("/"), get("/watch/" + "a" * 16)

    def views(text: str) -> list[str]:
        return re.findall(r'<section id="(\w+)" class="view"', text)

    assert views(whole.text) == ["publish", "watch", "overview"]
    assert views(framed.text) == ["watch"]
    assert framed.text.count("<section") == framed.text.count("</section>") == 1
    for field in ("stream-key", "account-token", "source-camera"):
        assert (f'id="{field}"' in whole.text, f'id="{field}"' in framed.text) == (True, False)
    for feature in ("camera", "microphone", "display-capture"):
        assert f"{feature}=(self)" in whole.headers["Permissions-Policy"]
        assert f"{feature}=()" in framed.headers["Permissions-Policy"]
    assert whole.headers["ETag"] != framed.headers["ETag"]


def test_a_page_in_the_clear_may_reach_nodes_in_the_clear(get: Get) -> None:
    """`make up` has neither certificate nor https; a deployed page never gets here."""
    answer = get("/", x_forwarded_proto="http")

    assert policy(answer.headers["Content-Security-Policy"])["connect-src"] == "'self' https: http:"


PUBLIC = sorted(
    {route.path for route in routes() if route.function == "PublicFunction" and route.method == "GET"}
    - {"/v1/streams/{id}"}
)


def test_whatever_anybody_may_get_has_a_head() -> None:
    """RFC 9110, section 9.1: GET and HEAD together; a route of API Gateway has one method."""
    found = {(route.path, route.method) for route in routes() if route.function == "PublicFunction"}

    assert {path for path, method in found if method == "HEAD"} == {path for path, method in found if method == "GET"}


@pytest.mark.parametrize("path", PUBLIC)
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_head_is_get_without_the_body(world: World, path: str, encoding: str) -> None:
    """Status and fields alike, the length that GET's body has, and no body."""
    front = Front(world)
    version = load().version
    names = {"id": "a" * 16, "version": version, "file": "app.js", "folder": "watch", "module": "view.js"}
    target = re.sub(r"{(\w+)}", lambda found: names[found[1]], path)

    of_get, of_head = (front.ask(method, target, headers=[("Accept-Encoding", encoding)]) for method in ("GET", "HEAD"))

    assert (of_head.status, of_head.text) == (404 if path == "/{proxy+}" else 200, "")
    assert of_head.headers.pop("Content-Length").isdecimal()
    assert of_head.headers == of_get.headers


def address(name: str) -> str:
    """Where *name* of this version stands."""
    return f"/assets/{load().version}/{name}"


def test_every_file_that_the_page_names_is_served(get: Get) -> None:
    """Each with its type and an ETag, for good; the page itself is always asked for again."""
    files = load()
    assert get("/").headers["Cache-Control"] == "no-cache"
    for name in files.named:
        answer = get(address(name))
        assert answer.status == 200, name
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["ETag"].startswith('"')
    assert get(address("index.html")).status == 404
    named = set(re.findall(r'"/assets/([^"]+)"', files.page.body + get("/docs").text))
    assert named <= {f"{files.version}/{name}" for name in files.named}
    imported = {
        posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
        for name, asset in files.named.items()
        for path in re.findall(r'from "([^"]+)"', asset.body)
    }
    assert imported <= set(files.named)
    assert len(imported) > 20


def test_a_file_of_another_version_is_shown_and_not_kept(get: Get) -> None:
    """A page that was open during a deployment still finds its files, and no browser keeps new ones under old names."""
    answer = get("/assets/0123456789ab/app.js")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-cache"


def test_the_version_changes_with_any_file(tmp_path: Path) -> None:
    """Or a browser would run a module of one version with one of another."""
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    assert load(tmp_path).version == load().version
    (tmp_path / "ui" / "dom.js").write_text("export const changed = 1;", "utf-8")
    assert load(tmp_path).version != load().version


def test_all_modules_are_asked_for_at_once(get: Get) -> None:
    """Or the browser would learn of them one level of imports after the other."""
    modules = {name for name in load().named if name.endswith(".js")}
    page = get("/").text
    preloaded = set(re.findall(r'<link rel="modulepreload" href="/assets/[0-9a-f]+/([a-z/-]+\.js)">', page))
    assert preloaded == modules - {"app.js"}


def test_a_version_that_the_browser_has_is_not_sent_again(get: Get) -> None:
    """304 without a body, for the same ETag in strong or weak form."""
    etag = get(address("app.js")).headers["ETag"]

    assert get(address("app.js"), if_none_match=etag).status == 304
    assert get(address("app.js"), if_none_match="W/" + etag).status == 304
    assert get(address("app.js"), if_none_match=etag).text == ""
    assert get(address("app.js"), if_none_match='"other"').status == 200


def test_files_are_compressed_for_who_takes_it(get: Get) -> None:
    """Plain without, gzip with `Accept-Encoding`."""
    plain, packed = get(address("style.css")), get(address("style.css"), accept_encoding="gzip, br")

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.text == plain.text


@pytest.mark.parametrize(
    "name",
    [
        "../handler.py",
        "..%2Fhandler.py",
        "%2e%2e/handler.py",
        "handler.py",
        "",
        "style.css/",
        "ui/../../handler.py",
        "ui/",
    ],
)
def test_nothing_else_can_be_read(get: Get, name: str) -> None:
    """A file is looked up in a table, never on disk."""
    assert get(address(name), accept="*/*").code == "NOT_FOUND"


def test_every_code_is_in_the_reference_with_an_example(get: Get) -> None:
    """The registry is the source; the example is what the constructor makes."""
    assert set(EXAMPLES) == set(REGISTRY)
    page = get("/docs").text

    for code, definition in REGISTRY.items():
        assert f'<article id="{code}">' in page
        assert f">{definition.status} " in page


def test_every_endpoint_is_in_the_reference(get: Get) -> None:
    """With its path and its method."""
    page = get("/docs").text

    for endpoint in LISTED:
        assert endpoint.path in page


def test_the_openapi_document_is_consistent(get: Get) -> None:
    """Version 3.1; every reference resolves; every example of a refusal says its own code under its own status."""
    served = get("/openapi.json")
    found = served.json

    assert found == document()
    assert found["openapi"] == "3.1.0"
    references = set(re.findall(r'"#/components/(\w+/\w+)"', served.text))
    assert references <= {f"{kind}/{name}" for kind in found["components"] for name in found["components"][kind]}
    identities = [operation["operationId"] for path in found["paths"].values() for operation in path.values()]
    assert len(identities) == len(set(identities))
    for endpoint in ALL:
        answered = [*((REGISTRY[code].status, code) for code in endpoint.refusals), *endpoint.also]
        responses = found["paths"][endpoint.path][endpoint.method]["responses"]
        unsigned = {403} if endpoint.security == "AWS IAM" else set()
        assert {endpoint.status, *(status for status, _ in answered), *unsigned} == set(map(int, responses))
        for status, code in answered:
            assert code in responses[str(status)]["content"]["application/json"]["examples"]


def test_path_parameters_are_declared(get: Get) -> None:
    """Whatever stands in braces is described."""
    for path, operations in get("/openapi.json").json["paths"].items():
        for operation in operations.values():
            declared = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path))


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    "path", ["/nothing", "/watch/a/b", "/v2/streams", "/assets/0/nothing.js", "/whip/", "/favicon.ico"]
)
@pytest.mark.parametrize(
    ("accept", "page"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("TEXT/HTML;q=0.9, application/json;q=0.5", True),
        ("application/json, text/html;q=0.9", False),
        ("text/html;q=0", False),
        ("text/html;q=many", False),
        ("application/json", False),
        ("*/*", False),
        ("", False),
        (";,=;q", False),
    ],
)
def test_a_person_gets_a_page_and_a_program_a_refusal_where_nothing_is(
    get: Get, path: str, accept: str, *, page: bool
) -> None:
    """By what the client says that it reads; the status is the same."""
    answer = get(path, accept=accept, x_forwarded_proto="https")

    assert answer.status == 404
    if page:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert policy(answer.headers["Content-Security-Policy"])["frame-ancestors"] == "'none'"
        assert 'href="/#watch"' in answer.text
        named = set(re.findall(r'"/assets/([^"]+)"', answer.text))
        assert named == {f"{load().version}/{name}" for name in ("favicon.svg", "style.css")}
    else:
        assert answer.code == "NOT_FOUND"
    assert "Accept" in answer.headers.get("Vary", "Accept")


@pytest.mark.parametrize("path", ["/watch", "/watch/"])
def test_the_watch_view_is_there_without_a_stream(get: Get, path: str) -> None:
    """Whoever cuts the end off a watch link can paste another; this page takes keys, so nobody frames it."""
    answer = get(path, accept=BROWSER, x_forwarded_proto="https")

    assert answer.status == 200
    assert answer.text == get("/").text
    assert policy(answer.headers["Content-Security-Policy"])["frame-ancestors"] == "'none'"
