"""`sluice`, the operator's command line: tables for people, `--json` for programs.

    sluice accounts list
    sluice accounts set acme --tier studio_pro --viewers 500
    sluice accounts suspend acme
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
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from botocore.exceptions import BotoCoreError, ClientError

from shared.tiers import HlsEmbed, Tier
from sluice.remote import Call, Failed, Wanted, parameters, place, send, trouble, whole
from sluice.signing import NotDoneError, Signing, Waiting
from sluice.tables import size_of, table

HERE = Path()
LIMITS = {
    "streams": "publish sessions at a time",
    "bytes": "media bytes a UTC month, both directions: 5000000000, or with a unit (kB, MB, GB, TB; 1 GB is 10^9): 5GB",
    "viewers": "viewers of one stream at a time",
    "kbps": "kbit/s of one publisher",
}
"""What an account may be given beside its tier, with the unit of each."""
_TIERS = [tier.value for tier in Tier]


def parser() -> argparse.ArgumentParser:
    """The commands. Each leaves a function from its arguments to a `Call` in `call`."""
    top = argparse.ArgumentParser(
        prog="sluice",
        usage="sluice [--api URL | --in STACK] [--region REGION] [--json] COMMAND …",
        description="Operate a Sluice control plane.",
        parents=[_everywhere()],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.set_defaults(api=None, deployed=None, region=None, json=False)
    nouns = top.add_subparsers(required=True, metavar="COMMAND", help=argparse.SUPPRESS, prog="sluice")
    accounts = _noun(nouns, "accounts", "accounts, tiers and limits")
    _verb(
        accounts,
        "list",
        lambda _: Call("GET", "accounts"),
        about="all that have an owner: limits and this month's bytes",
    )
    _verb(
        accounts,
        "show",
        lambda a: Call("GET", _path("accounts", a.account)),
        "account",
        about="one account: tier, overrides, usage and publishing slots",
    )
    create = _verb(accounts, "create", _create, "account", about="make one; its token is shown this once")
    create.add_argument("--tier", choices=_TIERS, metavar="TIER", required=True, help=", ".join(_TIERS))
    change = _verb(accounts, "set", _change, "account", about="change the tier or the limits of one")
    change.add_argument("--tier", choices=_TIERS, metavar="TIER", help=", ".join(_TIERS))
    change.add_argument("--no-overrides", action="store_true", help="back to the tier's own limits")
    for verb, closed, about in (
        ("suspend", True, "end what one does, and refuse its keys until it is resumed"),
        ("resume", False, "let a suspended one go on"),
    ):
        _verb(accounts, verb, _closing(suspended=closed), "account", about=about)
    _verb(
        accounts,
        "delete",
        lambda a: Call("DELETE", _path("accounts", a.account)),
        "account",
        about="end what one does, and remove it with its keys and streams; its bytes stay",
    )
    for command in (create, change):
        limits = command.add_argument_group(
            "limits", "In place of the tier's own; all that hold are to be given together."
        )
        for limit, unit in LIMITS.items():
            limits.add_argument(f"--{limit}", type=_size if limit == "bytes" else int, metavar=limit.upper(), help=unit)
        limits.add_argument(
            "--hls-embed", choices=[embed.value for embed in HlsEmbed], help="where HLS players may be embedded"
        )
    keys = _noun(nouns, "keys", "stream keys of an account")
    _verb(
        keys,
        "list",
        lambda a: Call("GET", _path("accounts", a.account, "keys")),
        "account",
        about="all of an account, revoked ones too",
    )
    new = _verb(
        keys,
        "create",
        lambda a: Call("POST", _path("accounts", a.account, "keys"), {"label": a.label}),
        "account",
        about="make one with a stream of its own; it is shown this once",
    )
    new.add_argument("--label", default="", help="what people call it, at most 100 characters")
    _verb(
        keys,
        "revoke",
        lambda a: Call("DELETE", _path("accounts", a.account, "keys", a.stream)),
        "account",
        "stream",
        about="end the key of a stream now, and its session with it",
    )
    nodes = _noun(nouns, "nodes", "nodes")
    _verb(
        nodes, "list", lambda _: Call("GET", "nodes"), about="all that were heard of lately, and their load in kbit/s"
    )
    _verb(
        nodes,
        "drain",
        lambda a: Call("POST", _path("nodes", a.node, "drain")),
        "node",
        about="hand a node's sessions to the others, and keep new ones away",
    )
    _verb(
        nodes,
        "undrain",
        lambda a: Call("POST", _path("nodes", a.node, "undrain")),
        "node",
        about="let sessions come again",
    )
    sessions = _noun(nouns, "sessions", "running publish sessions")
    _verb(sessions, "list", lambda _: Call("GET", "sessions"), about="all, with viewers, kbit/s and ms of silence")
    _verb(
        sessions,
        "end",
        lambda a: Call("DELETE", _path("sessions", a.session)),
        "session",
        about="end one, by its node's next heartbeat (2 s)",
    )
    _verb(
        nouns,
        "refusals",
        lambda a: Call("GET", _path("accounts", a.account, "refusals")),
        "account",
        about="why encoders were turned away: each key's last, of a day",
    )
    usage = _verb(nouns, "usage", _usage, "account", about="a month's media bytes, node by node")
    usage.add_argument("--month", metavar="YYYY-MM", help="the UTC month, for example 2026-11; default: this one")
    signer = _noun(nouns, "signer", "the key that signs grants")
    for verb, about in (
        ("init", "make the key and the webhooks' secret of a new stack"),
        ("list", "the keys, and where a rotation is"),
        ("rotate", "replace the key without refusing a grant (12 minutes)"),
    ):
        _verb(signer, verb, None, about=about).add_argument(
            "--stack", help="the stack's name; default: the stack of `make up`"
        )
        signer.choices[verb].set_defaults(signing=verb)
    top.epilog = "commands (each explains its options: sluice COMMAND VERB --help):\n" + "\n".join(
        f"  {name:32}  {about}" for name, about in commands(top)
    )
    return top


def commands(of: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """Every command below *of* with its arguments, and what it does."""
    for action in of._actions:  # noqa: SLF001 - argparse has no public way to the commands that a parser was given
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - likewise
            for below in action.choices.values():
                yield from commands(below)
            return
    arguments = [str(action.metavar) for action in of._actions if not action.option_strings]  # noqa: SLF001 - likewise
    yield " ".join([*of.prog.split()[1:], *arguments]), of.description or ""


def _everywhere() -> argparse.ArgumentParser:
    """The options that are taken before and after the command alike; what is not given is not set."""
    options = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = options.add_argument_group("anywhere in the line")
    group.add_argument("--api", metavar="URL", help="the API's; default: SLUICE_API_URL, else the stack of `make up`")
    group.add_argument("--in", dest="deployed", metavar="STACK", help="the CloudFormation stack whose API is meant")
    group.add_argument(
        "--region",
        help="the AWS region; default: what the API's URL names, AWS_REGION, AWS_DEFAULT_REGION, the profile's",
    )
    group.add_argument("--json", action="store_true", help="print the answer as JSON, with every field as it is")
    return options


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
        to = place(Wanted(asked.api, asked.deployed, asked.region, home))
        outcome = to if isinstance(to, Failed) else whole(asked.call(asked), lambda call: send(call, to))
    if isinstance(outcome, Failed):
        print(outcome.text, file=err)
        return outcome.code
    print(json.dumps(outcome, indent=2) if asked.json else table(outcome), file=out)
    return 0


def _noun(within: Any, name: str, about: str) -> Any:
    made = within.add_parser(name, description=about, parents=[_everywhere()])
    return made.add_subparsers(required=True, metavar="VERB", title="verbs")


def _verb(
    within: Any, name: str, call: Callable[[argparse.Namespace], Call] | None, *names: str, about: str = ""
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = within.add_parser(name, help=about, description=about, parents=[_everywhere()])
    for argument in names:
        made.add_argument(argument, metavar=argument.upper(), help=_ARGUMENTS[argument])
    made.set_defaults(call=call)
    return made


_ARGUMENTS = {
    "account": "the account's id",
    "stream": "the public stream id, as `keys list` shows it",
    "node": "the node's id, as `nodes list` shows it",
    "session": "the session's id, as `sessions list` shows it",
}


def _size(text: str) -> int:
    try:
        return size_of(text)
    except (ValueError, OverflowError):  # `infGB`, `1e999GB`: more than any number
        raise argparse.ArgumentTypeError(f"{text} is no number of bytes; 5000000000 is, and 5GB") from None


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


def _closing(*, suspended: bool) -> Callable[[argparse.Namespace], Call]:
    return lambda asked: Call("PATCH", _path("accounts", asked.account), {"suspended": suspended})


def _overrides(asked: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name in (*LIMITS, "hls_embed") if (value := getattr(asked, name)) is not None}


def _usage(asked: argparse.Namespace) -> Call:
    query = f"?month={urllib.parse.quote(asked.month)}" if asked.month else ""
    return Call("GET", _path("accounts", asked.account, "usage") + query)


def _signer(asked: argparse.Namespace, home: Path, waiting: Waiting) -> Any:
    found = parameters(asked.stack, asked.region, home)
    if isinstance(found, Failed):
        return found
    try:
        signing = Signing(*found)
        if asked.signing == "rotate":
            return signing.rotate(secrets.token_bytes, time.time, waiting)
        return signing.keys() if asked.signing == "list" else signing.init(secrets.token_bytes, time.time())
    except NotDoneError as error:
        return Failed(str(error), 1)
    except (ClientError, BotoCoreError) as error:
        return trouble(error)


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
