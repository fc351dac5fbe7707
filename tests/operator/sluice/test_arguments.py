"""The command line as it is typed, and its help."""

import json
from typing import Any

from sluice.arguments import commands, parser
from tests.operator.sluice.fake_api import FakeApi, run


def test_help_shows_every_command_and_every_argument_is_explained() -> None:
    """`sluice --help` is the whole list; what an option is measured in stands beside it."""
    top = parser()
    listed = top.format_help()
    for name, about in commands():
        assert about, f"{name} is not explained"
        assert f"  {name} " in listed
        assert about in listed
        words = [word for word in name.split() if not word.isupper()]
        told = command(*words)
        for action in told._actions:
            assert action.help, f"{name}: {action.dest} is not explained"
    for limit, unit in (("bytes", "GB"), ("kbps", "kbit/s"), ("streams", "at a time"), ("viewers", "at a time")):
        (option,) = [one for one in command("accounts", "set")._actions if one.dest == limit]
        assert unit in str(option.help)


def command(*words: str) -> Any:
    """The parser that reads the options of one command."""
    found: Any = parser()
    for word in words:
        (below,) = [one for one in found._actions if isinstance(one.choices, dict)]
        found = below.choices[word]
    return found


def test_common_options_may_stand_anywhere(api: FakeApi) -> None:
    """They are taken before the command, between its words and behind them."""
    for line in (
        f"--json --api {api.url} nodes list",
        f"--api {api.url} nodes --json list",
        f"nodes list --json --api {api.url}",
        f"nodes --api {api.url} list --json",
    ):
        code, out, err = run(*line.split())
        assert (code, json.loads(out), err) == (0, {}, ""), line
