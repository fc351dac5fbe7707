"""Which API a command speaks to, and with whose credentials and for which region its requests are signed."""

import os
import re
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError, NoRegionError

from sluice.failures import NO_CREDENTIALS, NO_REGION, NOT_UNDERSTOOD, Failure
from sluice.stacks import deployed_api, local_stack

NAMED_BY_URL = "the URL names it"
"""Says of a region that API Gateway's own URL holds it, so that it cannot be another one."""
_API_GATEWAY = re.compile(r"https://[^/]*\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?(?:[:/]|$)")


@dataclass(frozen=True, slots=True)
class ApiChoice:
    """What the command line says of the API to speak to; None where it says nothing."""

    api: str | None = None
    """The API's URL."""
    stack: str | None = None
    """A CloudFormation stack whose API is meant."""
    region: str | None = None
    home: Path = Path()
    """The repository whose `make up` is meant where no API is named."""


@dataclass(frozen=True, slots=True)
class SignedApi:
    """An API, and what a request to it is signed with."""

    api: str
    """Its URL without a slash at the end."""
    region: str
    region_from: str
    """Where the region was found, for the sentence that explains a refused signature."""
    credentials: Any = field(repr=False)
    """botocore's, with `access_key`, `secret_key` and `token`."""


def find_api(choice: ApiChoice) -> SignedApi | Failure:
    """The API that is meant: by URL, by stack, by SLUICE_API_URL, else that of `make up`, with its own access key."""
    try:
        session = botocore.session.get_session()
        api = choice.api
        if api is None and choice.stack is not None:
            found = deployed_api(session, choice.stack, choice.region)
            if isinstance(found, Failure):
                return found
            api = found
        api = api or os.environ.get("SLUICE_API_URL")
        if api is None:
            return _local_api(choice.home)
        if urllib.parse.urlsplit(api).scheme not in {"http", "https"}:
            return Failure(
                f"{api} is no URL of an API; it begins with https://, for example https://api.example.com.",
                NOT_UNDERSTOOD,
            )
        credentials = session.get_credentials()
        if credentials is None:
            return Failure(NO_CREDENTIALS, NOT_UNDERSTOOD)
        region, region_from = _region(session, api, choice.region)
        return SignedApi(api.rstrip("/"), region, region_from, credentials.get_frozen_credentials())
    except NoRegionError:
        return Failure(NO_REGION, NOT_UNDERSTOOD)
    except BotoCoreError as error:
        return Failure(
            f"{error}. Which credentials are used is said by AWS_PROFILE and AWS_ACCESS_KEY_ID.", NOT_UNDERSTOOD
        )


def _local_api(home: Path) -> SignedApi | Failure:
    here = local_stack(home)
    if here is None:
        return Failure(
            "Which API? Give --api URL, --in STACK or SLUICE_API_URL, or start a stack here with: make up",
            NOT_UNDERSTOOD,
        )
    return SignedApi(here.api, here.region, "of the stack here", here.credentials)


def _region(session: botocore.session.Session, api: str, given: str | None) -> tuple[str, str]:
    """The region to sign for, and who named it."""
    if given:
        return given, "--region"
    named = _API_GATEWAY.match(api)
    if named:
        return named[1], NAMED_BY_URL
    if os.environ.get("AWS_REGION"):
        return os.environ["AWS_REGION"], "AWS_REGION"
    configured = session.get_config_variable("region")
    return (configured, "AWS_DEFAULT_REGION or the profile") if configured else ("us-east-1", "since none is set")
