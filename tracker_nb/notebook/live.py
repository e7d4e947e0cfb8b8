"""One display from the beginning of a cell to its end: shown at once, with a new picture now and then.

Pictures are asked for and sent by a thread. It does not print and does not use IPython's `display()`: since ipykernel 7
what a thread shows goes to the cell that runs then. It sends messages that name the cell under which the display
stands, so a picture that is done after the cell, or while another one runs, comes to the right place.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from tracker_nb.notebook.drawing import Drawn, NotDrawn

FIRST_SECONDS, EVERY_SECONDS = 5.0, 30.0
"""When the first picture is drawn, and how often at most it is drawn again while the cell runs."""
WAIT_SECONDS = 30.0
"""How long a cell waits at its end for its last picture, where nobody would take it later."""

Compose = Callable[..., tuple[dict[str, Any], dict[str, Any]]]
_log = logging.getLogger("tracker_nb")


class Output:
    """A display under the cell that is running when this is made.

    Args:
        compose: makes data and metadata from what was drawn, and from the id of a widget if there is one.
    """

    def __init__(self, shell: Any, compose: Compose) -> None:
        self.compose = compose
        self._publisher = shell.display_pub
        self._id = uuid.uuid4().hex
        self._parent = dict(getattr(self._publisher, "parent_header", None) or {})
        self.is_kept_up = _has_cell_id(shell)

    @property
    def takes_threads(self) -> bool:
        """True for ipykernel's publisher; others, such as that of `%%capture`, are used in the main thread only."""
        names = ("session", "pub_socket", "topic")
        return bool(self._parent) and all(getattr(self._publisher, name, None) is not None for name in names)

    def show(self, drawn: Drawn) -> None:
        """Show it for the first time. In the main thread."""
        data, metadata = self.compose(drawn)
        self._publisher.publish(data=data, metadata=metadata, transient={"display_id": self._id})

    def show_again(self, drawn: Drawn, model_id: str | None = None) -> None:
        """Show something else in its place. In any thread, if `takes_threads`."""
        data, metadata = self.compose(drawn, model_id)
        content = {"data": data, "metadata": metadata, "transient": {"display_id": self._id}}
        if self.takes_threads:
            self._publisher.session.send(
                self._publisher.pub_socket,
                "update_display_data",
                content,
                parent=self._parent,
                ident=self._publisher.topic,
            )


class Handle:
    """A display that goes on until `end()`. Without arguments: nothing is shown.

    Args:
        draw: draws it as it is now; True if the cell has ended.
        widget: makes a widget for it; its id.
        first: what is shown at once.
        only_at_end: show nothing before.
    """

    def __init__(
        self,
        output: Output | None = None,
        draw: Callable[[bool], Drawn] | None = None,
        widget: Callable[[], str | None] | None = None,
        *,
        first: Drawn | None = None,
        only_at_end: bool = False,
    ) -> None:
        self._output, self._draw, self._widget = output, draw, widget
        self._pid = os.getpid()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._model_id: str | None = None
        self._last = first or Drawn("")
        self._only_at_end = only_at_end
        if output is None or only_at_end:
            return
        output.show(self._last)
        if output.takes_threads:
            self._thread = threading.Thread(target=self._keep_up, name="tracker_nb-picture", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """The cell ends: the last picture and the summary come. Never raises; may be called again.

        In JupyterLab and Notebook 7 the cell does not wait for the picture. Where no front end takes it later, as under
        nbclient and nbconvert, it waits for about a second.
        """
        if self._output is None or self._over.is_set() or os.getpid() != self._pid:
            return
        try:
            self._end(self._output)
        except KeyboardInterrupt:
            pass  # the cell has ended: there is nothing left to interrupt but this
        except Exception as error:  # noqa: BLE001 - a display is no reason for a cell to fail
            _log.debug("tracker_nb: the last picture is not shown: %r", error)

    def _end(self, output: Output) -> None:
        if self._widget is not None and self._thread is not None:
            # Only now: while a cell runs, a widget's questions wait, and it would hide the picture.
            self._model_id = self._widget()
            if self._model_id is not None:
                output.show_again(self._last, self._model_id)
        self._over.set()
        if self._only_at_end and self._draw is not None:
            with contextlib.suppress(NotDrawn):
                self._last = self._draw(True)
            output.show(self._last)
        elif self._thread is not None and not output.is_kept_up:
            deadline = time.monotonic() + WAIT_SECONDS
            while self._thread.is_alive() and time.monotonic() < deadline:
                self._thread.join(0.1)  # an interrupt gets through in between

    def _keep_up(self) -> None:
        """In the thread."""
        seconds = FIRST_SECONDS
        while not self._over.wait(seconds):
            self._show_again()
            seconds = EVERY_SECONDS
        self._show_again()

    def _show_again(self) -> None:
        assert self._output is not None
        assert self._draw is not None
        try:
            drawn = self._draw(self._over.is_set())
            if drawn != self._last or self._model_id is not None:
                self._last = drawn
                self._output.show_again(drawn, self._model_id)
        except NotDrawn as error:
            _log.debug("tracker_nb: no picture: %s", error)
        except Exception as error:  # noqa: BLE001 - the kernel may be ending; a thread's traceback would go to some cell
            _log.debug("tracker_nb: the picture is not shown: %r", error)


def _has_cell_id(shell: Any) -> bool:
    """True where a page with the notebook asked for the execution: it takes an update also after the cell has ended."""
    with contextlib.suppress(Exception):
        return bool((shell.kernel.get_parent().get("metadata") or {}).get("cellId"))
    return False
