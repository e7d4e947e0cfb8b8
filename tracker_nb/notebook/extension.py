"""What `%load_ext tracker_nb`, or `import tracker_nb` in a notebook, puts into the shell; and how it goes again."""

from __future__ import annotations

import sys
from typing import Any

from tracker_nb.errors import TrackerError, UsageError
from tracker_nb.notebook.capture import Capture
from tracker_nb.notebook.options import CELL_USAGE, LINE_USAGE, cell_options, line_options
from tracker_nb.notebook.transform import CELL, transform
from tracker_nb.sdk import cells, remembered, reprs

_NAME = "_tracker_nb_extension"


class Extension:
    """Our part of one shell."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.capture = Capture(shell)
        self._events = (
            ("pre_run_cell", self.capture.pre_run_cell),
            ("post_run_cell", self.capture.post_run_cell),
        )

    def load(self) -> None:
        """Put everything in place."""
        cells.watch()
        _tell_open_runs()
        for name, listener in self._events:
            self.shell.events.register(name, listener)
        self.shell.input_transformers_cleanup.append(transform)
        self.shell.register_magic_function(_magic(self), magic_kind="line_cell", magic_name="track")
        reprs.bundle_of = _bundle_of
        self.capture.loaded()

    def unload(self) -> None:
        """Take everything away again. What was recorded stays."""
        for name, listener in self._events:
            self.shell.events.unregister(name, listener)
        if transform in self.shell.input_transformers_cleanup:
            self.shell.input_transformers_cleanup.remove(transform)
        for kind in ("line", "cell"):
            self.shell.magics_manager.magics[kind].pop("track", None)
        reprs.bundle_of = None
        cells.unwatch()
        _tell_open_runs()
        self.capture.close()

    # ------------------------------------------------------------------------------------------------ the magic

    def line(self, line: str) -> None:
        """`%track`, and what the first line of a `%%track` cell was made into."""
        __tracebackhide__ = True
        if line.startswith(CELL):
            self.begin(line[len(CELL) :])
            return
        options = line_options(line)
        if options.history is not None:
            self._switch(options.history)
            return
        from tracker_nb.notebook.views import show

        show(options.path, height=options.height)

    def cell(self, line: str, body: str) -> None:
        """`%%track` where no transformer saw it: called by another magic."""
        __tracebackhide__ = True
        self.begin(line)
        self.shell.run_cell(body).raise_error()

    def begin(self, line: str) -> None:
        """The cell that is running is tracked from here on."""
        __tracebackhide__ = True
        from tracker_nb.notebook import tracking

        options = cell_options(line, self.shell.user_ns)
        frame = self.capture.frame
        if frame is None:
            raise UsageError("%%track stands in the first line of a cell, and no cell is running here.")
        tracked = tracking.start(options.init)
        frame.tracked.append(tracked)
        if options.display:
            tracked.show(height=options.height, cell=frame.uid)

    def _switch(self, history: str) -> None:
        capture, notebook = self.capture, self.capture.notebook()
        if history != "status":
            capture.off = history == "off"
            kept = notebook is not None and remembered.switch(notebook, on=history == "on")
            where = (
                "this notebook, now and later" if kept else "this kernel session (which notebook it is, it is not told)"
            )
        else:
            where = "this notebook"
        if capture.is_recording():
            state = f"Cells of {where} are recorded, secrets redacted."
        elif history == "on":
            state = "Recording is switched off elsewhere: look at TRACKER_NB_HISTORY and TRACKER_NB_MODE."
        else:
            state = (
                f"From the next cell on, cells of {where} are not recorded."
                if history == "off"
                else "Nothing is recorded here."
            )
        print(state)  # noqa: T201
        if history == "off":
            print("What was recorded before stays until `tracker-nb history purge`.")  # noqa: T201


def _tell_open_runs() -> None:
    """Runs that were begun before we came, or are open when we go."""
    begin = sys.modules.get("tracker_nb.sdk.init")
    for run in begin.open_runs() if begin is not None else ():
        run._writer.running_cell = cells.hook


def _magic(extension: Extension) -> Any:
    def track(line: str, cell: str | None = None) -> None:
        __tracebackhide__ = True
        if cell is not None:
            extension.cell(line, cell)
            return
        try:
            extension.line(line)
        except TrackerError as error:
            # The message says it all: our own frames between it and the user's line would only be in the way.
            raise error.with_traceback(None) from error.__cause__

    track.__doc__ = f"{CELL_USAGE}\n\n\n{LINE_USAGE}"
    return track


def load(shell: Any) -> None:
    """Put our part into a shell. Again and again is fine."""
    if getattr(shell, _NAME, None) is None:
        extension = Extension(shell)
        setattr(shell, _NAME, extension)
        extension.load()
        shell.extension_manager.loaded.add("tracker_nb")  # so that %unload_ext works, whichever way it came


def unload(shell: Any) -> None:
    """Take it away."""
    extension: Extension | None = getattr(shell, _NAME, None)
    if extension is not None:
        setattr(shell, _NAME, None)
        extension.unload()


def _bundle_of(thing: Any) -> reprs.Bundle | None:
    """How runs show themselves; what that needs is imported when one does."""
    from tracker_nb.notebook.reprs import bundle_of

    return bundle_of(thing)
