"""What people decide about runs that exist: one transaction each, with who, when, before and after.

A command on a store that cannot be written fails with a message, unlike a journal. Where a command and a run's own journal
speak about the same field, the later one in the order of the store wins, and the audit has both.
"""

from __future__ import annotations

import getpass
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from tracker_nb.errors import BadValue, RunNotFound, UsageError
from tracker_nb.journal import reader
from tracker_nb.journal.naming import now
from tracker_nb.store import runs, stops
from tracker_nb.store.apply import Applier
from tracker_nb.store.database import Database
from tracker_nb.store.place import Place

T = TypeVar("T")

CHANGEABLE = ("name", "notes", "tags", "group", "job_type", "color", "config")
"""Fields of a run that `change_run` can set."""


@dataclass(frozen=True, slots=True)
class RunPath:
    """Names a run for good."""

    entity: str
    project: str
    run: str

    def __str__(self) -> str:
        return f"{self.entity}/{self.project}/{self.run}"


def carry_out(place: Place, path: RunPath, command: Callable[[Database, RunPath], T]) -> T:
    """Carry out one of the commands below in a store; what the command returns.

    What the run's journals say so far is applied first: one that has only just begun may not be in the database yet.

    Raises:
        RunNotFound, StoreBusy, StoreReadOnly, StoreTooNew: nothing was changed.
    """
    with closing(Database(place)) as database:
        applier = Applier(database)
        for journal in reader.journals(place.journals, run=path.run):
            applier.apply(journal)
        return command(database, path)


def change_run(database: Database, path: RunPath, changes: Mapping[str, Any], *, actor: str | None = None) -> None:
    """Set fields of a run.

    Args:
        changes: new values by field, of `CHANGEABLE`; `config` holds only the keys to set.

    Raises:
        RunNotFound, BadValue, StoreBusy, StoreReadOnly, StoreTooNew: nothing was changed.
    """
    unknown = [field for field in changes if field not in CHANGEABLE]
    if unknown:
        raise BadValue(f"A run has no field {unknown[0]!r} to change. These can be: {', '.join(CHANGEABLE)}.")
    with _run(database, path) as (db, state):
        before = {field: getattr(state, field) for field in changes}
        for field, value in changes.items():
            setattr(state, field, {**state.config, **value} if field == "config" else value)
        after = {field: getattr(state, field) for field in changes}
        if after != before:
            runs.save(db, state)
            _remember(db, actor, "change_run", path, before, after)


def set_summary(
    database: Database,
    path: RunPath,
    values: Mapping[str, Any],
    *,
    removed: Iterable[str] = (),
    actor: str | None = None,
) -> None:
    """Set or remove summary values of a run by hand: that wins over what was logged before.

    Raises:
        RunNotFound, StoreBusy, StoreReadOnly, StoreTooNew
    """
    with _run(database, path) as (db, state):
        # No writer's count tells when this was: it is compared by time.
        time = max(now(), state.updated + 1)
        before = {name: old.value for name in values if (old := state.overlay.get(name)) is not None}
        for name, value in values.items():
            state.overlay[name] = runs.Overlay(value, "", 0, time)
        for name in removed:
            state.overlay[name] = runs.Overlay(None, "", 0, time, removed=True)
        runs.save_overlay(db, state, {*values, *removed}, {"": 0})
        _remember(db, actor, "set_summary", path, before, {**values, **dict.fromkeys(removed)})


def delete_run(database: Database, path: RunPath, *, actor: str | None = None) -> None:
    """Put a run into the trash: it is listed no more, and nothing of it is deleted yet.

    Raises:
        RunNotFound, StoreBusy, StoreReadOnly, StoreTooNew
    """
    _mark(database, path, now(), "delete_run", actor)


def restore_run(database: Database, path: RunPath, *, actor: str | None = None) -> None:
    """Take a run out of the trash.

    Raises:
        RunNotFound, StoreBusy, StoreReadOnly, StoreTooNew
    """
    _mark(database, path, None, "restore_run", actor)


def stop_run(database: Database, path: RunPath, *, actor: str | None = None) -> int:
    """Ask the processes that opened a run to stop; how many were asked. They look once a second, and end it as killed.

    Raises:
        UsageError: none of them is alive.
        RunNotFound, StoreBusy, StoreReadOnly, StoreTooNew
    """
    writers = stops.owners(database.place, entity=path.entity, project=path.project, run=path.run)
    who = actor or _user()
    with _run(database, path) as (db, state):
        if not writers:
            raise UsageError(f"Run {path} is not running: there is nothing to stop.")
        _remember(db, who, "stop_run", path, {"state": state.state}, {"asked": writers})
    stops.ask(database.place, path.run, writers, actor=who)
    return len(writers)


def _mark(database: Database, path: RunPath, deleted: int | None, action: str, actor: str | None) -> None:
    with _run(database, path) as (db, state):
        before = db.execute("SELECT deleted FROM runs WHERE id = ?", (state.id,)).fetchone()[0]
        db.execute("UPDATE runs SET deleted = ? WHERE id = ?", (deleted, state.id))
        _remember(db, actor, action, path, {"deleted": before}, {"deleted": deleted})


@contextmanager
def _run(database: Database, path: RunPath) -> Iterator[tuple[sqlite3.Connection, runs.RunState]]:
    with database.transaction() as db:
        state = runs.load(db, path.entity, path.project, path.run)
        if state is None:
            raise RunNotFound(
                f"No run {path} in the database of the store at {database.place}. If it has only just begun, try again in a "
                f"second: `tracker-nb runs {path.project}` lists what there is."
            )
        yield db, state


def _remember(
    db: sqlite3.Connection,
    actor: str | None,
    action: str,
    path: RunPath,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    old, new = (msgspec.json.encode(runs.json_safe(dict(values))).decode() for values in (before, after))
    db.execute(
        "INSERT INTO audit (time, actor, action, target, before, after) VALUES (?, ?, ?, ?, ?, ?)",
        (now(), actor or _user(), action, str(path), old, new),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "user"
