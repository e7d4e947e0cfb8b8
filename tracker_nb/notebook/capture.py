"""Every execution of a cell, as it begins and as it ends: what provenance is made of.

IPython says when a cell runs. Cells that are silent or do not count (`store_history=False`) are not recorded; what a cell
runs by `run_cell` belongs to that cell. Nothing here may keep a cell from running: whatever goes wrong is said once, or not
at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import threading
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tracker_nb.errors import SettingsError
from tracker_nb.journal.naming import Cell, now
from tracker_nb.sdk import cells, redact, remembered
from tracker_nb.sdk.settings import Settings, resolve
from tracker_nb.sdk.values import escape

# The session brings SQLite and NumPy: a cell that only imports us does not wait for them while it runs.
if TYPE_CHECKING:
    from tracker_nb.notebook.tracking import Tracked
    from tracker_nb.sdk.session import Session

DAYS, MEGABYTES = 365, 200
LONGEST_SOURCE = 1 << 18
LONGEST_TRACEBACK = 1 << 14
MOST_OTHERS = 30
"""So many other cells of the notebook are named with an execution, those that ran last."""
LONGEST_RESULT = 1 << 16

NOTICE = (
    "tracker_nb: the cells you run in notebooks are recorded on this machine, secrets redacted, so that a run can show what "
    "made it. To switch it off: %track --history off in a notebook, or TRACKER_NB_HISTORY=off. To delete it: tracker-nb "
    "history purge. (Said once.)"
)


@dataclass(slots=True)
class Frame:
    """A call of `run_cell` that has not returned.

    Attributes:
        info: IPython's description of it; None for the cell in which we were loaded.
        parent: the request that it belongs to; None where there is no kernel.
        uid: of the execution; None where it is not recorded.
        source: as it was run.
        tracked: the runs that `%%track` has around it.
    """

    info: Any
    parent: str | None
    uid: str | None = None
    key: str = ""
    sha256: str = ""
    in_session: bool = False
    with_source: bool = False
    announce: bool = False
    cell: Cell | None = None
    tracked: list[Tracked] = field(default_factory=list)


class Capture:
    """Listens to one shell.

    Attributes:
        uid: tells the cells of this kernel from those of others.
        off: the history was switched off here.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.uid = secrets.token_hex(6)
        self._session: Session | None = None
        self.off = False
        self._mine = threading.local()
        self._others: dict[str, str] = {}
        self._said_settings = False

    @property
    def session(self) -> Session:
        """The journal that cells are recorded in."""
        if self._session is None:
            from tracker_nb.sdk.session import Session

            self._session = Session(self.uid)
        return self._session

    def close(self) -> None:
        """Nothing more comes."""
        if self._session is not None:
            self._session.close()

    @property
    def _frames(self) -> list[Frame]:
        """Of this thread: kernels have subshells, which run cells beside each other."""
        if not hasattr(self._mine, "frames"):
            self._mine.frames = []
        frames: list[Frame] = self._mine.frames
        return frames

    @property
    def frame(self) -> Frame | None:
        """The innermost cell that is running in this thread."""
        return self._frames[-1] if self._frames else None

    # ------------------------------------------------------------------------------------------------ IPython says

    def loaded(self) -> None:
        """We were loaded by a cell that is running: IPython will say when it ends, and did not say when it began.

        Its rows know it from now on. In the session's journal it is written when it ends.
        """
        request = self._request()
        content = request.get("content", {})
        if self._frames or request.get("header", {}).get("msg_type") != "execute_request":
            return
        frame = Frame(None, _id_of(request))
        self._frames.append(frame)
        if content.get("store_history", True) and not content.get("silent") and isinstance(content.get("code"), str):
            count = self._count(stored=True)
            self._begin(frame, content["code"], request.get("metadata", {}).get("cellId"), count)

    def pre_run_cell(self, info: Any) -> None:
        """A cell begins."""
        parent = _id_of(self._request())
        while self._frames and parent is not None and self._frames[-1].parent != parent:
            self._end(self._frames.pop(), None, outcome="aborted")  # nobody told us of its end
        nested = bool(self._frames)
        frame = Frame(info, parent)
        self._frames.append(frame)
        if not nested and info.store_history:
            self._begin(frame, info.raw_cell, getattr(info, "cell_id", None), self._count(stored=False))

    def post_run_cell(self, result: Any) -> None:
        """A cell has ended; `result` is None where it was interrupted in a way that leaves none."""
        info = getattr(result, "info", None)
        frames = self._frames
        if not any(frame.info is None or result is None or frame.info is info for frame in frames):
            return  # it began before we were here, or was empty
        while frames:
            frame = frames.pop()
            if frame.info is None or result is None or frame.info is info:
                self._end(frame, result)
                return
            self._end(frame, None, outcome="aborted")

    # ------------------------------------------------------------------------------------------------ a cell

    def _count(self, *, stored: bool) -> int:
        """Number of the cell that is running. Late releases of IPython count on before it runs, others when it has run.

        Args:
            stored: the cell is in IPython's own history already.
        """
        after = int(self.shell.execution_count)
        inputs = len(self.shell.history_manager.input_hist_raw) - stored  # the first is an empty one
        return after if inputs >= after else after - 1

    def _begin(self, frame: Frame, source: str, cell_id: str | None, count: int) -> None:
        chosen = self._settings()
        if chosen.mode == "disabled":
            return
        notebook = self.notebook()
        frame.uid = secrets.token_hex(8)
        frame.sha256 = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
        frame.key = cell_id or f"[{count}]"
        fields: dict[str, Any] = {"session": self.uid, "started": now(), "execution_count": count}
        fields |= {"notebook": escape(notebook) if notebook else None, "cell_id": escape(cell_id) if cell_id else None}
        frame.with_source = self.is_recording(chosen)
        if frame.with_source:
            fields["source"] = _short(escape(redact.redact(source)), LONGEST_SOURCE)
            fields["source_sha256"] = frame.sha256
            others = {key: sha for key, sha in self._others.items() if key != frame.key}
            if others:
                fields["others"] = others
        frame.cell = (frame.uid, fields, 0)
        cells.begin(frame.cell)
        if frame.info is not None:
            self._record(frame, chosen)

    def _record(self, frame: Frame, chosen: Settings) -> None:
        """Write the beginning of a cell into the session's journal."""
        if frame.with_source and frame.cell is not None:
            from tracker_nb.store.history import Limits

            limits = Limits(_given(chosen.history_days, DAYS), _given(chosen.history_mb, MEGABYTES) << 20)
            frame.in_session = self.session.begin(frame.cell, limits)
            quiet = chosen.silent or chosen.quiet
            frame.announce = frame.in_session and not quiet and not remembered.was_announced()

    def _end(self, frame: Frame, result: Any, *, outcome: str | None = None) -> None:
        from tracker_nb.notebook import tracking
        from tracker_nb.sdk import session

        error = _error_of(result)
        if frame.info is None and frame.uid is not None:
            self._record(frame, self._settings())
        if result is None:
            error = KeyboardInterrupt()
        if frame.uid is not None:
            ended, fields = now(), {"outcome": outcome or _outcome(error)}
            if error is not None and fields["outcome"] == "error":
                fields["error"] = type(error).__name__
                if frame.with_source:
                    fields["traceback"] = _short(tracking.text_of(error), LONGEST_TRACEBACK, tail=True)
            if frame.with_source and result is not None and (digest := _digest(result)) is not None:
                fields["result_sha256"] = digest
            session.end_in_runs(frame.uid, ended, fields)
            if frame.in_session:
                self.session.end(frame.uid, ended, fields)
            if frame.with_source:
                self._others.pop(frame.key, None)
                self._others[frame.key] = frame.sha256[:16]
                for key in list(self._others)[:-MOST_OTHERS]:
                    del self._others[key]
        for tracked in reversed(frame.tracked):
            tracked.end(error)
        if frame.uid is not None:
            cells.end(frame.uid)
        if frame.announce:
            remembered.announce()
            print(NOTICE)  # noqa: T201 - said where the user looks, in the thread that runs the cell

    # ------------------------------------------------------------------------------------------------ where we are

    def is_recording(self, chosen: Settings | None = None) -> bool:
        """True if what is run here goes into the history."""
        chosen = chosen or self._settings()
        return (
            chosen.history is not False
            and not self.off
            and chosen.mode != "disabled"
            and type(self.shell).__name__ != "TerminalInteractiveShell"
            and not remembered.is_off(self.notebook())
        )

    def _settings(self) -> Settings:
        try:
            return resolve(None, {})
        except SettingsError as error:
            if not self._said_settings:
                self._said_settings = True
                warnings.warn(f"{error} Until then no cell is recorded.", stacklevel=2)
            return Settings(history=False)

    def notebook(self) -> str | None:
        """Path of the notebook, as far as the kernel is told it."""
        found = self.shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
        return found if isinstance(found, str) and found else None

    def _request(self) -> dict[str, Any]:
        with contextlib.suppress(Exception):  # no kernel, or one of another kind
            request = self.shell.kernel.get_parent("shell")
            return request if isinstance(request, dict) else {}
        return {}


