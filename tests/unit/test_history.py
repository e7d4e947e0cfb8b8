"""`history()` and `scan_history()`: the rows of a run as they were logged."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tracker_nb
from tests.support import environment
from tracker_nb import BadValue
from tracker_nb.journal import reader
from tracker_nb.store import groups

BUILT_IN = ("_step", "_timestamp", "_runtime")


def stored(run):
    return tracker_nb.Api().run(run.path)


def plain(rows):
    """Rows with their step and without the clock."""
    return [{k: v for k, v in row.items() if k not in BUILT_IN[1:]} for row in rows]


def test_each_row_has_its_step_its_time_and_the_seconds_since_the_run_began(store):
    with tracker_nb.init(project="p") as run:
        run.log({"loss": 1.0})
        run.log({"acc": 0.5})

    first, second = stored(run).history(pandas=False)
    assert plain([first, second]) == [{"loss": 1.0, "_step": 0}, {"acc": 0.5, "_step": 1}]
    assert 0 <= first["_runtime"] <= second["_runtime"] < 60
    assert second["_timestamp"] - first["_timestamp"] == pytest.approx(second["_runtime"] - first["_runtime"], abs=1e-5)
    assert abs(first["_timestamp"] - os.stat(store).st_mtime) < 60


def test_history_is_a_frame_with_nan_where_a_row_has_no_value(store):
    with tracker_nb.init(project="p") as run:
        run.log({"loss": 1.0, "note": "a"})
        run.log({"acc": 0.5})

    frame = stored(run).history()
    assert list(frame.columns) == ["_step", "_timestamp", "_runtime", "loss", "note", "acc"]
    assert frame["_step"].tolist() == [0, 1]
    assert (frame["loss"][0], math.isnan(frame["loss"][1]), frame["acc"][1]) == (1.0, True, 0.5)
    assert list(stored(run).history(keys=["nothing"]).columns) == list(BUILT_IN)


def test_what_is_logged_with_commit_false_joins_the_next_row(store):
    with tracker_nb.init(project="p") as run:
        run.log({"a": 1}, commit=False)
        assert run.step == 0
        run.log({"b": 2, "a": 10}, commit=False)
        run.log({"c": 3})
        assert run.step == 1
        run.log({"a": 2})
        run.log({"d": 1}, commit=False)

    rows = [{"a": 10, "b": 2, "c": 3, "_step": 0}, {"a": 2, "_step": 1}, {"d": 1, "_step": 2}]
    assert plain(stored(run).history(pandas=False)) == rows
    assert plain(stored(run).scan_history(page_size=1)) == rows
    assert plain(stored(run).scan_history(keys=["a", "c"])) == [{"a": 10, "c": 3, "_step": 0}]
    assert stored(run).series("a").value.tolist() == [1, 10, 2]


def test_a_row_held_open_at_a_given_step_ends_where_the_step_changes(store):
    with tracker_nb.init(project="p") as run:
        run.log({"a": 1}, step=5, commit=False)
        run.log({"b": 1}, step=5)
        run.log({"a": 2}, step=6, commit=False)
        run.log({"b": 2}, step=7)

    assert plain(stored(run).history(pandas=False)) == [
        {"a": 1, "b": 1, "_step": 5},
        {"a": 2, "_step": 6},
        {"b": 2, "_step": 7},
    ]


def test_a_row_held_open_is_not_joined_by_one_that_came_after_another_step(store):
    with tracker_nb.init(project="p") as run:
        run.log({"a": 1}, step=0, commit=False)
        run.log({"a": 2}, step=1)
        run.log({"a": 3}, step=0)

    rows = [{"a": 1, "_step": 0}, {"a": 3, "_step": 0}, {"a": 2, "_step": 1}]
    assert plain(stored(run).history(pandas=False)) == rows


def test_a_row_held_open_is_joined_across_what_is_no_row(store):
    with tracker_nb.init(project="p") as run:
        run.log({"a": 1}, commit=False)
        run.config.lr = 0.1
        run.summary["best"] = 1
        run.log({"b": 2})

    assert plain(stored(run).history(pandas=False)) == [{"a": 1, "b": 2, "_step": 0}]


def test_rows_of_a_repeated_step_stay_apart(store):
    with tracker_nb.init(project="p") as run:
        run.log({"x": 1}, step=3)
        run.log({"y": 2}, step=3)
        run.log({"x": 3}, step=3)

    rows = [{"x": 1, "_step": 3}, {"y": 2, "_step": 3}, {"x": 3, "_step": 3}]
    assert plain(stored(run).history(pandas=False)) == rows


def test_rows_come_by_step_and_then_as_they_were_logged(store):
    with tracker_nb.init(project="p") as run:
        for i, step in enumerate([5, 3, 5, -2, 3, 2**40]):
            run.log({"i": i}, step=step)
        assert run.step == 2**40 + 1

    rows = plain(stored(run).scan_history())
    assert [(row["_step"], row["i"]) for row in rows] == [(-2, 3), (3, 1), (3, 4), (5, 0), (5, 2), (2**40, 5)]


def test_keys_keeps_the_rows_that_have_all_of_them_and_only_these_values(store):
    with tracker_nb.init(project="p") as run:
        for i in range(1000):
            run.log({"loss": i} | ({"val": i, "more": 0} if i % 100 == 0 else {}))

    found = stored(run)
    wanted = [{"loss": i, "val": i, "_step": i} for i in range(0, 1000, 100)]
    assert plain(found.history(keys=["loss", "val"], pandas=False)) == wanted
    assert plain(found.scan_history(keys=["loss", "val"], page_size=3)) == wanted
    # A sparse metric does not vanish among 500 samples (reference b-10).
    assert len(found.history(keys=["val"], samples=10)) == 10
    # Every row has these: asking for them by name must not lose all.
    assert plain(found.scan_history(keys=["_step", "val", "_runtime"])) == [
        {"val": i, "_step": i} for i in range(0, 1000, 100)
    ]
    assert list(found.scan_history(keys=["loss", "nothing"])) == []


@pytest.mark.parametrize("method", ["history", "scan_history"])
def test_keys_given_as_a_text_are_refused_with_what_to_write(store, method):
    with tracker_nb.init(project="p") as run:
        run.log({"loss": 1})

    with pytest.raises(BadValue, match=r"keys=\['loss'\]"):
        list(getattr(stored(run), method)(keys="loss"))


def test_samples_are_spread_evenly_and_have_both_ends(store):
    with tracker_nb.init(project="p") as run:
        for i in range(2000):
            run.log({"i": i})

    found = stored(run)
    sampled = found.history()["i"].tolist()
    assert len(sampled) == 500
    assert (sampled[0], sampled[-1]) == (0, 1999)
    assert max(np.diff(sampled)) <= 5
    assert len(found.history(samples=10)) == 10
    assert len(found.history(samples=1)) == 1
    assert found.history(samples=None)["i"].tolist() == found.history(samples=5000)["i"].tolist() == list(range(2000))


@pytest.mark.parametrize("page_size", [1, 7, 500, 10_000])
def test_scanning_gives_every_row_once_whatever_the_page(store, page_size, monkeypatch):
    monkeypatch.setattr(groups, "GROUP_ROWS", 64)
    with tracker_nb.init(project="p") as run:
        for i in range(300):
            run.log({"i": i} if i % 3 else {"i": i, "third": i})

    assert [row["i"] for row in stored(run).scan_history(page_size=page_size)] == list(range(300))


def test_min_step_is_included_and_max_step_is_not(store):
    with tracker_nb.init(project="p") as run:
        for i in range(10):
            run.log({"i": i})
        run.log({"i": 10}, step=3)

    def steps(**window):
        return [row["i"] for row in stored(run).scan_history(**window)]

    assert steps(min_step=3, max_step=6) == [3, 10, 4, 5]
    assert steps(min_step=8) == [8, 9]
    assert steps(max_step=2) == [0, 1]
    assert steps(min_step=6, max_step=6) == []
    assert [row["i"] for row in stored(run).scan_history(keys=["i"], min_step=9)] == [9]


def test_nan_and_infinities_come_back(store):
    with tracker_nb.init(project="p") as run:
        run.log({"x": float("nan"), "y": float("inf"), "z": -np.inf})
    (row,) = stored(run).history(pandas=False)
    assert math.isnan(row["x"])
    assert (row["y"], row["z"]) == (math.inf, -math.inf)


# ------------------------------------------------------------------------------------------------ live runs


def test_a_live_run_shows_what_log_has_returned_for(store):
    run = tracker_nb.init(project="p")
    api = tracker_nb.Api()
    for i in range(50):
        run.log({"i": i})
        found = tracker_nb.Api().run(run.path)
        assert found.state == "running"
        assert found.summary["i"] == i
        assert api.run(run.path).series("i").value.tolist() == list(range(i + 1))
        assert [row["i"] for row in api.run(run.path).scan_history()] == list(range(i + 1))


def test_a_reader_does_not_run_after_a_writer_that_is_faster(store, monkeypatch):
    """Reading went on until nothing was new: half a minute beside a loop that did nothing but log."""
    run = tracker_nb.init(project="p")
    run.log({"i": 0})
    read, looked = reader.read, []

    def slow(path, *arguments, **more):
        yield from read(path, *arguments, **more)
        looked.append(path)
        assert len(looked) < 50
        run.log({"i": len(looked)})

    monkeypatch.setattr(reader, "read", slow)
    values = tracker_nb.Api().run(run.path).series("i").value
    assert values.tolist() == list(range(len(values)))


def test_objects_keep_what_they_were_first_asked_for_until_flush(store):
    run = tracker_nb.init(project="p", config={"lr": 0.1}, name="before")
    run.log({"i": 0})
    api = tracker_nb.Api()
    runs = api.runs("p")
    found = api.run(run.path)
    assert (found.summary["i"], found.config, found.state, len(runs)) == (0, {"lr": 0.1}, "running", 1)

    run.log({"i": 1})
    run.config.lr = 0.2
    run.name = "after"
    tracker_nb.init(project="p", reinit="create_new").finish()
    run.finish()
    assert (found.summary["i"], found.config, found.state, found.name, len(runs)) == (
        0,
        {"lr": 0.1},
        "running",
        "before",
        1,
    )

    api.flush()
    assert (found.summary["i"], found.config, found.state, found.name) == (1, {"lr": 0.2}, "finished", "after")
    assert len(runs) == 2
    assert {one.name for one in runs} >= {"after"}


def test_rows_are_complete_while_the_journal_is_applied_under_the_reader(store):
    """A process logs and applies as fast as it can; whatever is read is a beginning of what it logs."""
    script = """
