"""Asking a run to stop: a small file beside its journal, which only the process that opened the run looks for.

The file is named by the run and the writer, so that it reaches that process and no other, and no later one. Whoever may
write to a store's `journals/` may ask; nobody else can. The process looks once a second, and removes the file when it
has read it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tracker_nb import portable
from tracker_nb.journal import reader
from tracker_nb.journal.naming import now
from tracker_nb.store.place import Place

SUFFIX = ".stop"
MOST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Stop:
    """A request to stop. `actor`: who asked; `time`: when, in microseconds since 1970."""

    actor: str
    time: int


def owners(place: Place, *, entity: str, project: str, run: str) -> list[str]:
    """Writers of the living processes that opened a run. Those that were handed it by another one are not asked."""
    found = []
    for journal in reader.journals(place.journals, run=run):
        head = journal.head()
        if (
            head is not None
            and (head.entity, head.project) == (entity, project)
            and not head.joined
            and journal.alive()
        ):
            found.append(journal.writer)
    return found


def ask(place: Place, run: str, writers: Iterable[str], *, actor: str) -> None:
    """Ask writers of a run to stop. Asking twice is asking once."""
    _tidy(place)
    body = msgspec.json.encode({"actor": actor[:200], "time": now()})
    for writer in writers:
        path = _path(place.journals, run, writer)
        fresh = path.with_suffix(".asking")  # renamed when it is whole
        with portable.opened(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, place.file_mode()) as fd:
            os.write(fd, body)
        os.replace(fresh, path)


def asked(folder: Path, run: str, writer: str) -> Stop | None:
    """The request to stop that waits for a writer, taken away; None where there is none."""
    path = _path(folder, run, writer)
    try:
        with portable.opened(path, os.O_RDONLY) as fd:
            body = os.read(fd, MOST_BYTES)
    except OSError:
        return None
    portable.remove(path)
    with contextlib.suppress(msgspec.MsgspecError, KeyError, TypeError, ValueError):
        document: Any = msgspec.json.decode(body)
        return Stop(str(document["actor"]), int(document["time"]))
    return Stop("somebody", now())


def _path(folder: Path, run: str, writer: str) -> Path:
    return folder / f"{run}.{writer}{SUFFIX}"


def _tidy(place: Place) -> None:
    """Remove requests whose process ended before it read them."""
    alive = {(journal.run, journal.writer) for journal in reader.journals(place.journals)}
    for path in place.journals.glob(f"*{SUFFIX}"):
        if tuple(path.name.removesuffix(SUFFIX).split(".", 1)) not in alive:
            portable.remove(path)
