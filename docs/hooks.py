"""What mkdocs does to a page before it becomes HTML.

- `<!-- from code: NAME -->` is replaced by what the code says of itself: see `from_code`.
- `<!-- not run: WHY -->` above a block of code becomes a line below it, for readers: the tests execute every other block.
- A picture that has a twin for dark pages (`x.png`, `x-dark.png`) is followed by it; the page shows one of them. A picture
  leads to itself in full size.
- Entries of the navigation whose page does not exist are left out: `performance.md` is written by `make bench`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from from_code import commands, errors, openapi, settings

PARTS = {
    "commands": commands.index,
    "command": commands.command,
    "options of every command": commands.everywhere,
    "errors": errors.every,
    "settings": settings.of_runs,
    "settings of the server": settings.of_the_server,
    "addresses": openapi.addresses,
    "operations": openapi.operations,
    "schemas": openapi.schemas,
}
"""What can stand after `from code:`. `command` is followed by what is typed, such as `tracker-nb runs`."""

_FROM_CODE = re.compile(r"^<!-- from code: (.+?) -->$", re.MULTILINE)
_NOT_RUN = re.compile(r"^<!-- not run: (.+?) -->\n+(```.*?^```$)", re.MULTILINE | re.DOTALL)
_PICTURE = re.compile(r"!\[([^\]]*)\]\((pictures/[\w-]+)\.png\)")


def on_config(config: Any) -> Any:
    """Leave out entries of the navigation that have no page."""
    config.nav = _present(config.nav, Path(config.docs_dir))
    return config


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Put in what is made."""
    del page, files
    markdown = _FROM_CODE.sub(lambda found: _part(found[1]), markdown)
    markdown = _NOT_RUN.sub(r"\2\n\n<small>The tests do not run this: \1.</small>", markdown)
    return _PICTURE.sub(lambda found: _with_twin(found, Path(config.docs_dir)), markdown)


def on_serve(server: Any, *, config: Any, builder: Any) -> Any:
    """`mkdocs serve` builds again when the code has changed."""
    del builder
    server.watch(str(Path(config.docs_dir).parent / "tracker_nb"))
    return server


def _part(wanted: str) -> str:
    """What the code says; a name that is not known is an error, so that nothing goes missing without a word."""
    name, _, argument = wanted.partition(" tracker-nb")
    return PARTS[name](f"tracker-nb{argument}") if name == "command" else PARTS[wanted]()


def _with_twin(found: re.Match[str], folder: Path) -> str:
    text, path = found[1], found[2]
    if not (folder / f"{path}-dark.png").exists():
        return f"[{found[0]}]({path}.png)"
    return f"[![{text}]({path}.png#only-light)]({path}.png)\n[![{text}]({path}-dark.png#only-dark)]({path}-dark.png)"


def _present(entries: list[Any], folder: Path) -> list[Any]:
    kept = []
    for entry in entries:
        ((title, target),) = entry.items()
        if isinstance(target, list):
            kept.append({title: _present(target, folder)})
        elif (folder / target).exists():
            kept.append(entry)
    return kept
