"""Moving and deleting stores: nothing is lost, nothing of others is touched, and an interruption leaves one whole store."""

import contextlib
import os
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

import tracker_nb
from tests.support import abandon, api, call, integrity, journals, wait_for
from tracker_nb import portable
from tracker_nb.errors import BadValue, StoreDamaged, StoreNotFound, StoreTooNew, UsageError
from tracker_nb.journal import records
from tracker_nb.journal.writer import Writer
from tracker_nb.sdk.values import encode_hook, plain
from tracker_nb.store import backup, known, moving
from tracker_nb.store.database import create
from tracker_nb.store.moving import delete, move
from tracker_nb.store.place import Place

ROWS = 300


def fill(store, run="abc", rows=ROWS):
    with tracker_nb.init(project="digits", id=run) as one:
        for i in range(rows):
            one.log({"loss": i / 7})
    _quiet()


def _quiet():
    """No thread of this process has the store open."""
    for thread in threading.enumerate():
        if thread.name == "tracker_nb-apply":
            thread.join(10)


def add_dead(store):
    """A run whose journal nobody has applied."""
    run = tracker_nb.init(project="digits", id="dead")
    run.log({"loss": 5.0})
    abandon(run)
    _quiet()


def losses(store, run="abc"):
    with api(store) as found:
        return found.run(f"digits/{run}").series("loss").value.tolist()


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))


@pytest.fixture
def filled(store):
    fill(store)
    (store / "files" / "abc").mkdir()
    (store / "files" / "abc" / "log.txt").write_text("said")
    known._remembered.clear()
    return store


@pytest.fixture(params=["renamed", "copied"])
def way(request, filled, monkeypatch):
    """How the store is moved: at once, or as to another file system."""
    if request.param == "copied":

        def refused(source, target, real=os.rename):
            if Path(source) == filled:
                raise OSError(18, "Invalid cross-device link")
            real(source, target)

        monkeypatch.setattr(moving.os, "rename", refused)
    return request.param


def test_a_moved_store_has_all_it_had_and_is_found_by_its_id(filled, way, tmp_path):
    add_dead(filled)
    id_ = known.identity(Place(filled))
    filled.chmod(0o770)
    target = tmp_path / "new" / "place"

    done = move(Place(filled), target)

    assert (done.place.root, done.copied, done.left) == (target, way == "copied", ())
    assert done.bytes > 10_000
    assert not filled.exists()
    assert {one.id: one.place.root for one in known.known()}[id_] == target
    assert [one.id for one in known.known() if one.is_here()] == [id_]
    assert losses(target) == [i / 7 for i in range(ROWS)]
    assert losses(target, "dead") == [5.0]
    assert (target / "files" / "abc" / "log.txt").read_text() == "said"
    assert target.stat().st_mode & 0o777 == 0o770
    assert integrity(target) == "ok"


def test_what_is_not_the_stores_stays_where_it_is(filled, tmp_path):
    (filled / "paper.tex").write_text("mine")
    (filled / "journals" / "diary.txt").write_text("mine")
    (filled / ".gitignore").write_text("mine too")

    done = move(Place(filled), tmp_path / "new")

    assert done.copied
    assert set(done.left) == {".gitignore", "journals", "paper.tex"}
    assert tree(filled) == [".gitignore", "journals", "journals/diary.txt", "paper.tex"]
    assert losses(tmp_path / "new") == [i / 7 for i in range(ROWS)]


def test_the_store_of_a_project_keeps_out_of_repositories(store, tmp_path, monkeypatch):
    folder = tmp_path / "project" / ".tracker_nb"
    monkeypatch.setenv("TRACKER_NB_DIR", str(folder))
    fill(folder)
    other = tmp_path / "other"
    other.mkdir()

    move(Place(folder), other / ".tracker_nb")
    assert (other / ".tracker_nb" / ".gitignore").read_text().endswith("*\n")
    move(Place(other / ".tracker_nb"), tmp_path / "plain")
    move(Place(tmp_path / "plain"), folder)
    assert (folder / ".gitignore").exists()


def test_a_copy_to_a_network_has_no_log_and_one_from_there_has(filled, tmp_path, monkeypatch):
    def mode(folder):
        with contextlib.closing(sqlite3.connect(folder / "tracker.db")) as db:
            return db.execute("PRAGMA journal_mode").fetchone()[0]

    away, back = tmp_path / "away", tmp_path / "back"
    monkeypatch.setattr(portable, "file_system", lambda path: "nfs4" if "away" in str(path) else "ext4")
    monkeypatch.setattr(moving.os, "rename", _no_folders)

    move(Place(filled), away)
    assert mode(away) == "delete"
    move(Place(away), back)
    assert mode(back) == "wal"
    assert losses(back) == [i / 7 for i in range(ROWS)]


def _no_folders(source, target, real=os.rename):
    if Path(source).is_dir():
        raise OSError(18, "Invalid cross-device link")
    real(source, target)


