"""`init()`: begin a run, or go on with one."""

from __future__ import annotations

import atexit
import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from tracker_nb.errors import (
    BadValue,
    RunExists,
    RunNotFound,
    StoreNotFound,
    StoreReadOnly,
    StoreTooNew,
    TrackerError,
    UsageError,
)
from tracker_nb.journal.naming import now
from tracker_nb.sdk import exits, names, surroundings
from tracker_nb.sdk.config import Config, Write, as_dict
from tracker_nb.sdk.run import Run, clean_tags
from tracker_nb.sdk.settings import Settings, resolve
from tracker_nb.sdk.summary import Summary
from tracker_nb.sdk.values import escape
from tracker_nb.store import cautions, runs
from tracker_nb.store.database import connect_reading, create, store_id
from tracker_nb.store.place import Place, find, user_store

DEFAULT_PROJECT = "uncategorized"
_open: list[Run] = []
pending_config: dict[str, Any] = {}
"""What was assigned to `tracker_nb.config` before there was a run."""


def init(
    entity: str | None = None,
    project: str | None = None,
    dir: str | os.PathLike[str] | None = None,
    id: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    tags: Iterable[str] | None = None,
    config: Any = None,
    config_exclude_keys: Iterable[str] | None = None,
    config_include_keys: Iterable[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    force: bool | None = None,
    reinit: bool | str | None = None,
    resume: bool | str | None = None,
    save_code: bool | None = None,
    settings: Settings | dict[str, Any] | None = None,
) -> Run:
    """Begin a run and make it the current one. All arguments are optional.

    Args:
        entity: first part of its path; default: your user name.
        project: default: "uncategorized".
        dir: folder of the store; default: the one that TRACKER_NB_DIR names, else the nearest `.tracker_nb` at or above
            the working directory, else the one in your user's data directory.
        id: its id; default: 8 random characters.
        name: what people call it; default: adjective-noun-N.
        notes, tags, group, job_type: to find it again.
        config: hyperparameters: a dict, an argparse namespace, a dataclass, absl flags.
        config_exclude_keys, config_include_keys: leave these out of it, or take only these.
        mode: "online" and "offline" record; "disabled" does not.
        reinit: what happens to a run that is still open: "finish_previous" (True, and always in notebooks),
            "return_previous" (None and False in scripts, as in W&B), or "create_new" beside it.
        resume: when the id exists: "never" (the default) refuses, "allow" (True) goes on with it, "must" goes on and
            refuses an unknown id.
        settings: `Settings` or a dict of them.
        allow_val_change, force, save_code: accepted for W&B's sake; the first two change nothing here.

    Raises:
        RunExists, RunNotFound: `resume` says no. Nothing was written then.
        SettingsError, BadValue: an argument or a variable cannot be used.
    """
    del allow_val_change, force
    arguments: dict[str, Any] = {
        "entity": entity,
        "project": project,
        "run_id": id,
        "run_name": name,
        "run_notes": notes,
    }
    arguments |= {"run_tags": tags, "run_group": group, "run_job_type": job_type, "mode": mode, "save_code": save_code}
    arguments |= {"resume": _resume(resume), "root_dir": str(dir) if dir else None}
    chosen = resolve(settings, arguments)
    previous = _open[-1] if _open else None
    if previous is not None:
        said = {
            **(settings if isinstance(settings, dict) else {}),
            **{k: v for k, v in arguments.items() if v is not None},
        }
        if _lent(previous, reinit, said, find(dir) if dir else None):
            run = _take_up(previous, said, _config(config, config_exclude_keys, config_include_keys))
            pending_config.clear()
            return run
        kept = _before_another(previous, reinit)
        if kept is not None:
            if not (chosen.silent or chosen.quiet):
                print(f"tracker_nb: run {kept.name} is still open, and init() returns it; reinit=True begins another")  # noqa: T201
            return kept
    values = _config(config, config_exclude_keys, config_include_keys)
    run = _disabled(chosen, values) if chosen.mode == "disabled" else _begin(chosen, values)
    pending_config.clear()
    _open.append(run)
    run.on_finish.append(_closed)
    exits.watch()
    return run


def open_runs() -> list[Run]:
    """The runs that are open, the current one last."""
    return list(_open)


def lend(run: Run) -> None:
    """A cell has opened this run for itself. An `init()` in the cell gets it, as long as nothing was logged to it."""
    run._parts["lent"] = run._writer.written


def _lent(run: Run, reinit: bool | str | None, given: dict[str, Any], place: Place | None) -> bool:
    """True if this run is what `init()` with these arguments means."""
    if reinit == "create_new" or run._finished or run._parts.get("lent") != run._writer.written:
        return False
    same = {"entity": run.entity, "project": run.project, "run_id": run.id}
    if place is not None and (run._place is None or run._place != place):
        return False
    return given.get("mode") is None and all(given.get(name) in (None, value) for name, value in same.items())


def _take_up(run: Run, chosen: dict[str, Any], values: dict[str, Any]) -> Run:
    """Give a run that was lent what `init()` was told."""
    run._parts.pop("lent", None)
    run.config.update(values)
    for name, what in (("name", "run_name"), ("notes", "run_notes"), ("tags", "run_tags")):
        if chosen.get(what) is not None:
            setattr(run, name, chosen[what])
    for name, what in (("group", "run_group"), ("job_type", "run_job_type")):
        if chosen.get(what) is not None:
            run._set(name, escape(str(chosen[what])))
    return run


def current() -> Run | None:
    """The run that `tracker_nb.log` logs to: the last one opened that is still open."""
    return _open[-1] if _open else None


def need_run(what: str) -> Run:
    """The current run.

    Raises:
        UsageError: there is none.
    """
    if not _open:
        raise UsageError(f"There is no run yet: call tracker_nb.init() before tracker_nb.{what}.")
    return _open[-1]


class _ConfigToCome(Config):
    """`tracker_nb.config` taken before there is a run: what is set goes to the next one; then it is that run's."""

    def __init__(self) -> None:
        pass

    @property
    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = pending_config if not _open else _open[-1].config._values
        return values

    @property
    def _write(self) -> Write:
        write: Write = _not_yet if not _open else _open[-1].config._write
        return write


def _not_yet(values: dict[str, Any], removed: list[str], depth: int) -> None:
    """Before `init()` there is no journal: what was set waits in `pending_config`."""


def config_of_the_run() -> Config:
    """The current run's config, or one that the next run will begin with."""
    return _open[-1].config if _open else _ConfigToCome()


def summary_of_the_run() -> Summary:
    """The current run's summary; before there is one, an empty one that can be looked at but not set."""
    if _open:
        return _open[-1].summary
    return Summary(
        lambda: _open[-1]._read_summary() if _open else {},
        lambda values, removed, depth: need_run("summary")._write_summary(values, removed, depth + 1),
    )


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the current run. Without one, nothing happens."""
    if _open:
        _open[-1].finish(exit_code, quiet)


def _closed(run: Run) -> None:
    if run in _open:
        _open.remove(run)


def _resume(given: bool | str | None) -> str | None:
    if isinstance(given, bool):
        return "allow" if given else None
    if given is not None and str(given).lower() not in ("never", "allow", "must", "auto"):
        raise BadValue(f"resume={given!r} must be one of never, allow, must, auto.")
    return None if given is None else str(given).lower()


def _before_another(previous: Run, reinit: bool | str | None) -> Run | None:
    """Deal with a run that is still open; the run to return instead of a new one, if that is what was asked."""
    if reinit not in (None, True, False, "default", "finish_previous", "return_previous", "create_new"):
        raise BadValue(f"reinit={reinit!r} must be finish_previous, return_previous, create_new, True or False.")
    if reinit == "create_new":
        return None
    in_script = reinit in (None, False, "default") and not surroundings.in_notebook()
    if (reinit == "return_previous" or in_script) and not previous._finished:
        return previous
    for run in reversed(list(_open)):  # one whose finish() was interrupted too
        run.finish()
    return None


def _config(given: Any, exclude: Iterable[str] | None, include: Iterable[str] | None) -> dict[str, Any]:
    values = {**pending_config, **as_dict(given)}
    if include is not None:
        wanted = set(include)
        values = {key: value for key, value in values.items() if key in wanted}
    unwanted = set(exclude or ())
    return {escape(key): value for key, value in values.items() if key not in unwanted}


def _disabled(chosen: Settings, values: dict[str, Any]) -> Run:
    state = runs.RunState(
        entity=chosen.entity or "", project=chosen.project or DEFAULT_PROJECT, run=chosen.run_id or names.new_id()
    )
    state.name, state.notes, state.config = chosen.run_name or "disabled", chosen.run_notes or "", values
    state.tags, state.group, state.job_type = clean_tags(chosen.run_tags), chosen.run_group, chosen.run_job_type
    return Run(None, state, store_id="", host="")


def _begin(chosen: Settings, values: dict[str, Any]) -> Run:
    place = _open_store(chosen.root_dir)
    entity = _part("entity", chosen.entity) or surroundings.user()
    project = _part("project", chosen.project) or DEFAULT_PROJECT
    resume = chosen.resume or "never"
    if resume == "auto":
        raise BadValue("resume='auto' is not there yet: give an id and resume='allow'.")
    run_id = names.clean_id(chosen.run_id) if chosen.run_id else names.new_id()
    known, step = _known(place, entity, project, run_id, resume) if chosen.run_id else (None, 0)
    _check_resume(known, resume, chosen.run_id, place, f"{entity}/{project}/{run_id}")
    number, identity = _count(place, entity, project)
    state = known or runs.RunState(entity=entity, project=project, run=run_id, created=now())
    fields = _fields(chosen, values, state if known else None, number + 1)
    if known is not None:
        from tracker_nb.query.summaries import as_user_sees

        state.config = as_user_sees(state.config)
    state.config = {**state.config, **values}
    for key in ("name", "notes", "tags", "group", "job_type", "color"):
        if key in fields:
            setattr(state, key, fields[key])
    run = Run(
        place,
        state,
        store_id=identity,
        host=surroundings.host(),
        step=step,
        power=chosen.durability == "power",
        resumed=known is not None,
    )
    run._begin(fields)
    if not (chosen.silent or chosen.quiet):
        print(f"tracker_nb: {'resumed' if known else 'run'} {run.name} in {run.project}, recorded in {place}")  # noqa: T201
        for caution in cautions.cautions(place):
            print(f"tracker_nb: {caution}")  # noqa: T201
    return run


def _open_store(given: str | None) -> Place:
    """The store to log to. Where it cannot be written, another one, said aloud: training goes on."""
    place = find(given)
    with contextlib.suppress(StoreTooNew):  # journaling is all we do then, and that works
        if prepared(place):
            return place
        import warnings

        for other in _elsewhere():
            if other.root != place.root and prepared(other):
                why = cautions.why_not_writable(place)
                warnings.warn(
                    f"The store at {place} cannot be written{f' ({why})' if why else ''}: this run is recorded in {other} "
                    f"instead. To read it: TRACKER_NB_DIR={other}. To have a store of your own here: tracker-nb init",
                    stacklevel=5,
                )
                return other
        raise StoreReadOnly(
            f"Neither {place} nor the temporary folder can be written. Set TRACKER_NB_DIR to one that can."
        )
    return place


def _elsewhere() -> Iterator[Place]:
    yield user_store()
    import tempfile
    from pathlib import Path

    # A name that nobody can have made before us: the temporary folder is everybody's.
    yield Place(Path(tempfile.mkdtemp(prefix="tracker_nb-")))


def prepared(place: Place) -> bool:
    """Make the store where it is not there yet; True where journals can be written in it.

    Raises:
        StoreTooNew: journals can be written, and nothing else.
    """
    try:
        create(place)
    except StoreTooNew:
        place.journals.mkdir(mode=0o700, exist_ok=True)
        raise
    except (StoreReadOnly, OSError, sqlite3.OperationalError):
        # A store that exists and is locked or full still takes journals.
        return place.exists() and os.access(place.journals, os.W_OK)
    except TrackerError:
        return place.exists() and os.access(place.journals, os.W_OK)
    return os.access(place.journals, os.W_OK)


def _part(what: str, given: str | None) -> str | None:
    if given is not None and (not given.strip() or "/" in given):
        raise BadValue(f"{what}={given!r} must be a name without '/'.")
    return escape(given) if given else None


def _known(place: Place, entity: str, project: str, run_id: str, resume: str) -> tuple[runs.RunState | None, int]:
    """The run with this id, and the step after its last one; dead writers' journals of it are applied first."""
    from tracker_nb.query.reading import Reader
    from tracker_nb.store.apply import take_over
    from tracker_nb.store.background import background

    # Reading takes the journals of the dead into account too: nobody waits for long to have them applied.
    with contextlib.suppress(TrackerError, sqlite3.Error, OSError):
        take_over(background(place).applier, run=run_id, lock_seconds=0.5)
    try:
        with contextlib.closing(Reader(place)) as reader:
            state = reader.run_state(entity, project, run_id)
            return (state, reader.next_step(entity, project, run_id)) if state is not None else (None, 0)
    except StoreTooNew as error:
        if resume != "allow":
            raise
        import warnings

        warnings.warn(
            f"{error} Whether run {run_id!r} exists cannot be seen from here: its steps begin at 0 unless you give them.",
            stacklevel=5,
        )
        return None, 0
    except StoreNotFound:  # the disk was too full for its tables
        return None, 0
    except (TrackerError, sqlite3.Error) as error:
        raise UsageError(f"Whether run {run_id!r} exists cannot be found out: {error}") from error


def _check_resume(known: runs.RunState | None, resume: str, given: str | None, place: Place, path: str) -> None:
    if known is None and resume == "must":
        if not given:
            raise BadValue("resume='must' needs the id of the run: init(id=..., resume='must').")
        raise RunNotFound(
            f"resume='must', but there is no run {path!r} in the store at {place}. Leave `resume` out to begin it, or list "
            f"the runs with `tracker-nb runs`."
        )
    if known is not None and resume == "never":
        raise RunExists(
            f"There is a run {path!r} already ({known.name}, {known.state}). Go on with it by resume='allow', or leave `id` "
            f"out to begin another."
        )


def _count(place: Place, entity: str, project: str) -> tuple[int, str]:
    """How many runs the project has, for names and colours, and the store's id. Guesses where it cannot be read."""
    try:
        with contextlib.closing(connect_reading(place)) as db:
            row = db.execute(
                """SELECT count(*) FROM runs r JOIN projects p ON p.id = r.project_id
                   WHERE p.entity = ? AND p.name = ?""",
                (entity, project),
            ).fetchone()
            return int(row[0]) + sum(r.entity == entity and r.project == project for r in _open), store_id(db)
    except (TrackerError, sqlite3.Error):
        return len(_open), ""


def _fields(chosen: Settings, values: dict[str, Any], known: runs.RunState | None, number: int) -> dict[str, Any]:
    """What the start record says. A resumed run keeps what is not given anew."""
    given: dict[str, Any] = {
        "name": escape(chosen.run_name) if chosen.run_name else None,
        "notes": escape(chosen.run_notes) if chosen.run_notes is not None else None,
        "tags": clean_tags(chosen.run_tags) if chosen.run_tags is not None else None,
        "group": escape(chosen.run_group) if chosen.run_group else None,
        "job_type": escape(chosen.run_job_type) if chosen.run_job_type else None,
    }
    fields = {key: value for key, value in given.items() if value is not None}
    if known is None:
        fields.setdefault("name", names.new_name(number))
        fields["color"] = names.color(number)
        fields["owner"] = surroundings.user()
    return fields | {"config": values, "mode": chosen.mode or "online", **surroundings.facts()}


def _at_exit() -> None:
    for run in reversed(list(_open)):
        end = exits.ending
        run._end(exits.state_of(end.exit_code, killed=end.interrupted), end.exit_code, end.error)


def _in_child() -> None:
    # The parent's runs stay usable in a forked child, and its end is none of theirs.
    exits.ending.forget()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
