"""The open streams: what the watcher finds, told to each that wants it, and told again to one that was cut off.

What happened is numbered. A stream that comes back names the last number it saw and gets what came after; where that is
not known any more, it is told to read everything again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from logging import Logger
from typing import Any

from tracker_nb.errors import TrackerError
from tracker_nb.query import wire
from tracker_nb.store.place import Place
from tracker_nb_server.watching import Watcher

KEPT = 4096
"""So many events are kept for streams that were cut off."""
RETRY = 2000
"""Milliseconds after which a browser whose stream was cut off tries again."""
READY_SECONDS = 5.0


class TooManyStreams(TrackerError, RuntimeError):
    """A user has as many streams open as the server allows."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: see `Watcher`."""

    number: int
    kind: str
    store: str
    data: dict[str, Any]


@dataclass(slots=True, eq=False)
class Stream:
    """One open stream.

    Attributes:
        id: names it for `watch`.
        stores: ids of the stores whose changes it wants.
        live: those of them that are looked at closely.
        seen: number of the last event it was given.
        resets: stores of which it has missed something.
    """

    id: str
    user: str
    stores: set[str]
    live: set[str]
    seen: int
    resets: set[str] = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False


class Hub:
    """All streams. To be used on the event loop.

    Args:
        poll, idle, on_death: see `Watcher`.
        keep_alive: seconds after which a stream without news says so.
        per_user, in_all: how many streams there may be.
    """

    def __init__(
        self,
        *,
        poll: float,
        idle: float,
        keep_alive: float,
        per_user: int,
        in_all: int,
        on_death: Callable[[Place], None],
        log: Logger,
    ) -> None:
        self._keep_alive = keep_alive
        self._per_user, self._in_all = per_user, in_all
        self._watcher = Watcher(poll=poll, idle=idle, tell=self._tell, on_death=on_death, log=log)
        self._boot = secrets.token_hex(4)  # numbers of another server's events mean nothing here
        self._streams: dict[str, Stream] = {}
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._number = 0
        self._begun: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, user: str, *, stores: Iterable[str], live: Iterable[str], since: str = "") -> Stream:
        """Open a stream.

        Args:
            since: id of the last event the client saw; "": it wants what comes.

        Raises:
            TooManyStreams
        """
        self._loop = asyncio.get_running_loop()
        mine = sum(stream.user == user for stream in self._streams.values())
        if mine >= self._per_user or len(self._streams) >= self._in_all:
            raise TooManyStreams(f"{mine} streams of {user} and {len(self._streams)} in all are open.")
        stream = Stream(secrets.token_hex(8), user, set(stores), set(live), self._number)
        stream.stores |= stream.live
        if since:
            boot, _, number = since.partition("-")
            if boot == self._boot and number.isdigit() and self._oldest() - 1 <= int(number) <= self._number:
                stream.seen = int(number)
                stream.resets = stream.stores - self._begun
            else:
                stream.resets = set(stream.stores)
        self._streams[stream.id] = stream
        self._want()
        return stream

    def watch(self, stream_id: str, user: str, *, stores: Iterable[str], live: Iterable[str]) -> Stream | None:
        """Change what a stream wants; None where the user has no such stream."""
        stream = self._streams.get(stream_id)
        if stream is None or stream.user != user:
            return None
        stream.live = set(live)
        stream.stores = set(stores) | stream.live
        self._want()
        return stream

    async def ready(self, stream: Stream) -> None:
        """Wait until every change in the stream's stores will be told: what is read then does not get old unnoticed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                while not (stream.closed or stream.stores <= self._begun):
                    await asyncio.sleep(0.005)

    def close(self, stream: Stream) -> None:
        """Close a stream."""
        stream.closed = True
        stream.wake.set()
        if self._streams.pop(stream.id, None) is not None:
            self._want()

    def stop(self) -> None:
        """Close all streams and end the watcher."""
        for stream in list(self._streams.values()):
            self.close(stream)
        self._watcher.stop()

    def hello(self, stream: Stream) -> bytes:
        """What a stream says first."""
        return f"retry: {RETRY}\n".encode() + _message("hello", {"stream": stream.id}, self._id(stream.seen))

    async def next(self, stream: Stream) -> bytes:
        """What a stream says next: its news, or a comment when there are none for a while. b"" when it is closed."""
        if not (stream.closed or stream.resets or stream.seen < self._number):
            with suppress(TimeoutError):
                async with asyncio.timeout(self._keep_alive):
                    await stream.wake.wait()
        stream.wake.clear()
        if stream.closed:
            return b""
        return self._news(stream) or b": keep-alive\n\n"

    def _news(self, stream: Stream) -> bytes:
        """What a stream has not been told; of each run only how it is now."""
        resets, stream.resets = stream.resets, set()
        if stream.seen < self._oldest() - 1:
            resets |= stream.stores  # it could not keep up
        runs: dict[str, dict[tuple[str, str, str], Any]] = {}
        many: set[str] = set()
        listed = False
        missed: list[Event] = []
        for event in reversed(self._events):
            if event.number <= stream.seen:
                break
            missed.append(event)
        for event in reversed(missed):
            listed |= event.kind == "stores"
            if event.store not in stream.stores:
                continue
            if event.kind == "reset":
                resets.add(event.store)
            elif event.kind == "change":
                of_store = runs.setdefault(event.store, {})
                of_store |= {(run["entity"], run["project"], run["run"]): run for run in event.data["runs"]}
                many |= {event.store} if event.data["many"] else set()
        stream.seen = self._number
        here = self._id(stream.seen)
        said = [_message("stores", {}, here)] if listed else []
        said += [_message("reset", {"store": store}, here) for store in sorted(resets)]
        said += [
            _message("change", {"store": store, "runs": list(changed.values()), "many": store in many}, here)
            for store, changed in runs.items()
            if store not in resets
        ]
        return b"".join(said)

    def _oldest(self) -> int:
        return self._events[0].number if self._events else self._number + 1

    def _id(self, number: int) -> str:
        return f"{self._boot}-{number}"

    def _want(self) -> None:
        wanted: dict[str, bool] = {}
        for stream in self._streams.values():
            for store in stream.stores:
                wanted[store] = wanted.get(store, False) or store in stream.live
        self._watcher.want(wanted if self._streams else None)

    def _tell(self, kind: str, store: str, data: dict[str, Any]) -> None:
        """Called by the watcher, in its thread."""
        assert self._loop is not None
        with suppress(RuntimeError):  # the server is stopping
            self._loop.call_soon_threadsafe(self._hear, kind, store, data)

    def _hear(self, kind: str, store: str, data: dict[str, Any]) -> None:
        if kind == "began":
            self._begun.add(store)
        elif kind == "forgot":
            self._begun.discard(store)
        else:
            self._number += 1
            self._events.append(Event(self._number, kind, store, data))
            for stream in self._streams.values():
                if kind == "stores" or store in stream.stores:
                    stream.wake.set()


def _message(kind: str, data: dict[str, Any], id_: str) -> bytes:
    return f"id: {id_}\nevent: {kind}\ndata: ".encode() + wire.encode(data) + b"\n\n"
