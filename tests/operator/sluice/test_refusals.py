"""What the operator reads where the API does not do what he asked for."""

import json
from typing import Any

import pytest
from botocore.credentials import Credentials

from sluice.access import SignedApi
from sluice.refusals import refusal_text
from tests.operator.sluice.fake_api import FakeApi, run


def at(api: str = "https://api.example.com", region_from: str = "AWS_REGION") -> SignedApi:
    """An API that requests are signed for."""
    return SignedApi(api, "eu-west-1", region_from, Credentials("AKIDEXAMPLE", "secret"))


@pytest.mark.parametrize(
    ("status", "said", "to", "needed", "left_out"),
    [
        (403, {"message": "Forbidden"}, at(),
         ["signed for eu-west-1 (AWS_REGION)", "--region", "AKIDEXAMPLE", "AWS_PROFILE", "execute-api:Invoke", "--api"], []),
        (403, {"message": "Forbidden"}, at("https://x.execute-api.eu-west-1.amazonaws.com", "the URL names it"),
         ["AKIDEXAMPLE", "--api"], ["--region"]),
        (403, {"message": "Forbidden"}, at("http://127.0.0.1:8080"), ["leave --api out", ".local/credentials"], []),
        (403, {"message": "Credential should be scoped to a valid region."}, at(), ["--region"], ["AWS_PROFILE", "--api"]),
        (403, {"message": "The security token included in the request is invalid."}, at(), ["AWS_PROFILE"], ["--region"]),
        (403, {"Message": "User: arn:aws:iam::1:user/x is not authorized to perform: execute-api:Invoke"}, at(),
         ["execute-api:Invoke on /v1/admin/*"], ["--region"]),
        (403, {"message": "Signature expired: 20261130T000000Z is now earlier than 20261201T000000Z"}, at(), ["clock"], ["--region"]),
        (403, {"message": "Missing Authentication Token"}, at(), ["URL: https://api.example.com", "--api"], ["AWS_PROFILE"]),
        (403, "<html>blocked</html>", at(), ["blocked", "--region", "AWS_PROFILE", "--api"], []),
        (404, {"message": "Not Found"}, at(), ["no operator's API at https://api.example.com", "--api"], []),
        (502, "Bad gateway", at(), ["https://api.example.com answered 502: Bad gateway"], []),
        (403, {"error": "No.", "code": "FORBIDDEN"}, at(), ["FORBIDDEN: No."], ["AWS_PROFILE"]),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_wrong_and_what_to_do(
    status: int, said: Any, to: SignedApi, needed: list[str], left_out: list[str]
) -> None:
    """The cause that AWS's words name (region, credentials, clock, URL), else every possible one; never a secret."""
    told = refusal_text(status, said if isinstance(said, str) else json.dumps(said), to)

    for part in needed:
        assert part in told
    for part in [*left_out, "secret"]:
        assert part not in told


def test_a_refusal_is_told_with_its_code(api: FakeApi) -> None:
    """The refusal goes to the error output, and the exit code is 1."""
    api.answers = [(404, {"error": "There is no such account.", "code": "NOT_FOUND"})]
    code, out, err = run("--api", api.url, "accounts", "show", "nobody")

    assert (code, out, err) == (1, "", "NOT_FOUND: There is no such account.\n")


def test_a_bare_403_names_what_was_used(api: FakeApi) -> None:
    """API Gateway only says Forbidden, so the command adds the region and the access key that it signed with."""
    api.answers = [(403, {"message": "Forbidden"})]
    code, out, err = run("--api", api.url, "nodes", "list")

    assert (code, out) == (1, "")
    assert "signed for eu-west-1 (AWS_DEFAULT_REGION or the profile)" in err
    assert "AKIDEXAMPLE" in err
