"""Every command as data: the words that call it, the request that it makes of the API, and what it takes besides."""

import argparse
import string
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.api import TIERS, ApiCall

NOUNS: Mapping[str, str] = {
    "accounts": "accounts, tiers and limits",
    "keys": "stream keys of an account",
    "nodes": "nodes",
    "sessions": "running publish sessions",
    "signer": "the key that signs grants",
}
"""What the commands of two words begin with."""

ARGUMENTS: Mapping[str, str] = {
    "account": "the account's id",
    "stream": "the public stream id, as `keys list` shows it",
    "node": "the node's id, as `nodes list` shows it",
    "session": "the session's id, as `sessions list` shows it",
}
"""What a command names without an option."""

LIMITS: Mapping[str, str] = {
    "streams": "publish sessions at a time",
    "bytes": "media bytes a UTC month, both directions: 5000000000, or with a unit (kB, MB, GB, TB; 1 GB is 10^9): 5GB",
    "viewers": "viewers of one stream at a time",
    "kbps": "kbit/s of one publisher",
}
"""What an account may be given beside its tier, with the unit of each."""
HLS_EMBED = ("none", "listed", "anywhere")
"""Where HLS players may be embedded, by the API's names."""

_TIER = "a tier's name, as `sluice tiers` lists them"


@dataclass(frozen=True, slots=True)
class Verb:
    """One command of the operator's."""

    words: str
    """What is typed, for example `accounts list`."""
    about: str
    path: str = ""
    """Of the request, with the command's arguments in braces. Empty for what is done in SSM instead."""
    method: str = "GET"
    body: Callable[[argparse.Namespace], Mapping[str, Any]] | None = None
    """The request's JSON, made of what the command line says."""
    body_arguments: tuple[str, ...] = ()
    """Arguments that are not part of the path."""
    query: tuple[str, ...] = ()
    """Options that the query string takes, where they are given."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Each option's flag, and how argparse reads it."""
    limits: bool = False
    """Whether it takes the limits of an account as options."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """What it names without an option, in the order of the line."""
        return tuple(name for _, name, _, _ in string.Formatter().parse(self.path) if name) + self.body_arguments

    def call(self, given: argparse.Namespace) -> ApiCall:
        """The request for what the command line says."""
        named = {name: urllib.parse.quote(getattr(given, name), safe="") for name in self.arguments}
        query = {name: getattr(given, name) for name in self.query if getattr(given, name)}
        path = self.path.format_map(named) + (f"?{urllib.parse.urlencode(query)}" if query else "")
        return ApiCall(self.method, path, None if self.body is None else self.body(given))


def _overrides(given: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name in (*LIMITS, "hls_embed") if (value := getattr(given, name)) is not None}


def _new_account(given: argparse.Namespace) -> dict[str, Any]:
    return {"account": given.account, "tier": given.tier, "overrides": _overrides(given)}


def _account_change(given: argparse.Namespace) -> dict[str, Any]:
    overrides = _overrides(given)
    changes = {"overrides": overrides} if overrides or given.no_overrides else {}
    return changes if given.tier is None else {"tier": given.tier, **changes}


VERBS: tuple[Verb, ...] = (
    Verb("accounts list", "all that have an owner: limits and this month's bytes", "accounts"),
    Verb("accounts show", "one account: tier, overrides, usage and publishing slots", "accounts/{account}"),
    Verb(
        "accounts create", "make one; its token is shown this once", "accounts", "POST", _new_account, ("account",),
        options={"--tier": {"required": True, "metavar": "TIER", "help": _TIER}}, limits=True,
    ),
    Verb(
        "accounts set", "change the tier or the limits of one", "accounts/{account}", "PATCH", _account_change,
        options={
            "--tier": {"metavar": "TIER", "help": _TIER},
            "--no-overrides": {"action": "store_true", "help": "back to the tier's own limits"},
        },
        limits=True,
    ),
    Verb(
        "accounts suspend", "end what one does, and refuse its keys until it is resumed", "accounts/{account}", "PATCH",
        lambda _: {"suspended": True},
    ),
    Verb(
        "accounts resume", "let a suspended one go on", "accounts/{account}", "PATCH", lambda _: {"suspended": False}
    ),
    Verb(
        "accounts delete", "end what one does, and remove it with its keys and streams; its bytes stay",
        "accounts/{account}", "DELETE",
    ),
    Verb("keys list", "all of an account, revoked ones too", "accounts/{account}/keys"),
    Verb(
        "keys create", "make one with a stream of its own; it is shown this once", "accounts/{account}/keys", "POST",
        lambda given: {"label": given.label},
        options={"--label": {"default": "", "help": "what people call it, at most 100 characters"}},
    ),
    Verb(
        "keys revoke", "end the key of a stream now, and its session with it", "accounts/{account}/keys/{stream}",
        "DELETE",
    ),
    Verb("nodes list", "all that were heard of lately, and their load in kbit/s", "nodes"),
    Verb("nodes drain", "hand a node's sessions to the others, and keep new ones away", "nodes/{node}/drain", "POST"),
    Verb("nodes undrain", "let sessions come again", "nodes/{node}/undrain", "POST"),
    Verb("sessions list", "all, with viewers, kbit/s and ms of silence", "sessions"),
    Verb("sessions end", "end one, by its node's next heartbeat (2 s)", "sessions/{session}", "DELETE"),
    Verb(
        "refusals", "why encoders were turned away: each key's last, of a day", "accounts/{account}/refusals"
    ),
    Verb("tiers", "what an account of each tier may use", TIERS),
    Verb(
        "usage", "a month's media bytes, node by node", "accounts/{account}/usage", query=("month",),
        options={
            "--month": {"metavar": "YYYY-MM", "help": "the UTC month, for example 2026-11; default: this one"},
        },
    ),
    *(
        Verb(
            f"signer {verb}", about,
            options={"--stack": {"help": "the stack's name; default: the stack of `make up`"}},
        )
        for verb, about in (
            ("init", "make the key and the webhooks' secret of a new stack"),
            ("list", "the keys, and where a rotation is"),
            ("rotate", "replace the key without refusing a grant (12 minutes)"),
        )
    ),
)  # fmt: skip
