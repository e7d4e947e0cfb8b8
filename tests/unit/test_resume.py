"""Going on with a run, or refusing to: `resume`, the id, and what is counted on from."""

import sqlite3

import numpy as np
import pytest

import tracker_nb
from tracker_nb import BadValue, RunExists, RunNotFound


def series(path, key):
    return tracker_nb.Api().run(path).series(key)


@pytest.mark.ref("1.5.6-1")
def test_resume_must_continues_the_same_run_and_refuses_an_unknown_id(store):
    with tracker_nb.init(project="p", id="abc", resume="allow") as run:
        run.log({"loss": 1.0})

    with tracker_nb.init(project="p", id="abc", resume="must") as run:
        assert run.resumed
        run.log({"loss": 0.5})

    assert series("p/abc", "loss").step.tolist() == [0, 1]
    assert len(tracker_nb.Api().runs("p")) == 1
    with pytest.raises(RunNotFound, match=r"nope.*Leave `resume` out.*tracker-nb runs"):
        tracker_nb.init(project="p", id="nope", resume="must")


@pytest.mark.ref("1.5.6-2")
def test_resume_allow_continues_after_the_last_step_and_starts_an_unknown_id(store):
    with tracker_nb.init(project="p", id="abc", resume="allow") as run:
        assert not run.resumed
        run.log({"loss": 1.0}, step=41)

    with tracker_nb.init(project="p", id="abc", resume="allow") as run:
        assert run.resumed
        assert run.step == 42
        run.log({"loss": 0.5})
    with tracker_nb.init(project="p", id="abc", resume=True) as run:
        run.log({"acc": 0.5})

    found = tracker_nb.Api().run("p/abc")
    assert [(row["_step"], row.get("loss"), row.get("acc")) for row in found.scan_history()] == [
        (41, 1.0, None),
        (42, 0.5, None),
        (43, None, 0.5),
    ]
    assert found.state == "finished"


@pytest.mark.ref("1.5.6-3")
def test_resume_never_refuses_a_known_id_and_starts_an_unknown_one(store):
    for resume in ("never", None, False):
        run_id = f"id-{resume}"
        with tracker_nb.init(project="p", id=run_id, resume=resume) as run:
            run.log({"loss": 1.0})
        with pytest.raises(RunExists, match=rf"p/{run_id}.*resume='allow', or leave `id` out"):
            tracker_nb.init(project="p", id=run_id, resume=resume)
        assert series(f"p/{run_id}", "loss").value.tolist() == [1.0]


