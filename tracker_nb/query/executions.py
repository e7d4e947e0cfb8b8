"""The cell executions that logged to a run, oldest first, with what is known of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tracker_nb.journal import records
from tracker_nb.journal.records import decode_value
from tracker_nb.query.reading import Reader, View
from tracker_nb.query.summaries import as_user_sees
from tracker_nb.store import runs


@dataclass(slots=True)
class CellExecution:
    """One execution of one cell. Times are microseconds since 1970.

    Attributes:
        source: the cell as it was run, secrets redacted; None where recording was off.
        outcome: how it ended; None while it runs and where nobody knows.
        extra: whatever else was recorded.
    """

    uid: str
    started: int
    session: str | None = None
    notebook: str | None = None
    cell_id: str | None = None
    execution_count: int | None = None
    source: str | None = None
    source_sha256: str | None = None
    ended: int | None = None
    outcome: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


_NAMED = ("session", "notebook", "cell_id", "execution_count", "source", "source_sha256")


def executions(reader: Reader, state: runs.RunState) -> list[CellExecution]:
    """Cell executions of a run; none where it was logged by a script."""

    def answer(view: View) -> list[CellExecution]:
        found = _stored(view, state)
        for tail in view.tails_of(state):
            for one in tail.executions.values():
                found.setdefault(one.uid, _from_record(one))
            for record in tail.events():
                if isinstance(record, records.ExecutionEnd) and record.uid in found:
                    _end(found[record.uid], record)
        return sorted(found.values(), key=lambda one: (one.started, one.uid))

    return reader.ask(answer, run=state.run)


def _stored(view: View, state: runs.RunState) -> dict[str, CellExecution]:
    rows = view.db.execute(
        """SELECT DISTINCT e.uid, e.started, e.session, e.notebook, e.cell_id, e.execution_count, e.source,
             e.source_sha256, e.ended, e.outcome, e.extra
           FROM writers w JOIN interned i ON i.writer_id = w.id AND i.kind = 'execution'
             JOIN executions e ON e.id = i.ref
           WHERE w.generation_id = ?""",
        (view.generation_id(state),),
    )
    found = {}
    for *known, extra in rows:
        one = CellExecution(*known)
        one.extra = as_user_sees(decode_value(extra))
        found[one.uid] = one
    return found


def _from_record(record: records.Execution) -> CellExecution:
    fields = dict(record.fields)
    named = {name: fields.pop(name, None) for name in _NAMED}
    return CellExecution(record.uid, record.time, **named, extra=as_user_sees(fields))


def _end(execution: CellExecution, record: records.ExecutionEnd) -> None:
    fields = dict(record.fields)
    execution.ended = record.time
    execution.outcome = fields.pop("outcome", None)
    execution.extra |= as_user_sees(fields)
