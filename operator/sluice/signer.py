"""The signer's keys in SSM: made, listed, rotated. An operator alone writes them; functions only read.

A rotation publishes the new key, waits until everybody knows it, signs with it, waits until the old one's grants are
over, and withdraws the old one. It may be stopped at any time and run again: it goes on from what it finds, and waits
the whole time again. Two at once stop each other, because each write says which version it follows.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import ClientError

from sluice.keys import RandomBytes, new_master, new_signer, public_text, published_kids
from sluice.rotation import PUBLISH_SECONDS, RETIRE_SECONDS, KeyState, keys_in, retired, staged, switched


class NotDoneError(Exception):
    """The parameters are not as the operation needs them; the text is for the operator."""


@dataclass(frozen=True, slots=True)
class RotationWait:
    """What a rotation does while it waits, which takes minutes."""

    wait: Callable[[float], None]
    """Returns after so many seconds."""
    tell: Callable[[str], None]
    """Tells the operator in a line what is waited for."""


class SignerParameters:
    """The signer of one stack: its secret, its public keys and the webhooks' master secret, each a parameter in SSM."""

    def __init__(self, ssm: Any, stack: str) -> None:
        self._ssm = ssm
        self.secret_name = f"/sluice/{stack}/signer"
        self.public_name = f"/sluice/{stack}/jwks"
        self.webhooks_name = f"/sluice/{stack}/webhooks"

    def init(self, random: RandomBytes, now: float) -> dict[str, Any]:
        """Make the first key and the webhooks' master secret; nothing that exists is replaced.

        Returns the parameters that were made. Raises NotDoneError where there was nothing to make.
        """
        webhooks = self._put_new(self.webhooks_name, new_master(random), "SecureString")
        secret, public = new_signer(random, now)
        # Public keys first: whoever finds a signing key finds its public half as well.
        made = self._put_new(self.public_name, public, "String") and self._put_new(
            self.secret_name, secret, "SecureString"
        )
        if not made and not webhooks:
            raise NotDoneError(f"{self.secret_name} or its public keys exist already; nothing was replaced.")
        told = {"webhooks": self.webhooks_name} if webhooks else {}
        return {**told, **({"signer": self.secret_name, "kid": keys_in(secret)[0].kid} if made else {})}

    def keys(self) -> dict[str, Any]:
        """The keys, what each is there for, and whether its public half is published."""
        secret, _ = self._secret()
        return {"signer": self.secret_name, "signing_keys": self._views(secret)}

    def rotate(self, random: RandomBytes, clock: Callable[[], float], pause: RotationWait) -> dict[str, Any]:
        """Replace the key that signs by a new one, or go on from where a rotation stopped; the keys that are left.

        Raises NotDoneError where there is no signer yet, or somebody else changes it meanwhile.
        """
        secret, version = self._secret()
        if len(keys_in(secret)) == 1:
            secret, version = self._replace(staged(secret, random, clock()), version)
        newest = keys_in(secret)[-1]
        if newest.state is KeyState.STAGED:
            self._publish(secret)
            pause.tell(f"published {newest.kid}; it signs in {PUBLISH_SECONDS} s")
            pause.wait(PUBLISH_SECONDS)
            secret, version = self._replace(switched(secret), version)
        # Also when going on: an interrupted rotation may have switched without anybody who counted the time since.
        self._publish(secret)
        pause.tell(f"{newest.kid} signs; older keys are withdrawn in {RETIRE_SECONDS} s")
        pause.wait(RETIRE_SECONDS)
        # Withdrawn first and forgotten then: stopped in between, the secret still says that there is something to do.
        alone = retired(secret)
        self._unchanged(version)
        self._publish(alone)
        secret, _ = self._replace(alone, version)
        pause.tell("done")
        return {"signer": self.secret_name, "signing_keys": self._views(secret)}

    def _put_new(self, name: str, value: str, kind: str) -> bool:
        try:
            self._ssm.put_parameter(Name=name, Value=value, Type=kind)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ParameterAlreadyExists":
                return False
            raise
        return True

    def _views(self, secret: str) -> list[dict[str, Any]]:
        public = self._ssm.get_parameter(Name=self.public_name)["Parameter"]["Value"]
        published = published_kids(public)
        return [{**asdict(key), "state": key.state.value, "published": key.kid in published} for key in keys_in(secret)]

    def _secret(self) -> tuple[str, int]:
        try:
            found = self._ssm.get_parameter(Name=self.secret_name, WithDecryption=True)["Parameter"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ParameterNotFound":
                raise NotDoneError(f"There is no {self.secret_name}; make it with: signer init") from error
            raise
        return found["Value"], found["Version"]

    def _unchanged(self, version: int) -> None:
        if self._secret()[1] != version:
            raise NotDoneError("Somebody else changed the signer meanwhile; look at it with: signer list")

    def _replace(self, secret: str, version: int) -> tuple[str, int]:
        self._unchanged(version)
        written = self._ssm.put_parameter(Name=self.secret_name, Value=secret, Type="SecureString", Overwrite=True)
        self._unchanged(written["Version"])
        return secret, written["Version"]

    def _publish(self, secret: str) -> None:
        self._ssm.put_parameter(Name=self.public_name, Value=public_text(secret), Type="String", Overwrite=True)
