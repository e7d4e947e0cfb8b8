"""The thread that applies journals while a program logs, and what `finish()` waits for.

One a process and store. It works when enough has come together or has waited long enough: an apply rewrites a few pages
of the database however little it brings, so ten rows a second are not worth one every ten seconds. Readers do not wait
for it: they read what is not applied from the journals.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tracker_nb.errors import StoreTooNew, TrackerError
from tracker_nb.journal import reader
from tracker_nb.journal.records import SESSION
from tracker_nb.journal.writer import Writer
from tracker_nb.store import history, known, stops
from tracker_nb.store.apply import BATCH_BYTES, Applier, take_over
from tracker_nb.store.database import Database
from tracker_nb.store.place import Place

TICK = 1.0
SOON, LATE = 10.0, 600.0
WORTH_BYTES = 512 << 10
"""Applied when 4 MiB wait; when half a MiB has waited for 10 s; when anything has waited for 10 minutes."""
TAKE_OVER_EVERY = 60.0
PRUNE_EVERY = 3600.0
LOCK_SECONDS = 10.0
BREATH = 0.0005

_services: dict[tuple[int, Path], Background] = {}
_services_lock = threading.Lock()


def background(place: Place) -> Background:
    """The service of this process for a store."""
    key = (os.getpid(), place.root)
    with _services_lock:
        if key not in _services:
            _services[key] = Background(place)
        return _services[key]


class Background:
    """Applies the journals of this process's runs, those of their children, and those of the dead.

    Args:
        place: the store.
        clock: seconds that never go back; what has waited long enough is decided by it.
    """

    def __init__(self, place: Place, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.place = place
        self._clock = clock
        self.problem: Exception | None = None
        self.applier = Applier(Database(place), pause=self._breathe)
        self._writers: set[Writer] = set()
        self._power: set[Writer] = set()
        self._on_stop: dict[Writer, Callable[[stops.Stop], None]] = {}
        self._waiting_since: dict[str, float] = {}
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._stop = False
        self._taken_over = -TAKE_OVER_EVERY
        self._pruned = -PRUNE_EVERY
        self._limits: history.Limits | None = None
        self._lock = threading.Lock()

    def watch(
        self, writer: Writer, *, power: bool = False, on_stop: Callable[[stops.Stop], None] | None = None
    ) -> None:
        """Apply what this writer writes from now on; with `power`, fsync it every second.

        Args:
            on_stop: called in the background when somebody asks the run to stop.
        """
        with self._lock:
            self._writers.add(writer)
            if on_stop is not None:
                self._on_stop[writer] = on_stop
            if power:
                self._power.add(writer)
            if self._thread is None:
                self._stop = False
                self._start()

    def keep_history(self, limits: history.Limits) -> None:
        """From now on, forget cells of no run that are older or more than this, about once an hour."""
        self._limits = limits

    def _start(self) -> None:
        # Now, not in the thread: a child that is forked while a thread imports waits for that module for ever.
        import platformdirs  # noqa: F401
        import zstandard  # noqa: F401

        self._thread = threading.Thread(target=self._run, name="tracker_nb-apply", daemon=True)
        self._thread.start()

    def release(self, writer: Writer, run: str) -> Exception | None:
        """A run has ended: apply and settle all journals of it that are complete.

        Returns:
            What stood in the way, or None. Nothing is lost then either: another process takes the journals over.
        """
        with self._lock:
            self._writers.discard(writer)
            self._power.discard(writer)
            self._on_stop.pop(writer, None)
            last = not self._writers
        known.remember(self.place, writer.store, logging=True)  # a run so short that the thread did not get to it
        stops.asked(self.place.journals, writer.run, writer.uid)  # too late: it has ended
        problem = self._finish_run(run, writer)
        if last:
            self._stop = True
            self._wake.set()
        return problem

    def _finish_run(self, run: str, writer: Writer) -> Exception | None:
        problem = self._settle_run(run, writer)
        # A store that was deleted at this very moment is made anew by the next try.
        return self._settle_run(run, writer) if isinstance(problem, sqlite3.OperationalError) else problem

    def _settle_run(self, run: str, writer: Writer) -> Exception | None:
        try:
            for journal in reader.journals(self.place.journals, run=run):
                if run == SESSION and journal.writer != writer.uid:
                    continue  # another kernel's
                if journal.alive():
                    self.applier.apply(journal, lock_seconds=LOCK_SECONDS)
                else:
                    self.applier.settle(journal, lock_seconds=LOCK_SECONDS)
        except (TrackerError, sqlite3.Error, OSError) as error:
            return error
        return None

    def _breathe(self) -> None:
        if threading.current_thread() is self._thread:
            time.sleep(BREATH)

    # ------------------------------------------------------------------------------------------------ the thread

    def _run(self) -> None:
        me = threading.current_thread()
        for writer in list(self._writers):
            known.remember(self.place, writer.store, logging=True)
        while not self._stop or self._writers:
            self._wake.wait(TICK)
            self._wake.clear()
            with contextlib.suppress(Exception):  # a thread of ours must never show up in the user's program
                self._tick()
        with self._lock:
            if self._thread is me:
                self._thread = None
                if self._writers:  # one came while we were leaving
                    self._start()
        self.applier.database.close()

    def _tick(self) -> None:
        self._look_for_stops()
        for writer in list(self._writers):
            writer.retry()
            writer.heal()
        for writer in list(self._power):
            writer.sync()
        try:
            self._apply_due()
            if self._clock() - self._taken_over > TAKE_OVER_EVERY:
                self._taken_over = self._clock()
                take_over(self.applier, lock_seconds=1.0)
            if self._limits is not None and self._clock() - self._pruned > PRUNE_EVERY:
                self._pruned = self._clock()
                history.prune(self.applier.database, self._limits, lock_seconds=1.0)
            self.problem = None
        except StoreTooNew as error:
            self.problem = error  # only journal: a newer process applies it
        except (TrackerError, sqlite3.Error, OSError) as error:
            self.problem = error

    def _look_for_stops(self) -> None:
        for writer, on_stop in list(self._on_stop.items()):
            stop = stops.asked(self.place.journals, writer.run, writer.uid)
            if stop is not None:
                on_stop(stop)

    def _apply_due(self) -> None:
        now = self._clock()
        writers = list(self._writers)
        runs, uids = {writer.run for writer in writers}, {writer.uid for writer in writers}
        for run in runs:
            for journal in reader.journals(self.place.journals, run=run):
                if run == SESSION and journal.writer not in uids:
                    continue  # other kernels apply their own
                waiting = self._waiting_bytes(journal)
                since = self._waiting_since.setdefault(journal.writer, now)
                if not waiting:
                    self._waiting_since[journal.writer] = now
                elif _due(waiting, now - since):
                    self.applier.apply(journal, lock_seconds=1.0)
                    self.applier.drop_applied_segments(journal)
                    self._waiting_since[journal.writer] = now

    def _waiting_bytes(self, journal: reader.Journal) -> int:
        segment, offset = self.applier.offset(journal.writer)
        total = 0
        for one in journal.segments:
            if one.number >= segment:
                with contextlib.suppress(OSError):
                    total += one.path.stat().st_size - (offset if one.number == segment else 0)
        return total


def _due(waiting: int, seconds: float) -> bool:
    return waiting >= BATCH_BYTES or (waiting >= WORTH_BYTES and seconds >= SOON) or seconds >= LATE


def _forget_parents_services() -> None:
    global _services_lock  # noqa: PLW0603 - a fresh lock is the point
    _services_lock = threading.Lock()  # the old one may have been held while the parent forked


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents_services)
