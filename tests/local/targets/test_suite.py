"""What the phases of `make test` come to together."""

from local.targets.suite import _worst


def test_a_phase_without_tests_has_not_failed() -> None:
    """Pytest's exit code 5; any other that is not 0 counts, the report of a coverage that fell among them."""
    assert _worst([0, 5, 0]) == 0
    assert _worst([5, 1, 0]) == 1
    assert _worst([0, 0, 0, 2]) == 2
