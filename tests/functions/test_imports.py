"""What the admission function imports decides how long the first viewer waits."""

import subprocess
import sys

HEAVY = (
    *("pydantic", "boto3", "s3transfer", "aws_xray_sdk", "aws_lambda_powertools.event_handler", "dateutil.rrule"),
    *("jwt", "functions.domain.webhook"),
)


def test_admission_imports_nothing_that_it_does_not_need() -> None:
    """Each of these costs tens of milliseconds of every cold start."""
    code = "import sys, functions.admission.handler; print(' '.join(sys.modules))"

    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )

    assert loaded.isdisjoint(HEAVY)
