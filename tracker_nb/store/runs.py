"""What is known of a run beside its rows, and how each record changes it.

The same function takes a record into account when a journal is applied and when its not yet applied end is read, so a
run looks the same before and after.
"""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from tracker_nb.journal import records
from tracker_nb.journal.records import decode_value, encode_value

RUNNING, FINISHED, FAILED, CRASHED, KILLED = "running", "finished", "failed", "crashed", "killed"
STATES = (RUNNING, FINISHED, FAILED, CRASHED, KILLED)


@dataclass(frozen=True, slots=True)
class Overlay:
    """A summary value set by hand; `removed` where it was deleted by hand."""

    value: Any
    writer: str
    seq: int
    time: int
    removed: bool = False


@dataclass(slots=True)
class RunState:
    """Everything of a run but its rows. Times are microseconds since 1970."""

    entity: str
    project: str
    run: str
    generation: int = 0
    name: str = ""
    state: str = RUNNING
    exit_code: int | None = None
    notes: str = ""
    tags: list[str] = field(default_factory=list)
    group: str | None = None
    job_type: str | None = None
    sweep: str | None = None
    color: str = ""
    owner: str = ""
    created: int = 0
    started: int = 0
    ended: int | None = None
    updated: int = 0
    config: dict[str, Any] = field(default_factory=dict)
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    overlay: dict[str, Overlay] = field(default_factory=dict)
    id: int | None = None
    generation_id: int | None = None

    def copy(self) -> RunState:
        """A copy that can be changed without changing this one."""
        return replace(
            self,
            tags=list(self.tags),
            config=dict(self.config),
            definitions=dict(self.definitions),
            metadata=dict(self.metadata),
            overlay=dict(self.overlay),
        )


_ATTRIBUTES = ("name", "notes", "tags", "group", "job_type", "sweep", "color", "owner")


def begin(head: records.Head) -> RunState:
    """A run of which only the head of a journal is known."""
    return RunState(
        entity=head.entity,
        project=head.project,
        run=head.run,
        generation=head.generation,
        created=head.time,
        started=head.time,
        updated=head.time,
    )


def take(state: RunState, record: Any, writer: str) -> None:
    """Change `state` as `record` says. Records that say nothing about the run are ignored."""
    time = getattr(record, "time", 0)
    if isinstance(record, records.Start):
        _start(state, record)
    elif isinstance(record, records.Config):
        state.config.update(record.values)
        for key in record.removed:
            state.config.pop(key, None)
    elif isinstance(record, records.Summary):
        for name, value in record.values.items():
            _lay_over(state, name, Overlay(value, writer, record.seq, time))
        for name in record.removed:
            _lay_over(state, name, Overlay(None, writer, record.seq, time, removed=True))
    elif isinstance(record, records.Attributes):
        _assign(state, record.values)
    elif isinstance(record, records.Define):
        state.definitions[record.name] = {**state.definitions.get(record.name, {}), **record.fields}
    elif isinstance(record, records.Finish) and time >= max(state.started, state.ended or 0):
        # An earlier session's end, found after the run was resumed or has ended again, changes nothing.
        state.state, state.exit_code, state.ended = record.state, record.exit_code, time
        state.metadata.update(record.fields)
    state.updated = max(state.updated, time)


def _lay_over(state: RunState, name: str, overlay: Overlay) -> None:
    """Set a summary value, unless another writer has set it later."""
    old = state.overlay.get(name)
    if old is None or old.writer == overlay.writer or old.time <= overlay.time:
        state.overlay[name] = overlay


def _start(state: RunState, record: records.Start) -> None:
    fields = dict(record.fields)
    _assign(state, fields)
    state.config.update(fields.pop("config", None) or {})
    state.metadata.update({k: v for k, v in fields.items() if k not in _ATTRIBUTES})
    state.created = min(state.created, record.time) if state.created else record.time
    # Journals of several sessions are applied in any order: what counts is when things were said.
    state.started = max(state.started, record.time)
    if state.ended is None or record.time >= state.ended:
        state.state, state.exit_code, state.ended = RUNNING, None, None


def _assign(state: RunState, values: dict[str, Any]) -> None:
    for name in _ATTRIBUTES:
        if name in values:
            setattr(state, name, values[name])


# ---------------------------------------------------------------------------------------------------- in the database

COLUMNS = """r.id, p.entity, p.name, r.run, g.number, r.name, r.state, r.exit_code, r.notes, r.tags, r.run_group,
    r.job_type, r.sweep, r.color, r.owner, r.created, r.started, r.ended, r.updated, r.config, r.definitions, r.metadata,
    r.generation_id"""
FROM = "FROM runs r JOIN projects p ON p.id = r.project_id LEFT JOIN generations g ON g.id = r.generation_id"


