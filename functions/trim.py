"""Takes out of a build what functions never load: AWS's other 400 services. Part of `sam build` (functions/Makefile).

botocore looks through all its services' folders before it loads one, and reads where every service of AWS is in every
region, 1.2 MB of JSON, for a DynamoDB client: together a fifth of a cold start. What stays is botocore's own, unchanged.

    python trim.py FOLDER_WITH_BOTOCORE
"""

import json
import shutil
import sys
from pathlib import Path

SERVICES = ("dynamodb", "events", "sqs", "ssm")
"""What functions/edge/aws.py makes clients of, and SSM's endpoints."""


def trim(packages: Path) -> None:
    """Leave of botocore's data in *packages* only what is about SERVICES."""
    data = packages / "botocore" / "data"
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in SERVICES:
            shutil.rmtree(folder)
    endpoints = json.loads((data / "endpoints.json").read_text())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: places for name, places in partition["services"].items() if name in SERVICES}
    (data / "endpoints.json").write_text(json.dumps(endpoints, separators=(",", ":")))


if __name__ == "__main__":
    trim(Path(sys.argv[1]))
