"""The functions as `sam build` ships them, but for this machine's Python: only their own packages, trimmed, compiled.

Time is measured in it and not in a developer's environment, where botocore meets packages that it then imports as well
(pyOpenSSL), and nothing is compiled in advance.
"""

import compileall
import json
import os
import py_compile
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from functions.edge.settings import FunctionSettings
from local.setup.environments import FUNCTIONS, ROOT
from tests.functions.world import Beating, World

TRIMS = ("build-tools/trim.py", "trim.py")
"""Where the functions of a checkout have what trims a build: now, and up to version 0.1."""


def build(folder: Path, checkout: Path = ROOT) -> Path:
    """Make the package of the functions of *checkout* in *folder*, as its functions/Makefile does."""
    if not FUNCTIONS.python.exists():
        raise RuntimeError(f"{FUNCTIONS.folder} is not installed; run: make bench-admission")
    (packages,) = (FUNCTIONS.path / "lib").glob("python*/site-packages")
    shutil.copytree(packages, folder, ignore=shutil.ignore_patterns("__pycache__", "pip*", "setuptools*"))
    for package in ("functions", "shared"):
        shutil.copytree(checkout / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(folder / "functions" / "build-tools", ignore_errors=True)  # an older checkout has none
    trim = next(file for trim in TRIMS if (file := checkout / "functions" / trim).exists())
    subprocess.run([sys.executable, trim, folder], check=True)
    compileall.compile_dir(folder, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    return folder


class Surroundings:
    """Tables, keys and a living node at *endpoint*, and the environment that tells a function of them."""

    def __init__(self, endpoint: str) -> None:
        os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
        name = f"bench-{os.urandom(4).hex()}"
        settings = FunctionSettings(
            f"{name}-accounts", f"{name}-fleet", f"/{name}/signer", f"/{name}/jwks", "", "local", name
        )
        self.endpoint = endpoint
        self.world = World(endpoint, settings)
        self.node = Beating(load={})
        # By the real clock, the lease of this node is not over for a day.
        self.world.now = self.node.started_at = time.time() + 86400
        self.world.beat(self.node)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a function process."""
        settings = self.world.settings
        return {
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.endpoint, "AWS_CONFIG_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true", "PATH": os.environ.get("PATH", os.defpath),
            "ACCOUNTS_TABLE": settings.accounts_table, "FLEET_TABLE": settings.fleet_table,
            "SIGNER_PARAMETER": settings.signer_parameter, "SLUICE_REGION": "local",
            "WATCH_RATE": "1000000/0.0001",  # all requests come from one address here, which is no crowd's way
            "POWERTOOLS_SERVICE_NAME": "admission", "POWERTOOLS_METRICS_NAMESPACE": "Sluice",
        }  # fmt: skip


def run(code: str, environment: dict[str, str], *arguments: str, package: Path | None = None) -> Any:
    """Run *code* in a fresh process of the functions' own environment; the JSON of its last line."""
    environment = {**environment, "PYTHONPATH": str(package)} if package else environment
    command = [str(FUNCTIONS.python), "-c", code, *arguments]
    done = subprocess.run(command, env=environment, cwd=FUNCTIONS.path, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])
