"""Lets a run, the runs of a project, or a `Dashboard` of them show itself where it is the last line of a cell."""

from __future__ import annotations

import sys
from typing import Any

from tracker_nb.notebook import display
from tracker_nb.notebook.host import Host, host, running_shell
from tracker_nb.panels.views import view_of
from tracker_nb.sdk import reprs


def bundle_of(thing: Any) -> reprs.Bundle | None:
    """Data and metadata of what shows a thing; its text is its repr. None in a terminal, and where there is no view."""
    if host() in (Host.TEXT, Host.NOWHERE):
        return None
    widgets = sys.modules.get("tracker_nb.panels.dashboard")  # where nobody imported it, nothing is a widget
    if widgets is not None and isinstance(thing, widgets.Dashboard):
        # marimo, which has no shell, shows widgets as objects of its own.
        return None if running_shell() is None else display.bundle(thing.shown, model_id=thing.model_id)
    view = view_of(thing)
    if view is None:
        return None
    data, metadata = display.bundle(view)
    return {**data, "text/plain": repr(thing)}, metadata
