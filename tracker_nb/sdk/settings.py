"""`Settings`: every switch of a run, in W&B's names.

Arguments of `init()` win over `Settings(...)`, these over `TRACKER_NB_*`, these over `WANDB_*`.
"""

from __future__ import annotations

import os
from typing import Any

import traitlets

from tracker_nb.errors import SettingsError, closest

MODES = ("online", "offline", "disabled")
RESUME = ("never", "allow", "must", "auto")


class Settings(traitlets.HasTraits):
    """Settings of a run, all optional: what is not given is taken from the environment, else its default holds."""

    entity = traitlets.Unicode(None, allow_none=True, help="First part of a run's path. Default: the user's name.")
    project = traitlets.Unicode(None, allow_none=True, help="Project of the run. Default: uncategorized.")
    run_id = traitlets.Unicode(None, allow_none=True, help="Id of the run. Default: 8 random characters.")
    run_name = traitlets.Unicode(None, allow_none=True, help="Name of the run. Default: adjective-noun-N.")
    run_notes = traitlets.Unicode(None, allow_none=True, help="Notes, Markdown allowed. Default: none.")
    run_tags = traitlets.Any(None, allow_none=True, help="Tags: a list of strings. Default: none.")
    run_group = traitlets.Unicode(None, allow_none=True, help="Group of the run. Default: none.")
    run_job_type = traitlets.Unicode(None, allow_none=True, help="Job type of the run. Default: none.")
    resume = traitlets.CaselessStrEnum(
        RESUME, None, allow_none=True, help="What to do when the id exists: never, allow or must. Default: never."
    )
    mode = traitlets.CaselessStrEnum(MODES, None, allow_none=True, help="online, offline or disabled. Default: online.")
    root_dir = traitlets.Unicode(
        None, allow_none=True, help="Folder of the store. Default: the project's or the user's."
    )
    silent = traitlets.Bool(None, allow_none=True, help="Print nothing. Default: no.")
    quiet = traitlets.Bool(None, allow_none=True, help="The same as silent. Default: no.")
    console = traitlets.Unicode(
        None, allow_none=True, help="Capture of stdout and stderr. Accepted; nothing is captured yet. Default: off."
    )
    disable_code = traitlets.Bool(None, allow_none=True, help="Save no code. Accepted; none is saved yet. Default: no.")
    disable_git = traitlets.Bool(
        None, allow_none=True, help="Do not look at git. Accepted; nothing looks at it yet. Default: no."
    )
    save_code = traitlets.Bool(
        None, allow_none=True, help="Save the script. Accepted; it is not saved yet. Default: no."
    )
    x_disable_stats = traitlets.Bool(
        None, allow_none=True, help="Sample no system metrics. Accepted; none are sampled yet. Default: no."
    )
    durability = traitlets.CaselessStrEnum(
        ("process", "power"),
        None,
        allow_none=True,
        help="process: safe against the death of the process. power: fsync every second too. Default: process.",
    )
    history = traitlets.Bool(
        None, allow_none=True, help="Record the cells that notebooks run, secrets redacted. Default: yes."
    )
    history_days = traitlets.Int(
        None, allow_none=True, min=0, help="Cells of no run are forgotten after so many days; 0: never. Default: 365."
    )
    history_mb = traitlets.Int(
        None,
        allow_none=True,
        min=0,
        help="Cells of no run are kept up to so many megabytes, the newest; 0: without a limit. Default: 200.",
    )

    def __init__(self, **values: Any) -> None:
        known = self.trait_names()
        for name in values:
            if name not in known:
                close = closest(name, known)
                hint = f" Closest: {', '.join(close)}." if close else ""
                raise SettingsError(f"There is no setting {name!r}.{hint} All of them: {', '.join(sorted(known))}.")
        try:
            super().__init__(**values)
        except traitlets.TraitError as error:
            raise SettingsError(str(error)) from error


# Names of the environment, after TRACKER_NB_ or WANDB_.
_VARIABLES = {
    "entity": "ENTITY",
    "project": "PROJECT",
    "run_id": "RUN_ID",
    "run_name": "NAME",
    "run_notes": "NOTES",
    "run_tags": "TAGS",
    "run_group": "RUN_GROUP",
    "run_job_type": "JOB_TYPE",
    "resume": "RESUME",
    "mode": "MODE",
    "silent": "SILENT",
    "quiet": "QUIET",
    "console": "CONSOLE",
    "disable_code": "DISABLE_CODE",
    "disable_git": "DISABLE_GIT",
    "save_code": "SAVE_CODE",
    "x_disable_stats": "X_DISABLE_STATS",
    "durability": "DURABILITY",
    "history": "HISTORY",
    "history_days": "HISTORY_DAYS",
    "history_mb": "HISTORY_MB",
}
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")


def resolve(given: Settings | dict[str, Any] | None, arguments: dict[str, Any]) -> Settings:
    """Settings with every source taken into account.

    Args:
        given: what `init(settings=)` was given.
        arguments: values that win over it, None where not given.

    Raises:
        SettingsError: a name or a value cannot be used; the message says where it came from.
    """
    base = given if isinstance(given, Settings) else Settings(**(given or {}))
    values = {name: value for name in base.trait_names() if (value := getattr(base, name)) is not None}
    for name, suffix in _VARIABLES.items():
        if name not in values:
            found = _from_environment(name, suffix)
            if found is not None:
                values[name] = found
    values |= {name: value for name, value in arguments.items() if value is not None}
    return Settings(**values)


def _from_environment(name: str, suffix: str) -> Any:
    for prefix in ("TRACKER_NB_", "WANDB_"):
        text = os.environ.get(prefix + suffix)
        if text is None or text == "":
            continue
        trait = Settings.class_traits()[name]
        if isinstance(trait, traitlets.Bool):
            if text.lower() not in _TRUE + _FALSE:
                raise SettingsError(f"{prefix}{suffix}={text!r} must be true or false.")
            return text.lower() in _TRUE
        if isinstance(trait, traitlets.Int):
            if not text.isascii() or not text.isdigit():
                raise SettingsError(f"{prefix}{suffix}={text!r} must be a whole number, 0 or more.")
            return int(text)
        if isinstance(trait, traitlets.CaselessStrEnum) and text.lower() not in (trait.values or ()):
            raise SettingsError(f"{prefix}{suffix}={text!r} must be one of {', '.join(trait.values or ())}.")
        return [part.strip() for part in text.split(",") if part.strip()] if name == "run_tags" else text
    return None
