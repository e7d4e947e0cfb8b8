"""The command line, from click."""

from __future__ import annotations

from collections.abc import Iterator

import click

from from_code.tables import table
from tracker_nb.cli import main

EVERYWHERE = ("--dir", "--json", "--help")
"""Options that every command has: described once."""


def every(group: click.Command = main, path: tuple[str, ...] = ("tracker-nb",)) -> Iterator[tuple[str, click.Command]]:
    """What is typed, and the command that it runs."""
    if isinstance(group, click.Group):
        for name, one in group.commands.items():
            yield from every(one, (*path, name))
    else:
        yield " ".join(path), group


def index() -> str:
    """All commands, each with a link to its section."""
    rows = (
        (f"[`{typed}`](#{typed.replace(' ', '-')})", one.get_short_help_str(limit=200).rstrip("."))
        for typed, one in every()
    )
    return table(("command", "does"), rows)


def command(typed: str) -> str:
    """How one command is called, and its own options."""
    one = dict(every())[typed]
    with click.Context(one, info_name=typed, **one.context_settings) as context:
        usage = one.get_usage(context).removeprefix("Usage: ")
        return f"```text\n{usage}\n```\n\n{_options(one, context, everywhere=False)}"


def everywhere() -> str:
    """The options that all commands share."""
    typed, one = next(every())
    with click.Context(one, info_name=typed, help_option_names=["-h", "--help"]) as context:
        return _options(one, context, everywhere=True)


def _options(one: click.Command, context: click.Context, *, everywhere: bool) -> str:
    rows = []
    for option in one.get_params(context):
        if not isinstance(option, click.Option) or (option.opts[-1] in EVERYWHERE) is not everywhere:
            continue
        written, what = option.get_help_record(context) or ("", "")
        rows.append((f"`{written}`", what))
    return table(("option", "does"), rows)
