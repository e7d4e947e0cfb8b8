"""The stored summaries of a chunk say what its values say."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tracker_nb.store import groups, pyramid

values = hnp.arrays("<f8", st.integers(1, 400), elements=st.one_of(st.floats(), st.just(np.nan), st.floats(-1, 1)))


def brute(stretch):
    """min, max, last and how many are numbers, by looking at each value."""
    good = stretch[~np.isnan(stretch)]
    low, high = (good.min(), good.max()) if len(good) else (np.nan, np.nan)
    return [low, high, stretch[-1], len(good)]


def same(entries, stretches):
    """True if the entries are those of the stretches of values; sums as NumPy adds them up."""
    found = entries[:, [0, 1, 3, 4]]
    assert np.array_equal(found, np.array([brute(stretch) for stretch in stretches]), equal_nan=True)
    for entry, stretch in zip(entries, stretches, strict=True):
        good = stretch[~np.isnan(stretch)]
        if not len(good):
            assert np.isnan(entry[2])
        elif np.isfinite(good).all() and np.abs(good).max() < 1e300:
            assert entry[2] == pytest.approx(good.sum(), rel=1e-9, abs=1e-9 * np.abs(good).max())
    return True


@given(values, st.integers(1, 100))
def test_an_entry_has_min_max_sum_last_and_count_of_its_values(array, every):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        entries = pyramid.summarise(array, every)
    assert same(entries, [array[i : i + every] for i in range(0, len(array), every)])


@given(values, st.integers(1, 20), st.integers(1, 20))
def test_entries_of_entries_are_those_of_the_values_below(array, every, of_them):
    fine = pyramid.summarise(array, every)
    coarse = pyramid.combine_at(fine, np.arange(0, len(fine), of_them))
    assert same(coarse, [array[i : i + every * of_them] for i in range(0, len(array), every * of_them)])


@given(values, st.sets(st.integers(1, 400)))
def test_stretches_may_have_any_length(array, cuts):
    starts = np.array([0, *sorted(cut for cut in cuts if cut < len(array))])
    assert same(pyramid.reduce_at(array, starts), np.split(array, starts[1:]))


@given(values)
def test_entries_survive_being_stored(array):
    entries = pyramid.summarise(array, 7)
    assert pyramid.from_bytes(entries.tobytes()).tobytes() == entries.tobytes()


@given(values)
def test_the_statistics_of_a_column_are_the_same_with_and_without_its_levels(array):
    fine = pyramid.summarise(array, pyramid.FINE)
    coarse = pyramid.combine_at(fine, np.arange(0, len(fine), pyramid.COARSE // pyramid.FINE))
    with_levels, without = groups.measure(array, coarse), groups.measure(array)

    sums = [found.pop("sum") for found in (with_levels, without)]
    assert with_levels == without
    if None not in sums and np.isfinite(sums).all():
        good = np.abs(array[np.isfinite(array)])
        assert sums[0] == pytest.approx(sums[1], rel=1e-9, abs=1e-9 * (good.max() if len(good) else 1))
