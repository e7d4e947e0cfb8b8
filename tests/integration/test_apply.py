"""Applying journals: however often, by however many, and interrupted wherever, the store is the same in the end."""

import contextlib
import random
import shutil
import sqlite3
import threading
import time
from pathlib import Path

import pytest

import tracker_nb
from tests.support import (
    Reports,
    Watched,
    abandon,
    api,
    apply_all_the_time,
    call,
    integrity,
    journal_of,
    journals,
    rows_of,
    wait_for,
    wait_for_death,
)
from tracker_nb.journal import reader, writer
from tracker_nb.store import apply, background, groups, merge
from tracker_nb.store.apply import Applier, take_over
from tracker_nb.store.database import Database
from tracker_nb.store.place import Place

ROWS = 400


def log_of_everything(run, rows=ROWS):
    """Rows of several kinds, and a record of every other kind in between."""
    for i in range(rows):
        run.log({"loss": 1 / (i + 1), "i": i})
        if i % 3 == 0:
            run.log({"often": i, "text": f"row {i}"}, step=i, commit=False)
        if i % 50 == 0:
            run.log({f"rare {i}": i, "nested": {"deep": i}}, step=i)
            run.config[f"lr {i}"] = i
            run.summary["best"] = i
        if i % 90 == 0:
            run.name = f"name {i}"
            run.log({f"wide {j}": j for j in range(300)}, step=-1)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A store whose only run was killed, in three segments, nothing of it applied."""
    store = tmp_path_factory.mktemp("killed") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "SEGMENT_BYTES", 12_000)
        run = tracker_nb.init(project="p", id="killed", dir=store, config={"a": 1}, settings={"silent": True})
        log_of_everything(run)
        abandon(run)
    assert len(journals(store)) >= 3
    return store


@pytest.fixture
def copy(killed, tmp_path):
    """A function that makes a fresh copy of that store."""

    def make(name):
        shutil.copytree(killed, tmp_path / name)
        return tmp_path / name

    return make


def contents(store, run_id="killed"):
    """Everything that can be asked of a run; NaN-free, so that it can be compared."""
    with api(store) as asked:
        run = asked.run(f"p/{run_id}")
        rows = list(run.scan_history())
        return {
            "rows": rows,
            "state": run.state,
            "name": run.name,
            "config": run.config,
            "summary": dict(run.summary.items()),
            "keys": sorted(run.keys()),
            "series": {key: run.series(key).value.tolist() for key in ("loss", "i", "often", "text", "nested.deep")},
            "events": rows_of(store, "SELECT kind, seq, time, data FROM run_events ORDER BY seq"),
            "statistics": statistics(store),
            "skipped": rows_of(store, "SELECT sum(skipped_places), sum(skipped_bytes), sum(lost) FROM writers"),
        }


def statistics(store):
    found = rows_of(
        store,
        """SELECT k.name, s.rows, s.count, s.min, s.max, s.sum, s.first, s.last, s.last_step, s.last_time, s.last_seq
           FROM metric_stats s JOIN keys k ON k.id = s.key_id ORDER BY k.name""",
    )
    return [(*row[:5], row[5] and round(row[5], 9), *row[6:]) for row in found]


@pytest.fixture(scope="module")
def applied_once(killed, tmp_path_factory):
    """What the store holds when all goes well."""
    store = tmp_path_factory.mktemp("once") / "store"
    shutil.copytree(killed, store)
    found = contents(store)
    assert found["state"] == "crashed"
    assert sorted(found["series"]["i"]) == list(range(ROWS))
    assert journals(store) == []
    return found


def assert_same(store, wanted, run_id="killed"):
    found = contents(store, run_id)
    for name, value in wanted.items():
        assert found[name] == value, name
    assert journals(store) == []
    assert integrity(store) == "ok"


# ---------------------------------------------------------------------------------------------------- again


def test_a_journal_applied_twice_gives_the_same_store(copy, applied_once):
    store = copy("twice")
    segments = {path: path.read_bytes() for path in (store / "journals").iterdir()}
    for _ in range(3):
        with contextlib.closing(Database(Place(store))) as database:
            assert take_over(Applier(database)) == 1
        for path, data in segments.items():
            path.write_bytes(data)

    assert_same(store, applied_once)


def test_a_journal_that_comes_back_in_parts_changes_nothing(copy, applied_once):
    store = copy("parts")
    segments = {path: path.read_bytes() for path in sorted((store / "journals").iterdir())}
    assert_same(store, applied_once)
    for path, data in segments.items():
        path.write_bytes(data)
        assert_same(store, applied_once)


@pytest.mark.parametrize("piece", [300, 5_000, 60_000])
def test_a_journal_applied_in_small_pieces_gives_the_same_store(copy, applied_once, monkeypatch, piece):
    monkeypatch.setattr(apply, "BATCH_BYTES", piece)

    assert_same(copy("pieces"), applied_once)


def test_a_journal_applied_while_it_grows_gives_the_same_store(killed, applied_once, tmp_path):
    """Byte by byte, so to say: as the writer's own background would, at the worst moments."""
    store = tmp_path / "grows"
    shutil.copytree(killed, store)
    segments = {path.name: path.read_bytes() for path in sorted((store / "journals").iterdir())}
    for name in segments:
        (store / "journals" / name).unlink()
    chance = random.Random(3)
    with contextlib.closing(Database(Place(store))) as database:
        applier = Applier(database)
        for name, data in segments.items():
            path = store / "journals" / name
            for end in [*sorted(chance.sample(range(len(data)), 12)), len(data)]:
                path.write_bytes(data[:end])
                applier.apply(journal_of(store))
            applier.drop_applied_segments(journal_of(store))
        assert len(journals(store)) == 1

    assert_same(store, applied_once)


