"""What each command asks the API for."""

import pytest

from shared.tiers import HlsEmbed
from sluice.api import ApiCall
from sluice.arguments import parser
from sluice.verbs import ARGUMENTS, HLS_EMBED, NOUNS, VERBS


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("accounts list", ApiCall("GET", "accounts")),
        ("accounts show a/b", ApiCall("GET", "accounts/a%2Fb")),
        ("accounts create a --tier registered --streams 3",
         ApiCall("POST", "accounts", {"account": "a", "tier": "registered", "overrides": {"streams": 3}})),
        ("accounts set a --tier studio_pro", ApiCall("PATCH", "accounts/a", {"tier": "studio_pro"})),
        ("accounts set a --no-overrides", ApiCall("PATCH", "accounts/a", {"overrides": {}})),
        ("accounts set a --viewers 0", ApiCall("PATCH", "accounts/a", {"overrides": {"viewers": 0}})),
        ("keys list a", ApiCall("GET", "accounts/a/keys")),
        ("keys create a --label x", ApiCall("POST", "accounts/a/keys", {"label": "x"})),
        ("keys revoke a s", ApiCall("DELETE", "accounts/a/keys/s")),
        ("nodes list", ApiCall("GET", "nodes")),
        ("nodes drain n", ApiCall("POST", "nodes/n/drain")),
        ("nodes undrain n", ApiCall("POST", "nodes/n/undrain")),
        ("sessions list", ApiCall("GET", "sessions")),
        ("sessions end s", ApiCall("DELETE", "sessions/s")),
        ("refusals a/b", ApiCall("GET", "accounts/a%2Fb/refusals")),
        ("accounts suspend a", ApiCall("PATCH", "accounts/a", {"suspended": True})),
        ("accounts resume a", ApiCall("PATCH", "accounts/a", {"suspended": False})),
        ("accounts delete a", ApiCall("DELETE", "accounts/a")),
        ("tiers", ApiCall("GET", "/v1/tiers")),
        ("usage a", ApiCall("GET", "accounts/a/usage")),
        ("usage a --month 2026-11", ApiCall("GET", "accounts/a/usage?month=2026-11")),
    ],
)  # fmt: skip
def test_a_command_is_one_call(line: str, call: ApiCall) -> None:
    """Each makes one request of the operator's API."""
    given = parser().parse_args(line.split())

    assert given.verb.call(given) == call


def test_the_table_is_whole() -> None:
    """Each argument and each noun is explained, no command stands twice, and only the signer's make no request."""
    assert {name for verb in VERBS for name in verb.arguments} == set(ARGUMENTS)
    assert {verb.words.split()[0] for verb in VERBS if " " in verb.words} == set(NOUNS)
    assert len({verb.words for verb in VERBS}) == len(VERBS)
    assert {verb.words.split()[0] for verb in VERBS if not verb.path} == {"signer"}


def test_where_players_may_be_embedded_is_called_as_the_api_calls_it() -> None:
    """The command states the names again, because it cannot import the enum."""
    assert list(HLS_EMBED) == [each.value for each in HlsEmbed]
