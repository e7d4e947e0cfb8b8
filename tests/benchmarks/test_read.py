"""How long a reader waits for a long metric, whole or reduced for a chart. The files are in the system's cache."""

from __future__ import annotations

import pytest

from tests.benchmarks.conftest import scaled


@pytest.fixture(scope="session")
def million(child, new_store):
    """A store with one run of 1,000,000 points of one metric."""
    store, points = new_store(), scaled(1_000_000, least=1000)
    child("fill", store=store, points=points, across=False)
    return store, points


@pytest.fixture(scope="session")
def ten_million(child, new_store):
    """A store with one run of 10,000,000 steps of two metrics."""
    store, points = new_store(), scaled(10_000_000, least=10_000)
    filled = child("fill", store=store, points=points, across=True)
    return store, points, filled["seconds"]


def test_a_metric_of_a_million_points_is_read_in_milliseconds(million, child, repeat, record, check):
    store, points = million

    found = repeat(lambda: child("read", store=store, points=points, times=scaled(9, least=2)), 5)

    record("read-values", [one["values_ms"] for one in found])
    record("read-all", [one["all_ms"] for one in found])
    record("read-opening", [one["opening_ms"] for one in found])
    check()


def test_ten_million_points_become_a_thousand_buckets_in_milliseconds(ten_million, child, repeat, record, check):
    store, points, seconds = ten_million

    found = repeat(lambda: child("buckets", store=store, points=points, times=scaled(9, least=2)), 3)

    record("buckets", [one["plain_ms"] for one in found], note=f"logging {points:,} steps took {seconds:.0f} s")
    record("buckets-first", [one["first_ms"] for one in found])
    record("buckets-crossed", [one["cold_ms"] for one in found], note="x is random: no order helps")
    record("buckets-cached", [one["cached_ms"] for one in found])
    check()
