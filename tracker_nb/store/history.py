"""Forgetting cells that were run: by age and size on its own, and at once when a person asks for it.

A cell that logged to a run is part of that run. It is never forgotten on its own; when a person purges it, its row stays,
so that the run's numbers still say which execution they are of, and its text goes.
"""

from __future__ import annotations

import contextlib
import getpass
import sqlite3
import time
from dataclasses import dataclass
from typing import Any

import msgspec

from tracker_nb.errors import UsageError, closest
from tracker_nb.journal import reader
from tracker_nb.journal.naming import now
from tracker_nb.journal.records import encode_value
from tracker_nb.store.apply import Applier, take_over
from tracker_nb.store.database import LOCK_SECONDS, Database

_DAY = 86_400_000_000
_OF_A_RUN = "EXISTS (SELECT 1 FROM interned i WHERE i.kind = 'execution' AND i.ref = e.id)"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much history of cells that belong to no run is kept; 0 stands for no limit."""

    days: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge took away.

    Attributes:
        cells: executions that are gone.
        of_runs: executions that logged to a run: the row stays, its text is gone.
        bytes: how much text and traceback that was.
        live: journals of programs that still run. What they recorded is in these files too until the programs end.
    """

    cells: int
    of_runs: int
    bytes: int
    live: int


def prune(database: Database, limits: Limits, *, lock_seconds: float = LOCK_SECONDS) -> int:
    """Delete what is older or more than the limits allow; how many executions that were.

    Raises:
        StoreBusy, StoreReadOnly, StoreTooNew
    """
    with database.transaction(lock_seconds) as db:
        gone = 0
        if limits.days:
            gone += db.execute(
                f"DELETE FROM executions AS e WHERE e.started < ? AND e.outcome IS NOT NULL AND NOT {_OF_A_RUN}",
                (now() - limits.days * _DAY,),
            ).rowcount
        if limits.bytes:
            gone += db.execute(
                f"""DELETE FROM executions WHERE outcome IS NOT NULL AND id IN (
                      SELECT id FROM (
                        SELECT e.id, sum(e.bytes) OVER (ORDER BY e.started DESC, e.id DESC) AS kept
                        FROM executions e WHERE NOT {_OF_A_RUN})
                      WHERE kept > ?)""",
                (limits.bytes,),
            ).rowcount
    return gone


def purge(
    database: Database, *, before: int | None = None, notebook: str | None = None, actor: str | None = None
) -> Purged:
    """Take the text of cells out of the store, for good.

    Args:
        before: only cells that began before this, in microseconds since 1970.
        notebook: only cells of this notebook: its path, or the end of it.

    Raises:
        UsageError: no cell of such a notebook is in the store.
        StoreBusy, StoreReadOnly, StoreTooNew: nothing was purged.
    """
    live = _apply_all(database)
    where, values = _which(before, notebook)
    with database.transaction() as db:
        if notebook is not None:
            _check(db, notebook)
        # What is deleted is overwritten, or it could still be read from the file.
        db.execute("PRAGMA secure_delete=ON")
        size = int(
            db.execute(f"SELECT coalesce(sum(e.bytes), 0) FROM executions e WHERE {where}", values).fetchone()[0]
        )
        cells = db.execute(f"DELETE FROM executions AS e WHERE NOT {_OF_A_RUN} AND {where}", values).rowcount
        empty = encode_value({"purged": True})
        of_runs = db.execute(
            f"UPDATE executions AS e SET source = NULL, extra = ?, bytes = ? WHERE {where} AND e.extra IS NOT ?",
            (empty, len(empty), *values, empty),
        ).rowcount
        done = {"before": before, "notebook": notebook, "cells": cells, "of_runs": of_runs}
        db.execute(
            "INSERT INTO audit (time, actor, action, target, before, after) VALUES (?, ?, 'purge_history', 'history', ?, ?)",
            (now(), actor or _user(), None, msgspec.json.encode(done).decode()),
        )
    with database.locked():
        connection = database.connection()
        connection.execute("PRAGMA incremental_vacuum").fetchall()
        connection.execute("PRAGMA secure_delete=OFF")
        database.checkpoint(always=True)
    return Purged(cells, of_runs, size, live)


def count(database: Database, *, before: int | None = None, notebook: str | None = None) -> int:
    """How many cells a purge would take: asked before it is carried out.

    Raises:
        UsageError: as `purge`.
    """
    _apply_all(database)
    where, values = _which(before, notebook)
    with database.transaction() as db:
        if notebook is not None:
            _check(db, notebook)
        return int(db.execute(f"SELECT count(*) FROM executions e WHERE {where} AND e.bytes > 0", values).fetchone()[0])


def _apply_all(database: Database) -> int:
    """Bring everything that journals say into the database; how many journals of the living there are."""
    applier = Applier(database)
    take_over(applier)
    live = reader.journals(database.place.journals)
    for journal in live:
        with contextlib.suppress(FileNotFoundError):
            applier.apply(journal)
    return len(live)


def _which(before: int | None, notebook: str | None) -> tuple[str, list[Any]]:
    where: list[str] = ["1"]
    values: list[Any] = []
    if before is not None:
        where.append("e.started < ?")
        values.append(before)
    if notebook is not None:
        where.append("(e.notebook = ? OR substr(e.notebook, -length(?)) = ?)")
        values += [notebook, f"/{notebook}", f"/{notebook}"]
    return " AND ".join(where), values


def _check(db: sqlite3.Connection, notebook: str) -> None:
    where, values = _which(None, notebook)
    if db.execute(f"SELECT 1 FROM executions e WHERE {where} LIMIT 1", values).fetchone() is None:
        known = [row[0] for row in db.execute("SELECT DISTINCT notebook FROM executions WHERE notebook IS NOT NULL")]
        close = closest(notebook, known) or known[:3]
        hint = f" There are: {', '.join(close)}." if close else " No cell in the store says of which notebook it is."
        raise UsageError(f"No cell of a notebook {notebook!r} is recorded in this store.{hint}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "user"


def parse_before(text: str) -> int | None:
    """A day such as 2026-01-31, a moment in ISO 8601, or an age such as 30d, 12h: microseconds since 1970; None: neither."""
    from datetime import UTC, datetime

    number, unit = text[:-1], text[-1:].lower()
    if number.isascii() and number.isdigit() and unit in {"d", "h", "m"}:
        return time.time_ns() // 1000 - int(number) * {"d": _DAY, "h": _DAY // 24, "m": _DAY // 1440}[unit]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.astimezone()).astimezone(UTC).timestamp() * 1e6)
