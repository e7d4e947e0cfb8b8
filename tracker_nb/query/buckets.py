"""Buckets of a metric for a chart: how many points become as many as there are pixels.

A bucket keeps what a reader of the chart must not lose: min, max, mean, last, count. Which stored level answers a
question is decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracker_nb.errors import BadValue
from tracker_nb.query import crossed, levels
from tracker_nb.query.parts import Part, in_order, numbers, order_of, parts
from tracker_nb.query.reading import Reader, View
from tracker_nb.store import pyramid, runs

STEP, RELATIVE_TIME, WALL_TIME = "_step", "_runtime", "_timestamp"
"""X axes beside other metrics: the step; seconds since the run began; seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """One metric of one run, reduced for a window of its x axis.

    Attributes:
        x: first x of each bucket, in the units of the x axis, shape (n,), ascending.
        min: the least of each bucket, shape (n,), float64; NaN where it holds only NaN. So are the next three.
        max: the largest.
        mean: the mean.
        last: the last that was logged.
        count: points in each bucket, shape (n,), int64, NaN among them; empty buckets are left out.
        exact: True where every bucket is a single logged point.
    """

    x: np.ndarray
    min: np.ndarray
    max: np.ndarray
    mean: np.ndarray
    last: np.ndarray
    count: np.ndarray
    exact: bool

    def __len__(self) -> int:
        return len(self.x)


_NONE = np.zeros(0)
NOTHING = Buckets(_NONE, _NONE, _NONE, _NONE, _NONE, np.zeros(0, np.int64), exact=True)


def buckets(
    reader: Reader,
    states: Sequence[runs.RunState],
    keys: Sequence[str],
    *,
    x: str = STEP,
    window: tuple[float | None, float | None] = (None, None),
    n: int = 1000,
) -> dict[tuple[str, str], Buckets]:
    """Metrics of runs, each reduced to at most `n` buckets: by (run id, key). What was never logged is left out.

    Full fidelity in the sense of W&B's line plots: no minimum or maximum is ever lost, and a window of `n` points or
    fewer comes back point by point. Bucket edges snap to those of the stored summaries; the ends of the window do not.

    Args:
        x: "_step", "_runtime", "_timestamp" or the name of another metric, taken from the same row or, where that row
            has none, the last one before it.
        window: from and to, both included, in units of x; None: all there is.

    Raises:
        BadValue: `n` is less than 1 or the window is empty.
    """
    low, high = (None if end is None or np.isinf(end) else end for end in window)
    if n < 1:
        raise BadValue(f"n={n} buckets cannot be drawn: ask for at least 1.")
    if low is not None and high is not None and not low <= high:
        raise BadValue(f"The window from {low} to {high} is empty.")

    def answer(view: View) -> dict[tuple[str, str], Buckets]:
        found = {}
        for state in states:
            for key in keys:
                made = _one(reader, view, state, key, x=x, low=low, high=high, n=n)
                if made is not None:
                    found[state.run, key] = made
        return found

    return reader.ask(answer, run=states[0].run if len(states) == 1 else None)


def _one(
    reader: Reader, view: View, state: runs.RunState, key: str, *, x: str, low: float | None, high: float | None, n: int
) -> Buckets | None:
    found = parts(view, state, key, load=False)
    if not found:
        return None
    if x not in (STEP, RELATIVE_TIME, WALL_TIME):
        across = parts(view, state, x, load=False)
        if not across:
            return None
        # What was logged since is in the number of rows: an old answer is never given for a grown run.
        version = (sum(part.rows for part in found), sum(part.rows for part in across), found[-1].group_id)
        question = ("crossed", state.entity, state.project, state.run, key, x, low, high, n)
        known = reader.cache.get(question)
        if known is None or known[0] != version:
            known = version, _from_entries(*crossed.crossed(found, across, low, high, n))
            _remember(reader.cache, question, known)
        return known[1]
    axis = _axis(x, state)
    return _along(found, axis, low, high, n)


def _remember(cache: dict[Any, Any], question: Any, answer: Any) -> None:
    cache[question] = answer
    if len(cache) > 256:
        cache.pop(next(iter(cache)))


