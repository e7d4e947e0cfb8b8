"""One run on one page: what it is, its summary, and of each metric how often, from where to where, and the last value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tracker_nb.query import listing
from tracker_nb.query.reading import Reader, View
from tracker_nb.query.summaries import as_user_sees, statistics, summaries, summary
from tracker_nb.store import runs
from tracker_nb.store.groups import Stats


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of a run, all writers together.

    Attributes:
        rows: how often it was logged.
        count: how many of these were numbers and not NaN; min, max and mean are of them, None where there are none.
        last: the value logged last, of any type, at `last_step` and `last_time` (microseconds since 1970).
    """

    name: str
    rows: int
    count: int
    min: float | None
    max: float | None
    mean: float | None
    last: Any
    last_step: int
    last_time: int


@dataclass(frozen=True, slots=True)
class Overview:
    """A run, its summary as the user sees it, and its metrics, sorted by name."""

    state: runs.RunState
    summary: dict[str, Any]
    metrics: list[Metric]


def overview(reader: Reader, path: str) -> Overview:
    """The run that a path names, from one moment of the store.

    Raises:
        RunNotFound, BadValue: see `listing.find`.
    """
    return of_state(reader, listing.find(reader, path))


def summary_of(reader: Reader, entity: str, project: str, run: str) -> dict[str, Any]:
    """Only its summary.

    Raises:
        RunNotFound
    """

    def answer(view: View) -> dict[str, Any]:
        return summaries(view, [reader.need_run(view, entity, project, run)])[0]

    return reader.ask(answer, run=run)


def of_state(reader: Reader, found: runs.RunState) -> Overview:
    """The same of a run that was found before.

    Raises:
        RunNotFound: it is gone since.
    """

    def answer(view: View) -> Overview:
        state = reader.need_run(view, found.entity, found.project, found.run)
        known = statistics(view, [state])[0]
        metrics = [_metric(name, list(writers.values())) for name, writers in sorted(known.items())]
        return Overview(state, summary(state, known), metrics)

    return reader.ask(answer, run=found.run)


def _metric(name: str, writers: list[Stats]) -> Metric:
    last = max(writers, key=lambda one: (one.last_time, one.last_seq))
    counted = [one for one in writers if one.count]
    count = sum(one.count for one in counted)
    sums = [one.sum for one in counted if one.sum is not None]
    return Metric(
        name,
        sum(one.rows for one in writers),
        count,
        min((one.min for one in counted if one.min is not None), default=None),
        max((one.max for one in counted if one.max is not None), default=None),
        sum(sums) / count if counted and len(sums) == len(counted) else None,
        as_user_sees(last.last),
        last.last_step,
        last.last_time,
    )
