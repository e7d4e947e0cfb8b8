"""What all commands share: `--dir`, `--json`, the store they ask, and how an error is said."""

from __future__ import annotations

import contextlib
import functools
import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

import click

from tracker_nb.cli import text
from tracker_nb.errors import TrackerError

if TYPE_CHECKING:
    from tracker_nb.query.reading import Reader

Command = Callable[..., None]


def with_store(command: Command) -> Command:
    """Give a command `--dir` and `--json`, and have errors that can be expected said in one line, with status 1."""

    @click.option("--dir", "folder", metavar="STORE", help="Folder of the store, instead of the one found.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document for programs.")
    @functools.wraps(command)
    def wrapped(*args: Any, as_json: bool, **options: Any) -> None:
        try:
            command(*args, as_json=as_json, **options)
        except BrokenPipeError:
            raise  # the reader of our output has seen enough: click ends quietly
        except (TrackerError, sqlite3.Error, OSError) as error:
            fail(error, as_json=as_json)

    return wrapped


def fail(error: Exception, *, as_json: bool) -> NoReturn:
    """Say what went wrong on standard error, and as JSON on standard output, and end with status 1."""
    message = " ".join(_message(error).split())
    if as_json:
        print_json({"error": {"type": type(error).__name__, "message": message}})
    text.echo(f"Error: {text.one_line(message)}", err=True)
    sys.exit(1)


def _message(error: Exception) -> str:
    if isinstance(error, TrackerError):
        return str(error)
    if isinstance(error, sqlite3.Error):
        return f"SQLite says: {error}. `tracker-nb doctor` looks at the store."
    if isinstance(error, OSError) and error.strerror:
        return error.strerror + (f": {error.filename}" if error.filename else "") + "."
    return f"{error}."


@contextlib.contextmanager
def reading(folder: str | None) -> Iterator[Reader]:
    """The store to read. What a killed process left in its journal is applied if nobody else is writing.

    Raises:
        StoreNotFound, StoreTooNew, StoreDamaged
    """
    from tracker_nb.query.reading import Reader
    from tracker_nb.store import known
    from tracker_nb.store.apply import Applier, take_over
    from tracker_nb.store.database import Database
    from tracker_nb.store.place import find

    place = find(folder)
    with contextlib.closing(Reader(place)) as reader:
        known.remember(place)
        if place.writable():
            # A store that is busy, full or damaged is read all the same.
            with (
                contextlib.suppress(TrackerError, sqlite3.Error, OSError),
                contextlib.closing(Database(place)) as database,
            ):
                take_over(Applier(database), lock_seconds=0.05)
        yield reader


def print_json(document: Any) -> None:
    """Print a JSON document; `None` stands for "not known", NaN and infinities for themselves, as strings."""
    from tracker_nb.store.runs import json_safe

    readable = text.encodes("é✓数")
    text.echo(json.dumps(json_safe(_plain(document)), indent=2, ensure_ascii=not readable, allow_nan=False))


def _plain(value: Any) -> Any:
    """Arrays in the form that the store's own JSON has, too large values as what they say of themselves."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return {"_type": "array", "dtype": str(value.dtype), "shape": list(value.shape)}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return repr(value)


def iso(microseconds: int | None) -> str | None:
    """ISO 8601, UTC."""
    if microseconds is None:
        return None
    return datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat().replace("+00:00", "Z")
