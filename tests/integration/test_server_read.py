"""What the server answers to who reads: stores, projects, runs, rows, buckets."""

import math

import numpy as np
import pytest

import tracker_nb
from tests.served import address, of_run
from tracker_nb.store.schema import VERSION


def a_run(run="one", rows=100, entity="e", project="p", **more):
    with tracker_nb.init(entity=entity, project=project, id=run, **more) as made:
        for i in range(rows):
            made.log({"loss": 1.0 / (i + 1), "acc": i / 100})
    return made


def test_the_server_says_what_it_is(server):
    info = server.get("/info").json
    assert info.pop("panels") in ("enabled", "disabled", "missing")
    assert info == {"version": tracker_nb.__version__, "api": 1, "schema": VERSION, "records": 1}


def test_a_store_is_listed_by_its_id_and_its_folder_but_not_its_path(server, served, store):
    answer = server.get("/stores")
    mine = next(one for one in answer.json["stores"] if one["id"] == served)
    assert (mine["name"], mine["here"]) == ("store", True)
    assert str(store.parent).encode() not in answer.body


def test_a_run_can_be_read_while_it_is_logged_to_and_after(server, served):
    with tracker_nb.init(entity="e", project="p", id="live", config={"lr": 0.1}) as run:
        run.log({"loss": 0.5})
        live = server.get(of_run(served, "live")).json
    done = server.get(of_run(served, "live")).json

    assert (live["state"], done["state"]) == ("running", "finished")
    assert live["config"] == done["config"] == {"lr": 0.1}
    assert live["summary"]["loss"] == done["summary"]["loss"] == 0.5
    assert [metric["name"] for metric in done["metrics"]] == ["loss"]
    assert done["metadata"]["pid"] > 0


def test_projects_and_pages_of_runs(server, served):
    for i in range(5):
        a_run(f"r{i}", rows=2, tags=["even"] if i % 2 == 0 else [])
    a_run("other", project="q", rows=1)

    projects = server.get(address(served, "projects")).json["projects"]
    assert {(p["entity"], p["project"], p["runs"]) for p in projects} == {("e", "p", 5), ("e", "q", 1)}

    first = server.get(address(served, "runs"), project="p", order="+created_at", limit=2).json
    second = server.get(address(served, "runs"), project="p", order="+created_at", limit=2, cursor=first["next"]).json
    last = server.get(address(served, "runs"), project="p", order="+created_at", limit=2, cursor=second["next"]).json
    names = [run["run"] for page in (first, second, last) for run in page["runs"]]
    assert names == [f"r{i}" for i in range(5)]
    assert (first["total"], last["next"]) == (5, None)
    assert [r["run"] for r in server.get(address(served, "runs"), project="p", offset=4).json["runs"]] == ["r0"]
    even = server.get(address(served, "runs"), filter='{"tags": "even"}').json
    assert {run["run"] for run in even["runs"]} == {"r0", "r2", "r4"}


def test_a_page_goes_on_behind_its_last_run_when_new_ones_have_come_above_it(server, served):
    for i in range(3):
        a_run(f"r{i}", rows=1)
    first = server.get(address(served, "runs"), limit=1).json
    a_run("new", rows=1)
    second = server.get(address(served, "runs"), limit=1, cursor=first["next"]).json

    assert [first["runs"][0]["run"], second["runs"][0]["run"]] == ["r2", "r1"]


def test_values_that_json_has_no_form_for_travel_as_strings(server, served):
    values = [math.nan, math.inf, -math.inf, 2**60, "text", True, None]
    with tracker_nb.init(entity="e", project="p", id="odd", config={"x": math.nan, "big": 2**70}) as run:
        for value in values:
            run.log({"v": value})

    rows = server.get(of_run(served, "odd", "history")).json["columns"]["v"]
    assert rows == ["NaN", "Infinity", "-Infinity", str(2**60), "text", True, None]
    assert server.get(of_run(served, "odd")).json["config"] == {"x": "NaN", "big": str(2**70)}
    made = server.post(address(served, "buckets"), {"runs": ["e/p/odd"], "keys": ["v"]}).json["series"][0]
    assert made["last"][:3] == ["NaN", "Infinity", "-Infinity"]


