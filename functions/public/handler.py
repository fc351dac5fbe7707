"""What anybody may read: HTTP event -> service -> answer."""

import json
import os
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from functions import aws
from functions.answers import Answer, reply, router, text, unchanged
from functions.observability import LambdaLog, Log
from functions.public.assets import ASSET_HEADERS, Asset, asset_of, load, page_headers
from functions.public.keyset import kept, parameter
from functions.public.openapi import document
from functions.public.reference import page
from functions.public.service import PublicService
from functions.settings import Settings
from functions.storage.directory import Directory
from functions.storage.dynamo import Dynamo
from shared.refusals import not_found

if TYPE_CHECKING:
    from mypy_boto3_ssm.client import SSMClient

CACHED = {"Cache-Control": "public, max-age=300"}
"""For what changes with a deployment or a key rotation only."""


class PublicApi:
    """The routes, and what they need."""

    def __init__(
        self, service: PublicService, files: Mapping[str, Asset], log: Log, clock: Callable[[], float]
    ) -> None:
        self._service = service
        self._files = files
        self._clock = clock
        self.app: APIGatewayHttpResolver = router(
            log,
            {
                "/": self._page,
                "/watch/<stream_id>": self._watch,
                "/assets/<file>": self._asset,
                "/docs": self._docs,
                "/openapi.json": self._openapi,
                "/v1/tiers": self._tiers,
                "/v1/streams/<stream_id>": self._stream,
                "/.well-known/jwks.json": self._jwks,
            },
        )

    def _page(self) -> Answer:
        # Not to be framed by others: it takes stream keys and cameras.
        return self._file(self._files["index.html"], page_headers(secure=self._secure(), embeddable=False))

    def _watch(self, stream_id: str) -> Answer:  # noqa: ARG002 - the page itself reads its address
        return self._file(self._files["index.html"], page_headers(secure=self._secure(), embeddable=True))

    def _asset(self, file: str) -> Answer:
        found = self._files.get(file)
        return reply(not_found()) if found is None or file == "index.html" else self._file(found)

    def _docs(self) -> Answer:
        return self._file(_documents()["docs"], page_headers(secure=self._secure(), embeddable=False))

    def _openapi(self) -> Answer:
        return self._file(_documents()["openapi"])

    def _tiers(self) -> Answer:
        return reply(self._service.tiers(), CACHED)

    def _stream(self, stream_id: str) -> Answer:
        return reply(self._service.stream(stream_id, self._clock()))

    def _jwks(self) -> Answer:
        return reply(self._service.jwks(), CACHED)

    def _file(self, file: Asset, headers: Mapping[str, str] | None = None) -> Answer:
        fields = {**ASSET_HEADERS, **(headers or {}), "ETag": file.etag, "Vary": "Accept-Encoding"}
        if file.matches(self.app.current_event.headers.get("if-none-match")):
            return unchanged(fields)
        return text(file.body, file.content_type, fields)

    def _secure(self) -> bool:
        """Whether the page travels over https; API Gateway always says so."""
        forwarded: str = self.app.current_event.headers.get("x-forwarded-proto") or ""
        return forwarded.partition(",")[0].strip() == "https"


def build(
    settings: Settings, log: Log, dynamo: Dynamo, ssm: "SSMClient", *, clock: Callable[[], float] = time.time
) -> PublicApi:
    """The composition root."""
    directory = Directory(dynamo, settings.accounts_table, settings.fleet_table)
    service = PublicService(directory, kept(parameter(ssm, settings.jwks_parameter), clock))
    return PublicApi(service, load(), log, clock)


@cache
def _documents() -> Mapping[str, Asset]:
    """What is generated from the endpoints and the registry, when somebody first asks for it."""
    return {
        "openapi": asset_of("application/json", json.dumps(document(), ensure_ascii=False)),
        "docs": asset_of("text/html; charset=utf-8", page()),
    }


@cache
def _log() -> LambdaLog:
    return LambdaLog("public")


@cache
def _api() -> PublicApi:
    return build(Settings.from_environment(os.environ), _log(), Dynamo(aws.dynamodb()), aws.ssm())


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one payload-2.0 event."""
    _log().begin(event["requestContext"].get("requestId", ""))
    return _api().app.resolve(event, context)
