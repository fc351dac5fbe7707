"""Requests as they leave the operator's machine, and answers as they come."""

import json

import pytest

from shared.tiers import TIERS, Tier
from sluice.access import ApiChoice, SignedApi, find_api
from sluice.api import ApiCall, send, send_all, unknown_tier
from sluice.failures import Failure
from tests.operator.sluice.fake_api import FakeApi, run


def test_requests_are_signed(api: FakeApi) -> None:
    """The signature is for API Gateway in the API's region, and the body is sent with it."""
    assert run("--api", api.url, "keys", "create", "acme")[0] == 0

    ((method, path, authorization, body),) = api.requests
    assert (method, path, json.loads(body)) == ("POST", "/v1/admin/accounts/acme/keys", {"label": ""})
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-west-1/execute-api/aws4_request" in authorization


def test_a_path_with_a_slash_is_no_part_of_the_operator_s(api: FakeApi) -> None:
    """It is appended to the API's own URL, which may have a path; any other goes below /v1/admin/."""
    found = find_api(ApiChoice(api=f"{api.url}/prod/"))
    assert isinstance(found, SignedApi)
    send(ApiCall("GET", "/v1/tiers"), found)
    send(ApiCall("GET", "nodes"), found)

    assert [path for _, path, _, _ in api.requests] == ["/prod/v1/tiers", "/prod/v1/admin/nodes"]


def test_an_account_is_suspended_resumed_and_deleted(api: FakeApi) -> None:
    """Each is one request; a deletion that is not finished yet is requested again."""
    told = [{"account": "acme"}, {"account": "acme"}, {"done": "deleting"}, {"done": "deleted"}]
    api.answers = [(200, each) for each in told]
    codes = [run("--api", api.url, "accounts", verb, "acme")[0] for verb in ("suspend", "resume", "delete")]

    assert codes == [0, 0, 0]
    assert [(method, path, body) for method, path, _, body in api.requests] == [
        ("PATCH", "/v1/admin/accounts/acme", b'{"suspended": true}'),
        ("PATCH", "/v1/admin/accounts/acme", b'{"suspended": false}'),
        *[("DELETE", "/v1/admin/accounts/acme", b"")] * 2,
    ]


def test_a_list_in_pages_is_shown_as_one(api: FakeApi) -> None:
    """Each page is requested with the `next` of the page before."""
    first, last = {"accounts": [{"account": "a"}], "next": "a"}, {"accounts": [{"account": "b"}], "next": None}
    api.answers = [(200, first), (200, last)]
    code, shown, _ = run("--api", api.url, "--json", "accounts", "list")

    assert (code, [one["account"] for one in json.loads(shown)["accounts"]]) == (0, ["a", "b"])
    assert [path for _, path, _, _ in api.requests] == ["/v1/admin/accounts", "/v1/admin/accounts?after=a"]


def test_a_page_that_fails_is_the_answer() -> None:
    """Half a list is never shown as if it were all."""
    answers = iter([{"accounts": [], "next": "a"}, Failure("no", 3)])

    assert send_all(ApiCall("GET", "accounts"), lambda _: next(answers)) == Failure("no", 3)


@pytest.mark.parametrize("tier", [tier.value for tier in Tier])
def test_tiers_are_the_api_s(tier: str) -> None:
    """The command has no list of its own; every tier of the control plane is taken."""
    asked: list[ApiCall] = []

    def listed(call: ApiCall) -> object:
        asked.append(call)
        return {"tiers": [{"tier": each.value} for each in TIERS]}

    assert unknown_tier(tier, listed) is None
    assert asked == [ApiCall("GET", "/v1/tiers")]


def test_a_tier_that_the_api_does_not_list_is_not_sent(api: FakeApi) -> None:
    """The refusal lists the tiers that exist, and no change was requested."""
    code, out, err = run("--api", api.url, "accounts", "set", "acme", "--tier", "gold")

    assert (code, out) == (2, "")
    assert err == "There is no tier gold; the tiers are registered, studio_pro.\n"
    assert [path for _, path, _, _ in api.requests] == ["/v1/tiers"]


def test_a_tier_is_sent_once_it_is_known(api: FakeApi) -> None:
    """The list is requested before the change; a command without `--tier` does not request it."""
    assert run("--api", api.url, "accounts", "set", "acme", "--tier", "studio_pro")[0] == 0
    assert run("--api", api.url, "accounts", "set", "acme", "--viewers", "5")[0] == 0

    assert [(method, path) for method, path, _, _ in api.requests] == [
        ("GET", "/v1/tiers"),
        ("PATCH", "/v1/admin/accounts/acme"),
        ("PATCH", "/v1/admin/accounts/acme"),
    ]


def test_an_api_that_cannot_be_asked_for_tiers_is_the_failure() -> None:
    """A failed request is not taken for a wrong tier, and an API without a list judges the tier itself."""
    assert unknown_tier("gold", lambda _: Failure("silent", 3)) == Failure("silent", 3)
    assert unknown_tier("gold", lambda _: {}) is None
