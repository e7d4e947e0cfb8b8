"""The journal of a kernel session: every cell that ran, whether a run was open or not.

It is a journal like a run's, so a killed kernel loses no recorded cell, and whoever opens the store applies it. It is made
when the first cell is recorded, in the store in which `init()` would record at that moment. Whatever goes wrong here is
said once, and never keeps a cell from running.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import warnings
from collections.abc import Mapping
from typing import Any

from tracker_nb.errors import StoreTooNew, TrackerError
from tracker_nb.journal import records
from tracker_nb.journal.naming import Cell
from tracker_nb.journal.writer import Writer
from tracker_nb.sdk import init as begin
from tracker_nb.sdk import surroundings
from tracker_nb.sdk.values import encode_hook, plain
from tracker_nb.store import history, known
from tracker_nb.store.background import background
from tracker_nb.store.place import Place, find


class HistoryWarning(UserWarning):
    """Cells cannot be recorded; everything else works."""


class Session:
    """One kernel, from its first recorded cell to its end.

    Attributes:
        uid: tells its cells from those of other kernels.
    """

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self._pid = os.getpid()
        self._place: Place | None = None
        self._writer: Writer | None = None
        self._refused: set[Place] = set()
        atexit.register(self.close)

    def begin(self, cell: Cell, limits: history.Limits) -> bool:
        """Record that a cell begins; False where it cannot be."""
        if os.getpid() != self._pid:  # a forked child that goes on as if it were the kernel
            return False
        place = find()
        if self._writer is None or place != self._place:
            self.close()
            if not self._open(place):
                return False
        assert self._writer is not None
        self._writer.announce(cell)
        background(place).keep_history(limits)
        return True

    def end(self, uid: str, time: int, fields: Mapping[str, Any]) -> None:
        """Record how it ended."""
        if self._writer is not None and os.getpid() == self._pid:
            self._writer.write(lambda seq, _: records.ExecutionEnd(seq, time, uid, dict(fields)))

    def _open(self, place: Place) -> bool:
        if place in self._refused:
            return False
        try:
            if not _prepared(place):
                raise PermissionError(13, "it cannot be written")
            head = records.Head(
                records.FORMAT, known.identity(place), "", "", records.SESSION, 0, "", 0, False, surroundings.host(), 0, 0,
                {"session": self.uid},
            )  # fmt: skip
            writer = Writer(place.journals, head, encode_hook=encode_hook, plain=plain, mode=place.file_mode())
            writer.open()
        except (TrackerError, OSError) as error:
            self._refused.add(place)
            why = getattr(error, "strerror", None) or error
            warnings.warn(f"Cells are not recorded in {place}: {why}.", HistoryWarning, stacklevel=2)
            return False
        self._place, self._writer = place, writer
        background(place).watch(writer)
        return True

    def close(self) -> None:
        """Let go of the journal; what it says is applied."""
        writer, self._writer = self._writer, None
        if writer is None or self._place is None or os.getpid() != self._pid:
            return
        writer.write(lambda seq, time: records.Finish(seq, time, "finished"))
        writer.retry()
        with contextlib.suppress(OSError):
            writer.heal()
        writer.close()
        background(self._place).release(writer, records.SESSION)


def end_in_runs(uid: str, time: int, fields: Mapping[str, Any]) -> None:
    """Tell the runs that a cell logged to how it ended: each journal can be read without the others."""
    for run in begin.open_runs():
        writer = run._writer
        if isinstance(writer, Writer) and writer.has_announced(uid):
            writer.write(lambda seq, _: records.ExecutionEnd(seq, time, uid, dict(fields)))


def _prepared(place: Place) -> bool:
    try:
        return begin.prepared(place)
    except StoreTooNew:
        return True  # to its journals, cells are written as runs are
