"""Which runs there are: by filter, in order, by path."""

import math
import secrets
from contextlib import closing, contextmanager

import pytest

import tracker_nb
from tracker_nb import BadValue, RunNotFound, StoreNotFound
from tracker_nb.query import listing, summaries
from tracker_nb.query.reading import Reader
from tracker_nb.sdk import cells
from tracker_nb.store.place import Place


def make(name, *, project="p", entity=None, metrics=None, **arguments):
    run = tracker_nb.init(entity=entity, project=project, name=name, **arguments)
    if metrics:
        run.log(metrics)
    run.finish(exit_code=1 if name == "broken" else 0)
    return run


@pytest.fixture
def several(store):
    """Five runs, one of them still open."""
    make("a", config={"lr": 0.1, "opt": {"name": "adam"}, "a.b": 1}, tags=["x", "y"], group="g", metrics={"loss": 3.0})
    make("b", config={"lr": 0.2, "opt": {"name": "sgd"}}, tags=["y"], job_type="eval", metrics={"loss": 1.0})
    make("c", config={"lr": 0.1, "epochs": 3}, metrics={"loss": math.nan})
    make("broken", notes="n", metrics={"acc": 0.5})
    tracker_nb.init(project="p", name="open", config={"lr": 0.1}).log({"loss": 2.0, "val": {"acc": 1}})
    return tracker_nb.Api()


def names(api, **question):
    return [run.name for run in api.runs("p", **question)]


# ------------------------------------------------------------------------------------------------ filters


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, {"a", "b", "c", "broken", "open"}),
        ({"state": "finished"}, {"a", "b", "c"}),
        ({"state": "failed"}, {"broken"}),
        ({"state": "running"}, {"open"}),
        ({"config.lr": 0.1}, {"a", "c", "open"}),
        ({"config.lr.value": 0.1}, {"a", "c", "open"}),
        ({"config.lr": 0.1, "state": "finished"}, {"a", "c"}),
        ({"config.opt.name": "adam"}, {"a"}),
        ({"config.opt": {"name": "sgd"}}, {"b"}),
        ({"config.a.b": 1}, {"a"}),
        ({"config.nothing": None}, set()),
        ({"display_name": "b"}, {"b"}),
        ({"displayName": "b"}, {"b"}),
        ({"group": "g"}, {"a"}),
        ({"group": None}, {"b", "c", "broken", "open"}),
        ({"job_type": "eval"}, {"b"}),
        ({"jobType": "eval"}, {"b"}),
        ({"notes": "n"}, {"broken"}),
        ({"tags": "y"}, {"a", "b"}),
        ({"tags": ["x", "y"]}, {"a"}),
        ({"summary_metrics.loss": 1.0}, {"b"}),
        ({"summary.loss": 2}, {"open"}),
        ({"summary_metrics.val.acc": 1}, {"open"}),
    ],
)
def test_filters_keep_the_runs_that_have_these_values(several, filters, found):
    runs = several.runs("p", filters=filters)
    assert {run.name for run in runs} == found
    assert len(runs) == len(found)


def test_a_filter_by_name_means_the_id_as_in_wandb(several):
    (run,) = several.runs("p", filters={"display_name": "a"})
    for field in ("name", "id"):
        assert names(several, filters={field: run.id}) == ["a"]


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"filters": {"stat": "finished"}}, "no 'stat'. Closest: state"),
        ({"filters": {"lr": 0.1}}, "no 'lr'. They have: .*config.<key>"),
        ({"filters": {"config.lr": {"$gt": 0.1}}}, r"compare for equality.*\$gt are planned"),
        ({"filters": {"$or": [{"state": "failed"}]}}, r"\$or are planned"),
        ({"order": "created"}, "no 'created'. Closest: .*created_at"),
        ({"order": "-loss"}, "no 'loss'"),
    ],
)
def test_a_filter_or_order_that_is_not_there_is_refused_rather_than_matching_nothing(several, question, says):
    with pytest.raises(BadValue, match=says):
        len(several.runs("p", **question))


# ------------------------------------------------------------------------------------------------ order


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("-created_at", ["open", "broken", "c", "b", "a"]),
        ("+created_at", ["a", "b", "c", "broken", "open"]),
        ("created_at", ["a", "b", "c", "broken", "open"]),
        ("+display_name", ["a", "b", "broken", "c", "open"]),
        # Runs without the value, or with NaN, come last in both directions.
        ("+summary_metrics.loss", ["b", "open", "a"]),
        ("-summary_metrics.loss", ["a", "open", "b"]),
        ("-summary.acc", ["broken"]),
        ("-config.lr", ["b"]),
        ("+config.epochs", ["c"]),
    ],
)
def test_order_sorts_by_a_field_a_config_or_a_summary_value_missing_ones_last(several, order, found):
    ordered = names(several, order=order)
    assert ordered[: len(found)] == found
    assert sorted(ordered) == ["a", "b", "broken", "c", "open"]


