"""Buckets of a metric over another metric: y by x, where x may go up and down."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tracker_nb.query.parts import Part, numbers, order_of
from tracker_nb.store import pyramid


def crossed(
    found: list[Part], across: list[Part], low: float | None, high: float | None, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entries of y for buckets of x: (first x of each, entries as in pyramid.py, points in each).

    Rows are taken in the order of their steps, so that `last` is the last one logged into a bucket. Where a row of y
    holds no x, the last x before it by step counts. Points whose x is NaN, or outside the window, are left out.
    """
    begin, end = _range(across, low, high)
    if not begin <= end:
        return np.zeros(0), np.zeros((0, pyramid.FIELDS)), np.zeros(0, np.int64)
    n = min(n, sum(part.rows for part in found))
    sums = np.full((n, pyramid.FIELDS), np.nan)
    sums[:, 2] = sums[:, 4] = 0.0
    sizes = np.zeros(n, np.int64)
    firsts = np.full(n, np.inf)
    points: list[tuple[np.ndarray, np.ndarray]] = []
    total = 0
    for all_x, all_y in _by_step(found, across):
        inside = (all_x >= begin) & (all_x <= end)
        x, y = (all_x, all_y) if inside.all() else (all_x[inside], all_y[inside])
        if not len(x):
            continue
        total += len(x)
        if total <= n:
            points.append((x, y))
        _add(sums, sizes, firsts, x, y, _numbered(x, begin, end, n))
    if 0 < total <= n:
        return _point_by_point(points)
    used = np.flatnonzero(sizes)
    return firsts[used], sums[used], sizes[used]


def _numbered(x: np.ndarray, begin: float, end: float, n: int) -> np.ndarray:
    """The bucket, 0 to n - 1, of each x between begin and end."""
    if not end > begin:
        return np.zeros(len(x), np.int64)
    if np.isinf(end - begin):  # halves of it are not
        x, begin, end = x / 2, begin / 2, end / 2
    # Divided first: n / (end - begin) overflows where that is subnormal.
    part = (x - begin) / (end - begin)
    part *= n
    number: np.ndarray = part.astype(np.int64)
    np.minimum(number, n - 1, out=number)
    return number


def _range(across: list[Part], low: float | None, high: float | None) -> tuple[float, float]:
    if low is not None and high is not None:
        return float(low), float(high)
    smallest, largest = np.inf, -np.inf
    for part in across:
        x = _finite(part.values())
        if len(x):
            smallest, largest = min(smallest, float(x.min())), max(largest, float(x.max()))
    return (smallest if low is None else float(low)), (largest if high is None else float(high))


def _finite(values: np.ndarray) -> np.ndarray:
    x = numbers(values)
    finite: np.ndarray = x[np.isfinite(x)]
    return finite


def _by_step(found: list[Part], across: list[Part]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(x, y) of all rows in the order of their steps: part by part, or at once where the parts overlap."""
    order = order_of(found)
    if order is None:
        yield from _pairs(found, across)
        return
    pairs = list(_pairs(found, across))
    yield np.concatenate([x for x, _ in pairs])[order], np.concatenate([y for _, y in pairs])[order]


def _pairs(found: list[Part], across: list[Part]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(x, y) of rows, part by part: x of the same rows where these hold it, else the last one before by step."""
    same = {part.group_id: part for part in across if part.group_id}
    tails = {id(part.group): part for part in across if part.group is not None and part.picked is None}
    by_step: tuple[np.ndarray, np.ndarray] | None = None
    for part in found:
        partner = same.get(part.group_id) if part.group_id else tails.get(id(part.group))
        if partner is not None and part.picked is None:
            yield numbers(partner.values()), numbers(part.values())
            continue
        if by_step is None:
            order = order_of(across)
            steps, x = (
                np.concatenate([one.line("step") for one in across]),
                np.concatenate([numbers(one.values()) for one in across]),
            )
            by_step = (steps, x) if order is None else (steps[order], x[order])
        at = np.searchsorted(by_step[0], part.line("step"), side="right") - 1
        yield np.where(at >= 0, by_step[1][at], np.nan), numbers(part.values())


def _add(
    sums: np.ndarray, sizes: np.ndarray, firsts: np.ndarray, x: np.ndarray, y: np.ndarray, number: np.ndarray
) -> None:
    """Add points to their buckets: sorted by bucket first, which for 16-bit numbers is a radix sort."""
    if (number[1:] < number[:-1]).any():
        narrow = number.astype(np.uint16) if len(sums) <= 1 << 16 else number
        order = np.argsort(narrow, kind="stable")
        x, y, number = x[order], y[order], number[order]
    starts = np.flatnonzero(np.r_[True, number[1:] != number[:-1]])
    here = number[starts]
    made = pyramid.reduce_at(y, starts)
    with np.errstate(invalid="ignore", over="ignore"):
        sums[here, 2] += np.where(made[:, 4] > 0, made[:, 2], 0.0)
    sums[here, 0] = np.fmin(sums[here, 0], made[:, 0])
    sums[here, 1] = np.fmax(sums[here, 1], made[:, 1])
    sums[here, 3] = made[:, 3]
    sums[here, 4] += made[:, 4]
    sizes[here] += np.diff(np.append(starts, len(x)))
    firsts[here] = np.minimum(firsts[here], np.minimum.reduceat(x, starts))


def _point_by_point(points: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = np.concatenate([one for one, _ in points])
    y = np.concatenate([one for _, one in points])
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    count = (~np.isnan(y)).astype(np.float64)
    return x, np.column_stack([y, y, y, y, count]), np.ones(len(x), np.int64)
