"""The row groups of a run that hold a metric, stored or still in a journal, behind one face.

A part decodes what it is asked for and nothing else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tracker_nb.query.reading import View
from tracker_nb.store import columns, groups, runs
from tracker_nb.store.batch import Group


@dataclass(slots=True)
class Part:
    """Rows of one writer that hold one metric.

    Attributes:
        rows: how many.
        writer: rank of the writer among those of the run, oldest first.
        ordered, time_ordered: steps, times do not descend.
        step_min, step_max, time_min, time_max: int64; times in microseconds since 1970.
    """

    rows: int
    writer: int
    ordered: bool
    time_ordered: bool
    step_min: int
    step_max: int
    time_min: int
    time_max: int
    group_id: int = 0
    chunk_id: int = 0
    db: sqlite3.Connection | None = None
    data: bytes | None = None
    group: Group | None = None
    name: str = ""
    picked: np.ndarray | None = None

    def values(self) -> np.ndarray:
        """The metric, shape (rows,), as it was logged."""
        if self.data is not None:
            return columns.unpack(self.data, self.rows)
        if self.group is None:
            assert self.db is not None
            return columns.unpack(
                self.db.execute("SELECT data FROM chunks WHERE id = ?", (self.chunk_id,)).fetchone()[0], self.rows
            )
        if self.group.names is None:
            assert self.picked is not None
            return columns.from_values([self.group.maps[i][self.name] for i in self.picked.tolist()])
        return self.group.values[self.group.names.index(self.name)]

    def line(self, column: str) -> np.ndarray:
        """A column that all metrics of the row share: seq, step, time, execution, site, flags. int64, shape (rows,)."""
        if self.group is not None:
            found: np.ndarray = getattr(self.group, column)
            return found if self.picked is None else found[self.picked]
        assert self.db is not None
        row = self.db.execute(f"SELECT {column} FROM row_groups WHERE id = ?", (self.group_id,)).fetchone()
        return columns.unpack(row[0], self.rows)


def parts(view: View, state: runs.RunState, key: str, *, load: bool = True) -> list[Part]:
    """All parts of a metric, in the order of their first step, then of logging.

    Args:
        load: fetch the values' bytes at once, which is faster where all will be read.
    """
    found: list[Part] = []
    ranks: dict[Any, int] = {}
    generation = view.generation_id(state)
    if generation is not None:
        ranks = {
            uid: rank
            for rank, (uid,) in enumerate(
                view.db.execute("SELECT uid FROM writers WHERE generation_id = ? ORDER BY id", (generation,))
            )
        }
        found = [*_stored(view.db, generation, key, load=load), *_mapped(view.db, generation, key)]
    for tail in view.tails_of(state):
        rank = ranks.setdefault(tail.writer, len(ranks))
        found += _from_groups(tail.groups(), key, rank)
    # Sorting is stable, and each writer's parts come in the order in which they were logged.
    return sorted(found, key=lambda part: (part.step_min, part.writer))


_LINE = "g.rows, w.rank, g.ordered, g.time_ordered, g.step_min, g.step_max, g.time_min, g.time_max"
_RANKS = """(SELECT id, row_number() OVER (ORDER BY id) - 1 AS rank FROM writers WHERE generation_id = :generation)"""


def _stored(db: sqlite3.Connection, generation: int, key: str, *, load: bool) -> list[Part]:
    rows = db.execute(
        f"""SELECT {_LINE}, g.id, c.id, {"c.data" if load else "NULL"}
            FROM chunks c JOIN row_groups g ON g.id = c.group_id JOIN {_RANKS} w ON w.id = g.writer_id
            WHERE c.generation_id = :generation AND c.key_id = (SELECT id FROM keys WHERE name = :key)
            ORDER BY g.id""",
        {"generation": generation, "key": key},
    )
    return [
        Part(n, rank, bool(ordered), bool(time_ordered), s0, s1, t0, t1, group_id, chunk_id, db, data)
        for n, rank, ordered, time_ordered, s0, s1, t0, t1, group_id, chunk_id, data in rows
    ]


def _mapped(db: sqlite3.Connection, generation: int, key: str) -> list[Part]:
    """Rows of many key sets, folded: read only where the run has any."""
    rows = db.execute(
        f"""SELECT w.rank, g.id FROM row_groups g JOIN {_RANKS} w ON w.id = g.writer_id
            WHERE g.generation_id = :generation AND g.key_set_id IS NULL AND g.stream = 0 ORDER BY g.id""",
        {"generation": generation},
    ).fetchall()
    return [part for rank, group_id in rows for part in _from_groups([groups.load(db, group_id)], key, rank)]


def _from_groups(found: Iterable[Group], key: str, rank: int) -> list[Part]:
    made = []
    for group in found:
        picked = None
        if group.names is None:
            picked = np.array([i for i, row in enumerate(group.maps) if key in row], np.int64)
            if not len(picked):
                continue
        elif key not in group.names:
            continue
        step, time = (group.step, group.time) if picked is None else (group.step[picked], group.time[picked])
        if not len(step):
            continue
        made.append(
            Part(
                len(step),
                rank,
                bool((step[1:] >= step[:-1]).all()),
                bool((time[1:] >= time[:-1]).all()),
                int(step.min()),
                int(step.max()),
                int(time.min()),
                int(time.max()),
                group=group,
                name=key,
                picked=picked,
            )
        )
    return made


def in_order(found: list[Part], *, by: str = "step") -> bool:
    """True if reading the parts one after the other gives ascending steps (or times)."""
    for part in found:
        if not (part.ordered if by == "step" else part.time_ordered):
            return False
    for before, after in pairwise(found):
        end, begin = (before.step_max, after.step_min) if by == "step" else (before.time_max, after.time_min)
        if begin < end or (begin == end and before.writer != after.writer):
            return False
        if begin == end and by == "step" and before.line("seq")[-1] > after.line("seq")[0]:
            return False  # a step that was logged again, with other keys
    return True


def order_of(found: list[Part]) -> np.ndarray | None:
    """The order of all rows by step, then writer, then logging; None where they are in order already."""
    if in_order(found):
        return None
    step = np.concatenate([part.line("step") for part in found])
    seq = np.concatenate([part.line("seq") for part in found])
    writer = np.concatenate([np.full(part.rows, part.writer) for part in found])
    return np.lexsort((seq, writer, step))


def numbers(values: np.ndarray) -> np.ndarray:
    """A column as float64, shape (n,); what is no number is NaN."""
    if values.dtype != object:
        return values.astype(np.float64, copy=False)
    return np.array([_number(value) for value in values], np.float64)


def _number(value: Any) -> float:
    try:
        return float(value) if isinstance(value, int | float) else np.nan
    except OverflowError:  # an integer beyond what a float64 reaches
        return np.inf if value > 0 else -np.inf


def keys(view: View, state: runs.RunState, *, stream: int = 0) -> list[str]:
    """Names of everything a run has logged, oldest first."""
    names: dict[str, None] = {}
    generation = view.generation_id(state)
    if generation is not None:
        rows = view.db.execute(
            """SELECT DISTINCT k.name, k.id FROM metric_stats s JOIN keys k ON k.id = s.key_id
               WHERE s.generation_id = ? AND s.stream = ? ORDER BY k.id""",
            (generation, stream),
        )
        names = dict.fromkeys(name for name, _ in rows)
    for tail in view.tails_of(state):
        for group in tail.groups(stream=stream):
            names |= dict.fromkeys(group.names if group.names is not None else [n for row in group.maps for n in row])
    return list(names)
