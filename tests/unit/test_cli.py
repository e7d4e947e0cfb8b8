"""The command line says what there is, in any terminal, and in one line what went wrong."""

import json
import math
import re
import time

import numpy as np
import pytest
from click.testing import CliRunner

import tracker_nb
from tracker_nb.cli import layout, main, text

NOW = 1_700_000_000_000_000


def tracker(*arguments, charset="utf-8", **variables):
    """What the command prints and how it ends."""
    return CliRunner(charset=charset).invoke(main, arguments, env=variables, catch_exceptions=False)


def out(*arguments, **more):
    done = tracker(*arguments, **more)
    assert done.exit_code == 0, done.output
    return done.stdout


def as_json(*arguments, **more):
    return json.loads(out(*arguments, "--json", **more))


def a_run(project="digits", *, rows=3, **arguments):
    with tracker_nb.init(project=project, **arguments) as run:
        for i in range(rows):
            run.log({"loss": 1 / (i + 1), "val": {"acc": 0.123456}})
    return run


# ---------------------------------------------------------------------------------------------------- runs


def test_runs_shows_the_newest_run_first_with_state_id_step_and_metrics_of_four_digits(store):
    first, second = a_run(id="first", name="older"), a_run(id="second", name="newer")

    title, one, two = out("runs", "digits").splitlines()

    assert re.split(r"  +", title) == ["State", "Name", "Id", "Created", "Runtime", "Step", "loss", "val.acc"]
    assert re.fullmatch(r"✓ Finished  newer  second  \d+ s ago +0:0\d +2  0\.3333   0\.1235", one)
    assert two.startswith(f"✓ Finished  older  {first.id}")
    assert second.id in one


def test_each_state_is_told_by_a_symbol_and_a_word(store):
    a_run(name="well")
    with pytest.raises(ZeroDivisionError), tracker_nb.init(project="digits", name="raised"):
        1 / 0  # noqa: B018
    with pytest.raises(KeyboardInterrupt), tracker_nb.init(project="digits", name="stopped"):
        raise KeyboardInterrupt
    tracker_nb.init(project="digits", name="open")

    shown = [re.split(r"  +", line)[:2] for line in out("runs", "digits").splitlines()[1:]]

    assert shown == [["● Running", "open"], ["■ Killed", "stopped"], ["✗ Failed", "raised"], ["✓ Finished", "well"]]


def test_runs_of_all_projects_name_their_project(store):
    a_run("digits")
    a_run("faces")

    lines = out("runs").splitlines()

    assert re.split(r"  +", lines[0])[3] == "Project"
    assert [re.split(r"  +", line)[3] for line in lines[1:]] == ["faces", "digits"]


def test_runs_of_an_entity_are_not_those_of_another(store):
    a_run(entity="ada", name="hers")
    a_run(entity="bob", name="his")

    assert [run["name"] for run in as_json("runs", "ada/digits")["runs"]] == ["hers"]
    assert as_json("runs", "digits")["count"] == 2


def test_runs_stops_at_the_limit_and_says_so(store):
    for i in range(4):
        a_run(name=f"r{i}", rows=1)

    done = tracker("runs", "--limit", "3")

    assert len(done.stdout.splitlines()) == 4
    assert done.stderr == "3 of 4 runs; --all shows every one.\n"
    assert len(out("runs", "--limit", "3", "--all").splitlines()) == 5
    assert as_json("runs", "--limit", "3")["count"] == 4


def test_runs_can_be_sorted_by_config_summary_and_attributes(store):
    for name, lr in (("b", 0.1), ("c", 0.01), ("a", 1)):
        a_run(name=name, config={"lr": lr}, rows=int(10 * lr) + 1)

    def names(order):
        return "".join(run["name"] for run in as_json("runs", "--order", order)["runs"])

    assert names("+created_at") == "bca"
    assert names("-config.lr") == "abc"
    assert names("+summary.loss") == "abc"
    assert names("+display_name") == "abc"


@pytest.mark.parametrize(
    ("conditions", "names"),
    [
        (["config.lr=0.1"], ["number"]),
        (["config.lr=1e-1"], ["number"]),
        (["config.lr=\"0.1\""], ["text"]),
        (["config.deep.on=true"], ["number"]),
        (["config.none=null"], ["number"]),
        (["tags=7"], ["text"]),
        (["state=finished"], ["number", "text"]),
        (["state=finished", "tags=7"], ["text"]),
        (["summary.loss=0.5"], ["number"]),
        (["config.expression=a=b"], ["text"]),
        (["state=running"], []),
    ],
)  # fmt: skip
def test_filters_compare_numbers_as_numbers_and_text_as_text(store, conditions, names):
    a_run(name="number", config={"lr": 0.1, "deep": {"on": True}, "none": None}, rows=2)
    a_run(name="text", config={"lr": "0.1", "expression": "a=b"}, tags=["7"], rows=1)

    given = [part for condition in conditions for part in ("--filter", condition)]

    assert sorted(run["name"] for run in as_json("runs", *given)["runs"]) == names


