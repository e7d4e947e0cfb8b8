"""The stores this user has opened, read and changed off the event loop.

Each store has one reader, and one question is asked of it at a time: requests for the same store wait here, where
waiting takes no thread, so a slow store does not hold up another one.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from logging import Logger
from pathlib import Path
from typing import Any, TypeVar

from tracker_nb.errors import StoreBusy, StoreNotFound, TrackerError
from tracker_nb.journal import reader
from tracker_nb.query.reading import Reader
from tracker_nb.store import known
from tracker_nb.store.apply import Applier, take_over
from tracker_nb.store.commands import RunPath, carry_out
from tracker_nb.store.database import Database, connect_reading
from tracker_nb.store.place import PROJECT_FOLDER, Place, find

T = TypeVar("T")
MOST_OPEN = 16
BREATH = 0.0005
INTERRUPT_EVERY = 0.05
TAKE_OVER_EVERY, TAKE_OVER_SELDOM = 5.0, 300.0
"""Seconds between two looks for journals of the dead in a store: the second where looking did not help before."""


class StoreNotHere(StoreNotFound):
    """No store with this id is on this machine: moved, deleted, or never opened here."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A store in the list. `name` is the folder it belongs to; `here`: it is still at its place."""

    id: str
    name: str
    here: bool
    used: int


@dataclass(slots=True)
class _Open:
    """A store that is being read. `file` tells whether its database is still the one that was opened."""

    reader: Reader
    file: tuple[int, int]


@dataclass(slots=True)
class _TakeOver:
    """When dead writers' journals of a store may be looked for again, and how long to wait after that."""

    due: float = 0.0
    pause: float = TAKE_OVER_EVERY


