"""`python -m sluice` is the same command as the installed one."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_it_runs_as_a_module() -> None:
    """Without being installed, where the folder of the distribution is on the path."""
    done = subprocess.run(
        [sys.executable, "-m", "sluice", "--help"],
        env={"PYTHONPATH": str(ROOT / "operator")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "accounts list" in done.stdout
