"""Lets a run, or the runs of a project, show itself as a dashboard where it is the last line of a cell."""

from __future__ import annotations

from typing import Any

from tracker_nb.notebook import display
from tracker_nb.notebook.host import Host, host
from tracker_nb.panels.views import view_of
from tracker_nb.sdk import reprs


def bundle_of(thing: Any) -> reprs.Bundle | None:
    """Data and metadata of what shows a thing; its text is its repr. None in a terminal, and where there is no view."""
    if host() in (Host.TEXT, Host.NOWHERE):
        return None
    view = view_of(thing)
    if view is None:
        return None
    data, metadata = display.bundle(view)
    return {**data, "text/plain": repr(thing)}, metadata