class Stores:
    """All stores of the user, by id.

    Args:
        threads: how many stores can be read at the same time.
        seconds: how long a question may take, waiting included.
    """

    def __init__(self, *, threads: int, seconds: float, log: Logger) -> None:
        self._seconds = seconds
        self._log = log
        self._reading = ThreadPoolExecutor(threads, thread_name_prefix="tracker_nb-read")
        self._writing = ThreadPoolExecutor(2, thread_name_prefix="tracker_nb-write")
        self._turns: dict[str, asyncio.Lock] = {}
        self._endings: set[asyncio.Future[None]] = set()
        self._open: dict[str, _Open] = {}  # those used last are last
        self._applying = ThreadPoolExecutor(1, thread_name_prefix="tracker_nb-apply")  # commands need not wait for it
        self._take_overs: dict[Path, _TakeOver] = {}
        self._ends = False
        self._listed: tuple[tuple[int, int, int], dict[str, known.Known]] | None = None

    async def list(self) -> list[Listed]:
        """Stores that were opened, those used last first."""
        loop = asyncio.get_running_loop()
        return await asyncio.wait_for(loop.run_in_executor(self._reading, _list), self._seconds)

    async def ask(self, store: str, question: Callable[[Reader], T]) -> T:
        """Answer a question about a store in a thread.

        Raises:
            StoreNotHere: it is not on this machine.
            StoreBusy: it took too long.
        """
        turn = self._turns.setdefault(store, asyncio.Lock())
        late = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(late):
                await turn.acquire()
        except TimeoutError as error:
            raise StoreBusy(f"Store {store} was busy with other questions for {self._seconds:g} s.") from error
        self._close_some(store)
        try:
            answer = asyncio.get_running_loop().run_in_executor(self._reading, self._answer, store, question)
        except BaseException:
            turn.release()
            raise
        answer.add_done_callback(lambda _: turn.release())  # when the thread is done, not when we have had enough
        try:
            async with asyncio.timeout_at(late):
                return await asyncio.shield(answer)
        except TimeoutError as error:
            answer.add_done_callback(lambda done: done.exception())  # nobody waits for it any more
            ending = asyncio.ensure_future(self._end(store, answer))
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)
            raise StoreBusy(f"A question about store {store} took longer than {self._seconds:g} s.") from error

    async def _end(self, store: str, answer: asyncio.Future[Any]) -> None:
        """Interrupt a question until it ends: one that is only about to begin does not hear the first time."""
        while not answer.done():  # until then nobody else has a question to this store
            opened = self._open.get(store)
            if opened is not None:
                opened.reader.interrupt()
            await asyncio.sleep(INTERRUPT_EVERY)

    async def command(self, store: str, path: RunPath, command: Callable[[Database, RunPath], T]) -> T:
        """Carry out a command on a run.

        Raises:
            StoreNotHere, RunNotFound, UsageError, StoreBusy, StoreReadOnly, StoreTooNew
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writing, lambda: carry_out(self._place(store), path, command))

    def take_over_later(self, place: Place) -> None:
        """Apply what dead writers left, in the background; nothing happens where that was tried a moment ago."""
        one = self._take_overs.setdefault(place.root, _TakeOver())
        now = time.monotonic()
        if now >= one.due:
            one.due = now + one.pause
            with suppress(RuntimeError):  # the server is stopping
                self._applying.submit(self._take_over, place, one)

    def remember_later(self, folder: Path) -> None:
        """Make the store that programs in this folder use known, if there is one."""
        with suppress(RuntimeError):  # the server is stopping
            self._writing.submit(lambda: known.remember(find(start=folder)))

    def close(self) -> None:
        """End the threads and close the readers. Questions that are being answered are given up."""
        for opened in self._open.values():
            opened.reader.interrupt()
        self._ends = True
        for pool in (self._reading, self._writing, self._applying):
            pool.shutdown(wait=True, cancel_futures=True)
        for opened in self._open.values():
            opened.reader.close()
        self._open.clear()

    def _close_some(self, used: str) -> None:
        """Close the readers that were not used for longest and are not answering."""
        if used in self._open:
            self._open[used] = self._open.pop(used)
        idle = [store for store in list(self._open) if not self._turns[store].locked()]
        for store in idle[: max(len(self._open) - MOST_OPEN, 0)]:
            self._open.pop(store).reader.close()

    # ------------------------------------------------------------------------------------------------ in a thread

    def _answer(self, store: str, question: Callable[[Reader], T]) -> T:
        opened = self._open.get(store)
        if opened is not None and _file(opened.reader.place) != opened.file:
            self._open.pop(store).reader.close()  # deleted, moved or made anew
            opened = None
        if opened is None:
            place = self._place(store)
            opened = _Open(Reader(place), _file(place))
            self._open[store] = opened
            self.take_over_later(place)
        return question(opened.reader)

    def _place(self, store: str) -> Place:
        stamp = known.stamp()
        if self._listed is None or self._listed[0] != stamp:
            self._listed = stamp, {one.id: one for one in known.known()}
        found = self._listed[1].get(store)
        if found is None or not found.is_here():
            raise StoreNotHere(f"Store {store} is not on this machine.")
        return found.place

    def _take_over(self, place: Place, one: _TakeOver) -> None:
        try:
            if place.writable():
                connect_reading(place).close()  # refuses a store of a later release before anything of it is touched
                with closing(Database(place)) as database:
                    take_over(Applier(database, pause=self._breathe), lock_seconds=0.05)
                if all(journal.alive() for journal in reader.journals(place.journals)):
                    one.pause = TAKE_OVER_EVERY
                    return
        except (TrackerError, sqlite3.Error, OSError) as error:
            self._log.debug("tracker_nb: journals of dead writers wait: %s", error)
        # Somebody else reads or writes, the disk is full, this server may not write or is too old: that may last.
        one.pause = min(2 * one.pause, TAKE_OVER_SELDOM)
        one.due = time.monotonic() + one.pause

    def _breathe(self) -> None:
        time.sleep(BREATH)
        if self._ends:
            raise StoreBusy("The server is stopping; what is left is for the next one.")


def _list() -> list[Listed]:
    return [Listed(one.id, _name(one.place), one.is_here(), one.used) for one in known.known()]


def _name(place: Place) -> str:
    """The folder that a store belongs to, without the way there."""
    return place.root.parent.name if place.root.name == PROJECT_FOLDER else place.root.name


def _file(place: Place) -> tuple[int, int]:
    try:
        found = place.database.stat()
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino
