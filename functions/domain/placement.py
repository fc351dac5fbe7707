"""Which node a new stream goes to. Pure: the fleet's last summary in, a node or None out.

The power of two choices: of two nodes drawn at random, the less loaded one. Reports are some seconds old, and who always
takes the least loaded node sends everybody there until the next report. The node itself decides in the end whether it has
room.
"""

from collections.abc import Callable

from functions.domain.fleet import Fleet, Node

Choose = Callable[[int], int]
"""A random index below its argument, like `secrets.randbelow`."""


def place(
    fleet: Fleet,
    *,
    now: float,
    region: str,
    choose: Choose,
    node: str | None = None,
    audience: str | None = None,
    avoid: str | None = None,
) -> Node | None:
    """A node with room: *node* if it takes sessions, else that of *audience*, else one of *region*, else any; None where none has.

    *audience* is the process life of the node where viewers wait. *avoid* is that of a node which seems dead although its
    lease is not over: it is taken only if there is no other.
    """
    named = fleet.named(node)
    if named is not None and named.serves(now) and not named.load.full:
        return named
    awaited = fleet.of_boot(audience) if audience is not None and audience != avoid else None
    if awaited is not None and has_room(awaited, now):
        return awaited
    fitting = [candidate for candidate in fleet.nodes if has_room(candidate, now)]
    fitting = [candidate for candidate in fitting if candidate.boot != avoid] or fitting
    near = [candidate for candidate in fitting if candidate.region == region] or fitting
    if not near:
        return None
    first = near.pop(choose(len(near)))
    if not near:
        return first
    second = near[choose(len(near))]
    return min(first, second, key=lambda candidate: candidate.load.fraction)


def has_room(node: Node, now: float) -> bool:
    """Whether a session can be placed on *node*."""
    return node.open(now) and not node.load.full