def test_processes_applying_the_same_journal_at_once_give_the_same_store(copy, applied_once, tmp_path):
    for attempt in range(2):
        store = copy(f"together{attempt}")
        with Watched(store.parent, store) as family:
            for _ in range(3):
                family.start(take_over_and_report, str(store), str(tmp_path / f"go{attempt}"))
            family.wait(lambda returned: returned.get(1, 0) == 1, seconds=1.5)
            (tmp_path / f"go{attempt}").touch()
            for process in family.processes:
                assert process.wait(30) == 0
        assert_same(store, applied_once)


def take_over_and_report(store, go):

    from tracker_nb.store import apply as module

    module.BATCH_BYTES = 3_000
    assert wait_for(Path(go).exists, 20)
    with contextlib.closing(Database(Place(Path(store)))) as database:
        take_over(Applier(database))


def test_threads_applying_the_same_journal_at_once_give_the_same_store(copy, applied_once, monkeypatch):
    monkeypatch.setattr(apply, "BATCH_BYTES", 3_000)
    store, problems = copy("threads"), []

    def go():
        try:
            with contextlib.closing(Database(Place(store))) as database:
                take_over(Applier(database))
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    assert_same(store, applied_once)


@pytest.mark.parametrize("batches", [0, 1, 2])
def test_a_process_that_is_overtaken_between_reading_and_writing_applies_nothing_twice(
    copy, applied_once, monkeypatch, batches
):
    monkeypatch.setattr(apply, "BATCH_BYTES", 5_000)
    store = copy("overtaken")
    read, count = Applier._read, [0]

    def overtaken(self, *args, **kwargs):
        found = read(self, *args, **kwargs)
        if self is slow:
            if count[0] == batches:
                with contextlib.closing(Database(Place(store))) as other:
                    Applier(other).apply(journal_of(store), ended=True)
            count[0] += 1
        return found

    monkeypatch.setattr(Applier, "_read", overtaken)
    with contextlib.closing(Database(Place(store))) as database:
        slow = Applier(database)
        take_over(slow)

    assert count[0] > batches
    assert_same(store, applied_once)


# ---------------------------------------------------------------------------------------------------- interrupted


class Interrupted(BaseException):
    """What can come at any moment: a KeyboardInterrupt, an exhausted memory."""


class Interrupting(sqlite3.Connection):
    """A connection that raises at the n-th statement."""

    left = 0
    counted = 0
    error: BaseException = Interrupted()

    def _count(self):
        cls = type(self)
        cls.counted += 1
        if cls.left:
            cls.left -= 1
            if not cls.left:
                raise cls.error

    def execute(self, sql, *args):
        if not sql.startswith(("PRAGMA", "ROLLBACK")):
            self._count()
        return super().execute(sql, *args)

    def executemany(self, sql, *args):
        self._count()
        return super().executemany(sql, *args)


@pytest.fixture
def statements(monkeypatch):
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, **{**k, "factory": Interrupting}))
    monkeypatch.setattr(apply, "BATCH_BYTES", 12_000)
    Interrupting.left = Interrupting.counted = 0
    yield Interrupting
    Interrupting.left = 0


