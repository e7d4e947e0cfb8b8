"""A backup is a store of its own in which nothing is missing."""

import contextlib
import json
import os
import sqlite3
import stat

import pytest
from click.testing import CliRunner

import tracker_nb
from tracker_nb.cli import main
from tracker_nb.errors import BadValue, StoreDamaged, StoreNotFound
from tracker_nb.journal import frames
from tracker_nb.store import backup as module
from tracker_nb.store.backup import backup
from tracker_nb.store.place import Place


@pytest.fixture
def filled(store):
    with tracker_nb.init(project="digits", id="abc") as run:
        for i in range(3000):
            run.log({"loss": i / 7})
        with open(os.path.join(run.dir, "model.bin"), "wb") as file:
            file.write(b"weights")
    (store / "objects" / "ab").mkdir()
    (store / "objects" / "ab" / "cdef").write_bytes(b"content")
    return store


def losses(folder, run="abc"):
    return tracker_nb.Api(folder).run(run).series("loss").value.tolist()


def test_a_backup_opens_as_a_store_with_all_runs_files_and_objects(filled, tmp_path):
    done = backup(Place(filled), tmp_path / "new" / "copy")

    copy = tmp_path / "new" / "copy"
    assert done.place == Place(copy)
    assert losses(copy) == [i / 7 for i in range(3000)]
    assert [path.read_bytes() for path in copy.rglob("model.bin")] == [b"weights"]
    assert (copy / "objects" / "ab" / "cdef").read_bytes() == b"content"
    assert (done.files, done.live, done.problem) == (2, (), "")
    assert done.bytes > 8 * 3000
    assert stat.S_IMODE(copy.stat().st_mode) == 0o700
    assert stat.S_IMODE((copy / "tracker.db").stat().st_mode) == 0o600


def test_a_backup_can_be_logged_to(filled, tmp_path):
    backup(Place(filled), tmp_path / "copy")

    with tracker_nb.init(project="digits", dir=tmp_path / "copy", id="abc", resume="must") as run:
        run.log({"loss": -1})

    assert losses(tmp_path / "copy")[-1] == -1
    assert len(losses(filled)) == 3000


def test_a_backup_has_what_live_runs_have_logged_and_leaves_them_alone(filled, tmp_path):
    run = tracker_nb.init(project="digits", id="live")
    for i in range(500):
        run.log({"loss": i})

    done = backup(Place(filled), tmp_path / "copy")
    run.log({"loss": -1})
    run.finish()

    assert done.live == ("live",)
    assert losses(tmp_path / "copy", "live") == list(range(500))
    assert losses(filled, "live") == [*range(500), -1]
    assert tracker_nb.Api(tmp_path / "copy").run("live").state == "crashed"
    assert tracker_nb.Api(filled).run("live").state == "finished"


def test_a_record_that_is_half_written_is_left_out_of_the_copy(filled, tmp_path):
    run = tracker_nb.init(project="digits", id="live")
    run.log({"loss": 1.0})
    os.write(run._writer._fd, frames.frame(b"x" * 100)[:50])

    backup(Place(filled), tmp_path / "copy")

    assert losses(tmp_path / "copy", "live") == [1.0]
    report = CliRunner().invoke(main, ["doctor", "--json", "--dir", str(tmp_path / "copy")])
    assert [f["level"] for f in json.loads(report.stdout)["findings"] if f["what"] == "losses"] == ["ok"]


def test_a_backup_takes_over_the_journals_of_the_dead_first(filled, tmp_path):
    (filled / "journals" / "gone.0123456789ab.000001.tnj").write_bytes(frames.frame(b"no head at all"))

    done = backup(Place(filled), tmp_path / "copy")

    assert done.taken_over == 1 or not list((filled / "journals").iterdir())  # the background may have been faster
    assert list((tmp_path / "copy" / "journals").iterdir()) == []


