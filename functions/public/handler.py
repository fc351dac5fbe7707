"""The public function: HTTP event -> service -> answer."""

import json
import os
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from botocore.exceptions import BotoCoreError, ClientError

from functions import answers, aws
from functions.public import assets, openapi, reference
from functions.public.service import PublicService
from functions.settings import Settings
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo, StoreUnavailableError
from shared.refusals import Refused, not_found

if TYPE_CHECKING:
    from mypy_boto3_ssm.client import SSMClient

JWKS_SECONDS = 60
"""How long public keys are kept here; a new signing key is published long before it signs."""

logger = Logger()
app = answers.resolver(logger)


def build(settings: Settings) -> PublicService:
    """The object graph of this function."""
    directory = Directory(Dynamo(aws.dynamodb()), settings.accounts_table, settings.fleet_table)
    return PublicService(directory, kept(parameter(aws.ssm(), settings.jwks_parameter), JWKS_SECONDS, time.monotonic))


def parameter(client: "SSMClient", name: str) -> Callable[[], str]:
    """Reads one parameter."""

    def read() -> str:
        try:
            return client.get_parameter(Name=name)["Parameter"]["Value"]
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailableError(str(error)) from error

    return read


def kept(read: Callable[[], str], seconds: float, clock: Callable[[], float]) -> Callable[[], str]:
    """*read*, asked at most once in *seconds*; the last good answer stands in while it fails."""
    value, until = "", float("-inf")

    def get() -> str:
        nonlocal value, until
        if clock() >= until:
            try:
                value = read()
            except StoreUnavailableError:
                if not value:
                    raise
            until = clock() + seconds
        return value

    return get


@cache
def service() -> PublicService:
    """The service of this process, made at its first request for data: the page needs none."""
    return build(Settings.from_environment(os.environ))


@cache
def files() -> Mapping[str, assets.Asset]:
    """The page's files."""
    return assets.load()


@cache
def documents() -> Mapping[str, assets.Asset]:
    """What is generated from the endpoints and the registry."""
    return {
        "openapi": assets.asset_of("application/json", json.dumps(openapi.document(), ensure_ascii=False)),
        "docs": assets.asset_of("text/html; charset=utf-8", reference.page()),
    }


@app.get("/")
def page() -> answers.Answer:
    """The page; not to be framed by others, because it takes stream keys and cameras."""
    return _file(files()["index.html"], assets.page_headers(secure=_secure(), embeddable=False))


@app.get("/watch/<stream_id>")
def watch(stream_id: str) -> answers.Answer:  # noqa: ARG001 - the page itself reads its address
    """The same page on one stream; other sites may embed it."""
    return _file(files()["index.html"], assets.page_headers(secure=_secure(), embeddable=True))


@app.get("/assets/<file>")
def asset(file: str) -> answers.Answer:
    """A file of the page."""
    found = files().get(file)
    if found is None or file == "index.html":
        return answers.refusal(not_found())
    return _file(found, {})


@app.get("/docs")
def docs() -> answers.Answer:
    """The reference for people."""
    return _file(documents()["docs"], assets.page_headers(secure=_secure(), embeddable=False))


@app.get("/openapi.json")
def openapi_document() -> answers.Answer:
    """The reference for programs."""
    return _file(documents()["openapi"], {})


@app.get("/v1/tiers")
def tiers() -> answers.Answer:
    """The table of limits."""
    return answers.model(service().tiers(), {"Cache-Control": "public, max-age=300"})


@app.get("/v1/streams/<stream_id>")
def stream(stream_id: str) -> answers.Answer:
    """The state of a stream."""
    reply = service().stream(stream_id, time.time())
    return answers.refusal(reply) if isinstance(reply, Refused) else answers.model(reply)


@app.get("/.well-known/jwks.json")
def jwks() -> answers.Answer:
    """The public keys."""
    return answers.model(service().jwks(), {"Cache-Control": "public, max-age=300"})


def _file(file: assets.Asset, headers: Mapping[str, str]) -> answers.Answer:
    fields = {**assets.ASSET_HEADERS, **headers, "ETag": file.etag, "Vary": "Accept-Encoding"}
    if file.matches(app.current_event.headers.get("if-none-match")):
        return Response(304, None, "", {**answers.CORS, **fields})
    return answers.text(file.body, file.content_type, fields)


def _secure() -> bool:
    """Whether the page travels over https; API Gateway always says so."""
    forwarded: str | None = app.current_event.headers.get("x-forwarded-proto")
    return forwarded == "https"


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId")
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point."""
    return app.resolve(event, context)
