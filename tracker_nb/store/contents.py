"""Which files are a store's own: what is moved and deleted with it, and nothing else is.

A store's folder may be a folder of the user's, with other things in it, so files are known by their names, and a link
is never followed: what it leads to lies elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tracker_nb.errors import BadValue, StoreNotFound, StoreTooNew, UsageError
from tracker_nb.journal import reader, records
from tracker_nb.journal.writer import SUFFIX
from tracker_nb.store import schema, stops
from tracker_nb.store.database import GITIGNORE, connect_any, store_id
from tracker_nb.store.findings import some
from tracker_nb.store.place import DATABASE, Place

DATABASE_FILES = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal", f"{DATABASE}.partial")
_OWN = {"journals": (SUFFIX, stops.SUFFIX, ".new"), "backups": (".db",), "files": ("",), "objects": ("",)}
"""Folders of a store, and how the names of its files in them end."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What lies in a store's folder, by paths relative to it.

    Attributes:
        files: the store's own files, and links in the places of such.
        folders: the store's own folders, inner ones last.
        others: what else lies there.
        bytes: of the store's own files.
    """

    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    others: tuple[Path, ...]
    bytes: int


@dataclass(frozen=True, slots=True)
class Identity:
    """What a store says of itself: its id and how many runs it has; "" and None where it cannot be read."""

    id: str
    runs: int | None


def contents(place: Place) -> Contents:
    """Look at all that lies in a store's folder."""
    files, folders, others, size = [], [], [], 0
    for entry in _entries(place.root):
        path = Path(entry.path).relative_to(place.root)
        if _is_folder(entry) and path.parts[0] in _OWN:
            folders.append(path)
        elif _is_own(place, path):
            files.append(path)
            with contextlib.suppress(OSError):
                size += entry.stat(follow_symlinks=False).st_size
        else:
            others.append(path)
    return Contents(tuple(files), tuple(folders), tuple(others), size)


def identity(place: Place) -> Identity:
    """Whose store it is, as far as it can be read."""
    try:
        with contextlib.closing(connect_any(place)) as db:
            runs = db.execute("SELECT count(*) FROM runs WHERE deleted IS NULL").fetchone()[0]
            return Identity(store_id(db), int(runs))
    except (StoreNotFound, sqlite3.Error):
        return Identity("", None)


def check(place: Place) -> None:
    """Refuse what is no store of ours, or one of which this release does not know which files it has.

    Raises:
        StoreNotFound, StoreTooNew
        BadValue: the folder is a link, or its `tracker.db` is somebody else's.
    """
    if place.root.is_symlink():
        raise BadValue(f"{place} is a link to {os.path.realpath(place.root)}: name that folder with --dir.")
    if not place.exists() and not place.lock.exists():
        raise StoreNotFound(f"There is no store at {place}. `tracker-nb store list` names those you have opened.")
    try:
        with contextlib.closing(connect_any(place)) as db:
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            if version > schema.VERSION:
                raise StoreTooNew(
                    f"The store at {place} has schema {version}, and this tracker_nb knows up to {schema.VERSION}: it does "
                    f"not know all files of it. pip install -U tracker_nb"
                )
            if store_id(db):
                return
    except (sqlite3.Error, StoreNotFound):
        pass  # damaged, empty, or half deleted: then what lies beside it tells
    if not (place.lock.exists() and place.journals.is_dir()):
        raise BadValue(f"{place.database} is not a database of tracker_nb: nothing is done to it.")


def check_unused(place: Place, what: str) -> None:
    """Refuse where somebody is writing.

    Raises:
        UsageError: the message names the runs.
    """
    live = [journal for journal in reader.journals(place.journals) if journal.alive()]
    runs = sorted({_name(journal) for journal in live if journal.run != records.SESSION})
    kernels = sum(journal.run == records.SESSION for journal in live)
    if not live:
        return
    said = [f"{len(runs)} running: {some(runs)}"] if runs else []
    if kernels:
        said.append(
            f"{kernels} notebook {'kernel records its' if kernels == 1 else 'kernels record their'} cells in it"
        )
    raise UsageError(
        f"The store at {place} is in use and cannot be {what} ({'; '.join(said)}). Wait for the runs to end, or stop them, "
        f"and shut down the kernels; then do this again."
    )


def _name(journal: reader.Journal) -> str:
    head = journal.head()
    return journal.run if head is None else f"{head.project}/{head.run} (process {head.pid})"


def _entries(folder: Path, depth: int = 0) -> Iterator[os.DirEntry[str]]:
    """What lies in a store's folder, and below those of its folders that are the store's own."""
    with contextlib.suppress(FileNotFoundError):
        for entry in sorted(os.scandir(folder), key=lambda one: one.name):
            yield entry
            if _is_folder(entry) and (depth or entry.name in _OWN):
                yield from _entries(Path(entry.path), depth + 1)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _is_own(place: Place, path: Path) -> bool:
    if len(path.parts) > 1:
        return path.name.endswith(_OWN[path.parts[0]])
    if path.name == place.gitignore.name:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return place.gitignore.read_text("utf-8") == GITIGNORE
        return False
    # A link in the place of one of our folders is ours; what it leads to is not.
    return path.name in (*DATABASE_FILES, place.lock.name) or (path.name in _OWN and (place.root / path).is_symlink())
