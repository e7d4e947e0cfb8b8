"""Runs and metrics as `--json` prints them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tracker_nb.cli.common import iso

if TYPE_CHECKING:
    from tracker_nb.query.overview import Metric
    from tracker_nb.store.runs import RunState


def run_json(state: RunState, summary: dict[str, Any]) -> dict[str, Any]:
    """A run for programs: the same keys in `runs` and `run show`."""
    return {
        "path": f"{state.entity}/{state.project}/{state.run}",
        "entity": state.entity,
        "project": state.project,
        "id": state.run,
        "name": state.name,
        "state": state.state,
        "exit_code": state.exit_code,
        "created_at": iso(state.created),
        "updated_at": iso(state.updated),
        "ended_at": iso(state.ended),
        "runtime": runtime(state),
        "step": summary.get("_step"),
        "group": state.group,
        "job_type": state.job_type,
        "tags": state.tags,
        "notes": state.notes,
        "color": state.color,
        "config": user_config(state),
        "summary": summary,
    }


def user_config(state: RunState) -> dict[str, Any]:
    """The configuration without what we put there ourselves."""
    return {key: value for key, value in state.config.items() if not key.startswith("_")}


def runtime(state: RunState) -> float:
    """Seconds from its beginning to its end; to now while it runs."""
    end = time.time_ns() // 1000 if state.state == "running" else state.ended or state.updated
    return max(end - state.created, 0) / 1e6


def metric_json(metric: Metric) -> dict[str, Any]:
    """A metric for programs."""
    return {
        "rows": metric.rows,
        "count": metric.count,
        "min": metric.min,
        "max": metric.max,
        "mean": metric.mean,
        "last": metric.last,
        "last_step": metric.last_step,
        "last_at": iso(metric.last_time),
    }
