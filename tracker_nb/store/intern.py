"""Names that live once in a store: keys, key sets, call sites and cell executions, and what a writer's numbers mean.

All of it may be done again without harm, so it is committed before the rows that use it.
"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tracker_nb.journal import records
from tracker_nb.journal.records import decode_value, encode_value
from tracker_nb.store import runs
from tracker_nb.store.batch import Batch, Group


@dataclass(slots=True)
class Writer:
    """What the store knows of a journal's writer.

    Attributes:
        segment, offset: applied up to here.
        refs: the store's id for each of the writer's own numbers (sites, executions).
        key_sets: names and stream by the writer's number.
        session: the kernel session whose cells it records; None where it belongs to a run. Ids of run and generation are
            0 for it.
    """

    uid: str
    id: int
    run_id: int
    generation_id: int
    entity: str
    project: str
    run: str
    joined: bool
    session: str | None = None
    segment: int = 1
    offset: int = 0
    refs: dict[int, int] = field(default_factory=dict)
    key_sets: dict[int, tuple[tuple[str, ...], int]] = field(default_factory=dict)


def load_writer(db: sqlite3.Connection, uid: str) -> Writer | None:
    """A writer and all its numbers; None where the store has never heard of it."""
    row = db.execute(
        """SELECT w.uid, w.id, coalesce(r.id, 0), coalesce(g.id, 0), coalesce(p.entity, ''), coalesce(p.name, ''),
             coalesce(r.run, ''), w.joined, w.session, w.segment, w.offset
           FROM writers w LEFT JOIN generations g ON g.id = w.generation_id LEFT JOIN runs r ON r.id = g.run_id
             LEFT JOIN projects p ON p.id = r.project_id
           WHERE w.uid = ?""",
        (uid,),
    ).fetchone()
    if row is None:
        return None
    uid, id_, run_id, generation_id, entity, project, run, joined, session, segment, offset = row
    writer = Writer(uid, id_, run_id, generation_id, entity, project, run, bool(joined), session, segment, offset)
    rows = db.execute("SELECT number, kind, ref FROM interned WHERE writer_id = ?", (writer.id,)).fetchall()
    writer.refs = {number: ref for number, kind, ref in rows if kind != "keys"}
    for number, kind, ref in rows:
        if kind == "keys":
            writer.key_sets[number] = key_set(db, ref)
    return writer


def key_set(db: sqlite3.Connection, key_set_id: int) -> tuple[tuple[str, ...], int]:
    """Names and stream of a key set."""
    key_ids, stream = db.execute("SELECT key_ids, stream FROM key_sets WHERE id = ?", (key_set_id,)).fetchone()
    ids = np.frombuffer(key_ids, "<i8").tolist()
    names = key_names(db, ids)
    return tuple(names[i] for i in ids), stream


def key_names(db: sqlite3.Connection, ids: list[int]) -> dict[int, str]:
    """Names of keys by id."""
    found: dict[int, str] = {}
    for some in runs.in_blocks(ids):
        found.update(db.execute(f"SELECT id, name FROM keys WHERE id IN ({runs.marks(some)})", some).fetchall())
    return found


def register(db: sqlite3.Connection, head: records.Head) -> Writer:
    """Make the project, run, generation and writer that a journal's head names, as far as they are new.

    The journal of a kernel session makes a writer, and nothing else.
    """
    if head.run == records.SESSION:
        return _insert_writer(db, head, None)
    state = runs.load(db, head.entity, head.project, head.run) or runs.begin(head)
    if state.id is None:
        runs.save(db, state)
    assert state.id is not None
    generation = db.execute(
        "SELECT id FROM generations WHERE run_id = ? AND number = ?", (state.id, head.generation)
    ).fetchone()
    if generation is None:
        generation = db.execute(
            "INSERT INTO generations (run_id, number, created) VALUES (?, ?, ?) RETURNING id",
            (state.id, head.generation, head.time),
        ).fetchone()
        db.execute(
            """UPDATE runs SET generation_id = (SELECT id FROM generations WHERE run_id = runs.id
                 ORDER BY number DESC LIMIT 1) WHERE id = ?""",
            (state.id,),
        )
    return _insert_writer(db, head, generation[0])


def _insert_writer(db: sqlite3.Connection, head: records.Head, generation_id: int | None) -> Writer:
    session = None if generation_id is not None else str(head.extra.get("session", ""))
    db.execute(
        """INSERT OR IGNORE INTO writers (uid, generation_id, session, joined, host, pid, created, segment)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        (head.writer, generation_id, session, head.joined, head.host, head.pid, head.time, head.segment),
    )
    writer = load_writer(db, head.writer)
    assert writer is not None
    return writer


