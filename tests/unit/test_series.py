"""`run.series(key)`: one metric, whole, as NumPy arrays."""

import numpy as np
import pytest

import tracker_nb
from tracker_nb import UnknownMetric


def logged(rows, **arguments):
    """A finished run with these (data, step) rows, as the Api reads it."""
    with tracker_nb.init(project="p", **arguments) as run:
        for data, step in rows:
            run.log(data, step=step)
    return tracker_nb.Api().run(run.path)


def test_a_series_has_value_step_and_time_of_every_row_that_holds_the_key(store):
    found = logged([({"loss": 1.0}, None), ({"acc": 0.5}, None), ({"loss": 0.5, "acc": 0.6}, None)])

    loss = found.series("loss")
    assert loss.value.tolist() == [1.0, 0.5]
    assert loss.step.tolist() == [0, 2]
    assert loss.step.dtype == np.int64
    assert loss.time.dtype == np.dtype("datetime64[us]")
    assert (np.diff(loss.time) >= np.timedelta64(0)).all()
    assert abs(loss.time[0] - np.datetime64("now")) < np.timedelta64(60, "s")
    assert (len(loss), found.series("acc").step.tolist()) == (2, [1, 2])
    assert found.keys() == ["loss", "acc"]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1.0, float("inf"), float("-inf"), -0.0, 5e-324], np.float64),
        ([1, -(2**63), 2**63 - 1], np.int64),
        ([True, False], np.bool_),
        ([1, 2.5], np.float64),
        ([1, 2**64, -(2**70)], object),
        ([2**60 + 1, 0.5], object),
        (["a", "ünï", ""], object),
        ([None, 1.0], object),
        ([[1, 2], {}, [None]], object),
        ([True, 1, 1.0], object),
    ],
)
def test_values_keep_their_type_and_their_value(store, values, dtype):
    series = logged([({"x": value}, None) for value in values]).series("x")

    assert series.value.dtype == dtype
    read = series.value.tolist()
    assert read == values
    if values != [1, 2.5]:  # integers among floats become floats, where that loses nothing
        assert list(map(type, read)) == list(map(type, values))


def test_nan_survives(store):
    assert np.isnan(logged([({"x": float("nan")}, None)]).series("x").value).all()


def test_a_key_that_changes_its_type_keeps_each_value(store):
    values = [1.5] * 3 + ["text"] + [7] * 3 + [True, None, [1]]
    assert logged([({"x": value}, None) for value in values]).series("x").value.tolist() == values


def test_rows_come_by_step_and_rows_of_equal_step_as_they_were_logged(store):
    rows = [(1.0, 5), (2.0, 3), (3.0, 5), (4.0, 3), (5.0, -1), (6.0, 5)]
    series = logged([({"x": value}, step) for value, step in rows]).series("x")

    assert series.step.tolist() == [-1, 3, 3, 5, 5, 5]
    assert series.value.tolist() == [5.0, 2.0, 4.0, 1.0, 3.0, 6.0]


@pytest.mark.parametrize("finished", [True, False])
def test_rows_of_equal_step_come_as_they_were_logged_also_with_other_keys_between(store, finished):
    run = tracker_nb.init(project="p")
    run.log({"x": 1.0}, step=4)
    run.log({"x": 2.0, "y": 1}, step=5)
    run.log({"x": 3.0}, step=5)
    run.log({"x": 4.0, "z": 1}, step=5)
    run.log({"x": 5.0, "y": 1}, step=5)
    if finished:
        run.finish()

    found = tracker_nb.Api().run(run.path)
    assert found.series("x").value.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert [row["x"] for row in found.scan_history()] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert found.buckets("x").last.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_series_can_be_read_in_any_order_of_its_columns(store):
    found = logged([({"x": float(i)}, 2 * i) for i in range(100)])

    for first in ("value", "step", "time"):
        series = found.series("x")
        getattr(series, first)
        assert (series.step == 2 * series.value).all()
        assert len(series.time) == 100


def test_the_columns_of_a_live_series_are_of_one_moment(store):
    run = tracker_nb.init(project="p")
    run.log({"x": 1.0})
    series = tracker_nb.Api().run(run.path).series("x")
    assert series.value.tolist() == [1.0]
    run.log({"x": 2.0})

    assert (series.step.tolist(), series.value.tolist()) == ([0], [1.0])
    assert tracker_nb.Api().run(run.path).series("x").step.tolist() == [0, 1]


def test_an_unknown_metric_is_named_with_the_closest_ones(store):
    found = logged([({"val/acc": 1.0, "train/loss": 2.0}, None)])

    for ask in (found.series, found.buckets, lambda key: found.buckets("val/acc", x=key)):
        with pytest.raises(UnknownMetric, match=r"never logged 'val_acc'\. Closest: val/acc"):
            ask("val_acc")
    with pytest.raises(UnknownMetric, match=r"never logged 'zzzzzzzz'\. Closest: val/acc, train/loss"):
        found.series("zzzzzzzz")
    with pytest.raises(UnknownMetric, match="logged nothing yet"):
        logged([]).series("loss")


def test_arrays_are_arrays_again(store):
    values = [np.arange(6, dtype=np.int8).reshape(2, 3), np.array([0.5, np.nan]), np.zeros((0, 2))]
    read = logged([({"x": value}, None) for value in values]).series("x").value

    for a, b in zip(read, values, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert np.array_equal(a, b, equal_nan=True)


def test_a_series_of_several_row_groups_is_read_whole(store, monkeypatch):
    from tracker_nb.store import groups

    monkeypatch.setattr(groups, "GROUP_ROWS", 16)
    found = logged([({"x": i, "y": float(i)}, None) for i in range(1000)])

    assert found.series("x").value.tolist() == list(range(1000))
    assert found.series("y").step.tolist() == list(range(1000))


def test_many_keys_in_few_rows_are_read_like_others(store):
    rows = [
        ({f"k{i}": float(i) for i in range(300)}, None),
        ({"k7": 70.0, "other": 10**400, **{f"q{i}": i for i in range(300)}}, None),
    ]
    found = logged(rows)

    assert found.series("k7").value.tolist() == [7.0, 70.0]
    assert found.series("k7").step.tolist() == [0, 1]
    assert found.series("q299").value.tolist() == [299]
    assert found.series("other").value.tolist() == [10**400]
    assert found.summary["other"] == 10**400
    assert len(found.keys()) == 601


def test_an_integer_that_python_refuses_to_print_is_kept_as_hexadecimal_text(store):
    (read,) = logged([({"x": 10**5000, "y": 1}, None)]).series("x").value
    assert read.startswith("0x31e20801036510f3")


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_found_before_it_was_applied_is_read_after_it(store, finished):
    run = tracker_nb.init(project="p")
    run.log({"loss": 1.0, "epoch": 3})
    found = tracker_nb.Api().run(run.path)  # it is in its journal only
    if finished:
        run.finish()  # and now in the database only
    run_is = (found.series("loss").value.tolist(), found.keys(), [row["loss"] for row in found.scan_history()])

    assert run_is == ([1.0], ["loss", "epoch"], [1.0])
    assert found.summary["loss"] == 1.0
    assert found.buckets("loss", x="epoch").x.tolist() == [3.0]
    assert len(found.history()) == 1
