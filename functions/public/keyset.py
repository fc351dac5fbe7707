"""The public keys' text: read from where the signer publishes it, and kept for a while."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from functions.storage.dynamo import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_ssm.client import SSMClient

KEPT_SECONDS = 60
"""A new key is published long before it signs, so a minute's age does no harm."""


def parameter(client: "SSMClient", name: str) -> Callable[[], str]:
    """Reads one parameter."""

    def read() -> str:
        try:
            return client.get_parameter(Name=name)["Parameter"]["Value"]
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailableError(str(error)) from error

    return read


def kept(read: Callable[[], str], clock: Callable[[], float], seconds: float = KEPT_SECONDS) -> Callable[[], str]:
    """*read*, asked at most once in *seconds*; the last good answer stands in while it fails."""
    value, until = "", float("-inf")

    def get() -> str:
        nonlocal value, until
        if clock() >= until:
            try:
                value = read()
            except StoreUnavailableError:
                if not value:
                    raise
            until = clock() + seconds
        return value

    return get
