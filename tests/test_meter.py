"""Counters that are handed around: what is counted stands there once, under its labels, and only rises."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.meter import Durations, Figure, Meter


def test_a_counter_without_labels_begins_at_zero_and_a_gauge_says_nothing_until_it_is_set() -> None:
    counted, gauge = Figure("mx_x_total", "X."), Figure("mx_y", "Y.", kind="gauge")
    assert [(s.labels, s.value) for s in counted.samples()] == [({}, 0)]
    assert list(gauge.samples()) == []
    gauge.set(2)
    gauge.set(1)
    assert gauge.value() == 1


def test_figures_stand_under_their_labels() -> None:
    pages = Meter().pages
    pages.add("1", "trigger", "sent")
    pages.add("1", "trigger", "sent", by=2)
    pages.add("2", "trigger", "failed")
    assert [(tuple(s.labels.values()), s.value) for s in pages.samples()] == [
        (("1", "trigger", "sent"), 3),
        (("2", "trigger", "failed"), 1),
    ]
    assert pages.value("3", "trigger", "sent") == 0


def test_the_wrong_number_of_labels_is_a_fault_of_ours_and_says_so() -> None:
    with pytest.raises(ValueError, match=r"mx_pages_total takes the labels"):
        Meter().pages.add("1")


@given(st.lists(st.floats(0, 20), min_size=1, max_size=50))
def test_a_histogram_is_cumulative_and_its_last_bucket_is_the_count(took: list[float]) -> None:
    durations = Durations("mx_d_seconds", "D.", "what")
    for seconds in took:
        durations.note(seconds, "x")
    samples = list(durations.samples())
    buckets = [s for s in samples if s.suffix == "_bucket"]
    assert all(before.value <= after.value for before, after in pairwise(buckets))
    for bucket in buckets:
        assert bucket.value == sum(seconds <= float(bucket.labels["le"]) for seconds in took)
    told = {s.suffix: s.value for s in samples}
    assert told["_count"] == buckets[-1].value == len(took)
    assert told["_sum"] == pytest.approx(sum(took))


def test_without_bounds_it_is_a_summary() -> None:
    durations = Durations("mx_d_seconds", "D.", bounds=())
    durations.note(3)
    assert durations.kind == "summary"
    assert [(s.suffix, s.value) for s in durations.samples()] == [("_sum", 3), ("_count", 1)]


def test_every_family_has_a_name_of_its_own_that_fits_its_kind() -> None:
    families = Meter().families()
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert family.name.startswith("mx_")
        assert family.name.endswith("_total") == (family.kind == "counter")
        assert family.says.endswith(".")