def test_values_of_several_types_can_be_ordered(store):
    for i, value in enumerate([2, "text", None, True, 1.5, [1], {"a": 1}, math.inf, math.nan, 10**400]):
        make(str(i), config={"v": value})
    api = tracker_nb.Api()

    up, down = names(api, order="+config.v"), names(api, order="-config.v")
    assert sorted(up) == sorted(down) == [str(i) for i in range(10)]
    assert up[:3] == ["3", "4", "0"]
    assert {"2", "8"} == set(up[-2:]) == set(down[-2:])


# ------------------------------------------------------------------------------------------------ pages


def test_the_list_is_lazy_and_reads_summaries_by_the_page(store, monkeypatch):
    for i in range(7):
        make(f"n{i}", metrics={"i": i})
    asked = []
    whole = summaries.statistics
    monkeypatch.setattr(summaries, "statistics", lambda view, states: asked.append(len(states)) or whole(view, states))
    runs = tracker_nb.Api().runs("p", order="+created_at", per_page=3)

    assert (len(runs), runs[0].name, runs[-1].name, asked) == (7, "n0", "n6", [])
    assert [run.summary["i"] for run in runs] == list(range(7))
    assert asked == [3, 3, 1]
    assert [run.name for run in runs[2:4]] == ["n2", "n3"]
    assert runs[3] in runs
    assert "Runs p" in repr(runs)
    with pytest.raises(IndexError):
        runs[7]
    assert [run.summary["i"] for run in tracker_nb.Api().runs("p", per_page=0)] == list(range(6, -1, -1))


def test_a_project_without_runs_is_an_empty_list(several):
    assert list(several.runs("nothing")) == []
    assert list(several.runs("nobody/p")) == []


# ------------------------------------------------------------------------------------------------ paths


def test_a_run_is_found_by_paths_of_one_to_three_parts(store):
    run = make("first", entity="team", project="p")
    api = tracker_nb.Api()

    for path in (run.id, f"p/{run.id}", f"team/p/{run.id}", "first", "p/first", "team/p/first", f"/team/p/{run.id}/"):
        assert api.run(path).id == run.id
    assert api.run(f"team/p/runs/{run.id}").id == run.id  # as in an address


def test_an_id_wins_over_a_name_and_a_name_means_its_newest_run(store):
    named = make("same", id="one", metrics={"i": 1})
    make("same", id="two", metrics={"i": 2})
    make("one", id="three")
    api = tracker_nb.Api()

    assert api.run("p/one").id == named.id == "one"
    assert api.run("p/same").id == "two"
    assert api.run("one").id == "one"
    assert len(api.runs("p", filters={"display_name": "same"})) == 2


def test_the_same_name_in_several_projects_and_entities_is_told_apart_by_the_path(store):
    for entity in ("me", "team"):
        for project in ("p", "q"):
            make("same", entity=entity, project=project, id="abc", metrics={"where": f"{entity}/{project}"})
    api = tracker_nb.Api()

    for path in ("me/p", "me/q", "team/p", "team/q"):
        assert api.run(f"{path}/abc").summary["where"] == api.run(f"{path}/same").summary["where"] == path
    assert api.run("p/abc").summary["where"] == "team/p"  # the newest
    assert [run.summary["where"] for run in api.runs("me/q")] == ["me/q"]
    assert {run.summary["where"] for run in api.runs("q")} == {"me/q", "team/q"}
    assert {(p.entity, p.name, p.runs) for p in api.projects()} == {(e, p, 1) for e in ("me", "team") for p in "pq"}


@pytest.mark.parametrize(
    ("path", "error", "says"),
    [
        ("p/fisrt", RunNotFound, r"No run 'p/fisrt' in the store at .*Closest: first.*`tracker-nb runs p`"),
        ("q/first", RunNotFound, "No run 'q/first'"),
        ("nobody/p/first", RunNotFound, "No run"),
        ("fisrt", RunNotFound, "Closest: p/first"),
        ("a/b/c/d", BadValue, "write run, project/run or entity/project/run"),
        ("p//first", BadValue, "write run, project/run"),
        ("", BadValue, "write run, project/run"),
    ],
)
def test_a_path_that_leads_nowhere_says_what_is_near(store, path, error, says):
    make("first")
    with pytest.raises(error, match=says):
        tracker_nb.Api().run(path)


def test_a_path_of_a_project_with_too_many_parts_says_how_to_write_it(several):
    with pytest.raises(BadValue, match="write project or entity/project"):
        several.runs("a/b/c")


def test_an_api_without_a_store_says_how_to_make_one(store):
    with pytest.raises(StoreNotFound, match=f"no store at {store}.*tracker-nb init"):
        tracker_nb.Api()
    assert not store.exists()


