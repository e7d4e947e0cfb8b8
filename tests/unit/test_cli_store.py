"""`tracker-nb store`: what it says, what it asks, and that it does nothing unasked."""

import json
import shutil

import pytest
from click.testing import CliRunner

import tracker_nb
from tests.unit.test_moving import _quiet, fill
from tracker_nb.cli import main, stores
from tracker_nb.store import known


def tracker(*arguments, typed=None, **variables):
    return CliRunner().invoke(main, ["store", *arguments], input=typed, env=variables, catch_exceptions=False)


@pytest.fixture
def filled(store):
    known._remembered.clear()
    fill(store, rows=3)
    known._remembered.clear()
    return store


def test_the_list_says_where_stores_are_and_which_is_used_here(filled, tmp_path, monkeypatch):
    other = tmp_path / "other"
    with tracker_nb.init(project="p", dir=other) as run:
        run.log({"a": 1})
    _quiet()

    lines = tracker("list", COLUMNS="200").stdout.splitlines()
    document = json.loads(tracker("list", "--json").stdout)

    assert lines[0].split() == ["Place", "Runs", "Size", "Used", "Id"]
    assert [line.startswith("●") for line in lines[1:]].count(True) == 1
    assert next(line for line in lines if line.startswith("●")).split()[1:3] == [str(filled), "1"]
    rows = {row["place"]: row for row in document["stores"]}
    assert set(rows) == {str(filled), str(other)}
    assert rows[str(filled)]["in_use_here"]
    assert not rows[str(other)]["in_use_here"]
    assert rows[str(other)]["runs"] == 1
    assert rows[str(other)]["bytes"] > 50_000
    assert document["count"] == 2


def test_a_store_that_is_gone_is_counted_and_named_when_asked_for(filled):
    shutil.rmtree(filled)

    said, everything = tracker("list").stdout, tracker("list", "--all", COLUMNS="200").stdout

    assert "1 more is no longer where it was: --all lists them." in said
    assert str(filled) not in said
    assert f"{filled}  (gone)" in everything


def test_where_there_is_none_the_list_says_how_there_will_be(store):
    assert "makes it known" in tracker("list").stdout


def test_moving_says_how_programs_find_the_store(filled, tmp_path):
    target = tmp_path / "project" / ".tracker_nb"

    done = tracker("move", str(target))
    assert f"Moved the store from {filled} to {target}" in done.stdout
    assert f"TRACKER_NB_DIR still names {filled}. Set it to {target}" in done.stderr
    back = json.loads(tracker("move", str(filled), "--dir", str(target), "--json", TRACKER_NB_DIR=None).stdout)
    assert (back["store"], back["from"], back["copied"]) == (str(filled), str(target), False)
    assert "TRACKER_NB_DIR=" in back["notes"][0]


def test_deleting_asks_and_names_what_will_go(filled, monkeypatch):
    asked = []
    monkeypatch.setattr(stores.click, "confirm", lambda question, **_: asked.append(question) or False)
    monkeypatch.setattr(stores, "_can_ask", lambda: True)

    done = tracker("delete")

    assert done.exit_code == 1
    assert asked[0].startswith(f"Delete the store at {filled} with 1 run, ")
    assert asked[0].endswith("This cannot be undone.")
    assert (filled / "tracker.db").exists()


def test_where_nobody_can_be_asked_nothing_is_deleted_without_yes(filled):
    refused = tracker("delete")
    assert (refused.exit_code, (filled / "tracker.db").exists()) == (1, True)
    assert "give --yes" in refused.stderr
    assert json.loads(tracker("delete", "--json").stdout)["error"]["type"] == "UsageError"

    done = json.loads(tracker("delete", "--json", "--yes").stdout)
    assert (done["runs"], filled.exists()) == (1, False)


def test_deleting_says_what_stays(filled):
    (filled / "mine.txt").touch()
    said = tracker("delete", "--yes").stdout
    assert f"{filled} stays, with what is not part of the store: mine.txt." in said


def test_a_store_in_use_is_refused_before_anybody_is_asked(filled):
    run = tracker_nb.init(project="p", id="live")
    refused = tracker("delete", "--yes")
    assert refused.exit_code == 1
    assert "p/live" in refused.stderr
    run.finish()
