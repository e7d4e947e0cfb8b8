"""`Dashboard`: a view of a store as a widget, which gets its data from the kernel."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from tracker_nb.errors import BadValue
from tracker_nb.panels.answering import Answering
from tracker_nb.panels.views import View, view_of

PROGRAM = Path(__file__).with_name("static") / "panels.js"
"""Made when the package is built."""
_LOADER = Path(__file__).with_name("loader.js")


@functools.cache
def loader() -> str:
    """What a widget carries of JavaScript: it fetches the rest."""
    try:
        made = hashlib.sha256(PROGRAM.read_bytes()).hexdigest()[:16]
    except OSError:
        made = "0"
    return _LOADER.read_text(encoding="utf-8").replace("@VERSION@", made)


class Dashboard(anywidget.AnyWidget):
    """Shows a run, the runs of a project (`Api().runs("digits")`), or all projects (`Api()`).

    Only for programs without our Jupyter extension: with it, the last line of a cell, or `%track`, shows more, and
    moves while a cell runs. A widget's questions wait until the kernel is free.

    Args:
        thing: what to show.
        height: in CSS pixels.

    Attributes:
        view: what it shows, as the front end knows it.

    Raises:
        BadValue: it cannot be shown.
    """

    _esm = ""  # each instance sets it: a build may come after the import
    view = traitlets.Dict().tag(sync=True)

    def __init__(self, thing: Any, *, height: int | None = None) -> None:
        view = thing if isinstance(thing, View) else view_of(thing, height=height)
        if view is None:
            raise BadValue(
                f"{thing!r} cannot be shown: give a run, the runs of one project without a filter, or an Api. A run of mode "
                f"disabled has nothing to show."
            )
        self._answering = Answering(view.place, view.store, self.send, program=PROGRAM)
        super().__init__(view=view.payload(), _esm=loader())
        self.on_msg(self._hear)

    @classmethod
    def of_view(cls, view: View) -> Dashboard:
        """Of a view that was made before."""
        return cls(view)

    def _hear(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        self._answering.hear(content)

    def close(self) -> None:
        """Take it away, and watch its store no more."""
        super().close()
        answering = getattr(self, "_answering", None)
        if answering is not None:
            answering.close()
