"""What is found inside a store's database."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

from tracker_nb import portable
from tracker_nb.store import schema
from tracker_nb.store.database import store_id
from tracker_nb.store.findings import Finding, error, ok, readable, some, warn
from tracker_nb.store.place import Place

LONG_LOG = 256 << 20
ADVICE_DAMAGED = (
    "Stop what is logging, and copy the whole folder before anything else. Journals that are not applied yet are whole; "
    "`backups/` has copies from before migrations."
)


def findings(db: sqlite3.Connection, place: Place) -> Iterator[Finding]:
    """What the database says of itself. Of a later schema's tables nothing is assumed.

    Raises:
        sqlite3.DatabaseError: it is damaged, or no database.
    """
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    yield _schema(db, version)
    yield _journal_mode(db, place)
    yield _size(place)
    if 0 < version <= schema.VERSION:
        yield _content(db)
        yield _losses(db)
        yield _unknown(db)


def applied(db: sqlite3.Connection) -> dict[str, tuple[int, int]] | None:
    """Segment and offset up to which each writer's journal is applied; None where that cannot be told."""
    try:
        return {
            uid: (segment, offset) for uid, segment, offset in db.execute("SELECT uid, segment, offset FROM writers")
        }
    except sqlite3.OperationalError:
        return None


def integrity(db: sqlite3.Connection, *, quick: bool) -> Finding:
    """SQLite's own check of every page."""
    check = "quick_check" if quick else "integrity_check"
    began = time.monotonic()
    found = [str(row[0]) for row in db.execute(f"PRAGMA {check}(20)")]
    data = {"check": check, "seconds": round(time.monotonic() - began, 3), "messages": found}
    if found == ["ok"]:
        return ok("integrity", f"{check} found nothing wrong, in {data['seconds']:.1f} s", data=data)
    messages = [line for message in found for line in message.splitlines() if line]
    return error("integrity", f"{check} says: {some(messages, 3)}", ADVICE_DAMAGED, data=data)


def _schema(db: sqlite3.Connection, version: int) -> Finding:
    data: dict[str, Any] = {"schema": version, "known": schema.VERSION}
    if version > schema.VERSION:
        return error(
            "schema",
            f"Schema {version}; this release knows up to {schema.VERSION}. Runs are logged to journals, and cannot be read.",
            "pip install -U tracker_nb",
            data=data,
        )
    if version == 0:
        return warn("schema", "The database has no tables yet.", "The next run that is logged makes them.", data=data)
    data["id"] = store_id(db)
    if version < schema.VERSION:
        advice = "Nothing: the next process that writes brings it up to date, after a copy into `backups/`."
        return ok("schema", f"Schema {version} of an earlier release, store {data['id']}", advice, data=data)
    return ok("schema", f"Schema {version}, store {data['id']}", data=data)


def _journal_mode(db: sqlite3.Connection, place: Place) -> Finding:
    mode = str(db.execute("PRAGMA journal_mode").fetchone()[0])
    network = portable.on_network(place.root)
    data = {"journal_mode": mode}
    if mode == "wal" and network:
        advice = "While nothing logs: tracker-nb store move DEST, to a local disk. Here this mode damages databases."
        return error("journal mode", "wal, on a network file system", advice, data=data)
    if mode != "wal" and not network and os.access(place.root, os.W_OK):
        advice = "`tracker-nb backup DEST` makes a copy that does not have this."
        return warn("journal mode", f"{mode}: readers and writers wait for each other.", advice, data=data)
    return ok("journal mode", mode, data=data)


def _size(place: Place) -> Finding:
    database, log = _bytes(place.database), _bytes(f"{place.database}-wal")
    data = {"bytes": database, "wal_bytes": log}
    detail = f"{readable(database)} and {readable(log)} of write-ahead log"
    if log > LONG_LOG:
        advice = "A reader that has been looking for long keeps it from being written back: close it, then `--repair`."
        return warn("size", detail, advice, data=data)
    return ok("size", detail, data=data)


def _bytes(path: object) -> int:
    try:
        return os.stat(str(path)).st_size
    except OSError:
        return 0


def _content(db: sqlite3.Connection) -> Finding:
    runs, deleted = db.execute("SELECT count(*), count(deleted) FROM runs").fetchone()
    projects = db.execute("SELECT count(*) FROM projects").fetchone()[0]
    points = db.execute("SELECT coalesce(sum(rows), 0) FROM metric_stats").fetchone()[0]
    detail = f"{runs - deleted:,} {'run' if runs - deleted == 1 else 'runs'}, {points:,} points"
    data = {"runs": runs - deleted, "deleted": deleted, "projects": projects, "points": points}
    return ok("content", detail, data=data)


def _losses(db: sqlite3.Connection) -> Finding:
    places, skipped, lost = db.execute(
        "SELECT coalesce(sum(skipped_places), 0), coalesce(sum(skipped_bytes), 0), coalesce(sum(lost), 0) FROM writers"
    ).fetchone()
    data = {"skipped_places": places, "skipped_bytes": skipped, "lost_calls": lost}
    if not places and not lost:
        return ok("losses", "None: every record was whole, and every call was kept", data=data)
    rows = db.execute(
        """SELECT coalesce(p.entity || '/' || p.name || '/' || r.run, 'cells of notebooks')
           FROM writers w LEFT JOIN generations g ON g.id = w.generation_id LEFT JOIN runs r ON r.id = g.run_id
             LEFT JOIN projects p ON p.id = r.project_id
           WHERE w.skipped_places > 0 OR w.lost > 0 GROUP BY r.id ORDER BY max(w.id) DESC"""
    )
    whose = [str(row[0]) for row in rows]
    parts = []
    if places:
        parts.append(f"{readable(skipped)} of journals in {places:,} places were no whole record and were skipped")
    if lost:
        parts.append(f"{lost:,} calls found the disk full and the memory for them too")
    return warn("losses", f"{', '.join(parts)}: {some(whose)}", data={**data, "runs": whose[:100]})


def _unknown(db: sqlite3.Connection) -> Finding:
    count = db.execute("SELECT count(*) FROM unknown_records").fetchone()[0]
    if not count:
        return ok("unknown records", "None", data={"count": 0})
    advice = "They are kept. A later release may understand them: pip install -U tracker_nb"
    return warn("unknown records", f"{count:,} records this release does not know.", advice, data={"count": count})
