"""Applying journals to the store: idempotent, in batches, by any process.

A batch and the offset behind it are committed in one transaction, so that a journal applied twice, by two processes, or
again after a crash gives the same store. Everything that takes time is done before the writer lock is taken.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from tracker_nb import portable
from tracker_nb.journal import reader, records
from tracker_nb.journal.records import encode_value
from tracker_nb.store import groups, intern, merge, runs
from tracker_nb.store.batch import Batch, Group
from tracker_nb.store.database import LOCK_SECONDS, Database

BATCH_BYTES = 4 << 20
_nothing: Callable[[], None] = lambda: None  # noqa: E731 - a default, not a definition


class Applier:
    """Applies journals to one store. Threads take turns.

    Args:
        database: the writing end of the store.
        pause: called about every millisecond of work, to let other threads have the interpreter.
    """

    def __init__(self, database: Database, *, pause: Callable[[], None] = _nothing) -> None:
        self.database = database
        self.place = database.place
        self._pause = pause
        self._turn = threading.RLock()
        self._writers: dict[str, intern.Writer] = {}
        self._keys: dict[str, int] = {}
        self._openings = 0
        self._statistics: dict[str, dict[int, groups.Stats]] = {}
        self._uncommitted: dict[int, groups.Stats] = {}

    def offset(self, uid: str) -> tuple[int, int]:
        """Segment and offset up to which a writer's journal is applied, as far as this process knows."""
        writer = self._writers.get(uid)
        return (writer.segment, writer.offset) if writer else (1, 0)

    def apply(self, journal: reader.Journal, *, ended: bool = False, lock_seconds: float = LOCK_SECONDS) -> int:
        """Apply all that a journal holds now; how many records that were.

        Args:
            ended: the writer is dead or has closed: an incomplete record at the end will not be completed.
            lock_seconds: how long to wait for another process's transaction.

        Raises:
            StoreBusy, StoreTooNew, StoreReadOnly: nothing is lost, the journal stays as it is.
        """
        with self._turn:
            applied = 0
            end = _end_of(journal)
            while True:
                writer = self._find(journal, lock_seconds)
                if not ended and writer is not None and (writer.segment, writer.offset) >= end:
                    return applied  # what was logged meanwhile waits for the next time, or this would never end
                batch, segment, reading = self._read(journal, writer, ended=ended)
                if batch is None or reading is None:
                    return applied
                if self._commit(writer, batch, segment, reading, lock_seconds, journal):
                    applied += batch.count + len(batch.events)

    def settle(self, journal: reader.Journal, *, lock_seconds: float = LOCK_SECONDS) -> bool:
        """Close the books on a journal whose writer is dead or has closed: seal, decide the state, delete the segments.

        Returns:
            True where nothing of the journal is left on disk.
        """
        with self._turn:
            self.apply(journal, ended=True, lock_seconds=lock_seconds)
            writer = self._writers.get(journal.writer)
            if writer is not None:
                with self.database.transaction(lock_seconds) as db:
                    if writer.session is None:
                        merge.seal(db, writer.generation_id, writer.id)
                    _end(db, writer)
                self._writers.pop(journal.writer, None)
                self._statistics.pop(journal.writer, None)
            # Without a writer there was not a byte to apply.
            if writer is not None and not self.database.checkpoint(always=True, lock_seconds=lock_seconds):
                return False  # a reader is in the way: a later call deletes
            removed = [portable.remove(segment.path) for segment in journal.segments]
            return all(removed)

    def drop_applied_segments(self, journal: reader.Journal) -> None:
        """Delete a live writer's full segments that are applied."""
        segment, _ = self.offset(journal.writer)
        old = [s for s in journal.segments if s.number < segment]
        if old and self.database.checkpoint(always=True):
            for done in old:
                portable.remove(done.path)

    # ------------------------------------------------------------------------------------------------ reading

    def _find(self, journal: reader.Journal, lock_seconds: float) -> intern.Writer | None:
        writer = self._writers.get(journal.writer)
        if writer is None and self.place.exists():
            with self.database.locked(lock_seconds), contextlib.suppress(sqlite3.OperationalError):  # no tables yet
                connection = self.database.connection()
                self._forget_if_reopened()
                writer = intern.load_writer(connection, journal.writer)
            if writer is not None:
                self._writers[journal.writer] = writer
        return writer

    def _forget_if_reopened(self) -> bool:
        """True where the database may be another than before, made anew under our feet: its ids mean other things."""
        if self._openings == self.database.openings:
            return False
        self._openings = self.database.openings
        self._writers.clear()
        self._keys.clear()
        self._statistics.clear()
        return True

    def _read(
        self, journal: reader.Journal, writer: intern.Writer | None, *, ended: bool
    ) -> tuple[Batch | None, int, reader.Reading | None]:
        """The next batch of a journal: (batch, its segment, how far it was read); no batch where nothing is new."""
        segment, offset = (writer.segment, writer.offset) if writer else (journal.segments[0].number, 0)
        before_it = writer.segment if writer else 0
        for at, found in enumerate(journal.segments):
            if found.number < segment:
                continue
            missing, before_it = max(found.number - before_it - 1, 0), found.number
            last = at == len(journal.segments) - 1
            reading = reader.Reading(offset if found.number == segment else 0)
            before = reading.offset
            batch = Batch(writer.key_sets if writer else None)
            try:
                stream = reader.read_payloads(found.path, most=BATCH_BYTES, ended=ended or not last, reading=reading)
                for ends, payloads in stream:
                    batch.feed(ends, payloads)
                    self._pause()
            except FileNotFoundError:
                continue  # another process has applied and deleted it
            if reading.offset > before:
                reading.damage.places += missing
                return batch, found.number, reading
        return None, 0, None

    # ------------------------------------------------------------------------------------------------ writing

    def _commit(
        self,
        writer: intern.Writer | None,
        batch: Batch,
        segment: int,
        reading: reader.Reading,
        lock_seconds: float,
        journal: reader.Journal,
    ) -> bool:
        """Commit one batch; False where another process was faster."""
        of_session = journal.run == records.SESSION
        found = [] if of_session else list(batch.groups(self._pause))  # no run, no rows
        keys = dict(self._keys)
        fresh = writer is None or batch.new_keys or batch.sites or batch.executions or _has_new_names(found, keys)
        if fresh:
            with self.database.transaction(lock_seconds) as db:
                if self._forget_if_reopened():
                    return False
                if writer is None:
                    head = batch.head or journal.head() or _lost_head(journal)
                    # By its file's name, under which it is looked for: a copy may have another than its head says.
                    run = records.SESSION if of_session else head.run
                    writer = intern.register(db, msgspec.structs.replace(head, writer=journal.writer, run=run))
                    if writer.offset:  # another process has begun since we looked: our batch is its batch
                        return False
                intern.intern(db, writer, batch, found, keys)
        assert writer is not None
        self._keys = keys  # only now are these ids committed
        self._writers[writer.uid] = writer
        packed = [
            groups.pack(_with_ids(part, writer.refs), pause=self._pause)
            for group in found
            for part in groups.split(group)
        ]
        with self.database.transaction(lock_seconds) as db:
            if self._forget_if_reopened():
                return False
            place = db.execute("SELECT segment, offset FROM writers WHERE id = ?", (writer.id,)).fetchone()
            if place != (writer.segment, writer.offset):
                # Names announced in what the other applied are not known here: the writer is loaded again.
                self._writers.pop(writer.uid, None)
                self._statistics.pop(writer.uid, None)
                return False
            if of_session:
                _take_cells(db, writer, batch)
            else:
                self._insert(db, writer, packed)
                _take_events(db, writer, batch)
            db.executemany(
                "INSERT INTO unknown_records (writer_id, segment, offset, reason, payload) VALUES (?, ?, ?, ?, ?)",
                [(writer.id, segment, end, record.reason, record.payload) for end, record in batch.unknown],
            )
            db.execute(
                """UPDATE writers SET segment = ?, offset = ?, seq = max(seq, ?), skipped_places = skipped_places + ?,
                     skipped_bytes = skipped_bytes + ? WHERE id = ?""",
                (segment, reading.offset, batch.last_seq, reading.damage.places, reading.damage.bytes, writer.id),
            )
            if not of_session:
                merge.merge_small(db, writer.generation_id, writer.id)
        writer.segment, writer.offset = segment, reading.offset
        if not of_session:
            self._statistics[writer.uid] = self._uncommitted
        self.database.checkpoint()
        return True

    def _insert(self, db: sqlite3.Connection, writer: intern.Writer, packed: list[groups.Packed]) -> None:
        # Taken out while it is ahead of the database: put back once this is committed.
        known = self._statistics.pop(writer.uid, None)
        if known is None:
            known = groups.load_statistics(db, writer.generation_id, writer.id)
        changed: dict[int, dict[int, groups.Stats]] = {}
        for one in packed:
            group = one.group
            ids = [self._keys[name] for name in group.names or ()]
            key_set = intern.key_set_id(db, ids, group.stream) if group.names is not None else None
            groups.insert(db, one, generation=writer.generation_id, writer=writer.id, key_set=key_set, key_ids=ids)
            for name, stats in groups.statistics(group, one.chunks).items():
                key_id = self._keys[name]
                sums = changed.setdefault(group.stream, {})
                sums[key_id] = known.setdefault(key_id, groups.Stats())
                sums[key_id].add(stats)
        for stream, found in changed.items():
            groups.save_statistics(db, found, generation=writer.generation_id, writer=writer.id, stream=stream)
        self._uncommitted = known


