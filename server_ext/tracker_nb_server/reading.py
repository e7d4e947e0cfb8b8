"""Handlers that read: stores, projects, runs, one run, its metrics, its history, its cell executions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import ApiPath, to_os_path
from tornado import web

import tracker_nb
from tracker_nb.journal.records import FORMAT
from tracker_nb.query import answers, executions, history, parts, wire
from tracker_nb.query.reading import Reader, View
from tracker_nb.store import jupyter
from tracker_nb.store.commands import RunPath
from tracker_nb.store.runs import RunState
from tracker_nb.store.schema import VERSION
from tracker_nb_server import base
from tracker_nb_server.base import Refused, TrackerHandler, run_path

T = TypeVar("T")
API = 1
LAST_STEP = 2**63 - 1


class InfoHandler(TrackerHandler):
    """What this server is."""

    @web.authenticated
    @authorized
    @base.answers
    async def get(self) -> Any:
        """Versions: of this package, of this interface, of stores and journals it understands; and of its panels."""
        found = await asyncio.to_thread(jupyter.installed)
        return {
            "version": tracker_nb.__version__,
            "api": API,
            "schema": VERSION,
            "records": FORMAT,
            "panels": found.panels,
        }


class DocumentHandler(TrackerHandler):
    """The description of this interface."""

    @web.authenticated
    @authorized
    @base.answers
    async def get(self) -> None:
        """openapi.yaml."""
        text = Path(__file__).with_name("openapi.yaml").read_bytes()
        self.finish(text, set_content_type="application/yaml")


class StoresHandler(TrackerHandler):
    """Which stores there are."""

    @web.authenticated
    @authorized
    @base.answers
    async def get(self) -> Any:
        """Stores this user has opened, those used last first."""
        found = await self.stores.list()
        return {"stores": [{"id": s.id, "name": s.name, "here": s.here, "used": s.used} for s in found]}


class ProjectsHandler(TrackerHandler):
    """Which projects a store has."""

    @web.authenticated
    @authorized
    @base.answers
    async def get(self, store: str) -> Any:
        """Projects with their runs, the one last logged to first."""
        return {"projects": await self.stores.ask(store, answers.projects)}


class RunsHandler(TrackerHandler):
    """Runs of a store, filtered, sorted, by the page."""

    @web.authenticated
    @authorized
    @base.answers
    async def get(self, store: str) -> Any:
        """A page of runs with config and summary."""
        entity, project = self.text("entity"), self.text("project")
        order: str = self.get_query_argument("order", "-created_at")  # may hold a metric's name: any text
        limit, offset = self.count("limit", 50, 500), self.integer("offset", 0, 0, 10**9) or 0
        filters = self._filters()
        cursor = self.get_query_argument("cursor", None)
        search: str = self.get_query_argument("search", "")
        notebook = self._notebook(self.get_query_argument("notebook", None))

        def answer(reader: Reader) -> bytes:
            page = answers.runs_page(
                reader,
                entity=entity,
                project=project,
                filters=filters,
                order=order,
                limit=limit,
                offset=offset,
                cursor=cursor,
                notebook=notebook,
                search=search,
            )
            return wire.encode(page)

        return await self.stores.ask(store, answer)

    def _notebook(self, path: str | None) -> set[str]:
        """Ways in which kernels may have been told the path of a notebook that this server calls by `path`."""
        if path is None:
            return set()
        if "\0" in path or ".." in path.split("/"):
            raise Refused(400, "BadValue", "Parameter notebook is no path below the folder that the server serves.")
        place = to_os_path(ApiPath(path), self.settings["server_root_dir"])
        return {path.strip("/"), os.path.abspath(place), os.path.realpath(place)}

    def _filters(self) -> dict[str, Any]:
        try:
            return msgspec.json.decode(self.get_query_argument("filter", "{}"), type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise Refused(400, "BadValue", "Parameter filter must be a JSON object of values by name.") from error


class OfRun(TrackerHandler):
    """Base of the handlers that are about one run."""

    async def of_run(self, store: str, path: RunPath, question: Callable[[Reader, RunState], T]) -> T:
        """Ask about a run.

        Raises:
            RunNotFound
        """

        def answer(reader: Reader) -> T:
            def find(view: View) -> RunState:
                return reader.need_run(view, path.entity, path.project, path.run)

            return question(reader, reader.ask(find, run=path.run))

        return await self.stores.ask(store, answer)


class MetricsHandler(OfRun):
    """What a run has logged."""

    @web.authenticated
    @authorized
    @base.answers
    async def get(self, store: str, entity: str, project: str, run: str) -> Any:
        """Names of its metrics, oldest first."""

        def answer(reader: Reader, state: RunState) -> list[str]:
            return reader.ask(lambda view: parts.keys(view, state), run=state.run)

        return {"metrics": await self.of_run(store, run_path(entity, project, run), answer)}


class HistoryHandler(OfRun):
    """Rows of a run."""

    @web.authenticated
    @authorized
    @base.answers
    async def get(self, store: str, entity: str, project: str, run: str) -> Any:
        """A page of rows as columns."""
        keys = self.get_query_arguments("key") or None
        start, limit = self.integer("cursor", 0, 0, 2**62) or 0, self.count("limit", 1000, 10_000)
        low = self.integer("min_step", None, -LAST_STEP, LAST_STEP)
        high = self.integer("max_step", None, -LAST_STEP, LAST_STEP)

        def answer(reader: Reader, state: RunState) -> bytes:
            rows, total = history.page(reader, state, keys=keys, start=start, count=limit, min_step=low, max_step=high)
            after = start + len(rows)
            return wire.encode(
                {
                    "columns": wire.rows(rows),
                    "rows": len(rows),
                    "total": total,
                    "next": after if after < total else None,
                }
            )

        return await self.of_run(store, run_path(entity, project, run), answer)


class ExecutionsHandler(OfRun):
    """Cells that logged to a run."""

    @web.authenticated
    @authorized
    @base.answers
    async def get(self, store: str, entity: str, project: str, run: str) -> Any:
        """A page of its cell executions, oldest first."""
        start, limit = self.integer("cursor", 0, 0, 2**62) or 0, self.count("limit", 100, 1000)

        def answer(reader: Reader, state: RunState) -> bytes:
            found = executions.executions(reader, state)
            page = found[start : start + limit]
            after = start + len(page)
            return wire.encode(
                {
                    "executions": [wire.execution(one) for one in page],
                    "total": len(found),
                    "next": after if after < len(found) else None,
                }
            )

        return await self.of_run(store, run_path(entity, project, run), answer)


def describe(reader: Reader, state: RunState) -> bytes:
    """One run: what lists show, its metadata and its metrics."""
    return wire.encode(answers.run(reader, state))
