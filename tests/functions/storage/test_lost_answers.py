"""A write happens and its answer gets lost: `functions.storage.dynamo` makes it again, and its caller is told of one success.

docs/data-model.md says that each write may be repeated; here every conditional write whose refusal would mean something
else is, over a client that loses the first answer to each of its writes.
"""

from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from functions.domain.accounts import Account, Key
from functions.domain.fleet import Node, NodeReport, NodeState
from functions.domain.provision import create_account, create_key, rotate_key
from functions.domain.webhook import Webhook
from functions.storage.dynamo import Dynamo
from functions.storage.nodes import Fenced, Nodes
from functions.storage.patience import Patience
from functions.storage.registry import Registry
from functions.storage.webhooks import Webhooks
from shared.tiers import Tier
from tests.drawn import repeatable
from tests.functions.world import NOW, World

WRITES = frozenset({"put_item", "update_item", "delete_item", "batch_write_item"})


class Forgetful:
    """A DynamoDB client: each kind of write to a key is done, and the first time nobody hears of it."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lost: set[str] = set()
        self.lost = 0

    def __getattr__(self, name: str) -> Any:
        """Any operation of the client that it stands for."""
        operation = getattr(self._client, name)

        def forgetting(**parameters: Any) -> Any:
            answer = operation(**parameters)
            asked = f"{name}{parameters}"
            if name in WRITES and asked not in self._lost:
                self._lost.add(asked)
                self.lost += 1
                raise ReadTimeoutError(endpoint_url="http://dynamodb")
            return answer

        return forgetting


@pytest.fixture(name="client")
def _client(world: World) -> Forgetful:
    return Forgetful(world.client)


@pytest.fixture(name="dynamo")
def _dynamo(client: Forgetful) -> Dynamo:
    forgetful: Any = client
    return Dynamo(forgetful, Patience())


@pytest.fixture(name="registry")
def _registry(world: World, dynamo: Dynamo) -> Registry:
    return Registry(dynamo, world.settings.accounts_table)


def made(registry: Registry, world: World) -> tuple[Account, Key]:
    """An account and its key."""
    found = create_account(registry, "acme", Tier.REGISTERED, random=repeatable(1), now=NOW)
    assert found is not None, "the id was free"
    created = create_key(registry, found.account, random=repeatable(2), now=NOW)
    account, key = world.registry.account("acme"), world.registry.key("acme", created.stream)
    assert account is not None
    assert key is not None
    return account, key


def test_an_account_is_made_once_with_the_token_that_was_shown(
    world: World, registry: Registry, client: Forgetful
) -> None:
    """Its id is not taken by itself; of another one of the same name it is."""
    found = create_account(registry, "acme", Tier.REGISTERED, random=repeatable(1), now=NOW)

    assert found is not None
    assert client.lost
    assert world.own("GET", "", found.token.reveal()).status == 200
    assert [one["account"] for one in world.administer("GET", "accounts").json["accounts"]] == ["acme"]
    assert create_account(registry, "acme", Tier.REGISTERED, random=repeatable(2), now=NOW) is None
    assert world.own("GET", "", found.token.reveal()).status == 200


def test_a_token_that_replaced_another_opens_the_account(world: World, registry: Registry) -> None:
    """Its owner is shown it; told that somebody was faster, nobody would have a token that opens."""
    account, _ = made(registry, world)
    digest = "ab" * 32

    assert registry.replace_tokens(account, digest, ()) is True

    assert world.registry.account_of_token(digest) == "acme"
    after = world.registry.account("acme")
    assert after is not None
    assert after.opened_by(digest, NOW)
    assert registry.replace_tokens(account, "cd" * 32, ()) is False
    assert world.registry.account_of_token(digest) == "acme"


def test_a_key_s_new_secret_publishes(world: World, registry: Registry) -> None:
    """Its owner is shown it; else sessions of the old one would end at their first heartbeat, and there would be no other."""
    _, key = made(registry, world)

    secret = rotate_key(registry, key, random=repeatable(3), now=NOW, until=NOW)

    assert secret is not None
    found = world.registry.key_of_secret(secret.digest)
    assert found is not None
    assert found.valid(NOW)
    assert rotate_key(registry, key, random=repeatable(4), now=NOW, until=NOW) is None


def test_a_webhook_s_secret_is_the_one_that_was_shown(world: World, dynamo: Dynamo) -> None:
    """When it is made and when it is replaced; who was slower is told so."""
    webhooks = Webhooks(dynamo, world.settings.accounts_table)
    first = Webhook("acme", "https://example.com/", "a" * 32, NOW)

    assert webhooks.create(first) is True
    assert webhooks.create(Webhook("acme", "https://example.com/", "b" * 32, NOW)) is False
    assert webhooks.rotate(first, "c" * 32, NOW) is True
    assert webhooks.rotate(first, "d" * 32, NOW) is False

    found = webhooks.read("acme")
    assert found is not None
    assert found.salt == "c" * 32


def test_a_node_s_first_heartbeat_is_not_fenced_by_itself(world: World, dynamo: Dynamo) -> None:
    """It gets its lease, and what began with it is told; an older life of the node gets none."""
    nodes = Nodes(dynamo, world.settings.fleet_table)
    node = Node("node1", "bootbootboota222", NOW, "http://127.0.0.1:1", "local", NodeState.SERVING)
    older = Node("node1", "bootbootbootb222", NOW, "http://127.0.0.1:1", "local", NodeState.SERVING)

    assert nodes.beat(NodeReport(node, started_at=NOW - 1), (), new_boot=True) == NodeReport(node, started_at=NOW - 1)
    assert nodes.beat(NodeReport(older, started_at=NOW - 2), (), new_boot=True) == Fenced()
