"""What runs say about their metrics by `define_metric()`: which definition holds for a metric, and what it means.

Definitions may come late, after the metric was logged, and change: nothing is computed from them before somebody looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

Direction = Literal["minimize", "maximize"]
Definitions = Mapping[str, Mapping[str, Any]]
"""What was said, by name of a metric or by prefix such as "train/*"."""

DIRECTIONS = ("minimize", "maximize")
NONE, COPY = "none", "copy"
FIGURES = ("min", "max", "mean", "best", "last", "first")
"""Words for a summary that make it a dict of these; `none` makes no summary, `copy` the last value, as without a word."""
_BY_SUMMARY: dict[str, Direction] = {"min": "minimize", "max": "maximize"}


def definition(name: str, definitions: Definitions) -> dict[str, Any]:
    """What was said of a metric: by its name, and where that leaves something open by a prefix, the longest first."""
    globs = [glob for glob in definitions if glob.endswith("*") and name.startswith(glob[:-1])]
    fields: dict[str, Any] = {}
    for said in (*sorted(globs, key=len), name):
        fields |= {field: value for field, value in definitions.get(said, {}).items() if value is not None}
    return fields


def words(fields: Mapping[str, Any]) -> list[str]:
    """The words said about the summary, those we know."""
    summary = fields.get("summary")
    said = summary.split(",") if isinstance(summary, str) else summary if isinstance(summary, list) else []
    return [word for word in said if word in (*FIGURES, NONE, COPY)]


def direction(fields: Mapping[str, Any]) -> Direction | None:
    """Which values are better, where that was said: by a goal, or by a summary of min or max alone."""
    goal = fields.get("goal")
    if goal in DIRECTIONS:
        return cast("Direction", goal)
    found = {_BY_SUMMARY[word] for word in words(fields) if word in _BY_SUMMARY}
    return found.pop() if len(found) == 1 else None


def step_metric(name: str, fields: Mapping[str, Any]) -> str | None:
    """The x axis of a metric. One whose own prefix names it has none: "train/step" by "train/*"."""
    found = fields.get("step_metric")
    return found if isinstance(found, str) and found != name else None


def one_number(value: Any, *, largest: bool) -> Any:
    """What to sort a summary value by: itself, or of several figures the best, else the largest or smallest."""
    if not isinstance(value, dict):
        return value
    for figure in ("best", "max" if largest else "min", "last", "mean", "first", "min" if largest else "max"):
        if figure in value:
            return value[figure]
    return value


def spread(summary: Mapping[str, Any]) -> dict[str, Any]:
    """A summary in which each figure stands for itself, as "loss.min"."""
    found: dict[str, Any] = {}
    for name, value in summary.items():
        if isinstance(value, dict) and value.keys() <= set(FIGURES):
            found |= {f"{name}.{figure}": one for figure, one in value.items()}
        else:
            found[name] = value
    return found
