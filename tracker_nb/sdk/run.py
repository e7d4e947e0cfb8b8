"""`Run`: what `init()` returns and user code logs to."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tracker_nb.errors import BadValue, UsageError
from tracker_nb.journal import records
from tracker_nb.journal.naming import now
from tracker_nb.journal.writer import Writer
from tracker_nb.sdk import cells, exits, reprs, stopping
from tracker_nb.sdk.config import Config
from tracker_nb.sdk.nowhere import NoWriter
from tracker_nb.sdk.summary import Summary
from tracker_nb.sdk.surroundings import in_notebook
from tracker_nb.sdk.tidy import LogWarning, tidy
from tracker_nb.sdk.values import encode_hook, escape, plain
from tracker_nb.store import runs, stops
from tracker_nb.store.background import background
from tracker_nb.store.place import Place

if TYPE_CHECKING:
    from tracker_nb.sdk.metric import Metric


class Run:
    """One unit of computation. Made by `init()`; end it with `finish()` or use it as a context manager.

    Attributes:
        config: a dict with attributes, saved on change.
        summary: last values, and what you set.
    """

    def __init__(
        self,
        place: Place | None,
        state: runs.RunState,
        *,
        store_id: str,
        host: str,
        joined: bool = False,
        step: int = 0,
        power: bool = False,
        resumed: bool = False,
    ) -> None:
        self._place = place
        self._state = state
        self._store_id = store_id
        self._host = host
        self._power = power
        self._pid = os.getpid()
        self._joined = joined
        self._finished = self._said_end = self._ended = False
        self._not_before = 0
        self._parts: dict[str, Any] = {}
        self.resumed = resumed
        self.on_finish: list[Callable[[Run], None]] = []
        self.config = Config(state.config, self._write_config)
        self.summary = Summary(self._read_summary, self._write_summary)
        self._writer = self._open(step) if place is not None else self._nowhere(step)
        if isinstance(self._writer, Writer):
            self.log = self._writer.log  # type: ignore[method-assign] # the method below, for a twentieth less

    def _nowhere(self, step: int) -> NoWriter:
        state = self._state
        return NoWriter(step, state, refusal=lambda: _refusal(state))

    def _open(self, step: int) -> Writer:
        assert self._place is not None
        state = self._state
        head = records.Head(
            records.FORMAT,
            self._store_id,
            state.entity,
            state.project,
            state.run,
            state.generation,
            "",
            0,
            self._joined,
            self._host,
            0,
            0,
        )
        writer = Writer(
            self._place.journals,
            head,
            encode_hook=encode_hook,
            plain=plain,
            tidy=tidy,
            refusal=lambda: _refusal(state),  # not a method: the run would be part of a cycle
            mode=self._place.file_mode(),
            step=step,
        )
        writer.running_cell = cells.hook
        try:
            writer.open()
        except OSError as error:
            warnings.warn(
                f"The journal of run {state.name} cannot be written yet: {error.strerror}. What is logged waits in memory.",
                LogWarning,
                stacklevel=5,
            )
        return writer

    def _begin(self, fields: dict[str, Any]) -> None:
        """Say in the journal that the run begins, and let the background apply it."""
        # The clock may have gone back since the last session, and go back again during this one: it still comes later,
        # and ends after its beginning.
        self._not_before = max(self._state.started, self._state.ended or 0, now())
        self._writer.write(lambda seq, time: records.Start(seq, self._not_before, fields))
        self._watch()

    def _watch(self) -> None:
        if self._place is not None:
            assert isinstance(self._writer, Writer)
            on_stop = None if self._joined else self._stop
            background(self._place).watch(self._writer, power=self._power, on_stop=on_stop)

    def _stop(self, asked: stops.Stop) -> None:
        """Somebody wants this run to stop. Called in the background."""
        if self._finished or os.getpid() != self._pid:
            return
        self._parts["stopped_by"] = asked.actor
        stopping.stop(self._end_stopped, notebook=in_notebook())

    def _end_stopped(self) -> None:
        if not self._finished:
            self._end(runs.KILLED, 1, None)

    # ------------------------------------------------------------------------------------------------ logging

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Record a row of values. When this returns, a dying process no longer loses them.

        Args:
            data: values by key: numbers, strings, NumPy and torch scalars and arrays, lists, nested dicts (whose keys are
                joined by a dot), anything else by its repr.
            step: where on the step axis; default: one more than before. Any order, and again, is fine: each call is
                a row of its own.
            commit: False keeps the step open, so that the next call adds to the same row.

        Raises:
            TypeError: `data` is no mapping.
            UsageError: the run has ended.
        """
        self._writer.log(data, step, commit, 2)

    def _log_from(self, data: Any, step: int | None, commit: bool | None, depth: int) -> None:
        """`log()` for our own wrappers: `depth` frames above this one is the user's code."""
        self._writer.log(data, step, commit, depth + 1)

    def define_metric(
        self,
        name: str | Metric,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | Iterable[str] | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
        *,
        objective: str | None = None,
    ) -> Metric:
        """Say what a metric is: its x axis, which values are better, what its summary holds. At any time, also late.

        What several calls say about a name adds up. `log()` and the step go on as before.

        Args:
            name: of a metric, or a prefix with `*` at its end, such as "train/*"; a longer prefix wins over a shorter one,
                and a name over both.
            step_metric: the metric that is its x axis in charts. It need not grow, nor be logged in the same call.
            step_sync: accepted for W&B's sake: a row that lacks the step metric always takes its last value.
            hidden: True: no chart by default.
            summary: one or several of min, max, mean, best, last, first, as "min,max" or a list: `run.summary[name]` is a
                dict of these. "none": it has no summary; "copy": its last value, as without this.
            goal: "minimize" or "maximize": which values are better.
            overwrite: True: what was said of this name before is forgotten.
            objective: another name for `goal`.

        Returns:
            What holds for this name now.

        Raises:
            BadValue: an argument makes no sense.
            UsageError: the run has ended.
        """
        given = {"step_metric": step_metric, "step_sync": step_sync, "hidden": hidden, "summary": summary}
        return self._define_from(name, {**given, "goal": goal, "overwrite": overwrite, "objective": objective}, 2)

    def _define_from(self, name: Any, given: dict[str, Any], depth: int) -> Metric:
        """`define_metric()` for our own wrappers: `depth` frames above this one is the user's code."""
        from tracker_nb.sdk import metric

        if self._finished:
            raise _refusal(self._state, "define metrics")
        definitions = self._state.definitions
        name, fields = metric.fields_of(definitions, name, **given)
        definitions[name] = {**definitions.get(name, {}), **fields}  # as who applies the record
        execution, site = self._writer.origin(depth)
        self._writer.write(lambda seq, time: records.Define(seq, time, execution, site, name, fields))
        return metric.described(name, definitions[name])

    def _write_config(self, values: dict[str, Any], removed: list[str], depth: int) -> None:
        execution, site = self._writer.origin(depth + 1)
        keep = {escape(str(key)): value for key, value in values.items()}
        self._writer.write(lambda seq, time: records.Config(seq, time, execution, site, keep, removed))

    def _write_summary(self, values: dict[str, Any], removed: list[str], depth: int) -> None:
        if isinstance(self._writer, NoWriter):
            self._writer.set_summary(values, removed)
            return
        execution, site = self._writer.origin(depth + 1)
        keep = {escape(str(key)): value for key, value in values.items()}
        self._writer.write(lambda seq, time: records.Summary(seq, time, execution, site, keep, removed))

    def _read_summary(self) -> dict[str, Any]:
        if self._place is None:
            assert isinstance(self._writer, NoWriter)
            return self._writer.read_summary()
        if self._parts.get("reader_pid") != os.getpid():  # SQLite connections do not survive a fork
            from tracker_nb.query.reading import Reader

            self._parts |= {"reader": Reader(self._place), "reader_pid": os.getpid()}
        from tracker_nb.query.overview import summary_of

        return summary_of(self._parts["reader"], self.entity, self.project, self.id)

    def _set(self, name: str, value: Any) -> None:
        setattr(self._state, name, value)
        execution, site = self._writer.origin(3)
        self._writer.write(lambda seq, time: records.Attributes(seq, time, execution, site, {name: value}))

    # ------------------------------------------------------------------------------------------------ what it is

    @property
    def id(self) -> str:
        """Unique in the project, 8 characters unless given."""
        return self._state.run

    @property
    def entity(self) -> str:
        """First part of the path."""
        return self._state.entity

    @property
    def project(self) -> str:
        """Second part of the path."""
        return self._state.project

    @property
    def path(self) -> str:
        """`entity/project/id`."""
        return f"{self.entity}/{self.project}/{self.id}"

    @property
    def name(self) -> str:
        """What people call it. May be set; need not be unique."""
        return self._state.name

    @name.setter
    def name(self, value: str) -> None:
        self._set("name", escape(str(value)))

    @property
    def notes(self) -> str:
        """Free text, Markdown allowed. May be set."""
        return self._state.notes

    @notes.setter
    def notes(self, value: str) -> None:
        self._set("notes", escape(str(value)))

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags. To add one: `run.tags += ("best",)`."""
        return tuple(self._state.tags)

    @tags.setter
    def tags(self, value: Iterable[str]) -> None:
        self._set("tags", clean_tags(value))

    @property
    def group(self) -> str | None:
        """Group it was put in."""
        return self._state.group

    @property
    def job_type(self) -> str | None:
        """Job type, such as train or eval."""
        return self._state.job_type

    @property
    def color(self) -> str:
        """Its colour in every chart, as #RRGGBB."""
        return self._state.color

    @property
    def step(self) -> int:
        """The step that the next `log()` without one gets."""
        return self._writer.step

    @property
    def disabled(self) -> bool:
        """True in mode disabled: nothing is recorded."""
        return self._place is None

    @property
    def dir(self) -> str:
        """Folder for files of this run, inside the store. Made when first asked for."""
        if self._place is None:
            import tempfile

            if "dir" not in self._parts:
                self._parts["dir"] = tempfile.mkdtemp(prefix="tracker_nb-")
            return str(self._parts["dir"])
        folder = Path(self._place.files, *map(_as_folder, (self.entity, self.project, self.id)))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(folder)

    # ------------------------------------------------------------------------------------------------ the end

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run. Applies what it logged to the store; never hangs, and may be called again.

        Args:
            exit_code: 0 or None: finished; anything else: failed.
            quiet: accepted for W&B's sake.
        """
        del quiet
        self._end(exits.state_of(exit_code or 0), exit_code or 0, None)

    def _end(self, state: str, exit_code: int, error: str | None) -> None:
        if self._ended:
            return
        if "stopped_by" in self._parts:
            state = runs.KILLED  # also where the program caught the interrupt and ended in good order
        self._finished = self._writer.ended = (
            True  # `_ended` is set last: where an interrupt comes in between, the next call goes on
        )
        if os.getpid() != self._pid or self._joined:
            # A child that was handed the run: it ends its own journal, not its parent's run.
            self._writer.close()
        else:
            if not self._said_end:
                fields = {"error": error} if error else {}
                if "stopped_by" in self._parts:
                    fields["stopped_by"] = escape(self._parts["stopped_by"])
                begun = self._not_before
                self._writer.write(lambda seq, time: records.Finish(seq, max(time, begun), state, exit_code, fields))
                self._said_end = True
            self._writer.retry()
            self._heal()
            self._writer.close()
            if self._writer.waiting or self._writer.dropped:
                _say_lost(self._writer.waiting + self._writer.dropped, self.name)
        self._state.state = state
        if self._place is not None and os.getpid() == self._pid:
            assert isinstance(self._writer, Writer)
            problem = background(self._place).release(self._writer, self.id)
            if problem is not None:
                warnings.warn(
                    f"Run {self.name} is safe in the journals of {self._place} but not yet in its database: "
                    f"{str(problem).rstrip('.')}. The next process that opens the store applies it.",
                    LogWarning,
                    stacklevel=3,
                )
        if self._parts.pop("reader_pid", None) == os.getpid():
            self._parts.pop("reader").close()
        for call in self.on_finish:
            call(self)
        self._ended = True

    def _heal(self) -> None:
        """If somebody deleted the journal, write it again before letting go of it."""
        try:
            self._writer.heal()
        except OSError as error:
            warnings.warn(
                f"The journal of run {self.name} was deleted and cannot be written again: {error.strerror}. What is not yet "
                f"in {self._place} is lost.",
                LogWarning,
                stacklevel=4,
            )

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or (issubclass(kind, SystemExit) and exits.code_of(getattr(value, "code", None)) == 0):
            self._end(runs.FINISHED, 0, None)
            return
        import traceback

        text = "".join(traceback.format_exception(kind, value, trace))
        killed = issubclass(kind, KeyboardInterrupt)
        code = exits.code_of(getattr(value, "code", 1)) if issubclass(kind, SystemExit) else 1
        self._end(exits.state_of(code, killed=killed), code, escape(text))

    def __repr__(self) -> str:
        return f"<Run {self.path} {self.name!r}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> reprs.Bundle:
        return reprs.mimebundle(self)

    # A run handed to a spawned process logs to the same run, by a journal of its own (1.6.3-6).

    def __getstate__(self) -> dict[str, Any]:
        return {
            "place": self._place,
            "state": self._state,
            "store_id": self._store_id,
            "host": self._host,
            "step": self.step,
            "power": self._power,
            "config": self.config.as_dict(),
        }

    def __setstate__(self, saved: dict[str, Any]) -> None:
        state = saved["state"]
        state.config = saved["config"]
        self.__init__(  # type: ignore[misc]
            saved["place"],
            state,
            store_id=saved["store_id"],
            host=saved["host"],
            joined=True,
            step=saved["step"],
            power=saved["power"],
        )
        self._watch()


def _as_folder(name: str) -> str:
    """A name that is one folder, wherever it is: "/", ".." and what a file system may not like are quoted."""
    quoted = quote(name, safe=" ")
    return quoted.replace(".", "%2E") if set(quoted) == {"."} else quoted


def clean_tags(given: Iterable[str] | str | None) -> list[str]:
    """Tags as a list without repeats.

    Raises:
        BadValue: not strings.
    """
    if given is None:
        return []
    tags = [given] if isinstance(given, str) else list(given)
    if not all(isinstance(tag, str) for tag in tags):
        raise BadValue(f"tags must be strings, such as tags=['baseline'], not {tags!r}.")
    return list(dict.fromkeys(escape(tag) for tag in tags))


def _say_lost(count: int, name: str) -> None:
    warnings.warn(
        f"{count} records of run {name} could not be written: the disk was full. All others are safe.",
        LogWarning,
        stacklevel=4,
    )


def _refusal(state: runs.RunState, what: str = "log") -> UsageError:
    return UsageError(
        f"Run {state.name} has ended: {what} before finish(), go on with init(id={state.run!r}, resume='must'), or begin "
        f"another with init()."
    )
