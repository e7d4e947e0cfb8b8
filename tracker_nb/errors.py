"""Every error a user of tracker_nb can meet: each says what happened, why, and what to type instead.

Each inherits from the builtin that a caller would already catch, so `except KeyError` around a look-up keeps working.
"""

from __future__ import annotations

import difflib
import shlex
import sys
from collections.abc import Iterable


class TrackerError(Exception):
    """Base of every error that tracker_nb raises on purpose."""

    def __str__(self) -> str:
        # KeyError would show the repr of the message, quotes and all.
        return str(self.args[0]) if self.args else ""


class UsageError(TrackerError, RuntimeError):
    """A call that makes no sense at this moment, such as `log()` before `init()`."""


class BadValue(TrackerError, ValueError):
    """An argument has a value that cannot be used; the message names the ones that can."""


class SettingsError(TrackerError, ValueError):
    """A setting is unknown or has a value of the wrong kind."""


class RunNotFound(TrackerError, KeyError):
    """No run has this path in this store."""


class RunExists(TrackerError, ValueError):
    """A run with this id exists and `resume` forbids to go on with it."""


class ProjectNotFound(TrackerError, KeyError):
    """No project has this name in this store."""


class UnknownMetric(TrackerError, KeyError):
    """The run never logged this key."""


class StoreNotFound(TrackerError, FileNotFoundError):
    """There is no store at this place."""


class StoreTooNew(TrackerError, RuntimeError):
    """The store was written by a newer release; reading or changing it with this one could damage it."""


class StoreBusy(TrackerError, TimeoutError):
    """Another process held the store's writer lock for longer than we wait."""


class StoreDamaged(TrackerError, RuntimeError):
    """SQLite or the journal reader found bytes that no release of ours has written."""


class StoreReadOnly(TrackerError, PermissionError):
    """The store lies where this process may not write."""


class MissingExtra(TrackerError, ImportError):
    """What was asked for needs packages that are installed with an extra; the message names it."""


def closest(word: str, among: Iterable[str], *, most: int = 3) -> list[str]:
    """The names most like `word`, best first: what an error message offers after a typing mistake."""
    return difflib.get_close_matches(word, list(among), n=most, cutoff=0.5)


def install(extra: str, *options: str, python: str | None = None) -> str:
    """What to type for an extra, so that this Python (or another) gets it: `pip` alone may be that of any."""
    program = shlex.quote(python or sys.executable or "python")
    return " ".join([program, "-m pip install", *options, f"'tracker_nb[{extra}]'"])
