"""What a display says in a few lines of text: for a terminal, for a screen reader, and above the picture.

The names in it are somebody's: they are kept to one line, and short.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracker_nb.panels.views import short
from tracker_nb.query import listing
from tracker_nb.query.definitions import spread
from tracker_nb.query.reading import Reader
from tracker_nb.store import runs

MOST_VALUES = 6
MOST_RUNS = 10
STATES = {"running": "Running", "finished": "Finished", "failed": "Failed", "crashed": "Crashed", "killed": "Killed"}


@dataclass(frozen=True, slots=True)
class Facts:
    """A title, what is said behind it, values by name, and lines below."""

    title: str
    facts: Sequence[str] = ()
    values: Sequence[tuple[str, str]] = ()
    lines: Sequence[str] = ()

    def text(self) -> str:
        """All of it, a line each."""
        first = "  ".join([f"● {short(self.title, 80)}", *(short(fact, 60) for fact in self.facts)])
        values = "  ".join(f"{short(name, 40)} {value}" for name, value in self.values)
        return "\n".join([first, *([values] if values else []), *(short(one, 120) for one in self.lines)])


def of_run(state: runs.RunState, summary: Mapping[str, Any]) -> Facts:
    """Of one run."""
    facts = [state.project, of_state(state)]
    if "_step" in summary:
        facts.append(f"step {int(summary['_step']):,}")
    values = spread(summary).items()
    shown = [(name, number(value)) for name, value in values if not name.startswith("_") and is_number(value)]
    more = [f"+ {len(shown) - MOST_VALUES} more metrics"] if len(shown) > MOST_VALUES else []
    return Facts(state.name, facts, shown[:MOST_VALUES], more)


def of_project(project: str, states: Sequence[runs.RunState]) -> Facts:
    """Of a project and its runs, the newest first."""
    running = sum(state.state == runs.RUNNING for state in states)
    facts = [f"{len(states):,} run{'' if len(states) == 1 else 's'}", *([f"{running} running"] if running else [])]
    lines = [f"  {short(state.name, 60)}  {of_state(state)}" for state in states[:MOST_RUNS]]
    if len(states) > MOST_RUNS:
        lines.append(f"  + {len(states) - MOST_RUNS:,} more")
    return Facts(project, facts, (), lines)


def of_projects(reader: Reader) -> Facts:
    """Of a store."""
    found = listing.list_projects(reader)
    lines = [
        f"  {short(f'{one.entity}/{one.name}', 60)}  {one.runs:,} run{'' if one.runs == 1 else 's'}"
        + (f", {one.running} running" if one.running else "")
        for one in found[:MOST_RUNS]
    ]
    if len(found) > MOST_RUNS:
        lines.append(f"  + {len(found) - MOST_RUNS:,} more")
    return Facts("Projects", [f"{len(found):,}"], (), lines)


def of_state(state: runs.RunState) -> str:
    """State and time, such as "Running 0:42"."""
    seconds = max((state.ended or state.updated) - state.created, 0) // 1_000_000
    hours, rest = divmod(seconds, 3600)
    took = f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
    return f"{STATES.get(state.state, state.state)} {took}"


def is_number(value: Any) -> bool:
    """True for what a chart can show."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(value: Any) -> str:
    """Four significant digits."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Inf" if value > 0 else "-Inf"
    if abs(value) >= 1e15:
        return f"{float(value):.3e}" if abs(value) < 1e308 else "huge"
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    return f"{value:.4g}" if abs(value) < 1e6 else f"{value:,.0f}"
