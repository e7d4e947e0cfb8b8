"""A run around a cell: what `%%track` and `track_cell` have in common. Does not need IPython."""

from __future__ import annotations

import contextlib
import importlib
import traceback
from collections.abc import Iterator
from typing import Any, Protocol

from tracker_nb.errors import UsageError
from tracker_nb.sdk import exits, redact, surroundings
from tracker_nb.sdk import init as begin
from tracker_nb.sdk.run import Run
from tracker_nb.sdk.values import escape
from tracker_nb.store import runs

_FIXED = {
    "project": "project",
    "entity": "entity",
    "name": "name",
    "id": "id",
    "group": "group",
    "job_type": "job_type",
}
"""Arguments of `init()` that a run which is open already cannot take, and what they are called there."""

INTERRUPTED = ("KeyboardInterrupt", "CancelledError")
"""How a cell ends that was interrupted: the latter where it awaited something."""


class Handle(Protocol):
    """What is shown under the cell."""

    def end(self) -> None:
        """The cell has ended: show the last state."""


class Tracked:
    """A run and what is shown of it, from the beginning of a cell to its end.

    Attributes:
        run: the run that the cell logs to.
        own: the cell has opened it, and closes it.
    """

    def __init__(self, run: Run, *, own: bool) -> None:
        self.run = run
        self.own = own
        self.handle: Handle | None = None

    def show(self, *, height: int | None, cell: str | None) -> None:
        """Show the run here, from now on."""
        if not self.run.disabled:
            with contextlib.suppress(Exception):  # a picture is not worth a cell
                display = importlib.import_module("tracker_nb.notebook.display")
                self.handle = display.begin(self.run, height=height, cell=cell)

    def end(self, error: BaseException | None) -> None:
        """The cell has ended, by this error or without one. A run that it opened ends with it."""
        if self.own and not self.run._ended:
            state, code, text = ended_by(error)
            self.run._end(state, code, text)
        if self.handle is not None:
            with contextlib.suppress(Exception):
                self.handle.end()


def start(arguments: dict[str, Any]) -> Tracked:
    """The run that is open, or a new one with these arguments of `init()`.

    Raises:
        UsageError: a run is open, and is not the one that the arguments name.
        SettingsError, BadValue, RunExists, RunNotFound: as `init()`.
    """
    run = begin.current()
    if run is not None:
        _join(run, arguments)
        return Tracked(run, own=False)
    run = begin.init(**arguments)
    begin.lend(run)
    return Tracked(run, own=True)


def _join(run: Run, arguments: dict[str, Any]) -> None:
    for argument, field in _FIXED.items():
        wanted = arguments.get(argument)
        if wanted is not None and wanted != getattr(run, field):
            raise UsageError(
                f"Run {run.name} of {run.project} is still open, and its {argument} is not {wanted!r}. End it with "
                f"tracker_nb.finish() to begin another, or leave {argument} out to log to it."
            )
    if arguments.get("config") is not None:
        run.config.update(arguments["config"])
    if arguments.get("tags") is not None:
        run.tags = tuple(dict.fromkeys((*run.tags, *arguments["tags"])))
    if arguments.get("notes") is not None:
        run.notes = arguments["notes"]


def is_interrupt(error: BaseException) -> bool:
    """True for what the stop button leads to."""
    return any(kind.__name__ in INTERRUPTED for kind in type(error).__mro__)


def ended_by(error: BaseException | None) -> tuple[str, int, str | None]:
    """State, exit code and error text of a run whose cell ended so."""
    if error is None:
        return runs.FINISHED, 0, None
    if isinstance(error, SystemExit):
        code = exits.code_of(error.code)
        return exits.state_of(code), code, text_of(error) if code else None
    return exits.state_of(1, killed=is_interrupt(error)), 1, text_of(error)


def text_of(error: BaseException) -> str:
    """The traceback of an error from the user's first line on, secrets redacted."""
    inner = error.__traceback__
    while inner is not None and _is_machinery(inner.tb_frame.f_code.co_filename):
        inner = inner.tb_next
    try:
        lines = traceback.format_exception(type(error), error, inner)
    except Exception:  # noqa: BLE001 - a user's __str__ may raise anything
        lines = [type(error).__name__]
    return escape(redact.redact("".join(lines)))


def _is_machinery(filename: str) -> bool:
    return any(f"{slash}IPython{slash}core{slash}" in filename for slash in "/\\")


@contextlib.contextmanager
def track_cell(
    project: str | None = None,
    name: str | None = None,
    *,
    height: int | None = None,
    display: bool = True,
    **arguments: Any,
) -> Iterator[Run]:
    """Record what happens in a `with` block as a run, and show it where there are cells: `%%track` as a function.

    Where a run is open, the block joins it; else it opens one and ends it, as failed where the block raises.

    Args:
        project, name: of the run.
        height: of what is shown, in pixels.
        display: False shows nothing.
        arguments: those of `init()`.

    Raises:
        UsageError: a run is open, and is not the one that the arguments name.
    """
    given = {"project": project, "name": name, **arguments}
    tracked = start({key: value for key, value in given.items() if value is not None})
    try:
        if display and surroundings.in_notebook():
            tracked.show(height=height, cell=_cell())
        yield tracked.run
    except BaseException as error:
        tracked.end(error)
        raise
    tracked.end(None)


def _cell() -> str | None:
    from tracker_nb.sdk import cells

    cell = cells.running_cell()
    return None if cell is None else cell[0]
