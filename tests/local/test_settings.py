"""What `make up` is told, and what it says of a value that it cannot use."""

import pytest

from local.settings import LOOPBACK, StackSettings, state_directory
from sfu.environment import SettingsError


def test_nothing_has_to_be_said() -> None:
    """The stack then runs on the usual port, for this machine alone, until it is stopped."""
    settings = StackSettings.from_env({"HOST": "", "state": "/elsewhere"})

    assert (settings.host, settings.seconds, settings.state) == (LOOPBACK, None, state_directory(settings.port))
    assert settings.api_url == f"http://{LOOPBACK}:{settings.port}"


def test_each_port_has_its_files() -> None:
    """So stacks on two ports run side by side."""
    settings = StackSettings.from_env({"PORT": "18080", "HOST": "localhost", "SECONDS": "5"})

    assert settings.state == state_directory(18080) != state_directory(8080)
    assert (settings.port, settings.host, settings.seconds) == (18080, LOOPBACK, 5)


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"PORT": "x"}, "PORT is 'x'; use a whole number."),
        ({"PORT": "80"}, "PORT is 80; use one from 1024 to 65527 (it and the seven above it are taken)."),
        ({"SECONDS": "soon"}, "SECONDS is 'soon'; use a whole number."),
        ({"HOST": "x"}, "HOST is 'x'; use an IPv4 address of this machine, or `lan` to have it found."),
        ({"PORT": "-1", "SECONDS": "1.5"}, "PORT is '-1'; use a whole number.\nSECONDS is '1.5'; use a whole number."),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_what_may_be(environ: dict[str, str], text: str) -> None:
    """One sentence a variable, all at once."""
    with pytest.raises(SettingsError) as raised:
        StackSettings.from_env(environ)
    assert str(raised.value) == text
