"""Settings and environment variables: where they come from and which wins."""

import getpass
import os
import subprocess
import sys

import pytest

import tracker_nb
from tracker_nb import Settings, SettingsError


@pytest.mark.ref("1.11-1")
def test_variables_set_in_the_script_before_init_are_read(store, monkeypatch):
    first = tracker_nb.init()  # the module and its settings are loaded long before
    first.finish()
    os.environ["TRACKER_NB_PROJECT"] = "later"
    monkeypatch.delenv("TRACKER_NB_NAME", raising=False)
    os.environ["TRACKER_NB_NAME"] = "named"
    try:
        run = tracker_nb.init()
    finally:
        del os.environ["TRACKER_NB_PROJECT"], os.environ["TRACKER_NB_NAME"]

    assert (run.project, run.name) == ("later", "named")


@pytest.mark.ref("1.11-9")
def test_the_store_lies_where_tracker_nb_dir_says(store, tmp_path, monkeypatch):
    elsewhere = tmp_path / "else" / "where"
    monkeypatch.setenv("TRACKER_NB_DIR", str(elsewhere))
    with tracker_nb.init(project="p") as run:
        run.log({"x": 1})

    assert (elsewhere / "tracker.db").is_file()
    assert not store.exists()
    assert tracker_nb.Api().run(run.path).series("x").value.tolist() == [1]
    assert tracker_nb.Api(dir=elsewhere).run(run.path).id == run.id


def test_a_relative_store_is_meant_from_where_the_script_started(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKER_NB_DIR", "here")
    run = tracker_nb.init(project="p")
    (tmp_path / "sub").mkdir()
    os.chdir(tmp_path / "sub")  # monkeypatch goes back
    run.log({"x": 1})
    run.finish()

    assert tracker_nb.Api(dir=tmp_path / "here").run(run.path).series("x").value.tolist() == [1]
    assert not (tmp_path / "sub" / "here").exists()


def test_the_nearest_store_at_or_above_the_working_directory_is_used(store, tmp_path, monkeypatch):
    monkeypatch.delenv("TRACKER_NB_DIR")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home" / "data"))
    (tmp_path / "project" / "deep" / "er").mkdir(parents=True)
    tracker_nb.init(dir=tmp_path / "project" / ".tracker_nb").finish()
    monkeypatch.chdir(tmp_path / "project" / "deep" / "er")
    tracker_nb.init(project="inside").finish()
    monkeypatch.chdir(tmp_path)
    tracker_nb.init(project="outside").finish()

    inside = tracker_nb.Api(dir=tmp_path / "project" / ".tracker_nb")
    assert {p.name for p in inside.projects()} == {"uncategorized", "inside"}
    assert (tmp_path / "project" / ".tracker_nb" / ".gitignore").read_text("utf-8").splitlines()[-1] == "*"
    outside = tracker_nb.Api(dir=tmp_path / "home" / "data" / "tracker_nb")
    assert [p.name for p in outside.projects()] == ["outside"]


@pytest.mark.ref("1.11-14", "1.11-19", "1.11-21", "1.11-22", "1.11-23", "1.11-25", "1.11-27")
@pytest.mark.parametrize(
    ("variable", "argument", "value", "other"),
    [
        ("ENTITY", "entity", "team", "me"),
        ("PROJECT", "project", "digits", "letters"),
        ("NAME", "name", "first", "second"),
        ("NOTES", "notes", "**why**", "because"),
        ("TAGS", "tags", "a, b,,c", ["d"]),
        ("RUN_GROUP", "group", "experiment_1", "experiment_2"),
        ("JOB_TYPE", "job_type", "eval", "train"),
    ],
)
def test_a_variable_stands_in_for_an_argument_of_init_that_was_not_given(
    store, monkeypatch, variable, argument, value, other
):
    monkeypatch.setenv(f"TRACKER_NB_{variable}", value)
    with tracker_nb.init() as run:
        pass
    with tracker_nb.init(**{argument: other}) as overruled:
        pass

    value, other = (["a", "b", "c"], ["d"]) if variable == "TAGS" else (value, other)
    api = tracker_nb.Api()
    assert getattr(api.run(run.path), argument) == value
    assert getattr(api.run(overruled.path), argument) == other


def test_arguments_win_over_settings_and_these_over_our_variables_and_these_over_wandbs(store, monkeypatch):
    def project(**arguments):
        with tracker_nb.init(**arguments) as run:
            return run.project

    monkeypatch.setenv("WANDB_PROJECT", "from wandb")
    assert project() == "from wandb"
    monkeypatch.setenv("TRACKER_NB_PROJECT", "from ours")
    assert project() == "from ours"
    assert project(settings={"project": "from settings"}) == "from settings"
    assert project(settings=Settings(project="from settings")) == "from settings"
    assert project(settings=Settings(project="from settings"), project="from argument") == "from argument"
    monkeypatch.setenv("TRACKER_NB_PROJECT", "")
    assert project() == "from wandb"


@pytest.mark.ref("1.11-20")
def test_the_mode_comes_from_the_environment(store, monkeypatch):
    monkeypatch.setenv("TRACKER_NB_MODE", "disabled")
    with tracker_nb.init(project="p") as run:
        run.log({"x": 1})
        assert run.disabled
    assert not store.exists()

    monkeypatch.setenv("TRACKER_NB_MODE", "Offline")
    with tracker_nb.init(project="p") as run:
        run.log({"x": 1})
        assert not run.disabled
    found = tracker_nb.Api().run(run.path)
    assert (found.series("x").value.tolist(), found.metadata["mode"]) == ([1], "offline")


def test_a_script_runs_unchanged_in_mode_disabled(store):
    with tracker_nb.init(project="p", config={"epochs": 3}, mode="disabled", tags=["a"], name="n") as run:
        for epoch in range(run.config.epochs):
            run.log({"epoch": epoch, "val": {"acc": epoch / 10}})
            run.summary["best"] = max(run.summary.get("best", 0.0), run.summary["val.acc"])
        tracker_nb.log({"epoch": 3})
        del run.summary["val.acc"]
        assert (run.summary["best"], run.summary["epoch"], run.step, run.tags) == (0.2, 3, 4, ("a",))
        assert "val.acc" not in run.summary
        assert (run.name, run.project, len(run.id)) == ("n", "p", 8)
        assert os.path.isdir(run.dir)
        with pytest.raises(KeyError, match="nope"):
            run.summary["nope"]
    assert not store.exists()


@pytest.mark.ref("1.11-29")
@pytest.mark.parametrize("how", ["TRACKER_NB_SILENT", "WANDB_SILENT", "TRACKER_NB_QUIET", "settings", "dict"])
def test_a_silent_run_prints_nothing(store, how):
    environment = {name: value for name, value in os.environ.items() if name != "TRACKER_NB_SILENT"}
    settings = {"settings": "tracker_nb.Settings(silent=True)", "dict": "{'silent': True}"}.get(how, "None")
    if settings == "None":
        environment[how] = "true"
    script = f"import tracker_nb\nrun = tracker_nb.init(project='p', settings={settings})\nrun.log({{'x': 1}})"
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)

    assert (done.stdout, done.stderr) == ("", "")
    assert len(tracker_nb.Api().runs("p")) == 1


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("TRACKER_NB_MODE", "onlin", "TRACKER_NB_MODE='onlin' must be one of online, offline, disabled"),
        ("WANDB_RESUME", "perhaps", "WANDB_RESUME='perhaps' must be one of never, allow, must, auto"),
        ("TRACKER_NB_SILENT", "maybe", "TRACKER_NB_SILENT='maybe' must be true or false"),
        ("TRACKER_NB_DURABILITY", "much", "must be one of process, power"),
    ],
)
def test_a_variable_with_a_value_that_cannot_be_used_is_named_with_those_that_can(
    store, monkeypatch, variable, value, says
):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=says):
        tracker_nb.init(project="p")
    assert not store.exists()


