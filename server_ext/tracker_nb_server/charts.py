"""Buckets for charts: many metrics of many runs in one request."""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated, Any

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from tracker_nb.query import buckets
from tracker_nb.query.reading import Reader, View
from tracker_nb.store.commands import RunPath
from tracker_nb.store.runs import RunState
from tracker_nb_server import wire
from tracker_nb_server.base import Refused, TrackerHandler, answers, parsed_path

MOST_SERIES, MOST_BUCKETS = 5000, 2_000_000
AT_A_TIME = 16
"""Series asked for in one go: other questions to the store get their turn in between."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
End = float | str | None


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked for.

    Attributes:
        runs: each as entity/project/run.
        x: "_step", "_runtime", "_timestamp" or a metric.
        window: from and to on that axis, both included; null: all there is.
        n: at most so many buckets.
    """

    runs: Annotated[list[Name], msgspec.Meta(max_length=1000)]
    keys: Annotated[list[Name], msgspec.Meta(max_length=1000)]
    x: Name = buckets.STEP
    window: tuple[End, End] = (None, None)
    n: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000


class BucketsHandler(TrackerHandler):
    """Metrics for charts."""

    @web.authenticated
    @authorized(action="read", resource="tracker_nb")  # type: ignore[untyped-decorator]
    @answers
    async def post(self, store: str) -> Any:
        """Each metric of each run that has logged it, reduced to at most `n` buckets."""
        request = self.body(Request)
        asked = len(request.runs) * len(request.keys)
        if asked > MOST_SERIES or asked * request.n > MOST_BUCKETS:
            raise Refused(
                400, "BadValue", f"Ask for at most {MOST_SERIES} series and {MOST_BUCKETS} buckets in one request."
            )
        window = (_end(request.window[0]), _end(request.window[1]))
        paths = [parsed_path(run) for run in dict.fromkeys(request.runs)]
        keys = list(dict.fromkeys(request.keys))
        made: list[bytes] = []
        step = max(AT_A_TIME // max(len(keys), 1), 1)
        for start in range(0, len(paths), step):
            some = paths[start : start + step]
            for at in range(0, len(keys), AT_A_TIME):
                of_keys = keys[at : at + AT_A_TIME]
                question = partial(_series, paths=some, keys=of_keys, request=request, window=window)
                made += await self.stores.ask(store, question)
        return b'{"x":' + wire.encode(request.x) + b',"series":[' + b",".join(made) + b"]}"


def _series(
    reader: Reader,
    *,
    paths: list[RunPath],
    keys: list[str],
    request: Request,
    window: tuple[float | None, float | None],
) -> list[bytes]:
    def find(view: View) -> list[RunState | None]:
        return [view.find(path.entity, path.project, path.run) for path in paths]

    found = [state for state in reader.ask(find, run=paths[0].run if len(paths) == 1 else None) if state is not None]
    projects: dict[tuple[str, str], list[RunState]] = {}
    for state in found:
        projects.setdefault((state.entity, state.project), []).append(state)
    made = []
    for (entity, project), states in projects.items():
        of_project = buckets.buckets(reader, states, keys, x=request.x, window=window, n=request.n)
        made += [wire.encode(wire.series(f"{entity}/{project}/{run}", key, b)) for (run, key), b in of_project.items()]
    return made


def _end(given: End) -> float | None:
    """An end of a window; as everywhere here, the infinities are strings."""
    if isinstance(given, str):
        if given not in ("Infinity", "-Infinity"):
            raise Refused(400, "BadValue", 'The ends of window are numbers, null, "Infinity" or "-Infinity".')
        return None
    return None if given is None or math.isinf(given) else given
