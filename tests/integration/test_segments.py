"""Journals of several segments, and readers of journals that are applied and deleted under their feet."""

import contextlib
import sqlite3
import threading
import time

import numpy as np
import pytest

import tracker_nb
from tests.support import (
    api,
    journal_of,
    journals,
    rows_of,
)
from tracker_nb.journal import reader, writer
from tracker_nb.query.overview import summary_of
from tracker_nb.query.reading import Reader
from tracker_nb.store import background, merge
from tracker_nb.store.place import Place

ROWS = 400


# ---------------------------------------------------------------------------------------------------- segments


def test_segments_roll_over_and_each_announces_its_names_anew(store, monkeypatch):
    monkeypatch.setattr(writer, "SEGMENT_BYTES", 2_000)
    run = tracker_nb.init(project="p", id="rolls")
    for i in range(300):
        run.log({"a": i, f"b{i % 4}": i})
    found = journal_of(store)
    assert len(found.segments) > 5
    for segment in found.segments:
        known = set()
        for _, record in reader.read(segment.path):
            if type(record).__name__ in ("Keys", "Site"):
                known.add(record.id)
            if type(record).__name__ == "Row":
                assert record.keys in known
                assert record.site in known
    numbers = [r.id for s in found.segments for _, r in reader.read(s.path) if type(r).__name__ in ("Keys", "Site")]
    assert len(numbers) == len(set(numbers))  # a number never means two things
    run.finish()

    with api(store) as asked:
        assert asked.run("p/rolls").series("a").value.tolist() == list(range(300))
    assert journals(store) == []


def test_a_segment_is_deleted_only_when_everything_in_it_is_applied(store, monkeypatch):
    monkeypatch.setattr(writer, "SEGMENT_BYTES", 2_000)
    run = tracker_nb.init(project="p", id="rolls")
    service = background.background(run._place)
    monkeypatch.setattr(background, "TICK", 60)
    for i in range(100):
        run.log({"a": i})
    before = journals(store)
    service.applier.drop_applied_segments(journal_of(store))
    assert journals(store) == before

    service.applier.apply(journal_of(store))
    assert journals(store) == before
    with contextlib.closing(sqlite3.connect(store / "tracker.db", isolation_level=None)) as snapshot:
        snapshot.execute("BEGIN")
        snapshot.execute("SELECT * FROM runs").fetchall()
        run.log({"a": 100})
        service.applier.apply(journal_of(store))
        service.applier.drop_applied_segments(journal_of(store))
        assert journals(store) == before  # in the log, and not yet in the database: a power cut could still lose it
    service.applier.drop_applied_segments(journal_of(store))
    assert journals(store) == before[-1:]
    run.finish()

    with api(store) as asked:
        assert asked.run("p/rolls").series("a").value.tolist() == list(range(101))
    assert journals(store) == []


def test_a_segment_that_cannot_be_begun_lets_the_old_one_grow(store, monkeypatch):
    monkeypatch.setattr(writer, "SEGMENT_BYTES", 2_000)
    run = tracker_nb.init(project="p", id="rolls")

    def no(self, number):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(writer.Writer, "_open_segment", no)
    for i in range(200):
        run.log({"a": i})
    assert len(journals(store)) == 1
    monkeypatch.undo()
    run.finish()

    with api(store) as asked:
        assert asked.run("p/rolls").series("a").value.tolist() == list(range(200))


# ---------------------------------------------------------------------------------------------------- readers