@pytest.mark.parametrize(
    ("text", "meant"),
    [("true", True), ("1", True), ("YES", True), ("on", True), ("False", False), ("0", False), ("off", False)],
)
def test_switches_in_the_environment_are_read_as_people_write_them(store, monkeypatch, capsys, text, meant):
    monkeypatch.setenv("TRACKER_NB_SILENT", text)
    tracker_nb.init(project="p").finish()

    assert (capsys.readouterr().out == "") is meant


def test_an_unknown_setting_is_refused_with_the_closest_names(store):
    with pytest.raises(SettingsError, match=r"no setting 'disable_cod'. Closest: disable_code.*All of them: console"):
        Settings(disable_cod=True)
    with pytest.raises(SettingsError, match=r"no setting 'runid'\. Closest: run_id"):
        tracker_nb.init(settings={"runid": "abc"})
    with pytest.raises(SettingsError, match="silent"):
        Settings(silent="loud")


def test_wandbs_settings_of_what_comes_later_are_taken_without_a_word(store):
    settings = Settings(console="off", disable_code=True, disable_git=True, save_code=False, x_disable_stats=True)
    with tracker_nb.init(project="p", settings=settings, save_code=True) as run:
        run.log({"x": 1})
    assert tracker_nb.Api().run(run.path).state == "finished"


def test_the_entity_is_the_user_unless_given(store):
    with tracker_nb.init(project="p") as run:
        pass
    assert run.path == f"{getpass.getuser()}/p/{run.id}"
