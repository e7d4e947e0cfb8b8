"""`%%track` as an input transformer: the body runs as the cell itself.

A cell magic that ran the body by `run_cell` would report success for a failing cell, and hide `await` and line numbers.
Here only the first line is replaced, by one line: everything below it is Python as it was written, in the line it was
written in.
"""

from __future__ import annotations

import re
from typing import Any

CELL = "%%"
"""What the line magic finds before the options when it stands for a `%%track`."""

_TRACK = re.compile(r"%%track(?=[ \t]|$)")


def is_tracked(lines: list[str]) -> bool:
    """True if the first line is `%%track`, with or without options. (`%%track?` asks for help.)"""
    return bool(lines) and _TRACK.match(lines[0].rstrip("\r\n")) is not None


def transform(lines: list[str]) -> list[str]:
    """The lines of a cell with `%%track` made into a call; those of any other cell as they are. Has no effects."""
    if not is_tracked(lines):
        return lines
    options = lines[0].rstrip("\r\n")[len("%%track") :].strip()
    call = f"get_ipython().run_line_magic('track', {f'{CELL} {options}'.strip()!r})\n"
    return [call, *_below(lines[1:])]


def _below(lines: list[str]) -> list[str]:
    """The body. Where it begins with another cell magic, such as `%%time`, that one is made a call too."""
    if not lines or not lines[0].startswith("%%"):
        return lines
    if is_tracked(lines):
        return transform(lines)
    from IPython.core import inputtransformer2

    cell_magic: Any = inputtransformer2.cell_magic
    return list(cell_magic(lines))