def test_a_backup_that_cannot_apply_copies_the_journals_of_the_dead(filled, tmp_path, monkeypatch):
    run = tracker_nb.init(project="digits", id="dead")
    run.log({"loss": 3.5})
    journal = run._writer.path.read_bytes()
    name = run._writer.path.name
    monkeypatch.setattr(Place, "writable", lambda self: False)
    monkeypatch.setattr(module.reader.Journal, "alive", lambda self: False)

    done = backup(Place(filled), tmp_path / "copy")

    assert (tmp_path / "copy" / "journals" / name).read_bytes() == journal
    assert "cannot be written" in done.problem
    assert done.journals == 1


@pytest.mark.parametrize("what", ["a file in it", "a file", "the store", "inside the store"])
def test_a_backup_goes_only_where_nothing_is(filled, tmp_path, what):
    dest = {"the store": filled, "inside the store": filled / "backups" / "x"}.get(what, tmp_path / "dest")
    if what == "a file in it":
        dest.mkdir()
        (dest / "precious").write_text("mine")
    elif what == "a file":
        dest.write_text("mine")

    with pytest.raises(BadValue, match=str(dest)):
        backup(Place(filled), dest)

    assert len(losses(filled)) == 3000
    assert what != "a file in it" or [path.name for path in dest.iterdir()] == ["precious"]


def test_an_empty_folder_is_a_place_for_a_backup(filled, tmp_path):
    (tmp_path / "copy").mkdir()

    backup(Place(filled), tmp_path / "copy")

    assert len(losses(tmp_path / "copy")) == 3000


def test_there_is_no_backup_of_nothing(tmp_path):
    with pytest.raises(StoreNotFound, match="tracker-nb init"):
        backup(Place(tmp_path / "nowhere"), tmp_path / "copy")

    assert not (tmp_path / "copy").exists()


def test_a_backup_that_fails_leaves_nothing_behind(filled, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.shutil, "copy2", full)

    done = CliRunner().invoke(main, ["backup", str(tmp_path / "copy")])

    assert (done.exit_code, done.stderr) == (1, "Error: No space left on device.\n")
    assert not (tmp_path / "copy").exists()


def test_a_copy_of_a_damaged_store_is_kept_and_said_to_be_damaged(filled, tmp_path):
    with contextlib.closing(sqlite3.connect(filled / "tracker.db")) as db:
        root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'run_events'").fetchone()[0]
        page = db.execute("PRAGMA page_size").fetchone()[0]
    with open(filled / "tracker.db", "r+b") as file:
        file.seek((root - 1) * page)
        file.write(b"\xff" * page)

    with pytest.raises(StoreDamaged, match="and so is its copy"):
        backup(Place(filled), tmp_path / "copy")

    assert losses(tmp_path / "copy") == losses(filled)


def test_a_store_that_is_no_database_cannot_be_copied_and_says_how_to(filled, tmp_path):
    (filled / "tracker.db").write_bytes(b"not a database" * 1000)

    with pytest.raises(StoreDamaged, match="copy the whole folder"):
        backup(Place(filled), tmp_path / "copy")

    assert not (tmp_path / "copy").exists()


def test_the_command_says_what_it_copied_and_how_to_look_at_it(filled, tmp_path):
    tracker_nb.init(project="digits", id="live").log({"loss": 1})

    done = CliRunner().invoke(main, ["backup", str(tmp_path / "copy")])
    document = json.loads(CliRunner().invoke(main, ["backup", str(tmp_path / "other"), "--json"]).stdout)

    assert done.exit_code == 0
    assert f"Copied {filled} to {tmp_path / 'copy'}: " in done.stdout
    assert "1 run went on logging (live)" in done.stdout
    assert f"TRACKER_NB_DIR={tmp_path / 'copy'} tracker-nb runs" in done.stdout
    assert set(document) == {"store", "copy", "journals", "files", "bytes", "taken_over", "live_runs", "problem"}
    assert (document["copy"], document["live_runs"], document["files"]) == (str(tmp_path / "other"), ["live"], 2)
