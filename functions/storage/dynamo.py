"""The few DynamoDB calls that we make, with plain values in and out, and failures sorted into three kinds.

- A condition that does not hold is an answer (`Unmet`, with the item as it is).
- A store that cannot answer (throttled, unreachable, gone) is `StoreUnavailableError`; the edge makes it a 503. What may
  pass is tried again as long as `functions.storage.patience` says.
- Anything else is a bug and stays what botocore raised.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from functions.domain.stores import StoreUnavailableError
from functions.storage.attributes import Item, from_item, to_item
from functions.storage.patience import NoPatience, Patience

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

T = TypeVar("T")

MAX_BATCH_READ = 100
MAX_BATCH_WRITE = 25

_UNAVAILABLE = frozenset(
    {
        "InternalServerError",
        "ItemCollectionSizeLimitExceededException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "ResourceNotFoundException",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
# What no waiting of seconds changes.
_LASTING = frozenset(
    {"ItemCollectionSizeLimitExceededException", "LimitExceededException", "ResourceNotFoundException"}
)


@dataclass(frozen=True, slots=True)
class Written:
    """The condition held, and the write was made."""

    item: Item
    """The item that `returning` asked for; empty where it asked for none."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """The condition did not hold, so nothing was written."""

    item: Item | None
    """The item as it was when the condition was evaluated; None where there is none."""


@dataclass(frozen=True, slots=True)
class Update:
    """One UpdateItem: expressions in DynamoDB's words, names and values in ours."""

    table: str
    key: Mapping[str, str]
    update: str
    condition: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    returning: Literal["NONE", "ALL_OLD", "ALL_NEW"] = "NONE"


