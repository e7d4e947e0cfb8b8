"""Stores of other releases: earlier ones are brought up to date, once and safely; later ones are left alone."""

import contextlib
import math
import os
import shutil
import sqlite3
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import tracker_nb
from tests.golden import content
from tests.support import (
    Reports,
    Watched,
    abandon,
    api,
    call,
    integrity,
    journals,
    mounting,
    on_read_only,
    rows_of,
    wait_for,
    wait_for_death,
)
from tracker_nb.errors import StoreTooNew
from tracker_nb.sdk.run import LogWarning
from tracker_nb.store import background, schema

GOLDEN = Path(__file__).parents[1] / "golden"
NUMBERS = sorted(int(path.name.removeprefix("schema-")) for path in GOLDEN.glob("schema-*"))


# ---------------------------------------------------------------------------------------------------- the children


def next_release(*, fail_at=None, seconds=0.0):
    """Become the release after this one: schema 3, reached in two steps from this one's."""

    def to_2(db):
        db.execute("CREATE TABLE added (at INTEGER)")
        db.execute("INSERT INTO added VALUES (1)")
        if fail_at == 2:
            raise RuntimeError("this migration fails")
        if seconds:
            Reports()(0)
            time.sleep(seconds)
        db.execute("ALTER TABLE runs ADD COLUMN mood TEXT NOT NULL DEFAULT 'good'")

    def to_3(db):
        db.execute("INSERT INTO added VALUES (2)")
        db.execute("DROP TABLE audit")
        if fail_at == 3:
            raise RuntimeError("this migration fails")

    now = schema.VERSION
    schema.VERSION = now + 2
    schema.MIGRATIONS.update({now: to_2, now + 1: to_3})


def open_with_the_next_release(go, fail_at, seconds):
    next_release(fail_at=fail_at, seconds=seconds)
    if go:
        assert wait_for(Path(go).exists, 20)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with tracker_nb.init(project="p") as run:
                run.log({"x": 1})
        except RuntimeError as error:
            return {"error": str(error)}
    return {"said": [str(w.message) for w in caught]}


def read_with_the_next_release(run_id):
    next_release()
    with api(os.environ["TRACKER_NB_DIR"]) as asked:
        run = asked.run(run_id)
        return {"state": run.state, "x": run.series("x").value.tolist(), "rows": len(list(run.scan_history()))}


def version(store):
    return rows_of(store, "PRAGMA user_version")[0][0]


@pytest.fixture
def old(store):
    """A store of this release with a run in it."""
    with tracker_nb.init(project="p", id="before") as run:
        for i in range(100):
            run.log({"x": i})
    return store


def assert_untouched(store):
    assert version(store) == schema.VERSION
    assert integrity(store) == "ok"
    assert rows_of(store, "SELECT name FROM sqlite_master WHERE name = 'added'") == []
    with api(store) as asked:
        assert asked.run("p/before").series("x").value.tolist() == list(range(100))


# ---------------------------------------------------------------------------------------------------- up to date


def test_processes_that_migrate_at_once_migrate_once_after_a_backup(old, tmp_path):
    with Watched(tmp_path, old) as family:
        for _ in range(3):
            family.start(open_with_the_next_release, str(tmp_path / "go"), None, 0)
        family.wait(seconds=0.8)
        (tmp_path / "go").touch()
        for process in family.processes:
            assert process.wait(30) == 0

    assert version(old) == schema.VERSION + 2
    assert rows_of(old, "SELECT at FROM added ORDER BY at") == [(1,), (2,)]
    assert rows_of(old, "SELECT state, mood, count(*) FROM runs GROUP BY 1, 2") == [("finished", "good", 4)]
    assert integrity(old) == "ok"
    assert journals(old) == []
    backups = list((old / "backups").iterdir())
    assert len(backups) == 1
    with contextlib.closing(sqlite3.connect(backups[0])) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT run FROM runs").fetchall() == [("before",)]


def test_a_backup_can_be_put_back(old, tmp_path):
    call(open_with_the_next_release, None, None, 0, store=old)
    (backup,) = (old / "backups").iterdir()
    back = tmp_path / "back"
    back.mkdir()
    shutil.copy(backup, back / "tracker.db")

    assert_untouched(back)


@pytest.mark.parametrize("fail_at", [2, 3])
def test_a_migration_that_fails_leaves_the_schema_it_began_with(old, fail_at):
    found = call(open_with_the_next_release, None, fail_at, 0, store=old)

    assert "this migration fails" in str(found)
    if fail_at == 2:
        assert_untouched(old)
    else:
        assert version(old) == schema.VERSION + 1  # the first step stands; the second left nothing behind
        assert rows_of(old, "SELECT at FROM added") == [(1,)]
        assert rows_of(old, "SELECT count(*) FROM audit") == [(0,)]
        assert rows_of(old, "SELECT run, mood FROM runs WHERE run = 'before'") == [("before", "good")]
    assert integrity(old) == "ok"
    assert len(list((old / "backups").iterdir())) == fail_at - 2  # where nothing was changed, none is needed

    call(open_with_the_next_release, None, None, 0, store=old)
    assert version(old) == schema.VERSION + 2


