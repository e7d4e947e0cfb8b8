"""A copy of a store that is a store of its own, made while runs are logging, in which nothing is missing.

The order makes it so: journals are copied first, then the database. A row that moves from a journal into the database
in the meantime is in both copies, and applying knows it; it can never be in neither.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from tracker_nb import portable
from tracker_nb.errors import BadValue, StoreDamaged, TrackerError
from tracker_nb.journal import frames, reader, records
from tracker_nb.store.apply import Applier, take_over
from tracker_nb.store.database import Database, connect_any
from tracker_nb.store.findings import some
from tracker_nb.store.place import DATABASE, Place

_PAGES = 4096


@dataclass(frozen=True, slots=True)
class Backup:
    """What was copied.

    Attributes:
        taken_over: journals of dead writers that were applied before.
        live: runs that were logging. What they had logged when the copy began is in it; there they end as crashed, since
            nobody goes on with them.
        journals: segments that were copied because they are not, or not wholly, in the database.
        files: files of runs, and artifacts.
        bytes: all of it.
        problem: why journals of dead writers could not be applied first; they were copied instead.
    """

    place: Place
    taken_over: int
    live: tuple[str, ...]
    journals: int
    files: int
    bytes: int
    problem: str = ""


def backup(place: Place, dest: str | os.PathLike[str]) -> Backup:
    """Copy a store into the folder `dest`, which is made, or is empty.

    Raises:
        BadValue: `dest` holds something, or lies in the store itself.
        StoreNotFound: there is nothing to copy.
        StoreDamaged: the database is damaged. The copy is as good as the original, and kept.
        OSError: the disk is full, for example. Nothing is left of the copy then.
    """
    copy = Place(Path(dest).expanduser().absolute())
    with contextlib.closing(connect_any(place)) as source:
        _check(place, copy)
        taken_over, problem = _take_over(place)
        copy.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = copy.root / f"{DATABASE}.partial"  # a folder without tracker.db is no store: not until it is whole
        try:
            for folder in (copy.journals, copy.files, copy.objects):
                folder.mkdir(mode=0o700)
            live, segments = _copy_journals(place, copy)
            copy_database(source, partial, copy)
            files = sum(_copy_tree(a, b) for a, b in ((place.files, copy.files), (place.objects, copy.objects)))
            damage = damage_of(partial)
            os.rename(partial, copy.database)
            portable.sync_folder(copy.root)
        except BaseException:
            _clear(copy, partial)
            raise
    if damage:
        raise StoreDamaged(
            f"The database of {place} is damaged, and so is its copy in {copy}: {damage}. `tracker-nb doctor` says more."
        )
    size = sum(path.stat().st_size for path in copy.root.rglob("*") if path.is_file() and not path.is_symlink())
    return Backup(copy, taken_over, tuple(live), segments, files, size, problem)


def _check(place: Place, copy: Place) -> None:
    if copy.root.resolve().is_relative_to(place.root.resolve()):
        raise BadValue(f"{copy} lies in the store itself: name a folder outside of {place}.")
    if copy.root.exists() and not copy.root.is_dir():
        raise BadValue(f"{copy} is a file: name a folder that is empty or does not exist.")
    if copy.root.is_dir() and any(copy.root.iterdir()):
        raise BadValue(f"{copy} is not empty: name a folder that is empty or does not exist.")


def _take_over(place: Place) -> tuple[int, str]:
    if not place.writable():
        return 0, "" if not reader.journals(place.journals) else f"{place} cannot be written"
    try:
        with contextlib.closing(Database(place)) as database:
            return take_over(Applier(database)), ""
    except (TrackerError, sqlite3.Error, OSError) as error:
        return 0, str(error)


def _copy_journals(place: Place, copy: Place) -> tuple[list[str], int]:
    """The runs that were logging, and how many segments were copied."""
    live, count = [], 0
    for journal in reader.journals(place.journals):
        alive = journal.alive()
        if alive and journal.run != records.SESSION:
            live.append(journal.run)
        for segment in journal.segments:
            try:
                data = segment.path.read_bytes()
            except FileNotFoundError:
                continue  # applied since: it is in the database that is copied next
            if alive and segment == journal.segments[-1]:
                data = data[: _whole(data)]
            _write(copy.journals / segment.path.name, data, copy.file_mode())
            count += 1
    portable.sync_folder(copy.journals)
    return sorted(set(live)), count


def _whole(data: bytes) -> int:
    """Where the last whole record ends: behind it is one that is being written at this moment."""
    end = 0
    for end, _ in frames.frames(data, damage=frames.Damage(), ended=False):  # noqa: B007 - the last one is wanted
        pass
    return end


def _write(path: Path, data: bytes, mode: int) -> None:
    with portable.opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode) as fd, open(fd, "wb", closefd=False) as file:
        file.write(data)
        file.flush()
        os.fsync(fd)


def copy_database(source: sqlite3.Connection, partial: Path, copy: Place) -> None:
    """Copy what a connection sees into the file `partial` of a store, on disk when it returns.

    Raises:
        StoreDamaged
    """
    _write(partial, b"", copy.file_mode())
    try:
        _copy_pages(source, partial, copy)
    except sqlite3.OperationalError:
        raise  # no space left, for example
    except sqlite3.DatabaseError as error:
        raise StoreDamaged(
            f"The database cannot be copied: {error}. Stop what is logging and copy the whole folder by other means."
        ) from error
    with portable.opened(partial, os.O_RDWR) as fd:
        os.fsync(fd)


def _copy_pages(source: sqlite3.Connection, partial: Path, copy: Place) -> None:
    with contextlib.closing(sqlite3.connect(partial, isolation_level=None)) as target:
        # Inside a transaction every step copies the same moment; otherwise each commit elsewhere would begin it anew.
        source.execute("BEGIN")
        try:
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(target, pages=_PAGES)
        finally:
            source.execute("ROLLBACK")
        target.execute(f"PRAGMA journal_mode={'DELETE' if portable.on_network(copy.root) else 'WAL'}")


def _copy_tree(source: Path, target: Path) -> int:
    """Copy a folder's files; those that vanish meanwhile are not missed. How many there were."""
    count = 0
    for folder, _, names in os.walk(source):
        to = target / Path(folder).relative_to(source)
        to.mkdir(mode=0o700, exist_ok=True)
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(Path(folder, name), to / name, follow_symlinks=False)
                count += 1
    return count


def damage_of(database: Path) -> str:
    """What SQLite finds wrong with a database; "" where it is whole."""
    try:
        with contextlib.closing(sqlite3.connect(database)) as db:
            found = [str(row[0]) for row in db.execute("PRAGMA quick_check(5)")]
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == ["ok"] else some([line for message in found for line in message.splitlines()], 3)


def _clear(copy: Place, partial: Path) -> None:
    """Remove what an interrupted copy has left: half a store must not look like one."""
    for folder in (copy.journals, copy.files, copy.objects):
        shutil.rmtree(folder, ignore_errors=True)
    for path in (partial, Path(f"{partial}-wal"), Path(f"{partial}-shm"), Path(f"{partial}-journal")):
        portable.remove(path)
    with contextlib.suppress(OSError):
        copy.root.rmdir()  # only where it is empty: it may hold something else by now
