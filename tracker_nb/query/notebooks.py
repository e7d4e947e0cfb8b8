"""Which runs a notebook has made: those its cells logged to, and those that it, or a program it started, has begun.

A notebook is known by the path that its kernel was told. That path is the kernel's of that time: what a notebook made
under another name stays with that name.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable

from tracker_nb.journal.records import encode_value
from tracker_nb.query.tails import Tail
from tracker_nb.store import runs

# CROSS JOIN keeps the order: the cells that are part of runs, by an index. Else all cells ever run would be read.
_LOGGED = """SELECT DISTINCT g.run_id
FROM interned i CROSS JOIN executions e CROSS JOIN writers w CROSS JOIN generations g
WHERE i.kind = 'execution' AND e.id = i.ref AND e.notebook IN ({}) AND w.id = i.writer_id AND g.id = w.generation_id"""


class OfNotebook:
    """The runs of one notebook in a store.

    Args:
        paths: ways to write the notebook's path.

    Attributes:
        known: row ids of its runs in the database, and perhaps some of others: ask `has`.
    """

    def __init__(self, db: sqlite3.Connection, paths: Collection[str]) -> None:
        self._paths = paths
        logged = db.execute(_LOGGED.format(",".join("?" * len(paths))), list(paths))
        self._logged = {int(row[0]) for row in logged}
        self.known = self._logged.copy()
        for path in paths:
            # Decoding the metadata of each run would take a hundred times as long as looking for these bytes in it.
            said = encode_value("notebook") + encode_value(path)
            self.known |= {
                int(row[0]) for row in db.execute("SELECT id FROM runs WHERE instr(metadata, ?) > 0", (said,))
            }

    def has(self, state: runs.RunState, tails: Iterable[Tail]) -> bool:
        """True if it has made this run.

        Args:
            tails: of this run.
        """
        return (
            state.id in self._logged
            or state.metadata.get("notebook") in self._paths
            or any(one.fields.get("notebook") in self._paths for tail in tails for one in tail.executions.values())
        )
