"""Rows that look alike, decoded together.

A training loop logs the same metrics again and again: MessagePack of such rows differs in the bytes of the numbers and in
nothing else. Where a block of payloads has one length and one layout, NumPy reads each column at once, in a twentieth of
the time of row by row. Everything else is left to `records.decode_all`, and what comes out is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tracker_nb.journal import records

_ROW = bytes([0x99, records.ROW])
"""A MessagePack array of nine, the first of them the kind."""
_NUMBERS = {
    0xCB: ">f8", 0xCC: "u1", 0xCD: ">u2", 0xCE: ">u4", 0xCF: ">u8", 0xD0: "i1", 0xD1: ">i2", 0xD2: ">i4", 0xD3: ">i8",
}  # fmt: skip
"""Element types by MessagePack's first byte."""
_FLOAT = 0xCB
_FIXINT = 0x7F
"""Up to here the first byte is the value."""
LINE = ("seq", "step", "time", "execution", "site", "flags")
"""Columns that all metrics of a row share, in the order they have in a record."""
FEWEST = 8
"""Fewer rows than this are not worth the looking."""


@dataclass(slots=True)
class Rows:
    """Some rows of one key set.

    Attributes:
        keys: the writer's number of the key set.
        line: the columns named by `LINE`, int64, shape (n,).
        values: for each name a float64 or int64 array, shape (n,).
    """

    keys: int
    line: list[np.ndarray]
    values: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.line[0])

    def records(self) -> list[records.Row]:
        """The same, one by one."""
        values = zip(*(column.tolist() for column in self.values), strict=True) if self.values else [()] * len(self)
        seq, step, time, execution, site, flags = (column.tolist() for column in self.line)
        return [
            records.Row(n, s, t, e, c, f, self.keys, list(row))
            for n, s, t, e, c, f, row in zip(seq, step, time, execution, site, flags, values, strict=True)
        ]


@dataclass(slots=True)
class _Layout:
    """Where the numbers of a row lie: (first byte of the value, element type); "" where it is that single byte itself."""

    numbers: list[tuple[int, str]]
    fixed: list[int]
    """Where a byte is the same in all rows: MessagePack's types, and the length of the list of values."""
    small: list[int]


def decode(payloads: Sequence[bytes]) -> Rows | None:
    """The rows, or None where they are not alike or not all rows."""
    if len(payloads) < FEWEST:
        return None
    first = payloads[0]
    size = len(first)
    if first[:2] != _ROW or set(map(len, payloads)) != {size}:
        return None
    layout = _layout(first)
    if layout is None:
        return None
    table = np.frombuffer(b"".join(payloads), np.uint8).reshape(len(payloads), size)
    if (table[:, layout.fixed] != table[0, layout.fixed]).any() or (table[:, layout.small] > _FIXINT).any():
        return None
    shared, of_values = layout.numbers[: len(LINE) + 1], layout.numbers[len(LINE) + 1 :]
    try:
        *line, keys = [_column(table, at, kind) for at, kind in shared]
        values = _floats(table, of_values) or [_column(table, at, kind) for at, kind in of_values]
    except OverflowError:
        return None
    if any(column.dtype != np.int64 for column in line) or (keys != keys[0]).any():
        return None
    return Rows(int(keys[0]), line, values)


def _floats(table: np.ndarray, numbers: list[tuple[int, str]]) -> list[np.ndarray]:
    """All columns at once where each is a float: a hundred small copies take longer than a large one."""
    if len(numbers) < 2 or any(kind != ">f8" for _, kind in numbers):
        return []
    begin, count = numbers[0][0] - 1, len(numbers)
    each = table[:, begin : begin + 9 * count].reshape(len(table), count, 9)[:, :, 1:]
    return list(np.ascontiguousarray(each).view(">f8")[:, :, 0].T.astype(np.float64, order="C"))


def _column(table: np.ndarray, at: int, kind: str) -> np.ndarray:
    if not kind:
        return table[:, at].astype(np.int64)
    size = int(kind[-1])
    raw = np.ascontiguousarray(table[:, at : at + size]).view(kind)[:, 0]
    if kind == ">f8":
        return raw.astype(np.float64)
    if kind == ">u8" and (raw > np.uint64(2**63 - 1)).any():
        raise OverflowError
    return raw.astype(np.int64)


def _layout(payload: bytes) -> _Layout | None:
    """Of a row of numbers; None where it holds anything else."""
    layout = _Layout([], [0, 1], [])
    at = len(_ROW)
    try:
        for _ in range(len(LINE) + 1):
            at = _number(payload, at, layout)
        head = payload[at]
        if head & 0xF0 == 0x90:
            width, count = 1, head & 0x0F
        elif head == 0xDC:
            width, count = 3, int.from_bytes(payload[at + 1 : at + 3], "big")
        else:
            return None
        layout.fixed += range(at, at + width)
        at += width
        for _ in range(count):
            at = _number(payload, at, layout)
    except (KeyError, IndexError):
        return None
    return layout if at == len(payload) else None


def _number(payload: bytes, at: int, layout: _Layout) -> int:
    """Note the number that begins here; where the next one does.

    Raises:
        KeyError: it is none.
    """
    head = payload[at]
    if head <= _FIXINT:
        layout.numbers.append((at, ""))
        layout.small.append(at)
        return at + 1
    kind = _NUMBERS[head]
    layout.numbers.append((at + 1, kind))
    layout.fixed.append(at)
    return at + 1 + int(kind[-1])