# ---------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize("what", ["move", "delete"])
def test_a_store_that_is_logged_to_stays_and_the_run_is_named(filled, tmp_path, what):
    run = tracker_nb.init(project="digits", id="live")
    run.log({"loss": 1.0})

    with pytest.raises(UsageError, match=r"1 running: digits/live \(process \d+\)"):
        move(Place(filled), tmp_path / "new") if what == "move" else delete(Place(filled))

    assert not (tmp_path / "new").exists()
    run.finish()
    assert losses(filled, "live") == [1.0]


@pytest.mark.parametrize("what", ["move", "delete"])
def test_a_store_in_which_a_kernel_records_its_cells_stays(filled, tmp_path, what):
    head = records.Head(records.FORMAT, "", "", "", records.SESSION, 0, "", 0, False, "", 0, 0, {"session": "s"})
    writer = Writer(filled / "journals", head, encode_hook=encode_hook, plain=plain)
    writer.open()
    with pytest.raises(UsageError, match="1 notebook kernel records its cells"):
        move(Place(filled), tmp_path / "new") if what == "move" else delete(Place(filled))
    writer.close()
    assert losses(filled)


def test_a_run_that_begins_while_a_store_is_copied_keeps_it_where_it_is(filled, tmp_path, monkeypatch):
    (filled / "mine.txt").touch()
    begun = []

    def copy(*arguments, real=backup.copy_database):
        real(*arguments)
        begun.append(tracker_nb.init(project="digits", id="live"))
        begun[0].log({"loss": 1.0})

    monkeypatch.setattr(backup, "copy_database", copy)
    with pytest.raises(UsageError, match="while it was copied"):
        move(Place(filled), tmp_path / "new")
    assert not (tmp_path / "new").exists()
    begun[0].finish()
    assert losses(filled, "live") == [1.0]


def test_a_run_that_begins_just_before_a_rename_keeps_the_store_where_it_is(filled, tmp_path, monkeypatch):
    looks, begun = [], []

    def look(place, what, real=moving.check_unused):
        real(place, what)
        looks.append(place.root)
        if len(looks) == 1:
            begun.append(tracker_nb.init(project="digits", id="live"))

    monkeypatch.setattr(moving, "check_unused", look)
    with pytest.raises(UsageError, match="digits/live"):
        move(Place(filled), tmp_path / "new")
    begun[0].log({"loss": 1.0})
    begun[0].finish()
    assert losses(filled, "live") == [1.0]
    assert not (tmp_path / "new").exists()


def test_folders_that_will_not_do_are_named_with_one_that_will(filled, tmp_path):
    full, copy = tmp_path / "full", tmp_path / "copy"
    full.mkdir()
    (full / "notes.txt").touch()
    shutil.copytree(filled, copy)
    (tmp_path / "file").touch()
    for target, says in [
        (full, r"is not empty. For a store beside what is there, name .*full.\.tracker_nb"),
        (filled / "inner", "lies in the store itself"),
        (filled, "already"),
        (copy, "holds this same store"),
        (tmp_path / "file", "is a file or a link"),
    ]:
        with pytest.raises(BadValue, match=says):
            move(Place(filled), target)
    create(Place(tmp_path / "other"))
    with pytest.raises(BadValue, match="is a store already"):
        move(Place(filled), tmp_path / "other")
    assert losses(filled)


@pytest.mark.parametrize("what", ["move", "delete"])
def test_what_is_no_store_of_this_release_is_left_alone(tmp_path, store, what):
    def do(folder):
        move(Place(folder), tmp_path / "new") if what == "move" else delete(Place(folder))

    with pytest.raises(StoreNotFound, match="store list"):
        do(tmp_path / "nothing")
    alien = tmp_path / "alien"
    alien.mkdir()
    with contextlib.closing(sqlite3.connect(alien / "tracker.db")) as db:
        db.execute("CREATE TABLE parcels (id)")
    with pytest.raises(BadValue, match="is not a database of tracker_nb"):
        do(alien)
    assert tree(alien) == ["tracker.db"]
    fill(store)
    link = tmp_path / "link"
    link.symlink_to(store)
    with pytest.raises(BadValue, match="is a link to"):
        do(link)
    with contextlib.closing(sqlite3.connect(store / "tracker.db")) as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(StoreTooNew, match="pip install -U"):
        do(store)
    assert (store / "tracker.db").exists()


