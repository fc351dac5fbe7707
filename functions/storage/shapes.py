"""How accounts, keys, streams and nodes look as items: the one place that knows attribute names.

The account's item is written at every publish and paid by the kilobyte, so its slots are compact: one-letter names, and
ids of ours as the bytes that they encode. With 25 slots it stays under 2 KB, two write units.
"""

from base64 import b32decode, b32encode
from binascii import Error as Base32Error
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from functions.domain.accounts import Account, Audience, Key, Live, Noted, Retiring, Slot, Stream, Token, Usage
from functions.domain.fleet import Fleet, Load, Node, NodeReport, NodeState, PendingCommand, Session
from functions.domain.pace import Pace
from functions.domain.quota import Told
from functions.domain.webhook import Outcome, Retired, Webhook
from functions.storage.attributes import Item
from shared.tiers import NO_OVERRIDES, HlsEmbed, Overrides, Tier

FLEET_KEY = {"pk": "FLEET"}
NODE_DAYS = 7
"""The table drops the item of a node that was not heard of for so long."""
SALT_KEY = {"pk": "SALT", "sk": "SALT"}
"""Where the salt is that names anonymous accounts."""
DIRECTORY = "ACCOUNTS"
"""The partition that lists accounts for operators."""


def account_key(account: str) -> dict[str, str]:
    """Where an account's item is."""
    return {"pk": f"ACCOUNT#{account}", "sk": "ACCOUNT"}


def key_key(digest: str) -> dict[str, str]:
    """Where a stream key's item is."""
    return {"pk": f"KEY#{digest}", "sk": "KEY"}


def stream_key(stream: str) -> dict[str, str]:
    """Where a stream's item is."""
    return {"pk": f"STREAM#{stream}", "sk": "STREAM"}


def owned_key(account: str, stream: str) -> dict[str, str]:
    """Where the account's own entry of one of its stream keys is."""
    return {"pk": f"ACCOUNT#{account}", "sk": f"KEY#{stream}"}


def past_key(account: str, stream: str) -> dict[str, str]:
    """Where the entry of a key goes once that key is over, out of the way of those that are not."""
    return {"pk": f"ACCOUNT#{account}", "sk": f"PAST#{stream}"}


def refusals_key(account: str, stream: str) -> dict[str, str]:
    """Where the last refusals of a stream key are."""
    return {"pk": f"ACCOUNT#{account}", "sk": f"REFUSED#{stream}"}


def webhook_key(account: str) -> dict[str, str]:
    """Where an account's webhook is."""
    return {"pk": f"ACCOUNT#{account}", "sk": "WEBHOOK"}


def token_key(digest: str) -> dict[str, str]:
    """Where an account token's item is."""
    return {"pk": f"TOKEN#{digest}", "sk": "TOKEN"}


def node_key(node: str) -> dict[str, str]:
    """Where a node's item is."""
    return {"pk": f"NODE#{node}"}


def pack(identity: str) -> bytes | str:
    """An id of ours as the bytes that it spells; any other text as it is."""
    try:
        raw = b32decode(identity.upper() + "=" * (-len(identity) % 8))
    except (Base32Error, ValueError):
        return identity
    return raw if unpack(raw) == identity else identity


def unpack(packed: bytes | str) -> str:
    """The id that `pack` packed."""
    return packed if isinstance(packed, str) else b32encode(packed).decode().rstrip("=").lower()


def slot_item(slot: Slot) -> Item:
    """A slot of the roster."""
    return {
        "s": pack(slot.session),
        "b": pack(slot.boot),
        "x": slot.expires_at,
        "u": slot.used_at,
        "f": slot.forced or None,
        "k": slot.key_tag or None,
        "w": slot.awaited_until,
    }


def slot_of(item: Item) -> Slot:
    """The slot that an entry of the roster means."""
    return Slot(
        unpack(item["s"]),
        unpack(item["b"]),
        item["x"],
        item.get("u"),
        item.get("f", 0),
        item.get("k", b""),
        item.get("w"),
    )


