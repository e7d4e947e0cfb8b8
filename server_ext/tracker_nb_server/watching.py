"""The thread that looks at stores for all streams.

A store that somebody watches closely and somebody logs to is looked at 40 times a second, any other once. The thread
ends with the last stream; what it knew of the stores stays, so that the next one finds what happened in between.
"""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from logging import Logger
from typing import Any

from tracker_nb.errors import TrackerError
from tracker_nb.query.changes import Changed, Changes
from tracker_nb.store import known
from tracker_nb.store.place import Place

BUSY_SHARE = 4
"""Looking takes at most one part in five of the thread's time."""
MOST_KEPT = 32
BEGINS = 0.1
"""Seconds after which a run that begins in a store to which nobody logged is noticed, if somebody watches closely."""
Tell = Callable[[str, str, dict[str, Any]], None]


class Watcher:
    """Looks at the stores that are wanted.

    Args:
        poll, idle: seconds between two looks at a store that is watched closely and logged to, and at any other.
        tell: called in the thread with what happened, the store's id, and more about it. "began": changes of this store are
            told from now on; "forgot": no longer; "change"; "reset": anything may have changed; "stores": so has their list.
        on_death: called in the thread with a store in which a writer may be dead: once when it begins to be watched, then
            every `idle` seconds for as long as the journal of one waits.
    """

    def __init__(self, *, poll: float, idle: float, tell: Tell, on_death: Callable[[Place], None], log: Logger) -> None:
        self._poll, self._idle = poll, idle
        self._tell, self._on_death, self._log = tell, on_death, log
        self._wanted: Mapping[str, bool] | None = None
        self._watched: dict[str, _Watched] = {}
        self._stamp = known.stamp()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def want(self, wanted: Mapping[str, bool] | None) -> None:
        """Look at these stores from now on, closely where the value is True. None: at nothing, until the next call."""
        with self._lock:
            self._wanted = wanted
            if wanted is not None and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="tracker_nb-watch", daemon=True)
                self._thread.start()
        self._wake.set()

    def stop(self, seconds: float = 5.0) -> None:
        """End the thread and close what it has open."""
        thread = self._thread
        self.want(None)
        if thread is not None:
            thread.join(seconds)
        if thread is None or not thread.is_alive():
            while self._watched:
                self._watched.popitem()[1].close()

    # ------------------------------------------------------------------------------------------------ in the thread

    def _run(self) -> None:
        slow = 0.0
        while True:
            self._wake.clear()
            with self._lock:
                wanted = self._wanted
                if wanted is None:
                    self._thread = None
                    return
            now = time.monotonic()
            all_of_them = now >= slow
            if all_of_them:
                slow = now + self._idle
                stamp, self._stamp = self._stamp, known.stamp()
                if stamp != self._stamp:
                    self._tell("stores", "", {})
            for store, close in wanted.items():
                if all_of_them or store not in self._watched or (close and self._watched[store].stirs()):
                    self._look(store, lives=all_of_them)
            self._forget(wanted)
            pause = slow - time.monotonic()
            if any(wanted.values()):
                logged_to = any(close and self._watched[store].is_logged_to() for store, close in wanted.items())
                # However much is going on, the others get most of the time.
                pause = max(self._poll if logged_to else BEGINS, BUSY_SHARE * (time.monotonic() - now))
            self._wake.wait(max(pause, 0.001))

    def _look(self, store: str, *, lives: bool) -> None:
        watched = self._watched.get(store)
        is_new = watched is None
        if watched is None:
            watched = self._watched[store] = _Watched(store)
        found: Changed | None = None
        try:
            found = watched.look(lives=lives)
        except (TrackerError, sqlite3.Error, OSError) as error:
            self._log.debug("tracker_nb: store %s cannot be watched: %s", store, error)
            if watched.fail():
                found = Changed()  # as before: nothing to say
        if is_new:
            self._tell("began", store, {})
        elif found is None:
            self._tell("reset", store, {})
        elif found.runs or found.many:
            self._tell("change", store, {"runs": [dataclasses.asdict(one) for one in found.runs], "many": found.many})
        # A store that came: journals of notebook kernels are not among the changes, so it is not asked whether one waits.
        if watched.changes is not None and (found is None or (lives and watched.changes.has_dead())):
            self._on_death(watched.changes.place)

    def _forget(self, wanted: Mapping[str, bool]) -> None:
        unwanted = [store for store in self._watched if store not in wanted]
        for store in unwanted[: max(len(self._watched) - MOST_KEPT, 0)]:
            self._watched.pop(store).close()
            self._tell("forgot", store, {})


class _Watched:
    """A store that is looked at, or cannot be for now."""

    def __init__(self, store: str) -> None:
        self.store = store
        self.changes: Changes | None = None
        self._failed = False
        self._again = 0.0

    def is_logged_to(self) -> bool:
        return self.changes is not None and self.changes.has_journals()

    def stirs(self) -> bool:
        """True if a look may find something: cheaper than one where nobody logs."""
        return self.changes is not None and (self.changes.has_journals() or self.changes.has_new_journals())

    def look(self, *, lives: bool) -> Changed | None:
        """What has changed; None where anything may have: the store came, went or was replaced."""
        if self.changes is not None and not self.changes.is_same_file():
            self.close()
            return None
        if self.changes is not None:
            return self.changes.look(lives=lives)
        now = time.monotonic()
        if now < self._again:
            return Changed()
        self._again = now + 1.0
        place = next((one.place for one in known.known() if one.id == self.store and one.is_here()), None)
        if place is None:
            return Changed()
        self.changes = Changes(place)
        self._failed = False
        return None

    def fail(self) -> bool:
        """The last look failed; True where the one before did too."""
        self.close()
        before, self._failed = self._failed, True
        return before

    def close(self) -> None:
        if self.changes is not None:
            self.changes.close()
            self.changes = None
