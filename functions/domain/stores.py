"""What the domain and the functions need of storage, as protocols; `functions.storage` implements them for DynamoDB.

Each protocol is what its callers use of one class there and nothing more, so that a test can stand in for it with a few
methods. Every method may raise `StoreUnavailableError`. Nothing is imported here at run time but the typing library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from functions.domain.accounts import Account, Audience, Key, RefusedPublish, Slot, Stream, Token
    from functions.domain.fleet import Fleet, NodeReport, PendingCommand
    from functions.domain.pace import Pace
    from functions.domain.roster import NotTaken, Take, Taken
    from functions.domain.usage import UsageTotal
    from functions.domain.webhook import Outcome, Webhook
    from shared.rate import Rate


class StoreUnavailableError(Exception):
    """The store did not decide: throttled, unreachable, or its table is gone. Nothing is known about the write."""


class FleetLookup(Protocol):
    """Where nodes are looked up (`functions.storage.directory`)."""

    def fleet(self) -> Fleet:
        """All nodes in summary, as of now."""
        ...

    def reports(self, nodes: Iterable[str]) -> Mapping[str, NodeReport]:
        """What the *nodes* last reported, by node id; nodes that never did are left out."""
        ...


class KeyLookup(FleetLookup, Protocol):
    """Where admission of a publisher looks up the key and the nodes (`functions.storage.directory`)."""

    def key_and_fleet(self, digest: str) -> tuple[Key | None, Fleet]:
        """The key with this digest and all nodes, in one consistent read."""
        ...


class StreamLookup(Protocol):
    """Where admission of a viewer looks up the stream and the nodes (`functions.storage.directory`)."""

    def stream_and_fleet(self, stream: str) -> tuple[Stream | None, Fleet]:
        """The stream with this id and all nodes, in one eventually consistent read."""
        ...


class SlotStore(Protocol):
    """Where publishing slots are taken and freed (`functions.storage.rosters`)."""

    def read(self, account: str) -> Account | None:
        """The account with its roster as of now."""
        ...

    def take(
        self, account: str, stream: str, slot: Slot, *, protocol: str, now: float, take: Take, lim: int | None = None
    ) -> Taken | NotTaken:
        """Write *slot* for *stream* if the roster is what *take* says."""
        ...

    def clear(self, account: str, dead: Mapping[str, Slot]) -> Taken | NotTaken:
        """Take *dead* slots off the roster if they are what was judged."""
        ...

    def release(self, account: str, stream: str, session: str) -> bool:
        """Free the slot of *session*; False where it was not there."""
        ...

    def wait(self, account: str, stream: str, session: str, until: float, now: float) -> bool:
        """Note who waits for the slot of *session*, and until when at most; False where somebody else does."""
        ...

    def leave(self, account: str, stream: str, session: str, until: float) -> None:
        """Take away the note that `wait` made with the same *until*."""
        ...


class CommandStore(Protocol):
    """Where commands for nodes are left until their next heartbeat (`functions.storage.nodes`)."""

    def leave_command(self, node: str, boot: str, command: PendingCommand) -> bool:
        """Leave *command* for *boot* of *node*; False where that life is over."""
        ...


class NodeStore(Protocol):
    """Where each node's last report is kept (`functions.storage.nodes`)."""

    def read(self, node: str) -> NodeReport | None:
        """What *node* last reported, or None."""
        ...

    def take_sessions(self, report: NodeReport, at: float) -> bool:
        """Take the sessions off a node's item; False where that item is not as *report* has it any more."""
        ...


class TokenBuckets(Protocol):
    """Where requests are counted against a rate (`functions.storage.throttle`)."""

    def take(self, bucket: str, rate: Rate, now: float) -> float:
        """Take one token from *bucket*: 0 when there was one, else in how many seconds there will be."""
        ...


class AccountStore(Protocol):
    """Where accounts and their tokens are kept (`functions.storage.registry`)."""

    def create_account(self, account: Account, token_digest: str) -> bool:
        """Write a new account and its token; False where the id is taken."""
        ...

    def salt(self, fresh: str) -> str:
        """The salt that anonymous accounts are named with: *fresh*, if there is none yet."""
        ...

    def keep_anonymous(self, account: Account, forget_at: int) -> Account:
        """Make *account*, which has no owner, or let it live on until *forget_at*; the account as it is."""
        ...

    def account(self, account: str) -> Account | None:
        """The account with this id."""
        ...

    def account_of_token(self, digest: str) -> str | None:
        """The account that the token with this digest names; the account says whether it still opens it."""
        ...

    def replace_tokens(self, account: Account, token_digest: str, kept: Sequence[Token]) -> bool:
        """Let a new token open *account*, and of those before it only *kept*; False where that changed meanwhile."""
        ...


class KeyStore(Protocol):
    """Where stream keys are kept (`functions.storage.registry`)."""

    def create_key(self, key: Key, stream: Stream) -> None:
        """Write a new key and its stream."""
        ...

    def create_anonymous_key(self, key: Key, stream: Stream, forget_at: int) -> None:
        """Write a key that has no owner, and its stream; both are dropped some time after *forget_at*."""
        ...

    def rotate(self, key: Key, rotated: Key) -> bool:
        """Give the stream of *key* the secret of *rotated*; False where the key changed meanwhile."""
        ...

    def revoke(self, key: Key, at: float) -> None:
        """From *at* on *key* is as good as unknown."""
        ...

    def archive(self, keys: Sequence[Key]) -> None:
        """Move the entries of *keys*, which are over, out of the way of `keys`."""
        ...

    def keys(self, account: str) -> Iterator[Key]:
        """The keys of *account* that are not over, and some that are, in order of their streams."""
        ...

    def key(self, account: str, stream: str) -> Key | None:
        """The account's entry of the key that publishes *stream*; None where it was revoked."""
        ...

    def known_key(self, account: str, stream: str) -> Key | None:
        """The account's entry of the key that publishes or published *stream*."""
        ...

    def key_of_secret(self, digest: str) -> Key | None:
        """The key with this digest, whoever has it."""
        ...

    def labels(self, account: str, streams: Iterable[str]) -> Mapping[str, str]:
        """What the account calls the keys of *streams*, revoked ones too; of many the first some hundred."""
        ...


class StreamStore(Protocol):
    """Where streams are read (`functions.storage.registry`)."""

    def stream(self, stream: str) -> Stream | None:
        """The stream with this id."""
        ...

    def streams(self, ids: Iterable[str]) -> Mapping[str, Stream]:
        """The streams that exist among *ids* (at most 100), by id."""
        ...


class RegistryStore(AccountStore, KeyStore, StreamStore, Protocol):
    """Accounts, keys and streams together, for callers that need several of them."""


class UsageStore(Protocol):
    """Where counted bytes are read (`functions.storage.usage`)."""

    def used(self, account: str, month: str) -> int:
        """The bytes that *account* used in *month*, both directions."""
        ...

    def shards(self, account: str, month: str) -> Iterable[UsageTotal]:
        """Every node's total of *account* in *month*."""
        ...


class RefusalStore(Protocol):
    """Where refused publishes are read (`functions.storage.refusals`)."""

    def of(self, account: str, now: float) -> list[RefusedPublish]:
        """The last day's refusals of the keys of *account*, newest first."""
        ...


class AudienceStore(Protocol):
    """Where keys are told of viewers who wait for their publishers (`functions.storage.audiences`)."""

    def note(self, digest: str, audience: Audience, *, left: bool) -> None:
        """Note on the key with this digest where viewers wait; *left*: its publisher has just left them there."""
        ...


class WebhookStore(Protocol):
    """Where owners' webhooks are kept (`functions.storage.webhooks`)."""

    def read(self, account: str) -> Webhook | None:
        """The webhook of *account*, or None."""
        ...

    def create(self, webhook: Webhook) -> bool:
        """Write a new webhook; False where the account has one."""
        ...

    def redirect(self, webhook: Webhook, url: str, events: frozenset[str] | None) -> bool:
        """Send *webhook* elsewhere; False where it was changed meanwhile."""
        ...

    def rotate(self, webhook: Webhook, salt: str, until: float) -> bool:
        """Give *webhook* another salt, the old one signing *until* then; False where it was changed meanwhile."""
        ...

    def delete(self, account: str) -> None:
        """Remove the webhook of *account*: nothing more is sent."""
        ...


class DeliveryStore(Protocol):
    """Where is kept how webhooks' receivers answer (`functions.storage.webhooks`)."""

    def read(self, account: str) -> Webhook | None:
        """The webhook of *account*, or None."""
        ...

    def note(self, webhook: Webhook, outcome: Outcome) -> None:
        """Keep how the last delivery went."""
        ...

    def slow_down(self, webhook: Webhook, pace: Pace) -> None:
        """Keep that the receiver is slow."""
        ...

    def permit(self, webhook: Webhook, now: float) -> str | None:
        """One of the attempts that the receiver may have at a time; None where it has them all."""
        ...

    def give_back(self, webhook: Webhook, permit: str, pace: Pace) -> None:
        """End the attempt of *permit*; *pace*: how the receiver answers now."""
        ...
