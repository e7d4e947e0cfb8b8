"""In place of a journal in mode disabled: nothing is recorded, and scripts may read their summary all the same."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from tracker_nb.errors import UsageError
from tracker_nb.journal import records
from tracker_nb.journal.naming import Cell
from tracker_nb.sdk.tidy import tidy
from tracker_nb.store import runs
from tracker_nb.store.batch import flatten
from tracker_nb.store.groups import Stats


class NoWriter:
    """Does what a writer does, and keeps nothing but the summary."""

    waiting = dropped = written = 0
    ended = False
    running_cell: Callable[[], Cell | None] | None = None

    def __init__(self, step: int, state: runs.RunState, *, refusal: Callable[[], UsageError]) -> None:
        self.step = step
        self._state = state
        self._refusal = refusal
        self._last: dict[str, Any] = {}
        self._by_hand: set[str] = set()
        self._stats: dict[str, Stats] = {}

    def log(self, data: Any, step: int | None, commit: bool | None, _depth: int) -> None:
        """Take note of the values."""
        data, step = tidy(data, step)
        if self.ended:
            raise self._refusal()
        at = self.step if step is None else step
        self.step = at if commit is False else at + 1
        row = flatten(data)
        self._last |= row
        self._by_hand -= row.keys()
        for name, value in row.items():
            self._stats.setdefault(name, Stats()).add_value(_number(value), at, 0, 0)

    def set_summary(self, values: dict[str, Any], removed: list[str]) -> None:
        """Take note of what was set by hand."""
        self._last |= values
        self._by_hand |= values.keys()
        for name in removed:
            del self._last[name]

    def read_summary(self) -> dict[str, Any]:
        """The summary, as a run that is recorded would have it."""
        if not self._state.definitions:
            return dict(self._last)
        from tracker_nb.query import definitions, summaries

        found = {}
        for name, value in self._last.items():
            fields = definitions.definition(name, self._state.definitions)
            words = definitions.words(fields)
            if name in self._by_hand or not words:
                found[name] = value
            elif definitions.NONE not in words:
                stats = self._stats[name]
                found[name] = summaries.figures([stats], stats, words, definitions.direction(fields))
        return found

    def write(self, make: Callable[[int, int], records.Record]) -> int:
        """Nothing."""
        return 0

    def origin(self, depth: int) -> tuple[int, int]:
        """No execution and no call site."""
        return 0, 0

    def retry(self) -> bool:
        """Nothing waits."""
        return True

    def heal(self) -> bool:
        """Nothing was deleted."""
        return False

    def close(self) -> None:
        """Nothing is open."""


def _number(value: Any) -> Any:
    """NumPy's and torch's numbers as Python's."""
    if isinstance(value, int | float) or not hasattr(value, "item"):
        return value
    with contextlib.suppress(Exception):  # an array of several, or whatever a user's object raises
        return value.item()
    return value
