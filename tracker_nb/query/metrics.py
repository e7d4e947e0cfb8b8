"""Which metrics several runs have logged: one question for all panels of a dashboard.

A dashboard of 100 runs of 200 metrics asks this when it opens and when a run begins: no values are read here, only how often
each name was logged and what the runs have said about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tracker_nb.journal.records import decode_value
from tracker_nb.query.definitions import Direction, definition, direction, step_metric
from tracker_nb.query.reading import Reader, View
from tracker_nb.query.tails import Tail
from tracker_nb.store import groups, runs
from tracker_nb.store.commands import RunPath


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that any of several runs has logged.

    Attributes:
        runs: how many of the runs have logged it.
        rows: how often, all runs together.
        numeric: some value of it was a number, NaN included: it can be drawn as a line.
        step_metric: its x axis, where a definition names one.
        direction: which values are better, where a definition says so: by its goal, or by a summary of min or max.
        hidden: no panel by default.
    """

    name: str
    runs: int
    rows: int
    numeric: bool
    step_metric: str | None
    direction: Direction | None
    hidden: bool


@dataclass(slots=True)
class _Counted:
    runs: set[int]
    rows: int = 0
    numeric: bool = False


def metrics(reader: Reader, paths: Sequence[RunPath]) -> list[Metric]:
    """Metrics of these runs, in the order in which they were first logged. Runs that are not there are left out.

    Where runs disagree about what a metric is, the first of `paths` that says anything is believed.
    """

    def answer(view: View) -> list[Metric]:
        found = (view.find(path.entity, path.project, path.run) for path in dict.fromkeys(paths))
        states = [state for state in found if state is not None]
        counted = _count(view, states)
        said = [state.definitions for state in states if state.definitions]
        return [_described(name, one, said) for name, one in counted.items()]

    return reader.ask(answer, run=paths[0].run if len(paths) == 1 else None)


def _count(view: View, states: list[runs.RunState]) -> dict[str, _Counted]:
    of_generation = {id_: at for at, state in enumerate(states) if (id_ := view.generation_id(state)) is not None}
    by_key: dict[int, _Counted] = {}
    for some in runs.in_blocks(list(of_generation)):
        # The last value is decoded only where none was a number: it may be NaN.
        rows = view.db.execute(
            f"""SELECT generation_id, key_id, rows, count, CASE WHEN count = 0 THEN last END
                FROM metric_stats WHERE generation_id IN ({runs.marks(some)}) AND stream = 0""",
            some,
        )
        for generation, key, n, numbers, last in rows:
            one = by_key.get(key)
            if one is None:
                one = by_key[key] = _Counted(set())
            one.runs.add(of_generation[generation])
            one.rows += n
            one.numeric = one.numeric or numbers > 0 or (last is not None and isinstance(decode_value(last), float))
    names = _names(view, list(by_key))
    by_name = {names[key]: by_key[key] for key in sorted(by_key)}
    ids = {name: key for key, name in names.items()}
    new: dict[str, _Counted] = {}
    for at, state in enumerate(states):
        for tail in view.tails_of(state):
            for name, n, numeric in _of_tail(tail):
                one = by_name.get(name) or new.setdefault(name, _Counted(set()))
                one.runs.add(at)
                one.rows += n
                one.numeric = one.numeric or numeric
    return _in_order(view, by_name, ids, new)


def _of_tail(tail: Tail) -> Iterable[tuple[str, int, bool]]:
    for group in tail.groups():
        if len(group):
            for name, stats in groups.statistics(group).items():
                yield name, stats.rows, stats.count > 0 or isinstance(stats.last, float)


def _names(view: View, keys: list[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in runs.in_blocks(keys):
        found |= dict(view.db.execute(f"SELECT id, name FROM keys WHERE id IN ({runs.marks(some)})", some).fetchall())
    return found


def _in_order(
    view: View, stored: dict[str, _Counted], ids: dict[str, int], new: dict[str, _Counted]
) -> dict[str, _Counted]:
    """What is only in journals takes the place it will have when it is applied, so that no panel changes its place then."""
    if not new:
        return stored
    ids = dict(ids)
    for some in _blocks(list(new)):
        ids |= dict(view.db.execute(f"SELECT name, id FROM keys WHERE name IN ({','.join('?' * len(some))})", some))
    last = max(ids.values(), default=0) + 1
    both = stored | new  # those without an id stay in the order in which they came
    return dict(sorted(both.items(), key=lambda item: ids.get(item[0], last)))


def _blocks(names: list[str], size: int = 500) -> list[list[str]]:
    return [names[i : i + size] for i in range(0, len(names), size)]


def _described(name: str, one: _Counted, said: list[dict[str, dict[str, Any]]]) -> Metric:
    fields: dict[str, Any] = {}
    for definitions in said:
        for field, value in definition(name, definitions).items():
            fields.setdefault(field, value)
    x, better, hidden = step_metric(name, fields), direction(fields), fields.get("hidden") is True
    return Metric(name, len(one.runs), one.rows, one.numeric, x, better, hidden)
