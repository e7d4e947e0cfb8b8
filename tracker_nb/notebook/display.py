"""What stands under a cell: one mime bundle, which every program that shows notebooks can read in its own way.

JupyterLab and Notebook 7 with our extension read the payload and draw a live dashboard from the store; anything else, and
anyone who opens the notebook elsewhere, shows the picture; a terminal the text. There is no HTML in it: programs that
know HTML would take that before the picture.
"""

from __future__ import annotations

import base64
import contextlib
import logging
from typing import Any

from tracker_nb.notebook import drawing, facts, surroundings
from tracker_nb.notebook.host import Host, host, running_shell
from tracker_nb.notebook.live import Handle, Output
from tracker_nb.panels.views import View, view_of
from tracker_nb.sdk.run import Run

MIME = "application/vnd.tracker-nb.v1+json"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"

Data = dict[str, Any]
_log = logging.getLogger("tracker_nb")


def bundle(view: View, *, picture: bool = True, model_id: str | None = None) -> tuple[Data, Data]:
    """Data and metadata of a view, for a display of its own. Waits for the picture, which takes about a second.

    Args:
        picture: False: without it, at once.
        model_id: of the widget that is shown; else one is made, only where the host can show nothing but widgets.
    """
    where = host()
    try:
        drawn = drawing.draw(_asked(view, picture=picture and where is not Host.TEXT, waited_for=True))
    except drawing.NotDrawn as error:
        _log.debug("tracker_nb: no picture: %s", error)
        drawn = drawing.Drawn(_in_short(view))
    if model_id is None and where is Host.WIDGET:
        model_id = _widget(view)
    return _composed(view, drawn, where, model_id)


def _composed(view: View, drawn: drawing.Drawn, where: Host, model_id: str | None = None) -> tuple[Data, Data]:
    text = f"{drawn.text}\n({drawn.problem})" if drawn.problem else drawn.text
    data: Data = {"text/plain": text}
    metadata: Data = {}
    if where is Host.TEXT:
        return data, metadata
    if drawn.png is not None:
        data["image/png"] = base64.b64encode(drawn.png).decode()
        metadata["image/png"] = {"width": drawn.width, "height": drawn.height}
    if where is Host.PICTURE:
        return data, metadata
    payload = view.payload()
    if model_id is not None:
        payload["model_id"] = model_id  # our extension shows the widget as long as it lives
    if model_id is not None and where is Host.WIDGET:
        data[WIDGET_MIME] = {"version_major": 2, "version_minor": 0, "model_id": model_id}
        metadata |= _for_colab()
    data[MIME] = payload
    return data, metadata


def _asked(view: View, *, picture: bool, waited_for: bool) -> drawing.Asked:
    return drawing.Asked(str(view.place.root), view.view, view.entity, view.project, view.run, picture, waited_for)


def _in_short(view: View) -> str:
    """What can be said without asking the store."""
    title = {"run": view.name, "project": view.project}.get(view.view, "Projects")
    return facts.Facts(title, [view.project] if view.view == "run" else []).text()


def _widget(view: View) -> str | None:
    """The id of a new widget that shows a view; None where widgets are not installed."""
    with contextlib.suppress(Exception):
        from tracker_nb.panels import Dashboard

        return str(Dashboard.of_view(view).model_id)
    return None


def _for_colab() -> Data:
    """Metadata by which Colab finds the program for widgets that it does not bring itself."""
    with contextlib.suppress(Exception):
        from anywidget._util import get_repr_metadata

        return dict(get_repr_metadata())
    return {}


def begin(run: Run, *, height: int | None = None, cell: str | None = None) -> Handle:
    """Show a run under the cell that is running, from now on. Never raises; where nothing can be shown, shows nothing.

    Call `end()` of what this returns when the cell ends, after `run.finish()` if the cell ends the run.

    Args:
        height: in CSS pixels.
        cell: uid of the cell execution.
    """
    try:
        view = view_of(run, height=height, cell=cell)
        return Handle() if view is None else _handle(view, facts.of_run(run._state, {}).text())
    except Exception as error:  # noqa: BLE001 - a display is no reason for a training to fail
        _log.debug("tracker_nb: nothing is shown: %r", error)
        return Handle()


def show(view: View, *, text: str = "") -> None:
    """Show a view under the cell that is running: at once, and its picture when it is drawn.

    Args:
        text: what stands there until then, for those who see no dashboard.
    """
    _handle(view, text or _in_short(view)).end()


def _handle(view: View, text: str) -> Handle:
    shell = running_shell()
    where = host(shell)
    if shell is None or where in (Host.NOWHERE, Host.PICTURE):
        return Handle()
    if where is Host.PAGE:
        surroundings.say_once()

    def compose(drawn: drawing.Drawn, model_id: str | None = None) -> tuple[Data, Data]:
        return _composed(view, drawn, where, model_id)

    def draw(has_ended: bool) -> drawing.Drawn:
        return drawing.draw(_asked(view, picture=where is not Host.TEXT, waited_for=has_ended))

    widget = (lambda: _widget(view)) if where is Host.WIDGET else None
    return Handle(Output(shell, compose), draw, widget, first=drawing.Drawn(text), only_at_end=where is Host.TEXT)
