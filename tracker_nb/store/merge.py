"""Merging row groups: small ones into large ones, and steps that came out of order into order.

A group that was written once in good size is never written again: at one row a second that would cost more than the
rows. What a run leaves behind is sorted by step where that lets charts use the pyramid.
"""

from __future__ import annotations

import sqlite3

import numpy as np

from tracker_nb.store import columns, groups
from tracker_nb.store.alike import LINE
from tracker_nb.store.batch import Group

SMALL_ROWS = 512
"""A group with fewer rows is worth merging."""
MANY_SMALL = 16
"""So many of them are merged while the run still goes on."""
SORT_VALUES = 20_000_000
"""Rows that hold more values than this together are left as they were logged: charts then read them raw."""


def merge_small(db: sqlite3.Connection, generation: int, writer: int) -> None:
    """While a run goes on: merge where many small groups have come together."""
    rows = db.execute(
        """SELECT key_set_id, stream, count(*) FROM row_groups
           WHERE generation_id = ? AND writer_id = ? AND sealed = 0 AND rows < ?
           GROUP BY key_set_id, stream HAVING count(*) >= ?""",
        (generation, writer, SMALL_ROWS, MANY_SMALL),
    ).fetchall()
    for key_set, stream, _ in rows:
        found = [(i, n) for i, n in _groups_of(db, generation, writer, key_set, stream) if n < SMALL_ROWS]
        for ids in _in_size(found):
            _rewrite(db, generation, writer, key_set, ids, sort=False)


def seal(db: sqlite3.Connection, generation: int, writer: int) -> None:
    """At the end of a writer: merge what is fragmented, sort what is out of order, mark everything as final."""
    rows = db.execute(
        """SELECT g.key_set_id, g.stream, count(*), sum(g.rows), min(g.ordered), coalesce(length(k.key_ids) / 8, 16)
           FROM row_groups g LEFT JOIN key_sets k ON k.id = g.key_set_id
           WHERE generation_id = ? AND writer_id = ? GROUP BY g.key_set_id, g.stream""",
        (generation, writer),
    ).fetchall()
    for key_set, stream, count, total, ordered, keys in rows:
        found = _groups_of(db, generation, writer, key_set, stream)
        in_order = ordered and not _overlaps(db, generation, writer, key_set, stream)
        if not in_order and total * max(keys, 1) <= SORT_VALUES:
            _rewrite(db, generation, writer, key_set, [i for i, _ in found], sort=True)
        elif count > 1 and total / count < SMALL_ROWS:
            for ids in _in_size(found):
                _rewrite(db, generation, writer, key_set, ids, sort=False)
    db.execute("UPDATE row_groups SET sealed = 1 WHERE generation_id = ? AND writer_id = ?", (generation, writer))


def _groups_of(
    db: sqlite3.Connection, generation: int, writer: int, key_set: int | None, stream: int
) -> list[tuple[int, int]]:
    """(id, rows) of a key set's groups in the order in which they were logged."""
    return db.execute(
        """SELECT id, rows FROM row_groups WHERE generation_id = ? AND writer_id = ? AND key_set_id IS ? AND stream = ?
           ORDER BY id""",
        (generation, writer, key_set, stream),
    ).fetchall()


def _in_size(found: list[tuple[int, int]]) -> list[list[int]]:
    """Neighbours that make one full group together; a single one is left alone."""
    blocks: list[list[int]] = [[]]
    size = 0
    for group_id, rows in found:
        if size + rows > groups.GROUP_ROWS and blocks[-1]:
            blocks.append([])
            size = 0
        blocks[-1].append(group_id)
        size += rows
    return [block for block in blocks if len(block) > 1]


def _overlaps(db: sqlite3.Connection, generation: int, writer: int, key_set: int | None, stream: int) -> bool:
    last = None
    for low, high in db.execute(
        """SELECT step_min, step_max FROM row_groups WHERE generation_id = ? AND writer_id = ? AND key_set_id IS ?
           AND stream = ? ORDER BY id""",
        (generation, writer, key_set, stream),
    ):
        if last is not None and low < last:
            return True
        last = high
    return False


def _rewrite(
    db: sqlite3.Connection, generation: int, writer: int, key_set: int | None, ids: list[int], *, sort: bool
) -> None:
    whole = join([groups.load(db, group_id) for group_id in ids])
    if sort:
        # Equal steps stay in the order in which they were logged.
        whole = whole.take(np.lexsort((whole.seq, whole.step)))
    key_ids: list[int] = []
    if key_set is not None:
        key_ids = np.frombuffer(
            db.execute("SELECT key_ids FROM key_sets WHERE id = ?", (key_set,)).fetchone()[0], "<i8"
        ).tolist()
    for part in groups.split(whole):
        groups.insert(db, groups.pack(part), generation=generation, writer=writer, key_set=key_set, key_ids=key_ids)
    db.executemany("DELETE FROM chunks WHERE group_id = ?", [(i,) for i in ids])
    db.executemany("DELETE FROM row_groups WHERE id = ?", [(i,) for i in ids])


def join(parts: list[Group]) -> Group:
    """One group from several of the same key set."""
    line = [np.concatenate([getattr(part, name) for part in parts]) for name in LINE]
    values = [columns.join([part.values[i] for part in parts]) for i in range(len(parts[0].values))]
    return Group.of(parts[0].names, parts[0].stream, line, values, [row for part in parts for row in part.maps])