def overrides_item(overrides: Overrides) -> Item:
    """The overrides that are set."""
    set_ = {field.name: getattr(overrides, field.name) for field in fields(Overrides)}
    return {
        name: str(value) if isinstance(value, HlsEmbed) else value for name, value in set_.items() if value is not None
    }


def overrides_of(item: Mapping[str, Any] | None) -> Overrides:
    """The overrides that an item says."""
    if not item:
        return NO_OVERRIDES
    known = {field.name for field in fields(Overrides)}
    values = {name: value for name, value in item.items() if name in known}
    if "hls_embed" in values:
        values["hls_embed"] = HlsEmbed(values["hls_embed"])
    return Overrides(**values)


def limits_item(account: Account) -> Item:
    """What the conditions of a publish compare with, worked out once a change of tier instead of at every publish."""
    limits = account.limits
    return {"lim": limits.streams, "quota": limits.bytes, "protos": limits.protocols}


def account_item(account: Account) -> Item:
    """A new account's item. Its `slots` map must exist, or no path below it can be written."""
    return {
        **account_key(account.id),
        "tier": account.tier.value,
        "overrides": overrides_item(account.overrides),
        **limits_item(account),
        "slots": {stream: slot_item(slot) for stream, slot in account.slots.items()},
        "ep": account.epoch,
        "created": account.created,
        "suspended": account.suspended or None,
        **tokens_item(account.tokens),
    }


def account_of(item: Item) -> Account:
    """The account that an item means."""
    used = item.get("used", {})
    blocked = item.get("blocked")
    told = item.get("told")
    return Account(
        id=item["pk"].removeprefix("ACCOUNT#"),
        tier=Tier(item["tier"]),
        overrides=overrides_of(item.get("overrides")),
        slots={stream: slot_of(slot) for stream, slot in item["slots"].items()},
        epoch=item["ep"],
        blocked=Usage(blocked, used.get("bytes", 0), item["quota"]) if blocked else None,
        created=item.get("created", 0),
        told=Told(**told) if told else None,
        version=item.get("lv", 0),
        suspended=item.get("suspended", False),
        tokens=(
            Token(item["tk"].hex()),
            *(Token(token["d"].hex(), token["u"]) for token in item.get("tr", ())),
        )
        if "tk" in item
        else (),
    )


def tokens_item(tokens: Sequence[Token]) -> Item:
    """The tokens that open an account: the present one, and those that it replaced."""
    return {
        "tk": bytes.fromhex(tokens[0].tag) if tokens else None,
        "tr": [{"d": bytes.fromhex(token.tag), "u": token.until} for token in tokens[1:]] or None,
    }


def own_token_key(account: str, digest: str) -> dict[str, str]:
    """Where the account's own entry of one of its tokens is, for whoever removes both."""
    return {"pk": f"ACCOUNT#{account}", "sk": f"TOKEN#{digest}"}


def told_item(told: Told) -> Item:
    """Which mark of a quota was told of."""
    return {"month": told.month, "quota": told.quota, "percent": told.percent}


def key_item(key: Key) -> Item:
    """A stream key's item."""
    return {
        **key_key(key.digest),
        "account": key.account,
        "stream": key.stream,
        "label": key.label,
        "created": key.created,
        "revoked": key.revoked_at,
        "expires": key.expires_at,
        "protos": key.protocols,
        "hint": key.hint or None,
    }


def key_of(item: Item) -> Key:
    """The key that an item means: the key's own, or the account's entry of it."""
    digest = item.get("digest") or item["pk"].removeprefix("KEY#")
    return Key(
        digest, item["account"], item["stream"], item.get("label", ""), item.get("created", 0),
        item.get("revoked"), item.get("expires"), item.get("protos"), item.get("hint", ""),
        tuple(Retiring(old["d"], old["until"]) for old in item.get("retiring", ())),
        Audience(unpack(item["waits"]["b"]), item["waits"]["t"]) if "waits" in item else None,
    )  # fmt: skip


