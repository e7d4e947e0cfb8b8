"""The line panel: one metric of some runs along an x axis.

The specification holds no data. It names four empty datasets, which `rows()` fills here for a picture and the browser
fills for a live chart:

- `lines`: run, label, color, dash, x, last, min, max. A `last` of None breaks the line; min and max are there where a bucket
  stands for several points.
- `points`: the last point of each run that still runs, and points with nothing beside them, which no line shows.
- `edges`: what cannot stand on the y axis (`kind` is "nan", "+inf" or "-inf"), marked at the panel's edge.
- `labels`: the name of each line at its end, for up to four lines, in a picture; the browser writes names itself, so as to
  move them apart. More lines have a legend.

Colours, size and the window of the x axis are parameters: a theme or a zoom changes signals, not the chart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tracker_nb.charts import palette

if TYPE_CHECKING:
    import altair as alt

Spec = dict[str, Any]
Rows = list[dict[str, Any]]

DIRECT_LABELS = 4
"""Up to so many lines carry their name at their end; beyond, a legend does."""

# Thousands and more in SI ("12.5k"); what is tiny as a power of ten, since "300u" for a learning rate is nobody's word.
_NUMBER = (
    "datum.value === 0 ? '0' : abs(datum.value) >= 10000 ? format(datum.value, '~s') : "
    "abs(datum.value) < 0.001 ? format(datum.value, '~e') : format(datum.value, '.6~g')"
)
# Of the y axis, which has room for seven characters. A chart of one value has all its digits in one tick.
_FEW = "domain('y')[0] === domain('y')[1] ? '.3~{}' : '.5~{}'"
_HEIGHT = (
    f"datum.value === 0 ? '0' : abs(datum.value) >= 10000 ? format(datum.value, {_FEW.format('s', 's')}) : "
    f"abs(datum.value) < 0.001 ? format(datum.value, '.2~e') : format(datum.value, {_FEW.format('g', 'g')})"
)
_ALTITUDE = "datum.kind === '+inf' ? 5 : height - 5"
_SHAPE = "datum.kind === '+inf' ? 'triangle-up' : datum.kind === '-inf' ? 'triangle-down' : 'cross'"


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours and the font around the lines."""

    foreground: str
    muted: str
    grid: str
    background: str
    font: str = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"


LIGHT = Theme(foreground="#212121", muted="#616161", grid="#e8e8e8", background="#ffffff")
DARK = Theme(foreground="#e0e0e0", muted="#a6a6a6", grid="#333333", background="#111111")


@dataclass(frozen=True, slots=True)
class Line:
    """One metric of one run, bucketed or exact: what `query.buckets` and the REST API give, beside a name and a colour.

    Attributes:
        x, last: of equal length; `last` may hold NaN and infinities.
        min, max: as long as `x` where a bucket stands for several points; empty where every bucket is a point.
        color: the one a person has chosen, or "".
        live: whether the run goes on; its last point becomes a dot.
    """

    run: str
    label: str
    x: Sequence[float]
    last: Sequence[float]
    min: Sequence[float] = ()
    max: Sequence[float] = ()
    color: str = ""
    live: bool = False


