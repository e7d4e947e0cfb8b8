"""All of one run as text for `tracker-nb run show`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from tracker_nb.cli import layout, text
from tracker_nb.cli.described import runtime, user_config

if TYPE_CHECKING:
    from tracker_nb.query.overview import Metric, Overview
    from tracker_nb.store.runs import RunState


def as_text(found: Overview, columns: int) -> list[str]:
    """Lines that say all that is known, the empty parts left out."""
    state = found.state
    lines = [
        text.style(text.one_line(state.name), bold=True) + "  " + text.in_colour(text.state(state.state), state.color)
    ]
    lines += ["", *layout.pairs(_facts(found), columns)]
    logged = {metric.name for metric in found.metrics}
    # The last value of a metric stands in the table of metrics.
    by_hand = {
        name: value
        for name, value in found.summary.items()
        if not name.startswith("_") and (name not in logged or name in state.overlay or isinstance(value, dict))
    }
    for title, values in (("Config", flat(user_config(state))), ("Summary", flat(by_hand))):
        if values:
            lines += ["", text.style(title, bold=True)]
            lines += layout.pairs([(text.one_line(name), text.value(value)) for name, value in values.items()], columns)
    if found.metrics:
        lines += ["", *layout.table(_metrics(found.metrics), columns)]
    for title, words in (("Notes", state.notes), ("Traceback", state.metadata.get("error"))):
        if words:
            lines += ["", text.style(title, bold=True)]
            lines += [f"  {line}".rstrip() for line in text.paragraphs(str(words))]
    return lines


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts as keys with dots."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict) and value:
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _facts(found: Overview) -> list[tuple[str, str]]:
    state, step = found.state, found.summary.get("_step")
    facts = {
        "Path": f"{state.entity}/{state.project}/{state.run}",
        "Created": text.exactly(state.created),
        "Ended": text.exactly(state.ended) if state.ended is not None else "",
        "Runtime": text.duration(runtime(state)),
        "Last step": "" if step is None else text.number(step),
        "Exit code": "" if not state.exit_code else str(state.exit_code),
        "Group": state.group or "",
        "Job type": state.job_type or "",
        "Tags": ", ".join(state.tags),
        **_where(state),
    }
    return [(name, text.one_line(fact)) for name, fact in facts.items() if fact]


def _where(state: RunState) -> dict[str, str]:
    """Which program it was, and where it ran."""
    known = state.metadata
    arguments = known.get("argv") or []
    program = shlex.join([str(known["program"]), *map(str, arguments)]) if known.get("program") else ""
    system = " ".join(str(known[key]) for key in ("python", "os") if known.get(key)).replace(" ", " on ", 1)
    process = f", process {known['pid']}" if known.get("pid") else ""
    return {
        "Program": program,
        "Directory": str(known.get("cwd") or ""),
        "Host": f"{known['host']}{process}" if known.get("host") else "",
        "Python": f"{system}, {known['executable']}" if known.get("executable") else system,
    }


def _metrics(metrics: list[Metric]) -> list[layout.Column]:
    def numbers(name: str) -> list[str]:
        found = [getattr(metric, name) for metric in metrics]
        return ["" if value is None else text.number(value) for value in found]

    return [
        layout.Column("Metric", [text.one_line(m.name) for m in metrics], 0, least=12),
        layout.Column("Rows", numbers("rows"), 2, right=True),
        layout.Column("Min", numbers("min"), 3, right=True),
        layout.Column("Max", numbers("max"), 4, right=True),
        layout.Column("Mean", numbers("mean"), 5, right=True),
        layout.Column("Last", [text.value(m.last) for m in metrics], 1, right=True, least=8),
    ]
