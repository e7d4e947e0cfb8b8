"""What panels ask of a store, answered in the shapes of `wire`: one set of questions for the server and for widgets.

A question that came from outside is checked here: its parts have the form they have, and it is not too large.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from tracker_nb.errors import BadValue
from tracker_nb.query import buckets, listing, overview, wire
from tracker_nb.query.reading import Reader, View
from tracker_nb.store.commands import RunPath
from tracker_nb.store.runs import RunState

MOST_SERIES, MOST_BUCKETS = 5000, 2_000_000
AT_A_TIME = 16
"""Series asked for in one go: other questions to the store get their turn in between."""
RUN_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
NAME = re.compile(r"[^/\x00-\x1f\x7f]{1,256}")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
End = float | str | None


class MetricsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Whose metrics are asked for.

    Attributes:
        runs: each as entity/project/run.
    """

    runs: Annotated[list[Name], msgspec.Meta(max_length=1000)]


class BucketsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Which metrics of which runs are asked for.

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


def projects(reader: Reader) -> list[dict[str, Any]]:
    """Projects with their runs, the one last logged to first."""
    return [wire.project(project) for project in listing.list_projects(reader)]


def runs_page(
    reader: Reader,
    *,
    entity: str | None = None,
    project: str | None = None,
    filters: Mapping[str, Any] | None = None,
    order: str = "-created_at",
    limit: int = 50,
    offset: int = 0,
    cursor: str | None = None,
    notebook: Collection[str] = (),
    search: str = "",
) -> dict[str, Any]:
    """A page of runs with config and summary.

    Args:
        notebook, search: see `listing.list_states`.
        cursor: `next` of the page before; it wins over `offset`.

    Raises:
        BadValue: a filter, the order or the cursor is none.
    """
    mark = None if cursor is None else _unpacked(cursor)
    states = listing.list_states(
        reader, entity=entity, project=project, filters=filters, order=order, notebook=notebook, search=search
    )
    start = offset if mark is None else _after(states, mark)
    page = states[start : start + limit]
    found = listing.page_summaries(reader, page)
    return {
        "runs": [wire.run(state, summary) for state, summary in zip(page, found, strict=True)],
        "total": len(states),
        "offset": start,
        "next": _packed(start + limit, page[-1]) if start + limit < len(states) else None,
    }


def _packed(offset: int, last: RunState) -> str:
    text = wire.encode([offset, f"{last.entity}/{last.project}/{last.run}"])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _unpacked(cursor: str) -> tuple[int, str]:
    try:
        offset, path = msgspec.json.decode(
            base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=tuple[int, str]
        )
    except ValueError as error:  # binascii's and msgspec's
        raise BadValue("Parameter cursor is not one that was given before.") from error
    return max(offset, 0), path


def _after(states: list[RunState], mark: tuple[int, str]) -> int:
    """Where the page after a run begins: new runs above it shift nothing. If it is gone, where it was."""
    offset, path = mark
    found = (at for at, s in enumerate(states) if f"{s.entity}/{s.project}/{s.run}" == path)
    return next(found, offset - 1) + 1


def run(reader: Reader, state: RunState) -> dict[str, Any]:
    """One run: what lists show, its metadata and its metrics.

    Raises:
        RunNotFound: it is gone since.
    """
    found = overview.of_state(reader, state)
    document = wire.run(found.state, found.summary)
    document["metadata"] = wire.plain(found.state.metadata)
    document["metrics"] = [wire.metric(one) for one in found.metrics]
    return document


def pieces(request: BucketsRequest) -> Iterator[tuple[list[RunPath], list[str]]]:
    """A question for buckets, cut into some that are short.

    Raises:
        BadValue: it asks for too much, or a run's path or an end of the window is none.
    """
    asked = len(request.runs) * len(request.keys)
    if asked > MOST_SERIES or asked * request.n > MOST_BUCKETS:
        raise BadValue(f"Ask for at most {MOST_SERIES} series and {MOST_BUCKETS} buckets in one request.")
    _window(request)
    paths = [run_path(path) for path in dict.fromkeys(request.runs)]
    keys = list(dict.fromkeys(request.keys))
    step = max(AT_A_TIME // max(len(keys), 1), 1)
    return (
        (paths[start : start + step], keys[at : at + AT_A_TIME])
        for start in range(0, len(paths), step)
        for at in range(0, len(keys), AT_A_TIME)
    )


def series(
    reader: Reader, *, paths: Sequence[RunPath], keys: Sequence[str], request: BucketsRequest
) -> list[dict[str, Any]]:
    """Buckets of each of these metrics of each of these runs that has logged it."""

    def find(view: View) -> list[RunState | None]:
        return [view.find(path.entity, path.project, path.run) for path in paths]

    found = [state for state in reader.ask(find, run=paths[0].run if len(paths) == 1 else None) if state is not None]
    of_projects: dict[tuple[str, str], list[RunState]] = {}
    for state in found:
        of_projects.setdefault((state.entity, state.project), []).append(state)
    made = []
    window = _window(request)
    for (entity, project), states in of_projects.items():
        of_project = buckets.buckets(reader, states, keys, x=request.x, window=window, n=request.n)
        made += [wire.series(f"{entity}/{project}/{run}", key, one) for (run, key), one in of_project.items()]
    return made


def _window(request: BucketsRequest) -> tuple[float | None, float | None]:
    return _end(request.window[0]), _end(request.window[1])


def _end(given: End) -> float | None:
    """An end of a window; as everywhere in `wire`, the infinities are strings."""
    if isinstance(given, str):
        if given not in ("Infinity", "-Infinity"):
            raise BadValue('The ends of window are numbers, null, "Infinity" or "-Infinity".')
        return None
    return None if given is None or math.isinf(given) else given


def run_path(text: str) -> RunPath:
    """A run's path from `entity/project/run`.

    Raises:
        BadValue: it is none.
    """
    parts = text.split("/")
    if len(parts) != 3 or not all(NAME.fullmatch(part) for part in parts):
        raise BadValue("A run is named by entity/project/run.")
    if not RUN_ID.fullmatch(parts[2]):
        raise BadValue("The id of a run is 1 to 64 letters, digits, dashes and underscores.")
    return RunPath(*parts)
