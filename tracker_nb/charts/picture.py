"""The picture of a dashboard: what a notebook shows where nothing of ours runs, as on GitHub or in `nbconvert`.

Each panel is drawn from the specification that the browser draws from; the panels are then placed below a header. The
picture has a limit, because it is saved with the notebook: a few panels, and so many bytes.
"""

from __future__ import annotations

import copy
import functools
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from tracker_nb.charts import line, palette
from tracker_nb.errors import MissingExtra, install

MOST_PANELS = 12
MOST_BYTES = 200_000
"""Of the PNG. A notebook keeps it in base64, which makes 267 kB of it."""
SCALES = (2.0, 1.5, 1.0)
"""Pixels of the picture for one on the screen; the first with which it is small enough is taken."""
COLUMNS = 3
PLOT_WIDTH, PLOT_HEIGHT = 236, 120
LEGEND_ROWS = 4
_CELL_WIDTH, _CELL_HEIGHT = 304, 196
_MARGIN, _LINE = 8, 20
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Panel:
    """One metric over the steps, or over another metric `x`."""

    title: str
    lines: Sequence[line.Line]
    x: str | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """What stands above the panels.

    Attributes:
        title: name of the run or project.
        color: of the dot before it; "" for none.
        facts: behind the title, such as project, state, step.
        values: the line below it: pairs of a metric's name and its last value.
        legend: name and colour of each run, where there are several.
    """

    title: str
    color: str = ""
    facts: Sequence[str] = ()
    values: Sequence[tuple[str, str]] = ()
    legend: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG, and the size at which it is to be shown, in CSS pixels."""

    png: bytes
    width: int
    height: int


def picture(header: Header, panels: Sequence[Panel], *, more: int = 0, theme: line.Theme = line.LIGHT) -> Picture:
    """Draw a header and at most `MOST_PANELS` panels.

    Args:
        more: how many panels there are beyond those given.

    Raises:
        MissingExtra: vl-convert-python or Pillow is not installed.
    """
    converter, pillow = _libraries()
    shown = list(panels[:MOST_PANELS])
    drawn = [_panel(converter, panel, number, theme) for number, panel in enumerate(shown)]
    rest = more + len(panels) - len(shown)
    while True:
        svg, width, height = _page(header, drawn, rest, theme)
        for scale in SCALES:
            png = _smaller(pillow, converter.svg_to_png(svg, scale=scale), theme.background)
            if len(png) <= MOST_BYTES:
                return Picture(png, width, height)
        if not drawn:
            raise ValueError("A header alone makes a picture that is too large.")
        half = len(drawn) // 2
        rest += len(drawn) - half
        drawn = drawn[:half]


def _libraries() -> tuple[Any, Any]:
    try:
        import vl_convert
        from PIL import Image
    except ImportError as error:
        raise MissingExtra(
            f"Pictures of charts need vl-convert-python and Pillow; all else works without. {install('notebook')}"
        ) from error
    return vl_convert, Image


def _smaller(pillow: Any, png: bytes, background: str) -> bytes:
    """The same picture in at most 255 colours, which takes a seventh of the bytes."""
    small = io.BytesIO()
    with pillow.open(io.BytesIO(png)) as opened:
        fewer = opened.convert("RGB").quantize(colors=255, method=pillow.Quantize.FASTOCTREE, dither=pillow.Dither.NONE)
    colors = fewer.getpalette()
    ground = 3 * fewer.getpixel((0, 0))  # the background, which comes out nearly as it was
    colors[ground : ground + 3] = [int(background[at : at + 2], 16) for at in (1, 3, 5)]
    fewer.putpalette(colors)
    fewer.save(small, "PNG", optimize=True)
    return small.getvalue()


def _panel(converter: Any, panel: Panel, number: int, theme: line.Theme) -> str:
    data = line.rows(replace(one, label=_clean(one.label)) for one in panel.lines)
    data["labels"] = []  # the header names the runs
    # No address is read: the data is all there, and a name is never more than a name.
    svg: str = converter.vegalite_to_svg(line.filled(_spec(panel, theme), data), allowed_base_urls=[])
    # Each panel numbers its clip paths from 0.
    svg = re.sub(r'(<clipPath id="|clip-path="url\(#)', rf"\g<1>p{number}-", svg)
    return svg[svg.index("<svg") :]


def _spec(panel: Panel, theme: line.Theme) -> Mapping[str, Any]:
    """The specification of the line panel, for this one."""
    spec: dict[str, Any] = copy.deepcopy(_written())
    colors = asdict(theme)
    for parameter in spec["params"]:
        parameter["value"] = colors.get(parameter["name"], parameter.get("value"))
    spec["config"]["font"] = theme.font
    name = _clean(panel.title, 40)
    if panel.x is not None:  # beside the axis there is room for a short word
        name = f"{_clean(panel.title, 24)} over {_clean(panel.x, 24)}"
        for layer in spec["layer"]:
            layer["encoding"]["x"]["title"] = _clean(panel.x.rpartition("/")[2], 8)
    title = {"text": name, "anchor": "start", "color": theme.foreground, "fontSize": 12, "offset": 6}
    return {**spec, "width": PLOT_WIDTH, "height": PLOT_HEIGHT, "title": title}


@functools.cache
def _written() -> dict[str, Any]:
    """What `generate` wrote: Altair takes more than a second to import."""
    text = Path(__file__).with_name("specs").joinpath("line.vl.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, Any])


def _page(header: Header, panels: Sequence[str], more: int, theme: line.Theme) -> tuple[str, int, int]:
    width = COLUMNS * _CELL_WIDTH + 2 * _MARGIN
    at = _MARGIN + 16
    parts = [_title(header, at, theme)]
    if header.values:
        at += _LINE
        parts.append(
            _text(at, [part for name, value in header.values for part in ((name, False), (value, True))], theme)
        )
    for start in range(0, len(header.legend), LEGEND_ROWS):
        at += _LINE
        parts += _legend(header.legend[start : start + LEGEND_ROWS], at, theme)
    at += 12
    for number, svg in enumerate(panels):
        row, column = divmod(number, COLUMNS)
        x, y = _MARGIN + column * _CELL_WIDTH, at + row * _CELL_HEIGHT
        parts.append(f'<g transform="translate({x},{y})">{svg}</g>')
    at += -(-len(panels) // COLUMNS) * _CELL_HEIGHT
    if more:
        at += _LINE
        parts.append(_text(at, [(f"+ {more} more metrics", False)], theme))
    height = at + _MARGIN
    page = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<rect width="{width}" height="{height}" fill="{theme.background}"/>{"".join(parts)}</svg>'
    )
    return page, width, height


def _title(header: Header, at: int, theme: line.Theme) -> str:
    x, dot = _MARGIN + 4, ""
    if header.color:
        dot = f'<circle cx="{x + 5}" cy="{at - 5}" r="5" fill="{palette.colour("", header.color)}"/>'
        x += 18
    facts = "".join(f'<tspan dx="16" fill="{theme.muted}">{escape(_clean(fact, 40))}</tspan>' for fact in header.facts)
    return (
        f'{dot}<text x="{x}" y="{at}" font-family="{_font(theme)}" font-size="13" fill="{theme.foreground}">'
        f'<tspan font-weight="bold">{escape(_clean(header.title, 60))}</tspan>{facts}</text>'
    )


def _text(at: int, words: Sequence[tuple[str, bool]], theme: line.Theme) -> str:
    """Words in a line; those that count are dark."""
    spans = "".join(
        f'<tspan dx="{0 if first else 5 if counts else 16}" fill="{theme.foreground if counts else theme.muted}">'
        f"{escape(_clean(word, 40))}</tspan>"
        for first, (word, counts) in zip([True, *[False] * len(words)], words, strict=False)
    )
    return f'<text x="{_MARGIN + 4}" y="{at}" font-family="{_font(theme)}" font-size="12">{spans}</text>'


def _legend(names: Sequence[tuple[str, str]], at: int, theme: line.Theme) -> list[str]:
    column = COLUMNS * _CELL_WIDTH // LEGEND_ROWS
    parts = []
    for number, (name, color) in enumerate(names):
        x = _MARGIN + 4 + number * column
        parts.append(
            f'<circle cx="{x + 4}" cy="{at - 4}" r="4" fill="{palette.colour("", color)}"/>'
            f'<text x="{x + 14}" y="{at}" font-family="{_font(theme)}" font-size="11" fill="{theme.muted}">'
            f"{escape(_clean(name, 28))}</text>"
        )
    return parts


def _font(theme: line.Theme) -> str:
    return escape(theme.font, {'"': "&quot;"})


def _clean(text: str, most: int = _LONGEST) -> str:
    """Text that XML can hold, in one line, of a length that has its place."""
    kept = "".join(c if c.isprintable() else " " for c in text[: most + 1])
    return kept if len(kept) <= most else kept[: most - 1] + "…"