def test_a_migration_that_is_killed_leaves_the_schema_it_began_with(old, tmp_path):
    with Watched(tmp_path, old) as child:
        child.start(open_with_the_next_release, None, None, 60)
        child.wait(lambda returned: 0 in returned)
        child.kill()
    wait_for_death(old)

    assert_untouched(old)
    call(open_with_the_next_release, None, None, 0, store=old)
    assert version(old) == schema.VERSION + 2
    assert rows_of(old, "SELECT at FROM added ORDER BY at") == [(1,), (2,)]


def test_an_earlier_store_is_read_by_the_next_release(old):
    assert call(read_with_the_next_release, "p/before", store=old) == {
        "state": "finished", "x": list(range(100)), "rows": 100
    }  # fmt: skip


@pytest.mark.skipif(mounting() is None, reason="needs a mount namespace: root, or user namespaces")
def test_an_earlier_store_that_cannot_be_written_is_read_by_the_next_release(old):
    found = call(read_with_the_next_release, "p/before", store=old, before=on_read_only(old))

    assert found["x"] == list(range(100))
    assert version(old) == schema.VERSION


# ---------------------------------------------------------------------------------------------------- a later one


def test_an_old_writer_goes_on_while_a_newer_process_migrates_and_the_newer_one_applies_all(store, monkeypatch):
    for name in ("WORTH_BYTES", "BATCH_BYTES"):
        monkeypatch.setattr(background, name, 1)
    monkeypatch.setattr(background, "TICK", 0.005)
    run = tracker_nb.init(project="p", id="old")
    for i in range(1000):
        run.log({"x": i})
    service = background.background(run._place)
    assert wait_for(lambda: service.applier.offset(run._writer.uid)[1] > 0)
    call(open_with_the_next_release, None, None, 0, store=store)
    for i in range(1000, 2000):
        run.log({"x": i, "y": i})
    assert wait_for(lambda: isinstance(service.problem, StoreTooNew))
    with pytest.raises(StoreTooNew):
        tracker_nb.Api()
    for i in range(2000, 2100):
        run.log({"x": i})
    with pytest.warns(LogWarning, match="pip install -U tracker_nb"):
        run.finish()
    assert len(journals(store)) == 1

    assert call(read_with_the_next_release, "p/old", store=store) == {
        "state": "finished", "x": list(range(2100)), "rows": 2100
    }  # fmt: skip
    assert journals(store) == []
    assert integrity(store) == "ok"


def test_a_run_begun_on_a_later_store_is_journaled_and_applied_by_the_later_release(old):
    call(open_with_the_next_release, None, None, 0, store=old)

    run = tracker_nb.init(project="p", config={"a": 1})
    run.log({"x": 1})
    with pytest.warns(LogWarning, match="pip install -U tracker_nb"):
        run.finish()

    assert len(journals(old)) == 1
    assert version(old) == schema.VERSION + 2
    assert call(read_with_the_next_release, f"p/{run.id}", store=old) == {"state": "finished", "x": [1], "rows": 1}
    assert journals(old) == []


def test_a_later_store_is_refused_for_reading_with_what_to_do(old):
    call(open_with_the_next_release, None, None, 0, store=old)
    before = (old / "tracker.db").read_bytes()

    with pytest.raises(StoreTooNew, match=f"schema {schema.VERSION + 2}.*up to {schema.VERSION}.*pip install -U"):
        tracker_nb.Api()
    assert (old / "tracker.db").read_bytes() == before


def test_an_api_that_is_open_while_the_store_is_migrated_refuses_then(old):
    with api(old) as asked:
        run = asked.run("p/before")
        call(open_with_the_next_release, None, None, 0, store=old)
        with pytest.raises(StoreTooNew):
            run.series("x")


# ---------------------------------------------------------------------------------------------------- golden stores


def golden(number, tmp_path):
    store = tmp_path / "golden"
    shutil.copytree(GOLDEN / f"schema-{number}", store)
    return store


def test_there_is_a_golden_store_of_every_schema():
    assert list(range(1, schema.VERSION + 1)) == NUMBERS


@pytest.mark.parametrize("number", NUMBERS)
def test_a_golden_store_is_of_its_schema_and_small(tmp_path, number):
    store = golden(number, tmp_path)
    assert sum(path.stat().st_size for path in store.rglob("*")) < 300_000
    assert version(store) == number


def test_the_tables_of_this_release_are_those_of_its_golden_store(store, tmp_path):
    """A change of the schema needs a new number; `python -m tests.golden.make` makes its golden store."""
    tracker_nb.init(project="p").finish()
    tables = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"

    assert rows_of(store, tables) == rows_of(golden(schema.VERSION, tmp_path), tables)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("again", [False, True], ids=["first", "applied"])
