"""DynamoDB, SQS, SSM and EventBridge on this machine: ministack, and in it what the template asks for.

ministack lives in a virtual environment of its own (`.venv-emulator`), because it pins another botocore than ours.
The test fixtures start it the same way, or use whatever answers at AWS_ENDPOINT_URL (LocalStack, say) instead.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.aws.resources import ParameterResource, QueueResource, RuleResource, TableResource, Template
from local.aws.sigv4 import AccessKey
from local.process.log import StackLog
from local.process.processes import ROOT, ChildProcess, PartStartError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

PART = "emulator"
PYTHON = ROOT / ".venv-emulator" / "bin" / "python"
_READY_SECONDS = 30
_STOP_SECONDS = 3


def environment(port: int, state: Path) -> dict[str, str]:
    """The environment of the ministack on *port*: loopback only, four services, nothing kept, and only warnings logged.

    It puts a file with its process id into the folder *state*.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "TMPDIR": str(state),  # it leaves a pid file there
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "MINISTACK_HOST": "127.0.0.1",
        "SERVICES": "dynamodb,events,sqs,ssm",
        "SFTP_ENABLED": "0",
    }


def command() -> list[str]:
    """The command line that starts ministack."""
    return [str(PYTHON), "-m", "ministack"]


class Emulator:
    """The AWS services of one stack: a ministack process on a port of the stack's."""

    def __init__(self, port: int, state: Path, log: StackLog) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._environment = environment(port, state)
        self._log = log
        self._child: ChildProcess | None = None

    async def start(self) -> None:
        """Start ministack and wait until it answers. Raises `PartStartError` where it does not."""
        self._child = await ChildProcess.start(PART, command(), self._environment, self._log)
        await self._child.ready(f"{self.url}/_ministack/health", _READY_SECONDS)

    async def ended(self) -> None:
        """Wait until the process has ended, by itself or by `stop`."""
        if self._child is not None:
            await self._child.wait()

    async def stop(self) -> None:
        """End the process, and with it all that was stored."""
        if self._child is not None:
            await self._child.stop(_STOP_SECONDS)


class AwsClients:
    """boto3 clients for one endpoint and one access key. Making one takes a fifth of a second, so each is made once."""

    def __init__(self, url: str, credentials: AccessKey) -> None:
        session = boto3.Session(
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            region_name=credentials.region,
        )
        self.dynamodb: DynamoDBClient = session.client("dynamodb", endpoint_url=url)
        # One attempt: a poll that the end of the emulator cuts off must not delay the end of the stack.
        once = Config(retries={"total_max_attempts": 1})
        self.sqs: SQSClient = session.client("sqs", endpoint_url=url, config=once)
        self.ssm: SSMClient = session.client("ssm", endpoint_url=url)
        self.events: Any = session.client("events", endpoint_url=url)


def deploy(template: Template, clients: AwsClients) -> None:
    """Create the tables, queues, rules and parameters of *template*; what exists already (AWS_ENDPOINT_URL) stays as it is.

    Raises `PartStartError` where the emulator refuses one.
    """
    work = [
        *(partial(_create_table, clients, table) for table in template.tables.values()),
        partial(_create_queues, clients, list(template.queues.values()), template.rules),
        *(partial(_put_parameter, clients, parameter) for parameter in template.parameters.values()),
    ]
    with ThreadPoolExecutor(max_workers=len(work)) as threads:
        for done in [threads.submit(step) for step in work]:
            try:
                done.result()
            except (ClientError, BotoCoreError) as error:
                raise PartStartError(f"The emulator does not take what template.yaml describes: {error}") from error


def _create_table(clients: AwsClients, table: TableResource) -> None:
    try:
        clients.dynamodb.create_table(**table.request)
    except clients.dynamodb.exceptions.ResourceInUseException:
        return
    if table.ttl is not None:
        clients.dynamodb.update_time_to_live(
            TableName=table.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": table.ttl}
        )


def _create_queues(clients: AwsClients, queues: list[QueueResource], rules: Sequence[RuleResource]) -> None:
    # A queue may only redrive to one that exists, and a rule send to one.
    for queue in sorted(queues, key=lambda queue: "RedrivePolicy" in queue.attributes):
        with suppress(clients.sqs.exceptions.QueueNameExists):
            clients.sqs.create_queue(QueueName=queue.name, Attributes=cast("Any", queue.attributes))
    for rule in rules:
        clients.events.put_rule(Name=rule.name, EventBusName=rule.bus, EventPattern=rule.pattern)
        clients.events.put_targets(Rule=rule.name, EventBusName=rule.bus, Targets=list(rule.targets))


def _put_parameter(clients: AwsClients, parameter: ParameterResource) -> None:
    with suppress(clients.ssm.exceptions.ParameterAlreadyExists):
        clients.ssm.put_parameter(Name=parameter.name, Type=cast("Any", parameter.kind), Value=parameter.value)
