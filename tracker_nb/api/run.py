"""`Run` as read back from a store, and what people may change of it afterwards."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tracker_nb.query import buckets as buckets_
from tracker_nb.query import history, series
from tracker_nb.query.parts import keys
from tracker_nb.query.summaries import as_user_sees, summaries
from tracker_nb.sdk import reprs
from tracker_nb.sdk.values import plain
from tracker_nb.store import commands, runs
from tracker_nb.store.database import Database

if TYPE_CHECKING:
    import pandas as pd

    from tracker_nb.api.public import Api, Runs


class Run:
    """A run as it was when first looked at. Times are UTC."""

    def __init__(self, api: Api, state: runs.RunState, *, page: tuple[Runs, int] | None = None) -> None:
        self._api = api
        self._state = _as_user_sees(state)
        self._page = page
        self._summary: Summary | None = None
        self._before: dict[str, Any] = {}
        self._flushed = api._flushed

    def _look(self) -> runs.RunState:
        """The state, read again after `Api.flush()`."""
        if self._flushed != self._api._flushed:
            self._flushed = self._api._flushed
            self._summary, self._page, self._before = None, None, {}
            state = self._state
            found = self._api._reader.run_state(state.entity, state.project, state.run)
            self._state = state if found is None else _as_user_sees(found)
        return self._state

    @property
    def id(self) -> str:
        """Unique in its project."""
        return self._state.run

    @property
    def name(self) -> str:
        """What people call it. Set it, then call `update()`."""
        return self._look().name

    @name.setter
    def name(self, value: str) -> None:
        self._set("name", value)

    @property
    def entity(self) -> str:
        """First part of the path."""
        return self._state.entity

    @property
    def project(self) -> str:
        """Second part of the path."""
        return self._state.project

    @property
    def path(self) -> list[str]:
        """[entity, project, id], as W&B has it."""
        return [self.entity, self.project, self.id]

    @property
    def state(self) -> str:
        """running, finished, failed, crashed or killed."""
        return self._look().state

    @property
    def exit_code(self) -> int | None:
        """What the program ended with; None while it runs and where nobody knows."""
        return self._look().exit_code

    @property
    def config(self) -> dict[str, Any]:
        """Hyperparameters, nested as they were given. Change them, then call `update()`."""
        config: dict[str, Any] = self._editable("config")
        return config

    @property
    def summary(self) -> Summary:
        """The last value of each metric, or what was set by hand; `_step`, `_timestamp` and `_runtime` (seconds) too.

        Change it, then call `summary.update()`.
        """
        state = self._look()
        if self._summary is None:
            if self._page is not None:
                runs_, at = self._page
                runs_._load_page(at)
            if self._summary is None:
                found = self._api._reader.ask(lambda view: summaries(view, [state])[0], run=state.run)
                self._summary = Summary(self, found)
        return self._summary

    @property
    def metadata(self) -> dict[str, Any]:
        """Host, program, arguments, Python version and the like; the traceback under `error` if it failed."""
        return dict(self._look().metadata)

    @property
    def tags(self) -> list[str]:
        """Tags. Change the list, then call `update()`."""
        tags: list[str] = self._editable("tags")
        return tags

    @property
    def notes(self) -> str:
        """Free text. Set it, then call `update()`."""
        return self._look().notes

    @notes.setter
    def notes(self, value: str) -> None:
        self._set("notes", value)

    @property
    def group(self) -> str | None:
        """Group it was put in. Set it, then call `update()`."""
        return self._look().group

    @group.setter
    def group(self, value: str | None) -> None:
        self._set("group", value)

    @property
    def job_type(self) -> str | None:
        """Job type."""
        return self._look().job_type

    @property
    def color(self) -> str:
        """Its colour in every chart."""
        return self._look().color

    @property
    def created_at(self) -> str:
        """When it began, ISO 8601, UTC."""
        return _iso(self._look().created)

    @property
    def ended_at(self) -> str | None:
        """When it ended, ISO 8601, UTC; None while it runs."""
        ended = self._look().ended
        return None if ended is None else _iso(ended)

    @property
    def runtime(self) -> float:
        """Seconds from its beginning to its end, or to the last thing it said."""
        state = self._look()
        return ((state.ended or state.updated) - state.created) / 1e6

    def _editable(self, field: str) -> Any:
        value = getattr(self._look(), field)
        self._before.setdefault(field, copy.deepcopy(value))
        return value

    def _set(self, field: str, value: Any) -> None:
        self._editable(field)
        setattr(self._state, field, value)

    def update(self) -> None:
        """Save what was changed here: name, notes, group, tags, config.

        Raises:
            StoreBusy, StoreReadOnly: nothing was changed.
        """
        now = {name: getattr(self._state, name) for name in self._before}
        changes = {name: value for name, value in now.items() if name != "config" and value != self._before[name]}
        if "config" in now:
            old = self._before["config"]
            config = {k: plain(v) for k, v in now["config"].items() if k not in old or not _equal(old[k], v)}
            changes |= {"config": config} if config else {}
        if changes:
            self._command(lambda database, path: commands.change_run(database, path, changes))
        self._before = {}

    def delete(self) -> None:
        """Put the run into the trash: it is listed no more, and `restore()` brings it back.

        Raises:
            StoreBusy, StoreReadOnly: nothing was changed.
        """
        self._command(commands.delete_run)

    def restore(self) -> None:
        """Take the run out of the trash."""
        self._command(commands.restore_run)

    def _command(self, act: Callable[[Database, commands.RunPath], None]) -> None:
        path = commands.RunPath(self.entity, self.project, self.id)
        commands.carry_out(self._api._reader.place, path, act)

    def keys(self) -> list[str]:
        """Names of everything it has logged, oldest first."""
        state = self._look()
        return self._api._reader.ask(lambda view: keys(view, state), run=state.run)

    def series(self, key: str) -> series.Series:
        """Every value of a metric: `.step`, `.time`, `.value` as NumPy arrays.

        Raises:
            UnknownMetric: the run never logged it; the message names the closest.
        """
        return series.series(self._api._reader, self._look(), key)

    def history(
        self, samples: int | None = 500, keys: Sequence[str] | None = None, pandas: bool = True
    ) -> pd.DataFrame | list[dict[str, Any]]:
        """Rows with `_step`, `_timestamp` and `_runtime` (seconds), as a DataFrame or a list of dicts.

        Args:
            samples: at most so many rows, evenly spread; None: all of them.
            keys: only rows that have all of these.
        """
        rows = history.history(self._api._reader, self._look(), keys=keys, samples=samples)
        if not pandas:
            return rows
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "run.history() returns a pandas DataFrame and pandas is not installed: pip install 'tracker_nb[notebook]', "
                "or history(pandas=False) for a list of dicts."
            ) from error
        names = list(dict.fromkeys(name for row in rows for name in row)) or ["_step", "_timestamp", "_runtime"]
        first = [name for name in ("_step", "_timestamp", "_runtime") if name in names]
        return pd.DataFrame(rows, columns=[*first, *(name for name in names if name not in first)])

    def scan_history(
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1000,
        min_step: int | None = None,
        max_step: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Every row, one dict after the other, `page_size` read at a time; steps from `min_step` to before `max_step`."""
        return history.scan(
            self._api._reader, self._look(), keys=keys, page_size=page_size, min_step=min_step, max_step=max_step
        )

    def buckets(
        self,
        key: str,
        *,
        x: str = buckets_.STEP,
        window: tuple[float | None, float | None] = (None, None),
        n: int = 1000,
    ) -> buckets_.Buckets:
        """A metric reduced to at most `n` buckets for a chart. No minimum or maximum is lost.

        Args:
            x: `_step`, `_runtime` (seconds since the run began), `_timestamp` (since 1970), or another metric.
            window: from and to, in units of x, both included; None for all there is.
            n: a window of so many points or fewer comes back point by point.

        Raises:
            UnknownMetric: the run never logged `key` or `x`; the message names the closest.
        """
        state = self._look()
        found = buckets_.buckets(self._api._reader, [state], [key], x=x, window=window, n=n)
        if not found:
            for name in (key, *((x,) if not x.startswith("_") else ())):
                series.series(self._api._reader, state, name)
        return found.get((state.run, key), buckets_.NOTHING)

    def __repr__(self) -> str:
        return f"<Run {'/'.join(self.path)} {self._state.name!r} ({self._state.state})>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> reprs.Bundle:
        return reprs.mimebundle(self)


