"""Which cell execution runs: what the records of a run are marked with.

A context variable tells it, so a task that a cell started stays that cell's while later cells run. A thread begins with an
empty context: `Thread.start` is wrapped to remember the cell that started it. What comes from neither belongs to the
cell that is being executed, and is marked as inferred.

The notebook sets what is here; scripts never get to see it, and pay one comparison for it.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from tracker_nb.journal.naming import Cell
from tracker_nb.journal.records import INFERRED_EXECUTION

_NAME = "_tracker_nb_cell"
_running: ContextVar[Cell | None] = ContextVar("tracker_nb_cell", default=None)
_get = _running.get
_inferred: Cell | None = None
_start: Any = None
_wrapped: Any = None

hook: Callable[[], Cell | None] | None = None
"""What new runs ask for the running cell; None in scripts."""


def running_cell() -> Cell | None:
    """The cell execution that what happens now belongs to."""
    return _get() or _of_thread()


def _of_thread() -> Cell | None:
    cell: Cell | None = getattr(threading.current_thread(), _NAME, None)
    if cell is None:
        return _inferred
    _running.set(cell)  # the next time it is found at once
    return cell


def begin(cell: Cell) -> None:
    """A cell is executed from now on, in this thread and context."""
    global _inferred  # noqa: PLW0603 - one interpreter, one answer
    _inferred = (cell[0], cell[1], cell[2] | INFERRED_EXECUTION)
    _running.set(cell)


def end(uid: str) -> None:
    """It has ended. What its threads and tasks still do stays its own."""
    global _inferred  # noqa: PLW0603
    if _inferred is not None and _inferred[0] == uid:
        _inferred = None
    _running.set(None)


def watch() -> None:
    """Have new runs and new threads know their cell. Again and again is fine."""
    global hook, _start, _wrapped  # noqa: PLW0603
    hook = running_cell
    if _start is not None:
        return
    original = _start = threading.Thread.start

    @functools.wraps(original)
    def start(self: threading.Thread) -> None:
        with contextlib.suppress(Exception):  # a class of the user's may refuse attributes
            cell = running_cell()
            if cell is not None:
                setattr(self, _NAME, cell)
        original(self)

    _wrapped = start
    kind: Any = threading.Thread
    kind.start = start


def unwatch() -> None:
    """Undo `watch`, unless somebody has wrapped `Thread.start` after us."""
    global hook, _start, _wrapped, _inferred  # noqa: PLW0603
    hook = _inferred = None
    if _start is not None and threading.Thread.start is _wrapped:
        kind: Any = threading.Thread
        kind.start = _start
        _start = _wrapped = None
