"""One metric of one run, whole."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tracker_nb.errors import UnknownMetric, closest
from tracker_nb.query.parts import Part, keys, order_of, parts
from tracker_nb.query.reading import Reader, View
from tracker_nb.query.summaries import as_user_sees
from tracker_nb.store import columns, runs


@dataclass(slots=True)
class Series:
    """Every value a run logged under a key, by step; rows of equal step in the order in which they were logged.

    Columns are decoded when first asked for, each on its own.
    """

    key: str
    _reader: Reader
    _state: runs.RunState
    _columns: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def value(self) -> np.ndarray:
        """Shape (n,): float64, int64 or bool where all values are, else object."""
        return self._get("value")

    @property
    def step(self) -> np.ndarray:
        """Shape (n,), int64, ascending."""
        return self._get("step")

    @property
    def time(self) -> np.ndarray:
        """Shape (n,), datetime64[us], UTC."""
        return self._get("time").view("datetime64[us]")

    @property
    def execution(self) -> np.ndarray:
        """Shape (n,), int64: ids of the cell executions that logged; 0 for none."""
        return self._get("execution")

    @property
    def site(self) -> np.ndarray:
        """Shape (n,), int64: ids of the lines that logged."""
        return self._get("site")

    def __len__(self) -> int:
        return len(self.value)

    def __repr__(self) -> str:
        return f"<Series {self.key!r} of run {self._state.run}>"

    def _get(self, column: str) -> np.ndarray:
        if column not in self._columns:
            # A live run grows between two columns: all that are wanted come from the moment of the first. So may one that
            # had ended, and was resumed.
            still = self._is_still()
            if still:
                self._load([column])
            if not still or len({len(one) for one in self._columns.values()}) > 1:
                self._load(["value", "step", "time", "execution", "site"])
        return self._columns[column]

    def _is_still(self) -> bool:
        return self._state.state != runs.RUNNING

    def _load(self, names: list[str]) -> None:
        def answer(view: View) -> dict[str, np.ndarray]:
            found = parts(view, self._state, self.key, load="value" in names)
            if not found:
                raise _unknown(view, self._state, self.key)
            order = order_of(found)
            return {name: _column(found, name, order) for name in names}

        self._columns |= self._reader.ask(answer, run=self._state.run)


def _column(found: list[Part], name: str, order: np.ndarray | None) -> np.ndarray:
    column = columns.join([part.values() if name == "value" else part.line(name) for part in found])
    if column.dtype == object:
        column = column.copy()
        for i, value in enumerate(column):
            column[i] = as_user_sees(value)
    return column if order is None else column[order]


def series(reader: Reader, state: runs.RunState, key: str) -> Series:
    """A metric of a run.

    Raises:
        UnknownMetric: the run never logged `key`; the message names the closest keys it did log.
    """

    def check(view: View) -> None:
        known = _known_key(view, state, key)
        if not known:
            raise _unknown(view, state, key)

    reader.ask(check, run=state.run)
    return Series(key, reader, state)


def _known_key(view: View, state: runs.RunState, key: str) -> bool:
    row = view.db.execute(
        """SELECT 1 FROM metric_stats WHERE generation_id = ? AND stream = 0
           AND key_id = (SELECT id FROM keys WHERE name = ?) LIMIT 1""",
        (view.generation_id(state), key),
    ).fetchone()
    return row is not None or key in keys(view, state)


def _unknown(view: View, state: runs.RunState, key: str) -> UnknownMetric:
    known = keys(view, state)
    close = closest(key, known) or known[:5]
    hint = f" Closest: {', '.join(close)}." if close else " It has logged nothing yet."
    return UnknownMetric(f"Run {state.name or state.run} never logged {key!r}.{hint}")
