"""Makes AWS clients: the one place for retries and time limits. Only composition roots call it.

It is made for a quick cold start: it uses botocore, because importing boto3 also imports its S3 transfer manager, and it
signs and sends the one SSM operation itself, because botocore needs 55 ms to load that service's model.
"""

import json
import os
from typing import TYPE_CHECKING, Any, Protocol, cast

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_READ_SECONDS = 2
# botocore counts attempts, and how long a count of them takes changes from release to release; whether DynamoDB is asked
# once more is decided by time (`functions.storage.patience`), and the answer in the end is a 503 that says when to come back.
_ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=1, read_timeout=_READ_SECONDS)
# A postponement that fails three times in a row is let go: the message comes back when its visibility ends.
_THRICE = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=1, read_timeout=_READ_SECONDS)


class ParameterStore(Protocol):
    """The one operation of SSM that functions use; boto3's client has it too."""

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> Any:  # noqa: N803 - the client's names
        """The parameter, as SSM answers it."""


class AwsSession:
    """One botocore session: what clients share, loaded once."""

    def __init__(self) -> None:
        self._session = botocore.session.get_session()

    def dynamodb(self) -> "DynamoDBClient":
        """A DynamoDB client that tries once; region, credentials and endpoint by botocore's chain."""
        return cast("DynamoDBClient", self._session.create_client("dynamodb", config=_ONCE))

    def events(self) -> Any:
        """An EventBridge client that tries once, for a second: a request does not wait for events."""
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=1)
        return self._session.create_client("events", config=config)

    def sqs(self) -> Any:
        """A client of the queue that waiting webhook messages are in."""
        return self._session.create_client("sqs", config=_THRICE)

    def ssm(self) -> ParameterStore:
        """The client of SSM's parameter store."""
        return _Parameters(self._session)


class _Parameters:
    """SSM's GetParameter. No retries of its own: `functions.edge.parameters.CachedParameter` keeps the last good value."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._http = URLLib3Session(timeout=_READ_SECONDS)

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> Any:  # noqa: N803 - the client's names
        """The parameter, as SSM answers it; botocore's exceptions where it does not."""
        region = self._session.get_config_variable("region")
        request = AWSRequest(
            "POST",
            _endpoint(region),
            data=json.dumps({"Name": Name, "WithDecryption": WithDecryption}),
            headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonSSM.GetParameter"},
        )
        SigV4Auth(self._session.get_credentials().get_frozen_credentials(), "ssm", region).add_auth(request)
        answer = self._http.send(request.prepare())
        try:
            body = json.loads(answer.content)
        except ValueError:
            body = {}
        if answer.status_code != 200:
            code = str(body.get("__type", "")).rpartition("#")[2]
            error: Any = {
                "Error": {"Code": code, "Message": str(body.get("message", ""))},
                "ResponseMetadata": {"HTTPStatusCode": answer.status_code},
            }
            raise ClientError(error, "GetParameter")
        return body


def _endpoint(region: str) -> str:
    given = os.environ.get("AWS_ENDPOINT_URL_SSM") or os.environ.get("AWS_ENDPOINT_URL")
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return given or f"https://ssm.{region}.{suffix}/"
