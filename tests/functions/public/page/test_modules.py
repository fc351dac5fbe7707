"""The tests of the page's pure modules (**/*.test.js), run by Node's own test runner; no browser, no network."""

import subprocess
from pathlib import Path

from local.setup.environments import ROOT
from local.setup.page_tools import node

FILES = sorted(str(path.relative_to(ROOT)) for path in Path(__file__).parent.rglob("*.test.js"))


def test_the_page_s_modules() -> None:
    """Every file runs, and what fails is shown as Node tells it."""
    command = [str(node()), "--test", "--test-reporter=dot", *FILES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)

    assert FILES
    assert done.returncode == 0, done.stdout + done.stderr
