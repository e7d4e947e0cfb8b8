"""Dashboards as widgets, for programs that show notebooks without our extension: VS Code, Colab, marimo.

from tracker_nb.panels import Dashboard

Dashboard(run)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracker_nb.panels.dashboard import Dashboard

__all__ = ["Dashboard"]


def __getattr__(name: str) -> Any:
    if name != "Dashboard":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from tracker_nb.panels.dashboard import Dashboard
    except ImportError as error:
        from tracker_nb.errors import MissingExtra, install

        raise MissingExtra(f"Widgets need anywidget and ipywidgets: {install('notebook')}") from error
    return Dashboard
