"""Records of one writer, gathered: rows by key set and turned into columns, everything else in order.

Both who applies a journal and who reads its not yet applied end work on batches, so that a row looks the same before
and after it was applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np

from tracker_nb.journal import records
from tracker_nb.store import alike, columns
from tracker_nb.store.alike import LINE

BLOCK_VALUES = 16_384
"""Values turned into an array in one go: what keeps the GIL for about a millisecond at most."""
FEW_ROWS, MANY_SETS = 4, 64
"""A key set with fewer rows than this is folded into maps where it is one of many."""
WIDE, ROW_WORTH = 1024, 32
"""... or where it has fewer than a row for each 32 keys (of 1,024 at most): a chunk costs as much as 32 values in a map."""

_Some = records.Row | alike.Rows


@dataclass(slots=True)
class Group:
    """Rows of one key set, as columns.

    Attributes:
        names: metric names; None for a group of maps.
        seq, step, time: int64, shape (n,). Times in microseconds since 1970.
        execution, site: int64, shape (n,): the writer's numbers while in a batch, the store's ids once stored.
        flags: int64, shape (n,): see `records.PARTIAL` and the others.
        values: for each name an array of shape (n,).
        maps: instead of `values`, a dict for each row.
    """

    names: tuple[str, ...] | None
    stream: int
    seq: np.ndarray
    step: np.ndarray
    time: np.ndarray
    execution: np.ndarray
    site: np.ndarray
    flags: np.ndarray
    values: list[np.ndarray] = field(default_factory=list)
    maps: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        names: tuple[str, ...] | None,
        stream: int,
        line: Sequence[np.ndarray],
        values: list[np.ndarray],
        maps: list[dict[str, Any]],
    ) -> Group:
        """A group from its shared columns in the order of `LINE`."""
        seq, step, time, execution, site, flags = line
        return cls(names, stream, seq, step, time, execution, site, flags, values, maps)

    def __len__(self) -> int:
        return len(self.seq)

    def take(self, index: np.ndarray | slice) -> Group:
        """The rows at `index`, in its order."""
        picked: list[dict[str, Any]] = []
        if self.maps:
            rows = range(len(self))[index] if isinstance(index, slice) else index.tolist()
            picked = [self.maps[i] for i in rows]
        line = [getattr(self, name)[index] for name in LINE]
        return Group.of(self.names, self.stream, line, [column[index] for column in self.values], picked)

    @property
    def ordered(self) -> bool:
        """True if steps do not descend."""
        return bool((self.step[1:] >= self.step[:-1]).all())


class Batch:
    """Collects records in the order in which they were written.

    Args:
        names: the key sets known from before, by the writer's number: (names, stream).
    """

    def __init__(self, names: dict[int, tuple[tuple[str, ...], int]] | None = None) -> None:
        self.key_sets = dict(names or {})
        self.head: records.Head | None = None
        self.new_keys: dict[int, tuple[tuple[str, ...], int]] = {}
        self.sites: list[records.Site] = []
        self.executions: list[records.Execution] = []
        self.events: list[Any] = []
        self.unknown: list[tuple[int, records.Unknown]] = []
        self.rows: dict[int, list[_Some]] = {}
        self.count = 0
        self.last_seq = 0
        self.last_time = 0

    def feed(self, ends: Sequence[int], payloads: Sequence[bytes]) -> None:
        """Take records, not yet decoded; `ends` are where each of them ends in its segment."""
        together = alike.decode(payloads)
        if together is not None:
            self._add(together.keys, [together], len(together))
            self.last_seq = int(together.line[0][-1])
            self.last_time = max(self.last_time, int(together.line[2].max()))
            return
        for end, record in zip(ends, records.decode_all(payloads), strict=True):
            if type(record) is not records.Row:
                self._take(end, record)
                continue
            self._add(record.keys, [record], 1)
            self.last_seq = record.seq
            if record.time > self.last_time:
                self.last_time = record.time

    def _add(self, keys: int, rows: list[_Some], count: int) -> None:
        found = self.rows.get(keys)
        if found is None:
            found = self.rows[keys] = []
        found += rows
        self.count += count

    def _take(self, offset: int, record: records.Known | records.Unknown) -> None:
        """One record that is no row."""
        match record:
            case records.Keys():
                self.new_keys[record.id] = self.key_sets[record.id] = (tuple(record.names), record.stream)
            case records.Site():
                self.sites.append(record)
            case records.Execution():
                self.executions.append(record)
            case records.Head():
                self.head = self.head or record
            case records.Unknown():
                self.unknown.append((offset, record))
            case _:
                self.events.append(record)
                self.last_seq = max(self.last_seq, getattr(record, "seq", 0))
                self.last_time = max(self.last_time, getattr(record, "time", 0))

    def groups(self, pause: Callable[[], None] = lambda: None) -> Iterator[Group]:
        """The rows as groups, key sets in the order in which they were first used. `pause` is called every millisecond."""
        sizes = {number: _count(rows) for number, rows in self.rows.items()}
        tiny = sum(size < FEW_ROWS for size in sizes.values())
        folded: list[tuple[records.Row, dict[str, Any], int]] = []
        for number, rows in self.rows.items():
            names, stream = self.key_sets.get(number, (None, 0))
            names = _fitting(names, rows[0])
            few = sizes[number] < FEW_ROWS and tiny > MANY_SETS
            if few or sizes[number] * ROW_WORTH < min(len(names), WIDE):
                folded += [
                    (row, flatten(dict(zip(_fitting(names, row), row.values, strict=True))), stream)
                    for row in _one_by_one(rows)
                ]
                pause()
                continue
            yield from _grouped(names, stream, rows, pause)
        for stream in sorted({stream for _, _, stream in folded}):
            chosen = [(row, values) for row, values, s in folded if s == stream]
            chosen.sort(key=lambda pair: pair[0].seq)
            yield Group.of(None, stream, _line([row for row, _ in chosen]), [], [values for _, values in chosen])


def _count(rows: Sequence[_Some]) -> int:
    return sum(len(some) if type(some) is alike.Rows else 1 for some in rows)


def _one_by_one(rows: Iterable[_Some]) -> Iterator[records.Row]:
    for some in rows:
        if isinstance(some, alike.Rows):
            yield from some.records()
        else:
            yield some


def _runs(rows: Sequence[_Some], most: int) -> Iterator[alike.Rows | list[records.Row]]:
    """The same in the same order: those that came together, and at most so many of the others."""
    single: list[records.Row] = []
    for some in rows:
        together = isinstance(some, alike.Rows)
        if single and (together or len(single) == most):
            yield single
            single = []
        if isinstance(some, alike.Rows):
            yield some
        else:
            single.append(some)
    if single:
        yield single


def _grouped(names: tuple[str, ...], stream: int, rows: Sequence[_Some], pause: Callable[[], None]) -> Iterator[Group]:
    block = max(BLOCK_VALUES // max(len(names), 1), 1)
    parts: list[list[np.ndarray]] = []
    lines: list[list[np.ndarray]] = []
    for run in _runs(rows, block):
        if isinstance(run, alike.Rows):
            if len(run.values) != len(names):
                yield from _ragged(names, stream, _one_by_one(rows), pause)
                return
            parts.append(run.values)
            lines.append(run.line)
            continue
        values = [row.values for row in run]
        if set(map(len, values)) != {len(names)}:
            yield from _ragged(names, stream, _one_by_one(rows), pause)
            return
        kinds = set(map(type, chain.from_iterable(values)))
        if dict in kinds and any(_is_nested(v) for v in chain.from_iterable(values)):
            yield from _flattened(names, stream, _one_by_one(rows), pause)
            return
        if kinds == {float}:
            flat = np.fromiter(chain.from_iterable(values), np.float64, len(values) * len(names))
            parts.append(list(flat.reshape(len(values), len(names)).T))
        else:
            parts.append([columns.from_values(column) for column in zip(*values, strict=True)])
        lines.append(_line(run))
        pause()
    joined = [columns.join([part[i] for part in parts]) for i in range(len(names))]
    yield Group.of(names, stream, [np.concatenate(column) for column in zip(*lines, strict=True)], joined, [])


def _ragged(
    names: tuple[str, ...], stream: int, rows: Iterable[records.Row], pause: Callable[[], None]
) -> Iterator[Group]:
    """Rows with more or fewer values than names. No writer of ours makes them; the rows after them must not suffer."""
    by_size: dict[int, list[records.Row]] = {}
    for row in rows:
        by_size.setdefault(len(row.values), []).append(row)
    for members in by_size.values():
        yield from _grouped(_fitting(names, members[0]), stream, members, pause)


def _fitting(names: tuple[str, ...] | None, row: _Some) -> tuple[str, ...]:
    """The names, or ones that say so where the announcement was in a damaged stretch."""
    if names is not None and len(names) == len(row.values):
        return names
    return tuple(f"unknown_{row.keys}.{i}" for i in range(len(row.values)))


def _flattened(
    names: tuple[str, ...], stream: int, rows: Iterable[records.Row], pause: Callable[[], None]
) -> Iterator[Group]:
    """Rows with nested dicts: each has the key set that it gets by flattening."""
    sets: dict[tuple[str, ...], list[records.Row]] = {}
    for row in rows:
        flat = flatten(dict(zip(names, row.values, strict=True)))
        sets.setdefault(tuple(flat), []).append(
            records.Row(row.seq, row.step, row.time, row.execution, row.site, row.flags, row.keys, list(flat.values()))
        )
    for flat_names, members in sets.items():
        yield from _grouped(flat_names, stream, members, pause)


def _line(rows: list[records.Row]) -> list[np.ndarray]:
    return [np.fromiter(map(attrgetter(name), rows), np.int64, len(rows)) for name in LINE]


def _is_nested(value: Any) -> bool:
    """A dict that stands for several metrics: neither empty nor a media value, which says its `_type`."""
    return isinstance(value, dict) and bool(value) and "_type" not in value


def flatten(values: dict[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts by dotted names: `{"a": {"b": 1}}` is `{"a.b": 1}` (1.8-1 of the reference). Lists are one value."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = prefix + str(key)
        if _is_nested(value):
            flat.update(flatten(value, name + "."))
        else:
            flat[name] = value
    return flat
