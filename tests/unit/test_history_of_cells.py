"""The history of cells in a store: recorded without a run, forgotten by age and size, purged by a person."""

import contextlib
import json

import pytest
from click.testing import CliRunner

import tracker_nb
from tests.support import integrity, journals, rows_of
from tracker_nb.cli import main
from tracker_nb.errors import UsageError
from tracker_nb.journal.naming import now
from tracker_nb.query.changes import Changes
from tracker_nb.sdk.session import Session, end_in_runs
from tracker_nb.store import backup, history
from tracker_nb.store.database import Database
from tracker_nb.store.doctor import examine
from tracker_nb.store.history import Limits
from tracker_nb.store.place import Place

DAY = 86_400_000_000
FOREVER = Limits(0, 0)


@pytest.fixture
def session(store):
    found = Session("kernel")
    yield found
    found.close()


def record(session, uid, source="x = 1", *, age=0, notebook="/home/ada/a.ipynb", end=True, run=None):
    """A cell that ran, as the notebook records it; it logs to `run`."""
    fields = {"session": session.uid, "started": now() - age * DAY, "source": source, "notebook": notebook}
    cell = (uid, fields | {"source_sha256": uid * 8}, 0)
    assert session.begin(cell, FOREVER)
    if run is not None:
        run._writer.running_cell = lambda: cell
        run.log({"x": 1})
        run._writer.running_cell = None
    if end:
        end_in_runs(uid, now(), {"outcome": "ok", "traceback": f"of {source}"})
        session.end(uid, now(), {"outcome": "ok", "traceback": f"of {source}"})


def uids(store, where="1"):
    return [row[0] for row in rows_of(store, f"SELECT uid FROM executions WHERE {where} ORDER BY id")]


def database(store):
    return contextlib.closing(Database(Place(store)))


def everything_in(store):
    """The bytes of all files of a store; its log may come and go."""
    found = []
    for path in store.rglob("*"):
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            found.append(path.read_bytes())
    return b"".join(found)


def purge(*options):
    return CliRunner().invoke(main, ["history", "purge", *options], catch_exceptions=False)


# ------------------------------------------------------------------------------------------------ recorded


def test_cells_without_a_run_are_recorded_and_no_listing_shows_anything_of_them(store, session):
    record(session, "a")
    api = tracker_nb.Api()
    changes = Changes(Place(store))
    assert (list(api.runs()), api.projects()) == ([], [])
    assert not changes.has_journals()
    record(session, "b")
    assert changes.look().runs == []
    session.close()
    changes.close()

    assert rows_of(store, "SELECT uid, session, source, outcome FROM executions ORDER BY id") == [
        ("a", "kernel", "x = 1", "ok"), ("b", "kernel", "x = 1", "ok"),
    ]  # fmt: skip
    assert rows_of(store, "SELECT count(*) FROM runs UNION ALL SELECT count(*) FROM projects") == [(0,), (0,)]
    assert (list(api.runs()), journals(store)) == ([], [])


def test_a_cell_that_logs_to_a_run_is_one_execution_in_whatever_order_its_journals_are_applied(store, session):
    run = tracker_nb.init(project="p")
    record(session, "a", "run.log(1)", run=run)
    run.finish()
    session.close()

    assert rows_of(store, "SELECT uid, source, outcome FROM executions") == [("a", "run.log(1)", "ok")]


def test_the_store_is_well_with_sessions_living_and_dead_and_a_backup_lists_no_run_of_them(store, session, tmp_path):
    record(session, "a", "secret sauce")
    report = examine(Place(store))
    assert report.healthy
    assert any("cells of a notebook" in finding.detail for finding in report.findings)

    done = backup.backup(Place(store), tmp_path / "copy")
    assert (done.live, done.journals) == ((), 1)
    with database(tmp_path / "copy") as copy:
        history.count(copy)
    assert uids(tmp_path / "copy") == ["a"]


def test_a_session_moves_with_the_store_that_init_would_use(store, session, tmp_path, monkeypatch):
    record(session, "a")
    monkeypatch.setenv("TRACKER_NB_DIR", str(tmp_path / "other"))
    record(session, "b")
    session.close()

    assert (uids(store), uids(tmp_path / "other")) == (["a"], ["b"])


# ------------------------------------------------------------------------------------------------ forgotten


