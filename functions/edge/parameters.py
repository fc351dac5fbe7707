"""SSM parameters as functions read them: the signer's keys and the webhooks' master secret, cached.

Private keys never leave the control plane: admission reads the private halves, nodes are sent the public ones. What the
texts mean is `functions.domain.signer`'s. A parameter that cannot be read now does not stop a function that has read it
before: the last good value goes on, because the control plane may fail without ending media.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from functions.domain.signer import CACHE_SECONDS, RETRY_SECONDS, active_key

if TYPE_CHECKING:
    from functions.edge.aws import ParameterStore
    from shared.grants import SigningKey

T = TypeVar("T")


class ParameterUnavailableError(Exception):
    """The parameter cannot be read, and was never read before."""


@dataclass(slots=True)
class _Read:
    value: Any
    good_until: float


class CachedParameter(Generic[T]):
    """An SSM parameter, read at its first use, then every five minutes; the last good value outlives failures."""

    def __init__(self, client: "ParameterStore", name: str, parse: Callable[[str], T]) -> None:
        self._client = client
        self._name = name
        self._parse = parse
        self._last: _Read | None = None

    def value(self, now: float) -> T:
        """The parameter's value as *parse* reads it."""
        if self._last is not None and now < self._last.good_until:
            return self._last.value  # type: ignore[no-any-return]  # it was put there by _parse
        try:
            answer = self._client.get_parameter(Name=self._name, WithDecryption=True)
            value = self._parse(answer["Parameter"]["Value"])
        except (ClientError, BotoCoreError, ValueError, KeyError) as error:
            if self._last is None:
                raise ParameterUnavailableError(self._name) from error
            self._last.good_until = now + RETRY_SECONDS
            return self._last.value  # type: ignore[no-any-return]  # likewise
        self._last = _Read(value, now + CACHE_SECONDS)
        return value


def jwks_parameter(client: "ParameterStore", name: str) -> CachedParameter[dict[str, Any]]:
    """The public keys that grants are verified with, as a JWK Set."""
    return CachedParameter(client, name, json.loads)


def signing_parameter(client: "ParameterStore", name: str) -> "CachedParameter[SigningKey]":
    """The key that admission signs grants with."""
    return CachedParameter(client, name, active_key)
