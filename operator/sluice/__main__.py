"""`python -m sluice` runs the operator's command, installed or not."""

import sys

from sluice.cli import console

if __name__ == "__main__":
    sys.exit(console())
