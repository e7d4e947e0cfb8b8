"""Forking with journals open: no thread is inside a writer at that moment, and the child begins its own journal."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol

SECONDS = 1.0
"""A fork waits so long for a thread to leave a writer."""


class Forks(Protocol):
    """What has to know that the process forks."""

    def before_fork(self) -> bool:
        """Let nobody in; False where somebody was inside for too long."""

    def after_fork_in_parent(self) -> None:
        """Let them in again."""

    def after_fork_in_child(self) -> None:
        """Begin anew."""


_watched: weakref.WeakSet[Forks] = weakref.WeakSet()
_held = threading.local()


def watch(one: Forks) -> None:
    """From now on, this one is asked whenever the process forks."""
    _watched.add(one)


def _before() -> None:
    _held.ones = [one for one in list(_watched) if one.before_fork()]


def _in_parent() -> None:
    held, _held.ones = _held.ones, []
    for one in held:
        one.after_fork_in_parent()


def _in_child() -> None:
    _held.ones = []
    for one in list(_watched):
        one.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
