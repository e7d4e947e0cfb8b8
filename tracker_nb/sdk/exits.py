"""How the program ended: the exit code and the exception that a run's state is told from.

Python tells `atexit` nothing, so `sys.exit` and `sys.excepthook` are wrapped, once, and call what was there before.
"""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from tracker_nb.store import runs


@dataclass(slots=True)
class Ending:
    """What is known of the program's end so far.

    Attributes:
        watching: the wrappers are in place.
        error: traceback of the exception that nobody caught.
        interrupted: it was a KeyboardInterrupt.
    """

    watching: bool = False
    exit_code: int = 0
    error: str | None = None
    interrupted: bool = False

    def forget(self) -> None:
        """Begin again, as a forked child does."""
        self.exit_code, self.error, self.interrupted = 0, None, False


ending = Ending()


def watch() -> None:
    """Put the wrappers in place. Again and again is fine."""
    if ending.watching:
        return
    ending.watching = True
    hook_before, exit_before = sys.excepthook, sys.exit

    def hook(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        ending.exit_code = 1
        ending.interrupted = issubclass(kind, KeyboardInterrupt)
        ending.error = "".join(traceback.format_exception(kind, value, trace))
        hook_before(kind, value, trace)

    def exit_(status: Any = None, /) -> Any:
        ending.exit_code = code_of(status)
        exit_before(status)

    sys.excepthook = hook
    sys.exit = exit_


def code_of(status: Any) -> int:
    """The exit code that `sys.exit(status)` leads to."""
    if status is None:
        return 0
    return status if isinstance(status, int) else 1


def state_of(code: int, *, killed: bool = False) -> str:
    """The state of a run whose program ended with this code."""
    if killed:
        return runs.KILLED
    return runs.FINISHED if code == 0 else runs.FAILED
