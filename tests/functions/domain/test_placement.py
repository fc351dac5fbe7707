"""Placement: power of two choices over fresh, open nodes with room."""

import random
from collections import Counter

import pytest

from functions.domain.fleet import Fleet, Node, NodeLoad, NodeState
from functions.domain.placement import place


def node(identity: str, *, sessions: int = 0, region: str = "eu", at: float = 100, state: str = "serving") -> Node:
    """A node with room for a hundred."""
    load = NodeLoad(viewers=sessions, max_sessions=100)
    return Node(identity, identity, at, f"http://{identity}", region, NodeState(state), load)


def test_the_less_loaded_of_two_is_chosen() -> None:
    """It does not matter which is drawn first."""
    fleet = Fleet([node("a", sessions=50), node("b", sessions=10)])

    for first in (0, 1):
        found = place(fleet, now=100, region="eu", choose=lambda n, first=first: min(first, n - 1))  # type: ignore[misc]
        assert found is not None
        assert found.id == "b"


def test_nobody_herds() -> None:
    """With reports that do not change, the least loaded of twenty nodes does not get everybody."""
    rng = random.Random(1)  # noqa: S311 - a reproducible draw
    fleet = Fleet([node(f"n{number}", sessions=number) for number in range(20)])

    drawn = Counter(
        found.id for _ in range(1000) if (found := place(fleet, now=100, region="eu", choose=rng.randrange)) is not None
    )

    assert max(drawn.values()) < 150
    assert "n19" not in drawn


@pytest.mark.parametrize(
    "closed", [node("x", sessions=100), node("x", at=89), node("x", state="draining"), node("x", state="stopped")]
)
def test_a_closed_node_is_never_chosen(closed: Node) -> None:
    """Full, unheard of, draining or stopped; not even when it is asked for."""
    assert place(Fleet([closed]), now=100, region="eu", choose=lambda _: 0, node="x") is None


def test_region_before_anywhere() -> None:
    """And a node anywhere before no node at all."""
    fleet = Fleet([node("a", sessions=90), node("b", region="us")])

    def region_of(wanted: str) -> str:
        found = place(fleet, now=100, region=wanted, choose=lambda _: 0)
        assert found is not None
        return found.region

    assert [region_of(wanted) for wanted in ("eu", "us")] == ["eu", "us"]
    assert region_of("mars") in {"eu", "us"}


def test_a_node_that_looks_dead_is_the_last_resort() -> None:
    """Until its lease is over it may still be the only one."""
    alone, two = Fleet([node("a")]), Fleet([node("a"), node("b", sessions=99)])

    assert place(alone, now=100, region="eu", choose=lambda _: 0, avoid="a") == node("a")
    assert place(two, now=100, region="eu", choose=lambda _: 0, avoid="a") == node("b", sessions=99)
