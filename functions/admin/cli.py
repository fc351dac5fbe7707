"""`sluice`, the operator's command line: tables for people, `--json` for programs.

    sluice accounts list
    sluice accounts set acme --tier studio_pro --viewers 500
    sluice nodes drain node1
    sluice signer init --stack sluice
    sluice signer rotate --stack sluice

It signs requests to the API with AWS credentials, found as every AWS tool finds them. The API is `--api`, or
that of the CloudFormation stack `--in`, or SLUICE_API_URL, or that of the stack which `make up` started here, whose own
key it then uses. `signer` works on the stack's parameters in SSM, or on those of `make up`. AWS_ENDPOINT_URL and
AWS_PROFILE are honoured. PORT=… names the
stack of `make up PORT=…`. Exit code: 0 done, 1 refused, 2 not understood, 3 not reachable.
"""

import argparse
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError

from functions.admin.signing import NotDoneError, Signing, Waiting
from shared.tiers import HlsEmbed, Tier

LOCAL_STACK = "local"
"""What `make up` calls its stack."""
HERE = Path()
LIMITS = ("streams", "bytes", "viewers", "kbps")
COLUMNS: Mapping[str, Sequence[str]] = {
    "accounts": ("account", "tier", "streams", "viewers", "used_bytes", "bytes", "blocked"),
    "keys": ("stream", "label", "created", "revoked_at"),
    "nodes": ("node", "state", "drained", "leased", "region", "publishers", "viewers", "egress_kbps", "url"),
    "sessions": ("session", "account", "stream", "node", "viewers", "kbps", "silent_ms"),
    "signing_keys": ("kid", "created", "state", "published"),
    "shards": ("node", "boot", "received", "sent"),
    "refusals": ("at", "stream", "code", "protocol", "address"),
    "slots": ("stream", "session", "node", "used"),
}
"""What a table shows of each list; `--json` has everything."""


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


def parser() -> argparse.ArgumentParser:
    """The commands. Each leaves a function from its arguments to a `Call` in `call`."""
    top = argparse.ArgumentParser(prog="sluice", description="Operate a Sluice control plane.")
    top.add_argument("--api", help="the API's URL; default: SLUICE_API_URL, else the stack of `make up`")
    top.add_argument("--in", dest="deployed", metavar="STACK", help="the CloudFormation stack whose API is meant")
    top.add_argument("--json", action="store_true", help="print the answer as JSON")
    nouns = top.add_subparsers(required=True, metavar="COMMAND")
    accounts = _noun(nouns, "accounts", "accounts, tiers and limits")
    _verb(accounts, "list", lambda _: Call("GET", "accounts"))
    _verb(accounts, "show", lambda a: Call("GET", _path("accounts", a.account)), "account")
    create = _verb(accounts, "create", _create, "account")
    create.add_argument("--tier", choices=[tier.value for tier in Tier], required=True)
    change = _verb(accounts, "set", _change, "account")
    change.add_argument("--tier", choices=[tier.value for tier in Tier])
    change.add_argument("--no-overrides", action="store_true", help="back to the tier's own limits")
    for command in (create, change):
        for limit in LIMITS:
            command.add_argument(f"--{limit}", type=int)
        command.add_argument("--hls-embed", choices=[embed.value for embed in HlsEmbed])
    keys = _noun(nouns, "keys", "stream keys of an account")
    _verb(keys, "list", lambda a: Call("GET", _path("accounts", a.account, "keys")), "account")
    new = _verb(
        keys, "create", lambda a: Call("POST", _path("accounts", a.account, "keys"), {"label": a.label}), "account"
    )
    new.add_argument("--label", default="")
    _verb(keys, "revoke", lambda a: Call("DELETE", _path("accounts", a.account, "keys", a.stream)), "account", "stream")
    nodes = _noun(nouns, "nodes", "nodes")
    _verb(nodes, "list", lambda _: Call("GET", "nodes"))
    _verb(nodes, "drain", lambda a: Call("POST", _path("nodes", a.node, "drain")), "node")
    _verb(nodes, "undrain", lambda a: Call("POST", _path("nodes", a.node, "undrain")), "node")
    sessions = _noun(nouns, "sessions", "running publish sessions")
    _verb(sessions, "list", lambda _: Call("GET", "sessions"))
    _verb(sessions, "end", lambda a: Call("DELETE", _path("sessions", a.session)), "session")
    _verb(nouns, "refusals", lambda a: Call("GET", _path("accounts", a.account, "refusals")), "account")
    usage = _verb(nouns, "usage", _usage, "account")
    usage.add_argument("--month", help="YYYY-MM, UTC; default: this month")
    signer = _noun(nouns, "signer", "the key that signs grants")
    for verb in ("init", "list", "rotate"):
        _verb(signer, verb, None).add_argument("--stack", help="the stack's name; default: the stack of `make up`")
        signer.choices[verb].set_defaults(signing=verb)
    return top


def main(
    arguments: Sequence[str],
    out: TextIO = sys.stdout,
    err: TextIO = sys.stderr,
    wait: Callable[[float], None] = time.sleep,
    home: Path = HERE,
) -> int:
    """Run one command; the exit code. *home* is the repository whose `make up` is meant where no API is named."""
    try:
        asked = parser().parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    if asked.call is None:
        outcome = _signer(asked, home, Waiting(wait, lambda text: print(text, file=err, flush=True)))
    else:
        outcome = _over_http(asked, home)
    if isinstance(outcome, Failed):
        print(outcome.text, file=err)
        return outcome.code
    print(json.dumps(outcome, indent=2) if asked.json else table(outcome), file=out)
    return 0