ERRORS = [Interrupted(), sqlite3.OperationalError("disk I/O error"), MemoryError()]


def count_statements(store, statements):
    """How many statements it takes to apply what is in a store."""
    statements.counted = 0
    with contextlib.closing(Database(Place(store))) as database:
        take_over(Applier(database))
    assert statements.counted > 300
    return statements.counted


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_an_apply_interrupted_at_any_statement_is_completed_by_another_process(
    killed, copy, applied_once, statements, error, tmp_path
):
    total = count_statements(copy("count"), statements)
    chance = random.Random(repr(error))
    statements.error = error
    # Each of the first and the last statements, and some of those between.
    for point in sorted({*range(1, 16), *range(total - 12, total + 1), *chance.sample(range(16, total), 12)}):
        store = copy(f"interrupted {point}")
        with contextlib.closing(Database(Place(store))) as database:
            statements.left = point
            with contextlib.suppress(type(error)):
                take_over(Applier(database))
            assert statements.left == 0
        assert_same(store, applied_once)
        shutil.rmtree(store)


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_an_apply_interrupted_again_and_again_is_completed_by_the_same_process(copy, applied_once, statements, error):
    """The background tries again with what it remembers of the store: that must not run ahead of it."""
    total = count_statements(copy("count"), statements)
    chance = random.Random(repr(error))
    statements.error = error
    store, tries = copy("interrupted"), 0
    with contextlib.closing(Database(Place(store))) as database:
        applier = Applier(database)
        while journals(store):
            tries += 1
            statements.left = chance.randrange(1, total // 6) if tries < 60 else 0
            with contextlib.suppress(type(error)):
                take_over(applier)
        statements.left = 0
    assert tries > 6

    assert_same(store, applied_once)


# ---------------------------------------------------------------------------------------------------- the dead


def log_and_die(run_id, rows):
    import os

    run = tracker_nb.init(project="p", id=run_id)
    for i in range(rows):
        run.log({"x": i})
    os._exit(0)


def begin_another(run_id):
    tracker_nb.init(project="p", id=run_id).finish()


def stay(run_id):
    run = tracker_nb.init(project="p", id=run_id)
    run.log({"x": 0})
    Reports()(0)
    time.sleep(60)


def test_an_api_takes_over_the_journals_of_the_dead(store):
    for n in range(3):
        call(log_and_die, f"dead{n}", 10, store=store)
    assert len(journals(store)) == 3
    api(store).__enter__().close()

    assert journals(store) == []
    assert rows_of(store, "SELECT state, ended IS NOT NULL FROM runs") == [("crashed", 1)] * 3


def test_an_api_leaves_the_journals_of_the_living_alone(store, tmp_path):
    with Watched(tmp_path, store) as child:
        child.start(stay, "living")
        child.wait(lambda returned: 0 in returned)
        with api(store) as asked:
            assert asked.run("p/living").state == "running"
        assert len(journals(store)) == 1
        child.kill()
    wait_for_death(store)
    with api(store) as asked:
        assert asked.run("p/living").state == "crashed"
    assert journals(store) == []


def test_a_process_that_logs_takes_over_the_journals_of_the_dead(store):
    call(log_and_die, "dead", 10, store=store)
    call(patient, store=store)

    assert rows_of(store, "SELECT run, state FROM runs ORDER BY run") == [("dead", "crashed"), ("patient", "finished")]
    assert journals(store) == []


def patient():
    background.TICK = 0.01
    with tracker_nb.init(project="p", id="patient") as run:
        run.log({"x": 1})
        assert wait_for(lambda: len(reader.journals(run._place.journals)) == 1)


def test_the_next_init_of_the_same_run_takes_over_its_journal(store):
    call(log_and_die, "again", 10, store=store)
    with tracker_nb.init(project="p", id="again", resume="must") as run:
        assert run.step == 10
        assert len(journals(store)) == 1
        run.log({"x": 10})

    with api(store) as asked:
        assert asked.run("p/again").series("x").step.tolist() == list(range(11))
        assert asked.run("p/again").state == "finished"


def test_a_run_resumed_after_it_finished_and_killed_then_has_crashed(store):
    begin = ["first", "second"]
    for n, _ in enumerate(begin):
        run = tracker_nb.init(project="p", id="again", resume="allow")
        run.log({"x": n})
        if n == 0:
            run.finish()
            with api(store) as asked:
                assert asked.run("p/again").state == "finished"
        else:
            abandon(run)

    with api(store) as asked:
        assert asked.run("p/again").state == "crashed"
        assert asked.run("p/again").series("x").value.tolist() == [0, 1]


def test_a_leftover_of_a_segment_that_was_never_begun_does_no_harm(store):
    tracker_nb.init(project="p", id="done").finish()
    (store / "journals" / "x.y.000001.new").write_bytes(b"")
    (store / "journals" / "no segment").write_bytes(b"?")

    with api(store) as asked:
        assert len(asked.runs()) == 1


# ---------------------------------------------------------------------------------------------------- folders


def test_a_store_folder_moved_while_closed_holds_everything(store, copy, applied_once):
    run = tracker_nb.init(project="p", id="first")
    log_of_everything(run, 50)
    run.finish()
    call(log_and_die, "dead", 10, store=store)
    wanted = contents(store, "first")
    call(log_and_die, "dead2", 10, store=store)
    moved = store.with_name("moved")
    store.rename(moved)

    assert contents(moved, "first")["rows"] == wanted["rows"]
    with api(moved) as asked:
        for run_id in ("dead", "dead2"):
            assert asked.run(f"p/{run_id}").series("x").value.tolist() == list(range(10))
            assert asked.run(f"p/{run_id}").state == "crashed"
    assert not store.exists()
    with tracker_nb.init(project="p", id="first", resume="must", dir=moved) as run:
        run.log({"i": 50})
    assert sorted(contents(moved, "first")["series"]["i"]) == list(range(51))
    assert journals(moved) == []


def test_a_journal_copied_to_another_store_is_applied_there(store, copy, applied_once, tmp_path):
    source = copy("source")
    tracker_nb.init(project="p", id="own", dir=tmp_path / "target").finish()
    for path in (source / "journals").iterdir():
        part = shutil.copy(path, tmp_path / "target" / "part")
        Path(part).rename(tmp_path / "target" / "journals" / path.name)  # whole, or not there

    assert_same(tmp_path / "target", {k: v for k, v in applied_once.items() if k not in ("events", "statistics")})


# ---------------------------------------------------------------------------------------------------- what is stored


@pytest.mark.parametrize("small", [4, 16])
def test_merged_groups_hold_what_was_logged(store, monkeypatch, small):
    monkeypatch.setattr(merge, "MANY_SMALL", small)
    monkeypatch.setattr(groups, "GROUP_ROWS", 64)
    monkeypatch.setattr(merge, "SMALL_ROWS", 40)
    run = tracker_nb.init(project="p", id="merged")
    service = background.background(run._place)
    monkeypatch.setattr(background, "TICK", 60)
    for i in range(900):
        run.log({"a": i, "b": i / 3}, step=i if i % 7 else -i)
        if not i % 5:
            service.applier.apply(journal_of(store))
    before = {}
    for when in ("live", "sealed"):
        with api(store) as asked:
            found = asked.run("p/merged")
            rows = [(row["_step"], row["a"], row["b"]) for row in found.scan_history()]
            series = found.series("b")
            steps, values = series.step.tolist(), series.value.tolist()
        assert rows == sorted([(i if i % 7 else -i, i, i / 3) for i in range(900)], key=lambda row: row[0])
        assert list(zip(steps, values, strict=True)) == [(s, b) for s, _, b in rows]
        before[when] = rows_of(store, "SELECT count(*) FROM row_groups")[0][0]
        if when == "live":
            run.finish()
    assert before["sealed"] <= 900 / 64 + 1
    assert rows_of(store, "SELECT min(sealed) FROM row_groups") == [(1,)]
    assert rows_of(store, "SELECT count(*) FROM chunks WHERE group_id NOT IN (SELECT id FROM row_groups)") == [(0,)]


def test_a_child_applying_all_the_time_gives_the_same_store(store, tmp_path):
    call(log_eagerly, store=store)
    with tracker_nb.init(project="p", id="killed", dir=tmp_path / "plain") as run:
        log_of_everything(run)

    eager, plain = contents(store), contents(tmp_path / "plain")
    for row in (*eager["rows"], *plain["rows"]):
        for name in ("_timestamp", "_runtime"):
            row.pop(name)
    for name in ("rows", "state", "name", "config", "keys", "series"):
        assert eager[name] == plain[name], name


def log_eagerly():
    apply_all_the_time(segment_bytes=9_000)
    with tracker_nb.init(project="p", id="killed") as run:
        log_of_everything(run)
