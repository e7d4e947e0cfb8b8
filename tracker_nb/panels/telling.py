"""Tells a widget what changes in its store, from a thread: messages to the front end arrive while a cell runs."""

from __future__ import annotations

import dataclasses
import logging
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

from tracker_nb.errors import TrackerError
from tracker_nb.query.changes import Changes
from tracker_nb.store.place import Place

LIVE_SECONDS, IDLE_SECONDS = 0.25, 1.0
"""Between two looks, while a view wants to know closely, and else."""
_log = logging.getLogger("tracker_nb")


class Telling:
    """Looks at one store as long as a view wishes it.

    Args:
        tell: called in the thread with each event, as `SourceEvent` in `labextension/src/data/source.ts`.
    """

    def __init__(self, place: Place, store: str, tell: Callable[[dict[str, Any]], None]) -> None:
        self._place, self._store, self._tell = place, store, tell
        self._wishes: dict[str, bool] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def wish(self, view: str, *, watched: bool, live: bool) -> None:
        """What a view wants from now on."""
        with self._lock:
            if watched:
                self._wishes[view] = live
            else:
                self._wishes.pop(view, None)
            if self._wishes and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="tracker_nb-widget", daemon=True)
                self._thread.start()
        self._wake.set()

    def close(self) -> None:
        """Tell no more."""
        with self._lock:
            self._wishes.clear()
        self._wake.set()

    def _run(self) -> None:
        changes: Changes | None = None
        broken = False
        while True:
            with self._lock:
                if not self._wishes:
                    self._thread = None
                    break
                seconds = LIVE_SECONDS if any(self._wishes.values()) else IDLE_SECONDS
            try:
                if changes is not None and not changes.is_same_file():
                    changes.close()
                    changes = None
                if changes is None:
                    changes = Changes(self._place)
                    broken = True  # what happened while nobody looked is not known
                found = changes.look()
                if broken:
                    self._tell({"kind": "reset", "store": self._store})
                    broken = False
                elif found.runs or found.many:
                    runs = [dataclasses.asdict(one) for one in found.runs]
                    self._tell({"kind": "change", "store": self._store, "runs": runs, "many": found.many})
            except (TrackerError, sqlite3.Error, OSError) as error:
                _log.debug("tracker_nb: the store cannot be watched now: %s", error)
                seconds = IDLE_SECONDS
            except Exception as error:  # noqa: BLE001 - the front end may be gone; a thread's traceback would go to some cell
                _log.debug("tracker_nb: a widget is told no more: %r", error)
                with self._lock:
                    self._wishes.clear()
            self._wake.wait(seconds)
            self._wake.clear()
        if changes is not None:
            changes.close()