@pytest.mark.parametrize("looked", [False, True], ids=["at its first look", "later"])
def test_a_reader_that_loses_a_segment_under_its_feet_answers_all_the_same(store, monkeypatch, looked):
    run = tracker_nb.init(project="p", id="live")
    for i in range(100):
        run.log({"a": i})
    doomed, listed = [], reader.journals

    def then_gone(folder, *, run=None):
        found = listed(folder, run=run)
        while doomed:  # deleted between the listing and the reading
            doomed.pop().unlink()
        return found

    with contextlib.closing(Reader(Place(store))) as asked:
        if looked:
            assert summary_of(asked, run.entity, "p", "live")["a"] == 99
        run.log({"a": 100})
        with monkeypatch.context() as patch:
            patch.setattr("tracker_nb.store.apply.portable.remove", lambda path: not doomed.append(path))
            run.finish()
        assert len(doomed) == 1
        monkeypatch.setattr("tracker_nb.query.tails.reader.journals", then_gone)
        assert summary_of(asked, run.entity, "p", "live")["a"] == 100
        assert doomed == []
        state = asked.run_state(run.entity, "p", "live")
    assert state is not None
    assert state.state == "finished"


def test_readers_see_every_row_once_while_segments_roll_are_applied_merged_and_deleted(store, monkeypatch):
    for name, value in (("TICK", 0.001), ("BREATH", 0), ("BATCH_BYTES", 1)):
        monkeypatch.setattr(background, name, value)
    monkeypatch.setattr(writer, "SEGMENT_BYTES", 6_000)
    monkeypatch.setattr(merge, "MANY_SMALL", 4)
    run = tracker_nb.init(project="p", id="live")
    run.log({"a": 0, "b": 0})
    logged, problems, stop, looks = [1], [], threading.Event(), [0]

    def look():
        with api(store) as asked:
            found = asked.run("p/live")
            while not stop.is_set():
                least = logged[0]
                series = found.series("a")
                values, steps = series.value.tolist(), series.step.tolist()
                most = logged[0] + 1
                rows = [row["a"] for row in found.scan_history(page_size=64)]
                asked.flush()
                last = found.summary["a"]
                looks[0] += 1
                if not (least <= len(values) <= most and values == steps == list(range(len(values)))):
                    problems.append((least, most, values[-5:]))
                if rows[: len(values)] != values or rows != list(range(len(rows))):
                    problems.append(("rows", len(values), len(rows)))
                if last < least - 1:
                    problems.append(("summary", last, least))

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for i in range(1, 2500):
        run.log({"a": i, "b" if i % 2 else "c": i})
        logged[0] = i + 1
        if not i % 10:
            time.sleep(0.001)
    run.finish()
    stop.set()
    for thread in threads:
        thread.join()

    assert problems == []
    assert looks[0] > 3
    with api(store) as asked:
        assert asked.run("p/live").series("a").value.tolist() == list(range(2500))


def test_a_reader_that_did_not_see_a_key_set_announced_knows_its_names_later(store):
    run = tracker_nb.init(project="p", id="live")
    service = background.background(run._place)

    def log(n):
        run.log({"late": n, "other": n})

    run.log({"early": 1})
    with api(store) as asked:
        found = asked.run("p/live")
        assert found.keys() == ["early"]
        log(0)
        service.applier.apply(journal_of(store))  # what the reader has not looked at is applied
        log(1)
        asked.flush()
        assert found.series("late").value.tolist() == [0, 1]
        assert sorted(found.keys()) == ["early", "late", "other"]
        assert [row.get("late") for row in found.scan_history()] == [None, 0, 1]


def test_sites_and_executions_of_rows_are_the_same_before_and_after_they_are_applied(store):
    run = tracker_nb.init(project="p", id="live")
    for i in range(3):
        run.log({"a": i})
    run.log({"a": 3})
    service = background.background(run._place)
    service.applier.apply(journal_of(store))
    for i in range(4, 6):
        run.log({"a": i})
    with api(store) as asked:
        before = asked.run("p/live").series("a").site
    run.finish()
    with api(store) as asked:
        after = asked.run("p/live").series("a").site

    names = dict(rows_of(store, "SELECT id, line FROM sites"))
    assert len({names[site] for site in after.tolist()}) == 3
    np.testing.assert_array_equal(before[:4], after[:4])
    assert len(set(before[4:].tolist()) & set(before[:4].tolist())) == 0
