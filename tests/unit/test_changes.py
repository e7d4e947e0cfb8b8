"""Looking at a store again and again: what is found, and that it stays cheap however often one looks."""

import contextlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tracker_nb
from tests.support import abandon
from tracker_nb.journal.reader import journals
from tracker_nb.query.changes import Changes
from tracker_nb.query.parts import parts
from tracker_nb.query.reading import Reader
from tracker_nb.query.series import series
from tracker_nb.store import commands
from tracker_nb.store.apply import Applier, take_over
from tracker_nb.store.background import background
from tracker_nb.store.database import Database, create
from tracker_nb.store.place import Place


def changes(store):
    create(Place(store))
    return contextlib.closing(Changes(Place(store)))


def said(changed):
    return {one.run: (one.state, one.rows, one.step) for one in changed.runs}


def test_a_look_finds_what_happened_since_the_last_one_and_nothing_else(store):
    with changes(store) as found:
        assert not found.look().runs
        with tracker_nb.init(project="p", id="a") as run:
            assert said(found.look()) == {"a": ("running", 0, None)}
            run.log({"x": 1}, step=3)
            assert said(found.look()) == {"a": ("running", 1, 3)}
            assert not found.look().runs
            run.log({"x": 1})
            run.log({"x": 1}, step=0)
            assert said(found.look()) == {"a": ("running", 3, 4)}
        assert said(found.look()) == {"a": ("finished", 3, 4)}
        assert not found.look().runs


def test_rows_are_counted_once_when_they_are_applied_in_the_middle(store):
    with changes(store) as found, tracker_nb.init(project="p", id="a") as run:
        applier = background(run._place).applier
        for i in range(1, 200):
            run.log({"x": i})
            if i % 7 == 0:
                assert found.look().runs[0].rows == i
            if i % 50 == 0:
                for journal in journals(run._place.journals):
                    applier.apply(journal)
                assert {one.rows for one in found.look().runs} <= {i}


def test_a_writer_that_dies_is_told_once_and_its_journal_until_it_is_applied(store):
    with changes(store) as found:
        run = tracker_nb.init(project="p", id="a")
        run.log({"x": 1})
        found.look()
        assert not found.has_dead()
        abandon(run)
        assert said(found.look()) == {"a": ("crashed", 1, 0)}
        assert (said(found.look()), found.has_dead()) == ({}, True)
        with contextlib.closing(Database(run._place)) as database:
            take_over(Applier(database))
        found.look()
        assert not found.has_dead()


def test_commands_are_found_by_their_audit(store):
    with tracker_nb.init(project="p", id="a", entity="e") as run:
        run.log({"x": 1})
    path = commands.RunPath("e", "p", "a")
    with changes(store) as found:
        commands.carry_out(Place(store), path, lambda db, run: commands.change_run(db, run, {"notes": "n"}))
        assert said(found.look()) == {"a": ("finished", 1, 0)}
        commands.carry_out(Place(store), path, commands.delete_run)
        assert found.look().runs[0].deleted


def test_when_very_many_runs_change_it_says_that_many_have(store, monkeypatch):
    monkeypatch.setattr("tracker_nb.query.changes.MOST", 2)
    with changes(store) as found:
        for i in range(4):
            tracker_nb.init(project="p", id=f"r{i}").finish()
        look = found.look()
        assert look.many
        assert len(look.runs) == 2


def test_many_looks_at_a_slow_run_leave_few_blocks_and_the_same_values(store):
    wide = {f"m{i}": float(i) for i in range(100)}
    with tracker_nb.init(project="p", id="a", entity="e") as run, contextlib.closing(Reader(run._place)) as reader:
        for i in range(500):
            run.log({"x": float(i)} if i % 3 else wide)
            reader.run_state("e", "p", "a")
        (tail,) = reader._tails._tails.values()
        assert len(tail.blocks) < 20
        state = reader.run_state("e", "p", "a")
        assert series(reader, state, "x").value.tolist() == [float(i) for i in range(500) if i % 3]
        assert len(series(reader, state, "m7")) == 167
        assert len(reader.ask(lambda view: parts(view, state, "x"))) < 20


@settings(max_examples=20)
@given(looks=st.lists(st.integers(1, 40), min_size=1, max_size=30), apply_at=st.integers(0, 30))
def test_how_often_one_looks_changes_nothing(tmp_path_factory, looks, apply_at):
    folder = tmp_path_factory.mktemp("store")
    with (
        tracker_nb.init(
            project="p", id="a", entity="e", dir=folder, reinit="create_new", settings={"silent": True}
        ) as run,
        contextlib.closing(Reader(Place(folder))) as often,
        contextlib.closing(Database(Place(folder))) as database,
    ):
        expected = []
        for at, rows in enumerate(looks):
            for i in range(rows):
                run.log({"x": float(i), "n": at})
                expected.append(float(i))
            often.run_state("e", "p", "a")
            if at == apply_at:
                for journal in journals(Place(folder).journals):
                    Applier(database).apply(journal)
        with contextlib.closing(Reader(Place(folder))) as once:
            for reader in (often, once):
                state = reader.run_state("e", "p", "a")
                np.testing.assert_array_equal(series(reader, state, "x").value, expected)


def test_tails_of_runs_that_ended_are_forgotten(store):
    with changes(store) as found:
        for i in range(5):
            with tracker_nb.init(project="p", id=f"r{i}") as run:
                run.log({"x": 1})
                found.look()
            found.look()
        assert not found.reader._tails._tails
        assert not found._heads
