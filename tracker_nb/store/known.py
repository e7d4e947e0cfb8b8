"""Which stores this user has opened, by their id: how a server finds the store that a display names.

A small file in the user's data directory, written when a process first logs to or reads a store. It is a convenience:
whatever goes wrong with it is nobody's problem, and a store that is not in it is in it after it was opened once.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tracker_nb import portable
from tracker_nb.errors import TrackerError
from tracker_nb.store.database import connect_any, store_id
from tracker_nb.store.place import Place, user_store

FILE, LOCK = "stores.json", "stores.lock"
MOST = 1000
"""So many are kept, those that were used last."""
MOST_BYTES = 4 << 20
LOCK_SECONDS = 0.5
AGAIN_SECONDS = 86_400
"""How old `used` gets before it is written again: a process that opens a store every second does not write every second."""

_remembered: set[tuple[Path, bool]] = set()


@dataclass(frozen=True, slots=True)
class Known:
    """A store that was opened.

    Attributes:
        used: when, in seconds since 1970, to about a day.
    """

    id: str
    place: Place
    used: int

    def is_here(self) -> bool:
        """True if the store with this id is still at its place, even if it cannot be read now: its disk may be full."""
        return self.place.exists() and identity(self.place) in (self.id, "")


def remember(place: Place, store: str = "", *, logging: bool = False) -> None:
    """Keep in mind where a store is. Never raises; costs nothing when this process has done it before.

    Args:
        store: its id, looked up where it is not given. Who logs gives it: opening a database just for that may have to
            recover its log first, which locks out everybody.

    Where two folders hold the same store (one is a copy), the one that was last logged to counts, and one that is only
    read does not take the place of one that is there.
    """
    if (place.root, logging) in _remembered:
        return
    with contextlib.suppress(TrackerError, OSError, sqlite3.Error, ValueError, RuntimeError):
        _remember(place, store, logging=logging)
        _remembered.add((place.root, logging))


def follow(store: str, place: Place) -> None:
    """A store has moved. Never raises: who opens it at its new place says so too."""
    now = int(time.time())
    _change(lambda stores: stores.__setitem__(store, Known(store, place, now)))


def forget(store: str) -> None:
    """A store was deleted. Never raises."""
    _change(lambda stores: stores.pop(store, None))


def known() -> list[Known]:
    """Stores that were opened, those used last first, whether they are still there or not."""
    with contextlib.suppress(OSError, RuntimeError):
        return sorted(_read(_folder() / FILE).values(), key=lambda one: -one.used)
    return []


def stamp() -> tuple[int, int, int]:
    """Changes whenever the list does; cheap."""
    try:
        found = os.stat(_folder() / FILE)
    except (OSError, RuntimeError):
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino


def identity(place: Place) -> str:
    """A store's id; "" where it cannot be read."""
    with contextlib.suppress(TrackerError, sqlite3.Error), contextlib.closing(connect_any(place)) as db:
        return store_id(db)
    return ""


def _folder() -> Path:
    return user_store().root


def _remember(place: Place, store: str, *, logging: bool) -> None:
    found = store or identity(place)
    if not found:
        return
    now = int(time.time())
    file = _folder() / FILE
    if _is_said(_read(file).get(found), place, now):
        return

    def enter(stores: dict[str, Known]) -> None:
        old = stores.get(found)
        if not (_is_said(old, place, now) or (old and old.place != place and not logging and old.is_here())):
            stores[found] = Known(found, place, now)

    _write_changed(enter)


def _change(change: Callable[[dict[str, Known]], object]) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        _write_changed(change)
    _remembered.clear()


def _write_changed(change: Callable[[dict[str, Known]], object]) -> None:
    """Change the list while nobody else does. Where somebody else does for long, it stays as it is."""
    file = _folder() / FILE
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with portable.opened(file.with_name(LOCK), os.O_RDWR | os.O_CREAT) as lock:
        if not portable.wait_lock(lock, LOCK_SECONDS):
            return
        before = _read(file)
        stores = dict(before)
        change(stores)
        if stores != before:
            _write(file, sorted(stores.values(), key=lambda one: -one.used)[:MOST])


def _is_said(old: Known | None, place: Place, now: int) -> bool:
    return old is not None and old.place == place and now - old.used < AGAIN_SECONDS


def _read(file: Path) -> dict[str, Known]:
    """What the file says; nothing where it is missing, too large or not ours."""
    try:
        if file.stat().st_size > MOST_BYTES:
            return {}
        document: Any = msgspec.json.decode(file.read_bytes())
        rows = document["stores"]
        return {row["id"]: Known(row["id"], Place(Path(row["place"])), int(row["used"])) for row in rows}
    except (OSError, msgspec.MsgspecError, KeyError, TypeError, ValueError):
        return {}


def _write(file: Path, stores: list[Known]) -> None:
    rows = [{"id": one.id, "place": str(one.place.root), "used": one.used} for one in stores]
    text = msgspec.json.format(msgspec.json.encode({"version": 1, "stores": rows}))
    fd, fresh = tempfile.mkstemp(dir=file.parent, prefix=FILE)  # 0600
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(text)
        os.replace(fresh, file)
    except BaseException:
        portable.remove(fresh)
        raise
