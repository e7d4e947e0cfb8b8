"""`init()`: its arguments, what it makes, and what it says when it cannot."""

import getpass
import re
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import tracker_nb
from tracker_nb import BadValue, SettingsError, UsageError


def stored(run):
    """The finished run as the Api reads it."""
    return tracker_nb.Api().run(run.path)


@pytest.mark.ref("1.1-1")
def test_init_takes_the_arguments_of_the_reference_all_optional_and_returns_a_run(store):
    bare = tracker_nb.init()
    bare.finish()
    with tracker_nb.init(
        entity="team", project="p", name="first", id="abc", notes="why", tags=["a", "b"], config={"lr": 0.1},
        group="g", job_type="train", resume="allow",
    ) as run:  # fmt: skip
        run.log({"loss": 1.0})

    assert isinstance(bare, tracker_nb.Run)
    assert (bare.entity, bare.project, bare.notes, bare.tags) == (getpass.getuser(), "uncategorized", "", ())
    assert isinstance(run, tracker_nb.Run)
    found = tracker_nb.Api().run("team/p/abc")
    assert (found.name, found.notes, found.tags, found.config) == ("first", "why", ["a", "b"], {"lr": 0.1})
    assert (found.group, found.job_type, found.state) == ("g", "train", "finished")


@pytest.mark.ref("1.1-2")
def test_log_returns_while_the_store_cannot_be_written(store):
    run = tracker_nb.init(project="p")
    run.log({"loss": 0.0})
    locked = sqlite3.connect(store / "tracker.db", isolation_level=None)
    try:
        locked.execute("BEGIN IMMEDIATE")
        for i in range(1, 1000):
            run.log({"loss": float(i)})
        # Not only written: read back too, while another process has the database for itself.
        assert tracker_nb.Api().run(run.path).series("loss").value.tolist() == [float(i) for i in range(1000)]
    finally:
        locked.close()
    run.finish()

    assert len(stored(run).series("loss")) == 1000


@pytest.mark.ref("1.1-3")
def test_init_makes_the_directory_of_the_run_inside_the_store(store):
    with tracker_nb.init(entity="e", project="p", id="abc") as run:
        folder = run.dir

    assert folder == str(store / "files" / "e" / "p" / "abc")
    assert (store / "files" / "e" / "p" / "abc").is_dir()
    assert (store / "tracker.db").is_file()


@pytest.mark.parametrize("name", ["..", ".", "a b", "ä", "-", "CON", "x" * 200])
def test_the_directory_of_a_run_stays_inside_the_store_whatever_the_project_is_called(store, name):
    with tracker_nb.init(entity="e", project=name, id="abc") as run:
        folder = run.dir

    assert (store / "files" / "e").resolve() in Path(folder).resolve().parents


@pytest.mark.ref("1.1-5")
def test_each_log_call_appends_one_step_and_updates_the_summary(store):
    with tracker_nb.init(project="p") as run:
        for i in range(3):
            assert run.step == i
            run.log({"loss": 1.0 / (i + 1)})
            assert run.summary["loss"] == 1.0 / (i + 1)

    rows = stored(run).history(pandas=False)
    assert [(row["_step"], row["loss"]) for row in rows] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert stored(run).summary["loss"] == 1 / 3
    assert stored(run).summary["_step"] == 2


@pytest.mark.ref("1.1-6")
def test_the_module_functions_act_on_the_current_run(store):
    assert tracker_nb.run is None
    run = tracker_nb.init(project="p")
    assert tracker_nb.run is run
    tracker_nb.log({"loss": 0.5})
    tracker_nb.log({"loss": 0.25}, step=7)
    tracker_nb.config.lr = 0.1
    tracker_nb.summary["best"] = 0.25
    assert tracker_nb.config is run.config
    assert tracker_nb.summary["loss"] == 0.25
    tracker_nb.finish()

    assert tracker_nb.run is None
    found = stored(run)
    assert found.series("loss").step.tolist() == [0, 7]
    assert (found.config, found.summary["best"], found.state) == ({"lr": 0.1}, 0.25, "finished")


@pytest.mark.ref("1.1-8")
def test_notes_and_tags_given_to_init_are_read_back(store):
    with tracker_nb.init(project="p", notes="**why** ä", tags=("baseline", "ünï", "baseline")) as run:
        assert (run.notes, run.tags) == ("**why** ä", ("baseline", "ünï"))
        run.tags += ("best",)
        run.notes = "because"
        run.name = "renamed"

    found = stored(run)
    assert (found.notes, found.tags, found.name) == ("because", ["baseline", "ünï", "best"], "renamed")


