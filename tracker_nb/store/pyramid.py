"""Summaries of a chunk at 64 and at 1,024 rows an entry: what lets a chart of ten million points read kilobytes.

An entry is min, max, sum and last as float64, and how many of its values are numbers, as float64 too. Min, max and sum
leave NaN out; last does not. Levels belong to a chunk, so that nothing is rewritten when a run grows; entries never span
two chunks.
"""

from __future__ import annotations

import numpy as np

FINE, COARSE = 64, 1024
"""Rows an entry."""
FIELDS = 5
WORTH = 512
"""Chunks with fewer rows have no levels: reading them raw is as fast."""


def summarise(values: np.ndarray, every: int) -> np.ndarray:
    """Entries of `every` values, shape (ceil(n / every), 5): min, max, sum, last, count.

    Args:
        values: float64, shape (n,), n > 0.
    """
    starts = np.arange(0, len(values), every)
    return reduce_at(values, starts)


def reduce_at(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """One entry for each stretch of `values` that begins at one of `starts` (ascending, the first is 0)."""
    bad = np.isnan(values)
    ends = np.append(starts[1:], len(values))
    out = np.empty((len(starts), FIELDS))
    if bad.any():
        good = np.add.reduceat(~bad, starts, dtype=np.int64)
        out[:, 0] = np.minimum.reduceat(np.where(bad, np.inf, values), starts)
        out[:, 1] = np.maximum.reduceat(np.where(bad, -np.inf, values), starts)
        with np.errstate(invalid="ignore", over="ignore"):  # inf - inf is NaN, rightly
            out[:, 2] = np.add.reduceat(np.where(bad, 0.0, values), starts)
        out[good == 0, :3] = np.nan
        out[:, 4] = good
    else:
        out[:, 0] = np.minimum.reduceat(values, starts)
        out[:, 1] = np.maximum.reduceat(values, starts)
        with np.errstate(invalid="ignore", over="ignore"):
            out[:, 2] = np.add.reduceat(values, starts)
        out[:, 4] = ends - starts
    out[:, 3] = values[ends - 1]
    return out


def combine_at(entries: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Entries of entries, for stretches that begin at `starts`."""
    ends = np.append(starts[1:], len(entries))
    out = np.empty((len(starts), FIELDS))
    out[:, 0] = np.fmin.reduceat(entries[:, 0], starts)
    out[:, 1] = np.fmax.reduceat(entries[:, 1], starts)
    empty = entries[:, 4] == 0
    sums = np.where(empty, 0.0, entries[:, 2]) if empty.any() else entries[:, 2]
    with np.errstate(invalid="ignore", over="ignore"):
        out[:, 2] = np.add.reduceat(sums, starts)
    out[:, 3] = entries[ends - 1, 3]
    out[:, 4] = np.add.reduceat(entries[:, 4], starts)
    out[out[:, 4] == 0, 2] = np.nan
    return out


def from_bytes(data: bytes) -> np.ndarray:
    """Entries as stored, shape (n, 5)."""
    return np.frombuffer(data, "<f8").reshape(-1, FIELDS)
