"""What a display is of: a run, a project, or all projects of a store, by names that a notebook may keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tracker_nb.api import Api
from tracker_nb.api.public import Runs
from tracker_nb.api.run import Run as StoredRun
from tracker_nb.errors import BadValue
from tracker_nb.sdk.run import Run
from tracker_nb.store import known
from tracker_nb.store.place import Place

HEIGHTS = range(100, 10_001)
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class View:
    """A run, a project or all projects of a store, as a display names it.

    Attributes:
        place, store: the store's folder and its id; only the id is written into a notebook.
        view: "run", "project" or "projects"; `entity`, `project` and `run` as far as that goes.
        name: what people call the run.
        height: in CSS pixels; None: the front end's choice.
        cell: uid of the cell execution that it stands under.
    """

    place: Place
    store: str
    view: str
    entity: str = ""
    project: str = ""
    run: str = ""
    name: str = ""
    height: int | None = None
    cell: str | None = None

    def __post_init__(self) -> None:
        if self.height is not None and self.height not in HEIGHTS:
            raise BadValue(
                f"height={self.height} is not a height of a display: give {HEIGHTS[0]} to {HEIGHTS[-1]} pixels."
            )

    def payload(self) -> dict[str, Any]:
        """What our front end reads."""
        made: dict[str, Any] = {"version": 1, "store": self.store, "view": self.view}
        if self.view != "projects":
            made |= {"entity": self.entity, "project": self.project}
        if self.view == "run":
            made |= {"run": self.run, "name": short(self.name, LONGEST_NAME)}
        optional = {"height": self.height, "cell": self.cell}
        return made | {name: value for name, value in optional.items() if value is not None}


def view_of(thing: Any, *, height: int | None = None, cell: str | None = None) -> View | None:
    """The view that shows a run, runs of a project or an `Api`; None where there is none, as for a disabled run.

    Raises:
        BadValue: the height is out of range.
    """
    if isinstance(thing, Run):
        if thing._place is None:
            return None
        names = (thing.entity, thing.project, thing.id, thing.name)
        return View(thing._place, thing._store_id, "run", *names, height, cell)
    if isinstance(thing, StoredRun):
        place = thing._api._reader.place
        names = (thing.entity, thing.project, thing.id, thing.name)
        return View(place, known.identity(place), "run", *names, height, cell)
    if isinstance(thing, Runs):
        return _view_of_runs(thing, height)
    if isinstance(thing, Api):
        place = thing._reader.place
        return View(place, known.identity(place), "projects", height=height)
    return None


def _view_of_runs(found: Runs, height: int | None) -> View | None:
    place = found._api._reader.place
    if found._filters:
        return None  # a view of all runs would show others than these
    if found._project is None:
        return View(place, known.identity(place), "projects", height=height)
    entities = {found._entity} if found._entity else {run.entity for run in found}
    if len(entities) != 1:
        return None
    return View(place, known.identity(place), "project", str(entities.pop()), found._project, height=height)


def short(text: str, most: int) -> str:
    """Somebody's text in one line of at most so many characters, without control codes."""
    kept = "".join(c if c.isprintable() else " " for c in text[: most + 1])
    return kept if len(kept) <= most else kept[: most - 1] + "…"