def test_runs_json_has_the_same_keys_for_every_run_and_exact_values(store):
    with tracker_nb.init(project="p", config={"lr": math.nan, "n": 2**70}, tags=["a"], notes="n", group="g") as run:
        run.log({"loss": math.inf, "low": -math.inf, "odd": math.nan, "exact": 0.123456789, "array": np.zeros((2, 3))})

    document = as_json("runs", "p")
    (found,) = document["runs"]

    assert (document["store"], document["project"], document["count"]) == (str(store), "p", 1)
    assert set(found) == {
        "path", "entity", "project", "id", "name", "state", "exit_code", "created_at", "updated_at", "ended_at",
        "runtime", "step", "group", "job_type", "tags", "notes", "color", "config", "summary",
    }  # fmt: skip
    assert found["config"] == {"lr": "NaN", "n": 2**70}
    summary = {key: value for key, value in found["summary"].items() if not key.startswith("_")}
    assert summary == {
        "loss": "Infinity",
        "low": "-Infinity",
        "odd": "NaN",
        "exact": 0.123456789,
        "array": {"_type": "array", "dtype": "float64", "shape": [2, 3]},
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", found["created_at"])
    assert found["created_at"] == tracker_nb.Api().run(run.path).created_at
    assert (found["state"], found["exit_code"], found["step"], found["tags"]) == ("finished", 0, 0, ["a"])


def test_runs_of_a_store_without_runs_teaches_how_to_log_one(store):
    tracker("init", "--dir", str(store))

    shown = out("runs", "digits")

    assert 'tracker_nb.init(project="digits")' in shown
    assert as_json("runs")["runs"] == []


def test_a_filter_that_no_run_passes_does_not_teach_logging(store):
    a_run()

    shown = out("runs", "--filter", "state=failed")

    assert "has these values" in shown
    assert "import" not in shown


# ---------------------------------------------------------------------------------------------------- terminals


@pytest.fixture
def varied(store):
    """Runs with long, wide and hostile names, and more metrics than fit anywhere."""
    metrics = {f"train/metric-number-{i}": i * 1.23456e-7 for i in range(30)}
    for name in (
        "plain",
        "a name that is longer than any sensible person would type in",
        "训练数据的实验",
        "a\x1b[31mb\n\u202ec",
    ):
        with tracker_nb.init(project="a-project-with-quite-a-name", name=name) as run:
            run.log(metrics)


@pytest.mark.parametrize("columns", [20, 40, 80, 140, 300])
def test_no_line_of_a_table_is_wider_than_the_terminal(varied, columns):
    lines = out("runs", COLUMNS=str(columns)).splitlines()

    assert max(map(layout.wide, lines)) <= columns
    assert all(line.startswith("✓ Finished") for line in lines[1:])
    assert len(lines) == 5


def test_a_wider_terminal_shows_more_metrics(varied):
    shown = [out("runs", COLUMNS=str(columns)).splitlines()[0].count("-number-") for columns in (80, 140, 300)]

    assert shown == sorted(set(shown))


def test_names_cannot_give_orders_to_the_terminal(varied):
    shown = out("runs", COLUMNS="200")

    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert r"a\x1b[31mb\n\u202ec" in shown


def test_output_is_not_coloured_where_it_is_no_terminal(varied):
    assert "\x1b" not in out("runs", COLORTERM="truecolor")


def test_a_terminal_that_has_only_ascii_gets_ascii_in_straight_columns(varied):
    lines = out("runs", charset="ascii", COLUMNS="100").splitlines()

    assert all(line.isascii() for line in lines)
    assert all(line.startswith("+ Finished  ") for line in lines[1:])
    assert len({line.index("  a-project") for line in lines[1:]}) == 1
    assert any(r"\u8bad" in line for line in lines)


def test_json_is_ascii_where_the_encoding_is(varied):
    names = [run["name"] for run in as_json("runs", charset="ascii")["runs"]]

    assert "训练数据的实验" in names


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.21314159, "0.2131"),
        (1234.5678, "1235"),
        (0.0003, "0.0003"),
        (0.00003, "3e-5"),
        (1.5e12, "1.5e12"),
        (2.0, "2"),
        (1240, "1,240"),
        (-1240, "-1,240"),
        (123456789012345, "1.235e14"),
        (math.nan, "NaN"),
        (math.inf, "Inf"),
        (-math.inf, "-Inf"),
        (True, "True"),
        (2**1100, "about 2^1100"),
    ],
)
def test_numbers_have_four_significant_digits(value, shown):
    assert text.number(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s ago"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (86399, "23 h ago"),
        (86400, "1 day ago"),
        (30 * 86400, "30 days ago"),
        (31 * 86400, time.strftime("%Y-%m-%d", time.localtime(NOW / 1e6 - 31 * 86400))),
        (-3600, time.strftime("%Y-%m-%d", time.localtime(NOW / 1e6 + 3600))),
    ],
)
def test_times_are_relative_until_they_are_a_month_old(seconds, shown):
    assert text.ago(NOW - int(seconds * 1e6), now=NOW) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.4, "0:00"), (42, "0:42"), (3723, "1:02:03"), (2 * 86400 + 3723, "2 d 01:02:03"), (-1, "0:00")],
)
def test_durations_are_read_like_a_clock(seconds, shown):
    assert text.duration(seconds) == shown


