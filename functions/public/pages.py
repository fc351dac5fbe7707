"""What people see: the page and its files, the reference of the API, and a way on where nothing is."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from functions.edge import answers
from functions.edge.web import scheme_of
from functions.public.api.openapi import document
from functions.public.api.reference import page as reference_page
from functions.public.assets import Asset, Files, asset_headers, asset_of, page_headers, wants_page
from shared.refusals import not_found

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver


class Pages:
    """Answers for people, each to the request that *app* has at the moment.

    Every one has the headers of `functions.public.assets`, and an ETag by which a second visit costs no body.
    """

    def __init__(self, app: "APIGatewayHttpResolver", files: Files) -> None:
        self._app = app
        self._files = files

    def file(self, found: Asset, headers: Mapping[str, str] | None = None, version: str = "") -> answers.Answer:
        """A file, or that the client has it already."""
        fields = {
            **asset_headers(self._files, version),
            **(headers or {}),
            "ETag": found.etag,
            "Vary": "Accept-Encoding",
        }
        if found.matches(self._app.current_event.headers.get("if-none-match")):
            return answers.unchanged(fields)
        return answers.text(found.body, found.content_type, fields)

    def html(self, found: Asset, *, embeddable: bool = False) -> answers.Answer:
        """A page of HTML, which other sites may frame only where it is *embeddable*."""
        return self.file(found, self._guarded(embeddable=embeddable))

    def asset(self, version: str, name: str) -> answers.Answer:
        """A file that the page consists of."""
        found = self._files.named.get(name)
        return self.elsewhere() if found is None else self.file(found, version=version)

    def elsewhere(self, _: object = None) -> answers.Answer:
        """Where nothing is: a person gets a way on, a program the refusal that it can read."""
        event = self._app.current_event
        if event.http_method == "GET" and event.path.rstrip("/") == "/watch":
            return self.html(self._files.page)  # whose watch view takes an id or a link
        if not wants_page(event.headers.get("accept")):
            return answers.refusal(not_found())
        page = self._files.not_found
        fields = {**self._guarded(), "Cache-Control": "no-store", "Vary": "Accept, Accept-Encoding"}
        return answers.text(page.body, page.content_type, fields, status=404)

    def _guarded(self, *, embeddable: bool = False) -> dict[str, str]:
        secure = scheme_of(self._app.current_event.headers) == "https"
        return page_headers(secure=secure, embeddable=embeddable)


def page_routes(app: "APIGatewayHttpResolver", files: Files) -> None:
    """Have *app* answer with the page of *files*, and with the reference that is made from the endpoints."""
    pages = Pages(app, files)
    app.not_found(pages.elsewhere)

    @cache
    def documents() -> Mapping[str, Asset]:
        """What is generated from the endpoints and the registry, when somebody first asks for it."""
        return {
            "openapi": asset_of("application/json", json.dumps(document(), ensure_ascii=False)),
            "docs": asset_of("text/html; charset=utf-8", files.placed(reference_page())),
        }

    found: Mapping[str, Callable[..., answers.Answer]] = {
        "/": lambda: pages.html(files.page),
        # The page itself reads its address.
        "/watch/<stream_id>": lambda **_: pages.html(files.watch, embeddable=True),
        "/assets/<version>/<name>": pages.asset,
        "/assets/<version>/<folder>/<name>": lambda version, folder, name: pages.asset(version, f"{folder}/{name}"),
        "/docs": lambda: pages.html(documents()["docs"]),
        "/openapi.json": lambda: pages.file(documents()["openapi"]),
    }
    for path, answer in found.items():
        app.get(path)(answer)