def audience_item(audience: Audience) -> Item:
    """Where viewers wait, on the item of the key that they wait for."""
    return {"b": pack(audience.boot), "t": audience.at}


def owned_item(key: Key) -> Item:
    """The account's entry of a key: what the owner lists, and how metering finds the account's streams."""
    return {
        **key_item(key),
        **owned_key(key.account, key.stream),
        "digest": key.digest,
        "retiring": retiring_item(key) if key.retiring else None,
    }


def retiring_item(key: Key) -> list[Item]:
    """The secrets that a key had before."""
    return [{"d": old.digest, "until": old.until} for old in key.retiring]


def usage_item(usage: Usage | None) -> Item | None:
    """A month's use."""
    return None if usage is None else {"month": usage.month, "used": usage.used, "quota": usage.quota}


def past_item(key: Key, ttl: int) -> Item:
    """The entry of a key that is over."""
    return {**owned_item(key), **past_key(key.account, key.stream), "ttl": ttl}


def stream_item(stream: Stream) -> Item:
    """A new stream's item."""
    return {
        **stream_key(stream.id),
        "account": stream.account,
        **stream_limits_item(stream),
        "blocked": usage_item(stream.blocked),
    }


def carried_item(account: Account) -> Item:
    """What a stream carries of its account; None is not there."""
    limits = account.limits
    return {
        "tier": account.tier.value,
        "viewers": limits.viewers,
        "kbps": limits.kbps,
        "protos": limits.protocols,
        "blocked": usage_item(account.blocked),
        "lv": account.version,
    }


def stream_limits_item(stream: Stream) -> Item:
    """What a stream carries of its account's limits."""
    return {
        "tier": stream.tier.value,
        "viewers": stream.max_viewers,
        "kbps": stream.max_kbps,
        "protos": stream.protocols,
    }


def stream_of(item: Item) -> Stream:
    """The stream that an item means."""
    live, blocked = item.get("live"), item.get("blocked")
    return Stream(
        id=item["pk"].removeprefix("STREAM#"),
        account=item["account"],
        tier=Tier(item["tier"]),
        max_viewers=item["viewers"],
        max_kbps=item["kbps"],
        protocols=item["protos"],
        blocked=Usage(**blocked) if blocked else None,
        live=Live(**live | {"problems": tuple(live.get("problems", ()))}) if live else None,
        problems=tuple(item.get("problems", ())),
    )


def noted_item(noted: Noted) -> Item:
    """A refusal among the last of its key."""
    return {"t": noted.at, "c": noted.code, "p": noted.protocol, "a": noted.address, "w": noted.problem or None}


def noted_of(stream: str, item: Item) -> Noted:
    """The refusal that such an entry means."""
    return Noted(stream, item["t"], item["c"], item["p"], item["a"], item.get("w", ""))


def webhook_item(webhook: Webhook) -> Item:
    """A new webhook's item."""
    return {
        **webhook_key(webhook.account),
        "url": webhook.url,
        "salt": webhook.salt,
        "created": webhook.created,
        "events": webhook.events,
        "retired": retired_item(webhook.retired) if webhook.retired else None,
        "last": outcome_item(webhook.last) if webhook.last else None,
        **{name: value or None for name, value in pace_item(webhook.pace).items()},
    }


def webhook_of(item: Item) -> Webhook:
    """The webhook that an item means."""
    retired, last = item.get("retired"), item.get("last")
    return Webhook(
        item["pk"].removeprefix("ACCOUNT#"), item["url"], item["salt"], item["created"], item.get("events"),
        Retired(**retired) if retired else None,
        Outcome(last["t"], last["k"], last.get("e", "")) if last else None,
        Pace(item.get("slow", 0), item.get("tired", 0), item.get("rests", 0)),
    )  # fmt: skip


def pace_item(pace: Pace) -> Item:
    """How the receiver answered lately, on its webhook's item."""
    return {"slow": pace.slow_until, "tired": pace.timeouts, "rests": pace.rests_until}


