"""Is the store well: where it lies, what SQLite makes of it, whose journals wait, what was ever lost.

Examining changes nothing. `repair` does what any process that opens the store does sooner or later.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tracker_nb import portable
from tracker_nb.errors import TrackerError
from tracker_nb.store import doctor_database, doctor_journals, doctor_jupyter
from tracker_nb.store.apply import Applier, take_over
from tracker_nb.store.cautions import why_not_writable
from tracker_nb.store.contents import DATABASE_FILES
from tracker_nb.store.database import Database, connect_any, missing
from tracker_nb.store.findings import Finding, error, ok, readable, some, warn
from tracker_nb.store.place import Place, user_store

SAFE_SQLITE = (3, 51, 3)
LITTLE_SPACE, NO_SPACE = 1 << 30, 64 << 20
FEW_FILES = 1000


@dataclass(frozen=True, slots=True)
class Report:
    """What an examination found, in the order in which it looked."""

    place: Place
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """True where there is no error; warnings do not count."""
        return not self.count("error")

    def count(self, level: str) -> int:
        """How many findings are of a level."""
        return sum(finding.level == level for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Repair:
    """What `repair` did: journals of dead writers applied, and beginnings of segments removed."""

    journals: int
    leftovers: int


def examine(place: Place, *, release: str = "", given: bool = False, quick: bool = False) -> Report:
    """Look at everything that can be wrong with a store.

    Args:
        release: version of this package, to be said with the rest.
        given: its folder was named by whoever asks, not found.
        quick: do not compare indexes with their tables, which takes most of the time.
    """
    found = _findings(place, given=given, quick=quick)
    return Report(place, (_release(release), *found, *doctor_jupyter.findings(release)))


def repair(place: Place) -> Repair:
    """Take over the journals of dead writers, write the log back into the database, remove what they left half made.

    Raises:
        StoreBusy, StoreReadOnly, StoreTooNew: nothing was changed, or not all.
    """
    leftovers = [path for path in doctor_journals.leftovers(place) if portable.remove(path)]
    with contextlib.closing(Database(place)) as database:
        done = take_over(Applier(database))
        with database.locked():
            database.connection()
            database.checkpoint(always=True)
    return Repair(done, len(leftovers))


def why(place: Place, *, given: bool) -> str:
    """Why it is this store that is used: see `place.find`."""
    if given:
        return "named by --dir"
    if os.environ.get("TRACKER_NB_DIR"):
        return "named by TRACKER_NB_DIR"
    if place == user_store():
        return "in your user's data directory, as no folder at or above the working directory has a .tracker_nb"
    return "the nearest .tracker_nb at or above the working directory"


def _findings(place: Place, *, given: bool, quick: bool) -> Iterator[Finding]:
    chosen = why(place, given=given)
    data = {"path": str(place), "chosen": chosen}
    if not place.exists():
        said = str(missing(place)).split(". ", 1)
        yield error("store", f"{said[0]} ({chosen}).", said[1], data=data)
        yield _sqlite_version()
    else:
        yield ok("store", f"{place}, {chosen}", data=data)
        yield _folder(place)
        yield from _owners(place)
        yield _file_system(place)
        yield _disk(place)
        yield _sqlite_version()
        yield from _inside(place, quick=quick)


def _inside(place: Place, *, quick: bool) -> Iterator[Finding]:
    """What needs the database, and what does not but reads better with it."""
    applied: dict[str, tuple[int, int]] | None = None
    problem = ""
    try:
        with contextlib.closing(connect_any(place)) as db:
            yield from doctor_database.findings(db, place)
            applied = doctor_database.applied(db)
    except (sqlite3.Error, TrackerError) as failure:
        problem = str(failure)
        yield error("database", f"{place.database} cannot be read: {problem}.", doctor_database.ADVICE_DAMAGED)
    try:
        yield from doctor_journals.findings(place, applied)
    except PermissionError as failure:
        said = f"{failure.filename} is closed to this user, and rows that are not applied yet lie there."
        yield warn("journals", said, "Its owner gives the right to read: chmod -R g+rX, for a group that you are in.")
    try:
        with contextlib.closing(connect_any(place)) as db:
            yield doctor_database.integrity(db, quick=quick)
    except (sqlite3.Error, TrackerError) as failure:
        if str(failure) != problem:
            yield error("integrity", f"SQLite cannot check the database: {failure}.", doctor_database.ADVICE_DAMAGED)


# ---------------------------------------------------------------------------------------------------- around it


def _folder(place: Place) -> Finding:
    try:
        mode = stat.S_IMODE(place.root.stat().st_mode)
    except OSError as problem:
        return error("folder", f"{place} cannot be looked at: {problem.strerror}.")
    data = {"mode": f"{mode:04o}", "writable": place.writable()}
    if not place.writable():
        why = why_not_writable(place)
        advice = (
            "Runs can be read; what is logged from here goes to another store. For one of your own: tracker-nb init. To "
            "share this one, its owner makes it writable for a group that you are in."
        )
        reason = f": {why}" if why else ""
        return warn("folder", f"This user may not write to it{reason} (mode {mode:04o}).", advice, data=data)
    if mode & 0o007 and not portable.WINDOWS:
        does = "change" if mode & 0o002 else "read"
        return warn(
            "folder", f"Every user of this machine may {does} it (mode {mode:04o}).", f"chmod o= {place}", data=data
        )
    shared = ", shared with its group" if mode & 0o020 else ""
    return ok("folder", f"Mode {mode:04o}{shared}", data=data)


def _owners(place: Place) -> Iterator[Finding]:
    """Nothing where everything is this user's own."""
    user, owner = portable.user(), portable.owner(place.root)
    if user is None or owner is None:
        return
    owners = {one[1] for one in map(portable.owner, _own_files(place)) if one is not None}
    others = sorted(owners - {owner[1]})
    data = {"owner": owner[1], "others": others}
    if others and not place.file_mode() & 0o060:
        advice = f"sudo chown -R {owner[1]} {place}"
        detail = f"It belongs to {owner[1]}, and files in it to {some(others)}: neither may write what the other made."
        yield warn("owner", detail, advice, data=data)
    elif user != owner[0] and place.writable() and not place.file_mode() & 0o060:
        advice = f"Log as {owner[1]}, or to a store of your own: tracker-nb init"
        detail = (
            f"It belongs to {owner[1]}, not to you. What you log there {owner[1]} may not be able to read or change."
        )
        yield warn("owner", detail, advice, data=data)


