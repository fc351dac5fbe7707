"""dynoxide, a DynamoDB emulator in Rust, for a second opinion on every expression: built once by cargo, outside CI.

    python -m local.setup.dynoxide COMMAND …

runs COMMAND with AWS_ENDPOINT_URL_DYNAMODB pointing to it, which every AWS SDK heeds for DynamoDB alone. The crate is
`dynoxide-rs`; the crate `dynoxide` is something else.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.setup import dynamodb
from local.setup.environments import ROOT, SetupError

CRATE, VERSION = "dynoxide-rs", "3.2.0"
FOLDER = ROOT / ".local" / f"dynoxide-{VERSION}"
ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"
_FEATURES = "native-sqlite,http-server,cli"


def build(environ: Mapping[str, str], folder: Path = FOLDER) -> Path:
    """The program, built if it is not there yet; SetupError with a sentence where it cannot be."""
    program = folder / "bin" / "dynoxide"
    if program.is_file():
        return program
    cargo = shutil.which("cargo", path=environ.get("PATH"))
    if cargo is None:
        raise SetupError(
            f"The second emulator, {CRATE} {VERSION}, is built by cargo, and there is none. Install Rust 1.88 or newer"
            " (https://rustup.rs) and run this again."
        )
    # Locked, and without what we have no use for: its MCP server, its import of tables.
    asked = ["install", CRATE, "--version", VERSION, "--locked", "--no-default-features", "--features", _FEATURES]
    built = subprocess.run([cargo, *asked, "--root", str(folder)], env=dict(environ), check=False)  # noqa: S603  # ours
    if built.returncode or not program.is_file():
        raise SetupError(f"{CRATE} {VERSION} could not be built; what cargo said is above.")
    return program


def command(environ: Mapping[str, str], port: int) -> list[str]:
    """The command line that starts it on *port*, with everything in memory."""
    return [str(build(environ)), "--port", str(port), "--log", "quiet"]


def run(asked: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command *asked* beside the emulator; its exit code."""
    return dynamodb.run(asked, environ, command, ENDPOINT)


if __name__ == "__main__":
    try:
        sys.exit(run(sys.argv[1:], os.environ))
    except SetupError as error:
        sys.exit(str(error))
