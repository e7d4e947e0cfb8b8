"""Is the store well: where it lies, what SQLite makes of it, whose journals wait, what was ever lost.

Examining changes nothing. `repair` does what any process that opens the store does sooner or later.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from tracker_nb import portable
from tracker_nb.errors import TrackerError
from tracker_nb.store import doctor_database, doctor_journals
from tracker_nb.store.apply import Applier, take_over
from tracker_nb.store.database import Database, connect_any
from tracker_nb.store.findings import Finding, error, ok, readable, warn
from tracker_nb.store.place import Place, user_store

EXTRAS = {
    "notebook": ("altair", "anywidget", "ipython", "ipywidgets", "nbformat", "pandas", "pillow", "vl-convert-python"),
    "lab": ("jupyter-server", "jupyterlab"),
}
"""Packages that the extras of the distribution bring."""

SAFE_SQLITE = (3, 51, 3)
LITTLE_SPACE, NO_SPACE = 1 << 30, 64 << 20


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
    return Report(place, (_release(release), *_findings(place, given=given, quick=quick)))


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
        advice = "Make one with `tracker-nb init`, or log a run: that makes it too."
        yield error("store", f"There is no store at {place} ({chosen}).", advice, data=data)
        yield _sqlite_version()
    else:
        yield ok("store", f"{place}, {chosen}", data=data)
        yield _folder(place)
        yield _file_system(place)
        yield _disk(place)
        yield _sqlite_version()
        yield from _inside(place, quick=quick)
    yield from _extensions()


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
    yield from doctor_journals.findings(place, applied)
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
        advice = "Runs can be read; what is logged from here goes to another store. Give yourself the right to write."
        return warn("folder", f"This user may not write to it (mode {mode:04o}).", advice, data=data)
    if mode & 0o007 and not portable.WINDOWS:
        does = "change" if mode & 0o002 else "read"
        return warn(
            "folder", f"Every user of this machine may {does} it (mode {mode:04o}).", f"chmod o= {place}", data=data
        )
    shared = ", shared with its group" if mode & 0o020 else ""
    return ok("folder", f"Mode {mode:04o}{shared}", data=data)


def _file_system(place: Place) -> Finding:
    kind = portable.file_system(place.root)
    data = {"type": kind, "network": portable.on_network(place.root)}
    if portable.on_network(place.root):
        advice = "Put the store on a local disk, named by TRACKER_NB_DIR, and copy it with `tracker-nb backup`."
        return warn(
            "file system",
            f"{kind}, a network file system: locks and SQLite's log may fail across machines.",
            advice,
            data=data,
        )
    return ok("file system", kind or "its type is not known on this system", data=data)


def _disk(place: Place) -> Finding:
    usage = shutil.disk_usage(place.root)
    detail = f"{readable(usage.free)} free of {readable(usage.total)}"
    data = {"free": usage.free, "total": usage.total}
    advice = "Make room. Until then rows wait in the memory of their programs, within a limit."
    if usage.free < NO_SPACE:
        return error("disk", detail, advice, data=data)
    return warn("disk", detail, advice, data=data) if usage.free < LITTLE_SPACE else ok("disk", detail, data=data)


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


def _extensions() -> Iterator[Finding]:
    for extra, packages in EXTRAS.items():
        versions = {name: _version(name) for name in packages}
        there = [f"{name} {version}" for name, version in versions.items() if version]
        missing = [name for name, version in versions.items() if not version]
        detail = ", ".join(there) or "nothing of it is installed"
        if there and missing:
            detail += f"; not installed: {', '.join(missing)}"
        advice = f"If you need them: pip install 'tracker_nb[{extra}]'" if missing else ""
        yield ok(f"extra {extra}", detail, advice, data=versions)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