def intern(db: sqlite3.Connection, writer: Writer, batch: Batch, groups: list[Group], known: dict[str, int]) -> None:
    """Give ids to every name in a batch. `known` are the ids of keys; it and `writer` are brought up to date."""
    names = dict.fromkeys(name for group in groups for name in group.names or ())
    names |= dict.fromkeys(name for group in groups for row in group.maps for name in row)
    names |= dict.fromkeys(name for keys, _ in batch.new_keys.values() for name in keys)
    _intern_keys(db, [name for name in names if name not in known], known)
    rows: list[tuple[int, int, str, int]] = []
    rows += [
        (writer.id, number, "keys", key_set_id(db, [known[name] for name in keys], stream))
        for number, (keys, stream) in batch.new_keys.items()
    ]
    for site in batch.sites:
        place = (site.file, site.line, site.function)
        db.execute("INSERT OR IGNORE INTO sites (file, line, function) VALUES (?, ?, ?)", place)
        found = db.execute("SELECT id FROM sites WHERE file = ? AND line = ? AND function = ?", place).fetchone()
        rows.append((writer.id, site.id, "site", found[0]))
    for execution in batch.executions:
        id_ = _execution_id(db, execution)
        if writer.session is None:  # what is interned by a run's writer is part of that run
            rows.append((writer.id, execution.id, "execution", id_))
    db.executemany("INSERT OR REPLACE INTO interned (writer_id, number, kind, ref) VALUES (?, ?, ?, ?)", rows)
    writer.key_sets |= batch.new_keys
    writer.refs |= {number: ref for _, number, kind, ref in rows if kind != "keys"}


def _intern_keys(db: sqlite3.Connection, names: list[str], known: dict[str, int]) -> None:
    db.executemany("INSERT OR IGNORE INTO keys (name) VALUES (?)", [(name,) for name in names])
    for start in range(0, len(names), 500):
        some = names[start : start + 500]
        known.update(
            db.execute(f"SELECT name, id FROM keys WHERE name IN ({','.join('?' * len(some))})", some).fetchall()
        )


def key_set_id(db: sqlite3.Connection, key_ids: list[int], stream: int) -> int:
    """Id of a key set, made if it is new."""
    packed = np.array(key_ids, "<i8").tobytes()
    digest = hashlib.blake2b(packed + bytes([stream]), digest_size=16).digest()
    db.execute("INSERT OR IGNORE INTO key_sets (digest, key_ids, stream) VALUES (?, ?, ?)", (digest, packed, stream))
    return int(db.execute("SELECT id FROM key_sets WHERE digest = ?", (digest,)).fetchone()[0])


_EXECUTION_FIELDS = ("session", "notebook", "cell_id", "execution_count", "source", "source_sha256")


def _execution_id(db: sqlite3.Connection, execution: records.Execution) -> int:
    fields = dict(execution.fields)
    named = [fields.pop(name, None) for name in _EXECUTION_FIELDS]
    extra = encode_value(fields)
    # The journals of a session and of its runs all speak of a cell: the first to be applied counts. Where that was only
    # its end, the rest is filled in; what was purged has its SHA-256 still and stays purged.
    db.execute(
        f"""INSERT INTO executions (uid, started, {", ".join(_EXECUTION_FIELDS)}, extra, bytes)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (uid) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _EXECUTION_FIELDS)},
              started = excluded.started, bytes = bytes + excluded.bytes
            WHERE executions.source_sha256 IS NULL AND excluded.source_sha256 IS NOT NULL""",
        (execution.uid, execution.time, *named, extra, _size(named, extra)),
    )
    return int(db.execute("SELECT id FROM executions WHERE uid = ?", (execution.uid,)).fetchone()[0])


def _size(named: list[Any], extra: bytes) -> int:
    return len(extra) + sum(len(value.encode()) for value in named if isinstance(value, str))


def end_execution(db: sqlite3.Connection, record: records.ExecutionEnd) -> None:
    """Complete a cell execution. Of one that has ended and was purged since, nothing comes back."""
    row = db.execute("SELECT extra, ended FROM executions WHERE uid = ?", (record.uid,)).fetchone()
    if row is None:
        db.execute(
            "INSERT INTO executions (uid, started, extra) VALUES (?, ?, ?)", (record.uid, record.time, encode_value({}))
        )
    known = decode_value(row[0]) if row else {}
    if known.get("purged") and row[1] is not None:
        return
    extra = {**known, **record.fields}
    outcome, packed = extra.pop("outcome", None), encode_value(extra)
    db.execute(
        "UPDATE executions SET ended = ?, outcome = ?, bytes = bytes - length(extra) + ?, extra = ? WHERE uid = ?",
        (record.time, outcome, len(packed), packed, record.uid),
    )


def end_session(db: sqlite3.Connection, writer: Writer) -> None:
    """A session's journal is complete: how the cells ended of which it does not say so, nobody will know any more."""
    if writer.session:
        db.execute(
            "UPDATE executions SET outcome = ? WHERE session = ? AND outcome IS NULL", (runs.CRASHED, writer.session)
        )