def test_history_comes_by_the_page_as_columns(server, served):
    a_run(rows=25)
    found, cursor = [], 0
    while cursor is not None:
        page = server.get(of_run(served, "one", "history"), limit=10, cursor=cursor, key="loss").json
        assert set(page["columns"]) == {"loss", "_step", "_timestamp", "_runtime"}
        found += page["columns"]["loss"]
        cursor = page["next"]
    assert found == [1.0 / (i + 1) for i in range(25)]
    some = server.get(of_run(served, "one", "history"), min_step=5, max_step=8).json
    assert (some["columns"]["_step"], some["total"]) == ([5, 6, 7], 3)


def test_names_of_metrics(server, served):
    a_run(rows=1)
    assert server.get(of_run(served, "one", "metrics")).json == {"metrics": ["loss", "acc"]}


def test_buckets_of_many_runs_and_keys_come_in_one_answer(server, served):
    for name in ("a", "b"):
        a_run(name, rows=5000)
    asked = {"runs": ["e/p/a", "e/p/b", "e/p/gone"], "keys": ["loss", "acc", "never"], "n": 50}
    answer = server.post(address(served, "buckets"), asked).json

    series = {(one["run"], one["key"]): one for one in answer["series"]}
    assert set(series) == {(f"e/p/{run}", key) for run in "ab" for key in ("loss", "acc")}
    one = series["e/p/a", "loss"]
    assert len(one["x"]) <= 50
    assert not one["exact"]
    assert sum(one["count"]) == 5000
    assert (max(one["max"]), min(one["min"])) == (1.0, 1 / 5000)
    assert [len(one[name]) for name in ("min", "max", "mean", "last", "count")] == [len(one["x"])] * 5


def test_a_small_window_comes_point_by_point_and_says_so(server, served):
    a_run(rows=5000)
    asked = {"runs": ["e/p/one"], "keys": ["acc"], "window": [100, 102], "n": 50}
    (one,) = server.post(address(served, "buckets"), asked).json["series"]
    assert one == {"run": "e/p/one", "key": "acc", "exact": True, "x": [100, 101, 102], "last": [1.0, 1.01, 1.02]} | {
        "last": pytest.approx([1.0, 1.01, 1.02])
    }


@pytest.mark.parametrize("name", ["val/acc", "a b", "ünï", "x.y", "%2F+&="])
def test_runs_are_sorted_by_a_metric_of_any_name(server, served, name):
    for run, value in (("low", 1.0), ("high", 3.0), ("middle", 2.0)):
        with tracker_nb.init(entity="e", project="sorted", id=run) as made:
            made.define_metric("*", summary="max")
            made.log({name: value})
            made.log({name: 0.0})

    found = server.get(address(served, "runs"), project="sorted", order=f"-summary_metrics.{name}").json["runs"]

    assert [run["run"] for run in found] == ["high", "middle", "low"]
    assert [run["summary"][name] for run in found] == [{"max": 3.0}, {"max": 2.0}, {"max": 1.0}]


def test_metrics_of_many_runs_come_in_one_answer_in_the_order_of_logging(server, served):
    a_run("one", rows=3)
    a_run("two", rows=2)
    asked = {"runs": ["e/p/two", "e/p/one", "e/p/nope"]}
    line = {"runs": 2, "rows": 5, "numeric": True, "step_metric": None, "direction": None, "hidden": False}
    assert server.post(address(served, "metrics"), asked).json == {
        "metrics": [{"name": "loss", **line}, {"name": "acc", **line}]
    }
    assert server.post(address(served, "metrics"), {"runs": []}).json == {"metrics": []}