def table(answer: Mapping[str, Any]) -> str:
    """An answer for a person: single values as lines, lists as tables."""
    parts = [
        f"{name:12}  {_cell(value)}"
        for name, value in answer.items()
        if not (isinstance(value, list) and name in COLUMNS)
    ]
    for name, columns in COLUMNS.items():
        if isinstance(answer.get(name), list):
            rows = [columns, *([_cell(entry.get(column)) for column in columns] for entry in answer[name])]
            widths = [max(len(row[number]) for row in rows) for number in range(len(columns))]
            parts += [
                "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
            ]
    return "\n".join(parts)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _noun(within: Any, name: str, about: str) -> Any:
    return within.add_parser(name, help=about).add_subparsers(required=True, metavar="VERB")


def _verb(
    within: Any, name: str, call: Callable[[argparse.Namespace], Call] | None, *names: str
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = within.add_parser(name)
    for argument in names:
        made.add_argument(argument)
    made.set_defaults(call=call)
    return made


def _path(*parts: str) -> str:
    return "/".join(urllib.parse.quote(part, safe="") for part in parts)


def _create(asked: argparse.Namespace) -> Call:
    return Call("POST", "accounts", {"account": asked.account, "tier": asked.tier, "overrides": _overrides(asked)})


def _change(asked: argparse.Namespace) -> Call:
    body: dict[str, Any] = {} if asked.tier is None else {"tier": asked.tier}
    overrides = _overrides(asked)
    if overrides or asked.no_overrides:
        body["overrides"] = overrides
    return Call("PATCH", _path("accounts", asked.account), body)


def _overrides(asked: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name in (*LIMITS, "hls_embed") if (value := getattr(asked, name)) is not None}


def _usage(asked: argparse.Namespace) -> Call:
    query = f"?month={urllib.parse.quote(asked.month)}" if asked.month else ""
    return Call("GET", _path("accounts", asked.account, "usage") + query)


def _over_http(asked: argparse.Namespace, home: Path) -> Any:
    session = botocore.session.get_session()
    api = asked.api
    if api is None and asked.deployed is not None:
        api = _api_of(session, asked.deployed)
        if isinstance(api, Failed):
            return api
    api = api or os.environ.get("SLUICE_API_URL")
    if api is None:
        stack = _local_stack(home)
        if not stack.exists():
            return Failed(
                "Which API? Give --api URL, --in STACK or SLUICE_API_URL, or start a stack here with: make up", 2
            )
        api = json.loads(stack.read_text())["api"]
        session.set_config_variable("credentials_file", str(stack.with_name("credentials")))
    call: Call = asked.call(asked)
    data = b"" if call.body is None else json.dumps(call.body).encode()
    url = f"{api.rstrip('/')}/v1/admin/{call.path}"
    request = AWSRequest(call.method, url, data=data, headers={"Content-Type": "application/json"})
    credentials = session.get_credentials()
    if credentials is None:
        return Failed("No AWS credentials were found.", 2)
    SigV4Auth(credentials, "execute-api", session.get_config_variable("region") or "us-east-1").add_auth(request)
    sent = urllib.request.Request(  # noqa: S310 - the operator names the API
        url, data=data or None, headers=dict(request.headers.items()), method=call.method
    )
    try:
        with urllib.request.urlopen(sent, timeout=30) as answer:  # noqa: S310 - likewise
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return Failed(_refusal(error), 1)
    except OSError as error:
        return Failed(f"{api} does not answer: {error}", 3)


def _api_of(session: botocore.session.Session, stack: str) -> str | Failed:
    """The API of a deployed stack, as its outputs name it."""
    try:
        cloudformation: Any = session.create_client("cloudformation")
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        return Failed(f"CloudFormation does not show the stack {stack}: {error}", 1)
    except BotoCoreError as error:
        return Failed(str(error), 3)
    urls = [each["OutputValue"] for each in described.get("Outputs", []) if each["OutputKey"] == "ApiUrl"]
    return str(urls[0]) if urls else Failed(f"The stack {stack} has no output ApiUrl; is it Sluice's control plane?", 1)


def _local_stack(home: Path) -> Path:
    """What `make up` writes; with PORT=… it keeps its files in a folder of that name."""
    port = os.environ.get("PORT", "8080")
    return home / ".local" / ("" if port == "8080" else port) / "stack.json"


def _refusal(error: urllib.error.HTTPError) -> str:
    text = error.read().decode(errors="replace")
    try:
        body = json.loads(text)
        return f"{body['code']}: {body['error']}"
    except (ValueError, KeyError, TypeError):
        return f"{error.code}: {text}"


def _signer(asked: argparse.Namespace, home: Path, waiting: Waiting) -> Any:
    session, endpoint, stack = botocore.session.get_session(), None, asked.stack
    if stack is None:
        local = _local_stack(home)
        if not local.exists():
            return Failed("Which stack? Give --stack, or start one here with: make up", 2)
        stack, endpoint = LOCAL_STACK, json.loads(local.read_text())["emulator"]
        session.set_config_variable("credentials_file", str(local.with_name("credentials")))
    try:
        signing = Signing(session.create_client("ssm", endpoint_url=endpoint), stack)
        if asked.signing == "rotate":
            return signing.rotate(secrets.token_bytes, time.time, waiting)
        return signing.keys() if asked.signing == "list" else signing.init(secrets.token_bytes, time.time())
    except (NotDoneError, ClientError) as error:
        return Failed(str(error), 1)
    except BotoCoreError as error:
        return Failed(str(error), 3)


def console(home: Path = HERE) -> int:
    """What an installed `sluice` runs."""
    try:
        return main(sys.argv[1:], home=home)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # `sluice … | head`: who reads has enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(console())
