"""Which API is meant, and for which region its requests are signed."""

import io
import json
from pathlib import Path

import pytest

from sluice.access import ApiChoice, SignedApi, find_api
from sluice.console import main
from tests.operator.sluice.fake_api import FakeApi, run


@pytest.mark.parametrize(
    ("environ", "arguments", "region"),
    [
        ({}, (), "eu-west-1"),
        ({"AWS_REGION": "ap-south-1"}, (), "ap-south-1"),
        ({"AWS_REGION": "ap-south-1"}, ("--region", "sa-east-1"), "sa-east-1"),
    ],
)
def test_the_region_that_is_signed_for(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], arguments: tuple[str, ...], region: str
) -> None:
    """The option wins over AWS_REGION, and AWS_REGION over the profile's, as in AWS's own tools."""
    monkeypatch.delenv("AWS_REGION", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert run("--api", api.url, "nodes", "list", *arguments)[0] == 0
    assert f"/{region}/execute-api/" in api.requests[-1][2]


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("suffix", ["", "/", "/prod", ":443/prod"])
def test_the_region_in_the_url_of_api_gateway_wins(suffix: str) -> None:
    """The API is in that region, whatever the profile says."""
    found = find_api(ApiChoice(api=f"https://a1b2c3.execute-api.us-west-2.amazonaws.com{suffix}"))
    assert isinstance(found, SignedApi)
    assert (found.region, found.region_from) == ("us-west-2", "the URL names it")


def test_the_stack_here_is_signed_for_with_its_own_key(api: FakeApi, tmp_path: Path) -> None:
    """The credentials and the region of the shell, which the fixture sets, are not used."""
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.json").write_text(json.dumps({"api": api.url, "emulator": api.url}))
    (tmp_path / ".local" / "credentials").write_text(
        "[default]\naws_access_key_id = LOCAL1\naws_secret_access_key = s\nregion = us-east-1\n"
    )
    out, err = io.StringIO(), io.StringIO()
    assert main(["nodes", "list"], out, err, home=tmp_path) == 0, err.getvalue()
    assert "Credential=LOCAL1/" in api.requests[-1][2]
    assert "/us-east-1/" in api.requests[-1][2]


def test_what_is_no_api_is_a_sentence(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL without a scheme, a page where JSON was expected and an unknown profile are each explained."""
    assert run("--api", "api.example.com", "nodes", "list") == (
        2, "", "api.example.com is no URL of an API; it begins with https://, for example https://api.example.com.\n",
    )  # fmt: skip
    api.content = b"<html>"
    code, _, err = run("--api", api.url, "nodes", "list")
    assert (code, "not as Sluice's API does" in err) == (1, True)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    code, _, err = run("--api", api.url, "nodes", "list")
    assert (code, "nobody" in err, "AWS_PROFILE" in err) == (2, True, True)


def test_no_credentials_at_all_is_a_sentence(api: FakeApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sentence names the variables that would provide them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    code, _, err = run("--api", api.url, "nodes", "list")
    assert (code, "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID" in err) == (2, True)


@pytest.mark.usefixtures("api")
def test_nothing_to_talk_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The exit code is 2 where no API is named, and 3 where the named one does not answer."""
    monkeypatch.delenv("SLUICE_API_URL", raising=False)
    monkeypatch.chdir(tmp_path)

    assert run("nodes", "list")[0] == 2
    assert run("--api", "http://127.0.0.1:1", "nodes", "list")[0] == 3
