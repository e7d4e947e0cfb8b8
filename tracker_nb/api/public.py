"""`Api`: read runs back, live or finished, in W&B's shape."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from tracker_nb.api.run import Run, Summary
from tracker_nb.errors import BadValue, TrackerError
from tracker_nb.query import listing
from tracker_nb.query.reading import Reader
from tracker_nb.sdk import reprs
from tracker_nb.store import known
from tracker_nb.store.apply import Applier, take_over
from tracker_nb.store.database import Database
from tracker_nb.store.place import find


class Api:
    """Asks a store. Objects it returns keep what they were first asked for, as W&B's do; `flush()` forgets it.

    Args:
        dir: folder of the store; default: as for `init()`.

    Raises:
        StoreNotFound: there is none.
    """

    def __init__(self, dir: str | os.PathLike[str] | None = None) -> None:
        place = find(dir)
        self._reader = Reader(place)
        known.remember(place)
        self._flushed = 0
        # What a killed process left in its journal is applied now, if nobody else is writing: reading works either way.
        with (
            contextlib.suppress(TrackerError, sqlite3.Error, OSError),
            contextlib.closing(Database(place)) as database,
        ):
            if place.writable():
                take_over(Applier(database), lock_seconds=0.05)

    def runs(
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str = "-created_at",
        per_page: int = 50,
    ) -> Runs:
        """Runs of a project, lazily.

        Args:
            path: `project` or `entity/project`; None: all runs of the store.
            filters: values that fields must have. Fields are `display_name`, `name` (the id, as in W&B), `state`, `group`,
                `job_type`, `created_at`, `updated_at`, `notes`, `tags` (has this tag), `entity`, `project`, `owner`,
                `config.<key>` and `summary_metrics.<key>`, where dots reach into nested dicts.
            order: a field with "+" or "-" before it; runs that lack it come last.
            per_page: how many summaries are read at once.
        """
        entity, project = _project(path)
        return Runs(self, entity, project, dict(filters or {}), order, per_page)

    def run(self, path: str) -> Run:
        """The run with this id or name: `run`, `project/run` or `entity/project/run`.

        Raises:
            RunNotFound: no run has it; the message names the closest.
        """
        return Run(self, listing.find(self._reader, path))

    def projects(self) -> list[listing.Project]:
        """Projects that have runs, the one last logged to first."""
        return listing.list_projects(self._reader)

    def flush(self) -> None:
        """Let the objects of this Api look again."""
        self._flushed += 1

    def close(self) -> None:
        """Close the connection to the store."""
        self._reader.close()

    def __repr__(self) -> str:
        return f"<Api of {self._reader.place}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> reprs.Bundle:
        return reprs.mimebundle(self)


def _project(path: str | None) -> tuple[str | None, str | None]:
    if path is None:
        return None, None
    parts = path.strip("/").split("/")
    if len(parts) > 2 or not all(parts):
        raise BadValue(f"{path!r} is no path of a project: write project or entity/project.")
    return (None, parts[0]) if len(parts) == 1 else (parts[0], parts[1])


class Runs(Sequence[Run]):
    """A list of runs that is read when it is looked at: it has a length, an order, indexes and slices."""

    def __init__(
        self, api: Api, entity: str | None, project: str | None, filters: dict[str, Any], order: str, per_page: int
    ) -> None:
        self._api = api
        self._entity, self._project, self._filters, self._order = entity, project, filters, order
        self._per_page = max(per_page, 1)
        self._runs: list[Run] | None = None
        self._flushed = -1

    def _list(self) -> list[Run]:
        if self._runs is None or self._flushed != self._api._flushed:
            states = listing.list_states(
                self._api._reader,
                entity=self._entity,
                project=self._project,
                filters=self._filters,
                order=self._order,
            )
            self._runs = [Run(self._api, state, page=(self, i)) for i, state in enumerate(states)]
            self._flushed = self._api._flushed
        return self._runs

    def _load_page(self, at: int) -> None:
        """Read the summaries of a page of runs at once."""
        start = at // self._per_page * self._per_page
        page = self._list()[start : start + self._per_page]
        found = listing.page_summaries(self._api._reader, [run._state for run in page])
        for run, summary in zip(page, found, strict=True):
            run._summary = Summary(run, summary)

    def __len__(self) -> int:
        return len(self._list())

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> list[Run]: ...
    def __getitem__(self, index: int | slice) -> Run | list[Run]:
        return self._list()[index]

    def __iter__(self) -> Iterator[Run]:
        return iter(self._list())

    def __repr__(self) -> str:
        where = "/".join(part for part in (self._entity, self._project) if part)
        return f"<Runs {where}>" if where else "<Runs>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> reprs.Bundle:
        return reprs.mimebundle(self)
