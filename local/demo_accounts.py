"""The demo accounts of a stack: one of every tier and `bench`, two keys each, and the signer, made by functions' code."""

import os
import time
from collections.abc import Callable, Mapping, Sequence

from functions.domain.provision import create_account, create_key
from functions.domain.signer import new_signer
from functions.domain.webhook import new_master
from functions.storage.dynamo import Dynamo
from functions.storage.registry import Registry
from local.aws.emulator import AwsClients
from local.aws.intrinsics import TemplateError
from local.aws.resources import Template
from local.summary import DemoAccount, DemoKey
from shared.months import GB
from shared.tiers import NO_OVERRIDES, PROTOCOLS, HlsEmbed, Overrides, Tier

_ACCOUNTS_TABLE = "AccountsTable"  # its logical id in the template
_KEYS = 2

# What the benchmark is not about.
_UNLIMITED = Overrides(
    streams=1000, bytes=1_000_000 * GB, viewers=1000, kbps=1_000_000, protocols=PROTOCOLS, hls_embed=HlsEmbed.ANYWHERE
)
_ACCOUNTS: Mapping[str, tuple[Tier, Overrides]] = {
    "anonymous-demo": (Tier.ANONYMOUS, NO_OVERRIDES),
    "registered-demo": (Tier.REGISTERED, NO_OVERRIDES),
    "solo-demo": (Tier.SOLO_CREATOR, NO_OVERRIDES),
    "creator-demo": (Tier.CREATOR_PLUS, NO_OVERRIDES),
    "studio-demo": (Tier.STUDIO_PRO, NO_OVERRIDES),
    "bench": (Tier.STUDIO_PRO, _UNLIMITED),
}


def make(template: Template, clients: AwsClients, random: Callable[[int], bytes]) -> Sequence[DemoAccount]:
    """Make the signer's keys and the demo accounts; the accounts' secrets come from *random*.

    Raises `TemplateError` where an account exists already.
    """
    now = time.time()
    # The signer's keys are new at each start: no grant outlives a stack.
    secret, public = new_signer(os.urandom, now)
    signer, jwks = _variable(template, "SIGNER_PARAMETER"), _variable(template, "JWKS_PARAMETER")
    clients.ssm.put_parameter(Name=signer, Type="SecureString", Value=secret, Overwrite=True)
    clients.ssm.put_parameter(Name=jwks, Type="String", Value=public, Overwrite=True)
    webhooks = _variable(template, "WEBHOOK_PARAMETER")
    clients.ssm.put_parameter(Name=webhooks, Type="SecureString", Value=new_master(os.urandom), Overwrite=True)
    registry = Registry(Dynamo(clients.dynamodb), template.tables[_ACCOUNTS_TABLE].name)
    return [_account(registry, name, tier, overrides, random, now) for name, (tier, overrides) in _ACCOUNTS.items()]


def _account(
    registry: Registry, name: str, tier: Tier, overrides: Overrides, random: Callable[[int], bytes], now: float
) -> DemoAccount:
    made = create_account(registry, name, tier, random=random, now=now, overrides=overrides)
    if made is None:
        raise TemplateError(f"The account {name} exists already: the emulator was not empty.")
    keys = [create_key(registry, made.account, random=random, now=now, label="demo") for _ in range(_KEYS)]
    return DemoAccount(name, tier, made.token.reveal(), [DemoKey(key.stream_key.reveal(), key.stream) for key in keys])


def _variable(template: Template, name: str) -> str:
    """The value of the environment variable *name*, from the first function that has it."""
    for function in template.functions.values():
        if name in function.environment:
            return function.environment[name]
    raise TemplateError(f"No function of the template has the variable {name}.")