def retired_item(retired: Retired) -> Item:
    """The salt that a rotation replaced."""
    return {"salt": retired.salt, "until": retired.until}


def outcome_item(outcome: Outcome) -> Item:
    """How the last delivery went."""
    return {"t": outcome.at, "k": outcome.kind, "e": outcome.error or None}


def live_item(live: Live) -> Item:
    """A running session on its stream's item."""
    return {
        "session": live.session,
        "node": live.node,
        "boot": live.boot,
        "epoch": live.epoch,
        "viewers": live.viewers,
        "since": live.since,
        "problems": list(live.problems) or None,
    }


def load_item(load: Load) -> Item:
    """A node's load, what is not zero of it."""
    return {field.name: getattr(load, field.name) or None for field in fields(Load)}


def load_of(item: Mapping[str, Any] | None) -> Load:
    """The load that an item means."""
    return Load(**{field.name: (item or {}).get(field.name, 0) for field in fields(Load)})


def summary_item(node: Node) -> Item:
    """A node in the fleet's item."""
    return {
        "boot": node.boot,
        "at": node.at,
        "url": node.url,
        "region": node.region,
        "state": node.state.value,
        "load": load_item(node.load),
        "drained": node.drained or None,
        "kind": node.kind,
        "from": node.address,
    }


def summary_of(identity: str, item: Item) -> Node:
    """The node that an entry of the fleet's item means."""
    return Node(
        identity, item["boot"], item["at"], item["url"], item["region"], NodeState(item["state"]),
        load_of(item.get("load")), item.get("drained", False), item.get("kind", "sfu"), item.get("from", ""),
    )  # fmt: skip


def fleet_of(items: Iterable[Item]) -> Fleet:
    """The fleet that the FLEET item means, if it is there."""
    return Fleet(summary_of(name, entry) for item in items for name, entry in item.get("nodes", {}).items())


def session_item(session: Session) -> Item:
    """A publish session on its node's item."""
    return {
        "s": session.session, "a": session.account, "e": session.epoch, "v": session.viewers, "m": session.max_viewers,
        "t": session.since, "q": session.silent_ms, "k": session.kbps, "w": list(session.problems) or None,
    }  # fmt: skip


def session_of(item: Item) -> Session:
    """The session that an entry of a node's item means."""
    return Session(
        item["s"], item["a"], item["e"], item["v"], item["m"], item["t"], item["q"], item["k"], tuple(item.get("w", ())),
    )  # fmt: skip


def command_item(command: PendingCommand) -> Item:
    """A waiting command on its node's item; its id is the map's key."""
    return {
        "reason": command.reason, "session": command.session, "stream": command.stream, "account": command.account,
        "after": command.not_before,
    }  # fmt: skip


def command_of(identity: str, item: Item) -> PendingCommand:
    """The command that an entry of a node's item means."""
    return PendingCommand(
        identity, item["reason"], item.get("session"), item.get("stream"), item.get("account"), item.get("after", 0)
    )


def report_item(report: NodeReport) -> Item:
    """A node's item without its key and its commands."""
    return {
        **summary_item(report.node),
        "started": report.started_at,
        "streams": {stream: session_item(session) for stream, session in report.streams.items()},
        "projected": report.projected_at,
        "checked": report.checked_at,
        "waits": dict(report.waits),
        "ttl": int(report.node.at) + NODE_DAYS * 86400,
    }


def report_of(item: Item) -> NodeReport:
    """The report that a node's item means."""
    return NodeReport(
        node=summary_of(item["pk"].removeprefix("NODE#"), item),
        started_at=item["started"],
        streams={stream: session_of(entry) for stream, entry in item["streams"].items()},
        commands={identity: command_of(identity, entry) for identity, entry in item.get("cmds", {}).items()},
        projected_at=item["projected"],
        checked_at=item["checked"],
        swept_at=item.get("swept", 0),
        waits=item.get("waits", {}),
    )