def _id_of(request: dict[str, Any]) -> str | None:
    found = request.get("header", {}).get("msg_id")
    return found if isinstance(found, str) else None


def _error_of(result: Any) -> BaseException | None:
    error = getattr(result, "error_before_exec", None) or getattr(result, "error_in_exec", None)
    return error if isinstance(error, BaseException) else None


def _outcome(error: BaseException | None) -> str:
    from tracker_nb.notebook import tracking
    from tracker_nb.sdk import exits

    if error is None or (isinstance(error, SystemExit) and exits.code_of(error.code) == 0):
        return "ok"
    return "interrupted" if tracking.is_interrupt(error) else "error"


def _digest(result: Any) -> str | None:
    """SHA-256 of what the cell evaluated to, where that has one plain form."""
    value = getattr(result, "result", None)
    if type(value) not in (str, int, float, bool, bytes) or (
        isinstance(value, str | bytes) and len(value) > LONGEST_RESULT
    ):
        return None
    if isinstance(value, int) and value.bit_length() > 4096:
        return None
    return hashlib.sha256(repr(value).encode("utf-8", "backslashreplace")).hexdigest()


def _short(text: str, most: int, *, tail: bool = False) -> str:
    if len(text) <= most:
        return text
    cut = f"... ({len(text) - most:,} characters left out) ..."
    return f"{cut}\n{text[-most:]}" if tail else f"{text[:most]}\n{cut}"


def _given(value: int | None, default: int) -> int:
    return default if value is None else value
