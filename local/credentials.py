"""The stack's own AWS access key: random per state directory, in the format that every AWS tool reads.

`AWS_SHARED_CREDENTIALS_FILE=.local/credentials` gives it to the AWS CLI, boto3 and the tests. It authorises the
operator's and the nodes' routes, so it is not a constant: with HOST=… those routes are open to the network.
"""

import configparser
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from local.aws.sigv4 import AccessKey

REGION = "us-east-1"


def load(state: Path) -> AccessKey:
    """The access key of the stack that keeps its files in *state*; made at its first start."""
    path = state / "credentials"
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(path)
    if "default" not in parser:
        parser["default"] = {
            "aws_access_key_id": "LOCAL" + secrets.token_hex(6).upper(),
            "aws_secret_access_key": secrets.token_hex(20),
            "region": REGION,
        }
        with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            parser.write(file)
    section = parser["default"]
    return AccessKey(section["aws_access_key_id"], section["aws_secret_access_key"], REGION)


def stable_random(state: Path) -> Callable[[int], bytes]:
    """A source of random bytes that are the same at each start, so that an OBS which is set up once keeps its demo key.

    Its seed stays in *state* and goes with `make clean`.
    """
    path = state / "seed"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    seed = path.read_bytes()
    drawn = 0

    def draw(size: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return hashlib.shake_256(hmac.digest(seed, str(drawn).encode(), "sha256")).digest(size)

    return draw
