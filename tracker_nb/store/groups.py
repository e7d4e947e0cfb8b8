"""Row groups in the database: writing them, reading their columns back, keeping the statistics of each metric."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracker_nb.journal.records import decode_value, encode_value
from tracker_nb.store import columns, intern, pyramid
from tracker_nb.store.batch import Group

GROUP_ROWS = 8192
LARGE_OBJECT = 1 << 16


@dataclass(frozen=True, slots=True)
class Packed:
    """A row group ready to be inserted: everything that can be made before the writer lock is taken."""

    group: Group
    line: dict[str, Any]
    chunks: list[dict[str, Any]]


def split(group: Group) -> list[Group]:
    """Groups of at most 8,192 rows."""
    if len(group) <= GROUP_ROWS:
        return [group]
    return [group.take(slice(start, start + GROUP_ROWS)) for start in range(0, len(group), GROUP_ROWS)]


def pack(group: Group, *, pause: Callable[[], None] = lambda: None) -> Packed:
    """Columns, statistics and pyramid of a group. Its `execution` and `site` must be the store's ids already."""
    ordered = group.ordered
    time = group.time
    line: dict[str, Any] = {
        "stream": group.stream,
        "rows": len(group),
        "sealed": int(len(group) >= GROUP_ROWS),
        "ordered": int(ordered),
        "time_ordered": int((time[1:] >= time[:-1]).all()),
        "step_min": int(group.step.min()),
        "step_max": int(group.step.max()),
        "time_min": int(time.min()),
        "time_max": int(time.max()),
        "coarse_step": group.step[:: pyramid.COARSE].astype("<i8").tobytes() if len(group) >= pyramid.WORTH else None,
        "coarse_time": time[:: pyramid.COARSE].astype("<i8").tobytes() if len(group) >= pyramid.WORTH else None,
        "maps": None,
    }
    for name in ("seq", "step", "time", "execution", "site", "flags"):
        line[name] = columns.pack(getattr(group, name))
    if group.names is None:
        line["maps"] = columns.pack(columns.from_values([encode_value(row) for row in group.maps]))
    chunks = []
    for column in group.values:
        chunks.append(_chunk(column, leveled=len(group) >= pyramid.WORTH))
        pause()
    return Packed(group, line, chunks)


