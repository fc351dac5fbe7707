"""From the operator's machine to the API: which API, signed by whom for which region, and what a failure asks of a person."""

import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from configparser import ConfigParser
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

LOCAL_STACK = "local"
"""What `make up` calls its stack."""
_NO_CREDENTIALS = (
    "No AWS credentials were found. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    " (AWS_SESSION_TOKEN too, if yours are temporary)."
)
_NO_REGION = "Which AWS region? Give --region, or set AWS_REGION or the profile's region."
_WHOSE_URL = re.compile(r"https://[^/]*\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?(?:[:/]|$)")


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the API."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer worth showing as a result."""

    text: str
    code: int


@dataclass(frozen=True, slots=True)
class Place:
    """An API, and how requests to it are signed."""

    api: str
    region: str
    region_from: str
    """Where the region was found, for the sentence that explains a refused signature."""
    credentials: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line said of where to go; None where it said nothing."""

    api: str | None = None
    deployed: str | None = None
    """A CloudFormation stack, whose API is meant."""
    region: str | None = None
    home: Path = Path()
    """The repository whose `make up` is meant where no API is named."""


def place(wanted: Wanted) -> Place | Failed:
    """Which API is meant, and what it is signed with."""
    try:
        session = botocore.session.get_session()
        api = wanted.api
        if api is None and wanted.deployed is not None:
            found = _api_of(session, wanted.deployed, wanted.region)
            if isinstance(found, Failed):
                return found
            api = found
        api = api or os.environ.get("SLUICE_API_URL")
        if api is None:
            return _local_place(wanted.home)
        if urllib.parse.urlsplit(api).scheme not in {"http", "https"}:
            return Failed(
                f"{api} is no URL of an API; it begins with https://, for example https://api.example.com.", 2
            )
        credentials = session.get_credentials()
        if credentials is None:
            return Failed(_NO_CREDENTIALS, 2)
        return Place(api.rstrip("/"), *_region(session, api, wanted.region), credentials.get_frozen_credentials())
    except NoRegionError:
        return Failed(_NO_REGION, 2)
    except BotoCoreError as error:
        return Failed(f"{error}. Which credentials are used is said by AWS_PROFILE and AWS_ACCESS_KEY_ID.", 2)


def send(call: Call, to: Place) -> Any:
    """The answer's JSON, or a `Failed`."""
    data = b"" if call.body is None else json.dumps(call.body).encode()
    url = f"{to.api}/v1/admin/{call.path}"
    request = AWSRequest(call.method, url, data=data, headers={"Content-Type": "application/json"})
    SigV4Auth(to.credentials, "execute-api", to.region).add_auth(request)
    sent = urllib.request.Request(  # noqa: S310 - the operator names the API
        url, data=data or None, headers=dict(request.headers.items()), method=call.method
    )
    try:
        with urllib.request.urlopen(sent, timeout=30) as answer:  # noqa: S310 - likewise
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return Failed(refusal(error.code, error.read().decode(errors="replace"), to), 1)
    except ValueError:
        return Failed(f"{to.api} answers, but not as Sluice's API does. {_url_advice(to)}", 1)
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        return Failed(f"{to.api} does not answer: {reason}. {_url_advice(to)}", 3)


def whole(call: Call, ask: Callable[[Call], Any]) -> Any:
    """What *ask* answers to *call*; a list that comes in pages as one, and a deletion asked for until it is done."""
    answer = ask(call)
    pages = [answer]
    while isinstance(pages[-1], dict) and pages[-1].get("next") is not None:
        pages.append(ask(Call("GET", f"{call.path}?after={urllib.parse.quote(pages[-1]['next'])}")))
    while isinstance(answer, dict) and answer.get("done") == "deleting":
        answer = ask(call)
    if len(pages) == 1 or isinstance(pages[-1], Failed):
        return answer if len(pages) == 1 else pages[-1]
    return {"accounts": [account for page in pages for account in page["accounts"]], "next": None}


def refusal(status: int, text: str, to: Place) -> str:
    """What an answer that is no success says to the operator: the API's own refusal, or what to do about AWS's."""
    body = _object(text)
    if isinstance(body.get("code"), str) and isinstance(body.get("error"), str):
        return f"{body['code']}: {body['error']}"
    said = str(body.get("message") or body.get("Message") or text[:300]).strip()
    if status == 403:
        return _forbidden(said, to)
    if status == 404:
        return f"404: there is no operator's API at {to.api}. {_url_advice(to)}"
    return f"{to.api} answered {status}: {said}"


