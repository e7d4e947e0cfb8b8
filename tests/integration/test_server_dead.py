"""A server applies the journals of writers that died before it was there, and never where it must not."""

import contextlib
import logging
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import tracker_nb
from tests.support import ROOT, abandon, call, environment, journals, mounting, on_read_only, rows_of, wait_for

pytest.importorskip("jupyter_server")
from tracker_nb_server import stores as module
from tracker_nb_server.stores import Stores

from tracker_nb.store.place import Place

LOG = logging.getLogger("tests")
STATE = "SELECT state FROM runs WHERE run = 'dead'"


def die(store, run="dead"):
    """A run whose process was killed before anything of it was applied."""
    code = f"import tracker_nb, os; run = tracker_nb.init(entity='e', project='p', id={run!r})\n"
    code += "run.log({'loss': 1.0}); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code], env=environment(store), cwd=ROOT)
    assert any(name.startswith(f"{run}.") for name in journals(store))


@contextlib.contextmanager
def all_stores():
    made = Stores(threads=1, seconds=5, log=LOG)
    try:
        yield made
    finally:
        made.close()


def later(made):
    """Wait for what was asked for so far."""
    made._applying.submit(lambda: None).result(20)


def test_a_stream_alone_has_the_journals_of_the_dead_applied(server, served, store):
    die(store)
    assert rows_of(store, STATE) == []

    with server.stream(live=served) as stream:
        assert stream.next()[0] == "hello"
        assert wait_for(lambda: journals(store) == [] and rows_of(store, STATE) == [("crashed",)])


def test_a_writer_that_dies_soon_after_another_is_not_forgotten(server, served, store):
    with server.stream(live=served) as stream:
        assert stream.next()[0] == "hello"
        for run in ("dead", "too"):  # within the seconds in which the server does not look again
            die(store, run)
            stream.run(run, lambda change: change["state"] == "crashed")
        assert wait_for(lambda: journals(store) == [], 20)
    assert rows_of(store, "SELECT state FROM runs") == [("crashed",)] * 2


def test_a_store_of_a_later_release_is_left_as_it_is(store):
    die(store)
    with contextlib.closing(sqlite3.connect(store / "tracker.db")) as db:
        db.execute("PRAGMA user_version=99")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = (store / "tracker.db").read_bytes(), journals(store)

    with all_stores() as made:
        made.take_over_later(Place(store))
        later(made)

    assert ((store / "tracker.db").read_bytes(), journals(store)) == before


def _tried(folder):
    with all_stores() as made:
        made.take_over_later(Place(Path(folder)))
        later(made)
    return journals(folder)


@pytest.mark.skipif(mounting() is None, reason="this system lets nobody mount")
def test_a_store_that_cannot_be_written_is_left_as_it_is(store):
    die(store)
    before = journals(store)
    path = f"{ROOT}:{ROOT / 'server_ext'}"

    assert call(_tried, str(store), before=on_read_only(store), PYTHONPATH=path) == before
    assert call(_tried, str(store), PYTHONPATH=path) == []


def test_where_it_does_not_help_it_is_tried_less_and_less(store, monkeypatch):
    place, tries, clock = Place(store), [], [0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(Place, "writable", lambda _: bool(tries.append(clock[0])))
    with all_stores() as made:
        for clock[0] in range(1000, 2000):
            made.take_over_later(place)
            later(made)
    assert [one - 1000 for one in tries] == [0, 10, 30, 70, 150, 310, 610, 910]


def test_closing_does_not_wait_for_a_long_journal(store, monkeypatch):
    run = tracker_nb.init(project="p", id="long")
    for i in range(20_000):
        run.log({"a": i, "b": i, "c": str(i)})
    abandon(run)
    monkeypatch.setattr(module, "BREATH", 0.05)
    made = Stores(threads=1, seconds=5, log=LOG)
    made.take_over_later(Place(store))
    assert wait_for(lambda: made._applying._work_queue.empty())
    made.close()
    assert any(name.startswith("long.") for name in journals(store))