class Dynamo:
    """DynamoDB's low-level client behind plain values. It holds the client, and how long a call is tried again."""

    def __init__(self, client: "DynamoDBClient", patience: Patience | None = None) -> None:
        self._client = client
        self._patience = patience or NoPatience()

    def get(self, table: str, key: Mapping[str, str], *, consistent: bool = True) -> Item | None:
        """The item at *key*, or None."""
        found = self._ask(lambda: self._client.get_item(TableName=table, Key=to_item(key), ConsistentRead=consistent))
        return from_item(found["Item"]) if "Item" in found else None

    def batch_get(
        self, wanted: Mapping[str, Sequence[Mapping[str, str]]], *, consistent: bool
    ) -> dict[str, list[Item]]:
        """The items that exist among the *wanted* keys, by table; at most 100 keys in all."""
        request: Any = {
            table: {"Keys": [to_item(key) for key in keys], "ConsistentRead": consistent}
            for table, keys in wanted.items()
            if keys
        }
        found: dict[str, list[Item]] = {table: [] for table in wanted}
        pauses = self._patience.pauses()
        while request:
            wanted_now = request
            answer = self._ask(lambda: self._client.batch_get_item(RequestItems=wanted_now))  # noqa: B023 - called here
            for table, items in answer.get("Responses", {}).items():
                found[table] += [from_item(item) for item in items]
            request = answer.get("UnprocessedKeys", {})
            # DynamoDB leaves keys unprocessed when a partition is throttled.
            if request and next(pauses, _OVER) is _OVER:
                raise StoreUnavailableError("keys stayed unprocessed")
        return found

    def update(self, change: Update) -> Written | Unmet:
        """Write *change* if its condition holds."""
        parameters: dict[str, Any] = {
            "TableName": change.table,
            "Key": to_item(change.key),
            "UpdateExpression": change.update,
            "ReturnValues": change.returning,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if change.condition:
            parameters["ConditionExpression"] = change.condition
        if change.names:
            parameters["ExpressionAttributeNames"] = dict(change.names)
        if change.values:
            parameters["ExpressionAttributeValues"] = to_item(change.values)
        try:
            answer = self._ask(lambda: self._client.update_item(**parameters))
        except ClientError as error:
            return _unmet(error)
        return Written(from_item(answer.get("Attributes", {})))

    def put_new(self, table: str, item: Item) -> bool:
        """Write *item* unless its key exists; whether it was written, now or by an attempt whose answer got lost."""
        made = to_item(item)
        try:
            self._ask(
                lambda: self._client.put_item(
                    TableName=table,
                    Item=made,
                    ConditionExpression="attribute_not_exists(pk)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            )
        except ClientError as error:
            return _unmet(error).item == from_item(made)
        return True

    def put_all(self, table: str, items: Sequence[Item]) -> None:
        """Write *items*, replacing what is there. Not atomic."""
        self.write_all(table, items, ())

    def write_all(self, table: str, puts: Sequence[Item], deletes: Sequence[Mapping[str, str]]) -> None:
        """Write *puts*, replacing what is there, and then remove *deletes*; 25 a call. Not atomic."""
        wanted: list[Any] = [{"PutRequest": {"Item": to_item(item)}} for item in puts]
        wanted += [{"DeleteRequest": {"Key": to_item(key)}} for key in deletes]
        for start in range(0, len(wanted), MAX_BATCH_WRITE):
            self._write_batch({table: wanted[start : start + MAX_BATCH_WRITE]})

    def _write_batch(self, request: Any) -> None:
        pauses = self._patience.pauses()
        while True:
            wanted = request
            answer = self._ask(lambda: self._client.batch_write_item(RequestItems=wanted))  # noqa: B023 - called here
            request = answer.get("UnprocessedItems", {})
            if not request:
                return
            if next(pauses, _OVER) is _OVER:
                raise StoreUnavailableError("items stayed unprocessed")

    def delete(self, table: str, key: Mapping[str, str]) -> None:
        """Remove the item at *key*, if it is there."""
        self._ask(lambda: self._client.delete_item(TableName=table, Key=to_item(key)))

    def query(
        self,
        table: str,
        pk: str,
        *,
        prefix: str = "",
        after: str = "",
        limit: int | None = None,
        consistent: bool = True,
    ) -> Iterator[Item]:
        """The items of partition *pk* in order, over all pages, or the first *limit* of them.

        Those whose sort key begins with *prefix*, or comes *after* one: one of the two at most.
        """
        narrowed = " AND begins_with(sk, :prefix)" if prefix else " AND sk > :after" if after else ""
        parameters: dict[str, Any] = {
            "TableName": table,
            "KeyConditionExpression": f"pk = :pk{narrowed}",
            "ExpressionAttributeValues": to_item({":pk": pk, ":prefix": prefix or None, ":after": after or None}),
            "ConsistentRead": consistent,
        }
        if limit is not None:
            parameters["Limit"] = limit
        return islice(self._pages(parameters), limit)

    def _pages(self, parameters: dict[str, Any]) -> Iterator[Item]:
        while True:
            page = self._ask(lambda: self._client.query(**parameters))
            yield from (from_item(item) for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _ask(self, operation: Callable[[], T]) -> T:
        """The answer of *operation*, which is tried again while that may help and time is left."""
        pauses = self._patience.pauses()
        while True:
            try:
                with _sorted_failures():
                    return operation()
            except StoreUnavailableError as error:
                if not _passing(error.__cause__) or next(pauses, _OVER) is _OVER:
                    raise


_OVER = object()


def _passing(error: BaseException | None) -> bool:
    """Whether trying again may help."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code") not in _LASTING
    # Connections and time limits; not what is missing here, such as credentials.
    return isinstance(error, HTTPClientError | BotoConnectionError)


class _sorted_failures:  # noqa: N801 - reads as a statement: `with _sorted_failures():`
    """Turns "cannot answer" into `StoreUnavailableError`; lets everything else through."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ClientError):
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if error.response.get("Error", {}).get("Code") in _UNAVAILABLE or status >= 500:
                raise StoreUnavailableError(str(error)) from error
        elif isinstance(error, BotoCoreError):
            # No connection, a timeout, no credentials: botocore's own errors, after its retries.
            raise StoreUnavailableError(str(error)) from error


def _unmet(error: ClientError) -> Unmet:
    if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
        raise error
    image = error.response.get("Item")
    return Unmet(from_item(image) if image else None)  # type: ignore[arg-type]  # the stubs call the image an object
