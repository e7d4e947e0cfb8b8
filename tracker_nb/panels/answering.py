"""Answers a widget's questions about its store, and tells it what changes there.

A question is `{id, method, params}`, its answer `{id, result}` or `{id, error: {type, message}}`; `{event}` comes unasked.
Names and shapes are those of the REST interface: see docs/rest.md and `labextension/src/data/comm.ts`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from tracker_nb.errors import BadValue, MissingExtra, StoreNotFound, TrackerError
from tracker_nb.panels.telling import Telling
from tracker_nb.query import answers, metrics
from tracker_nb.query.answers import BucketsRequest, MetricsRequest
from tracker_nb.query.reading import Reader, View
from tracker_nb.store import commands
from tracker_nb.store.place import Place
from tracker_nb.store.runs import RunState

Send = Callable[..., None]
_MOST_ID = 100
Text = Annotated[str, msgspec.Meta(max_length=1024)]


class RunsQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which runs are asked for: see `answers.runs_page`. A notebook is named as its kernel was told."""

    entity: Text | None = None
    project: Text | None = None
    filter: dict[str, Any] = {}
    order: Text = "-created_at"
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50
    cursor: Text | None = None
    notebook: Text | None = None
    search: Text = ""


class _OfStore(msgspec.Struct):
    store: str


class _Runs(_OfStore):
    query: RunsQuery


class _Run(_OfStore):
    path: Text


class _Metrics(_OfStore):
    runs: Annotated[list[Text], msgspec.Meta(max_length=1000)]


class _Buckets(_OfStore):
    request: BucketsRequest


class Watch(msgspec.Struct):
    """Which stores a view wants to hear of, and of which closely."""

    stores: list[str] = []
    live: list[str] = []


class Answering:
    """For one widget.

    Args:
        send: sends a message to the front end, with buffers; from any thread.
        program: the file with the JavaScript of the panels.
    """

    def __init__(self, place: Place, store: str, send: Send, *, program: Path) -> None:
        self._place, self._store, self._send, self._program = place, store, send, program
        self._reader: Reader | None = None
        self._telling = Telling(place, store, lambda event: send({"event": event}))
        self._methods: dict[str, Callable[[Any], Any]] = {
            "projects": self._projects,
            "runs": self._runs,
            "run": self._run,
            "metrics": self._metrics,
            "buckets": self._buckets,
            "stop": self._stop,
        }

    def hear(self, content: Any) -> None:
        """A message from the front end. Whatever is wrong with it, the answer says so."""
        id_ = content.get("id") if isinstance(content, Mapping) else None
        if not isinstance(id_, str) or len(id_) > _MOST_ID:
            return
        try:
            method, params = content.get("method"), content.get("params", {})
            if method == "panels":
                self._send({"id": id_, "result": None}, [self._panels()])
                return
            self._send({"id": id_, "result": self._answer(id_, method, params)})
        except msgspec.ValidationError as error:
            self._send({"id": id_, "error": {"type": "BadValue", "message": str(error)}})
        except (TrackerError, sqlite3.Error, OSError) as error:
            self._send({"id": id_, "error": {"type": type(error).__name__, "message": str(error)}})

    def close(self) -> None:
        """Answer no more."""
        self._telling.close()
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _answer(self, id_: str, method: Any, params: Any) -> Any:
        if method == "watch":
            # Each view of the widget wishes for itself: its questions begin alike.
            wish = msgspec.convert(params, Watch)
            self._telling.wish(
                id_.rpartition("-")[0], watched=self._store in (*wish.stores, *wish.live), live=self._store in wish.live
            )
            return None
        if method not in self._methods:
            raise BadValue(f"There is no method {method!r}; there are {', '.join(self._methods)}, watch and panels.")
        if msgspec.convert(params, _OfStore).store != self._store:
            raise StoreNotFound("This widget shows another store.")
        return self._methods[method](params)

    def _asked(self) -> Reader:
        if self._reader is None:
            self._reader = Reader(self._place)
        return self._reader

    def _projects(self, _: Any) -> Any:
        return answers.projects(self._asked())

    def _runs(self, params: Any) -> Any:
        query = msgspec.convert(params, _Runs).query
        return answers.runs_page(
            self._asked(),
            entity=query.entity,
            project=query.project,
            filters=query.filter,
            order=query.order,
            limit=query.limit,
            cursor=query.cursor,
            notebook=() if query.notebook is None else (query.notebook,),
            search=query.search,
        )

    def _run(self, params: Any) -> Any:
        path, reader = answers.run_path(msgspec.convert(params, _Run).path), self._asked()

        def find(view: View) -> RunState:
            return reader.need_run(view, path.entity, path.project, path.run)

        return answers.run(reader, reader.ask(find, run=path.run))

    def _metrics(self, params: Any) -> Any:
        request = MetricsRequest(msgspec.convert(params, _Metrics).runs)
        paths = [answers.run_path(run) for run in dict.fromkeys(request.runs)]
        return msgspec.to_builtins(metrics.metrics(self._asked(), paths))

    def _buckets(self, params: Any) -> Any:
        request, reader = msgspec.convert(params, _Buckets).request, self._asked()
        pieces = answers.pieces(request)
        return [
            one for paths, keys in pieces for one in answers.series(reader, paths=paths, keys=keys, request=request)
        ]

    def _stop(self, params: Any) -> Any:
        path = answers.run_path(msgspec.convert(params, _Run).path)
        return commands.carry_out(self._place, path, commands.stop_run)

    def _panels(self) -> bytes:
        try:
            return self._program.read_bytes()
        except OSError as error:
            raise MissingExtra(
                "This installation of tracker_nb has no front end: it was installed from a clone without the extra lab. "
                "pip install '.[lab]' builds it."
            ) from error