def test_the_golden_store_of_every_schema_reads_back_what_was_logged(tmp_path, number, again):
    store = golden(number, tmp_path)
    if again:
        tracker_nb.Api(store).close()
        assert journals(store) == []
        assert integrity(store) == "ok"
    with api(store) as asked:
        assert {run.id: run.state for run in asked.runs("ada/golden")} == {
            "finished": "finished", "failed": "failed", "crashed": "crashed", "resumed": "finished", "left": "crashed"
        }  # fmt: skip
        finished = asked.run("golden/finished")
        assert finished.name == "first-run"
        assert (finished.notes, finished.tags, finished.group, finished.job_type) == (
            "# Notes",
            content.TAGS,
            "g",
            "train",
        )
        assert math.isnan(finished.config.pop("missing"))
        assert {k: v for k, v in finished.config.items() if k != "missing"} == {
            **{k: v for k, v in content.CONFIG.items() if k != "missing"}, "later": {"added": 1}
        }  # fmt: skip
        assert finished.summary["loss"] == 0.25
        assert {k: finished.summary[k] for k in content.SUMMARY} == content.SUMMARY
        assert finished.metadata["argv"] == ["--lr", "0.001"]
        assert finished.created_at.startswith("2026-")

        series = finished.series("loss")
        np.testing.assert_array_equal(series.value, content.losses())
        assert series.step.tolist() == list(range(1200))
        assert (np.diff(series.time.astype(np.int64)) > 0).all()
        assert len(set(series.execution.tolist())) == 1
        assert series.execution[0] > 0
        buckets = finished.buckets("loss", n=10)
        assert buckets.count.sum() == 1200
        assert (buckets.max.max(), buckets.min.min()) == (math.inf, -math.inf)

        rows = [{k: v for k, v in row.items() if k[0] != "_"} for row in finished.scan_history(min_step=1201)]
        assert rows[: len(content.ODD_ROWS)] == [
            {"nested.deep.er": 1} if "nested" in row else row for row in content.ODD_ROWS
        ]
        assert finished.series("array").value[0].tolist() == content.ARRAY
        assert finished.series("array").value[0].dtype == np.int16
        assert rows[-1] == {"first": 1, "second": 2}
        unordered = finished.series("unordered")
        assert list(zip(unordered.step.tolist(), unordered.value.tolist(), strict=True)) == sorted(
            [(step, value) for value, step in enumerate(content.STEPS)], key=lambda pair: pair[0]
        )

        assert asked.run("golden/failed").exit_code == 3
        assert asked.run("golden/crashed").series("loss").value.tolist() == [float(i) for i in range(10)]
        assert asked.run("golden/resumed").series("loss").step.tolist() == [0, 1]
        left = asked.run("golden/left")
        assert left.series("loss").value.tolist() == [float(i) for i in range(content.LEFT)]
        assert left.series("text").value.tolist() == [f"row {i}" for i in range(content.LEFT)]
        assert left.config == {"lr": 0.5}


@pytest.mark.parametrize("number", NUMBERS)
def test_the_golden_store_of_every_schema_can_be_logged_to(tmp_path, store, number):
    place = golden(number, tmp_path)
    with tracker_nb.init(entity="ada", project="golden", id="left", resume="must", dir=place) as run:
        assert run.step == content.LEFT
        run.log({"loss": -1.0})
    run = tracker_nb.init(entity="ada", project="golden", id="new", dir=place)
    run.log({"loss": 1.0})
    abandon(run)

    with api(place) as asked:
        assert asked.run("golden/left").series("loss").value.tolist() == [*map(float, range(content.LEFT)), -1.0]
        assert asked.run("golden/left").state == "finished"
        assert asked.run("golden/new").state == "crashed"
    assert version(place) == schema.VERSION
    assert integrity(place) == "ok"


def tables(store):
    """What each table and index holds, whatever order it came in."""
    names = rows_of(store, "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
    numbers = {"table": 1, "index": 2}  # before the name of a column stands where it stands
    held = {
        (kind, name): sorted(row[numbers[kind] :] for row in rows_of(store, f"PRAGMA {kind}_info({name})"))
        for kind, name in names
    }
    return held | {("keys", name): rows_of(store, f"PRAGMA foreign_key_list({name})") for kind, name in names}


@pytest.mark.parametrize("number", NUMBERS)
def test_a_migrated_store_has_the_tables_of_a_new_one(tmp_path, store, number):
    tracker_nb.init(project="p").finish()
    place = golden(number, tmp_path)
    tracker_nb.Api(place).close()

    found, new = tables(place), tables(store)
    assert found.keys() == new.keys()
    assert {name: held for name, held in found.items() if held != new[name]} == {}


def test_a_store_made_on_the_way_to_schema_2_is_brought_there(tmp_path, store):
    """Such stores have the columns of schema 2 and the number 1."""
    with tracker_nb.init(project="p", id="before") as run:
        run.log({"x": 1})
    with contextlib.closing(sqlite3.connect(store / "tracker.db")) as db:
        db.execute("PRAGMA user_version = 1")

    with api(store) as asked:
        assert asked.run("p/before").series("x").value.tolist() == [1]
    assert version(store) == schema.VERSION
    assert integrity(store) == "ok"
