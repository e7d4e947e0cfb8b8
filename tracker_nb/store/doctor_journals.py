"""What is found in a store's `journals/`: who is writing, who died, and who holds the writer lock."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tracker_nb import portable
from tracker_nb.journal import reader, records
from tracker_nb.store.findings import Finding, ok, readable, some, warn
from tracker_nb.store.place import Place

LOCK_SECONDS = 1.0
"""A writer lock held for longer is worth a word: a batch is applied in less."""
LONG_WAIT = 64 << 20
LEFTOVER_SECONDS = 60.0

Applied = dict[str, tuple[int, int]] | None


def findings(place: Place, applied: Applied) -> Iterator[Finding]:
    """What the journals and locks say. `applied`: how far each writer's journal is in the database; None: not known."""
    yield _writer_lock(place)
    live: list[reader.Journal] = []
    dead: list[reader.Journal] = []
    for journal in reader.journals(place.journals):
        (live if journal.alive() else dead).append(journal)
    yield _live(live, applied)
    yield _dead(dead, applied)
    left = leftovers(place)
    if left:
        yield warn(
            "leftovers",
            f"{len(left)} segments that their writers did not live to use.",
            "`tracker-nb doctor --repair` removes them.",
            data={"count": len(left)},
        )


def leftovers(place: Place) -> list[Path]:
    """Segments under a provisional name whose writer died before it could rename them. They hold no rows."""
    found = []
    for path in sorted(place.journals.glob("*.new")):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > LEFTOVER_SECONDS and not reader.is_locked(path):
                found.append(path)
    return found


def _writer_lock(place: Place) -> Finding:
    deadline = time.monotonic() + LOCK_SECONDS
    while reader.is_locked(place.lock):
        if time.monotonic() > deadline:
            holders = portable.lock_holders(place.lock)
            named = [_process(pid) for pid in holders]
            detail = (
                f"Held for more than {LOCK_SECONDS:g} s by {some(named) or 'a process that the system does not name'}."
            )
            advice = "Wait, or end that process; nothing is lost either way. Until then journals are not applied."
            return warn("writer lock", detail, advice, data={"held": True, "pids": holders})
        time.sleep(0.05)
    return ok("writer lock", "Free", data={"held": False, "pids": []})


def _process(pid: int) -> str:
    import psutil

    try:
        command = " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        command = ""
    return f"process {pid}" + (f" ({command[:80]})" if command else "")


def _live(live: list[reader.Journal], applied: Applied) -> Finding:
    waiting = [_waiting(journal, applied) for journal in live]
    data: dict[str, Any] = {"count": len(live), "waiting_bytes": sum(waiting)}
    data["writers"] = [{"run": journal.run, "writer": journal.writer} for journal in live]
    if not live:
        return ok("live writers", "None", data=data)
    lines = [_whose(journal, size, with_age=True) for journal, size in zip(live, waiting, strict=True)]
    detail = f"{len(live)}: {some(lines)}"
    if max(waiting) > LONG_WAIT:
        advice = (
            "Their programs do not get to apply them. Look at the writer lock and the disk; `--repair` does not help."
        )
        return warn("live writers", detail, advice, data=data)
    return ok("live writers", detail, data=data)


def _dead(dead: list[reader.Journal], applied: Applied) -> Finding:
    waiting = [_waiting(journal, applied) for journal in dead]
    data: dict[str, Any] = {"count": len(dead), "waiting_bytes": sum(waiting)}
    data["writers"] = [{"run": journal.run, "writer": journal.writer} for journal in dead]
    if not dead:
        return ok("dead writers", "No journal of a dead writer waits", data=data)
    lines = [_whose(journal, size) for journal, size in zip(dead, waiting, strict=True)]
    return warn(
        "dead writers",
        f"{len(dead)} {'journal waits' if len(dead) == 1 else 'journals wait'} to be applied: {some(lines)}",
        "`tracker-nb doctor --repair` applies them now; so does any program that logs to or reads this store.",
        data=data,
    )


def _waiting(journal: reader.Journal, applied: Applied) -> int:
    """Bytes that are not in the database yet."""
    segment, offset = (applied or {}).get(journal.writer, (0, 0))
    total = 0
    for one in journal.segments:
        if one.number >= segment:
            with contextlib.suppress(OSError):
                total += max(os.stat(one.path).st_size - (offset if one.number == segment else 0), 0)
    return total


def _whose(journal: reader.Journal, waiting: int, *, with_age: bool = False) -> str:
    head = journal.head()
    if head is None:
        return f"run {journal.run} ({readable(waiting)}, its head is damaged)"
    minutes = max(time.time() - head.time / 1e6, 0) / 60
    age = f"for {minutes:,.0f} min, " if with_age else ""
    where = f" on {head.host}" if head.host else ""
    what = "cells of a notebook" if journal.run == records.SESSION else f"{head.project}/{head.run}"
    return f"{what} by process {head.pid}{where} ({age}{readable(waiting)} to apply)"
