"""What stands behind `%%track` and `%track`, read as a person means it."""

from __future__ import annotations

import argparse
import ast
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from tracker_nb.errors import BadValue, UsageError, closest

LOWEST, HIGHEST = 100, 10_000
"""Heights of a display, in CSS pixels."""

CELL_USAGE = """%%track [PROJECT[/NAME]] [options]

Records the cell as a run, and shows it under the cell. Where a run is open, the cell joins it.

  PROJECT[/NAME]            project of the run, and its name
  -n, --name NAME           name of the run
  -t, --tags A,B            tags
  -g, --group GROUP         group
  -c, --config NAME         a dict, namespace or dataclass of yours, as it is when the cell starts
  -c, --config KEY=VALUE    one value of the config; may be given again
  -h, --height PIXELS       height of what is shown
  -q, --no-display          show nothing
  --notes TEXT              notes, Markdown allowed
  --job-type TYPE           job type, such as train or eval
  --id ID                   id of the run
  --resume HOW              when the id exists: never, allow or must

$name and {expression} are replaced by their values."""

LINE_USAGE = """%track [PROJECT | PROJECT/RUN] [-h PIXELS]
%track --history off | on | status

Shows a project or a run; alone: the current run, else the projects. --history switches the recording of the cells of
this notebook."""


@dataclass(frozen=True, slots=True)
class CellOptions:
    """What a cell says of its run.

    Attributes:
        init: arguments for `init()`, without those that were not given.
        height: None: as high as it is.
        display: False where nothing is to be shown.
    """

    init: dict[str, Any] = field(default_factory=dict)
    height: int | None = None
    display: bool = True


@dataclass(frozen=True, slots=True)
class LineOptions:
    """What `%track` was asked for."""

    path: str | None = None
    height: int | None = None
    history: str | None = None


class _Parser(argparse.ArgumentParser):
    """Raises instead of ending the program."""

    def __init__(self, magic: str, usage: str) -> None:
        super().__init__(prog=magic, add_help=False, allow_abbrev=False)
        self.text = usage

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}.\n\n{self.text}")


def _height(text: str) -> int:
    if not (text.isascii() and text.isdigit() and LOWEST <= int(text) <= HIGHEST):
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of pixels, {LOWEST} to {HIGHEST}")
    return int(text)


def _cell_parser() -> _Parser:
    parser = _Parser("%%track", CELL_USAGE)
    parser.add_argument("path", nargs="?")
    parser.add_argument("-n", "--name")
    parser.add_argument("-t", "--tags", action="append", default=[])
    parser.add_argument("--notes")
    parser.add_argument("-g", "--group")
    parser.add_argument("--job-type")
    parser.add_argument("-c", "--config", action="append", default=[])
    parser.add_argument("--id")
    parser.add_argument("--resume", choices=("never", "allow", "must"))
    parser.add_argument("-h", "--height", type=_height)
    parser.add_argument("-q", "--no-display", action="store_true")
    return parser


def _line_parser() -> _Parser:
    parser = _Parser("%track", LINE_USAGE)
    parser.add_argument("path", nargs="?")
    parser.add_argument("-h", "--height", type=_height)
    parser.add_argument("--history", choices=("on", "off", "status"))
    return parser


def cell_options(line: str, names: Mapping[str, Any]) -> CellOptions:
    """Options of a `%%track` line.

    Args:
        names: where `-c NAME` is looked up: the variables of the notebook.

    Raises:
        UsageError: an option is not known, or has no value, or a wrong one.
        BadValue: the path has too many parts, or what `-c` names is no config.
    """
    given = _cell_parser().parse_args(_words(line, "%%track", CELL_USAGE))
    found: dict[str, Any] = _path(given.path)
    if given.name is not None:
        if "name" in found:
            raise UsageError(f"%%track: the run has two names, {found['name']!r} and {given.name!r}. Leave one out.")
        found["name"] = given.name
    tags = [tag.strip() for text in given.tags for tag in text.split(",") if tag.strip()]
    config = _config(given.config, names)
    found |= {"tags": tags or None, "config": config or None, "notes": given.notes, "group": given.group}
    found |= {"job_type": given.job_type, "id": given.id, "resume": given.resume}
    chosen = {name: value for name, value in found.items() if value is not None}
    return CellOptions(chosen, given.height, not given.no_display)


def line_options(line: str) -> LineOptions:
    """Options of a `%track` line.

    Raises:
        UsageError: an option is not known, or has no value, or a wrong one.
    """
    given = _line_parser().parse_args(_words(line, "%track", LINE_USAGE))
    if given.history is not None and (given.path is not None or given.height is not None):
        raise UsageError(f"%track: --history stands alone.\n\n{LINE_USAGE}")
    return LineOptions(given.path, given.height, given.history)


def _words(line: str, magic: str, usage: str) -> Sequence[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{magic}: a quotation mark has no end ({error}).\n\n{usage}") from None


def _path(given: str | None) -> dict[str, Any]:
    if given is None:
        return {}
    parts = given.split("/")
    if len(parts) > 3 or not all(part.strip() for part in parts):
        raise BadValue(f"%%track {given}: write project, project/name or entity/project/name.")
    names = {1: ("project",), 2: ("project", "name"), 3: ("entity", "project", "name")}[len(parts)]
    return dict(zip(names, parts, strict=True))


def _config(given: Sequence[str], names: Mapping[str, Any]) -> dict[str, Any]:
    from tracker_nb.sdk.config import as_dict

    config: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if equals:
            if not key.strip():
                raise UsageError(f"%%track: -c {text}: there is no key before the '='.\n\n{CELL_USAGE}")
            config[key.strip()] = _value(value)
        elif text in names:
            config |= as_dict(names[text])
        else:
            close = closest(text, (name for name in names if not name.startswith("_")))
            hint = f" Closest: {', '.join(close)}." if close else ""
            raise UsageError(
                f"%%track: -c {text}: there is no variable of this name.{hint} Write -c KEY=VALUE for one value."
            )
    return config


_WORDS = {"true": True, "false": False, "null": None}


def _value(text: str) -> Any:
    """A value as Python or JSON writes it; anything else is text."""
    if text in _WORDS:
        return _WORDS[text]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
