"""The operator's command: one signed request to the running stack, its answer on the terminal.

    [PORT=…] python -m local.admin METHOD PATH [JSON]        e.g.  GET /v1/admin/accounts

On AWS the same routes are reached with the operator's own credentials and any SigV4 client.
"""

import json
import os
import sys
import urllib.error
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Signer

from local import credentials
from local.settings import LOOPBACK, Settings, SettingsError

_USAGE = "usage: python -m local.admin METHOD PATH [JSON]    for example: GET /v1/admin/accounts"


def main(arguments: list[str]) -> int:
    """Send the request; the exit code says whether it succeeded."""
    if len(arguments) not in {2, 3} or not arguments[1].startswith("/"):
        _say(_USAGE)
        return 2
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        _say(str(error))
        return 2
    if not settings.stack_file.exists():
        _say(f"No stack is up on port {settings.port}; start one with: make up")
        return 1
    method, path = arguments[0].upper(), arguments[1]
    body = arguments[2].encode() if len(arguments) > 2 else b""
    request = sign(settings, method, f"http://{LOOPBACK}:{settings.port}{path}", body)
    try:
        with urllib.request.urlopen(request, timeout=35) as answer:  # noqa: S310  # the stack's own address
            _say(_pretty(answer.read()))
            return 0
    except urllib.error.HTTPError as error:
        _say(f"{error.code} {error.reason}\n{_pretty(error.read())}")
    except OSError as error:
        _say(f"The stack does not answer: {error}")
    return 1


def sign(settings: Settings, method: str, url: str, body: bytes) -> urllib.request.Request:
    """A request that is signed with the stack's access key."""
    keys = credentials.load(settings.state)
    aws = AWSRequest(method=method, url=url, data=body, headers={"Content-Type": "application/json"})
    SigV4Auth(Signer(keys.access_key, keys.secret_key), "execute-api", keys.region).add_auth(aws)
    return urllib.request.Request(url, data=body or None, headers=dict(aws.headers.items()), method=method)  # noqa: S310  # likewise


def _pretty(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode(errors="replace")


def _say(text: str) -> None:
    print(text)  # noqa: T201  # a command's output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
