"""The ends of journals that are not applied yet, decoded as they grow: what makes a reader see a value at once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tracker_nb.journal import reader, records
from tracker_nb.store import intern
from tracker_nb.store.batch import Batch, Group

TOGETHER_BYTES = 256 << 10
"""Blocks are read again as one up to this size."""


class Moved(Exception):
    """A segment was applied and deleted while it was read: ask the store again."""


@dataclass(slots=True)
class Block:
    """What one look at a journal brought: columns and records of a stretch of one segment."""

    segment: int
    start: int
    end: int
    groups: list[Group]
    events: list[Any]


@dataclass(slots=True)
class Tail:
    """The not yet applied end of one writer's journal."""

    head: records.Head
    alive: bool
    blocks: list[Block] = field(default_factory=list)
    key_sets: dict[int, tuple[tuple[str, ...], int]] = field(default_factory=dict)
    applied: tuple[int, int] = (0, 0)
    sites: dict[int, records.Site] = field(default_factory=dict)
    executions: dict[int, records.Execution] = field(default_factory=dict)

    @property
    def writer(self) -> str:
        """The writer's uid."""
        return self.head.writer

    def groups(self, *, stream: int = 0) -> Iterator[Group]:
        """Rows of one stream, key sets apart, in order of time."""
        for block in self.blocks:
            yield from (group for group in block.groups if group.stream == stream)

    def finished(self) -> bool:
        """True if its writer has said that the run has ended."""
        return any(isinstance(record, records.Finish) for record in self.events())

    def events(self) -> Iterator[Any]:
        """Records that are no rows."""
        for block in self.blocks:
            yield from block.events


class Tails:
    """Tails of a store's journals, kept between questions. Not for several threads at once."""

    def __init__(self, folder: Any) -> None:
        self._folder = folder
        self._tails: dict[str, Tail] = {}

    def refresh(self, db: sqlite3.Connection, *, run: str | None = None) -> list[Tail]:
        """The tails as of now, seen from the snapshot `db`; of one run or of all. Sessions are no runs: who wants their
        cells asks for `records.SESSION`.

        Raises:
            Moved: begin again with a new snapshot.
        """
        journals = [one for one in reader.journals(self._folder, run=run) if run or one.run != records.SESSION]
        places = _places(db, [journal.writer for journal in journals])
        found = [tail for journal in journals if (tail := self._look(db, journal, places.get(journal.writer)))]
        present = {journal.writer for journal in journals}
        for uid in [
            uid for uid, tail in self._tails.items() if uid not in present and (run is None or tail.head.run == run)
        ]:
            del self._tails[uid]
        return found

    def _look(self, db: sqlite3.Connection, journal: reader.Journal, place: tuple[int, int] | None) -> Tail | None:
        tail = self._tails.get(journal.writer)
        applied = place or (journal.segments[0].number, 0)
        if tail is None:
            head = journal.head()
            if head is None:
                return None
            tail = self._tails[journal.writer] = Tail(head, alive=True)
        if tail.applied != applied:
            self._prune(db, tail, applied, known=place is not None)
        tail.alive = journal.alive()
        segment, offset = (tail.blocks[-1].segment, tail.blocks[-1].end) if tail.blocks else applied
        for at, one in enumerate(journal.segments):
            if one.number >= segment:
                last = at == len(journal.segments) - 1
                self._read(tail, one, offset if one.number == segment else 0, ended=not last or not tail.alive)
                self._join_small(tail, one)
        return tail

    def _join_small(self, tail: Tail, segment: reader.Segment) -> None:
        """Read neighbouring small blocks again as one.

        Whoever looks 40 times a second gets blocks of one row each, and columns of one row cost as much as columns of a
        thousand. A block is joined to the one before it when it is half as large, so each row is read a few times at most.
        """
        while len(tail.blocks) > 1:
            first, second = tail.blocks[-2:]
            size = second.end - first.start
            if first.segment != segment.number or second.segment != segment.number or size > TOGETHER_BYTES:
                return
            if (second.end - second.start) * 2 < first.end - first.start or first.end != second.start:
                return
            reading = reader.Reading(first.start)
            batch = Batch(tail.key_sets)
            try:
                for ends, payloads in reader.read_payloads(segment.path, most=size, reading=reading):
                    batch.feed(ends, payloads)
            except FileNotFoundError as error:
                raise Moved from error
            if reading.offset != second.end:
                return
            joined = Block(segment.number, first.start, second.end, list(batch.groups()), batch.events)
            tail.blocks[-2:] = [joined]

    def _prune(self, db: sqlite3.Connection, tail: Tail, applied: tuple[int, int], *, known: bool) -> None:
        read = (tail.blocks[-1].segment, tail.blocks[-1].end) if tail.blocks else tail.applied
        tail.blocks = [block for block in tail.blocks if (block.segment, block.end) > applied]
        first = tail.blocks[0] if tail.blocks else None
        if first is not None and (first.segment, first.start) < applied:
            tail.blocks = []  # applied up to the middle of a block: read it again from there
        tail.applied = applied
        if known and read < applied:  # key sets announced in between were never seen here
            writer = intern.load_writer(db, tail.writer)
            if writer is not None:
                tail.key_sets |= writer.key_sets

    def _read(self, tail: Tail, segment: reader.Segment, offset: int, *, ended: bool) -> None:
        try:
            size = os.stat(segment.path).st_size
        except FileNotFoundError as error:
            raise Moved from error
        while offset < size:  # and no further: a writer may be faster than we are
            reading = reader.Reading(offset)
            batch = Batch(tail.key_sets)
            try:
                for ends, payloads in reader.read_payloads(segment.path, ended=ended, reading=reading):
                    batch.feed(ends, payloads)
            except FileNotFoundError as error:
                raise Moved from error
            if reading.offset == offset:
                return
            tail.key_sets = batch.key_sets
            tail.sites |= {site.id: site for site in batch.sites}
            tail.executions |= {execution.id: execution for execution in batch.executions}
            tail.blocks.append(Block(segment.number, offset, reading.offset, list(batch.groups()), batch.events))
            offset = reading.offset


def _places(db: sqlite3.Connection, uids: list[str]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for start in range(0, len(uids), 500):
        some = uids[start : start + 500]
        rows: Iterable[tuple[str, int, int]] = db.execute(
            f"SELECT uid, segment, offset FROM writers WHERE uid IN ({','.join('?' * len(some))})", some
        )
        found.update({uid: (segment, offset) for uid, segment, offset in rows})
    return found