def test_buckets_by_another_metric_and_by_time(server, served):
    a_run(rows=500)
    for x in ("acc", "_runtime", "_timestamp"):
        (one,) = server.post(
            address(served, "buckets"), {"runs": ["e/p/one"], "keys": ["loss"], "x": x, "window": ["-Infinity", None]}
        ).json["series"]
        assert len(one["x"]) == 500
        assert bool((np.diff(one["x"]) >= 0).all())


def test_runs_of_the_same_id_in_two_projects_are_told_apart(server, served):
    a_run("same", rows=1, project="p")
    a_run("same", rows=3, project="q")
    asked = {"runs": ["e/p/same", "e/q/same"], "keys": ["loss"]}
    series = server.post(address(served, "buckets"), asked).json["series"]
    assert {(one["run"], len(one["x"])) for one in series} == {("e/p/same", 1), ("e/q/same", 3)}


def test_cell_executions_of_a_run(server, served):
    cell = ("uid-1", {"cell_id": "c1", "execution_count": 7, "source": "run.log()", "more": [1]}, 0)
    with tracker_nb.init(entity="e", project="p", id="cells") as run:
        run._writer.running_cell = lambda: cell
        run.log({"loss": 1.0})
        live = server.get(of_run(served, "cells", "executions")).json
    done = server.get(of_run(served, "cells", "executions")).json
    a_run("script", rows=1)

    assert live == done
    (one,) = done["executions"]
    assert (one["uid"], one["cell_id"], one["execution_count"]) == ("uid-1", "c1", 7)
    assert (one["source"], one["extra"]) == ("run.log()", {"more": [1]})
    assert server.get(of_run(served, "script", "executions")).json == {"executions": [], "total": 0, "next": None}


def test_names_with_spaces_and_other_letters_are_found(server, served):
    a_run("one", rows=1, entity="Ünal & co", project="my project %2e?")
    found = server.get(of_run(served, "one", entity="Ünal & co", project="my project %2e?")).json
    assert (found["entity"], found["project"]) == ("Ünal & co", "my project %2e?")


def test_the_panels_are_a_module_that_browsers_keep_by_its_hash(server):
    from tracker_nb_server.bundle import _file, version

    if not _file().is_file():
        answer = server.get("/panels.js")
        assert (answer.status, answer.error["type"]) == (404, "NotBuilt")
        pytest.skip("the front end is not built")
    first = server.get("/panels.js")
    assert first.status == 200
    assert first.headers["Content-Type"].startswith("text/javascript")
    assert first.body == _file().read_bytes()
    assert "no-cache" in first.headers["Cache-Control"]
    again = server.request("GET", "/panels.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    kept = server.get("/panels.js", v=version(first.body))
    assert "immutable" in kept.headers["Cache-Control"]
    assert "no-cache" in server.get("/panels.js", v="0" * 16).headers["Cache-Control"]


def test_the_runs_of_a_notebook_are_found_by_the_path_that_jupyter_gives_it(server, served, monkeypatch):
    files = server.home / "files"
    for name, path in (
        ("absolute", files / "sub" / "a.ipynb"),
        ("as_told", "sub/a.ipynb"),
        ("other", files / "a.ipynb"),
    ):
        monkeypatch.setenv("JPY_SESSION_NAME", str(path))
        a_run(name, rows=1)

    def found(notebook):
        return {run["run"] for run in server.get(address(served, "runs"), notebook=notebook).json["runs"]}

    assert found("sub/a.ipynb") == {"absolute", "as_told"}
    assert found("a.ipynb") == {"other"}
    assert found("b.ipynb") == set()
    assert server.get(address(served, "runs"), notebook="../a.ipynb").status == 400


def test_a_search_of_the_server_finds_names_and_counts_them(server, served):
    for i in range(3):
        a_run(f"r{i}", rows=1, name=f"brave-otter-{i}" if i else "hill")
    answer = server.get(address(served, "runs"), search="OTTER", limit=1).json
    assert (answer["total"], len(answer["runs"])) == (2, 1)
