import subprocess
import sys

from local.setup import clients
from local.setup.environments import ROOT


def test_what_is_missing_is_named_with_the_command_that_installs_it() -> None:
    """Without apt-get (or without its rights) nothing is tried: one sentence says what to type."""
    script = "from local.setup import clients\nfrom local.setup.environments import SetupError\ntry:\n clients.ensure(print)\nexcept SetupError as error:\n print(error)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env={"PATH": "/nowhere"}, capture_output=True, text=True, check=True
    )

    assert "sudo apt-get install --yes --no-install-recommends firefox-esr curl cmake g++" in done.stdout


def test_the_versions_that_are_built_are_those_of_the_matrix() -> None:
    """Cargo.toml pins what docs/clients.md says was tried. A lock file would record where crates come from, so there is none."""
    pins = (clients.NATIVE / "Cargo.toml").read_text()
    page = (ROOT / "docs" / "clients.md").read_text()

    assert 'gst-plugin-webrtchttp = { version = "=0.15.4"' in pins
    assert 'datachannel-sys = { version = "=0.23.0"' in pins  # the crate of libdatachannel 0.23.2
    assert "| 0.15.4 on " in page
    assert "| 0.23.2, " in page
