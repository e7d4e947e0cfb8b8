"""`run.summary`: the last value of each metric, and what was set by hand."""

import math

import numpy as np
import pytest

import tracker_nb
from tracker_nb import UnknownMetric


def stored(run):
    return dict(tracker_nb.Api().run(run.path).summary)


@pytest.mark.ref("1.6.6-1")
def test_the_summary_of_a_live_run_is_the_last_value_of_each_metric(store):
    run = tracker_nb.init(project="p")
    assert dict(run.summary) == {}
    run.log({"loss": 1.0, "acc": 0.1})
    run.log({"loss": 0.5})
    run.log({"note": "text", "nested": {"a": {"b": 1}}})
    run.log({"loss": float("nan")})

    summary = run.summary
    assert math.isnan(summary["loss"])
    assert (summary["acc"], summary["note"], summary["nested.a.b"], summary["_step"]) == (0.1, "text", 1, 3)
    assert summary.acc == 0.1
    assert set(summary) == {"loss", "acc", "note", "nested.a.b", "_step", "_timestamp", "_runtime"}
    run.finish()
    found = stored(run)
    assert set(found) == set(summary)
    assert math.isnan(found["loss"])
    assert found["_step"] == 3
    assert 0 <= found["_runtime"] < 60


@pytest.mark.ref("1.6.6-1")
def test_a_value_set_by_hand_stays_until_the_metric_is_logged_again(store):
    with tracker_nb.init(project="p") as run:
        run.log({"acc": 0.9})
        run.summary["acc"] = 0.95
        run.summary["best"] = 0.9
        assert (run.summary["acc"], run.summary["best"]) == (0.95, 0.9)
        run.log({"loss": 1.0})
        assert run.summary["acc"] == 0.95
        run.log({"acc": 0.1})
        assert run.summary["acc"] == 0.1
        run.summary["acc"] = 0.99
    assert stored(run)["acc"] == 0.99
    assert stored(run)["best"] == 0.9


@pytest.mark.ref("1.6.6-2")
def test_the_summary_is_written_by_item_attribute_and_update_and_keys_can_be_deleted(store):
    with tracker_nb.init(project="p") as run:
        run.log({"loss": 1.0})
        run.summary["a"] = 1
        run.summary.b = 2
        run.summary.update({"c": 3}, d=4)
        run.summary.update([("e", 5)])
        del run.summary["a"]
        del run.summary["loss"]
        assert "a" not in run.summary
        assert "loss" not in run.summary
        with pytest.raises(UnknownMetric, match="no 'lost'"):
            del run.summary["lost"]
        with pytest.raises(AttributeError, match="no 'lost'"):
            _ = run.summary.lost
    found = stored(run)
    assert {key: found[key] for key in found if not key.startswith("_")} == {"b": 2, "c": 3, "d": 4, "e": 5}


@pytest.mark.ref("1.6.6-4")
def test_the_summary_is_changed_after_the_run_through_the_api(store):
    with tracker_nb.init(project="p") as run:
        run.log({"loss": 1.0})
    found = tracker_nb.Api().run(run.path)
    found.summary["tensor"] = np.arange(6.0).reshape(2, 3)
    found.summary.update({"best": 0.5})

    summary = stored(run)
    assert summary["tensor"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (summary["best"], summary["loss"]) == (0.5, 1.0)


def test_a_missing_summary_value_is_named_with_the_closest(store):
    with tracker_nb.init(project="p") as run:
        run.log({"val/acc": 1.0, "train/loss": 2.0})
        with pytest.raises(UnknownMetric, match=r"no 'val_acc'\. Closest: val/acc"):
            run.summary["val_acc"]
        with pytest.raises(KeyError):
            run.summary["val_acc"]
        assert run.summary.get("val_acc") is None


def test_arrays_in_the_summary_come_back_as_arrays(store):
    with tracker_nb.init(project="p") as run:
        run.summary["weights"] = np.arange(6.0).reshape(2, 3)
        run.log({"grad": np.array([1, 2, 3], np.int16)})
        assert run.summary["weights"].tolist() == [[0, 1, 2], [3, 4, 5]]
    found = stored(run)
    assert found["weights"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["grad"].dtype == np.int16


def test_the_last_value_is_the_last_one_logged_not_the_one_of_the_highest_step(store):
    with tracker_nb.init(project="p") as run:
        run.log({"loss": 1.0}, step=10)
        run.log({"loss": 2.0}, step=5)
        assert run.summary["loss"] == 2.0
    assert stored(run)["loss"] == 2.0


def test_the_summary_of_a_run_that_logged_nothing_is_empty(store):
    with tracker_nb.init(project="p") as run:
        pass
    assert stored(run) == {}


def test_a_value_of_any_size_is_in_the_summary_and_in_the_history(store):
    text = "x" * 100_000
    with tracker_nb.init(project="p") as run:
        run.log({"text": text, "loss": 1.0})
    assert stored(run)["loss"] == 1.0
    assert stored(run)["text"] == text
    assert tracker_nb.Api().run(run.path).series("text").value.tolist() == [text]


def test_the_summary_can_be_read_after_the_end(store):
    with tracker_nb.init(project="p") as run:
        run.log({"loss": 1.0})
    assert run.summary["loss"] == 1.0


def test_the_summary_set_on_the_module_is_that_of_the_run(store):
    summary = tracker_nb.summary
    assert dict(summary) == {}
    run = tracker_nb.init(project="p")
    tracker_nb.summary["a"] = 1
    summary["b"] = 2
    run.log({"loss": 1.0})
    assert (summary["a"], tracker_nb.summary["b"], summary["loss"]) == (1, 2, 1.0)
    run.finish()
    assert {"a": 1, "b": 2}.items() <= stored(run).items()
