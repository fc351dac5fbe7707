import json

import pytest

from local.aws.intrinsics import TemplateError
from local.aws.resources import Template
from tests.local.builders import template

TEXT = """
Parameters:
  Days: {Type: Number, Default: 14}
  Stage: {Type: String, Default: dev}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsDev: !Not [!Condition IsProd]
Globals:
  Function:
    Timeout: 5
    MemorySize: 512
    Environment: {Variables: {TABLE: !Ref Table, LEVEL: INFO}}
Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
  Dead: {Type: AWS::SQS::Queue, Properties: {MessageRetentionPeriod: 1209600}}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      SqsManagedSseEnabled: true
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5}
  Only:
    Type: AWS::SQS::Queue
    Condition: IsProd
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Stage
      EventPattern: {source: [x], detail: {stack: [!Ref AWS::StackName]}}
      Targets: [{Id: queue, Arn: !GetAtt Queue.Arn}]
  Jwks:
    Type: AWS::SSM::Parameter
    Properties: {Name: !Sub "/x/${AWS::StackName}/jwks", Type: String, Value: '{"keys":[]}'}
  Front:
    Type: AWS::Serverless::Function
    Properties:
      Handler: functions.front.handler.lambda_handler
      Environment: {Variables: {LEVEL: DEBUG, PARAMETER: !Ref Jwks, DAYS: !Sub "${Days}d ${!literal}", FLAG: true}}
      Policies: [{Statement: [{Resource: !Sub "${Table.StreamArn}"}]}]
      Events:
        Any: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: any, Path: /x}}
        Signed: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: POST, Path: "/y/{id}", TimeoutInMillis: 9000, Auth: {Authorizer: AWS_IAM}}}
        Rest: {Type: HttpApi, Properties: {ApiId: !Ref Api}}
        Often: {Type: Schedule, Properties: {Schedule: rate(5 minutes), Input: '{"do": "sweep"}'}}
  Back:
    Type: AWS::Serverless::Function
    Properties:
      Handler: functions.back.handler.lambda_handler
      Timeout: !If [IsDev, 10, 20]
      Events:
        Source:
          Type: SQS
          Properties:
            Queue: !GetAtt Queue.Arn
            BatchSize: 25
            MaximumBatchingWindowInSeconds: 1
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: {MaximumConcurrency: 3}
"""


EVENT = "A: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Events: {E: %s}}}"


@pytest.fixture(name="read")
def _read() -> Template:
    return template(TEXT)


def test_globals_and_own_properties_are_merged(read: Template) -> None:
    """A function's own value wins, and variables are merged one by one."""
    front = read.functions["Front"]
    assert (front.timeout, front.memory) == (5, 512)
    assert front.environment == {
        "TABLE": "local-Table",
        "LEVEL": "DEBUG",
        "PARAMETER": "/x/local/jwks",
        "DAYS": "14d ${literal}",
        "FLAG": "true",
    }
    assert read.functions["Back"].timeout == 10


def test_events_become_routes(read: Template) -> None:
    """With method, authorisation and timeout; an event without a path is the $default route."""
    routes = {route.key: (route.function, route.iam, route.timeout) for route in read.routes}
    assert routes == {
        "ANY /x": ("Front", False, 30),
        "POST /y/{id}": ("Front", True, 9),
        "$default": ("Front", False, 30),
    }


def test_a_queue_and_its_dead_letters_are_linked(read: Template) -> None:
    """The attributes are as CreateQueue takes them: text, and JSON in text."""
    assert set(read.queues) == {"Queue", "Dead"}  # `Only` is for another stage
    queue = read.queues["Queue"]
    assert queue.url == "http://127.0.0.1:8566/000000000000/local-Queue"
    assert queue.attributes == {
        "VisibilityTimeout": "60",
        "SqsManagedSseEnabled": "true",
        "RedrivePolicy": f'{{"deadLetterTargetArn": "{read.queues["Dead"].arn}", "maxReceiveCount": 5}}',
    }
    (source,) = read.sources
    assert (source.function, source.queue, source.batch_size) == ("Back", queue, 25)
    assert (source.window, source.partial, source.concurrency) == (1, True, 3)


def test_a_table_is_created_without_what_means_nothing_here(read: Template) -> None:
    """CreateTable refuses members that only CloudFormation knows."""
    table = read.tables["Table"]
    assert table.ttl == "ttl"
    assert set(table.request) == {"TableName", "BillingMode", "AttributeDefinitions", "KeySchema"}


def test_a_rule_and_a_schedule_are_read(read: Template) -> None:
    """What EventBridge does on AWS: send matching events on, and invoke a function now and then."""
    (rule,) = read.rules
    assert (rule.name, rule.bus) == ("local-Rule", "dev")
    assert json.loads(rule.pattern) == {"source": ["x"], "detail": {"stack": ["local"]}}
    assert rule.targets == ({"Id": "queue", "Arn": read.queues["Queue"].arn},)
    (schedule,) = read.schedules
    assert (schedule.function, schedule.seconds, schedule.payload) == ("Front", 300, {"do": "sweep"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("A: {Type: AWS::Serverless::Function, Properties: {Handler: !Ref Nope}}", "Nope"),
        ("A: {Type: AWS::Serverless::Function, Properties: {Handler: !ImportValue x}}", "Fn::ImportValue"),
        ("A: {Type: AWS::Serverless::Function, Properties: {PackageType: Image}}", "no Handler"),
        ("A: {Type: AWS::SSM::Parameter, Properties: {Name: !GetAtt B.Arn, Type: String, Value: x}}", "B"),
        (EVENT % "{Type: HttpApi, Properties: {Path: /, Auth: {Authorizer: Cognito}}}", "Cognito"),
        (EVENT % "{Type: Schedule, Properties: {Schedule: 'cron(0 1 * * ? *)'}}", "cron"),
        ("A: {Type: AWS::Events::Rule, Properties: {ScheduleExpression: rate(1 minute)}}", "no EventPattern"),
        (EVENT % "{Type: SQS, Properties: {Queue: 'arn:aws:sqs:x:1:other'}}", "not a queue of this template"),
    ],
)
def test_what_cannot_run_here_is_named(text: str, says: str) -> None:
    """A sentence for the template's author, instead of a stack that behaves differently."""
    with pytest.raises(TemplateError, match=says):
        template(f"Resources:\n  {text}")
