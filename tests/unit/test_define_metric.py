"""`define_metric()`: the x axis of a metric, which values are better, and what its summary holds."""

import itertools
import math
import multiprocessing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tracker_nb
from tracker_nb import BadValue, UsageError
from tracker_nb.journal import reader, records
from tracker_nb.query import definitions
from tracker_nb.query.metrics import metrics
from tracker_nb.query.reading import Reader
from tracker_nb.query.summaries import figures
from tracker_nb.store.commands import RunPath
from tracker_nb.store.groups import Stats
from tracker_nb.store.place import Place


def stored(run):
    return tracker_nb.Api().run(run.path)


def asked(store, run):
    """Metrics of a run by name, as dashboards ask for them."""
    reader = Reader(Place(store))
    try:
        return {one.name: one for one in metrics(reader, [RunPath(run.entity, run.project, run.id)])}
    finally:
        reader.close()


def user(summary):
    return {name: value for name, value in dict(summary).items() if not name.startswith("_")}


# ---------------------------------------------------------------------------------------------------- the x axis


@pytest.mark.ref("1.1-6", "1.6.2-1")
def test_a_step_metric_is_the_x_axis_of_the_metric_bound_to_it(store):
    with tracker_nb.init(project="p") as run:
        custom = run.define_metric("custom_step")
        run.define_metric("validation_loss", step_metric="custom_step")
        tracker_nb.define_metric("validation_acc", step_metric=custom)
        for i in range(4):
            run.log({"train_loss": 1.0, "validation_loss": 1 / (i + 1), "validation_acc": i, "custom_step": i**2})

    found = asked(store, run)
    assert {name: one.step_metric for name, one in found.items()} == {
        "train_loss": None,
        "validation_loss": "custom_step",
        "validation_acc": "custom_step",
        "custom_step": None,
    }
    assert stored(run).buckets("validation_loss", x="custom_step").x.tolist() == [0, 1, 4, 9]


@pytest.mark.ref("1.6.2-2")
def test_a_prefix_with_a_star_holds_for_all_metrics_that_begin_with_it_but_its_own_step(store):
    with tracker_nb.init(project="p") as run:
        run.define_metric("train/*", step_metric="train/step")
        run.define_metric("train/deep/*", step_metric="epoch")
        run.define_metric("train/lr", step_metric="tokens")
        run.log({"train/loss": 1, "train/step": 2, "train/deep/x": 3, "train/lr": 4, "trainer": 5, "val/loss": 6})

    assert {name: one.step_metric for name, one in asked(store, run).items()} == {
        "train/loss": "train/step",
        "train/step": None,
        "train/deep/x": "epoch",
        "train/lr": "tokens",
        "trainer": None,
        "val/loss": None,
    }


@pytest.mark.ref("1.6.2-3")
def test_an_x_axis_may_go_back_and_jump_and_metrics_without_one_keep_the_step(store):
    xs = [8, 1, 64, 2, 2]
    with tracker_nb.init(project="p") as run:
        run.define_metric("y", step_metric="x")
        for at, x in enumerate(xs):
            run.log({"x": x, "y": at, "other": at})

    series = stored(run).buckets("y", x="x")
    assert (series.x.tolist(), series.last.tolist()) == ([1, 2, 2, 8, 64], [1, 3, 4, 0, 2])
    assert asked(store, run)["other"].step_metric is None
    assert stored(run).buckets("other").x.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.ref("1.6.2-4")
def test_a_definition_leaves_steps_and_rows_as_they_are(store):
    with tracker_nb.init(project="p") as run:
        run.log({"y": 1, "x": 100})
        run.define_metric("y", step_metric="x", step_sync=True)
        assert run.step == 1
        run.log({"y": 2})
        run.log({"y": 3, "x": 50})
        assert run.step == 3

    assert stored(run).series("y").step.tolist() == [0, 1, 2]
    rows = [{k: v for k, v in row.items() if not k.startswith("_")} for row in stored(run).scan_history()]
    assert rows == [{"y": 1, "x": 100}, {"y": 2}, {"y": 3, "x": 50}]


@pytest.mark.parametrize("step_sync", [None, True, False])
def test_a_row_without_its_step_metric_is_drawn_at_the_last_one_before(store, step_sync):
    with tracker_nb.init(project="p") as run:
        run.define_metric("loss", step_metric="epoch", step_sync=step_sync)
        run.log({"loss": 9.0})
        for epoch in (1, 2):
            run.log({"epoch": epoch})
            run.log({"loss": 1 / epoch})

    series = stored(run).buckets("loss", x="epoch")
    assert (series.x.tolist(), series.last.tolist()) == ([1, 2], [1.0, 0.5])


# ---------------------------------------------------------------------------------------------------- summaries


