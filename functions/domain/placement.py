"""Which node a new stream goes to. Pure: the fleet's last summary in, a node or None out.

Power of two choices: two nodes drawn at random, the less loaded of them. Reports are some seconds old, and whoever
always takes the least loaded one sends everybody there until the next report (control-plane.md, section 1.3).
The node itself has the last word on room.
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
    """A node with room: *node* if it takes sessions, else that of *audience*, else one of *region*, else any; None when nothing fits.

    *audience* is the boot of the node where viewers wait. *avoid* is one that looks dead before its lease is over: it is
    the last resort.
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
