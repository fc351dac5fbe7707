"""The signer's keys: made here, kept as SSM parameters, read by admission (private halves) and nodes (public halves).

Private keys never leave the control plane. `new_signer()` is what a first deployment and `make up` use:
`sluice signer init` writes what it returns; operator/sluice/rotation.py changes it. A key that cannot be read now does not stop
admission: the last known one goes on (design.md, rule 7).
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from shared.grants import SigningKey, public_jwks
from shared.keys import RandomBytes

if TYPE_CHECKING:
    from functions.edge.aws import ParameterStore

T = TypeVar("T")

CACHE_SECONDS = 300
RETRY_SECONDS = 10
"""How soon a failed refresh is tried again while an old value serves."""


class SignerUnavailableError(Exception):
    """The parameter cannot be read, and was never read before."""


def new_signer(random: RandomBytes, now: float) -> tuple[str, str]:
    """A fresh signer: the secret parameter's text and the public JWK Set's text, both JSON."""
    entry = key_entry(random, now)
    secret = json.dumps({"active": entry["kid"], "keys": [entry]})
    return secret, json.dumps(public_jwks([active_key(secret)]))


def key_entry(random: RandomBytes, now: float) -> dict[str, str | int]:
    """A new key as the secret parameter lists it."""
    seed = urlsafe_b64encode(random(32)).rstrip(b"=").decode()
    return {"kid": f"{int(now)}-{random(4).hex()}", "seed": seed, "created": int(now)}


def active_key(secret: str) -> SigningKey:
    """The key that a secret parameter's text says to sign with."""
    signer = json.loads(secret)
    (key,) = (key for key in signer["keys"] if key["kid"] == signer["active"])
    return SigningKey(key["kid"], urlsafe_b64decode(key["seed"] + "=" * (-len(key["seed"]) % 4)))


@dataclass(slots=True)
class _Read:
    value: Any
    good_until: float


class Parameter(Generic[T]):
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
                raise SignerUnavailableError(self._name) from error
            self._last.good_until = now + RETRY_SECONDS
            return self._last.value  # type: ignore[no-any-return]  # likewise
        self._last = _Read(value, now + CACHE_SECONDS)
        return value


def jwks_parameter(client: "ParameterStore", name: str) -> Parameter[dict[str, Any]]:
    """The public keys."""
    return Parameter(client, name, json.loads)


def signing_parameter(client: "ParameterStore", name: str) -> Parameter[SigningKey]:
    """The key to sign with."""
    return Parameter(client, name, active_key)
