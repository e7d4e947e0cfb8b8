"""`tracker-nb store`: where your stores are, putting one elsewhere, being rid of one."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracker_nb.cli import layout, text
from tracker_nb.cli.common import iso, print_json, with_store
from tracker_nb.errors import TrackerError, UsageError

if TYPE_CHECKING:
    from tracker_nb.store.known import Known
    from tracker_nb.store.place import Place


@click.group("store")
def store_group() -> None:
    """Stores: where they are, how large, moving and deleting one."""


@dataclass(frozen=True, slots=True)
class Row:
    """A store in the list. `runs` and `bytes`: None where that cannot be seen."""

    id: str
    place: Place
    here: bool
    runs: int | None
    bytes: int | None
    used: int
    in_use: bool


@store_group.command("list")
@click.option("--all", "also_gone", is_flag=True, help="Also stores that are no longer where they were.")
@with_store
def list_stores(also_gone: bool, folder: str | None, as_json: bool) -> None:
    """List the stores you have opened: where they are, how large, when they were used last.

    A mark is before the store that commands and programs use here. Uninstalling tracker_nb leaves all of them.
    """
    rows = _rows(folder)
    shown = [row for row in rows if row.here or also_gone]
    gone = len(rows) - len(shown)
    if as_json:
        print_json(
            {"count": len(shown), "gone": sum(not row.here for row in rows), "stores": [_json(r) for r in shown]}
        )
        return
    if not shown:
        text.echo("No store is known. Logging a run, or opening a store with tracker-nb or Api(), makes it known.")
    else:
        for line in layout.table(_columns(shown), text.width()):
            text.echo(line)
    if gone:
        text.echo(f"\n{gone} more {'is' if gone == 1 else 'are'} no longer where {'it was' if gone == 1 else 'they were'}: "
                  "--all lists them.")  # fmt: skip


def _rows(folder: str | None) -> list[Row]:
    from tracker_nb.store import known
    from tracker_nb.store.place import find

    here = find(folder)
    found = {one.id: one for one in known.known()}
    if here.exists() and (own := known.identity(here)) and own not in found:
        found = {own: known.Known(own, here, 0), **found}
    rows = [_row(one, in_use=one.place == here) for one in found.values()]
    return sorted(rows, key=lambda row: (not row.here, -row.used))


def _row(one: Known, *, in_use: bool) -> Row:
    from tracker_nb.store.contents import contents, identity

    here, used, size, runs = one.is_here(), one.used, None, None
    if here:
        with contextlib.suppress(OSError):
            used = max(used, int(max(path.stat().st_mtime for path in (one.place.database, one.place.journals))))
        with contextlib.suppress(OSError):
            size = contents(one.place).bytes
        with contextlib.suppress(TrackerError):
            runs = identity(one.place).runs
    return Row(one.id, one.place, here, runs, size, used, in_use and here)


def _columns(rows: list[Row]) -> list[layout.Column]:
    from tracker_nb.store.findings import readable

    mark = text.symbol("●", "*")
    return [
        layout.Column("", [mark if row.in_use else " " for row in rows], 0),
        layout.Column("Place", [str(row.place) + ("" if row.here else "  (gone)") for row in rows], 1, least=24),
        layout.Column("Runs", ["" if row.runs is None else f"{row.runs:,}" for row in rows], 2, right=True),
        layout.Column("Size", ["" if row.bytes is None else readable(row.bytes) for row in rows], 3, right=True),
        layout.Column("Used", [text.ago(row.used * 1_000_000) for row in rows], 4),
        layout.Column("Id", [row.id for row in rows], 5),
    ]


def _json(row: Row) -> dict[str, object]:
    return {
        "id": row.id,
        "place": str(row.place),
        "here": row.here,
        "in_use_here": row.in_use,
        "runs": row.runs,
        "bytes": row.bytes,
        "used_at": iso(row.used * 1_000_000),
    }


# ---------------------------------------------------------------------------------------------------- move


@store_group.command("move")
@click.argument("dest")
@with_store
def move_store(dest: str, folder: str | None, as_json: bool) -> None:
    """Move the store into the folder DEST, to another file system too.

    DEST must be empty or not exist. Refused while runs are logging or notebooks record their cells. Displays in notebooks
    find it at its new place; programs are told with TRACKER_NB_DIR, or find it as .tracker_nb in their folder.
    """
    from tracker_nb.store.findings import readable
    from tracker_nb.store.moving import move
    from tracker_nb.store.place import find

    place = find(folder)
    done = move(place, dest)
    notes = _notes_on_moved(place, done.place)
    if as_json:
        print_json(
            {
                "store": str(done.place),
                "from": str(place),
                "bytes": done.bytes,
                "copied": done.copied,
                "left": list(done.left),
                "notes": notes,
            }
        )
        return
    text.echo(f"Moved the store from {place} to {done.place}: {readable(done.bytes)}.")
    _say_left(place, done.left)
    for note in notes:
        text.echo(f"Note: {note}", err=True)


def _notes_on_moved(old: Place, new: Place) -> list[str]:
    """What a program needs to find the store at its new place."""
    from tracker_nb.store.place import PROJECT_FOLDER, user_store

    named = os.environ.get("TRACKER_NB_DIR")
    if named:
        named_place = Path(named).expanduser().absolute()
        if named_place == old.root:
            return [f"TRACKER_NB_DIR still names {named}. Set it to {new}, or programs begin a new store there."]
        return [] if named_place == new.root else [f"TRACKER_NB_DIR is set to {named}, and goes before what is found."]
    if new.root.name == PROJECT_FOLDER:
        return [f"Programs in {new.root.parent} and below it use it."]
    if new == user_store():
        return []
    return [f"Programs use it where TRACKER_NB_DIR={new} is set, or with init(dir=...)."]


# ---------------------------------------------------------------------------------------------------- delete


@store_group.command("delete")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_store
def delete_store(yes: bool, folder: str | None, as_json: bool) -> None:
    """Delete the store with all its runs, for good.

    Asks first, saying what will go. Refused while runs are logging or notebooks record their cells. Only the store's own
    files go: what else lies in its folder stays, and links are not followed. `tracker-nb backup` makes a copy before.
    """
    from tracker_nb.store.contents import check, check_unused, contents, identity
    from tracker_nb.store.findings import readable
    from tracker_nb.store.moving import delete
    from tracker_nb.store.place import find

    place = find(folder)
    check(place)
    check_unused(place, "deleted")
    runs, size = identity(place).runs, contents(place).bytes
    what = f"the store at {place} with {_runs(runs)}, {readable(size)}"
    if not yes:
        _ask(what, as_json=as_json)
    done = delete(place)
    if as_json:
        print_json(
            {"store": str(place), "runs": runs, "files": done.files, "bytes": done.bytes, "left": list(done.left)}
        )
        return
    text.echo(f"Deleted {what}.")
    _say_left(place, done.left)


def _runs(runs: int | None) -> str:
    if runs is None:
        return "a number of runs that cannot be read"
    return f"{runs:,} {'run' if runs == 1 else 'runs'}"


def _ask(what: str, *, as_json: bool) -> None:
    if as_json or not _can_ask():
        raise UsageError(f"This deletes {what}, for good. Nobody can be asked here: give --yes.")
    if not click.confirm(f"Delete {what}? This cannot be undone.", err=True):
        raise click.Abort


def _can_ask() -> bool:
    return sys.stdin.isatty()


def _say_left(place: Place, left: tuple[str, ...]) -> None:
    if left:
        from tracker_nb.store.findings import some

        text.echo(f"{place} stays, with what is not part of the store: {some(list(left))}.")