@pytest.mark.ref("1.5.6-5")
def test_a_refused_resume_writes_nothing_to_the_store(store):
    tracker_nb.init(project="p", id="abc").finish()
    tracker_nb.Api().close()

    def everything():
        with sqlite3.connect(store / "tracker.db") as db:
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            rows = {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
        db.close()
        return rows, sorted(path.name for path in (store / "journals").iterdir())

    before = everything()
    for refused in (
        {"id": "abc", "config": {"lr": 1}},
        {"id": "abc", "resume": "never"},
        {"id": "nope", "resume": "must", "project": "q"},
        {"resume": "must"},
        {"resume": "auto", "id": "abc"},
        {"mode": "wrong"},
    ):
        with pytest.raises((RunExists, RunNotFound, ValueError)):
            tracker_nb.init(**{"project": "p", **refused})
    assert everything() == before
    assert tracker_nb.run is None


@pytest.mark.ref("1.5.6-6", "1.11-26")
def test_resume_and_id_come_from_the_environment(store, monkeypatch):
    monkeypatch.setenv("TRACKER_NB_RUN_ID", "akj172")
    monkeypatch.setenv("TRACKER_NB_RESUME", "allow")
    for loss in (1.0, 0.5):
        with tracker_nb.init(project="p") as run:
            assert run.id == "akj172"
            run.log({"loss": loss})
    assert series("p/akj172", "loss").value.tolist() == [1.0, 0.5]

    monkeypatch.setenv("TRACKER_NB_RESUME", "never")
    with pytest.raises(RunExists):
        tracker_nb.init(project="p")
    monkeypatch.setenv("TRACKER_NB_RESUME", "must")
    monkeypatch.setenv("TRACKER_NB_RUN_ID", "other")
    with pytest.raises(RunNotFound):
        tracker_nb.init(project="p")


def test_resume_auto_says_what_to_give_instead(store):
    with pytest.raises(BadValue, match="give an id and resume='allow'"):
        tracker_nb.init(project="p", resume="auto")


def test_a_resumed_run_keeps_what_is_not_given_anew(store):
    weights = np.arange(3.0)
    with tracker_nb.init(
        project="p", id="abc", name="first", notes="n", tags=["t"], group="g", job_type="j",
        config={"lr": 0.1, "epochs": 3, "weights": weights},
    ) as run:  # fmt: skip
        color = run.color
        run.log({"loss": 1.0})
        run.summary["best"] = 1.0

    with tracker_nb.init(project="p", id="abc", resume="must", config={"lr": 0.2}, notes="again") as run:
        assert (run.name, run.notes, run.tags, run.group, run.job_type) == ("first", "again", ("t",), "g", "j")
        assert (run.config["lr"], run.config["epochs"], run.config["weights"].tolist()) == (0.2, 3, [0.0, 1.0, 2.0])
        assert run.color == color
        assert (run.summary["best"], run.summary["loss"]) == (1.0, 1.0)
        run.log({"loss": 0.5})
        assert (run.summary["best"], run.summary["loss"]) == (1.0, 0.5)

    found = tracker_nb.Api().run("p/abc")
    assert (found.name, found.notes, found.tags, found.config["lr"]) == ("first", "again", ["t"], 0.2)
    assert found.summary["best"] == 1.0


def test_a_failed_run_that_is_resumed_runs_again_and_ends_anew(store):
    tracker_nb.init(project="p", id="abc").finish(exit_code=1)
    assert tracker_nb.Api().run("p/abc").state == "failed"

    run = tracker_nb.init(project="p", id="abc", resume="must")
    api = tracker_nb.Api()
    assert (api.run("p/abc").state, api.run("p/abc").exit_code, api.run("p/abc").ended_at) == ("running", None, None)
    run.finish()

    assert (tracker_nb.Api().run("p/abc").state, tracker_nb.Api().run("p/abc").exit_code) == ("finished", 0)


def test_an_id_belongs_to_its_project_and_entity(store):
    for where in ({"project": "p"}, {"project": "q"}, {"project": "p", "entity": "team"}):
        with tracker_nb.init(id="abc", **where) as run:
            run.log({"x": len(where)})

    api = tracker_nb.Api()
    assert api.run("team/p/abc").series("x").value.tolist() == [2]
    assert api.run("q/abc").series("x").value.tolist() == [1]
    assert len(api.runs()) == 3


def test_a_run_that_is_still_open_elsewhere_can_be_joined_by_resume(store):
    first = tracker_nb.init(project="p", id="abc")
    first.log({"x": 1})
    second = tracker_nb.init(project="p", id="abc", resume="allow", reinit="create_new")
    second.log({"x": 2})
    first.log({"y": 1})
    first.finish()
    assert tracker_nb.Api().run("p/abc").state == "running"
    second.finish()

    found = tracker_nb.Api().run("p/abc")
    assert found.series("x").value.tolist() == [1, 2]
    assert found.series("y").value.tolist() == [1]
    assert found.state == "finished"


def test_steps_beyond_the_last_are_counted_on_from_whoever_logged_them(store):
    with tracker_nb.init(project="p", id="abc") as run:
        run.log({"x": 1}, step=100)
        run.log({"x": 1}, step=3)
    with tracker_nb.init(project="p", id="abc", resume="must") as run:
        assert run.step == 101
