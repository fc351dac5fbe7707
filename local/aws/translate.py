"""Runs one template through the SAM translator, as a deployment would, without AWS: `python -m local.aws.translate FILE`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samtranslator.parser.parser import Parser
from samtranslator.public.exceptions import InvalidDocumentException
from samtranslator.public.translator import Translator

from local.aws.document import load


def main(path: str) -> int:
    """Translate the template at *path* and print what is wrong with it; 0 where nothing is, else 1."""
    translator = Translator(managed_policy_map={}, sam_parser=Parser())
    document = load(Path(path).read_text())
    for owner in (document.get("Globals", {}).get("Function", {}), *_functions(document)):
        if "CodeUri" in owner:
            owner["CodeUri"] = "s3://bucket/key"  # `sam deploy` uploads the code and writes such a URI here
    try:
        translator.translate(document, parameter_values={})
    except InvalidDocumentException as error:
        print(f"{path}: {error.message}", *(f"  {cause.message}" for cause in error.causes), sep="\n")  # noqa: T201  # a checker's output
        return 1
    return 0


def _functions(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            yield resource["Properties"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