def from_row(row: tuple[Any, ...]) -> RunState:
    """A state from a row of `COLUMNS`; its overlay is loaded apart."""
    (id_, entity, project, run, number, name, state, exit_code, notes, tags, group, job_type, sweep, color, owner) = (
        row[:15]
    )
    created, started, ended, updated, config, definitions, metadata, generation_id = row[15:]
    return RunState(
        entity=entity,
        project=project,
        run=run,
        generation=number or 0,
        name=name,
        state=state,
        exit_code=exit_code,
        notes=notes,
        tags=msgspec.json.decode(tags),
        group=group,
        job_type=job_type,
        sweep=sweep,
        color=color,
        owner=owner,
        created=created,
        started=started,
        ended=ended,
        updated=updated,
        config=decode_value(config),
        definitions=decode_value(definitions),
        metadata=decode_value(metadata),
        id=id_,
        generation_id=generation_id,
    )


def load(db: sqlite3.Connection, entity: str, project: str, run: str) -> RunState | None:
    """The state of a run as stored, deleted or not."""
    row = db.execute(
        f"SELECT {COLUMNS} {FROM} WHERE p.entity = ? AND p.name = ? AND r.run = ?", (entity, project, run)
    ).fetchone()
    if row is None:
        return None
    state = from_row(row)
    if state.generation_id is not None:
        state.overlay = overlays(db, [state.generation_id]).get(state.generation_id, {})
    return state


def overlays(db: sqlite3.Connection, generations: list[int]) -> dict[int, dict[str, Overlay]]:
    """Summary values set by hand, by generation and name."""
    found: dict[int, dict[str, Overlay]] = {}
    for some in in_blocks(generations):
        rows = db.execute(
            f"""SELECT v.generation_id, v.name, v.value, coalesce(w.uid, ''), v.seq, v.time
                FROM summary_values v LEFT JOIN writers w ON w.id = v.writer_id
                WHERE v.generation_id IN ({marks(some)})""",
            some,
        )
        for generation, name, value, writer, seq, time in rows:
            overlay = Overlay(None if value is None else decode_value(value), writer, seq, time, value is None)
            found.setdefault(generation, {})[name] = overlay
    return found


def save(db: sqlite3.Connection, state: RunState) -> None:
    """Write a state back: its project, run and generation are made where they are new. Sets its ids."""
    project = db.execute(
        "SELECT id FROM projects WHERE entity = ? AND name = ?", (state.entity, state.project)
    ).fetchone()
    if project is None:
        project = db.execute(
            "INSERT INTO projects (entity, name, created, owner) VALUES (?, ?, ?, ?) RETURNING id",
            (state.entity, state.project, state.created, state.owner),
        ).fetchone()
    values = {
        "project_id": project[0],
        "run": state.run,
        "name": state.name,
        "state": state.state,
        "exit_code": state.exit_code,
        "notes": state.notes,
        "tags": msgspec.json.encode(state.tags).decode(),
        "run_group": state.group,
        "job_type": state.job_type,
        "sweep": state.sweep,
        "color": state.color,
        "owner": state.owner,
        "created": state.created,
        "started": state.started,
        "ended": state.ended,
        "updated": state.updated,
        "config": encode_value(state.config),
        "config_json": msgspec.json.encode(json_safe(state.config)).decode(),
        "definitions": encode_value(state.definitions),
        "metadata": encode_value(state.metadata),
    }
    if state.id is None:
        names = ", ".join(values)
        holes = ", ".join(f":{name}" for name in values)
        state.id = db.execute(f"INSERT INTO runs ({names}) VALUES ({holes}) RETURNING id", values).fetchone()[0]
    else:
        assignments = ", ".join(f"{name} = :{name}" for name in values)
        db.execute(f"UPDATE runs SET {assignments} WHERE id = :id", {**values, "id": state.id})


def save_overlay(db: sqlite3.Connection, state: RunState, changed: set[str], writer_ids: dict[str, int]) -> None:
    """Write the summary values that changed."""
    rows = [
        (state.generation_id, name, writer_ids[o.writer], o.seq, o.time, None if o.removed else encode_value(o.value))
        for name in sorted(changed)
        for o in [state.overlay[name]]
    ]
    db.executemany(
        """INSERT INTO summary_values (generation_id, name, writer_id, seq, time, value) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (generation_id, name) DO UPDATE SET
             writer_id = excluded.writer_id, seq = excluded.seq, time = excluded.time, value = excluded.value""",
        rows,
    )


def json_safe(value: Any) -> Any:
    """The value as JSON has it: NaN and infinities as strings, anything without a form in JSON as text."""
    if isinstance(value, dict):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return (
        f"<{type(value).__name__}>"
        if not isinstance(value, records.Array)
        else {"_type": "array", "shape": value.shape}
    )


def in_blocks(values: list[int], size: int = 500) -> list[list[int]]:
    """Lists short enough for the bound values of one statement."""
    return [values[i : i + size] for i in range(0, len(values), size)]


def marks(values: list[int]) -> str:
    """Question marks for an IN list."""
    return ",".join("?" * len(values))
