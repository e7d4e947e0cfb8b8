"""`tracker-nb history`: being rid of recorded cells."""

from __future__ import annotations

import contextlib
import sys

import click

from tracker_nb.cli import text
from tracker_nb.cli.common import print_json, with_store
from tracker_nb.errors import BadValue, StoreNotFound, UsageError


@click.group("history")
def history_group() -> None:
    """The cells that notebooks ran."""


@history_group.command("purge")
@click.option(
    "--before",
    metavar="WHEN",
    help="Only cells that began before a day (2026-01-31), a moment (ISO 8601), or so long ago (30d, 12h).",
)
@click.option("--notebook", metavar="PATH", help="Only cells of this notebook: its path, or the end of it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_store
def purge_history(before: str | None, notebook: str | None, yes: bool, folder: str | None, as_json: bool) -> None:
    """Delete recorded cells for good.

    Of cells that logged to a run the row stays, without source and traceback: the run keeps its numbers. Asks first,
    unless --yes is given.
    """
    from tracker_nb.store import history
    from tracker_nb.store.database import Database
    from tracker_nb.store.place import find

    place = find(folder)
    if not place.exists():
        raise StoreNotFound(f"There is no store at {place}: nothing is recorded there.")
    moment = None
    if before is not None:
        moment = history.parse_before(before)
        if moment is None:
            raise BadValue(f"--before {before}: write a day such as 2026-01-31, or an age such as 30d or 12h.")
    with contextlib.closing(Database(place)) as database:
        if not yes:
            _ask(history.count(database, before=moment, notebook=notebook), str(place), as_json=as_json)
        done = history.purge(database, before=moment, notebook=notebook)
    if as_json:
        print_json(
            {
                "store": str(place),
                "cells": done.cells,
                "of_runs": done.of_runs,
                "bytes": done.bytes,
                "live_journals": done.live,
            }
        )
        return
    text.echo(f"Deleted {_count(done.cells)}, and the text of {_count(done.of_runs)} that logged to runs.")
    if done.live:
        text.echo(
            f"{done.live} {'program is' if done.live == 1 else 'programs are'} still running: what was recorded since they "
            f"began stands in their journals too, and goes when they end."
        )


def _ask(cells: int, place: str, *, as_json: bool) -> None:
    if as_json or not sys.stdin.isatty():
        raise UsageError(f"This deletes {_count(cells)} for good. Nobody can be asked here: give --yes.")
    if not click.confirm(f"Delete {_count(cells)} from {place} for good?", err=True):
        raise click.Abort


def _count(number: int) -> str:
    return f"{number:,} {'cell' if number == 1 else 'cells'}"
