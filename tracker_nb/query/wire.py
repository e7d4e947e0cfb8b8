"""How values travel: JSON without loss, columns instead of lists of objects.

NaN and the infinities are the strings "NaN", "Infinity" and "-Infinity"; integers that a double cannot hold are strings of
digits; arrays, and what has no form in JSON, say what they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from tracker_nb.query.buckets import Buckets
from tracker_nb.query.executions import CellExecution
from tracker_nb.query.listing import Project
from tracker_nb.query.overview import Metric
from tracker_nb.store.runs import RunState

EXACT = 2**53 - 1
"""The largest integer that JavaScript tells from its neighbours."""


def encode(document: Any) -> bytes:
    """A document of plain values as JSON."""
    return msgspec.json.encode(document)


def plain(value: Any) -> Any:
    """A stored value in the form described above."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if -EXACT <= value <= EXACT else str(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return {"_type": "array", "dtype": str(value.dtype), "shape": list(value.shape)}
    return {"_type": type(value).__name__}


def number(value: float) -> float | str:
    """A float, or the name of one that JSON has no form for."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def column(values: np.ndarray) -> list[Any]:
    """An array of numbers; whole ones are written without a fraction."""
    if values.dtype.kind == "f" and np.isfinite(values).all() and (values == np.rint(values)).all():
        values = values if _is_large(values) else values.astype(np.int64)
    plainly: list[Any] = values.tolist()
    if _is_large(values) or (values.dtype.kind == "f" and not np.isfinite(values).all()):
        return [plain(value) for value in plainly]
    return plainly


def _is_large(values: np.ndarray) -> bool:
    return bool(len(values)) and bool((np.abs(values.astype(np.float64)) > EXACT).any())


def series(path: str, key: str, found: Buckets) -> dict[str, Any]:
    """A metric of a run for a chart. Where every bucket is a single point, x and last say everything."""
    columns: dict[str, Any] = {
        "run": path,
        "key": key,
        "exact": found.exact,
        "x": column(found.x),
        "last": column(found.last),
    }
    if not found.exact:
        columns |= {"min": column(found.min), "max": column(found.max), "mean": column(found.mean)}
        columns["count"] = column(found.count)
    return columns


def rows(found: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Rows as columns; null where a row has no value."""
    names = dict.fromkeys(name for row in found for name in row)
    return {name: [plain(row.get(name)) for row in found] for name in names}


_OF_A_RUN = (
    *("entity", "project", "run", "generation", "name", "state", "exit_code", "notes", "tags", "group", "job_type"),
    *("sweep", "color", "owner", "created", "started", "ended", "updated"),
)


def project(found: Project) -> dict[str, Any]:
    """A project of a store."""
    return {
        "entity": found.entity,
        "project": found.name,
        "runs": found.runs,
        "running": found.running,
        "created": found.created,
        "updated": found.updated,
    }


def run(state: RunState, summary: Mapping[str, Any]) -> dict[str, Any]:
    """A run as lists show it."""
    found = {name: plain(getattr(state, name)) for name in _OF_A_RUN}
    return found | {"config": plain(state.config), "summary": plain(summary)}


def metric(found: Metric) -> dict[str, Any]:
    """A metric of a run, all of it in a line."""
    names = ("name", "rows", "count", "min", "max", "mean", "last", "last_step", "last_time")
    return {name: plain(getattr(found, name)) for name in names}


def execution(found: CellExecution) -> dict[str, Any]:
    """A cell execution."""
    names = ("uid", "session", "notebook", "cell_id", "execution_count", "source", "source_sha256", "started", "ended")
    return {name: plain(getattr(found, name)) for name in (*names, "outcome", "extra")}
