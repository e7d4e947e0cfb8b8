"""Rows of a run as they were logged: exact, in order of step, `commit=False` merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tracker_nb.errors import BadValue
from tracker_nb.journal.records import PARTIAL
from tracker_nb.query.reading import Reader, View
from tracker_nb.query.summaries import as_user_sees
from tracker_nb.store import columns, groups, runs
from tracker_nb.store.batch import Group

BUILT_IN = ("_step", "_timestamp", "_runtime")
"""Values that every row has: the step, seconds since 1970, seconds since the run began."""


@dataclass(slots=True)
class _Source:
    """A row group, decoded when needed: stored ones by id."""

    group_id: int
    group: Group | None
    writer: int
    names: tuple[str, ...] | None
    seq: np.ndarray
    step: np.ndarray
    flags: np.ndarray


@dataclass(slots=True)
class Rows:
    """The rows of a run in order: for each its source and its place in it. Rows that belong together have one `row`.

    Attributes:
        source, index, row: int64, shape (n,): n logged calls in order.
        count: how many rows they make.
    """

    sources: list[_Source]
    source: np.ndarray
    index: np.ndarray
    row: np.ndarray
    count: int


def history(
    reader: Reader,
    state: runs.RunState,
    *,
    keys: Sequence[str] | None = None,
    samples: int | None = None,
    stream: int = 0,
) -> list[dict[str, Any]]:
    """Rows as dicts with `_step`, `_timestamp` (seconds), `_runtime` (seconds).

    Args:
        keys: only rows that hold all of these, and only these of their values.
        samples: at most so many, evenly spread over each key set; None: all.
        stream: 0 the history, 1 the system metrics.
    """

    def answer(view: View) -> list[dict[str, Any]]:
        rows = find_rows(view, state, stream=stream, having=keys)
        return _fill(view, state, rows, _sample(rows, samples), keys)

    return reader.ask(answer, run=state.run)


def _sample(rows: Rows, samples: int | None) -> np.ndarray:
    """Which rows to show: evenly spread over each key set, so that what is logged rarely does not vanish.

    A key set with fewer rows than its share gives the rest to the others.
    """
    if samples is None or rows.count <= samples:
        return np.arange(rows.count)
    numbers: dict[tuple[str, ...] | None, int] = {}
    of_source = np.array([numbers.setdefault(source.names, len(numbers)) for source in rows.sources])
    first = np.searchsorted(rows.row, np.arange(rows.count))
    label = of_source[rows.source[first]]
    wanted: list[np.ndarray] = []
    left = max(samples, 1)
    kinds = sorted((np.flatnonzero(label == number) for number in np.unique(label)), key=len)
    for at, members in enumerate(kinds):
        share = min(len(members), left // (len(kinds) - at))
        left -= share
        wanted.append(members[np.linspace(0, len(members) - 1, share).round().astype(np.int64)])
    return np.unique(np.concatenate(wanted))


def scan(
    reader: Reader,
    state: runs.RunState,
    *,
    keys: Sequence[str] | None = None,
    page_size: int = 1000,
    min_step: int | None = None,
    max_step: int | None = None,
) -> Iterator[dict[str, Any]]:
    """All rows, one after the other; `page_size` are decoded at a time. Steps from `min_step` up to before `max_step`."""
    find = partial(find_rows, state=state, having=keys, low=min_step, high=max_step)
    rows = reader.ask(find, run=state.run)
    done = 0
    while done < rows.count:
        wanted = np.arange(done, min(done + page_size, rows.count))
        try:
            page = reader.ask(partial(_fill, state=state, rows=rows, wanted=wanted, keys=keys), run=state.run)
        except groups.GroupGone:  # merged into another meanwhile: the same rows lie elsewhere now
            rows = reader.ask(find, run=state.run)
            continue
        yield from page
        done += len(page)


def page(
    reader: Reader,
    state: runs.RunState,
    *,
    keys: Sequence[str] | None = None,
    start: int = 0,
    count: int = 1000,
    min_step: int | None = None,
    max_step: int | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """`count` of the rows that `scan` gives, from the one with the number `start` on, and how many there are in all."""

    def answer(view: View) -> tuple[list[dict[str, Any]], int]:
        rows = find_rows(view, state, having=keys, low=min_step, high=max_step)
        wanted = np.arange(min(start, rows.count), min(start + count, rows.count))
        return _fill(view, state, rows, wanted, keys), rows.count

    return reader.ask(answer, run=state.run)


def find_rows(
    view: View,
    state: runs.RunState,
    *,
    stream: int = 0,
    having: Sequence[str] | None = None,
    low: int | None = None,
    high: int | None = None,
) -> Rows:
    """Which rows there are, without their values."""
    if isinstance(having, str):
        raise BadValue(f"keys={having!r} must be a list of names, such as keys=[{having!r}].")
    sources = _sources(view, state, stream)
    if not sources:
        nothing = np.zeros(0, np.int64)
        return Rows([], nothing, nothing, nothing, 0)
    step = np.concatenate([s.step for s in sources])
    seq = np.concatenate([s.seq for s in sources])
    flags = np.concatenate([s.flags for s in sources])
    writer = np.concatenate([np.full(len(s.step), s.writer) for s in sources])
    source = np.repeat(np.arange(len(sources)), [len(s.step) for s in sources])
    index = np.concatenate([np.arange(len(s.step)) for s in sources])
    held = (flags & PARTIAL).astype(bool)
    logged = np.argsort(np.lexsort((seq, writer))) if held.any() else np.arange(len(seq))
    order = np.lexsort((seq, writer, step))
    step, writer, source, index = step[order], writer[order], source[order], index[order]
    held, logged = held[order], logged[order]
    # A row logged with commit=False goes on in the next one that its writer logged, if that is of the same step.
    goes_on = held[:-1] & (writer[1:] == writer[:-1]) & (step[1:] == step[:-1]) & (logged[1:] == logged[:-1] + 1)
    row = np.concatenate([[0], np.cumsum(~goes_on)])
    keep = np.ones(row[-1] + 1, bool)
    for key in having or ():
        if key in BUILT_IN:
            continue
        holds = np.zeros(len(keep), bool)
        for at, one in enumerate(sources):
            mine = source == at
            if one.names is not None:
                if key in one.names:
                    holds[row[mine]] = True
            else:
                assert one.group is not None
                has = np.array([key in values for values in one.group.maps], bool)
                holds[row[mine][has[index[mine]]]] = True
        keep &= holds
    if low is not None or high is not None:
        first = step[np.searchsorted(row, np.arange(len(keep)))]
        if low is not None:
            keep &= first >= low
        if high is not None:
            keep &= first < high
    if not keep.all():
        picked = keep[row]
        source, index, row = source[picked], index[picked], (np.cumsum(keep) - 1)[row[picked]]
    return Rows(sources, source, index, row, int(keep.sum()))


def _sources(view: View, state: runs.RunState, stream: int) -> list[_Source]:
    found: list[_Source] = []
    ranks: dict[str, int] = {}
    generation = view.generation_id(state)
    if generation is not None:
        from tracker_nb.store import intern

        rows = view.db.execute("SELECT id, uid FROM writers WHERE generation_id = ? ORDER BY id", (generation,))
        by_id = {}
        for rank, (writer_id, uid) in enumerate(rows.fetchall()):
            by_id[writer_id] = ranks[uid] = rank
        names: dict[int, tuple[str, ...]] = {}
        for group_id, writer_id, key_set, n, seq, step, flags in view.db.execute(
            """SELECT id, writer_id, key_set_id, rows, seq, step, flags FROM row_groups
               WHERE generation_id = ? AND stream = ? ORDER BY id""",
            (generation, stream),
        ).fetchall():
            if key_set is not None and key_set not in names:
                names[key_set] = intern.key_set(view.db, key_set)[0]
            line = (columns.unpack(data, n) for data in (seq, step, flags))
            group = groups.load(view.db, group_id) if key_set is None else None
            found.append(_Source(group_id, group, by_id[writer_id], names.get(key_set), *line))
    for tail in view.tails_of(state):
        rank = ranks.setdefault(tail.writer, len(ranks))
        found += [
            _Source(0, group, rank, group.names, group.seq, group.step, group.flags)
            for group in tail.groups(stream=stream)
            if len(group)
        ]
    return found


def _fill(
    view: View, state: runs.RunState, rows: Rows, wanted: np.ndarray, keys: Sequence[str] | None
) -> list[dict[str, Any]]:
    """The wanted rows, each source decoded once."""
    out: list[dict[str, Any]] = [{} for _ in wanted]
    place = np.full(rows.count, -1)
    place[wanted] = np.arange(len(wanted))
    chosen = np.flatnonzero(place[rows.row] >= 0) if rows.count else np.zeros(0, np.int64)
    filled: dict[int, list[tuple[int, dict[str, Any]]]] = {}
    for at in np.unique(rows.source[chosen]).tolist():
        source = rows.sources[at]
        mine = chosen[rows.source[chosen] == at]
        index = rows.index[mine]
        group = (source.group or groups.load(view.db, source.group_id)).take(index)
        times = group.time.tolist()
        steps = group.step.tolist()
        values = _dicts(group, keys)
        for i, target in enumerate(mine.tolist()):
            line = {**values[i], "_step": steps[i], "_timestamp": times[i] / 1e6}
            line["_runtime"] = (times[i] - state.created) / 1e6
            filled.setdefault(int(place[rows.row[target]]), []).append((target, line))
    for row, lines in filled.items():
        for _, line in sorted(lines, key=lambda pair: pair[0]):
            out[row].update(line)
    return out


def _dicts(group: Group, keys: Sequence[str] | None) -> list[dict[str, Any]]:
    if group.names is None:
        return [{k: as_user_sees(v) for k, v in row.items() if keys is None or k in keys} for row in group.maps]
    names = [name for name in group.names if keys is None or name in keys]
    lists = []
    for name in names:
        column = group.values[group.names.index(name)]
        values = column.tolist()
        lists.append([as_user_sees(v) for v in values] if column.dtype == object else values)
    return (
        [dict(zip(names, line, strict=True)) for line in zip(*lists, strict=True)]
        if lists
        else [{} for _ in range(len(group))]
    )
