"""What the build leaves of botocore is what functions use."""

import ast
import json
import runpy
import shutil
from pathlib import Path

import botocore

from tests.functions.world import ROOT

TOOL = ROOT / "functions" / "build-tools" / "trim.py"
SERVICES, trim = (runpy.run_path(str(TOOL))[name] for name in ("SERVICES", "trim"))
DATA = Path(botocore.__file__).parent / "data"


def test_every_client_that_functions_make_is_of_a_service_that_is_kept() -> None:
    """Or the function would work everywhere but on AWS."""
    made = {
        call.args[0].value
        for file in (ROOT / "functions").rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "create_client"
        if isinstance(call.args[0], ast.Constant)
    }

    assert {"dynamodb", "events", "sqs"} <= made <= set(SERVICES)


def test_other_services_are_gone_and_every_region_of_ours_is_still_there(tmp_path: Path) -> None:
    """Of the real botocore's data, the part that this is about."""
    kept = tmp_path / "botocore" / "data"
    kept.mkdir(parents=True)
    shutil.copy(DATA / "endpoints.json", kept)
    shutil.copy(DATA / "partitions.json", kept)
    for service in ("dynamodb", "s3"):
        shutil.copytree(DATA / service, kept / service)

    trim(tmp_path)

    assert {path.name for path in kept.iterdir()} == {"endpoints.json", "partitions.json", "dynamodb"}
    before, after = (json.loads((data / "endpoints.json").read_text())["partitions"] for data in (DATA, kept))
    for whole, part in zip(before, after, strict=True):
        assert part["regions"] == whole["regions"]
        assert part["services"] == {name: where for name, where in whole["services"].items() if name in SERVICES}
