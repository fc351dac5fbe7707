"""What owners are told of a stream that runs and is not well."""

from shared.problems import SENTENCES, Problem, explained


def test_every_problem_has_a_sentence() -> None:
    """Whatever a node reports, the page, the API and the log say the same of it."""
    assert set(SENTENCES) == set(Problem)


def test_a_code_of_a_newer_node_is_left_out() -> None:
    """Nodes are updated before the control plane as often as after it."""
    assert explained(["B_FRAMES", "FROM_TOMORROW"]) == [{"code": "B_FRAMES", "say": SENTENCES[Problem.B_FRAMES]}]
    assert explained([]) == []
