"""Forking with databases open: nobody is inside SQLite at that moment, and no connection goes along to the child.

SQLite keeps its locks by process and its mutexes in memory. A child that inherits them believes in locks it does not have,
and waits for threads that exist only in its parent.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from typing import Protocol

SECONDS = 1.0
"""A fork waits so long for a thread to leave SQLite."""


class HasConnection(Protocol):
    """What holds a connection."""

    def before_fork(self) -> None:
        """Let nobody in, and close."""

    def after_fork_in_parent(self) -> None:
        """Go on: the connection is opened again when it is needed."""

    def after_fork_in_child(self) -> None:
        """Begin anew."""


_holders: weakref.WeakSet[HasConnection] = weakref.WeakSet()
_one_at_a_time = threading.RLock()


def watch(holder: HasConnection) -> None:
    """From now on, this one is asked whenever the process forks."""
    _holders.add(holder)


def keep(connection: object) -> None:
    """Never close a connection that was inherited all the same, not even when the child ends: it could wait for ever."""
    with contextlib.suppress(ImportError, AttributeError):
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def _before() -> None:
    _one_at_a_time.acquire()
    for holder in list(_holders):
        with contextlib.suppress(Exception):
            holder.before_fork()


def _in_parent() -> None:
    for holder in list(_holders):
        with contextlib.suppress(Exception):
            holder.after_fork_in_parent()
    _one_at_a_time.release()


def _in_child() -> None:
    global _one_at_a_time  # noqa: PLW0603 - a fresh lock is the point
    _one_at_a_time = threading.RLock()
    for holder in list(_holders):
        with contextlib.suppress(Exception):
            holder.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
