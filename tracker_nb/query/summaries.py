"""Summaries: of each metric the last value or what its definition asks for, derived when read, and what was set by hand."""

from __future__ import annotations

import math
from typing import Any

from tracker_nb.journal.records import Array
from tracker_nb.query import definitions
from tracker_nb.query.parts import parts
from tracker_nb.query.reading import View
from tracker_nb.store import groups, runs
from tracker_nb.store.groups import Stats

Found = dict[str, dict[str, Stats]]
"""Statistics by metric and writer."""


def statistics(view: View, states: list[runs.RunState]) -> list[Found]:
    """Statistics of each metric of each run, writers apart."""
    by_generation: dict[int, Found] = {}
    generations = [view.generation_id(state) for state in states]
    ids = [generation for generation in generations if generation is not None]
    for some in runs.in_blocks(ids):
        rows = view.db.execute(
            f"""SELECT s.generation_id, k.name, w.uid, s.rows, s.count, s.min, s.max, s.sum, s.first, s.last, s.last_step,
                  s.last_time, s.last_seq
                FROM metric_stats s JOIN keys k ON k.id = s.key_id JOIN writers w ON w.id = s.writer_id
                WHERE s.generation_id IN ({runs.marks(some)}) AND s.stream = 0""",
            some,
        )
        for generation, name, writer, *values in rows:
            stats = groups.stats_from_row(tuple(values))
            by_generation.setdefault(generation, {}).setdefault(name, {})[writer] = stats
    found = [by_generation.get(generation or 0, {}) for generation in generations]
    for state, metrics in zip(states, found, strict=True):
        for tail in view.tails_of(state):
            for group in tail.groups():
                if len(group):
                    for name, stats in groups.statistics(group).items():
                        metrics.setdefault(name, {}).setdefault(tail.writer, Stats()).add(stats)
    return found


def summaries(view: View, states: list[runs.RunState]) -> list[dict[str, Any]]:
    """The summary of each run, `_step`, `_timestamp` (s) and `_runtime` (s) included where it has rows."""
    made = []
    for state, found in zip(states, statistics(view, states), strict=True):
        values = summary(state, found)
        for name, value in values.items():
            if isinstance(value, groups.TooLarge):
                values[name] = _large(view, state, name)
            elif isinstance(value, dict) and isinstance(value.get("last"), groups.TooLarge):
                value["last"] = _large(view, state, name)
        made.append(values)
    return made


def _large(view: View, state: runs.RunState, name: str) -> Any:
    """The last value of a metric that the statistics do not repeat for its size."""
    part = max(parts(view, state, name, load=False), key=lambda part: part.time_max)
    return as_user_sees(part.values()[int(part.line("seq").argmax())])


def summary(state: runs.RunState, found: Found) -> dict[str, Any]:
    """One run's summary from its statistics."""
    values: dict[str, Any] = {}
    newest: Stats | None = None
    for name, writers in found.items():
        writer, last = max(writers.items(), key=lambda item: (item[1].last_time, item[1].last_seq))
        if newest is None or last.last_time >= newest.last_time:
            newest = last
        by_hand = state.overlay.get(name)
        if by_hand is None or _is_later(last, writer, by_hand):
            fields = definitions.definition(name, state.definitions) if state.definitions else {}
            words = definitions.words(fields)
            if definitions.NONE not in words:
                values[name] = figures(list(writers.values()), last, words, definitions.direction(fields))
    for name, by_hand in state.overlay.items():
        if name not in values and not by_hand.removed:
            values[name] = as_user_sees(by_hand.value)
    if newest is not None:
        values["_step"] = max(stats.last_step for writers in found.values() for stats in writers.values())
        values["_timestamp"] = newest.last_time / 1e6
        values["_runtime"] = (newest.last_time - state.created) / 1e6
    return values


def figures(writers: list[Stats], last: Stats, words: list[str], better: definitions.Direction | None) -> Any:
    """What a metric's summary is, by the words of its definition: a dict of figures, or its last value.

    What is no number has no minimum: a metric without numbers has its last value, whatever was asked for.

    Args:
        writers: statistics as each process logged it.
        last: those of the process that logged last.
    """
    words = [] if definitions.COPY in words else words
    if not words or not (last.count or isinstance(last.last, float) or any(one.count for one in writers)):
        return as_user_sees(last.last)
    whole = Stats()
    for one in sorted(
        writers, key=lambda stats: stats.last_time
    ):  # of sessions one after the other, the first comes first
        whole.add(one)
    extremes = {"min": whole.min, "max": whole.max}
    extremes["best"] = extremes["max" if better == "maximize" else "min"]
    found = {word: math.nan if extremes[word] is None else extremes[word] for word in extremes if word in words}
    if "mean" in words:
        found["mean"] = math.nan if whole.sum is None or not whole.count else whole.sum / whole.count
    ends = {"last": last.last, "first": whole.first}
    # A first value of more than 64 KiB is not worth a search: the metric has numbers, and this one was none.
    known = {word: value for word, value in ends.items() if word == "last" or not isinstance(value, groups.TooLarge)}
    return found | {word: as_user_sees(value) for word, value in known.items() if word in words}


def _is_later(last: Stats, writer: str, by_hand: runs.Overlay) -> bool:
    """True if the metric was logged after its summary was set. Within one writer its own count decides, not the clock."""
    return last.last_seq > by_hand.seq if writer == by_hand.writer else last.last_time > by_hand.time


def as_user_sees(value: Any) -> Any:
    """A stored value as the user logged it: arrays are NumPy arrays again, also inside lists and dicts."""
    if isinstance(value, Array):
        import numpy as np

        return np.frombuffer(value.data, np.dtype(value.dtype)).reshape(value.shape)
    if isinstance(value, list):
        return [as_user_sees(item) for item in value]
    if isinstance(value, dict):
        return {key: as_user_sees(item) for key, item in value.items()}
    return value
