"""Which runs there are: filtered, sorted, found by path."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracker_nb.errors import BadValue, RunNotFound, closest
from tracker_nb.query.definitions import one_number
from tracker_nb.query.notebooks import OfNotebook
from tracker_nb.query.reading import Reader, View, settle_state, take_tail
from tracker_nb.query.summaries import summaries
from tracker_nb.store import runs

_FIELDS = {
    "name": "run",
    "run": "run",
    "id": "run",
    "display_name": "name",
    "displayName": "name",
    "state": "state",
    "group": "group",
    "job_type": "job_type",
    "jobType": "job_type",
    "notes": "notes",
    "sweep": "sweep",
    "created_at": "created",
    "createdAt": "created",
    "updated_at": "updated",
    "entity": "entity",
    "project": "project",
    "owner": "owner",
}
"""Names by which runs are filtered and sorted; `name` is the id, as in W&B, and `display_name` the name."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project and how many runs it has. Times are microseconds since 1970.

    Attributes:
        entity: first part of its runs' paths.
        name: second part of them.
        runs: how many there are.
        running: how many of them go on.
        created: when its first run began.
        updated: when something was last logged to one of them.
    """

    entity: str
    name: str
    runs: int
    running: int
    created: int
    updated: int


def list_states(
    reader: Reader,
    *,
    entity: str | None = None,
    project: str | None = None,
    filters: Mapping[str, Any] | None = None,
    order: str = "-created_at",
    notebook: Collection[str] = (),
    search: str = "",
) -> list[runs.RunState]:
    """Runs that are not deleted, filtered by equality and sorted.

    Args:
        notebook: paths of one notebook; where there are any, only runs that it has made.
        search: words, each of which a run must have in its id, name, project, tags, group, job type or notes.
        filters: values by name: a field of the run, `config.<key>`, `summary_metrics.<key>` or `summary.<key>`, `tags`
            (holds this tag). Dotted keys reach into nested configs and summaries.
        order: "+" or "-" and a name as in `filters`; runs without it come last. Where a summary has several figures, by
            its best, else with "+" by its min and with "-" by its max; or name one: `summary_metrics.loss.min`.

    Raises:
        BadValue: a name is not one of these.
    """
    wanted = dict(filters or {})
    descending, by = order.startswith("-"), order.lstrip("+-")
    for name in (*wanted, by):
        _check(name)
    for name, value in wanted.items():
        if isinstance(value, Mapping) and any(str(key).startswith("$") for key in value):
            raise BadValue(
                f"filters={{{name!r}: {value!r}}}: filters compare for equality so far, such as {{'config.lr': 0.1}}. "
                f"Operators such as $gt are planned; until then choose among the runs in Python."
            )

    def answer(view: View) -> list[runs.RunState]:
        states = _states(view, entity, project, notebook)
        if words := search.casefold().split():
            states = [state for state in states if _has(state, words)]
        needs = any(_is_summary(name) for name in (*wanted, by))
        found = summaries(view, states) if needs else [{} for _ in states]
        pairs = [
            (state, summary)
            for state, summary in zip(states, found, strict=True)
            if all(_matches(_value(state, summary, name), value, name) for name, value in wanted.items())
        ]
        keyed = [(one_number(_value(state, summary, by), largest=descending), state) for state, summary in pairs]
        return [
            state for _, state in sorted(keyed, key=lambda pair: _sort_key(pair[0], descending), reverse=descending)
        ]

    return reader.ask(answer)


def _has(state: runs.RunState, words: Sequence[str]) -> bool:
    told = (state.run, state.name, state.project, *state.tags, state.group or "", state.job_type or "", state.notes)
    text = "\n".join(told).casefold()
    return all(word in text for word in words)


def _states(view: View, entity: str | None, project: str | None, notebook: Collection[str] = ()) -> list[runs.RunState]:
    where: list[str] = ["r.deleted IS NULL"]
    values: list[Any] = []
    if entity is not None:
        where.append("p.entity = ?")
        values.append(entity)
    if project is not None:
        where.append("p.name = ?")
        values.append(project)
    chosen = OfNotebook(view.db, notebook) if notebook else None
    if chosen is not None:  # and those with tails: these may know more
        where.append("(r.id IN (SELECT value FROM json_each(?)) OR r.run IN (SELECT value FROM json_each(?)))")
        open_runs = {tail.head.run for tail in view.tails}
        values += [json.dumps(sorted(chosen.known)), json.dumps(sorted(open_runs))]
    rows = view.db.execute(f"SELECT {runs.COLUMNS} {runs.FROM} WHERE {' AND '.join(where)} ORDER BY r.id", values)
    found = {(s.entity, s.project, s.run): s for s in map(runs.from_row, rows)}
    known = [state.generation_id for state in found.values() if state.generation_id is not None]
    overlays = runs.overlays(view.db, known)
    for state in found.values():
        state.overlay = overlays.get(state.generation_id or 0, {})
    for tail in view.tails:
        head = tail.head
        key = (head.entity, head.project, head.run)
        if (entity is None or head.entity == entity) and (project is None or head.project == project):
            if key not in found:
                if runs.load(view.db, *key) is not None:
                    continue  # deleted
                found[key] = runs.begin(head)
            take_tail(found[key], tail)
    for state in found.values():
        settle_state(view, state)
    if chosen is None:
        return list(found.values())
    return [state for state in found.values() if chosen.has(state, view.tails_of(state))]


def _is_summary(name: str) -> bool:
    return name.startswith(("summary.", "summary_metrics."))


def _check(name: str) -> None:
    if name in _FIELDS or name == "tags" or _is_summary(name) or name.startswith("config."):
        return
    if name.startswith("$"):
        raise BadValue(
            f"filters={{{name!r}: ...}}: filters compare fields for equality so far, all of them together. Operators such "
            f"as $or are planned; until then choose among the runs in Python."
        )
    known = [*_FIELDS, "tags", "config.<key>", "summary_metrics.<key>"]
    close = closest(name, known)
    raise BadValue(
        f"Runs have no {name!r}. " + (f"Closest: {', '.join(close)}." if close else f"They have: {', '.join(known)}.")
    )


_MISSING = object()


def _value(state: runs.RunState, summary: Mapping[str, Any], name: str) -> Any:
    if name == "tags":
        return state.tags
    if name in _FIELDS:
        return getattr(state, _FIELDS[name])
    prefix, key = name.split(".", 1)
    if prefix == "config":
        found = _dig(state.config, key)
        return _dig(state.config, key.removesuffix(".value")) if found is _MISSING else found
    return _dig(summary, key)


def _dig(values: Any, key: str) -> Any:
    """A dotted key: itself where it is one, else step by step into nested dicts."""
    if isinstance(values, Mapping):
        if key in values:
            return values[key]
        for at in (i for i, c in enumerate(key) if c == "."):
            if key[:at] in values:
                found = _dig(values[key[:at]], key[at + 1 :])
                if found is not _MISSING:
                    return found
    return _MISSING


def _matches(found: Any, wanted: Any, name: str) -> bool:
    if name == "tags":
        return wanted in found if isinstance(wanted, str) else found == list(wanted)
    return found is not _MISSING and bool(found == wanted)


def _sort_key(value: Any, descending: bool) -> tuple[int, Any]:
    """Numbers, then text; what is missing or NaN last in both directions."""
    if value is _MISSING or value is None or value != value:
        return (-1 if descending else 3, 0)
    if isinstance(value, int | float):
        return (1, value)
    return (2, value if isinstance(value, str) else repr(value))


def find(reader: Reader, path: str, *, entity: str | None = None) -> runs.RunState:
    """The run that a path of one to three parts names: an id wins over a name, then the newest of that name.

    Raises:
        RunNotFound: none has it; the message names the closest.
        BadValue: more than three parts.
    """
    parts = path.strip("/").split("/")
    if len(parts) == 4 and parts[2] == "runs":  # entity/project/runs/id, as in addresses
        del parts[2]
    if len(parts) > 3 or not all(parts):
        raise BadValue(f"{path!r} is no path of a run: write run, project/run or entity/project/run.")
    *above, last = parts
    project = above[-1] if above else None
    entity = above[0] if len(above) == 2 else entity
    states = list_states(reader, entity=entity, project=project)
    for chosen in ([s for s in states if s.run == last], [s for s in states if s.name == last]):
        if chosen:
            return chosen[0]
    known = [f"{s.project}/{name}" if project is None else name for s in states for name in (s.run, s.name)]
    close = closest(last, known)
    hint = f" Closest: {', '.join(close)}." if close else ""
    raise RunNotFound(
        f"No run {path!r} in the store at {reader.place}.{hint} List runs with `tracker-nb runs {project or ''}`".rstrip()
        + "."
    )


def list_projects(reader: Reader) -> list[Project]:
    """Projects with their runs, the one last logged to first."""
    found: dict[tuple[str, str], list[runs.RunState]] = {}
    for state in list_states(reader):
        found.setdefault((state.entity, state.project), []).append(state)
    projects = [
        Project(
            entity,
            name,
            len(states),
            sum(state.state == runs.RUNNING for state in states),
            min(state.created for state in states),
            max(state.updated for state in states),
        )
        for (entity, name), states in found.items()
    ]
    return sorted(projects, key=lambda project: -project.updated)


def page_summaries(reader: Reader, states: Sequence[runs.RunState]) -> list[dict[str, Any]]:
    """Summaries of a page of runs, in two queries."""
    return reader.ask(lambda view: summaries(view, list(states)))