def _end_of(journal: reader.Journal) -> tuple[int, int]:
    """Segment and offset at which a journal ends now."""
    newest = journal.segments[-1]
    try:
        return newest.number, newest.path.stat().st_size
    except FileNotFoundError:  # another process has applied and deleted it
        return newest.number, 0


def _has_new_names(found: list[Group], keys: dict[str, int]) -> bool:
    return any(name not in keys for g in found for name in g.names or ()) or any(
        name not in keys for g in found for row in g.maps for name in row
    )


def _with_ids(group: Group, refs: dict[int, int]) -> Group:
    """The group with the store's ids of executions and sites; 0 where a writer's number was never announced."""
    for name in ("execution", "site"):
        numbers, where = np.unique(getattr(group, name), return_inverse=True)
        setattr(group, name, np.array([refs.get(n, 0) for n in numbers.tolist()], np.int64)[where])
    return group


def _take_events(db: sqlite3.Connection, writer: intern.Writer, batch: Batch) -> None:
    state = runs.load(db, writer.entity, writer.project, writer.run)
    assert state is not None
    changed: set[str] = set()
    for record in batch.events:
        if isinstance(record, records.ExecutionEnd):
            intern.end_execution(db, record)
            continue
        if isinstance(record, records.Lost):
            db.execute("UPDATE writers SET lost = lost + ? WHERE id = ?", (record.records, writer.id))
        if isinstance(record, records.Summary):
            changed |= {*record.values, *record.removed}
        if isinstance(record, records.Finish):
            db.execute("UPDATE writers SET ended = ? WHERE id = ?", (record.time, writer.id))
        if isinstance(record, records.Start) and record.parent is not None:
            _set_parent(db, writer, record.parent)
        runs.take(state, record, writer.uid)
        _remember(db, writer, record)
    state.updated = max(state.updated, batch.last_time)
    runs.save(db, state)
    runs.save_overlay(db, state, changed, {writer.uid: writer.id})