@pytest.mark.ref("1.1-8")
def test_notes_tags_and_name_are_changed_after_the_run_through_the_api(store):
    with tracker_nb.init(project="p", notes="why", tags=["baseline"]) as live:
        pass
    run = stored(live)
    run.notes = "because"
    run.name = "renamed"
    run.tags.append("best")
    assert stored(live).notes == "why"
    run.update()

    found = stored(live)
    assert (found.notes, found.tags, found.name) == ("because", ["baseline", "best"], "renamed")


@pytest.mark.ref("1.1-10")
def test_the_runs_of_a_project_are_listed_apart_from_those_of_other_projects(store):
    for project, name in [("a", "one"), ("b", "two"), ("a", "three")]:
        tracker_nb.init(project=project, name=name).finish()

    api = tracker_nb.Api()
    assert [run.name for run in api.runs("a")] == ["three", "one"]
    assert [run.name for run in api.runs("b")] == ["two"]
    assert {run.name for run in api.runs()} == {"one", "two", "three"}
    assert {(p.name, p.runs) for p in api.projects()} == {("a", 2), ("b", 1)}


@pytest.mark.ref("1.5-1")
def test_many_log_calls_make_one_run_that_the_api_reads_back(store):
    with tracker_nb.init(project="p") as run:
        for i in range(20_000):
            run.log({"i": i})

    assert len(tracker_nb.Api().runs("p")) == 1
    assert stored(run).series("i").value.tolist() == list(range(20_000))
    assert [row["i"] for row in stored(run).scan_history()] == list(range(20_000))


@pytest.mark.ref("1.2-3")
def test_config_may_be_a_namespace_of_argparse_or_a_dataclass(store):
    import argparse
    import dataclasses

    @dataclasses.dataclass
    class Options:
        lr: float = 0.1

    parser = argparse.ArgumentParser()
    parser.add_argument("-lr", type=int, default=0.001)  # the default is no int, and stays what it is
    with tracker_nb.init(project="p", config=parser.parse_args([])) as run:
        run.config.update(Options(lr=0.2))
        assert run.config.lr == 0.2
        run.config.update(parser.parse_args([]))
    assert stored(run).config == {"lr": 0.001}


def test_config_keys_can_be_left_out_or_picked(store):
    config = {"lr": 1, "epochs": 2, "secret": 3}
    with tracker_nb.init(project="p", config=config, config_exclude_keys=["secret"]) as run:
        assert dict(run.config) == {"lr": 1, "epochs": 2}
    with tracker_nb.init(project="p", config=config, config_include_keys=["lr"]) as run:
        assert dict(run.config) == {"lr": 1}


# ------------------------------------------------------------------------------------------------ a run that is open


def test_a_second_init_in_a_script_returns_the_run_that_is_open(store):
    first = tracker_nb.init(project="p")

    assert tracker_nb.init(project="p") is first
    assert tracker_nb.init(project="p", reinit="return_previous") is first
    assert tracker_nb.init(project="p", reinit=False) is first


@pytest.mark.parametrize("reinit", [True, "finish_previous"])
def test_reinit_finishes_every_run_that_is_open(store, reinit):
    first = tracker_nb.init(project="p")
    second = tracker_nb.init(project="p", reinit="create_new")
    third = tracker_nb.init(project="p", reinit=reinit)

    assert len({first.id, second.id, third.id}) == 3
    api = tracker_nb.Api()
    assert [api.run(run.path).state for run in (first, second, third)] == ["finished", "finished", "running"]
    assert tracker_nb.run is third


def test_two_runs_side_by_side_keep_their_rows_apart(store):
    first = tracker_nb.init(project="p")
    second = tracker_nb.init(project="p", reinit="create_new")
    for i in range(10):
        first.log({"x": i})
        second.log({"x": -i})
    tracker_nb.log({"x": -10})
    second.finish()
    assert tracker_nb.run is first
    tracker_nb.log({"x": 10})
    first.finish()

    assert stored(first).series("x").value.tolist() == list(range(11))
    assert stored(second).series("x").value.tolist() == [-i for i in range(11)]


