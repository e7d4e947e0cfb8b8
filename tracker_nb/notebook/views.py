"""`tracker_nb.show` and `%track`: which view a path names, and showing it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from tracker_nb.errors import BadValue, ProjectNotFound, RunNotFound, StoreNotFound, UsageError, closest
from tracker_nb.notebook.options import HIGHEST, LOWEST
from tracker_nb.panels import views as panels
from tracker_nb.query import listing
from tracker_nb.query.reading import Reader
from tracker_nb.sdk import init as begin
from tracker_nb.sdk import surroundings
from tracker_nb.store import known
from tracker_nb.store.place import Place, find
from tracker_nb.store.runs import RunState


@dataclass(frozen=True, slots=True)
class View:
    """What is to be shown: of which store, and a line of text for those who cannot show it."""

    place: Place
    view: str
    store: str
    text: str
    entity: str | None = None
    project: str | None = None
    run: str | None = None
    name: str | None = None


def show(path: str | None = None, *, height: int | None = None) -> None:
    """Show a project or a run under the cell, live: `%track` as a function. In a script, print a line about it.

    Args:
        path: `project`, `project/run` or `entity/project/run`, a run by its id or its name; None: the current run, else
            the projects.
        height: of what is shown, in pixels.

    Raises:
        ProjectNotFound, RunNotFound: there is none; the message names the closest.
        StoreNotFound: nothing was recorded yet.
    """
    if height is not None and not LOWEST <= height <= HIGHEST:
        raise BadValue(f"height={height!r} must be a number of pixels, {LOWEST} to {HIGHEST}.")
    view = find_view(path)
    if not surroundings.in_notebook():
        print(view.text)  # noqa: T201
        return
    from tracker_nb.notebook import display

    names = (view.entity or "", view.project or "", view.run or "", view.name or "")
    display.show(panels.View(view.place, view.store, view.view, *names, height), text=view.text)


def find_view(path: str | None) -> View:
    """The view that a path names.

    Raises:
        ProjectNotFound, RunNotFound, BadValue, StoreNotFound
    """
    run = begin.current()
    if path is None and run is not None:
        if run.disabled:
            raise UsageError(f"Run {run.name} is disabled: nothing of it is recorded, so there is nothing to show.")
        text = f"{run.name} in {run.project}, {run.step:,} steps so far"
        assert run._place is not None
        return View(run._place, "run", run._store_id, text, run.entity, run.project, run.id, run.name)
    # What an open run logs to comes before what `find` says: it is what the user sees.
    place = run._place if run is not None and run._place is not None else find()
    with contextlib.closing(Reader(place)) as reader:
        known.remember(place)
        store = known.identity(place)
        if path is None:
            return _projects(reader, store)
        return _named(reader, store, path.strip().strip("/"))


def _projects(reader: Reader, store: str) -> View:
    found = listing.list_projects(reader)
    if not found:
        raise StoreNotFound(
            f"No run is recorded in the store at {reader.place} yet. Begin one: %%track PROJECT in the first line of a cell."
        )
    lines = [f"{project.name}: {_count(project.runs)}" for project in found[:20]]
    return View(reader.place, "projects", store, "\n".join(lines))


def _named(reader: Reader, store: str, path: str) -> View:
    parts = path.split("/")
    if len(parts) > 3 or not all(parts):
        raise BadValue(f"{path!r}: write project, project/run or entity/project/run.")
    projects = listing.list_projects(reader)
    if len(parts) < 3:
        entity = parts[0] if len(parts) == 2 else None
        of = [p for p in projects if p.name == parts[-1] and entity in (None, p.entity)]
        if of and not (len(parts) == 2 and any(p.name == parts[0] for p in projects)):
            chosen = of[0]  # the one last logged to
            text = f"{chosen.name}: {_count(chosen.runs)}, {chosen.running} running"
            return View(reader.place, "project", store, text, chosen.entity, chosen.name)
    above = parts[-2] if len(parts) > 1 else None
    if above is not None and all(p.name != above for p in projects):
        close = closest(above, [p.name for p in projects])
        hint = f" Closest: {', '.join(close)}." if close else ""
        raise ProjectNotFound(f"No project {above!r} in the store at {reader.place}.{hint} %track alone lists them.")
    return _of(reader.place, store, _run(reader, path, [p.name for p in projects]))


def _run(reader: Reader, path: str, projects: list[str]) -> RunState:
    try:
        return listing.find(reader, path)
    except RunNotFound:
        if "/" in path:
            raise
        close = closest(path, projects)
        hint = f" Closest projects: {', '.join(close)}." if close else ""
        raise ProjectNotFound(
            f"No project and no run {path!r} in the store at {reader.place}.{hint} %track alone lists the projects."
        ) from None


def _of(place: Place, store: str, state: RunState) -> View:
    text = f"{state.name} in {state.project}: {state.state}"
    return View(place, "run", store, text, state.entity, state.project, state.run, state.name)


def _count(number: int) -> str:
    return f"{number:,} {'run' if number == 1 else 'runs'}"