def line(
    *,
    title: str = "",
    x_title: str = "step",
    x: Literal["number", "time"] = "number",
    width: int = 300,
    height: int = 160,
    theme: Theme = LIGHT,
    legend: Sequence[tuple[str, str]] = (),
) -> Spec:
    """The specification of a line panel, valid against Vega-Lite's schema, with empty datasets.

    Args:
        title: the metric, above the chart; a browser writes it itself.
        x_title: what x is, in a word.
        x: "time" where x is milliseconds since 1970.
        width, height: of the plot, in pixels; signals of these names change them later.
        legend: name and colour of each line where there are more than `DIRECT_LABELS`.
    """
    import altair as alt  # 1.4 s of a core; a picture is drawn from the written specification

    ink = alt.ExprRef("foreground")
    x_axis = alt.X(
        "x",
        type="temporal" if x == "time" else "quantitative",
        title=x_title,
        scale=alt.Scale(zero=False, nice=False, domainMin=alt.ExprRef("x_from"), domainMax=alt.ExprRef("x_to")),
        axis=alt.Axis(grid=False, labelExpr=_NUMBER) if x == "number" else alt.Axis(grid=False),
    )
    y_scale = alt.Scale(zero=False, nice=True)
    y_axis = alt.Axis(labelExpr=_HEIGHT)
    if legend:
        colours = alt.Color(
            "label",
            type="nominal",
            title=None,
            scale=alt.Scale(domain=[name for name, _ in legend], range=[color for _, color in legend]),
        )
    else:
        colours = alt.Color("color", type="nominal", scale=None)
    y_last = alt.Y("last", type="quantitative", title=None, scale=y_scale, axis=y_axis)

    lines = alt.Chart(_named("lines"))
    band = (
        lines.transform_filter("isValid(datum.min)")
        .mark_area(opacity=0.25, clip=True, order=False)  # buckets are in order: sorting them costs at each update
        .encode(
            x=x_axis,
            y=alt.Y("min", type="quantitative", title=None, scale=y_scale, axis=y_axis, stack=None),
            y2="max",
            color=colours,
            detail=alt.Detail("run", type="nominal"),
        )
    )
    stroke = lines.mark_line(
        strokeWidth=1.5,
        strokeJoin="round",
        strokeDash=alt.ExprRef("datum.dash"),
        clip=True,
        order=False,
        invalid="break-paths-filter-domains",
    ).encode(x=x_axis, y=y_last, color=colours, detail=alt.Detail("run", type="nominal"))
    dots = (
        alt.Chart(_named("points"))
        .mark_point(filled=True, shape="circle", size=36, opacity=1)
        .encode(x=x_axis, y=y_last, color=colours)
    )
    edges = (
        alt.Chart(_named("edges"))
        .mark_point(filled=True, size=30, opacity=0.9, clip=True, y=alt.ExprRef(_ALTITUDE), shape=alt.ExprRef(_SHAPE))
        .encode(x=x_axis, color=colours)
    )
    names = alt.Chart(_named("labels")).encode(x=x_axis, y=y_last, text=alt.Text("label", type="nominal"))
    where: dict[str, Any] = {
        "align": "right",
        "baseline": "bottom",
        "fontSize": 11,
        "dx": -2,
        "dy": alt.ExprRef("datum.dy - 3"),
    }
    # Letters on a line are read where the line is interrupted behind them.
    halo = names.mark_text(**where, stroke=alt.ExprRef("background"), strokeWidth=3, strokeJoin="round")
    words = names.mark_text(**where).encode(color=alt.Color("color", type="nominal", scale=None))

    chart = (
        alt.layer(band, stroke, edges, dots, halo, words)
        .add_params(
            alt.param("foreground", value=theme.foreground),
            alt.param("muted", value=theme.muted),
            alt.param("grid", value=theme.grid),
            alt.param("background", value=theme.background),
            alt.param("x_from", value=None),
            alt.param("x_to", value=None),
        )
        .properties(width=width, height=height, background=alt.ExprRef("background"), padding=4)
        .configure(font=theme.font, aria=False)  # a description of each of thousands of points would help nobody
        .configure_view(stroke=None)
        .configure_axis(
            domain=False,
            ticks=False,
            grid=True,
            gridColor=alt.ExprRef("grid"),
            gridWidth=1,
            labelColor=alt.ExprRef("muted"),
            labelFontSize=11,
            labelFontWeight="normal",
            labelPadding=4,
            titleColor=alt.ExprRef("muted"),
            titleFontSize=11,
            titleFontWeight="normal",
            titlePadding=2,
        )
        .configure_axisX(
            labelOverlap=True,
            labelFlush=True,
            titleAnchor="start",
            titleAlign="right",
            titleX=-8,
            titleY=4,
            titleBaseline="top",
        )
        .configure_axisY(tickCount=alt.ExprRef("max(2, min(6, floor(height / 36)))"))
        .configure_axisXQuantitative(tickCount=alt.ExprRef("max(2, min(10, floor(width / 64)))"))
    )
    if title:
        chart = chart.properties(
            title=alt.TitleParams(title, anchor="start", color=ink, fontSize=12, fontWeight="bold", offset=6)
        )
    spec: Spec = chart.to_dict()
    spec["datasets"] = {"lines": [], "points": [], "edges": [], "labels": []}
    return spec


def _named(name: str) -> alt.NamedData:
    import altair as alt

    return alt.NamedData(
        name, format=alt.JsonDataFormat(parse=None)
    )  # rows have their types: parsing costs a pass over them


def rows(lines: Iterable[Line]) -> dict[str, Rows]:
    """The rows of the four datasets for these lines."""
    lines = list(lines)
    filled: dict[str, Rows] = {"lines": [], "points": [], "edges": [], "labels": []}
    for one in lines:
        _add(filled, one, name=1 < len(lines) <= DIRECT_LABELS)
    return filled


def _add(filled: dict[str, Rows], one: Line, *, name: bool) -> None:
    who = {"run": one.run, "label": one.label, "color": palette.colour(one.run, one.color)}
    banded = len(one.min) == len(one.x) > 0
    end: dict[str, Any] | None = None
    drawn = [math.isfinite(value) for value in one.last]
    for place, (x, last) in enumerate(zip(one.x, one.last, strict=True)):
        at, value = float(x), float(last)
        row: dict[str, Any] = {**who, "x": at, "last": value if math.isfinite(value) else None}
        if banded and math.isfinite(one.min[place]) and math.isfinite(one.max[place]):
            row |= {"min": float(one.min[place]), "max": float(one.max[place])}
        filled["lines"].append(row)
        if row["last"] is not None:
            end = row
            if not any(drawn[max(place - 1, 0) : place] + drawn[place + 1 : place + 2]):
                filled["points"].append({**who, "x": at, "last": value})
        else:
            kind = "nan" if math.isnan(value) else "+inf" if value > 0 else "-inf"
            filled["edges"].append({**who, "x": at, "kind": kind})
    if end is not None:
        where = {**who, "x": end["x"], "last": end["last"]}
        if one.live and where not in filled["points"][-1:]:
            filled["points"].append(where)
        if name:
            filled["labels"].append({**where, "dy": 0})


def filled(spec: Mapping[str, Any], data: Mapping[str, Rows]) -> Spec:
    """A copy of a specification with its datasets filled, for a picture."""
    return {**spec, "datasets": {**spec["datasets"], **data}}
