"""The operator's command line: tables for people, `--json` for programs.

    sluice accounts list
    sluice accounts set acme --tier studio_pro --viewers 500
    sluice accounts suspend acme
    sluice nodes drain node1
    sluice signer init --stack sluice
    sluice signer rotate --stack sluice

It signs requests to the API with AWS credentials, found as every AWS tool finds them. The API is `--api`, or that of
the CloudFormation stack `--in`, or SLUICE_API_URL, or that of the stack which `make up` started here, whose own key it
then uses. `signer` works on the stack's parameters in SSM, or on those of `make up`. AWS_ENDPOINT_URL and AWS_PROFILE
are honoured. PORT=… names the stack of `make up PORT=…`. Exit code: 0 done, 1 refused, 2 not understood, 3 not reachable.
"""

import argparse
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from botocore.exceptions import BotoCoreError, ClientError

from sluice.access import ApiChoice, find_api
from sluice.api import ApiCall, send, send_all, unknown_tier
from sluice.arguments import parser
from sluice.failures import REFUSED, Failure, aws_failure
from sluice.signer import NotDoneError, RotationWait, SignerParameters
from sluice.stacks import parameter_store
from sluice.tables import table

HERE = Path()


def main(
    arguments: Sequence[str],
    out: TextIO = sys.stdout,
    err: TextIO = sys.stderr,
    wait: Callable[[float], None] = time.sleep,
    home: Path = HERE,
) -> int:
    """Run one command; the exit code. *home* is the repository whose `make up` is meant where no API is named."""
    try:
        given = parser().parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    if given.verb.path:
        outcome = _ask(given, home)
    else:
        outcome = _sign(given, home, RotationWait(wait, lambda text: print(text, file=err, flush=True)))
    if isinstance(outcome, Failure):
        print(outcome.text, file=err)
        return outcome.code
    print(json.dumps(outcome, indent=2) if given.json else table(outcome), file=out)
    return 0


def _ask(given: argparse.Namespace, home: Path) -> Any:
    """Make the verb's request of the API; its answer, or a `Failure`."""
    api = find_api(ApiChoice(given.api, given.deployed, given.region, home))
    if isinstance(api, Failure):
        return api

    def send_one(call: ApiCall) -> Any:
        return send(call, api)

    tier = getattr(given, "tier", None)
    if tier is not None and (failure := unknown_tier(tier, send_one)):
        return failure
    return send_all(given.verb.call(given), send_one)


def _sign(given: argparse.Namespace, home: Path, pause: RotationWait) -> Any:
    """Do the verb's work on the signer's parameters; what they are now, or a `Failure`."""
    store = parameter_store(given.stack, given.region, home)
    if isinstance(store, Failure):
        return store
    try:
        signer = SignerParameters(*store)
        match given.verb.words:
            case "signer init":
                return signer.init(secrets.token_bytes, time.time())
            case "signer rotate":
                return signer.rotate(secrets.token_bytes, time.time, pause)
            case _:
                return signer.keys()
    except NotDoneError as error:
        return Failure(str(error), REFUSED)
    except (ClientError, BotoCoreError) as error:
        return aws_failure(error)


def console(home: Path = HERE) -> int:
    """What an installed `sluice` runs; the exit code."""
    try:
        return main(sys.argv[1:], home=home)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # `sluice … | head`: who reads has enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