@dataclass(frozen=True, slots=True)
class _Axis:
    """An axis that every row has. Inside, x is an integer: a step, or microseconds since 1970."""

    column: str
    to_user: Callable[[np.ndarray], np.ndarray]
    from_user: Callable[[float], float]

    def first(self, low: float | None) -> float:
        """The least x that is not below the beginning of a window."""
        if low is None:
            return -np.inf
        at = self.from_user(low)
        return at + 1 if self._seen(at) < low else at

    def last(self, high: float | None) -> float:
        """The largest x that is not above the end of a window."""
        if high is None:
            return np.inf
        at = self.from_user(high)
        return at - 1 if self._seen(at) > high else at

    def _seen(self, at: float) -> float:
        # Steps are given as they are: those beyond 2^53 would be other ones as floats.
        return at if self.column == "step" else float(self.to_user(np.array([at]))[0])

    def bounds(self, found: list[Part]) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest x of each part, int64."""
        if self.column == "step":
            return np.array([p.step_min for p in found]), np.array([p.step_max for p in found])
        return np.array([p.time_min for p in found]), np.array([p.time_max for p in found])


def _axis(x: str, state: runs.RunState) -> _Axis:
    if x == STEP:
        return _Axis("step", lambda v: v.astype(np.float64), lambda v: v)
    zero = state.created if x == RELATIVE_TIME else 0
    # The nearest one: the x of a point, given as the end of a window, is that point's in spite of what floats lose.
    return _Axis("time", lambda v: (v - zero) / 1e6, lambda v: float(np.rint(v * 1e6)) + zero)


def _along(found: list[Part], axis: _Axis, low: float | None, high: float | None, n: int) -> Buckets:
    if axis.column == "time":
        found = sorted(found, key=lambda part: (part.time_min, part.writer))
    first, last = axis.first(low), axis.last(high)
    begins, ends = axis.bounds(found)
    near = (ends >= first) & (begins <= last)
    touched = [part for part, is_near in zip(found, near.tolist(), strict=True) if is_near]
    if not touched:
        return NOTHING
    if not in_order(touched, by=axis.column):
        return _reduced(axis, [levels.single(*_sorted(touched, axis, first, last))], n)
    begins, ends = begins[near], ends[near]
    rows = np.array([part.rows for part in touched])
    spans = np.maximum(ends - begins.astype(np.float64), 1.0)
    shares = (np.minimum(ends, last) - np.maximum(begins, first)) / spans
    level = levels.choose(float((rows * np.clip(shares, 1.0 / rows, 1.0)).sum()), n)
    stored = levels.fetch(touched, level, axis.column)
    whole = ((begins >= first) & (ends <= last)).tolist()
    stretches: list[levels.Stretch] = []
    together = levels.Collected(level)
    for part, is_whole in zip(touched, whole, strict=True):
        if is_whole and part.chunk_id in stored:
            together.add(part, *stored[part.chunk_id])
            continue
        if together.rows:
            stretches.append(together.stretch())
            together = levels.Collected(level)
        stretches.append(levels.single(*_raw([part], axis, first, last)))
    if together.rows:
        stretches.append(together.stretch())
    return _reduced(axis, stretches, n)


def _raw(found: list[Part], axis: _Axis, first: float, last: float) -> tuple[np.ndarray, np.ndarray]:
    at = np.concatenate([part.line(axis.column) for part in found])
    values = np.concatenate([numbers(part.values()) for part in found])
    inside = (at >= first) & (at <= last)
    return (at, values) if inside.all() else (at[inside], values[inside])


def _sorted(found: list[Part], axis: _Axis, first: float, last: float) -> tuple[np.ndarray, np.ndarray]:
    """Raw values of parts that overlap or are out of order, sorted: by step as everywhere, by time else."""
    at = np.concatenate([part.line(axis.column) for part in found])
    values = np.concatenate([numbers(part.values()) for part in found])
    order = order_of(found) if axis.column == "step" else np.argsort(at, kind="stable")
    if order is not None:
        at, values = at[order], values[order]
    inside = (at >= first) & (at <= last)
    return at[inside], values[inside]


def _reduced(axis: _Axis, taken: list[levels.Stretch], n: int) -> Buckets:
    at = np.concatenate([x for x, _, _ in taken])
    if not len(at):
        return NOTHING
    summary = np.concatenate([entries for _, entries, _ in taken])
    sizes = np.concatenate([one for _, _, one in taken])
    if len(at) <= n:
        return _finished(axis.to_user(at), summary, sizes)
    low, high = int(at[0]), int(at[-1])
    # In Python's integers: steps may lie 2^64 apart.
    number = np.minimum((at - np.float64(low)) * (n / max(high - low + 1, 1)), n - 1).astype(np.int64)
    starts = np.flatnonzero(np.r_[True, number[1:] != number[:-1]])
    return _finished(axis.to_user(at[starts]), pyramid.combine_at(summary, starts), np.add.reduceat(sizes, starts))


def _finished(at: np.ndarray, made: np.ndarray, sizes: np.ndarray) -> Buckets:
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = made[:, 2] / made[:, 4]
    return Buckets(at, made[:, 0], made[:, 1], mean, made[:, 3], sizes, exact=bool((sizes == 1).all()))


def _from_entries(at: np.ndarray, made: np.ndarray, sizes: np.ndarray) -> Buckets:
    return _finished(at, made, sizes) if len(at) else NOTHING