# ---------------------------------------------------------------------------------------------------- run show


def test_run_show_has_everything_of_a_run(store):
    config = {"lr": 0.01, "model": {"depth": 3}}
    with tracker_nb.init(
        project="digits",
        id="abc",
        name="nightly",
        config=config,
        tags=["base", "long"],
        notes="Two\nlines",
        job_type="train",
    ) as run:
        for i in range(5):
            run.log({"loss": 5 - i, "word": "x"})
        run.summary["best"] = 0.98765432

    shown = out("run", "show", "digits/nightly", COLUMNS="100")

    for pattern in (
        r"^nightly  ✓ Finished$",
        r"^  Path +\w+/digits/abc$",
        r"^  Created +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \(\d+ s ago\)$",
        r"^  Ended +\d{4}",
        r"^  Last step +4$",
        r"^  Job type +train$",
        r"^  Tags +base, long$",
        r"^  Host +\S+, process \d+$",
        r"^  Python +3\.\d+\.\d+ on \w+, ",
        r"^  lr +0\.01$",
        r"^  model\.depth +3$",
        r"^  best +0\.9877$",
        r"^Metric +Rows +Min +Max +Mean +Last$",
        r"^loss +5 +1 +5 +3 +1$",
        r"^word +5 +x$",
        r"^  Two$",
        r"^  lines$",
    ):
        assert re.search(pattern, shown, re.MULTILINE), pattern
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    "path", ["abc", "nightly", "digits/abc", "digits/nightly", "ada/digits/abc", "ada/digits/runs/abc"]
)
def test_run_show_takes_every_form_of_a_path(store, path):
    a_run(id="abc", name="nightly", entity="ada")

    assert as_json("run", "show", path)["path"] == "ada/digits/abc"