def test_a_damaged_store_is_not_copied_but_can_be_deleted(filled, tmp_path):
    (filled / "mine.txt").touch()
    with open(filled / "tracker.db", "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 20_000)
    with pytest.raises(StoreDamaged):
        move(Place(filled), tmp_path / "new")
    assert not (tmp_path / "new").exists()
    delete(Place(filled))
    assert tree(filled) == ["mine.txt"]


def test_relative_links_are_refused_and_absolute_ones_go_along(filled, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "big").write_text("bytes")
    (filled / "objects").rmdir()
    (filled / "objects").symlink_to("../elsewhere")
    with pytest.raises(BadValue, match="relative link"):
        move(Place(filled), tmp_path / "new")
    (filled / "objects").unlink()
    (filled / "objects").symlink_to(elsewhere)
    (filled / "mine.txt").touch()
    move(Place(filled), tmp_path / "new")
    assert (tmp_path / "new" / "objects" / "big").read_text() == "bytes"


# ---------------------------------------------------------------------------------------------------- interrupted

CALLS = [(os, "rename"), (os, "unlink"), (os, "rmdir"), (shutil, "copy2"), (shutil, "copystat"), (Path, "unlink")]
CALLS += [(backup, "copy_database")]


def _killed(folder, target, at):
    """Move a store, and die at the call of this number; how many calls there were if that did not come."""
    count = 0

    def counted(real):
        def wrapper(*arguments, **options):
            nonlocal count
            count += 1
            if count == at:
                os._exit(9)
            return real(*arguments, **options)

        return wrapper

    for module, name in CALLS:
        setattr(module, name, counted(getattr(module, name)))
    move(Place(Path(folder)), target)
    return count


@pytest.mark.parametrize("beside", [(), ("mine.txt",)], ids=["renamed", "copied"])
def test_at_whichever_moment_a_move_is_killed_there_is_a_whole_store(filled, tmp_path, beside):
    add_dead(filled)
    for name in beside:
        (filled / name).touch()
    template, results = tmp_path / "template", []
    os.rename(filled, template)
    for at in range(1, 100):
        shutil.rmtree(filled, ignore_errors=True)
        target = tmp_path / f"new-{at}"
        shutil.copytree(template, filled)
        with contextlib.suppress(AssertionError):
            done = call(_killed, str(filled), str(target), at, XDG_DATA_HOME=str(tmp_path / "user"))
            assert done < at
            break
        whole = [folder for folder in (filled, target) if Place(folder).exists()]
        assert whole, at
        for folder in whole:
            assert (losses(folder), losses(folder, "dead")) == ([i / 7 for i in range(ROWS)], [5.0]), at
        results.append(len(whole))
        _quiet()
    assert at > (2 if not beside else 10)
    assert set(results) <= {1, 2}


def test_a_copy_that_fails_leaves_nothing_behind(filled, tmp_path, monkeypatch):
    (filled / "mine.txt").touch()
    before = tree(filled)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_copy_pages", full)
    with pytest.raises(OSError, match="No space"):
        move(Place(filled), tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert [name for name in tree(filled) if "-" not in name] == [name for name in before if "-" not in name]
    assert losses(filled)


# ---------------------------------------------------------------------------------------------------- deleted


def test_a_deleted_store_is_gone_and_forgotten(filled):
    id_ = known.identity(Place(filled))
    known.remember(Place(filled), id_)
    assert [one.id for one in known.known()] == [id_]

    done = delete(Place(filled))

    assert not filled.exists()
    assert done.left == ()
    assert done.files >= 2
    assert known.known() == []


def test_deleting_touches_nothing_of_others_and_follows_no_link(filled, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data.bin").write_text("precious")
    (filled / "paper.tex").write_text("mine")
    (filled / "backups").mkdir()
    (filled / "backups" / "mine.zip").write_text("mine")
    (filled / "files" / "linked").symlink_to(precious)
    (filled / "objects").rmdir()
    (filled / "objects").symlink_to(precious)

    done = delete(Place(filled))

    assert tree(filled) == ["backups", "backups/mine.zip", "paper.tex"]
    assert done.left == ("backups", "paper.tex")
    assert (precious / "data.bin").read_text() == "precious"


def test_deleting_the_store_of_the_user_leaves_the_list_of_stores(store, tmp_path, monkeypatch):
    monkeypatch.delenv("TRACKER_NB_DIR")
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "user" / "tracker_nb")
    assert wait_for(lambda: known.known() != [])

    done = delete(Place(tmp_path / "user" / "tracker_nb"))

    assert known.FILE in done.left
    assert known.known() == []


def test_what_an_interrupted_deletion_left_can_be_deleted(filled, monkeypatch):
    gone = []

    def once(path, missing_ok=False, real=Path.unlink):
        if len(gone) == 2:
            raise KeyboardInterrupt
        gone.append(path)
        real(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", once)
        with pytest.raises(KeyboardInterrupt):
            delete(Place(filled))
    assert not Place(filled).exists()
    assert (filled / "files" / "abc" / "log.txt").exists()
    delete(Place(filled))
    assert not filled.exists()


def test_a_run_that_begins_while_a_store_is_deleted_keeps_what_it_logs(filled, monkeypatch):
    begun = []

    def remove(place, found, real=moving._remove):
        begun.append(tracker_nb.init(project="digits", id="live"))
        begun[0].log({"loss": 1.0})
        real(place, found)

    monkeypatch.setattr(moving, "_remove", remove)
    delete(Place(filled))
    assert any(name.startswith("live.") for name in journals(filled))
    begun[0].finish()
    assert losses(filled, "live") == [1.0]
