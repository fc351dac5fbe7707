"""Requests made from the OpenAPI document that a stack serves, good ones and bad ones, and what is claimed of each answer.

Generated values are replaced by real ones often enough that requests get past the door: an account of its own, its token,
keys and streams. What would disturb others on the same stack is kept from it: heartbeats are of one draining node, and
everything comes from an address of its own, whose rate limits are nobody else's.
"""

import os
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import requests
import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, Phase, given, seed, settings
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from functions.public.api.examples import OFFER
from local import credentials
from shared.offers import SDP

ADDRESS = "127.0.0.77"
NODE = "fuzz-node"
CLAIMS: list[Any] = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.allow_header_conformance,
]
"""Not `unsupported_method`: a method without a route is API Gateway's 404 and no 405."""


@schemathesis.serializer("application/sdp")
def _offer(_: Any, value: object) -> bytes:
    """Serialize a body of SDP, which is text, as it is."""
    return str(value).encode("utf-8", "replace")


class Signed(AuthBase):
    """AWS Signature Version 4 with the stack's own access key."""

    def __init__(self, state: Path) -> None:
        self._keys = credentials.load(state)

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the signature to the request *prepared*."""
        asked = AWSRequest(prepared.method, prepared.url, data=prepared.body or b"")
        keys = self._keys
        SigV4Auth(Credentials(keys.access_key, keys.secret_key), "execute-api", keys.region).add_auth(asked)
        prepared.headers.update(asked.headers.items())
        return prepared


class _From(HTTPAdapter):
    """Connects from one address of the loopback network."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        """As the base class does."""
        super().init_poolmanager(*arguments, **named, source_address=(self._address, 0))


def session_from(address: str) -> requests.Session:
    """An HTTP client of its own *address* on this machine, with rate limits that it shares with nobody."""
    session = requests.Session()
    session.mount("http://", _From(address))
    return session


@dataclass
class Owner:
    """An account that is there to be fuzzed."""

    account: str
    token: str
    keys: list[tuple[str, str]]
    """Stream keys and their streams."""


class Fuzzer:
    """Asks one stack. Collects what an answer contradicts, one sentence each."""

    def __init__(self, api: str, state: Path, number: int) -> None:
        self._api = api.rstrip("/")
        self._random = Random(number)  # noqa: S311 - a run that can be repeated, not a secret
        self._number = number
        self._signed = Signed(state)
        self.session = session_from(ADDRESS)
        self.owner = self._new_owner()
        document = self.session.get(f"{self._api}/openapi.json", timeout=10).json()
        self._security = security(document)
        _relieve(document)
        schema = schemathesis.openapi.from_dict(document)
        schema.config.checks.negative_data_rejection.expected_statuses.append("413")
        self.operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
        assert len(self.operations) == len(self._security)
        self.asked = 0
        self.problems: dict[str, str] = {}

    def run(self, until: float, examples: int) -> None:
        """Round after round over all operations, *examples* good and as many bad requests each, until that moment."""
        for turn in count():
            for operation in self._random.sample(self.operations, len(self.operations)):
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    if time.monotonic() > until:
                        return
                    self._some(operation, mode, examples, self._number + turn)

    def _some(self, operation: Any, mode: GenerationMode, examples: int, number: int) -> None:
        if mode is GenerationMode.NEGATIVE and not can_be_wrong(operation):
            return

        @seed(number)
        @settings(
            max_examples=examples, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            self._ask(case)

        ask()

    def _ask(self, case: Any) -> None:
        good = case.meta.generation.mode is GenerationMode.POSITIVE
        replaced = self._make_real(case)
        signed = self._security[case.operation.label] == "iam"
        self.asked += 1
        answer = case.call(
            base_url=self._api,
            session=self.session,
            auth=self._signed if signed else None,
            timeout=20,
            allow_redirects=False,
        )
        claims = list(CLAIMS)
        if good and not beyond_schemas(answer) and "405" not in case.operation.definition.raw["responses"]:
            claims.append(checks.positive_data_acceptance)
        if not good and not replaced:
            claims.append(checks.negative_data_rejection)
        try:
            case.validate_response(answer, checks=claims)
        except FailureGroup as group:
            for failure in group.exceptions:
                name = f"{case.operation.label}: {type(failure).__name__}"
                told = f"{answer.status_code} {answer.text[:300]}\n{failure}"[:1500]
                self.problems.setdefault(name, f"{told}\n{case.as_curl_command()[:1000]}")

    def _make_real(self, case: Any) -> bool:
        """Replace invented values by such as exist, most of the time; whether what was wrong may be gone with it."""
        key, stream = self._random.choice(self.owner.keys)
        real = {
            "stream_key": key, "stream_id": stream, "account": self.owner.account, "key": key, "stream": stream, "password": key,
            "path": stream,
        }  # fmt: skip
        replaced = False
        if case.media_type == SDP and case.meta.generation.mode is GenerationMode.POSITIVE:
            case.body = OFFER + str(case.body).replace("\0", "")
        for values in (case.path_parameters or {}, case.body if isinstance(case.body, dict) else {}):
            for name in real.keys() & values.keys():
                if isinstance(values[name], str) and self._random.random() < 0.6:
                    values[name] = real[name]
                    replaced = True
        if "node" in (case.path_parameters or {}):
            case.path_parameters["node"] = NODE
            replaced = True
            if isinstance(case.body, dict):
                self._be_harmless(case.body)
        security = self._security[case.operation.label]
        if security in {"streamKey", "accountToken"} and self._random.random() < 0.8:
            case.headers["Authorization"] = f"Bearer {key if security == 'streamKey' else self.owner.token}"
        return replaced

    @staticmethod
    def _be_harmless(heartbeat: dict[str, Any]) -> None:
        if isinstance(heartbeat.get("node"), str):
            heartbeat["node"] = NODE
        if heartbeat.get("state") == "serving":
            heartbeat["state"] = "draining"

    def _new_owner(self) -> Owner:
        name = f"fuzz-{os.urandom(4).hex()}"
        made = self._operate("/v1/admin/accounts", {"account": name, "tier": "studio_pro"})
        keys = [self._operate(f"/v1/admin/accounts/{name}/keys", {}) for _ in range(3)]
        return Owner(name, made["token"], [(key["stream_key"], key["stream"]) for key in keys])

    def _operate(self, path: str, body: dict[str, str]) -> dict[str, str]:
        answer = self.session.post(self._api + path, json=body, auth=self._signed, timeout=10)
        assert answer.status_code == 201, answer.text
        made: dict[str, str] = answer.json()
        return made


def fuzz(api: str, state: Path, *, seconds: float, examples: int, number: int) -> Fuzzer:
    """A fuzzer that has asked for *seconds*; *state* is the folder of a stack's credentials."""
    fuzzer = Fuzzer(api, state, number)
    fuzzer.run(time.monotonic() + seconds, examples)
    return fuzzer


