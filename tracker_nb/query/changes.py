"""What has changed in a store since the last look: how live charts know when to ask again, without asking all the time.

A look that finds nothing costs a listing of the journals' folder and one pragma. What is found out about a run that
changed is what a list of runs shows at once: its state and how much it has logged.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from tracker_nb.journal import reader as journals
from tracker_nb.journal import records
from tracker_nb.journal.writer import SUFFIX
from tracker_nb.query.reading import Reader, View
from tracker_nb.store import runs
from tracker_nb.store.place import Place

Path = tuple[str, str, str]
"""Entity, project and id of a run."""
_SESSION = f"{records.SESSION}."
MOST = 500
"""When more runs than this have changed, it is said that many have."""


@dataclass(frozen=True, slots=True)
class RunChange:
    """A run that changed, as it is now.

    Attributes:
        rows: calls of `log()` in all.
        step: the largest step; None before the first row.
        updated: its last record, in microseconds since 1970.
    """

    entity: str
    project: str
    run: str
    state: str
    rows: int
    step: int | None
    updated: int
    deleted: bool = False


@dataclass(slots=True)
class Changed:
    """What a look found.

    Attributes:
        many: more runs have changed than are listed: read the list again.
    """

    runs: list[RunChange] = field(default_factory=list)
    many: bool = False


class Changes:
    """Looks at one store again and again. Not for several threads at once.

    The first look is taken when it is made: what `look` finds has happened since.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.reader = Reader(place)
        self._heads: dict[str, Path] = {}
        self._sizes: dict[str, int] = {}
        self._alive: dict[str, bool] = {}
        self._version = -1
        self._audit = 0
        self._rows: dict[int, tuple[object, ...]] = {}
        self._stored: dict[int, tuple[object, int, int | None]] = {}
        self._folder = 0
        self._file = self._identity()
        self._look(lives=True)

    def is_same_file(self) -> bool:
        """False where the database was deleted or replaced: then make another one of these."""
        return self._identity() == self._file

    def has_journals(self) -> bool:
        """True if somebody may be logging, as far as the last look knows."""
        return any(self._alive.get(name.split(".")[1], True) for name in self._sizes)

    def has_dead(self) -> bool:
        """True if a writer is dead, as far as the last look knows: its journal waits for somebody to apply it."""
        return False in self._alive.values()

    def has_new_journals(self) -> bool:
        """True if a file came or went since the last look. Costs microseconds."""
        return self._folder_time() != self._folder

    def look(self, *, lives: bool = True) -> Changed:
        """What has changed since the last look.

        Args:
            lives: see too whether each writer is alive.

        Raises:
            StoreTooNew, StoreDamaged
        """
        changed = self._look(lives=lives)
        some = sorted(changed)[:MOST]
        return Changed([one for path in some if (one := self._now(path))], len(changed) > MOST)

    def close(self) -> None:
        """Close the connection."""
        self.reader.close()

    def _look(self, *, lives: bool) -> set[Path]:
        changed = self._in_journals()
        changed |= self._in_database()
        return changed | self._in_lives() if lives else changed

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.place.database)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _folder_time(self) -> int:
        try:
            return os.stat(self.place.journals).st_mtime_ns
        except OSError:
            return 0

    def _in_journals(self) -> set[Path]:
        self._folder = self._folder_time()
        sizes: dict[str, int] = {}
        try:
            with os.scandir(self.place.journals) as entries:
                for entry in entries:
                    if entry.name.endswith(SUFFIX) and not entry.name.startswith(_SESSION):
                        try:
                            sizes[entry.name] = entry.stat().st_size
                        except FileNotFoundError:
                            continue
        except OSError:
            sizes = {}
        before, self._sizes = self._sizes, sizes
        if sizes == before:
            return set()
        names = {name for name in {*sizes, *before} if sizes.get(name) != before.get(name)}
        found = {path for name in names if (path := self._path(name)) is not None}
        writers = {name.split(".")[1] for name in sizes}
        for known in (self._heads, self._alive):
            for gone in [writer for writer in known if writer not in writers]:
                del known[gone]
        return found

    def _path(self, name: str) -> Path | None:
        """Whose journal a segment is. Its name has the id of the run; its first record has the rest."""
        parts = name.split(".")
        writer = parts[1] if len(parts) > 2 else ""
        if writer not in self._heads:
            try:
                head = next(journals.read(self.place.journals / name, most=1 << 16), (0, None))[1]
            except OSError:
                return None
            if not isinstance(head, records.Head):
                return None
            self._heads[writer] = (head.entity, head.project, head.run)
        return self._heads[writer]

    def _in_database(self) -> set[Path]:
        version = self.reader.version()
        if version == self._version:
            return set()
        self._version = version

        def answer(view: View) -> set[Path]:
            # `updated` and what stands before it: SQLite reads no more of a long row than it must.
            rows = view.db.execute(
                """SELECT r.id, r.state, r.ended, r.updated, r.generation_id, p.entity, p.name, r.run
                   FROM runs r JOIN projects p ON p.id = r.project_id"""
            ).fetchall()
            found = set()
            for id_, *values in rows:
                if self._rows.get(id_) != (now := tuple(values[:4])):
                    self._rows[id_] = now
                    found.add(_as_path(values[4:]))
            for number, target in view.db.execute("SELECT id, target FROM audit WHERE id > ?", (self._audit,)):
                self._audit = number
                parts = target.split("/")
                if len(parts) == 3:
                    found.add(_as_path(parts))
            return found

        return self.reader.ask(answer, run="")  # no run has this id: no journal is read

    def _in_lives(self) -> set[Path]:
        found = set()
        for journal in journals.journals(self.place.journals):
            if journal.run == records.SESSION:
                continue
            alive = journal.alive()
            if self._alive.get(journal.writer, True) and not alive:
                path = self._path(journal.segments[-1].path.name)
                if path is not None:
                    found.add(path)
            self._alive[journal.writer] = alive
        return found

    # ------------------------------------------------------------------------------------------------ one run

    def _now(self, path: Path) -> RunChange | None:
        def answer(view: View) -> RunChange | None:
            state = view.find(*path)
            if state is None:
                return None
            rows, step = self._in_store(view, state)
            for tail in view.tails_of(state):
                for group in tail.groups():
                    if len(group):
                        rows += len(group)
                        last = int(group.step.max())
                        step = last if step is None else max(step, last)
            deleted = state.id is not None and _is_deleted(view, state.id)
            return RunChange(*path, state.state, rows, step, state.updated, deleted)

        return self.reader.ask(answer, run=path[2])

    def _in_store(self, view: View, state: runs.RunState) -> tuple[int, int | None]:
        """Rows and largest step in the database, counted again only where something was applied."""
        generation = view.generation_id(state)
        if generation is None:
            return 0, None
        marks = view.db.execute(
            "SELECT id, segment, offset FROM writers WHERE generation_id = ?", (generation,)
        ).fetchall()
        known = self._stored.get(generation)
        if known is None or known[0] != marks:
            rows, step = view.db.execute(
                "SELECT sum(rows), max(step_max) FROM row_groups WHERE generation_id = ? AND stream = 0", (generation,)
            ).fetchone()
            known = self._stored[generation] = (marks, rows or 0, step)
        return known[1], known[2]


def _as_path(parts: Iterable[str]) -> Path:
    entity, project, run = parts
    return entity, project, run


def _is_deleted(view: View, run_id: int) -> bool:
    row = view.db.execute("SELECT deleted FROM runs WHERE id = ?", (run_id,)).fetchone()
    return row is not None and row[0] is not None
