"""Settings come from the environment that is handed in, whole or not at all, and no message or repr shows a secret."""

import pytest

from sfu.environment import SettingsError
from sfu.settings import NodeSettings
from tests.sfu.test_settings import ENVIRON

SECRET = "s3cr3t"
PEM = f"-----BEGIN PRIVATE KEY-----\n{SECRET}"
TURN = '[{"url": "turn:t.example.com", "username": "u", "credential": "' + SECRET + '"}]'


def test_the_process_s_own_environment_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not handed in is not set, whatever the shell has."""
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match="SLUICE_NODE_ID is not set"):
        NodeSettings.from_env({})


def test_an_empty_variable_is_not_set() -> None:
    """As templates hand over what was left out."""
    assert NodeSettings.from_env({**ENVIRON, "SLUICE_REGION": "", "SLUICE_TLS_KEY": ""}).region == "local"


def test_no_repr_shows_a_secret() -> None:
    """Keys and TURN credentials end up in no log."""
    secrets = {"SLUICE_TLS_CERTIFICATE": "chain.pem", "SLUICE_TLS_KEY": PEM, "SLUICE_ICE_SERVERS": TURN}
    settings = NodeSettings.from_env({**ENVIRON, **secrets})

    assert settings.tls_key == PEM
    assert SECRET not in repr(settings) + str(settings)


@pytest.mark.parametrize("broken", [{"SLUICE_ICE_SERVERS": TURN[:-1]}, {"SLUICE_TLS_KEY": PEM}])
def test_no_mistake_shows_a_secret(broken: dict[str, str]) -> None:
    """Neither its text nor the error that it came from."""
    with pytest.raises(SettingsError) as raised:
        NodeSettings.from_env({**ENVIRON, "SLUICE_MAX_SESSIONS": "no", **broken})

    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    assert SECRET not in str(raised.value)


def test_settings_are_frozen() -> None:
    """What was checked whole is not changed by a part."""
    with pytest.raises(ValueError, match="frozen"):
        NodeSettings.from_env(ENVIRON).region = "elsewhere"  # type: ignore[misc]  # the point of the test
