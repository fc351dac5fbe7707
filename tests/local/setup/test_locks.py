"""The locks say everything that is installed, and say what the pins say. Nothing is asked of a network."""

import re
from importlib.metadata import distributions

import pytest

from local.setup.locks import LOCKS, ROOT, Lock, is_current, locked, main, normalized


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.file)
def test_everything_is_pinned_and_has_a_hash(lock: Lock) -> None:
    """No line without them, and none that says where to fetch from."""
    text = (ROOT / lock.file).read_text()
    packages = locked(text)

    assert packages
    assert all(hashes for _, hashes in packages.values()), packages
    assert not re.search(r"://|--index|--find-links|--extra-index|--trusted-host", text)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.file)
def test_a_lock_holds_the_versions_that_are_pinned(lock: Lock) -> None:
    """And was made from those pins and no others; `make lock` makes it anew."""
    packages = locked((ROOT / lock.file).read_text())
    for pin in lock.pins():
        name, _, version = re.sub(r"\[.*?\]", "", pin).partition("==")
        assert packages[normalized(name)][0] == version
    assert is_current(lock), f"the pins of {lock.file} changed; run: make lock"


def test_what_is_installed_here_is_what_the_lock_says() -> None:
    """The environment of the tests: whatever comes along with what we asked for is in it."""
    packages = locked((ROOT / "local/dev.lock").read_text())
    here = {normalized(one.metadata["Name"]): one.version for one in distributions()}
    needed = {name: version for name, (version, _) in packages.items() if name in here}

    assert {name: here[name] for name in needed} == needed
    assert len(needed) > 100


def test_one_package_has_one_version_wherever_it_is_locked() -> None:
    """What the tests import is what the parts run; the emulator alone has an environment of other versions."""
    dev = locked((ROOT / "local/dev.lock").read_text())
    for lock in LOCKS:
        if lock.file != "local/emulator.lock":
            for name, (version, _) in locked((ROOT / lock.file).read_text()).items():
                assert dev[name][0] == version, (lock.file, name)


@pytest.mark.parametrize(
    "line", ["boto3>=1.44", "./folder", "boto3==1.0 --hash=md5:00", "-r other.txt", "--index-url https://example.com"]
)
def test_a_line_that_pins_nothing_is_an_error(line: str) -> None:
    """So that the tests above cannot pass over one."""
    with pytest.raises(ValueError, match="no pinned requirement"):
        locked(line)


def test_without_uv_the_user_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is needed by nobody who does not change a pin."""
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("UV", raising=False)
    assert main() == 2
    assert "pip install uv" in capsys.readouterr().out
