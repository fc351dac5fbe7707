"""LocalStack, where one runs: the integration tests go to it, or a sentence says why not.

It is not started from here. Its image wants Docker and, since 2026, a licence token; what is on PyPI
(localstack-core) has no DynamoDB of its own and downloads AWS's from a site of AWS when it is first asked.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from local.setup.environments import SetupError

USUAL = "http://127.0.0.1:4566"
NEEDED = ("dynamodb", "sqs", "ssm")
_SECONDS = 5


def url(environ: Mapping[str, str]) -> str:
    """The URL of a LocalStack that has what the tests need. Raises `SetupError` where none answers."""
    found = environ.get("LOCALSTACK", USUAL).rstrip("/")
    if not found.startswith(("http://", "https://")):
        raise SetupError(f"LOCALSTACK is {found}; say the URL of a running LocalStack, as {USUAL}.")
    try:
        with urllib.request.urlopen(f"{found}/_localstack/health", timeout=_SECONDS) as answer:  # noqa: S310  # http, see above
            services: Mapping[str, Any] = json.load(answer)["services"]
    except (urllib.error.URLError, OSError, ValueError, KeyError) as error:
        raise SetupError(
            f"No LocalStack answers at {found} ({error}). Start one, with your licence token where it asks for it"
            " (localstack start), or say where it is: make test-localstack LOCALSTACK=http://host:port"
        ) from error
    missing = [name for name in NEEDED if services.get(name, "disabled") == "disabled"]
    if missing:
        raise SetupError(f"The LocalStack at {found} has no {', '.join(missing)}; start it with these services.")
    return found
