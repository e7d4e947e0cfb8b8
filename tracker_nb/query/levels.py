"""Stored summaries of a metric's parts: which level answers a question, and reading it without reading a value."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tracker_nb.query.parts import Part
from tracker_nb.store import columns, pyramid

ENTRIES_A_BUCKET = 4
"""A level is fine enough where it has at least so many entries a bucket."""
_ENTRY_BYTES = 8 * pyramid.FIELDS

Stretch = tuple[np.ndarray, np.ndarray, np.ndarray]
"""x (int64), entries as in pyramid.py, and points an entry (int64), of a stretch of the series."""


def choose(rows: float, n: int) -> int:
    """Rows an entry of the coarsest level that is fine enough to make `n` buckets of so many rows; 0 for raw values."""
    for level in (pyramid.COARSE, pyramid.FINE):
        if rows / n >= level * ENTRIES_A_BUCKET:
            return level
    return 0


def fetch(found: list[Part], level: int, axis: str) -> dict[int, tuple[bytes, bytes]]:
    """Entries and x of each stored part that has the level, by chunk: one query.

    Args:
        axis: "step" or "time".
    """
    stored = [part.chunk_id for part in found if part.chunk_id]
    if not stored or not level:
        return {}
    db = next(part.db for part in found if part.chunk_id)
    assert db is not None
    low, high = min(stored), max(stored)
    # Fine levels have no x of their own: it is every 64th of the whole column's.
    name, column = ("coarse", f"coarse_{axis}") if level == pyramid.COARSE else ("fine", axis)
    rows = db.execute(
        f"""SELECT c.id, c.{name}, g.{column} FROM chunks c JOIN row_groups g ON g.id = c.group_id
            WHERE (c.generation_id, c.key_id) = (SELECT generation_id, key_id FROM chunks WHERE id = ?)
              AND c.id BETWEEN ? AND ? AND c.{name} IS NOT NULL""",
        (low, low, high),
    )
    return {chunk_id: (entries, xs) for chunk_id, entries, xs in rows}


@dataclass(slots=True)
class Collected:
    """Neighbouring stored parts, joined as bytes: a thousand small arrays would cost more than what is in them."""

    level: int
    entries: list[bytes] = field(default_factory=list)
    xs: list[bytes] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    def add(self, part: Part, entries: bytes, xs: bytes) -> None:
        """Take one more part."""
        self.entries.append(entries)
        self.xs.append(xs)
        self.rows.append(part.rows)

    def stretch(self) -> Stretch:
        """All of them as one stretch."""
        if self.level == pyramid.COARSE:
            at = np.frombuffer(b"".join(self.xs), "<i8")
        else:
            at = np.concatenate(
                [columns.unpack(xs, rows)[:: self.level] for xs, rows in zip(self.xs, self.rows, strict=True)]
            )
        ends = np.cumsum([len(one) // _ENTRY_BYTES for one in self.entries]) - 1
        sizes = np.full(len(at), self.level)
        counts = np.diff(ends, prepend=-1)
        sizes[ends] = np.array(self.rows) - self.level * (counts - 1)  # the last entry of a chunk holds the rest
        return at, pyramid.from_bytes(b"".join(self.entries)), sizes


def single(at: np.ndarray, values: np.ndarray) -> Stretch:
    """Raw values as entries of one point each."""
    count = (~np.isnan(values)).astype(np.float64)
    return at, np.column_stack([values, values, values, values, count]), np.ones(len(at), np.int64)