# ------------------------------------------------------------------------------------------------ deleted, projects


@pytest.mark.ref("1.5-18")
def test_deleted_runs_are_listed_no_more_until_they_are_restored(store):
    make("kept", id="kept", metrics={"i": 1})
    make("gone", id="gone", metrics={"i": 2})
    run = tracker_nb.Api().run("p/gone")
    run.delete()

    api = tracker_nb.Api()
    assert names(api) == ["kept"]
    assert [(p.name, p.runs) for p in api.projects()] == [("p", 1)]
    for path in ("p/gone", "gone"):
        with pytest.raises(RunNotFound):
            api.run(path)
    run.restore()
    assert names(tracker_nb.Api()) == ["gone", "kept"]
    assert tracker_nb.Api().run("p/gone").summary["i"] == 2


def test_projects_come_with_the_one_last_logged_to_first(store):
    make("a", project="p")
    make("b", project="q")
    make("c", project="p")
    tracker_nb.init(project="r", name="open")

    projects = tracker_nb.Api().projects()
    assert [(p.name, p.runs, p.running) for p in projects] == [("r", 1, 1), ("p", 2, 0), ("q", 1, 0)]
    assert all(p.created <= p.updated for p in projects)


def test_a_thousand_runs_are_listed_at_once(store):
    """Copied in the database: a thousand times init() and finish() would take longer than the question is worth."""
    import sqlite3

    make("real", metrics={"loss": 1.0})
    with sqlite3.connect(store / "tracker.db") as db:
        columns = [
            row[1] for row in db.execute("PRAGMA table_info(runs)") if row[1] not in ("id", "run", "generation_id")
        ]
        listed = ", ".join(columns)
        db.executemany(
            f"INSERT INTO runs (run, generation_id, {listed}) SELECT ?, NULL, {listed} FROM runs WHERE id = 1",
            [(f"copy{i}",) for i in range(999)],
        )
    db.close()

    api = tracker_nb.Api()
    assert len(api.runs("p", order="+summary_metrics.loss")) == 1000
    assert api.runs("p", order="+summary_metrics.loss")[0].id not in {f"copy{i}" for i in range(999)}


# ------------------------------------------------------------------------------------------------ search, notebooks


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["a", "b", "broken", "c", "open"]),
        ("BROK", ["broken"]),
        ("eval", ["b"]),
        ("p brok", ["broken"]),
        ("brok eval", []),
    ],
)
def test_a_search_finds_runs_that_have_each_of_its_words_somewhere(several, store, search, found):
    with closing(Reader(Place(store))) as reader:
        assert sorted(state.name for state in listing.list_states(reader, search=search)) == found


@pytest.fixture
def in_cell(monkeypatch):
    """Runs code as if a cell of a notebook did."""

    @contextmanager
    def cell(notebook, uid=None):
        cells.watch()
        cell = (uid or secrets.token_hex(8), {"notebook": notebook, "started": 1}, 0)
        cells.begin(cell)
        yield
        cells.end(cell[0])

    yield cell
    cells.unwatch()


def made_by(store, *paths):
    with closing(Reader(Place(store))) as reader:
        return sorted(state.name for state in listing.list_states(reader, notebook=paths))


def test_runs_are_found_by_the_notebook_whose_cells_logged_to_them(store, in_cell):
    make("script", metrics={"x": 1})
    with in_cell("/home/ada/one.ipynb"):
        make("finished", metrics={"x": 1})
        run = tracker_nb.init(project="p", name="open")
    with in_cell("/home/ada/two.ipynb"):
        run.log({"x": 1})  # by a cell of another notebook
        make("other", metrics={"x": 1}, reinit="create_new")

    assert made_by(store, "/home/ada/one.ipynb") == ["finished", "open"]
    assert made_by(store, "/home/ada/two.ipynb") == ["open", "other"]
    assert made_by(store, "one.ipynb") == []
    assert made_by(store, "one.ipynb", "/home/ada/one.ipynb", "/home/ada/two.ipynb") == ["finished", "open", "other"]
    run.finish()
    assert made_by(store, "/home/ada/two.ipynb") == ["open", "other"]


def test_a_run_that_has_logged_nothing_and_one_of_a_program_that_a_notebook_started_are_the_notebook_s(
    store, monkeypatch
):
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ada/one.ipynb")
    make("silent")
    tracker_nb.init(project="p", name="begun")
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ada/one.ipynb.copy")
    make("longer")

    assert made_by(store, "/home/ada/one.ipynb") == ["begun", "silent"]


def test_a_deleted_run_is_no_run_of_its_notebook(store, in_cell):
    with in_cell("/n.ipynb"):
        run = make("gone", metrics={"x": 1})
    tracker_nb.Api().run(f"p/{run.id}").delete()
    assert made_by(store, "/n.ipynb") == []
