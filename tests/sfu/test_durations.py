"""Durations are counted by Prometheus's histogram, under the names and with the buckets that dashboards know."""

from sfu.durations import BOUNDS, media_durations


def test_a_duration_counts_in_every_bucket_whose_bound_it_does_not_pass() -> None:
    """A bound belongs to its bucket; what passes every bound is in the infinite one alone."""
    histogram = media_durations("play_first_packet")
    for seconds in (0.0, 0.05, 0.051, 10.0, 10.5):
        histogram.observe(seconds)
    (metric,) = histogram.collect()
    counted = {sample.labels["le"]: sample.value for sample in metric.samples if sample.name.endswith("_bucket")}

    assert metric.name == "sluice_media_play_first_packet_seconds"
    assert list(counted) == [*map(str, BOUNDS), "+Inf"]
    assert (counted["0.05"], counted["0.1"], counted["10.0"], counted["+Inf"]) == (2, 3, 4, 5)


def test_each_is_one_nodes_alone() -> None:
    """It is in no registry that processes or tests share, so a second one of the name is no conflict."""
    media_durations("play_first_packet").observe(1)
    (metric,) = media_durations("play_first_packet").collect()

    assert all(sample.value == 0 for sample in metric.samples if not sample.name.endswith("_created"))
