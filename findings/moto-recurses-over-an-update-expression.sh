#!/usr/bin/env bash
# moto 5.2.5 raises RecursionError for an update that removes some hundreds of paths, which DynamoDB takes.
#
# DynamoDB allows 4 KB of expression and 300 operators in it; REMOVE has none, so 400 short paths are a valid update. moto
# walks its parsed expression by one Python call a path, and runs out of stack; the caller sees neither success nor a refusal.
set -euo pipefail

version=5.2.5
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "moto[dynamodb]==$version"

cat > "$folder/update.py" <<'PY'
import sys

import boto3
import moto

FEW, MANY = 50, 400


def outcome(client, count: int) -> str:
    names = {f"#{n}": f"a{n}" for n in range(count)}
    expression = "REMOVE " + ",".join(f"m.{name}" for name in names)
    client.put_item(
        TableName="t", Item={"k": {"S": "1"}, "m": {"M": {name: {"N": "1"} for name in names.values()}}}
    )
    try:
        client.update_item(
            TableName="t", Key={"k": {"S": "1"}}, UpdateExpression=expression, ExpressionAttributeNames=names
        )
    except Exception as error:
        return f"{len(expression)} bytes: {type(error).__name__}"
    left = client.get_item(TableName="t", Key={"k": {"S": "1"}})["Item"]["m"]["M"]
    return f"{len(expression)} bytes: {len(left)} of {count} left"


with moto.mock_aws():
    client = boto3.client(
        "dynamodb", region_name="us-east-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="example"
    )
    client.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    few, many = outcome(client, FEW), outcome(client, MANY)
print(f"moto {moto.__version__}, Python {sys.version.split()[0]}")
print(f"{FEW} paths: {few}")
print(f"{MANY} paths: {many}")
sys.exit(0 if few.endswith("0 of 50 left") and many.endswith("RecursionError") else 1)
PY
"$folder/venv/bin/python" "$folder/update.py"