def _own_files(place: Place) -> Iterator[Path]:
    """Files that whoever logs has to write, or has made."""
    yield from (path for name in (*DATABASE_FILES, place.lock.name) if os.path.exists(path := place.root / name))
    with contextlib.suppress(OSError):
        yield from place.journals.iterdir()


def _file_system(place: Place) -> Finding:
    kind = portable.file_system(place.root)
    data = {"type": kind, "network": portable.on_network(place.root)}
    if portable.on_network(place.root):
        advice = (
            "While nothing logs: tracker-nb store move DEST, to a local disk; keep copies here by tracker-nb backup."
        )
        return warn(
            "file system",
            f"{kind}, a network file system: locks and SQLite's log may fail across machines.",
            advice,
            data=data,
        )
    return ok("file system", kind or "its type is not known on this system", data=data)


def _disk(place: Place) -> Finding:
    space = portable.free_space(place.root)
    if space is None:
        return warn("disk", "How much room is left cannot be told.", "Look at it with your system's own programs.")
    free, total = space
    files = portable.free_files(place.root)
    detail = f"{readable(free)} free of {readable(total)}"
    data = {"free": free, "total": total, "free_files": files}
    advice = "Make room. Until then rows wait in the memory of their programs, within a limit."
    if files is not None and files < FEW_FILES:
        return warn("disk", f"{detail}, but only {files:,} more files (inodes)", advice, data=data)
    if free < NO_SPACE:
        return error("disk", detail, advice, data=data)
    return warn("disk", detail, advice, data=data) if free < LITTLE_SPACE else ok("disk", detail, data=data)


def _release(release: str) -> Finding:
    python = platform.python_version()
    data = {"version": release, "python": python}
    return ok("release", f"tracker_nb {release}, Python {python}", data=data)


def _sqlite_version() -> Finding:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info >= SAFE_SQLITE:
        return ok("SQLite", f"SQLite {version}", data={"version": version})
    return warn(
        "SQLite",
        f"SQLite {version}. Before {'.'.join(map(str, SAFE_SQLITE))}, two connections that commit and checkpoint at "
        f"the same instant can damage a database. The writer lock of tracker_nb avoids that instant; other programs do not.",
        "Write to tracker.db with tracker_nb only. A Python with a newer SQLite lifts this.",
        data={"version": version},
    )
