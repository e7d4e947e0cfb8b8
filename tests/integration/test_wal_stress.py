"""Processes that commit, checkpoint, read, open and close at once.

SQLite before 3.51.3 can damage its write-ahead log when a commit and a checkpoint meet; ours must not. This tries to.
"""

import contextlib
import os
import random
import time
from pathlib import Path

import pytest

import tracker_nb
from tests.support import Reports, Watched, integrity, rows_of, wait_for_death
from tracker_nb.store.database import Database, connect_reading, snapshot
from tracker_nb.store.place import Place

WRITERS, READERS, LOGGERS = 3, 2, 1


# ---------------------------------------------------------------------------------------------------- the children


def commit(who):
    """Commit rows, checkpoint, close and open again, in any order."""
    report, chance, place = Reports(who), random.Random(who), Place(Path(os.environ["TRACKER_NB_DIR"]))
    with contextlib.closing(Database(place)) as database:
        for i in range(1 << 24):
            with database.transaction() as db:
                db.execute(
                    "INSERT INTO audit (time, actor, action, target, after) VALUES (?, ?, 'stress', '', ?)",
                    (i, str(who), "x" * chance.choice((0, 10, 3000, 20_000))),
                )
            report(i)
            time.sleep(chance.random() * 0.002)  # the lock is not fair: others must have a chance
            if chance.random() < 0.3:
                database.checkpoint(always=True)
            if chance.random() < 0.1:
                database.close()


def look(who):
    """Read from one snapshot, again and again: what was there stays there, without gaps."""
    report, chance, place = Reports(who), random.Random(who), Place(Path(os.environ["TRACKER_NB_DIR"]))
    seen = {}
    for i in range(1 << 24):
        with contextlib.closing(connect_reading(place)) as connection:
            for _ in range(chance.randrange(1, 6)):
                with snapshot(connection, place) as db:
                    question = "SELECT actor, count(*), max(time), sum(length(after)) FROM audit GROUP BY actor"
                    found = {actor: (count, last) for actor, count, last, _ in db.execute(question)}
                    time.sleep(chance.random() * 0.003)
                    again = {actor: (count, last) for actor, count, last, _ in db.execute(question)}
                assert found == again
                for actor, (count, last) in found.items():
                    assert count == last + 1
                    assert count >= seen.get(actor, 0)
                    seen[actor] = count
        report(i)


def log(who):
    from tests.support import apply_all_the_time

    apply_all_the_time(segment_bytes=20_000)
    report = Reports(who)
    run = tracker_nb.init(project="p", id=f"run{who}")
    for i in range(1 << 24):
        run.log({"x": i})
        report(i)
        time.sleep(0.0005)


# ---------------------------------------------------------------------------------------------------- the tests


def stress(store, tmp_path, seconds):
    tracker_nb.init(project="p").finish()
    with Watched(tmp_path, store) as family:
        for who in range(WRITERS):
            family.start(commit, who)
        for who in range(WRITERS, WRITERS + READERS):
            family.start(look, who)
        for who in range(WRITERS + READERS, WRITERS + READERS + LOGGERS):
            family.start(log, who)
        family.wait(lambda returned: len(returned) == WRITERS + READERS + LOGGERS)
        family.wait(seconds=seconds)
        assert all(process.poll() is None for process in family.processes)  # nobody has stumbled
        family.kill()
        returned = dict(family.returned)

    wait_for_death(store)
    assert integrity(store) == "ok"
    found = dict(rows_of(store, "SELECT actor, count(*) FROM audit WHERE action = 'stress' GROUP BY actor"))
    for who in range(WRITERS):
        assert returned[who] <= found[str(who)] <= returned[who] + 1
        rows = rows_of(store, "SELECT time FROM audit WHERE actor = ? ORDER BY id", str(who))
        assert [i for (i,) in rows] == list(range(len(rows)))
    for who in range(WRITERS, WRITERS + READERS):
        assert returned[who] > 3
    with contextlib.closing(tracker_nb.Api(store)) as asked:
        for who in range(WRITERS + READERS, WRITERS + READERS + LOGGERS):
            rows = asked.run(f"p/run{who}").series("x").value.tolist()
            assert rows == list(range(len(rows)))
            assert len(rows) - returned[who] in (0, 1)
    assert integrity(store) == "ok"


@pytest.mark.parametrize("attempt", range(2))
def test_commits_checkpoints_and_reads_at_once_damage_nothing_and_lose_nothing(store, tmp_path, attempt):
    stress(store, tmp_path, 2.5)


@pytest.mark.soak
@pytest.mark.parametrize("attempt", range(4))
def test_minutes_of_commits_checkpoints_and_reads_at_once_damage_nothing_and_lose_nothing(store, tmp_path, attempt):
    stress(store, tmp_path, 60)
