"""`tracker-nb runs` and `tracker-nb run show`: which runs there are, and all of one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from tracker_nb.cli import layout, text
from tracker_nb.cli.common import print_json, reading, with_store
from tracker_nb.cli.described import metric_json, run_json, runtime
from tracker_nb.errors import BadValue, ProjectNotFound, closest
from tracker_nb.query.definitions import spread

if TYPE_CHECKING:
    from tracker_nb.query.reading import Reader
    from tracker_nb.store.runs import RunState

TEXT_FIELDS = frozenset(
    {"name", "run", "id", "display_name", "displayName", "state", "group", "job_type", "jobType", "notes", "sweep"}
    | {"entity", "project", "owner", "tags"}
)
"""Fields whose value is text even where it looks like a number."""

LANGUAGE = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}


@click.command("runs")
@click.argument("project", required=False)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), default=50, show_default=True, help="At most N runs.")
@click.option("--all", "everything", is_flag=True, help="All runs, however many.")
@click.option(
    "--order",
    metavar="FIELD",
    default="-created_at",
    show_default=True,
    help="Sort by a field, with + or - before it: state, config.lr, summary.loss ...",
)
@click.option(
    "--filter",
    "filters",
    metavar="FIELD=VALUE",
    multiple=True,
    help="Only runs whose field has this value; may be given again. Numbers are numbers, "
    "and '\"7\"' in quotes is the text 7.",
)
@with_store
def list_runs(
    project: str | None,
    limit: int,
    everything: bool,
    order: str,
    filters: Sequence[str],
    folder: str | None,
    as_json: bool,
) -> None:
    """List the runs of PROJECT, or of all projects, newest first.

    PROJECT is project or entity/project.
    """
    from tracker_nb.query import listing

    wanted = dict(_condition(given) for given in filters)
    entity, name = _parts(project)
    with reading(folder) as reader:
        states = listing.list_states(reader, entity=entity, project=name, filters=wanted, order=order)
        if not states:
            _check_project(reader, entity, name)
        shown = states if everything else states[:limit]
        summaries = listing.page_summaries(reader, shown)
        if as_json:
            runs = [run_json(state, summary) for state, summary in zip(shown, summaries, strict=True)]
            print_json({"store": str(reader.place), "project": project, "count": len(states), "runs": runs})
        elif shown:
            for line in layout.table(_columns(shown, summaries, with_project=project is None), text.width()):
                text.echo(line)
            if len(shown) < len(states):
                text.echo(f"{len(shown):,} of {len(states):,} runs; --all shows every one.", err=True)
        else:
            _teach(str(reader.place), project, filtered=bool(wanted))


@click.group("run")
def run_group() -> None:
    """Look at one run."""


@run_group.command("show")
@click.argument("path")
@with_store
def show_run(path: str, folder: str | None, as_json: bool) -> None:
    """Show all that is known of a run.

    PATH is run, project/run or entity/project/run, with the id of the run or its name; of several runs of one name the
    newest is shown.
    """
    from tracker_nb.cli.show import as_text
    from tracker_nb.query.overview import overview

    with reading(folder) as reader:
        found = overview(reader, path)
        if as_json:
            metrics = {metric.name: metric_json(metric) for metric in found.metrics}
            run = run_json(found.state, found.summary)
            print_json({"store": str(reader.place), **run, "metrics": metrics, "metadata": found.state.metadata})
        else:
            for line in as_text(found, text.width()):
                text.echo(line)


def _condition(given: str) -> tuple[str, Any]:
    field, equals, value = given.partition("=")
    if not equals or not field:
        raise BadValue(f"--filter {given!r} must be FIELD=VALUE, such as state=finished or config.lr=0.1.")
    if field in TEXT_FIELDS:
        return field, value
    if value in LANGUAGE:
        return field, LANGUAGE[value]
    try:
        return field, json.loads(value)
    except ValueError:
        return field, value


def _parts(given: str | None) -> tuple[str | None, str | None]:
    """Entity and project of a path."""
    if given is None:
        return None, None
    parts = given.strip("/").split("/")
    if len(parts) > 2 or not all(parts):
        raise BadValue(
            f"{given!r} is no path of a project: write project or entity/project. `tracker-nb run show` shows one run."
        )
    return (parts[0], parts[1]) if len(parts) == 2 else (None, parts[0])


def _check_project(reader: Reader, entity: str | None, name: str | None) -> None:
    """Refuse a project of which nothing has ever been recorded, though of others in the store.

    Raises:
        ProjectNotFound: the message names the closest.
    """
    from tracker_nb.query.listing import list_projects

    known = list_projects(reader)
    if name is None or not known or any(p.name == name and entity in (None, p.entity) for p in known):
        return
    wanted = name if entity is None else f"{entity}/{name}"
    names = list(dict.fromkeys(p.name if entity is None else f"{p.entity}/{p.name}" for p in known))
    close = closest(wanted, names)
    hint = f"Closest: {', '.join(close)}." if close else f"It has: {', '.join(names[:5])}."
    raise ProjectNotFound(f"No project {wanted!r} in the store at {reader.place}. {hint}")


def _columns(
    states: Sequence[RunState], summaries: Sequence[dict[str, Any]], *, with_project: bool
) -> list[layout.Column]:
    def coloured(row: int, cell: str) -> str:
        return text.in_colour(cell[:1], states[row].color) + cell[1:]

    summaries = [spread(summary) for summary in summaries]
    steps = [summary.get("_step") for summary in summaries]
    columns = [
        layout.Column("State", [text.state(s.state) for s in states], 0, paint=coloured),
        layout.Column("Name", [text.one_line(s.name) for s in states], 1, least=16),
        layout.Column("Id", [text.one_line(s.run) for s in states], 2, least=8),
        layout.Column("Created", [text.ago(s.created) for s in states], 4),
        layout.Column("Runtime", [text.duration(runtime(s)) for s in states], 6, right=True),
        layout.Column("Step", ["" if n is None else text.number(n) for n in steps], 5, right=True),
    ]
    if with_project:
        columns.insert(3, layout.Column("Project", [text.one_line(s.project) for s in states], 3, least=10))
    for rank, name in enumerate(_metrics(summaries), 7):
        cells = [_cell(summary.get(name)) for summary in summaries]
        least = max(min(len(name), 10), *map(len, cells))  # a number is shown whole or not at all
        columns.append(layout.Column(text.one_line(name), cells, rank, right=True, least=least))
    return columns


def _metrics(summaries: Sequence[dict[str, Any]]) -> list[str]:
    """Names of numbers in the summaries: those that most runs have first, else as they were first logged."""
    counts: Counter[str] = Counter()
    for summary in summaries:
        counts.update(name for name, value in summary.items() if not name.startswith("_") and _is_number(value))
    return [name for name, _ in counts.most_common(20)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    return text.number(value) if _is_number(value) else "" if value is None else layout.cut(text.value(value), 12)


def _teach(place: str, project: str | None, *, filtered: bool) -> None:
    if filtered:
        text.echo(
            f"No run in the store at {place} has these values. Without --filter: tracker-nb runs {project or ''}".rstrip()
        )
        return
    text.echo(f"No runs yet in the store at {place}. This records one:\n")
    text.echo("    import tracker_nb")
    text.echo(f'    with tracker_nb.init(project="{project or "digits"}") as run:')
    text.echo('        run.log({"loss": 0.5})')
