"""`Reader`: one connection, and the not yet applied ends of journals, seen as one store."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from tracker_nb.errors import RunNotFound, StoreBusy, StoreDamaged, UsageError, closest
from tracker_nb.journal.writer import LAST_STEP
from tracker_nb.query.tails import Moved, Tail, Tails
from tracker_nb.store import forks, runs
from tracker_nb.store.database import connect_reading, snapshot
from tracker_nb.store.place import Place

T = TypeVar("T")
_TRIES = 20


@dataclass(frozen=True, slots=True)
class View:
    """A moment of a store: what is in the database, and the tails that are not."""

    db: sqlite3.Connection
    tails: list[Tail]

    def tails_of(self, state: runs.RunState) -> list[Tail]:
        """Tails of a run's live generation."""
        return [
            tail
            for tail in self.tails
            if tail.head.run == state.run
            and tail.head.project == state.project
            and tail.head.entity == state.entity
            and tail.head.generation == state.generation
        ]

    def generation_id(self, state: runs.RunState) -> int | None:
        """Row id of a run's generation; looked up where the run was in journals only when its state was read."""
        if state.generation_id is not None:
            return state.generation_id
        row = self.db.execute(
            """SELECT g.id FROM generations g JOIN runs r ON r.id = g.run_id JOIN projects p ON p.id = r.project_id
               WHERE p.entity = ? AND p.name = ? AND r.run = ? AND g.number = ?""",
            (state.entity, state.project, state.run, state.generation),
        ).fetchone()
        return None if row is None else int(row[0])

    def find(self, entity: str, project: str, run: str) -> runs.RunState | None:
        """A run's state by its id, the tails taken into account."""
        state = runs.load(self.db, entity, project, run)
        state = state.copy() if state else None
        for tail in self.tails:
            head = tail.head
            if (head.entity, head.project, head.run) == (entity, project, run):
                state = state or runs.begin(head)
                take_tail(state, tail)
        if state is not None:
            settle_state(self, state)
        return state


def take_tail(state: runs.RunState, tail: Tail) -> None:
    """Change a state by the records of a tail."""
    for record in tail.events():
        runs.take(state, record, tail.writer)
    for group in tail.groups():
        if len(group):
            state.updated = max(state.updated, int(group.time.max()))


def settle_state(view: View, state: runs.RunState) -> None:
    """What the writers' locks say: who is alive is running, whoever else ended; nobody alive and no end is a crash."""
    writing = [tail for tail in view.tails_of(state) if tail.alive and not tail.head.joined]
    if state.state == runs.RUNNING and not writing:
        state.state, state.ended = runs.CRASHED, state.updated
    elif state.state != runs.RUNNING and any(not tail.finished() for tail in writing):
        state.state, state.exit_code, state.ended = runs.RUNNING, None, None


class Reader:
    """Asks one store. Safe to use from several threads, one question at a time."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._db: sqlite3.Connection | None = connect_reading(place)
        self._resting = False
        self._tails = Tails(place.journals)
        self._lock = threading.Lock()
        self._closed = False
        self.cache: dict[Any, Any] = {}
        forks.watch(self)

    def ask(self, question: Callable[[View], T], *, run: str | None = None) -> T:
        """Answer a question from one moment of the store; asked again if the moment passed while it was answered.

        Args:
            run: the only run id the question is about, which spares reading the others' journals.

        Raises:
            UsageError: it was closed.
        """
        with self._lock:
            if self._closed:
                raise UsageError("This Api was closed. Ask a new one: tracker_nb.Api().")
            for _ in range(_TRIES):
                try:
                    if self._db is None:  # closed for a fork
                        self._db = connect_reading(self.place)
                    with snapshot(self._db, self.place) as db:
                        return question(View(db, self._tails.refresh(db, run=run)))
                except Moved:
                    continue
                except sqlite3.DatabaseError as error:
                    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                        continue
                    if str(error) == "interrupted":
                        raise StoreBusy(f"A question to {self.place} took too long and was given up.") from error
                    raise StoreDamaged(
                        f"{self.place.database} cannot be read: {error}. `tracker-nb doctor` checks it; `tracker-nb backup` "
                        f"copies what can be read."
                    ) from error
            raise StoreDamaged(f"The journals in {self.place.journals} change faster than they can be read.")

    def version(self) -> int:
        """Changes when another connection has changed the database. Costs microseconds."""
        with self._lock:
            if self._db is None:  # closed for a fork
                self._db = connect_reading(self.place)
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def interrupt(self) -> None:
        """Make a question that another thread is asking fail with StoreBusy, if it is in the middle of reading rows."""
        if self._db is not None:
            self._db.interrupt()

    def run_state(self, entity: str, project: str, run: str) -> runs.RunState | None:
        """A run's state by its id."""
        return self.ask(lambda view: view.find(entity, project, run), run=run)

    def need_run(self, view: View, entity: str, project: str, run: str) -> runs.RunState:
        """A run's state by its id.

        Raises:
            RunNotFound: there is none, or it was deleted.
        """
        state = view.find(entity, project, run)
        if state is None:
            rows = view.db.execute(
                "SELECT r.run FROM runs r JOIN projects p ON p.id = r.project_id WHERE p.entity = ? AND p.name = ?",
                (entity, project),
            )
            close = closest(run, [row[0] for row in rows])
            hint = f" Closest: {', '.join(close)}." if close else ""
            raise RunNotFound(
                f"No run {entity}/{project}/{run} in the store at {self.place}.{hint} List runs with "
                f"`tracker-nb runs {project}`."
            )
        return state

    def next_step(self, entity: str, project: str, run: str) -> int:
        """One more than the largest step of a run, as far as steps go; 0 where it has none."""

        def answer(view: View) -> int:
            state = self.need_run(view, entity, project, run)
            last = view.db.execute(
                "SELECT max(step_max) FROM row_groups WHERE generation_id = ? AND stream = 0", (state.generation_id,)
            ).fetchone()[0]
            steps = [int(group.step.max()) for tail in view.tails_of(state) for group in tail.groups() if len(group)]
            steps += [] if last is None else [last]
            return min(max(steps) + 1, LAST_STEP) if steps else 0

        return self.ask(answer, run=run)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._closed = True
            if self._db is not None:
                self._db.close()

    def before_fork(self) -> None:
        """Ask nothing, and close the connection: see `store.forks`."""
        self._resting = self._lock.acquire(timeout=forks.SECONDS)
        if self._resting and self._db is not None:
            self._db.close()
            self._db = None

    def after_fork_in_parent(self) -> None:
        """Answer again; the next question opens a connection."""
        if self._resting:
            self._resting = False
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Answer in the child too, by a connection of its own."""
        self._lock = threading.Lock()
        self._resting = False
        if self._db is not None:
            forks.keep(self._db)
            self._db = None