class Summary(dict[str, Any]):
    """Summary values of a run; `update()` saves what was changed."""

    def __init__(self, run: Run, values: dict[str, Any]) -> None:
        super().__init__(values)
        self._run = run
        self._before = copy.deepcopy(values)

    def update(self, *args: Any, **values: Any) -> None:
        """Set values as `dict.update` does, then save all that was set or removed since they were read.

        Raises:
            StoreBusy, StoreReadOnly: nothing was changed.
        """
        super().update(*args, **values)
        changed = {k: v for k, v in self.items() if k not in self._before or not _equal(self._before[k], v)}
        removed = [key for key in self._before if key not in self]
        if changed or removed:
            plain_values = {key: plain(value) for key, value in changed.items()}
            self._run._command(
                lambda database, path: commands.set_summary(database, path, plain_values, removed=removed)
            )
        self._before = copy.deepcopy(dict(self))


def _as_user_sees(state: runs.RunState) -> runs.RunState:
    """Arrays in the config are NumPy's."""
    state.config = as_user_sees(state.config)
    return state


def _equal(a: Any, b: Any) -> bool:
    try:
        return bool(a == b)
    except ValueError:  # arrays compare element by element
        return False


def _iso(time: int) -> str:
    return datetime.fromtimestamp(time / 1e6, UTC).isoformat().replace("+00:00", "Z")
