"""Schema and server agree: what the OpenAPI document allows is taken, and what it forbids is refused.

Every operation gets what schemathesis makes of its schema: each boundary of it (lengths, patterns, types, what is required),
and generated requests, the same at every run. Asked are the handlers themselves, over HTTP's own reading of a request.
"""

import io
from functools import cache
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from requests.adapters import HTTPAdapter
from schemathesis.config import GenerationConfig
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks
from urllib3 import HTTPResponse

from functions.domain.provision import create_key
from functions.public.api.examples import STREAM_KEY
from functions.public.api.openapi import document
from shared.offers import SDP
from shared.tiers import Tier
from tests.functions.front import Front
from tests.functions.world import Beating, World
from tests.fuzz.fuzzing import CLAIMS, beyond_schemas, can_be_wrong, security

EXAMPLES = 10
"""Generated requests of each kind; the boundaries are as many as the schema has."""
ACKNOWLEDGED = 100
"""Commands that a heartbeat says are done: moto walks an expression by recursion, and real limits are storage's tests'."""
BOTH = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
AGREE = [
    *(claim for claim in CLAIMS if claim.__name__ != "not_a_server_error"),  # 503 is an answer of ours, and documented
    checks.positive_data_acceptance,
    checks.negative_data_rejection,
]


@cache
def operations() -> dict[str, tuple[Any, str]]:
    """Every operation by its name, with what it wants to be called with."""
    described = document()
    for path in ("/{stream_key}/whip", "/whip", "/{stream_id}/whep"):
        # Text of a pattern and of exactly 65,536 characters takes ten seconds to invent; tests of offers hold the length.
        del described["paths"][path]["post"]["requestBody"]["content"][SDP]["schema"]["maxLength"]
    wanted = security(described)
    schema = schemathesis.openapi.from_dict(described)
    schema.config.checks.negative_data_rejection.expected_statuses.append("413")
    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    return {operation.label: (operation, wanted[operation.label]) for operation in found}


class Through(HTTPAdapter):
    """Carries requests to the functions of a world."""

    def __init__(self, front: Front) -> None:
        super().__init__()
        self._front = front

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """What the function answers to the request."""
        fields = [(name, str(value)) for name, value in request.headers.items() if name.lower() != "accept-encoding"]
        said = self._front.ask(str(request.method), str(request.path_url), request.body, fields)
        body = io.BytesIO(b"" if request.method == "HEAD" else said.text.encode())
        raw = HTTPResponse(body, said.headers, said.status, preload_content=False)
        return self.build_response(request, raw)


@pytest.mark.long
@pytest.mark.parametrize("label", list(operations()))
def test_a_request_is_taken_where_its_schema_allows_it_and_nowhere_else(world: World, label: str) -> None:
    """Where no schema can say what decides (what the time is, where a URL leads), the field says so."""
    operation, wanted = operations()[label]
    world.beat(Beating())
    token = world.account("acme", Tier.STUDIO_PRO)
    account = world.registry.account("acme")
    assert account is not None
    create_key(world.registry, account, random=bytes, now=world.now)
    session = requests.Session()
    session.mount("http://", Through(Front(world)))
    told = {"accountToken": token, "streamKey": STREAM_KEY}.get(wanted)

    def ask(case: Any) -> None:
        if told is not None:
            case.headers["Authorization"] = f"Bearer {told}"
        answer = case.call(base_url="http://api.example.com", session=session, allow_redirects=False)
        claims = list(AGREE)
        if beyond_schemas(answer):
            claims.remove(checks.positive_data_acceptance)
        case.validate_response(answer, checks=claims)

    for case in operation.schema.iter_coverage_cases(
        operation, generation_modes=BOTH, generation_config=GenerationConfig()
    ):
        acknowledged = case.body.get("done") if isinstance(case.body, dict) else None
        if case.method == operation.method.upper() and not (
            isinstance(acknowledged, list) and len(acknowledged) > ACKNOWLEDGED
        ):
            ask(case)

    for mode in BOTH:

        @settings(
            max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def generated(case: Any) -> None:
            ask(case)

        if mode is GenerationMode.POSITIVE or can_be_wrong(operation):
            generated()