import tracker_nb
from tests.support import apply_all_the_time
apply_all_the_time(segment_bytes=20_000)
run = tracker_nb.init(project="p", id="abc")
print("ready", flush=True)
for i in range(20_000):
    run.log({"i": i} if i % 5 else {"i": i, "fifth": i})
run.finish()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], env=environment(store), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "ready\n"
        api = tracker_nb.Api()
        seen = 0
        while process.poll() is None:
            found = api.run("p/abc")
            rows = [row["i"] for row in found.scan_history(page_size=1000)]
            assert rows == list(range(len(rows)))
            values = found.series("i").value if rows else np.zeros(0)
            assert values.tolist() == list(range(len(values)))
            assert len(values) >= len(rows) >= seen
            seen = len(rows)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert api.run("p/abc").series("i").value.tolist() == list(range(20_000))


@settings(max_examples=50)
@given(
    calls=st.lists(
        st.tuples(
            st.sampled_from([{"a": 1}, {"b": 2}, {"a": 3, "b": 4}, {"c": {"d": 5}}]),
            st.sampled_from([None, None, 0, 1, 5]),
            st.sampled_from([None, None, False, True]),
        ),
        max_size=12,
    ),
    finished=st.booleans(),
    page_size=st.integers(1, 5),
)
def test_history_is_what_a_plain_list_would_hold(tmp_path_factory, monkeypatch_module, calls, finished, page_size):
    monkeypatch_module.setenv("TRACKER_NB_DIR", str(tmp_path_factory.getbasetemp() / "history"))
    run = tracker_nb.init(project="p", reinit="create_new", settings={"silent": True})
    rows, step, is_open = [], 0, None
    for data, given_step, commit in calls:
        run.log(data, step=given_step, commit=commit)
        at = step if given_step is None else given_step
        flat = {"c.d": 5} if "c" in data else data
        if is_open is not None and is_open["_step"] == at:
            is_open.update(flat)
        else:
            is_open = {**flat, "_step": at}
            rows.append(is_open)
        if commit is not False:
            is_open = None
        step = at if commit is False else at + 1
    if finished:
        run.finish()
    try:
        found = plain(stored(run).scan_history(page_size=page_size))
        assert found == sorted(rows, key=lambda row: row["_step"])
    finally:
        run.finish()


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_samples_show_what_is_logged_rarely_beside_what_is_logged_often(store):
    with tracker_nb.init(project="p") as run:
        for i in range(2000):
            run.log({"loss": float(i)})
            if i % 100 == 99:
                run.log({"val/acc": i / 2000})

    frame = tracker_nb.Api().run(run.path).history(samples=100)

    assert len(frame) == 100
    assert frame["val/acc"].count() == 20
    assert frame["loss"].count() == 80