def parameters(stack: str | None, region: str | None, home: Path) -> tuple[Any, str] | Failed:
    """A client of the SSM that holds the parameters of *stack* (None: of the `make up` here), and that stack's name."""
    session, endpoint = botocore.session.get_session(), None
    if stack is None:
        file = _local_stack(home)
        if not file.exists():
            return Failed("Which stack? Give --stack, or start one here with: make up", 2)
        stack, endpoint = LOCAL_STACK, json.loads(file.read_text())["emulator"]
        own, region = _local_keys(file)
        return session.create_client(
            "ssm", region, endpoint_url=endpoint, aws_access_key_id=own.access_key, aws_secret_access_key=own.secret_key
        ), stack
    try:
        return session.create_client("ssm", region or os.environ.get("AWS_REGION")), stack
    except NoRegionError:
        return Failed(_NO_REGION, 2)
    except BotoCoreError as error:
        return Failed(str(error), 2)


def trouble(error: ClientError | BotoCoreError) -> Failed:
    """What AWS's refusal to do something, or its silence, says to the operator."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        if code in {"UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "ExpiredToken"}:
            return Failed(
                f"AWS does not take these credentials ({error}). See whose they are: aws sts get-caller-identity", 1
            )
        return Failed(str(error), 1)
    if "credentials" in str(error):
        return Failed(_NO_CREDENTIALS, 2)
    return Failed(str(error), 3)


def _forbidden(said: str, to: Place) -> str:
    """API Gateway's 403: it names a reason sometimes; where it does not, all that it can be."""
    message = said.lower()
    region = (
        f"region: signed for {to.region} ({to.region_from}). The API's own is in its URL or on API Gateway's console;"
        " name it with --region or AWS_REGION"
    )
    credentials = (
        f"credentials: signed by the access key {to.credentials.access_key}. Whose it is says: aws sts get-caller-identity."
        " It needs execute-api:Invoke on /v1/admin/*; others are chosen with AWS_PROFILE"
    )
    url = f"URL: {to.api}. {_url_advice(to)[:-1]}"
    if "scoped to" in message or "region" in message:
        causes = [region]
    elif "signature expired" in message or "not yet current" in message:
        causes = ["clock: this machine's time is wrong by minutes; set it right"]
    elif "missing authentication token" in message:
        causes = [url]
    elif any(word in message for word in ("security token", "signature", "not authorized", "denied", "deny")):
        causes = [credentials]
    else:
        causes = [*([] if to.region_from == _OF_URL else [region]), credentials, url]
    return "\n".join(
        [f"403 {said or 'Forbidden'}: the API did not take the request's signature.", *(f"- {one}." for one in causes)]
    )


def _url_advice(to: Place) -> str:
    host = urllib.parse.urlsplit(to.api).hostname or ""
    if host in {"localhost", "127.0.0.1", "::1"}:
        return "For the stack of `make up` leave --api out: it has an access key of its own, in .local/credentials."
    return "Name the right one with --api, --in STACK or SLUICE_API_URL."


_OF_URL = "the URL names it"


def _region(session: botocore.session.Session, api: str, asked: str | None) -> tuple[str, str]:
    """The region to sign for, and who named it. API Gateway's own URLs say where they are."""
    if asked:
        return asked, "--region"
    named = _WHOSE_URL.match(api)
    if named:
        return named[1], _OF_URL
    if os.environ.get("AWS_REGION"):
        return os.environ["AWS_REGION"], "AWS_REGION"
    configured = session.get_config_variable("region")
    return (configured, "AWS_DEFAULT_REGION or the profile") if configured else ("us-east-1", "since none is set")


def _local_place(home: Path) -> Place | Failed:
    file = _local_stack(home)
    if not file.exists():
        return Failed("Which API? Give --api URL, --in STACK or SLUICE_API_URL, or start a stack here with: make up", 2)
    credentials, region = _local_keys(file)
    return Place(json.loads(file.read_text())["api"].rstrip("/"), region, "of the stack here", credentials)


def _local_keys(stack: Path) -> tuple[Credentials, str]:
    """The access key of `make up`, whatever others the environment holds, and its region."""
    file = ConfigParser(interpolation=None)
    file.read(stack.with_name("credentials"))
    section = file["default"]
    return Credentials(section["aws_access_key_id"], section["aws_secret_access_key"]), section["region"]


def _local_stack(home: Path) -> Path:
    """What `make up` writes; with PORT=… it keeps its files in a folder of that name."""
    port = os.environ.get("PORT", "8080")
    return home / ".local" / ("" if port == "8080" else port) / "stack.json"


def _api_of(session: botocore.session.Session, stack: str, region: str | None) -> str | Failed:
    """The API of a deployed stack, as its outputs name it."""
    try:
        cloudformation: Any = session.create_client("cloudformation", region or os.environ.get("AWS_REGION"))
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        where = cloudformation.meta.region_name
        return Failed(f"CloudFormation in {where} does not show the stack {stack}: {trouble(error).text}", 1)
    urls = [each["OutputValue"] for each in described.get("Outputs", []) if each["OutputKey"] == "ApiUrl"]
    return str(urls[0]) if urls else Failed(f"The stack {stack} has no output ApiUrl; is it Sluice's control plane?", 1)


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
