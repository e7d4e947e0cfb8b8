"""A store that is locked, read-only or gone: training does not wait for it, and nothing that was logged is lost."""

import contextlib
import os
import random
import shutil
import sqlite3
import stat
import time
import warnings
from pathlib import Path

import pytest

import tracker_nb
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
from tracker_nb.journal import reader
from tracker_nb.sdk.run import LogWarning
from tracker_nb.store import apply, background

needs_mount = pytest.mark.skipif(mounting() is None, reason="needs a mount namespace: root, or user namespaces")


# ---------------------------------------------------------------------------------------------------- the children


def hold(store, how):
    if how == "writer lock":
        import fcntl

        file = Path(store, "tracker.lock").open("w")
        fcntl.flock(file, fcntl.LOCK_EX)
    else:
        db = sqlite3.connect(Path(store, "tracker.db"), isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
    Reports()(0)
    time.sleep(60)


def log_until_killed(rows):
    from tests.support import apply_all_the_time

    apply_all_the_time()
    report = Reports()
    run = tracker_nb.init(project="p", id="killed")
    for i in range(rows):
        run.log({"x": i})
    assert wait_for(lambda: background.background(run._place).applier.offset(run._writer.uid)[1] > 1000)
    background.TICK = 60
    time.sleep(0.1)
    for i in range(rows, 2 * rows):
        run.log({"x": i})
    report(2 * rows - 1)
    time.sleep(60)


def begin_and_finish(run_id):
    with tracker_nb.init(project="p", id=run_id) as run:
        run.log({"x": 1})


def read(run_id):
    with api(os.environ["TRACKER_NB_DIR"]) as asked:
        run = asked.run(run_id)
        rows = len(list(run.scan_history()))
        return {"state": run.state, "x": run.series("x").value.tolist(), "rows": rows, "runs": len(asked.runs())}


def log_elsewhere():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with tracker_nb.init(project="p", id="elsewhere") as run:
            run.log({"x": 1})
    with api(run._place.root) as asked:
        values = asked.run("p/elsewhere").series("x").value.tolist()
    return {"said": [str(w.message) for w in caught], "place": str(run._place), "x": values}


# ---------------------------------------------------------------------------------------------------- locked


@pytest.fixture(params=["writer lock", "transaction"])
def held(request, store, tmp_path, monkeypatch):
    """A store that another process does not let go of; and we have less patience than usual."""
    monkeypatch.setattr(background, "LOCK_SECONDS", 0.2)
    monkeypatch.setattr(background, "TICK", 0.05)
    tracker_nb.init(project="p", id="before").finish()
    with Watched(tmp_path, store) as holder:

        def take():
            holder.start(hold, str(store), request.param)
            holder.wait(lambda returned: 0 in returned)

        holder.take, holder.kind = take, request.param
        yield holder


def test_init_log_and_finish_do_not_wait_for_a_locked_store_and_the_next_process_applies(store, held):
    held.take()
    begin = time.monotonic()
    run = tracker_nb.init(project="p", id="waits")
    began = time.monotonic()
    for i in range(2000):
        run.log({"x": i})
    logged = time.monotonic()
    with pytest.warns(LogWarning, match="safe in the journals"):
        run.finish()
    finished = time.monotonic()
    with api(store) as asked:
        assert asked.run("p/waits").state == "finished"
        assert asked.run("p/waits").series("x").value.tolist() == list(range(2000))
    read_ = time.monotonic()
    assert began - begin < 1
    assert logged - began < 1
    assert finished - logged < 3
    assert read_ - finished < 1
    assert len(journals(store)) == 1

    held.kill()
    call(begin_and_finish, "after", store=store)
    with api(store) as asked:
        assert asked.run("p/waits").series("x").value.tolist() == list(range(2000))
        assert {run.state for run in asked.runs()} == {"finished"}
    assert journals(store) == []


def test_what_waited_for_a_lock_is_applied_when_it_is_free(store, held, monkeypatch):
    for name in ("WORTH_BYTES", "BATCH_BYTES"):
        monkeypatch.setattr(background, name, 1)
    held.take()
    run = tracker_nb.init(project="p", id="waits")
    run.log({"x": 0})
    service = background.background(run._place)
    assert wait_for(lambda: service.problem is not None, seconds=15)
    held.kill()
    assert wait_for(lambda: service.problem is None and service.applier.offset(run._writer.uid)[1] > 0, seconds=15)
    run.finish()

    assert journals(store) == []


def test_a_dead_run_is_read_at_once_while_the_store_is_locked(store, held):
    run = tracker_nb.init(project="p", id="dead")
    for i in range(100):
        run.log({"x": i})
    abandon(run)
    held.take()

    begin = time.monotonic()
    with api(store) as asked:
        assert asked.run("p/dead").state == "crashed"
        assert asked.run("p/dead").series("x").value.tolist() == list(range(100))
    assert time.monotonic() - begin < 1


def test_a_dead_run_is_resumed_while_the_store_is_locked(store, held):
    run = tracker_nb.init(project="p", id="dead")
    run.log({"x": 0})
    abandon(run)
    held.take()

    begin = time.monotonic()
    run = tracker_nb.init(project="p", id="dead", resume="must")
    assert time.monotonic() - begin < 3
    run.log({"x": 1})
    held.kill()
    run.finish()
    with api(store) as asked:
        assert asked.run("p/dead").state == "finished"
        assert asked.run("p/dead").series("x").step.tolist() == [0, 1]


# ---------------------------------------------------------------------------------------------------- read-only


def files(store):
    return {path.name: path.read_bytes() for path in sorted(store.rglob("*")) if path.is_file()}


@needs_mount
def test_a_store_that_cannot_be_written_is_read(store):
    call(begin_and_finish, "done", store=store)
    before = files(store)

    found = call(read, "p/done", store=store, before=on_read_only(store))

    assert found == {"state": "finished", "x": [1], "rows": 1, "runs": 1}
    assert files(store) == before


@needs_mount
@pytest.mark.parametrize("shared_memory", [True, False], ids=["as killed", "copied without its shared memory"])
def test_a_store_whose_writer_was_killed_is_read_where_it_cannot_be_written(store, tmp_path, shared_memory):
    with Watched(tmp_path, store) as child:
        child.start(log_until_killed, 1000)
        child.wait(lambda returned: 0 in returned)
        child.kill()
    wait_for_death(store)
    assert (store / "tracker.db-wal").stat().st_size > 0
    if not shared_memory:
        (store / "tracker.db-shm").unlink()
    before = files(store)

    found = call(read, "p/killed", store=store, before=on_read_only(store))

    assert found == {"state": "crashed", "x": list(range(2000)), "rows": 2000, "runs": 1}
    assert files(store) == before


@needs_mount
def test_a_run_whose_store_cannot_be_written_is_recorded_elsewhere_and_says_where(store, tmp_path):
    call(begin_and_finish, "done", store=store)

    found = call(log_elsewhere, store=store, before=on_read_only(store), XDG_DATA_HOME=tmp_path / "user")

    assert found["place"].startswith(str(tmp_path / "user"))
    assert any(found["place"] in said and str(store) in said for said in found["said"])
    assert found["x"] == [1]


def test_a_run_in_a_place_where_no_folder_can_be_made_is_recorded_elsewhere(store, tmp_path):
    (tmp_path / "file").write_text("not a folder")

    found = call(log_elsewhere, store=tmp_path / "file" / "store", XDG_DATA_HOME=tmp_path / "user")

    assert found["place"].startswith(str(tmp_path / "user"))
    assert found["x"] == [1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere: a read-only mount shows the same")
def test_a_run_in_a_folder_without_permission_is_recorded_elsewhere(store, tmp_path):
    call(begin_and_finish, "done", store=store)
    store.chmod(0o500)
    try:
        found = call(log_elsewhere, store=store, XDG_DATA_HOME=tmp_path / "user")
    finally:
        store.chmod(0o700)

    assert found["place"].startswith(str(tmp_path / "user"))


# ---------------------------------------------------------------------------------------------------- gone


def remove(store):
    """Delete a folder in which others go on making files."""
    while store.exists():
        with contextlib.suppress(OSError):
            shutil.rmtree(store)


def remove_and_replace(store):
    remove(store)
    call(begin_and_finish, "other", store=store)


def move_away(store):
    store.rename(store.with_name("moved"))


def remove_database(store):
    for path in store.glob("tracker.db*"):
        path.unlink()


ACCIDENTS = [remove, remove_and_replace, move_away, remove_database]


@pytest.mark.parametrize("accident", ACCIDENTS)
@pytest.mark.parametrize("applied", [False, True], ids=["in the journal", "applied"])
def test_a_run_whose_store_vanishes_goes_on_and_loses_nothing(store, monkeypatch, accident, applied):
    monkeypatch.setattr(background, "TICK", 0.01)
    run = tracker_nb.init(project="p", id="homeless", config={"lr": 0.1})
    for i in range(300):
        run.log({"x": i})
    if applied:
        for journal in reader.journals(store / "journals"):
            background.background(run._place).applier.apply(journal)
    accident(store)
    for i in range(300, 600):
        run.log({"x": i})
    assert wait_for(lambda: run._writer.path.exists())
    for i in range(600, 900):
        run.log({"x": i, "y": i})
    if (store / "tracker.db").exists():  # else it is made when the journal is applied
        with api(store) as asked:
            assert asked.run("p/homeless").series("x").value.tolist() == list(range(900))
    run.finish()

    with api(store) as asked:
        found = asked.run("p/homeless")
        assert found.series("x").value.tolist() == list(range(900))
        assert (found.state, found.config, found.name) == ("finished", {"lr": 0.1}, run.name)
        assert len(asked.runs()) == (2 if accident is remove_and_replace else 1)
    assert journals(store) == []
    assert integrity(store) == "ok"


@pytest.mark.parametrize("accident", ACCIDENTS)
def test_a_run_whose_store_vanishes_just_before_it_ends_loses_nothing(store, accident):
    run = tracker_nb.init(project="p", id="homeless")
    for i in range(300):
        run.log({"x": i})
    accident(store)
    run.finish()

    with api(store) as asked:
        assert asked.run("p/homeless").state == "finished"
        assert asked.run("p/homeless").series("x").value.tolist() == list(range(300))
    assert journals(store) == []


@pytest.mark.parametrize("seed", range(8))
def test_a_store_that_vanishes_again_and_again_while_it_is_applied_to_loses_nothing(store, monkeypatch, seed):
    for name in ("WORTH_BYTES", "BATCH_BYTES"):
        monkeypatch.setattr(background, name, 1)
    monkeypatch.setattr(background, "TICK", 0.001)
    chance = random.Random(seed)
    run = tracker_nb.init(project="p", id="homeless")
    for i in range(3000):
        run.log({"x": i, f"key {i % 3}": i})
        if chance.random() < 0.004:
            time.sleep(chance.random() * 0.02)
            remove(store)
    run.finish()

    with api(store) as asked:
        assert asked.run("p/homeless").state == "finished"
        assert asked.run("p/homeless").series("x").value.tolist() == list(range(3000))
    assert integrity(store) == "ok"


@pytest.mark.parametrize("moment", ["before its names are stored", "before its rows are stored"])
def test_a_store_replaced_in_the_middle_of_an_apply_does_not_get_its_rows_mixed_up(store, monkeypatch, moment):
    run = tracker_nb.init(project="p", id="homeless")
    monkeypatch.setattr(background, "TICK", 60)
    applier = background.background(run._place).applier

    def log(i):
        run.log({"x": i, "y": 2 * i})

    for i in range(100):
        log(i)
    applier.apply(reader.journals(store / "journals")[0])
    where = applier.offset(run._writer.uid)
    for i in range(100, 200):
        log(i)
        if moment == "before its names are stored":
            run.log({f"new {i}": i})

    def replace():
        remove(store)
        call(begin_and_finish, "other", store=store)
        with contextlib.closing(sqlite3.connect(store / "tracker.db")) as db, db:
            # The other run's writer has our id there, and could be just as far.
            db.execute("UPDATE writers SET segment = ?, offset = ?", where)
        numbers.extend(rows_of(store, numbers_of_the_other))
        run._writer.heal()

    numbers_of_the_other = """SELECT i.* FROM interned i JOIN writers w ON w.id = i.writer_id
        JOIN generations g ON g.id = w.generation_id JOIN runs r ON r.id = g.run_id WHERE r.run = 'other'"""
    numbers, once = [], [replace]

    def then(real):
        def instead(*args, **kwargs):
            if once:
                once.pop()()
            return real(*args, **kwargs)

        return instead

    if moment == "before its names are stored":
        monkeypatch.setattr(apply.Batch, "groups", then(apply.Batch.groups))
    else:
        monkeypatch.setattr(apply, "_with_ids", then(apply._with_ids))
    applier.apply(reader.journals(store / "journals")[0])
    assert not once
    run.finish()

    with api(store) as asked:
        assert {run.id for run in asked.runs()} == {"homeless", "other"}
        assert asked.run("p/other").series("x").value.tolist() == [1]
        assert asked.run("p/other").keys() == ["x"]
        found = asked.run("p/homeless")
        assert found.series("x").value.tolist() == list(range(200))
        assert found.series("y").value.tolist() == [2 * i for i in range(200)]
    assert numbers
    assert rows_of(store, numbers_of_the_other) == numbers
    assert integrity(store) == "ok"


def test_a_store_that_comes_back_is_as_private_as_it_was(store, monkeypatch):
    monkeypatch.setattr(background, "TICK", 0.01)
    run = tracker_nb.init(project="p", id="homeless")
    remove(store)
    assert wait_for(lambda: run._writer.path.exists())
    run.finish()

    for path in (store, store / "journals"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((store / "tracker.db").stat().st_mode) == 0o600


def test_several_runs_of_a_process_whose_store_vanishes_lose_nothing(store, monkeypatch):
    monkeypatch.setattr(background, "TICK", 0.01)
    runs = [tracker_nb.init(project="p", id=f"run{i}", reinit="create_new") for i in range(3)]
    for run in runs:
        run.log({"x": 1})
    remove(store)
    for run in runs:
        run.log({"x": 2})
    for run in runs:
        run.finish()

    with api(store) as asked:
        assert [asked.run(f"p/run{i}").series("x").value.tolist() for i in range(3)] == [[1, 2]] * 3
