"""What anybody may read: HTTP event -> service -> answer."""

import json
import os
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from functions.edge import answers, aws
from functions.edge.observability import LambdaLog
from functions.edge.parameters import jwks_parameter
from functions.edge.settings import Settings
from functions.edge.web import scheme_of
from functions.public.api.openapi import document
from functions.public.api.reference import page as reference_page
from functions.public.assets import Asset, Files, asset_headers, asset_of, load, page_headers, wants_page
from functions.public.service import PublicService
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from functions.storage.patience import Patience
from shared.refusals import Refused, not_found

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
    from pydantic import BaseModel

    from functions.edge.aws import ParameterStore

CACHED = {"Cache-Control": "public, max-age=300"}
"""For what changes with a deployment or a key rotation only."""


class Pages:
    """Answers for people, each to the request that *app* has at the moment."""

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
        """A page."""
        return self.file(found, self._guarded(embeddable=embeddable))

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
    """The page, its files, and the reference."""
    pages = Pages(app, files)
    app.not_found(pages.elsewhere)

    @cache
    def documents() -> Mapping[str, Asset]:
        """What is generated from the endpoints and the registry, when somebody first asks for it."""
        return {
            "openapi": asset_of("application/json", json.dumps(document(), ensure_ascii=False)),
            "docs": asset_of("text/html; charset=utf-8", files.placed(reference_page())),
        }

    @app.get("/")
    def page() -> answers.Answer:
        return pages.html(files.page)

    @app.get("/watch/<stream_id>")
    def watch(stream_id: str) -> answers.Answer:  # noqa: ARG001 - the page itself reads its address
        return pages.html(files.watch, embeddable=True)

    @app.get("/assets/<version>/<name>")
    def asset(version: str, name: str) -> answers.Answer:
        found = files.named.get(name)
        return pages.elsewhere() if found is None else pages.file(found, version=version)

    @app.get("/assets/<version>/<folder>/<name>")
    def asset_in_a_folder(version: str, folder: str, name: str) -> answers.Answer:
        return asset(version, f"{folder}/{name}")

    @app.get("/docs")
    def docs() -> answers.Answer:
        return pages.html(documents()["docs"])

    @app.get("/openapi.json")
    def openapi() -> answers.Answer:
        return pages.file(documents()["openapi"])


def data_routes(app: "APIGatewayHttpResolver", service: PublicService, clock: Callable[[], float]) -> None:
    """What is known now."""

    def said(reply: "BaseModel | Refused", headers: Mapping[str, str] | None = None) -> answers.Answer:
        return answers.refusal(reply) if isinstance(reply, Refused) else answers.model(reply, headers)

    @app.get("/v1/tiers")
    def tiers() -> answers.Answer:
        return said(service.tiers(), CACHED)

    @app.get("/v1/streams/<stream_id>")
    def stream(stream_id: str) -> answers.Answer:
        return said(service.stream(stream_id, clock()))

    @app.get("/.well-known/jwks.json")
    def jwks() -> answers.Answer:
        return said(service.jwks(clock()), CACHED)


def build(
    settings: Settings, log: LambdaLog, dynamo: Dynamo, ssm: "ParameterStore", *, clock: Callable[[], float] = time.time
) -> "APIGatewayHttpResolver":
    """The composition root."""
    directory = Directory(dynamo, settings.accounts_table, settings.fleet_table)
    jwks = jwks_parameter(ssm, settings.jwks_parameter)
    app = answers.resolver(log.logger)
    page_routes(app, load())
    data_routes(app, PublicService(directory, jwks.value), clock)
    return app


@cache
def _patience() -> Patience:
    return Patience()


@cache
def _log() -> LambdaLog:
    return LambdaLog("public")


@cache
def _app() -> "APIGatewayHttpResolver":
    session = aws.Session()
    return build(Settings.from_environment(os.environ), _log(), Dynamo(session.dynamodb(), _patience()), session.ssm())


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one payload-2.0 event."""
    _patience().begin(context)
    _log().begin(event["requestContext"].get("requestId", ""))
    return _app().resolve(event, context)