def _chunk(column: np.ndarray, *, leveled: bool) -> dict[str, Any]:
    chunk: dict[str, Any] = {"type": columns.element_type(column), "data": columns.pack(column)}
    chunk |= {"coarse": None, "fine": None}
    coarse = None
    if leveled and chunk["type"] != columns.OBJECT:
        fine = pyramid.summarise(column.astype(np.float64), pyramid.FINE)
        coarse = pyramid.combine_at(fine, np.arange(0, len(fine), pyramid.COARSE // pyramid.FINE))
        chunk |= {"fine": fine.tobytes(), "coarse": coarse.tobytes()}
    return chunk | measure(column, coarse)


def measure(column: np.ndarray, entries: np.ndarray | None = None) -> dict[str, Any]:
    """Count, min, max, sum, first and last of a column; all None but the count where it holds no numbers.

    SQLite has no NaN: what is NaN (the sum of inf and -inf too) is None.
    """
    if columns.element_type(column) == columns.OBJECT:
        numbers = [_as_float(v) for v in column if isinstance(v, int | float)]
        if not numbers:
            return {"count": 0, "min": None, "max": None, "sum": None, "first": None, "last": None}
        column = np.array(numbers)
    values = column.astype(np.float64)
    start = np.zeros(1, np.int64)
    whole = pyramid.combine_at(entries, start) if entries is not None else pyramid.reduce_at(values, start)
    low, high, total = (None if np.isnan(v) else float(v) for v in whole[0, :3])
    found = {"count": int(whole[0, 4]), "min": low, "max": high, "sum": total}
    return found | {"first": _real(values[0]), "last": _real(values[-1])}


def _real(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


_LINE = """stream, rows, sealed, ordered, time_ordered, step_min, step_max, time_min, time_max, seq, step, time, execution,
    site, flags, coarse_step, coarse_time, maps"""
_CHUNK = "type, count, min, max, sum, first, last, coarse, fine, data"
_INSERT_LINE = f"""INSERT INTO row_groups (generation_id, writer_id, key_set_id, {_LINE})
    VALUES (:generation_id, :writer_id, :key_set_id, {", ".join(":" + c.strip() for c in _LINE.split(","))})"""
_INSERT_CHUNK = f"""INSERT INTO chunks (generation_id, key_id, group_id, {_CHUNK})
    VALUES (:generation_id, :key_id, :group_id, {", ".join(":" + c.strip() for c in _CHUNK.split(","))})"""


def insert(
    db: sqlite3.Connection, packed: Packed, *, generation: int, writer: int, key_set: int | None, key_ids: list[int]
) -> int:
    """Insert a row group and its chunks; the group's id."""
    owner = {"generation_id": generation, "writer_id": writer, "key_set_id": key_set}
    group_id = db.execute(_INSERT_LINE, {**owner, **packed.line}).lastrowid
    assert group_id is not None
    db.executemany(
        _INSERT_CHUNK,
        [
            {"generation_id": generation, "key_id": key_id, "group_id": group_id, **chunk}
            for key_id, chunk in zip(key_ids, packed.chunks, strict=True)
        ],
    )
    return group_id


def read_maps(data: bytes, rows: int) -> list[dict[str, Any]]:
    """The dicts of a group of maps."""
    return [decode_value(item) for item in columns.unpack(data, rows)]


class GroupGone(LookupError):
    """A row group was merged into another one."""


def load(db: sqlite3.Connection, group_id: int) -> Group:
    """A whole row group.

    Raises:
        GroupGone: it is not there any more.
    """
    row = db.execute(
        """SELECT g.rows, g.stream, k.id, k.key_ids, g.seq, g.step, g.time, g.execution, g.site, g.flags, g.maps
           FROM row_groups g LEFT JOIN key_sets k ON k.id = g.key_set_id WHERE g.id = ?""",
        (group_id,),
    ).fetchone()
    if row is None:
        raise GroupGone(group_id)
    n, stream, key_set_id, key_ids, *line, maps = row
    parts = [columns.unpack(data, n) for data in line]
    if maps is not None:
        return Group.of(None, stream, parts, [], read_maps(maps, n))
    names, _ = intern.key_set(db, key_set_id)
    ids = np.frombuffer(key_ids, "<i8").tolist()
    found = dict(db.execute("SELECT key_id, data FROM chunks WHERE group_id = ?", (group_id,)).fetchall())
    return Group.of(names, stream, parts, [columns.unpack(found[i], n) for i in ids], [])


# ---------------------------------------------------------------------------------------------------- statistics


@dataclass(slots=True)
class Stats:
    """Statistics of one metric as one writer logged it.

    Attributes:
        rows: how often it was logged.
        count: how many of these were numbers and not NaN; min, max and sum are of them.
        first, last: as logged, of any type, in the order of logging.
    """

    rows: int = 0
    count: int = 0
    min: float | None = None
    max: float | None = None
    sum: float | None = None
    first: Any = None
    last: Any = None
    last_step: int = 0
    last_time: int = 0
    last_seq: int = -1

    def add(self, other: Stats) -> None:
        """Take in what came later (or, by `last_seq`, earlier)."""
        if not self.rows:
            self.first = other.first
        if other.last_seq >= self.last_seq:
            self.last, self.last_step = other.last, other.last_step
            self.last_time, self.last_seq = other.last_time, other.last_seq
        self.rows += other.rows
        self.min = _smaller(self.min, other.min)
        self.max = _larger(self.max, other.max)
        if other.count:
            self.sum = other.sum if not self.count else _total(self.sum, other.sum)
        self.count += other.count

    def add_value(self, value: Any, step: int, time: int, seq: int) -> None:
        """Take in one value that was logged after all others."""
        if not self.rows:
            self.first = value
        self.rows += 1
        self.last, self.last_step, self.last_time, self.last_seq = value, step, time, seq
        if isinstance(value, int | float) and value == value:
            number = _as_float(value)
            if not self.count:
                self.min = self.max = self.sum = number
            else:
                self.min = _smaller(self.min, number)
                self.max = _larger(self.max, number)
                self.sum = _total(self.sum, number)
            self.count += 1


def _total(a: float | None, b: float | None) -> float | None:
    """The sum; None, which stands for NaN, spreads."""
    return None if a is None or b is None else a + b


def _smaller(a: float | None, b: float | None) -> float | None:
    return b if a is None else a if b is None else min(a, b)


def _larger(a: float | None, b: float | None) -> float | None:
    return b if a is None else a if b is None else max(a, b)


def statistics(group: Group, measured: list[dict[str, Any]] | None = None) -> dict[str, Stats]:
    """Statistics of each metric of a group, by name. `measured` are those of its columns, where known."""
    measured = measured if measured is not None else [measure(column) for column in group.values]
    at = int(np.argmax(group.seq))
    end = (int(group.step[at]), int(group.time[at]), int(group.seq[at]))
    begin = int(np.argmin(group.seq))
    found: dict[str, Stats] = {}
    if group.names is None:
        for i in np.argsort(group.seq, kind="stable").tolist():
            where = int(group.step[i]), int(group.time[i]), int(group.seq[i])
            for name, value in group.maps[i].items():
                stats = found.get(name)
                if stats is None:
                    stats = found[name] = Stats()
                stats.add_value(value, *where)
        return found
    for name, column, chunk in zip(group.names, group.values, measured, strict=True):
        first, last = column[begin], column[at]
        if column.dtype != object:
            first, last = first.item(), last.item()
        found[name] = Stats(len(group), chunk["count"], chunk["min"], chunk["max"], chunk["sum"], first, last, *end)
    return found


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond what a float64 reaches
        return np.inf if value > 0 else -np.inf


def load_statistics(db: sqlite3.Connection, generation: int, writer: int) -> dict[int, Stats]:
    """Statistics of a writer's metrics by key id."""
    rows = db.execute(
        """SELECT key_id, rows, count, min, max, sum, first, last, last_step, last_time, last_seq FROM metric_stats
           WHERE generation_id = ? AND writer_id = ?""",
        (generation, writer),
    )
    return {key_id: stats_from_row(tuple(values)) for key_id, *values in rows}


def save_statistics(
    db: sqlite3.Connection, found: dict[int, Stats], *, generation: int, writer: int, stream: int
) -> None:
    """Write statistics by key id over those that are there."""
    db.executemany(
        "INSERT OR REPLACE INTO metric_stats VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(generation, key_id, writer, stream, s.rows, s.count, s.min, s.max, s.sum),
                *(_small(s.first), _small(s.last), s.last_step, s.last_time, s.last_seq),
            )
            for key_id, s in found.items()
        ],
    )


def stats_from_row(row: tuple[Any, ...]) -> Stats:
    """Statistics from their columns, in the order of the fields."""
    values = list(row)
    for i in (5, 6):
        values[i] = TOO_LARGE if values[i] is None else decode_value(values[i])
    return Stats(*values)


class TooLarge:
    """Stands for a value of more than 64 KiB, which the statistics do not repeat: its chunk has it."""

    def __repr__(self) -> str:
        return "<a value larger than 64 KiB>"


TOO_LARGE = TooLarge()


def _small(value: Any) -> bytes | None:
    if isinstance(value, TooLarge):
        return None
    data = encode_value(value)
    return data if len(data) <= LARGE_OBJECT else None
