"""Tables and lists of names and values that fill a terminal's width and no more."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tracker_nb.cli.text import style, symbol

GAP = "  "


def wide(text: str) -> int:
    """Columns that `text` takes: two for East Asian wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) or unicodedata.category(c) == "Cf" else 2 if _is_wide(c) else 1 for c in text
    )


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in ("W", "F")


def cut(text: str, most: int, *, start: bool = False) -> str:
    """At most so many columns of `text`, with a mark where its end, or its `start`, is left out."""
    if wide(text) <= most:
        return text
    mark = symbol("…", "~")
    while text and wide(text) > most - 1:
        text = text[1:] if start else text[:-1]
    return mark + text if start else text.rstrip() + mark


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """`text` filled with spaces to so many columns."""
    space = " " * (columns - wide(text))
    return space + text if right else text + space


@dataclass(slots=True)
class Column:
    """A column of a table.

    Attributes:
        rank: columns of a low rank are the last to go where the terminal is narrow.
        right: aligned to the right, for numbers; of a long title the end is kept, which is what tells metrics apart.
        least: it may be cut down to so many columns; None: never cut.
        paint: called with the number of the row and the filled cell.
    """

    title: str
    cells: Sequence[str]
    rank: int
    right: bool = False
    least: int | None = None
    paint: Callable[[int, str], str] | None = None

    def natural(self) -> int:
        """Columns it would like to have."""
        return max([wide(self.title), *(wide(cell) for cell in self.cells)])


def table(columns: Sequence[Column], columns_wide: int) -> list[str]:
    """Lines of a table: as many of its columns as fit, those of the lowest rank first, in the order given."""
    sizes: dict[int, int] = {}
    left = columns_wide
    for at in sorted(range(len(columns)), key=lambda i: columns[i].rank):
        column = columns[at]
        natural = column.natural()
        need = natural if column.least is None else min(natural, max(column.least, 1))
        gap = len(GAP) if sizes else 0
        if need + gap <= left or not sizes:
            sizes[at] = need
            left -= need + gap
    for at in sorted(sizes, key=lambda i: columns[i].rank):
        more = min(max(left, 0), columns[at].natural() - sizes[at])
        sizes[at] += more
        left -= more
    shown = sorted(sizes)
    titles = [
        padded(cut(c.title, sizes[i], start=c.right), sizes[i], right=c.right)
        for i, c in enumerate(columns)
        if i in sizes
    ]
    lines = [style(GAP.join(titles).rstrip(), bold=True)]
    for row in range(len(columns[0].cells)):
        cells = []
        for i in shown:
            column = columns[i]
            cell = padded(cut(column.cells[row], sizes[i]), sizes[i], right=column.right)
            cells.append(column.paint(row, cell) if column.paint else cell)
        lines.append(GAP.join(cells).rstrip())
    return lines


def pairs(found: Sequence[tuple[str, str]], columns_wide: int, *, indent: str = "  ") -> list[str]:
    """Names and values, one below the other; long values go on below themselves."""
    if not found:
        return []
    names = min(max(wide(name) for name, _ in found), max(columns_wide // 3, 8))
    lines = []
    for name, text in found:
        before = " " * (len(indent) + names) + GAP
        if wide(name) > names:
            lines.append(indent + name)
            start = before
        else:
            start = indent + padded(name, names) + GAP
        first, *rest = textwrap.wrap(text, max(columns_wide - len(before), 10), break_on_hyphens=False) or [""]
        lines += [(start + first).rstrip(), *(before + line for line in rest)]
    return lines