def test_run_show_json_has_what_runs_has_and_metrics_and_metadata(store):
    a_run(id="abc")

    shown = as_json("run", "show", "abc")
    (listed,) = as_json("runs")["runs"]

    assert shown.items() >= listed.items()
    assert set(shown) - set(listed) == {"store", "metrics", "metadata"}
    assert shown["metadata"]["python"]
    loss = shown["metrics"]["loss"]
    assert loss["mean"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert {key: loss[key] for key in ("rows", "count", "min", "max", "last", "last_step")} == {
        "rows": 3, "count": 3, "min": 1 / 3, "max": 1, "last": 1 / 3, "last_step": 2,
    }  # fmt: skip
    assert loss["last_at"].endswith("Z")


def test_run_show_of_a_failed_run_has_its_traceback(store):
    with pytest.raises(ValueError, match="column"), tracker_nb.init(project="digits", id="abc"):
        raise ValueError("no such column")

    shown = out("run", "show", "abc")

    assert "✗ Failed" in shown
    assert "Exit code  1" in shown
    assert "  ValueError: no such column" in shown
    assert "no such column" in as_json("run", "show", "abc")["metadata"]["error"]


def test_run_show_of_a_running_run_has_what_was_just_logged(store):
    run = tracker_nb.init(project="digits", id="abc")
    run.log({"loss": 0.25})

    shown = as_json("run", "show", "abc")

    assert (shown["state"], shown["ended_at"], shown["summary"]["loss"]) == ("running", None, 0.25)
    assert "● Running" in out("run", "show", "abc")


@pytest.mark.parametrize("columns", [20, 60, 120])
def test_run_show_stays_within_the_terminal(store, columns):
    with tracker_nb.init(project="digits", id="abc", config={"prompt": "word " * 50}) as run:
        run.log({f"metric-{i}": i for i in range(3)})

    lines = out("run", "show", "abc", COLUMNS=str(columns)).splitlines()

    prompt = [line for line in lines if "word" in line]
    assert max(map(layout.wide, prompt)) <= max(columns, 30)
    assert " ".join(prompt).count("word") == 50


# ---------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (["run", "show", "digits/nightlyy"], "RunNotFound", r"Closest: nightly"),
        (["run", "show", "a/b/c/d/e"], "BadValue", "no path of a run"),
        (["runs", "digit"], "ProjectNotFound", r"Closest: digits\."),
        (["runs", "xyz"], "ProjectNotFound", r"It has: digits\."),
        (["runs", "a/b/c"], "BadValue", "no path of a project"),
        (["runs", "--filter", "lr"], "BadValue", "FIELD=VALUE"),
        (["runs", "--filter", "stat=finished"], "BadValue", "Closest: state"),
        (["runs", "--order", "creatd_at"], "BadValue", "Closest: created_at"),
        (["runs", "--dir", "nowhere"], "StoreNotFound", "Make one with `tracker-nb init`, or log a run"),
        (["run", "show", "x", "--dir", "nowhere"], "StoreNotFound", "Make one with `tracker-nb init`, or log a run"),
        (["backup", "x", "--dir", "nowhere"], "StoreNotFound", "Make one with `tracker-nb init`, or log a run"),
        (["init", "x", "--dir", "y"], "BadValue", "either DIR"),
    ],
)
def test_an_error_is_one_line_for_people_and_an_object_for_programs(
    store, tmp_path, monkeypatch, arguments, kind, message
):
    a_run(name="nightly")
    monkeypatch.chdir(tmp_path)

    plain, document = tracker(*arguments), tracker(*arguments, "--json")

    assert (plain.exit_code, plain.stdout) == (1, "")
    assert re.fullmatch(rf"Error: .*{message}.*\n", plain.stderr)
    assert document.exit_code == 1
    error = json.loads(document.stdout)["error"]
    assert error["type"] == kind
    assert f"Error: {error['message']}\n" == document.stderr


def test_an_error_of_the_system_names_the_file(store, tmp_path):
    (tmp_path / "file").touch()

    done = tracker("init", str(tmp_path / "file"))

    assert done.exit_code == 1
    assert done.stderr == f"Error: Not a directory: {tmp_path / 'file' / '.tracker_nb'}.\n"


# ---------------------------------------------------------------------------------------------------- init


def test_init_makes_a_store_for_the_working_directory_and_does_nothing_the_second_time(tmp_path, monkeypatch):
    monkeypatch.delenv("TRACKER_NB_DIR", raising=False)
    monkeypatch.chdir(tmp_path)

    first = out("init")
    with tracker_nb.init(project="p", settings={"silent": True}):
        pass
    second = out("init")

    assert first.splitlines()[0] == f"Made a store at {tmp_path / '.tracker_nb'}."
    assert "already" in second
    assert (tmp_path / ".tracker_nb" / ".gitignore").read_text().splitlines()[-1] == "*"
    assert as_json("init") == {"store": str(tmp_path / ".tracker_nb"), "created": False, "notes": []}
    assert as_json("runs")["count"] == 1


def test_init_makes_a_store_in_the_folder_it_is_told(tmp_path, monkeypatch):
    monkeypatch.delenv("TRACKER_NB_DIR", raising=False)

    made = as_json("init", str(tmp_path / "new" / "project" / ".."))

    assert made["created"]
    assert made["store"] == str(tmp_path / "new" / ".tracker_nb")
    assert (tmp_path / "new" / ".tracker_nb" / "tracker.db").exists()


def test_init_says_when_another_store_goes_before_the_one_it_made(store, tmp_path):
    done = tracker("init", str(tmp_path / "project"))

    assert done.exit_code == 0
    assert f"TRACKER_NB_DIR is set to {store}" in done.stderr


def test_init_of_a_store_that_only_a_variable_leads_to_says_which(tmp_path, monkeypatch):
    monkeypatch.delenv("TRACKER_NB_DIR", raising=False)

    done = tracker("init", "--dir", str(tmp_path / "s"))

    assert f"TRACKER_NB_DIR={tmp_path / 's'}" in done.stderr
    assert (tmp_path / "s" / "tracker.db").exists()
