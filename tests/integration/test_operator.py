"""The operator's command against a whole stack, as somebody types it in the repository."""

import json
import os
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

from local.process.processes import ROOT
from shared.tiers import Tier


def sluice(stack: dict[str, Any], *arguments: str) -> tuple[int, Any, str]:
    """Run the command on *stack*: its exit code, the JSON of its answer, and what it said of errors."""
    environ = {**os.environ, "PORT": str(urlsplit(stack["api"]).port), "PYTHONPATH": "operator"}
    command = [sys.executable, "-m", "sluice", "--json", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def test_an_account_gets_a_tier_that_the_api_lists(stack: dict[str, Any]) -> None:
    """The command knows the tiers by asking; one that is not listed changes nothing."""
    _, listed, _ = sluice(stack, "tiers")
    assert [row["tier"] for row in listed["tiers"]] == [tier.value for tier in Tier]

    code, made, said = sluice(stack, "accounts", "create", "typed", "--tier", "solo_creator")
    assert (code, made["tier"], said) == (0, "solo_creator", "")
    code, _, said = sluice(stack, "accounts", "set", "typed", "--tier", "gold")
    assert (code, said.partition(";")[0]) == (2, "There is no tier gold")
    assert sluice(stack, "accounts", "set", "typed", "--tier", "studio_pro", "--hls-embed", "none")[0] == 0
    _, shown, _ = sluice(stack, "accounts", "show", "typed")
    assert (shown["tier"], shown["overrides"]) == ("studio_pro", {"hls_embed": "none"})
    assert sluice(stack, "accounts", "delete", "typed")[0] == 0
    assert sluice(stack, "accounts", "show", "typed")[0] == 1


def test_the_signer_of_the_stack_here_is_listed(stack: dict[str, Any]) -> None:
    """What `make up` made by the control plane's code is read by the command's own."""
    code, shown, _ = sluice(stack, "signer", "list")

    assert code == 0
    assert [(key["state"], key["published"]) for key in shown["signing_keys"]] == [("signing", True)]
