"""`tracker-nb init`, `doctor` and `backup`: make a store, see that it is well, copy it."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracker_nb import __version__
from tracker_nb.cli import layout, text
from tracker_nb.cli.common import print_json, with_store
from tracker_nb.errors import BadValue

if TYPE_CHECKING:
    from tracker_nb.store.doctor import Repair, Report
    from tracker_nb.store.place import Place

SIGNS = {"ok": ("✓", "+", None), "warn": ("▲", "!", "yellow"), "error": ("✗", "x", "red")}


@click.command("init")
@click.argument("project_folder", metavar="[DIR]", required=False)
@with_store
def init_store(project_folder: str | None, folder: str | None, as_json: bool) -> None:
    """Make a store for this folder and all below it.

    It is .tracker_nb in DIR, the working directory if left out, with a .gitignore that keeps it out of a repository.
    Doing it again changes nothing.
    """
    from tracker_nb.store import known
    from tracker_nb.store.database import create
    from tracker_nb.store.place import PROJECT_FOLDER, Place, find

    if folder and project_folder:
        raise BadValue("Name either DIR, in which .tracker_nb is made, or --dir STORE, the store itself.")
    home = Path(project_folder or ".").expanduser().absolute()
    place = find(folder) if folder else Place(Path(os.path.normpath(home)) / PROJECT_FOLDER)
    made = create(place)
    known.remember(place)
    notes = _notes(place, folder)
    if as_json:
        print_json({"store": str(place), "created": made, "notes": notes})
        return
    text.echo(f"Made a store at {place}." if made else f"There is a store at {place} already. Nothing was changed.")
    if not folder and made:
        text.echo("Scripts and notebooks in this folder and below it record their runs there.")
    for note in notes:
        text.echo(f"Note: {note}", err=True)


def _notes(place: Place, folder: str | None) -> list[str]:
    """What may keep a program from using this store."""
    named = os.environ.get("TRACKER_NB_DIR")
    if named and Path(named).expanduser().absolute() != place.root:
        return [f"TRACKER_NB_DIR is set to {named}, and goes before what is found in folders."]
    if folder and not named:
        return [f"Programs use it where TRACKER_NB_DIR={place} is set, or with init(dir=...)."]
    return []


@click.command("doctor")
@click.option("--repair", "repairing", is_flag=True, help="First apply the journals of dead writers.")
@click.option("--quick", is_flag=True, help="Check the database without comparing indexes with tables.")
@with_store
def examine_store(repairing: bool, quick: bool, folder: str | None, as_json: bool) -> None:
    """Say which store is in use and whether it is well.

    Ends with status 1 where something does not work or is lost. Changes nothing without --repair.
    """
    from tracker_nb.store.doctor import examine, repair
    from tracker_nb.store.place import find

    place = find(folder)
    done = repair(place) if repairing and place.exists() else None
    report = examine(place, release=__version__, given=bool(folder), quick=quick)
    if as_json:
        print_json(_report_json(report, done))
    else:
        _print_report(report, done)
    if not report.healthy:
        sys.exit(1)


def _report_json(report: Report, done: Repair | None) -> dict[str, Any]:
    findings = [
        {"level": f.level, "what": f.what, "detail": f.detail, "advice": f.advice, "data": dict(f.data)}
        for f in report.findings
    ]
    return {
        "store": str(report.place),
        "healthy": report.healthy,
        "errors": report.count("error"),
        "warnings": report.count("warn"),
        "repaired": None if done is None else {"journals": done.journals, "leftovers": done.leftovers},
        "findings": findings,
    }


def _print_report(report: Report, done: Repair | None) -> None:
    columns = text.width()
    names = max(len(finding.what) for finding in report.findings)
    if done is not None:
        text.echo(f"Applied {_count(done.journals, 'journal')} of dead writers.\n")
    for finding in report.findings:
        pretty, plain, colour = SIGNS[finding.level]
        name = layout.padded(finding.what[0].upper() + finding.what[1:], names)
        start = f"{text.symbol(pretty, plain)} {name}{layout.GAP}"
        before = " " * (len(start))
        room = max(columns - len(before), 20)
        lines = _wrapped(finding.detail, room)
        if finding.advice:
            arrow = text.symbol("→ ", "> ")
            lines += [(arrow if n == 0 else "  ") + line for n, line in enumerate(_wrapped(finding.advice, room - 2))]
        sign = text.style(start[0], fg=colour) if colour else start[0]
        text.echo(sign + start[1:] + lines[0])
        for line in lines[1:]:
            text.echo(before + line)
    errors, warnings = report.count("error"), report.count("warn")
    text.echo(f"\n{_count(errors, 'error') if errors else 'No error'}, {_count(warnings, 'warning')}.")


def _wrapped(words: str, columns: int) -> list[str]:
    return textwrap.wrap(text.one_line(words), columns, break_on_hyphens=False, break_long_words=False) or [""]


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


@click.command("backup")
@click.argument("dest")
@with_store
def backup_store(dest: str, folder: str | None, as_json: bool) -> None:
    """Copy the store into the folder DEST, also while runs are logging.

    The copy is a store of its own: set TRACKER_NB_DIR to DEST to look into it. DEST must be empty or not exist.
    """
    from tracker_nb.store.backup import backup
    from tracker_nb.store.findings import readable
    from tracker_nb.store.place import find

    place = find(folder)
    done = backup(place, dest)
    if as_json:
        copied = {"journals": done.journals, "files": done.files, "bytes": done.bytes}
        print_json(
            {
                "store": str(place),
                "copy": str(done.place),
                **copied,
                "taken_over": done.taken_over,
                "live_runs": list(done.live),
                "problem": done.problem or None,
            }
        )
        return
    text.echo(f"Copied {place} to {done.place}: {readable(done.bytes)}, {_count(done.files, 'file')} of runs.")
    if done.taken_over:
        text.echo(f"Applied {_count(done.taken_over, 'journal')} of dead writers first.")
    if done.live:
        text.echo(
            f"{_count(len(done.live), 'run')} went on logging ({', '.join(done.live[:5])}): the copy has all that was "
            f"logged before it began, and shows them as crashed."
        )
    if done.problem:
        text.echo(f"Journals of dead writers were copied, not applied: {done.problem}", err=True)
    text.echo(f"To look into it: TRACKER_NB_DIR={done.place} tracker-nb runs")
