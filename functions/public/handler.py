"""What anybody may read: HTTP event -> service -> answer."""

import json
import os
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from functions import answers, aws
from functions.observability import LambdaLog
from functions.patience import Patience
from functions.public.assets import Asset, Files, asset_headers, asset_of, load, page_headers, wants_page
from functions.public.openapi import document
from functions.public.reference import page as reference_page
from functions.public.service import PublicService
from functions.settings import Settings
from functions.signer import jwks_parameter
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from shared.refusals import Refused, not_found

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
    from pydantic import BaseModel

    from functions.aws import ParameterStore

CACHED = {"Cache-Control": "public, max-age=300"}
"""For what changes with a deployment or a key rotation only."""


def page_routes(app: "APIGatewayHttpResolver", files: Files) -> None:
    """The page and its files, and what a person sees where nothing is."""

    def nowhere(_: object = None) -> answers.Answer:
        if app.current_event.http_method == "GET" and app.current_event.path.rstrip("/") == "/watch":
            return _html(app, files, files.page)  # whose watch view takes an id or a link
        return _nowhere(app, files.nowhere)

    app.not_found(nowhere)

    @app.get("/")
    def page() -> answers.Answer:
        return _html(app, files, files.page)

    @app.get("/watch/<stream_id>")
    def watch(stream_id: str) -> answers.Answer:  # noqa: ARG001 - the page itself reads its address
        return _html(app, files, files.watch, embeddable=True)

    @app.get("/assets/<version>/<name>")
    def asset(version: str, name: str) -> answers.Answer:
        found = files.named.get(name)
        return nowhere() if found is None else _file(app, files, found, version=version)


def reference_routes(app: "APIGatewayHttpResolver", files: Files) -> None:
    """The description of the API, for people and for programs."""

    @cache
    def documents() -> Mapping[str, Asset]:
        """What is generated from the endpoints and the registry, when somebody first asks for it."""
        return {
            "openapi": asset_of("application/json", json.dumps(document(), ensure_ascii=False)),
            "docs": asset_of("text/html; charset=utf-8", files.placed(reference_page())),
        }

    @app.get("/docs")
    def docs() -> answers.Answer:
        return _html(app, files, documents()["docs"])

    @app.get("/openapi.json")
    def openapi() -> answers.Answer:
        return _file(app, files, documents()["openapi"])


def _file(
    app: "APIGatewayHttpResolver",
    files: Files,
    found: Asset,
    headers: Mapping[str, str] | None = None,
    version: str = "",
) -> answers.Answer:
    fields = {**asset_headers(files, version), **(headers or {}), "ETag": found.etag, "Vary": "Accept-Encoding"}
    if found.matches(app.current_event.headers.get("if-none-match")):
        return answers.unchanged(fields)
    return answers.text(found.body, found.content_type, fields)


def _html(app: "APIGatewayHttpResolver", files: Files, found: Asset, *, embeddable: bool = False) -> answers.Answer:
    return _file(app, files, found, _guarded(app, embeddable=embeddable))


def _guarded(app: "APIGatewayHttpResolver", *, embeddable: bool = False) -> dict[str, str]:
    """The headers of a page for the request of now; API Gateway always says by which scheme it travels."""
    scheme = (app.current_event.headers.get("x-forwarded-proto") or "").partition(",")[0].strip()
    return page_headers(secure=scheme == "https", embeddable=embeddable)


def _nowhere(app: "APIGatewayHttpResolver", page: Asset) -> answers.Answer:
    """A person gets a way on, a program the refusal that it can read."""
    if not wants_page(app.current_event.headers.get("accept")):
        return answers.refusal(not_found())
    fields = {**_guarded(app), "Cache-Control": "no-store", "Vary": "Accept, Accept-Encoding"}
    return answers.text(page.body, page.content_type, fields, status=404)


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
    files = load()
    page_routes(app, files)
    reference_routes(app, files)
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
