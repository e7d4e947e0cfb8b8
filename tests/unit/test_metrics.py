"""Which metrics several runs have logged: counted, in order, and what was said of them."""

import math
import time

import pytest

import tracker_nb
from tracker_nb.journal import records
from tracker_nb.query.metrics import Metric, metrics
from tracker_nb.query.reading import Reader
from tracker_nb.store.commands import RunPath
from tracker_nb.store.place import Place


def define(run, name, **fields):
    """As `define_metric` will write it: no release has written one so far, and readers come first."""
    run._writer.write(lambda seq, time: records.Define(seq, time, 0, 0, name, fields))


def log(run, *rows, define_=None):
    with tracker_nb.init(entity="e", project="p", id=run) as made:
        for name, fields in (define_ or {}).items():
            define(made, name, **fields)
        for row in rows:
            made.log(row)


def asked(store, *runs):
    reader = Reader(Place(store))
    try:
        return metrics(reader, [RunPath("e", "p", run) for run in runs])
    finally:
        reader.close()


def test_runs_and_rows_are_counted_and_the_order_of_first_logging_is_kept(store):
    log("a", {"zeta": 1.0, "alpha": 2}, {"zeta": 2.0})
    log("b", {"zeta": 1.0}, {"late": 1.0})

    assert [(m.name, m.runs, m.rows) for m in asked(store, "a", "b")] == [
        ("zeta", 2, 3),
        ("alpha", 1, 1),
        ("late", 1, 1),
    ]
    assert [m.name for m in asked(store, "b")] == ["zeta", "late"]
    assert [m.name for m in asked(store, "nope")] == []
    assert [(m.name, m.runs) for m in asked(store, "nope", "a", "a")] == [("zeta", 1), ("alpha", 1)]


def test_what_is_still_in_a_journal_counts_and_has_the_place_it_will_have_when_it_is_applied(store):
    log("old", {"first": 1.0}, {"second": 1.0})
    with tracker_nb.init(entity="e", project="p", id="live") as run:
        run.log({"new": 1.0, "newer": 1.0})
        run.log({"second": 1.0})
        run.log({"first": 1.0})
        live = asked(store, "live", "old")
    assert [m.name for m in live] == ["first", "second", "new", "newer"]
    assert asked(store, "live", "old") == live


def test_what_can_be_drawn_as_a_line_is_told_from_what_cannot(store):
    log("a", {"number": 1, "nan": math.nan, "flag": True, "text": "x", "list": [1.0]}, {"text": "y"})
    assert {m.name: m.numeric for m in asked(store, "a")} == {
        "number": True,
        "nan": True,
        "flag": True,
        "text": False,
        "list": False,
    }


@pytest.mark.parametrize(
    ("definitions", "step_metric", "direction", "hidden"),
    [
        ({}, None, None, False),
        ({"val/loss": {"step_metric": "epoch"}}, "epoch", None, False),
        ({"val/*": {"step_metric": "epoch", "hidden": True}}, "epoch", None, True),
        ({"val/*": {"step_metric": "epoch"}, "val/loss": {"summary": "min"}}, "epoch", "minimize", False),
        ({"*": {"step_metric": "a"}, "val/*": {"step_metric": "b"}}, "b", None, False),
        ({"val/loss": {"summary": "min,last"}}, None, "minimize", False),
        ({"val/loss": {"summary": ["max"]}}, None, "maximize", False),
        ({"val/loss": {"summary": "min,max"}}, None, None, False),
        ({"val/loss": {"summary": "best", "goal": "maximize"}}, None, "maximize", False),
        ({"val/loss": {"summary": "min", "goal": "maximize"}}, None, "maximize", False),
        ({"val/loss": {"goal": "sideways", "step_metric": 3, "hidden": "yes"}}, None, None, False),
        ({"val/*": {"step_metric": "val/loss"}}, None, None, False),  # not its own x axis
        ({"train/*": {"hidden": True}}, None, None, False),
    ],
)
def test_definitions_say_the_x_axis_the_direction_and_what_is_hidden(
    store, definitions, step_metric, direction, hidden
):
    log("a", {"val/loss": 1.0}, define_=definitions)
    assert asked(store, "a") == [Metric("val/loss", 1, 1, True, step_metric, direction, hidden)]


def test_where_runs_disagree_the_first_one_asked_for_is_believed(store):
    log("a", {"x": 1.0}, define_={"x": {"summary": "min"}})
    log("b", {"x": 1.0}, define_={"x": {"summary": "max", "hidden": True}})
    log("c", {"x": 1.0})
    assert [(m.direction, m.hidden) for m in asked(store, "a", "b", "c")] == [("minimize", True)]
    assert [m.direction for m in asked(store, "c", "b", "a")] == ["maximize"]


def test_a_hundred_runs_of_two_hundred_metrics_are_answered_before_anyone_notices(store):
    row = {f"group{i % 8}/metric{i}": float(i) for i in range(200)}
    for i in range(100):
        log(f"r{i}", row)
    reader = Reader(Place(store))
    paths = [RunPath("e", "p", f"r{i}") for i in range(100)]
    metrics(reader, paths)
    begin = time.perf_counter()
    found = metrics(reader, paths)
    took = time.perf_counter() - begin
    reader.close()
    assert {(m.runs, m.rows) for m in found} == {(100, 100)}
    assert len(found) == 200
    assert took < 0.5  # 0.04 s where nothing else runs
