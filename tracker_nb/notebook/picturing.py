"""Reads a store and draws one view of it: `python -m tracker_nb.notebook.picturing`, a process of its own.

Drawing takes a second of a core and the memory of a JavaScript engine. In the kernel's process, training would wait for
it; here nobody does, and what goes wrong here ends here. The question comes by standard input, the answer goes to
standard output: see `drawing`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from tracker_nb.charts import line, palette, picture
from tracker_nb.errors import MissingExtra, RunNotFound, TrackerError
from tracker_nb.notebook import facts
from tracker_nb.notebook.drawing import Asked, Drawn
from tracker_nb.query import buckets, listing, metrics
from tracker_nb.query.reading import Reader, View
from tracker_nb.query.summaries import summaries
from tracker_nb.store import runs
from tracker_nb.store.commands import RunPath
from tracker_nb.store.place import Place

ALARM = 60
"""Seconds after which it ends, whatever it does: nobody waits so long, and the kernel may be gone."""


def main() -> None:
    """Answer the question."""
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    _stay_small(waited_for=asked.waited_for)
    with closing(Reader(Place(Path(asked.place)))) as reader:
        drawn = drawn_of(reader, asked)
    sys.stdout.buffer.write(msgspec.msgpack.encode(drawn))


def _stay_small(*, waited_for: bool) -> None:
    """Others come first: the training above all, unless it has ended."""
    with contextlib.suppress(AttributeError, OSError):
        os.nice(0 if waited_for else 19)
    with contextlib.suppress(ImportError, AttributeError, ValueError):
        import signal

        signal.alarm(ALARM)


def drawn_of(reader: Reader, asked: Asked) -> Drawn:
    """Text and picture of a view. A project's picture has its newest runs.

    Raises:
        RunNotFound
    """
    if asked.view == "projects":
        return Drawn(facts.of_projects(reader).text())
    if asked.view == "run":

        def find(view: View) -> tuple[runs.RunState, dict[str, Any]]:
            state = reader.need_run(view, asked.entity, asked.project, asked.run)
            return state, summaries(view, [state])[0]

        state, summary = reader.ask(find, run=asked.run)
        return _with_picture(reader, asked, facts.of_run(state, summary), [state])
    states = listing.list_states(reader, entity=asked.entity, project=asked.project)
    return _with_picture(reader, asked, facts.of_project(asked.project, states), states[: facts.MOST_RUNS])


def _with_picture(reader: Reader, asked: Asked, found: facts.Facts, states: Sequence[runs.RunState]) -> Drawn:
    if not asked.picture:
        return Drawn(found.text())
    panels, more = _panels(reader, states)
    legend = []
    if asked.view == "project":
        legend = [(state.name, palette.colour(state.run, state.color)) for state in states]
    color = palette.colour(asked.run, states[0].color) if asked.view == "run" else ""
    try:
        made = picture.picture(picture.Header(found.title, color, found.facts, found.values, legend), panels, more=more)
    except MissingExtra:
        # Not its own words, which name a folder of this machine: this is saved in the notebook.
        return Drawn(found.text(), problem="no pictures of charts here: %pip install 'tracker_nb[notebook]'")
    return Drawn(found.text(), made.png, made.width, made.height)


def _panels(reader: Reader, states: Sequence[runs.RunState]) -> tuple[list[picture.Panel], int]:
    """Panels of the metrics logged first, and how many metrics have none."""
    paths = [RunPath(state.entity, state.project, state.run) for state in states]
    fit = [one for one in metrics.metrics(reader, paths) if one.numeric and not one.hidden]
    logged = {one.name for one in fit}
    shown = fit[: picture.MOST_PANELS]
    # As in the browser: a metric is drawn over its own x axis, where somebody has logged that.
    axis = {one.name: one.step_metric if one.step_metric in logged else None for one in shown}
    found: dict[tuple[str, str], buckets.Buckets] = {}
    for x in dict.fromkeys(axis.values()):
        names = [name for name in axis if axis[name] == x]
        found |= buckets.buckets(reader, states, names, x=x or buckets.STEP, n=picture.PLOT_WIDTH)
    panels = [
        picture.Panel(name, [_line(state, made) for state in states if (made := found.get((state.run, name)))], x)
        for name, x in axis.items()
    ]
    return panels, len(fit) - len(shown)


def _line(state: runs.RunState, found: buckets.Buckets) -> line.Line:
    return line.Line(
        state.run,
        state.name,
        found.x.tolist(),
        found.last.tolist(),
        min=() if found.exact else found.min.tolist(),
        max=() if found.exact else found.max.tolist(),
        color=state.color,
        live=state.state == runs.RUNNING,
    )


if __name__ == "__main__":
    try:
        main()
    except RunNotFound as error:
        sys.exit(f"{error}")
    except (TrackerError, OSError, BrokenPipeError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
