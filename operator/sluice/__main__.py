"""`python -m sluice` runs the operator's command, installed or not."""

import sys

from sluice.console import console

if __name__ == "__main__":
    sys.exit(console())
