"""What a node counts for at a given time: leased, serving, open to new sessions, full."""

from dataclasses import replace

from functions.domain.fleet import LEASE_SECONDS, Fleet, Node, NodeLoad, NodeReport, NodeState, PublishSession

NODE = Node("node1", "boot1", 100.0, "http://h:1", "eu", NodeState.SERVING)


def test_a_lease_lasts_ten_seconds_from_the_last_heartbeat() -> None:
    """And ends at once with a node's last heartbeat."""
    assert [NODE.leased(now) for now in (100.0, 100.0 + LEASE_SECONDS, 100.1 + LEASE_SECONDS)] == [True, True, False]
    assert not replace(NODE, state=NodeState.STOPPED).leased(100.0)


def test_new_sessions_are_placed_on_nodes_that_serve() -> None:
    """Neither on one that drains, by itself or by an operator, nor on a MediaMTX, which takes its own sessions only."""
    others = (replace(NODE, state=NodeState.DRAINING), replace(NODE, drained=True), replace(NODE, kind="mediamtx"))

    assert NODE.open(100.0)
    assert [node.open(100.0) for node in others] == [False, False, False]
    assert [node.serves(100.0) for node in others] == [False, False, True]


def test_a_node_is_full_by_sessions_or_by_egress() -> None:
    """A maximum of 0 is none, and the fraction is that of whichever is nearer to its maximum."""
    assert not NodeLoad(publishers=9, viewers=9).full
    assert NodeLoad(1, 1, max_sessions=2).full
    assert NodeLoad(egress_kbps=7, max_egress_kbps=7).full
    assert NodeLoad(1, 0, 4, 30, 40).fraction == 0.75


def test_a_report_holds_a_session_while_its_lease_lasts() -> None:
    """Another session of the same stream is not held."""
    report = NodeReport(NODE, streams={"stream": PublishSession("s1", "acme", 1)})

    assert report.holds("stream", "s1", 105.0)
    assert not any(
        [report.holds("stream", "s2", 105.0), report.holds("other", "s1", 105.0), report.holds("stream", "s1", 111.0)]
    )


def test_a_fleet_knows_nodes_by_id_and_by_process_life() -> None:
    """A life that is over leads to no node."""
    fleet = Fleet([NODE])

    assert (fleet.named("node1"), fleet.named("node2"), fleet.named(None)) == (NODE, None, None)
    assert (fleet.of_boot("boot1"), fleet.of_boot("boot0")) == (NODE, None)