def _take_cells(db: sqlite3.Connection, writer: intern.Writer, batch: Batch) -> None:
    """What the journal of a kernel session says: how cells ended. That they began was interned before."""
    for record in batch.events:
        if isinstance(record, records.ExecutionEnd):
            intern.end_execution(db, record)
        elif isinstance(record, records.Lost):
            db.execute("UPDATE writers SET lost = lost + ? WHERE id = ?", (record.records, writer.id))
        elif isinstance(record, records.Finish):
            db.execute("UPDATE writers SET ended = ? WHERE id = ?", (record.time, writer.id))


def _set_parent(db: sqlite3.Connection, writer: intern.Writer, parent: records.Pointer) -> None:
    db.execute(
        """UPDATE generations SET parent_step = ?, parent_marks = ?, parent_id = (
             SELECT g.id FROM generations g JOIN runs r ON r.id = g.run_id
               JOIN runs mine ON mine.project_id = r.project_id AND mine.id = ?
             WHERE r.run = ? AND g.number = ?) WHERE id = ?""",
        (
            parent.step,
            msgspec.json.encode(parent.marks).decode(),
            writer.run_id,
            parent.run,
            parent.generation,
            writer.generation_id,
        ),
    )


def _remember(db: sqlite3.Connection, writer: intern.Writer, record: Any) -> None:
    fields = msgspec.structs.asdict(record)
    refs = [writer.refs.get(fields.pop(name, 0)) for name in ("execution", "site")]
    seq, time = fields.pop("seq"), fields.pop("time")
    if fields.get("parent") is not None:
        fields["parent"] = msgspec.structs.asdict(fields["parent"])
    db.execute(
        """INSERT INTO run_events (generation_id, writer_id, seq, time, execution_id, site_id, kind, data)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        (writer.generation_id, writer.id, seq, time, *refs, type(record).__name__.lower(), encode_value(fields)),
    )


def _end(db: sqlite3.Connection, writer: intern.Writer) -> None:
    """A journal is complete. If it was to say how its run ended and did not, the run has crashed."""
    if writer.session is not None:
        intern.end_session(db, writer)
    row = db.execute("SELECT ended FROM writers WHERE id = ?", (writer.id,)).fetchone()
    if row is None or row[0] is not None:
        return
    last = db.execute(
        "SELECT max(time_max) FROM row_groups WHERE generation_id = ? AND writer_id = ?",
        (writer.generation_id, writer.id),
    ).fetchone()[0]
    db.execute("UPDATE writers SET ended = coalesce(?, created) WHERE id = ?", (last, writer.id))
    if not writer.joined and writer.session is None:
        db.execute(
            """UPDATE runs SET state = ?, ended = max(updated, coalesce(?, 0)) WHERE id = ? AND state = ?
                 AND NOT EXISTS (SELECT 1 FROM writers w WHERE w.generation_id = runs.generation_id
                                 AND w.joined = 0 AND w.ended IS NULL)""",
            (runs.CRASHED, last, writer.run_id, runs.RUNNING),
        )


def _lost_head(journal: reader.Journal) -> records.Head:
    """For a journal in which no head can be read: its rows are kept under a project that says so."""
    if journal.run == records.SESSION:
        return records.Head(records.FORMAT, "", "", "", journal.run, 0, journal.writer, 1, False, "", 0, 0)
    return records.Head(
        records.FORMAT, "", "unknown", "recovered", journal.run, 0, journal.writer, journal.segments[0].number, False,
        "", 0, 0,
    )  # fmt: skip


def take_over(applier: Applier, *, lock_seconds: float = LOCK_SECONDS, run: str | None = None) -> int:
    """Apply and settle every journal whose writer is dead; how many there were."""
    done = 0
    for journal in reader.journals(applier.place.journals, run=run):
        if not journal.alive():
            # Listed again: it may have gone on to another segment before it died.
            for whole in reader.journals(applier.place.journals, run=journal.run):
                if whole.writer == journal.writer:
                    applier.settle(whole, lock_seconds=lock_seconds)
                    done += 1
    return done
