"""`Dashboard`: a view of a store as a widget, which Python can change when it is shown."""

from __future__ import annotations

import contextlib
import dataclasses
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
from tracker_nb.sdk import reprs

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
    """Shows a run, the runs of a project (`Api().runs("digits")`), or all projects (`Api()`), and can be changed.

    In JupyterLab and Notebook 7 with our extension it is drawn from the store, and moves while a cell runs. Elsewhere, in VS
    Code or Colab, it gets its data from the kernel, whose answers wait until the kernel is free. Either way what is set
    here, also while a cell runs, is seen at once.

    Args:
        thing: what to show.
        height: in CSS pixels.

    Attributes:
        thing: what is shown; set another, and that is.
        height: at most, in CSS pixels; None: as the front end likes.
        view: what it shows, as the front end knows it.

    Raises:
        BadValue: it cannot be shown; when a thing or a height is set, what was shown stays.
    """

    _esm = ""  # each instance sets it: a build may come after the import
    view = traitlets.Dict().tag(sync=True)

    def __init__(self, thing: Any, *, height: int | None = None) -> None:
        self._thing, self._view = thing, _view(thing, height)
        self._answering = Answering(self._view.place, self._view.store, self.send, program=PROGRAM)
        super().__init__(view=self._view.payload(), _esm=loader())
        self.on_msg(self._hear)

    @classmethod
    def of_view(cls, view: View) -> Dashboard:
        """Of a view that was made before."""
        return cls(view)

    @property
    def thing(self) -> Any:
        """What is shown."""
        return self._thing

    @thing.setter
    def thing(self, thing: Any) -> None:
        self._show(_view(thing, self.height))
        self._thing = thing

    @property
    def height(self) -> int | None:
        """How high it is at most, in CSS pixels."""
        return self._view.height

    @height.setter
    def height(self, height: int | None) -> None:
        self._show(dataclasses.replace(self._view, height=height))

    @property
    def shown(self) -> View:
        """What is shown, as a display names it."""
        return self._view

    def _show(self, view: View) -> None:
        if (view.place, view.store) != (self._view.place, self._view.store):
            self._answering.close()
            self._answering = Answering(view.place, view.store, self.send, program=PROGRAM)
        self._view = view
        self.view = view.payload()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """As runs show themselves, where the host has our extension; else as a widget."""
        found = None
        if reprs.bundle_of is not None:
            with contextlib.suppress(Exception):  # there is always the widget
                found = reprs.bundle_of(self)
        return super()._repr_mimebundle_(**kwargs) if found is None else found

    def _hear(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        self._answering.hear(content)

    def close(self) -> None:
        """Take it away, and watch its store no more."""
        super().close()
        answering = getattr(self, "_answering", None)
        if answering is not None:
            answering.close()


def _view(thing: Any, height: int | None) -> View:
    view = thing if isinstance(thing, View) else view_of(thing, height=height)
    if view is None:
        raise BadValue(
            f"{thing!r} cannot be shown: give a run, the runs of one project without a filter, or an Api. A run of mode "
            f"disabled has nothing to show."
        )
    return view