@pytest.mark.ref("1.6.6-5")
@pytest.mark.parametrize("mode", ["online", "offline", "disabled"])
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"summary": "min"}, {"min": 1.0}),
        ({"summary": "max"}, {"max": 4.0}),
        ({"summary": "mean"}, {"mean": 2.5}),
        ({"summary": "last"}, {"last": 2.0}),
        ({"summary": "first"}, {"first": 3.0}),
        ({"summary": "best", "objective": "minimize"}, {"best": 1.0}),
        ({"summary": "best", "goal": "maximize"}, {"best": 4.0}),
        ({"summary": "min,max"}, {"min": 1.0, "max": 4.0}),
        ({"summary": [" Min", "LAST"]}, {"min": 1.0, "last": 2.0}),
        ({"summary": "copy"}, 2.0),
        ({"goal": "minimize"}, 2.0),
        ({}, 2.0),
    ],
)
def test_the_summary_of_a_metric_holds_what_its_definition_names(store, mode, said, expected):
    with tracker_nb.init(project="p", mode=mode) as run:
        run.log({"loss": 3.0})
        run.define_metric("loss", **said)
        for value in (1.0, np.float32(4.0), 2.0):
            run.log({"loss": value})
        assert run.summary["loss"] == expected
    if mode != "disabled":
        assert stored(run).summary["loss"] == expected


@pytest.mark.ref("1.6.6-6")
@pytest.mark.parametrize("mode", ["online", "disabled"])
def test_a_metric_without_definition_has_its_last_value_and_none_has_no_summary_but_by_hand(store, mode):
    with tracker_nb.init(project="p", mode=mode) as run:
        run.define_metric("quiet/*", summary="none")
        run.log({"loss": 2.0, "quiet/a": 1, "quiet/b": 1})
        run.log({"loss": 1.0})
        assert user(run.summary) == {"loss": 1.0}
        run.summary["quiet/a"] = "by hand"
        assert user(run.summary) == {"loss": 1.0, "quiet/a": "by hand"}
    if mode == "online":
        assert user(stored(run).summary) == {"loss": 1.0, "quiet/a": "by hand"}
        assert stored(run).series("quiet/b").value.tolist() == [1]


@pytest.mark.parametrize("mode", ["online", "disabled"])
def test_a_value_set_by_hand_stands_until_the_metric_is_logged_again(store, mode):
    with tracker_nb.init(project="p", mode=mode) as run:
        run.define_metric("acc", summary="max")
        run.log({"acc": 0.5})
        run.summary["acc"] = 0.9
        assert run.summary["acc"] == 0.9
        run.log({"acc": 0.4})
        assert run.summary["acc"] == {"max": 0.5}


@pytest.mark.ref("1.6.6-7")
def test_the_least_loss_and_the_best_accuracy_are_read_sorted_and_listed(store):
    for name, losses, accs in (("a", [3, 1, 2], [1, 2, 3]), ("b", [0.5, 9, 9], [9, 2, 1]), ("c", [2], [5])):
        with tracker_nb.init(project="p", name=name) as run:
            run.define_metric("loss", summary="min,last")
            run.define_metric("acc", summary="max")
            for loss, acc in zip(losses, accs, strict=True):
                run.log({"loss": loss, "acc": acc})
    with tracker_nb.init(project="p", name="old") as run:
        run.log({"loss": 1.5, "acc": 4})
    api = tracker_nb.Api()

    def names(order):
        return [one.name for one in api.runs("p", order=order)]

    assert names("+summary_metrics.loss") == ["b", "a", "old", "c"]
    assert names("-summary_metrics.acc") == ["b", "c", "old", "a"]
    assert names("+summary_metrics.loss.last") == ["a", "c", "b", "old"]
    assert [one.name for one in api.runs("p", {"summary_metrics.loss.min": 0.5})] == ["b"]
    assert definitions.spread(api.runs("p", order="+summary_metrics.loss")[0].summary)["loss.min"] == 0.5


def test_a_definition_that_comes_late_holds_for_what_was_logged_before_also_after_the_run_is_resumed(store):
    with tracker_nb.init(project="p", id="late") as run:
        for value in (3, 1, 2):
            run.log({"loss": value})
    assert stored(run).summary["loss"] == 2
    with tracker_nb.init(project="p", id="late", resume="must") as run:
        run.define_metric("loss", summary="min")
    assert stored(run).summary["loss"] == {"min": 1.0}
    with tracker_nb.init(project="p", id="late", resume="must") as run:
        assert run.define_metric("loss", summary="first").summary == ("min", "first")
        run.log({"loss": 0.5})
    assert stored(run).summary["loss"] == {"min": 0.5, "first": 3}