def test_cells_of_no_run_are_forgotten_by_age_and_those_of_a_run_are_not(store, session):
    run = tracker_nb.init(project="p")
    record(session, "old", age=40)
    record(session, "old-of-run", age=40, run=run)
    record(session, "new", age=20)
    run.finish()
    session.close()

    with database(store) as opened:
        assert history.prune(opened, Limits(30, 0)) == 1
        assert history.prune(opened, Limits(30, 0)) == 0
    assert uids(store) == ["old-of-run", "new"]


def test_cells_of_no_run_are_forgotten_by_size_the_oldest_first(store, session):
    for n in range(10):
        record(session, f"c{n}", "x" * 1000, age=10 - n)
    session.close()

    with database(store) as opened:
        assert history.prune(opened, Limits(0, 4 * 2100)) == 6
    assert uids(store) == ["c6", "c7", "c8", "c9"]


def test_a_cell_that_still_runs_is_not_forgotten(store, session):
    record(session, "running", age=40, end=False)
    with database(store) as opened:
        history.count(opened)  # applies the journal
        assert history.prune(opened, Limits(30, 1)) == 0
    assert uids(store) == ["running"]


# ------------------------------------------------------------------------------------------------ purged


def test_a_purge_takes_the_text_out_of_the_files_and_leaves_the_runs_their_numbers(store, session):
    run = tracker_nb.init(project="p")
    record(session, "free", "needle-free = 1")
    record(session, "of-run", "needle-of-run = 1", run=run)
    run.finish()
    session.close()
    assert b"needle" in everything_in(store)

    done = purge("--yes")

    assert done.exit_code == 0
    assert "Deleted 1 cell, and the text of 1 cell that logged to runs." in done.output
    assert uids(store) == ["of-run"]
    assert rows_of(store, "SELECT source, outcome FROM executions") == [(None, "ok")]
    assert b"needle" not in everything_in(store)
    assert tracker_nb.Api().run(run.path).series("x").value.tolist() == [1]
    assert integrity(store) == "ok"
    assert rows_of(store, "SELECT action, target FROM audit") == [("purge_history", "history")]


def test_a_purge_may_be_of_one_notebook_or_of_what_is_older(store, session):
    record(session, "a", notebook="/home/ada/a.ipynb")
    record(session, "b", notebook="/home/ada/b.ipynb")
    record(session, "old", notebook="/home/ada/b.ipynb", age=40)
    record(session, "nowhere", notebook=None)
    session.close()

    assert json.loads(purge("--yes", "--notebook", "a.ipynb", "--json").output)["cells"] == 1
    assert uids(store) == ["b", "old", "nowhere"]
    assert json.loads(purge("--yes", "--before", "30d", "--json").output)["cells"] == 1
    assert uids(store) == ["b", "nowhere"]


def test_a_purge_with_a_kernel_alive_says_that_its_journal_is_left(store, session):
    record(session, "a")
    done = purge("--yes")
    assert "1 program is still running" in done.output
    assert uids(store) == []
    session.close()
    assert uids(store) == []  # nothing comes back when it ends
    assert journals(store) == []


def test_a_purge_asks_and_does_nothing_where_nobody_can_be_asked(store, session):
    record(session, "a")
    done = purge()
    assert done.exit_code == 1
    assert "--yes" in done.output
    assert uids(store) == ["a"]


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--before", "yesterday"], "2026-01-31"), (["--notebook", "x.ipynb"], "There are: /home/ada/a.ipynb")],
)
def test_a_purge_of_what_is_not_there_says_so_and_deletes_nothing(store, session, options, said):
    record(session, "a")
    session.close()
    done = purge("--yes", *options)
    assert (done.exit_code, said in done.output) == (1, True)
    assert uids(store) == ["a"]


def test_a_notebook_that_was_never_recorded_is_an_error_of_ours(store, session):
    record(session, "a")
    with database(store) as opened, pytest.raises(UsageError, match=r"There are: /home/ada/a\.ipynb"):
        history.purge(opened, notebook="b.ipynb")


@pytest.mark.parametrize(("text", "age"), [("1d", DAY), ("2h", DAY // 12), ("30m", DAY // 48)])
def test_ages_are_counted_from_now(text, age):
    assert abs(now() - age - history.parse_before(text)) < 60_000_000


def test_days_and_moments_are_read_and_anything_else_is_not():
    assert history.parse_before("2026-01-31T00:00:00+00:00") == 1_769_817_600_000_000
    assert history.parse_before("2026-01-31") is not None
    assert [history.parse_before(text) for text in ("", "d", "soon", "-1d", "1y")] == [None] * 5