def report(fuzzer: Fuzzer) -> str:
    """What was found, each kind once."""
    return "\n\n".join(f"{name}\n{found}" for name, found in sorted(fuzzer.problems.items()))


def _relieve(document: dict[str, Any]) -> None:
    """Take the pattern of offers out of *document*, which costs seconds to invent text for; good ones are made by hand."""
    for operations in document["paths"].values():
        for operation in operations.values():
            offer = operation.get("requestBody", {}).get("content", {}).get(SDP)
            if offer is not None:
                offer["schema"] = {"type": "string", "maxLength": 1000}


def can_be_wrong(operation: Any) -> bool:
    """Whether there are bad requests at all: where any text will do, there are none."""
    raw = operation.definition.raw
    return "requestBody" in raw or any("pattern" in one["schema"] for one in raw.get("parameters", ()))


def beyond_schemas(answer: Any) -> bool:
    """Whether a request was refused for what no schema can say: what the time is, where a URL leads, what the path names."""
    try:
        return answer.json().get("error") in _UNSAYABLE
    except (ValueError, AttributeError):
        return False


_UNSAYABLE = {
    '"at" must be a time within a year from now, in seconds since the epoch.',
    "The node began in the future; its clock is wrong.",
    "The heartbeat is of another node than its address.",
    "The address is not a public one.",
    "The host is neither a name nor an address.",
    "This is not a URL.",  # an IPv6 address in brackets that is none
}


def security(document: dict[str, Any]) -> dict[str, str]:
    """What each operation wants to be called with; taken out of *document*, because it is given here and not invented."""
    found = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            needed = operation.pop("security", [{"": []}])
            (found[f"{method.upper()} {path}"],) = needed[0]
    return found