def test_a_run_whose_finish_was_interrupted_is_never_returned_by_init(store, monkeypatch):
    first = tracker_nb.init(project="p")
    first.log({"x": 1})

    def interrupt(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(first._writer, "close", interrupt)
        with pytest.raises(KeyboardInterrupt):
            first.finish()
    second = tracker_nb.init(project="p")

    assert second is not first
    assert tracker_nb.Api().run(first.path).state == "finished"
    second.finish()
    assert tracker_nb.run is None


# ------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"entity": "a/b"}, BadValue, "entity='a/b' must be a name without '/'"),
        ({"project": "a/b"}, BadValue, "project='a/b' must be a name without '/'"),
        ({"project": " "}, BadValue, "project=' ' must be a name"),
        ({"mode": "online!"}, SettingsError, "online.*offline.*disabled"),
        ({"resume": "maybe"}, BadValue, "resume='maybe' must be one of never, allow, must, auto"),
        ({"resume": "auto"}, BadValue, "give an id and resume='allow'"),
        ({"resume": "must"}, BadValue, r"init\(id=..., resume='must'\)"),
        ({"reinit": "sometimes"}, BadValue, "finish_previous, return_previous, create_new"),
        ({"tags": [1]}, BadValue, r"tags=\['baseline'\]"),
        ({"config": 3}, BadValue, "must be a dict, an argparse namespace, a dataclass or absl flags, not int"),
        ({"settings": {"projct": "p"}}, SettingsError, "no setting 'projct'. Closest: project"),
        ({"settings": {"silent": "maybe"}}, SettingsError, "silent"),
        ({"id": "", "resume": "must"}, BadValue, "needs the id"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused_with_what_can(store, arguments, error, says):
    if "reinit" in arguments:
        tracker_nb.init(project="p")
    with pytest.raises(error, match=says):
        tracker_nb.init(**arguments)
    if "reinit" not in arguments:
        assert tracker_nb.run is None


def test_log_before_init_says_to_call_init(store):
    with pytest.raises(UsageError, match=r"call tracker_nb.init\(\) before tracker_nb.log"):
        tracker_nb.log({"loss": 1.0})
    with pytest.raises(UsageError, match=r"call tracker_nb.init\(\) before tracker_nb.summary"):
        tracker_nb.summary["loss"] = 1.0
    tracker_nb.finish()  # nothing to finish is no mistake


@pytest.mark.parametrize("data", [[1.0], 1.0, "loss", None, [("loss", 1.0)]])
def test_logging_something_else_than_a_dict_says_what_to_log(store, data):
    run = tracker_nb.init(project="p")

    for log in (run.log, tracker_nb.log):
        with pytest.raises(TypeError, match=re.escape("takes a dict such as {'loss': 0.1}")):
            log(data)


def test_logging_after_the_end_says_how_to_go_on(store):
    run = tracker_nb.init(project="p", id="abc")
    run.finish()

    with pytest.raises(UsageError, match=r"init\(id='abc', resume='must'\)"):
        run.log({"loss": 1.0})
    with tracker_nb.init(project="p", id="abc", resume="must") as again:
        again.log({"loss": 1.0})


def test_finishing_twice_is_no_mistake(store):
    run = tracker_nb.init(project="p")
    run.finish(exit_code=3)
    run.finish()
    tracker_nb.finish()

    assert (stored(run).state, stored(run).exit_code) == ("failed", 3)


def test_an_error_is_also_the_builtin_a_caller_would_catch(store):
    with pytest.raises(ValueError, match="resume"):
        tracker_nb.init(resume="maybe")
    with pytest.raises(RuntimeError, match="init"):
        tracker_nb.log({})
    with pytest.raises(FileNotFoundError, match="store"):
        tracker_nb.Api()
    tracker_nb.init(project="p").finish()
    with pytest.raises(KeyError, match="nope"):
        tracker_nb.Api().run("p/nope")


# ------------------------------------------------------------------------------------------------ other threads


def test_several_threads_log_to_one_run_and_nothing_is_lost(store):
    run = tracker_nb.init(project="p")

    def work(name):
        for i in range(500):
            run.log({name: i})

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()

    found = stored(run)
    for n in range(4):
        assert found.series(f"t{n}").value.tolist() == list(range(500))
    assert sorted(row["_step"] for row in found.scan_history()) == list(range(2000))


def test_the_start_line_names_the_run_and_the_store_unless_silent(tmp_path):
    script = "import tracker_nb; tracker_nb.init(project='p', name='first').finish()"
    environment = {"PATH": "", "HOME": str(tmp_path), "TRACKER_NB_DIR": str(tmp_path / "store")}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)

    assert "first" in done.stdout
    assert str(tmp_path / "store") in done.stdout