def _log_from_a_child(run, values):
    for value in values:
        run.log({"loss": value})
    run.finish()


def test_figures_are_of_all_processes_of_a_run(store):
    with tracker_nb.init(project="p") as run:
        run.define_metric("loss", summary="min,max,mean,last")
        run.log({"loss": 4.0})
        child = multiprocessing.get_context("spawn").Process(target=_log_from_a_child, args=(run, [1.0, 9.0, 6.0]))
        child.start()
        child.join()
        assert child.exitcode == 0
    assert stored(run).summary["loss"] == {"min": 1.0, "max": 9.0, "mean": 5.0, "last": 6.0}


def test_what_is_no_number_has_no_minimum_and_nan_alone_is_one(store):
    with tracker_nb.init(project="p") as run:
        run.define_metric("*", summary="min,mean,last")
        run.log({"text": "x", "list": [1, 2], "nan": math.nan, "flag": True, "mixed": 1.0, "inf": math.inf})
        run.log({"mixed": "x", "inf": -math.inf})
    summary = stored(run).summary
    assert (summary["text"], list(summary["list"]), summary["flag"]) == (
        "x",
        [1, 2],
        {"min": 1, "mean": 1, "last": True},
    )
    assert summary["mixed"] == {"min": 1.0, "mean": 1.0, "last": "x"}
    assert all(math.isnan(value) for value in summary["nan"].values())
    assert summary["inf"]["min"] == -math.inf
    assert math.isnan(summary["inf"]["mean"])


def test_a_large_last_value_of_a_metric_that_had_numbers_is_whole(store):
    large = "x" * 100_000
    with tracker_nb.init(project="p") as run:
        run.define_metric("mixed", summary="max,last,first")
        run.log({"mixed": 1.0})
        run.log({"mixed": large})
    assert stored(run).summary["mixed"] == {"max": 1.0, "last": large, "first": 1.0}


numbers = st.one_of(st.floats(-1e6, 1e6), st.just(math.nan))


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(numbers, min_size=1, max_size=30), cuts=st.lists(st.integers(0, 30), max_size=3), data=st.data())
def test_figures_are_those_of_the_values_however_they_came_in(rows, cuts, data):
    """By one writer, in several sessions, in batches: min, max, mean, first and last are of all values."""
    named = data.draw(
        st.lists(st.sampled_from(["min", "max", "mean", "first", "last", "best"]), min_size=1, unique=True)
    )
    better = data.draw(st.sampled_from(["minimize", "maximize"]))
    writers = []
    edges = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    for begin, end in itertools.pairwise(edges):
        stats = Stats()
        for at in range(begin, end):
            stats.add_value(rows[at], at, at, at)
        writers.append(stats)

    found = figures(list(reversed(writers)), writers[-1], named, better)

    real = [value for value in rows if not math.isnan(value)] or [math.nan]
    wanted = {"min": min(real), "max": max(real), "mean": sum(real) / len(real), "first": rows[0], "last": rows[-1]}
    wanted["best"] = wanted["max" if better == "maximize" else "min"]
    assert found.keys() == set(named)
    for word, value in found.items():
        assert value == pytest.approx(wanted[word], nan_ok=True, abs=1e-6)


# ---------------------------------------------------------------------------------------------------- what adds up


def test_what_several_calls_say_adds_up_and_overwrite_forgets_it(store):
    with tracker_nb.init(project="p") as run:
        run.define_metric("loss", step_metric="epoch", summary="min")
        run.define_metric("loss", summary="max", hidden=True)
        said = run.define_metric("loss", goal="minimize")
        assert (said.step_metric, said.hidden, said.summary, said.goal) == ("epoch", True, ("min", "max"), "minimize")
        run.log({"loss": 1.0, "epoch": 1})
        assert asked(store, run)["loss"].hidden

        said = run.define_metric("loss", summary="mean", overwrite=True)
        assert (said.step_metric, said.hidden, said.summary, said.goal) == (None, None, ("mean",), None)
    found = asked(store, run)["loss"]
    assert (found.step_metric, found.hidden, found.direction) == (None, False, None)
    assert stored(run).summary["loss"] == {"mean": 1.0}


def test_a_name_that_forgets_what_was_said_follows_its_prefix_again(store):
    with tracker_nb.init(project="p") as run:
        run.define_metric("val/*", step_metric="epoch")
        run.define_metric("val/loss", step_metric="tokens")
        run.log({"val/loss": 1.0})
        assert asked(store, run)["val/loss"].step_metric == "tokens"
        run.define_metric("val/loss", overwrite=True)
        assert asked(store, run)["val/loss"].step_metric == "epoch"


