#!/usr/bin/env python3
"""Takes out of a build what the functions never load: the descriptions of AWS's other 400 services.

`sam build` runs it by functions/Makefile; it is no part of what is shipped. Before botocore loads one service it looks
through the folders of all of them, and for a DynamoDB client it reads where every service of AWS is in every region,
1.2 MB of JSON: together a fifth of a cold start. What stays is botocore's own, unchanged.

    python trim.py FOLDER_WITH_BOTOCORE
"""

import json
import shutil
import sys
from pathlib import Path

SERVICES = ("dynamodb", "events", "sqs", "ssm")
"""The services that functions/edge/aws.py makes clients of, and SSM, whose one operation it signs by hand."""


def trim(packages: Path) -> None:
    """Remove from botocore's data in the folder *packages* whatever is not about SERVICES."""
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
