"""tracker_nb: experiments recorded where you work.

    import tracker_nb

    with tracker_nb.init(project="digits", config={"lr": 0.01}) as run:
        run.log({"loss": 0.5})

    tracker_nb.Api().run(run.path).series("loss").value

`import tracker_nb as wandb` runs scripts written for W&B. Names are loaded when they are first used. In a notebook the
import also brings the magics `%%track` and `%track`.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracker_nb.api import Api
    from tracker_nb.errors import (
        BadValue,
        MissingExtra,
        ProjectNotFound,
        RunExists,
        RunNotFound,
        SettingsError,
        StoreBusy,
        StoreDamaged,
        StoreNotFound,
        StoreReadOnly,
        StoreTooNew,
        TrackerError,
        UnknownMetric,
        UsageError,
    )
    from tracker_nb.notebook.tracking import track_cell
    from tracker_nb.notebook.views import show
    from tracker_nb.sdk.config import Config
    from tracker_nb.sdk.init import finish, init
    from tracker_nb.sdk.metric import Metric
    from tracker_nb.sdk.run import Run
    from tracker_nb.sdk.settings import Settings
    from tracker_nb.sdk.summary import Summary

    run: Run | None
    config: Config
    summary: Summary

__version__ = "0.1.0"

_HOMES = {
    "Api": "tracker_nb.api",
    "Config": "tracker_nb.sdk.config",
    "Run": "tracker_nb.sdk.run",
    "Settings": "tracker_nb.sdk.settings",
    "Summary": "tracker_nb.sdk.summary",
    "finish": "tracker_nb.sdk.init",
    "init": "tracker_nb.sdk.init",
    "show": "tracker_nb.notebook.views",
    "track_cell": "tracker_nb.notebook.tracking",
}
_HOMES |= dict.fromkeys(
    (
        "BadValue", "MissingExtra", "ProjectNotFound", "RunExists", "RunNotFound", "SettingsError", "StoreBusy",
        "StoreDamaged", "StoreNotFound", "StoreReadOnly", "StoreTooNew", "TrackerError", "UnknownMetric", "UsageError",
    ),
    "tracker_nb.errors",
)  # fmt: skip
_OF_THE_RUN = ("run", "config", "summary")

__all__ = [
    "Api",
    "BadValue",
    "Config",
    "MissingExtra",
    "ProjectNotFound",
    "Run",
    "RunExists",
    "RunNotFound",
    "Settings",
    "SettingsError",
    "StoreBusy",
    "StoreDamaged",
    "StoreNotFound",
    "StoreReadOnly",
    "StoreTooNew",
    "Summary",
    "TrackerError",
    "UnknownMetric",
    "UsageError",
    "config",
    "define_metric",
    "finish",
    "init",
    "log",
    "login",
    "run",
    "show",
    "summary",
    "track_cell",
]


def log(data: dict[str, Any], step: int | None = None, commit: bool | None = None) -> None:
    """Log to the current run: see `Run.log`.

    Raises:
        UsageError: there is none; call `init()` first.
    """
    from tracker_nb.sdk.init import need_run

    need_run("log")._log_from(data, step, commit, 2)


def define_metric(
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
    """Say what a metric of the current run is: see `Run.define_metric`.

    Raises:
        UsageError: there is no run; call `init()` first.
    """
    from tracker_nb.sdk.init import need_run

    given = {"step_metric": step_metric, "step_sync": step_sync, "hidden": hidden, "summary": summary}
    given |= {"goal": goal, "overwrite": overwrite, "objective": objective}
    return need_run("define_metric")._define_from(name, given, 2)


def login(*args: Any, **options: Any) -> bool:
    """True, whatever is given: scripts written for W&B begin with it, and there is no account here."""
    del args, options
    return True


def __dir__() -> list[str]:
    return sorted(__all__)


class _Module(ModuleType):
    """The module itself: `run`, `config` and `summary` are those of the current run, and `config` may be assigned."""

    def __getattr__(self, name: str) -> Any:
        if name in _HOMES:
            value = getattr(importlib.import_module(_HOMES[name]), name)
            setattr(self, name, value)
            return value
        if name in _OF_THE_RUN:
            return _of_the_run(name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "config" and not isinstance(value, ModuleType):
            _assign_config(value)
        else:
            super().__setattr__(name, value)


def _of_the_run(name: str) -> Any:
    from tracker_nb.sdk import init as begin

    # `config` and `summary` exist before there is a run: help() and `import *` look at every name.
    of_the_run = {"run": begin.current, "config": begin.config_of_the_run, "summary": begin.summary_of_the_run}
    return of_the_run[name]()


def _assign_config(value: Any) -> None:
    from tracker_nb.sdk import init as begin
    from tracker_nb.sdk.config import as_dict

    run = begin.current()
    if run is None:
        begin.pending_config.update(as_dict(value))
    else:
        run.config.update(value)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext tracker_nb`: the magics and the recording of cells. `import tracker_nb` in a notebook does it too."""
    from tracker_nb.notebook import extension

    extension.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext tracker_nb`: take them away again."""
    from tracker_nb.notebook import extension

    extension.unload(shell)


def _load_in_ipython() -> None:
    """Where cells are run, register. IPython is looked for and never imported: a script pays for one look-up."""
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_shell() if get_shell is not None else None
    if shell is not None:
        try:
            load_ipython_extension(shell)
        except Exception as error:  # noqa: BLE001 - logging works without magics
            import warnings

            warnings.warn(f"tracker_nb: %track is not there, and cells are not recorded: {error!r}", stacklevel=3)


sys.modules[__name__].__class__ = _Module
_load_in_ipython()
