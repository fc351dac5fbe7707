import stat
from pathlib import Path

from local.credentials import load, stable_random


def test_the_access_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    """Random per state directory, the same at every start, readable by nobody else."""
    other = tmp_path / "other"
    other.mkdir()
    keys = load(tmp_path)
    assert load(tmp_path) == keys
    assert load(other).secret_key != keys.secret_key
    assert stat.S_IMODE((tmp_path / "credentials").stat().st_mode) == 0o600


def test_demo_secrets_survive_a_restart_and_differ_between_stacks(tmp_path: Path) -> None:
    """The sequence of draws repeats itself; within it no two draws are alike."""
    other = tmp_path / "other"
    other.mkdir()
    draws = [stable_random(place) for place in (tmp_path, tmp_path, other)]
    first, again, elsewhere = ([draw(20) for _ in range(50)] for draw in draws)
    assert first == again
    assert not set(first) & set(elsewhere)
    assert len(set(first)) == 50
    assert stat.S_IMODE((tmp_path / "seed").stat().st_mode) == 0o600