def test_none_and_copy_end_what_was_said_of_the_summary_and_a_later_word_ends_them(store):
    with tracker_nb.init(project="p") as run:
        run.log({"loss": 1.0})
        seen = []
        for word in ("min", "none", "max", "copy", "mean"):
            run.define_metric("loss", summary=word)
            seen.append(run.summary.get("loss"))
    assert seen == [{"min": 1.0}, None, {"max": 1.0}, 1.0, {"mean": 1.0}]


# ---------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.ref("1.6.6-5")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((None,), "name of a metric, such as 'loss'"),
        (("",), "name of a metric"),
        ((3,), "name of a metric"),
        (("*/loss",), "only stand at the end of a prefix, such as 'train/\\*'"),
        (("tr*n/*",), "only stand at the end"),
        (("loss", "train/*"), "is one metric. Give its name"),
        (("loss", ""), "is one metric"),
        (("loss", 3), "is one metric"),
        (("loss", "loss"), "cannot be its own x axis: leave step_metric out"),
        (("loss", None, "yes"), "step_sync is True or False, not 'yes'"),
        (("loss", None, None, 1), "hidden is True or False"),
        (("loss", None, None, None, "minimum"), "'minimum' is not one of min, max.* Closest: min"),
        (("loss", None, None, None, ["min", 3]), "3 is not one of"),
        (("loss", None, None, None, 3), "3 is not one of"),
        (("loss", None, None, None, []), "says nothing: name one of"),
        (("loss", None, None, None, ""), "'' is not one of"),
        (("loss", None, None, None, "none,min"), "'none' stands alone"),
        (("loss", None, None, None, "best"), "goal='minimize' or 'maximize' too"),
        (("loss", None, None, None, None, "up"), "goal is 'minimize' or 'maximize', not 'up'"),
        (("loss", None, None, None, None, None, "no"), "overwrite is True or False"),
    ],
)
@pytest.mark.parametrize("mode", ["online", "disabled"])
def test_a_definition_that_makes_no_sense_is_refused_and_changes_nothing(store, mode, arguments, says):
    with tracker_nb.init(project="p", mode=mode) as run:
        run.log({"loss": 1.0})
        with pytest.raises(BadValue, match=says):
            run.define_metric(*arguments)
        with pytest.raises(ValueError, match=says):
            tracker_nb.define_metric(*arguments)
        assert run.summary["loss"] == 1.0


def test_goal_and_objective_may_be_given_both_only_where_they_agree(store):
    with tracker_nb.init(project="p") as run:
        assert run.define_metric("a", goal="minimize", objective="minimize").goal == "minimize"
        with pytest.raises(BadValue, match="two names of one argument"):
            run.define_metric("a", goal="minimize", objective="maximize")


def test_best_takes_a_goal_that_was_said_before_or_by_a_prefix(store):
    with tracker_nb.init(project="p") as run:
        run.define_metric("a", goal="minimize")
        run.define_metric("val/*", goal="maximize")
        run.define_metric("a", summary="best")
        run.define_metric("val/acc", summary="best")
        run.log({"a": 1, "val/acc": 1})
        run.log({"a": 2, "val/acc": 2})
        assert (run.summary["a"], run.summary["val/acc"]) == ({"best": 1.0}, {"best": 2.0})
        with pytest.raises(BadValue, match="needs to know"):
            run.define_metric("a", summary="best", overwrite=True)


def test_after_the_end_of_the_run_and_before_any_nothing_can_be_defined(store):
    with pytest.raises(UsageError, match=r"call tracker_nb\.init\(\) before tracker_nb\.define_metric"):
        tracker_nb.define_metric("loss")
    run = tracker_nb.init(project="p")
    run.finish()
    with pytest.raises(UsageError, match=r"has ended: define metrics before finish\(\)"):
        run.define_metric("loss")


# ---------------------------------------------------------------------------------------------------- which one holds

names = st.text("ab/", max_size=4)


@given(
    said=st.dictionaries(st.one_of(names, names.map(lambda name: f"{name}*")), st.integers(), max_size=6), name=names
)
def test_the_name_holds_else_the_longest_prefix(said, name):
    found = definitions.definition(name, {key: {"value": value} for key, value in said.items()}).get("value")
    prefixes = [key for key in said if key.endswith("*") and name.startswith(key[:-1])]
    assert found == (said[name] if name in said else said[max(prefixes, key=len)] if prefixes else None)


def test_definitions_say_which_line_of_code_made_them(store):
    run = tracker_nb.init(project="p")
    run.define_metric("a")
    tracker_nb.define_metric("b")
    found = [record for _, record in reader.read(run._writer.path)]
    sites = {record.id: record for record in found if isinstance(record, records.Site)}
    made = [sites[record.site].file for record in found if isinstance(record, records.Define)]
    run.finish()
    assert made == [__file__, __file__]
