"""Histograms of how long something took, in seconds: Prometheus's own, made the same way for every duration of the node."""

from typing import Final

from prometheus_client import Histogram

BOUNDS: Final = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0)
"""Upper bounds of the buckets. 0.5 s is what a first picture may take at the 95th percentile."""


def media_durations(name: str) -> Histogram:
    """An empty histogram for the field *name* of `sfu.stats.PlaneStats`; add to it by `observe(seconds)`.

    It is in no registry: `sfu.node.metrics` collects it together with the other numbers of the media plane.
    """
    return Histogram(f"sluice_media_{name}_seconds", f"PlaneStats.{name}.", buckets=BOUNDS, registry=None)
